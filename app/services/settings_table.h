// The user's choices: one row a setting, with its key in the ini file, its type, its default and what a value
// may be. A new setting is one name here and one row in the same place of the table.
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace switchyard {

enum class Theme { System, Light, Dark };

enum class Setting {
    Theme,
    Contrast,
    FontSize,
    Language,
    EnterSends,
    ModelTitles,
    DesktopNotices,
    ModelFolders,
    OpenedModels,
    LastModel,
    LastChat,
    DataFolder,
    Device,
    ModelDevices,
    ModelSettings,
    HubAddress,
    Preset,
    SystemPrompt,
    ChatFontPoints,
    FoldedChats,
    FoldedBase,
    FoldedExtension,
    FoldedDynamic,
    InsightTab,
    InsightAxis,
    ListShown,
    TuneShown,
    InsightShown,
    NarrowSide,
    ColumnWidths,
    MiddleHeights,
    Geometry,
    Count
};

// What the value of a row is, and what it may be: the default is always allowed. A stored value that is
// anything else counts as the default.

struct FlagSetting {
    using Value = bool;
    bool standard;
};
struct WholeSetting {
    using Value = int;
    int standard, least, most;
};
struct RealSetting {
    using Value = double;
    double standard, least, most;
};
/// One of a few words.
struct WordSetting {
    using Value = QString;
    std::string_view standard;
    std::array<std::string_view, 3> words;
};
struct ThemeSetting {
    using Value = Theme;
    Theme standard;
    std::array<std::string_view, 3> words; ///< in the order of the enumeration
};
/// Empty is always allowed; `path`: else it begins at the root.
struct TextSetting {
    using Value = QString;
    bool path;
};
struct TextsSetting {
    using Value = QStringList;
    bool paths;
};
/// What a widget of Qt's has written of itself, and checks as it reads it.
struct StateSetting {
    using Value = QByteArray;
};

using SettingKind = std::variant<FlagSetting, WholeSetting, RealSetting, WordSetting, ThemeSetting,
                                 TextSetting, TextsSetting, StateSetting>;

struct SettingRow {
    Setting setting;
    std::string_view key; ///< in the file, "/" after the section
    SettingKind kind;
};

inline constexpr int kSmallestFont = 7, kLargestFont = 24;                ///< points, of the window
inline constexpr double kSmallestChatFont = 7.0, kLargestChatFont = 40.0; ///< points, of the messages

inline constexpr std::array<SettingRow, static_cast<std::size_t>(Setting::Count)> kSettings{{
    {Setting::Theme, "theme", ThemeSetting{Theme::System, {"system", "light", "dark"}}},
    {Setting::Contrast, "contrast", WordSetting{"", {"", "normal", "high"}}},       // empty: the system's
    {Setting::FontSize, "font_size", WholeSetting{0, kSmallestFont, kLargestFont}}, // 0: the system's
    {Setting::Language, "language", WordSetting{"", {"", "en", "zh_CN"}}},          // empty: the system's
    {Setting::EnterSends, "enter_sends", FlagSetting{true}}, // false: Ctrl+Enter sends, Enter breaks the line
    {Setting::ModelTitles, "chat/model_titles", FlagSetting{true}}, // the model names chats when it is idle
    {Setting::DesktopNotices, "chat/desktop_notices", FlagSetting{true}}, // of answers that end out of sight
    {Setting::ModelFolders, "model_folders", TextsSetting{true}},         // besides the data folder's own
    {Setting::OpenedModels, "opened_models", TextsSetting{true}}, // by their paths; they lie in no folder
    {Setting::LastModel, "last_model", TextSetting{false}},
    {Setting::LastChat, "last_chat", TextSetting{false}}, // its id; empty: a new one
    {Setting::DataFolder, "data_folder",
     TextSetting{true}},                             // from the next start on; empty: the standard one
    {Setting::Device, "device", TextSetting{false}}, // as parse_device() reads it; empty: auto
    {Setting::ModelDevices, "model_devices", TextsSetting{false}},   // "cuda:0 /model.gguf": where it differs
    {Setting::ModelSettings, "model_settings", TextsSetting{false}}, // as ModelSetup writes them
    {Setting::HubAddress, "hub/address", TextSetting{false}},        // of a mirror; empty: the standard hub
    {Setting::Preset, "preset", TextSetting{false}},                 // the one in use; empty: the model's own
    {Setting::SystemPrompt, "system_prompt", TextSetting{false}}, // the named one of new chats; empty: none
    {Setting::ChatFontPoints, "chat/font_points", RealSetting{0, kSmallestChatFont, kLargestChatFont}},
    {Setting::FoldedChats, "chat/folded", TextsSetting{false}}, // parts of the list of chats
    {Setting::FoldedBase, "tune/folded/base", FlagSetting{true}},
    {Setting::FoldedExtension, "tune/folded/extension", FlagSetting{true}},
    {Setting::FoldedDynamic, "tune/folded/dynamic", FlagSetting{false}},
    {Setting::InsightTab, "insight/tab", WholeSetting{0, 0, 1}},
    {Setting::InsightAxis, "insight/x_axis", WholeSetting{0, 0, 1}},
    {Setting::ListShown, "window/list", FlagSetting{true}},
    {Setting::TuneShown, "window/tune", FlagSetting{true}},
    {Setting::InsightShown, "window/insight", FlagSetting{true}},
    {Setting::NarrowSide, "window/narrow_side", WholeSetting{2, 0, 2}},
    {Setting::ColumnWidths, "window/columns", StateSetting{}},
    {Setting::MiddleHeights, "window/middle", StateSetting{}},
    {Setting::Geometry, "window/geometry", StateSetting{}},
}};

constexpr const SettingRow& settingRow(Setting setting) {
    return kSettings[static_cast<std::size_t>(setting)];
}

static_assert(
    [] {
        for (std::size_t i = 0; i < kSettings.size(); ++i) {
            if (kSettings[i].setting != static_cast<Setting>(i))
                return false;
        }
        return true;
    }(),
    "the rows stand in the order of their names");

/// The type of a setting's value.
template <Setting S>
using SettingValue = typename std::variant_alternative_t<settingRow(S).kind.index(), SettingKind>::Value;

} // namespace switchyard
