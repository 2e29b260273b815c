#include "ui/settings_page.h"

#include "ui/models/folder_list.h"
#include "ui/plain_text.h"
#include "ui/settings_form.h"
#include "ui/theme.h"
#include "ui/wheel_guard.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDesktopServices>
#include <QDir>
#include <QEvent>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QUrl>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {
SettingsPage::SettingsPage(Settings& settings, SystemPrompts& prompts, const Paths& paths, QWidget* parent)
    : Page(parent), settings_(settings), prompts_(prompts), paths_(paths) {
    setObjectName(u"settings"_s);
    auto* content = content_ = new QWidget;
    auto* inner = inner_ = new QVBoxLayout(content);
    inner->setContentsMargins(24, 18, 24, 18);
    inner->setSpacing(8);
    auto* title = new PlainLabel(tr("Settings"));
    title->setProperty("title", true);
    inner->addWidget(title);
    buildAppearance(inner);
    buildChat(inner);
    buildFolders(inner);
    inner->addStretch();
    keepReadable();
    leaveWheelToPage(content);
    auto* scroll = new QScrollArea(this);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setWidget(content);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(scroll);
    connect(&settings_, &Settings::changed, this, &SettingsPage::read);
    connect(&prompts_, &SystemPrompts::changed, this, &SettingsPage::showPrompts);
    showPrompts();
    read();
}

void SettingsPage::append(QWidget* part) {
    inner_->insertWidget(inner_->count() - 1, part); // before the stretch,
    inner_->setStretch(inner_->count() - 1, 1);      // which takes all room that is left
    leaveWheelToPage(part);
}

/// As wide as a line is easily read, in letters of any size.
void SettingsPage::keepReadable() {
    content_->setMaximumWidth(std::max(760, fontMetrics().averageCharWidth() * 105));
}

void SettingsPage::changeEvent(QEvent* event) {
    Page::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        keepReadable();
}

PageSign SettingsPage::sign() const {
    return {u"settings"_s,
            u"settings"_s,
            tr("Settings"),
            tr("Settings"),
            tr("Settings"),
            QKeySequence(Qt::CTRL | Qt::Key_Comma),
            true};
}

QWidget* SettingsPage::firstFocus() { return theme_; }

void SettingsPage::buildAppearance(QVBoxLayout* layout) {
    QFormLayout* form = addSettingsPart(layout, tr("Appearance"));
    theme_ = new QComboBox;
    theme_->setObjectName(u"settings.theme"_s);
    theme_->setAccessibleName(tr("Theme"));
    theme_->addItem(tr("As the system"), static_cast<int>(Theme::System));
    theme_->addItem(tr("Light"), static_cast<int>(Theme::Light));
    theme_->addItem(tr("Dark"), static_cast<int>(Theme::Dark));
    addSettingsRow(form, tr("Theme"), theme_);
    connect(theme_, &QComboBox::activated, this,
            [this] { settings_.set<Setting::Theme>(static_cast<Theme>(theme_->currentData().toInt())); });

    contrast_ = new QComboBox;
    contrast_->setObjectName(u"settings.contrast"_s);
    contrast_->setAccessibleName(tr("Contrast"));
    contrast_->addItem(tr("As the system"), QString());
    contrast_->addItem(tr("Normal"), u"normal"_s);
    contrast_->addItem(tr("High"), u"high"_s);
    addSettingsRow(form, tr("Contrast"), contrast_);
    connect(contrast_, &QComboBox::activated, this,
            [this] { settings_.set<Setting::Contrast>(contrast_->currentData().toString()); });

    font_ = new QSpinBox;
    font_->setObjectName(u"settings.fontSize"_s);
    font_->setAccessibleName(tr("Font size"));
    font_->setRange(kSmallestFont - 1, kLargestFont);
    font_->setSpecialValueText(tr("As the system"));
    font_->setSuffix(tr(" pt"));
    addSettingsRow(form, tr("Font size"), font_);
    connect(font_, &QSpinBox::valueChanged, this,
            [this](int points) { settings_.set<Setting::FontSize>(points < kSmallestFont ? 0 : points); });

    language_ = new QComboBox;
    language_->setObjectName(u"settings.language"_s);
    language_->setAccessibleName(tr("Language"));
    language_->addItem(tr("As the system"), QString());
    language_->addItem(u"English"_s, u"en"_s);
    language_->addItem(u"简体中文"_s, u"zh_CN"_s);
    addSettingsRow(form, tr("Language"), language_);
    connect(language_, &QComboBox::activated, this,
            [this] { settings_.set<Setting::Language>(language_->currentData().toString()); });
}

void SettingsPage::buildChat(QVBoxLayout* layout) {
    QFormLayout* form = addSettingsPart(layout, tr("Chat"));
    enter_ = new QCheckBox(tr("Enter sends, Shift+Enter breaks the line"));
    enter_->setObjectName(u"settings.enterSends"_s);
    enter_->setAccessibleDescription(tr("Off: Ctrl+Enter sends and Enter breaks the line"));
    addSettingsRow(form, tr("Writing"), enter_);
    connect(enter_, &QCheckBox::toggled, this, [this](bool on) {
        if (settings_.get<Setting::EnterSends>() != on)
            settings_.set<Setting::EnterSends>(on);
    });
    model_titles_ = new QCheckBox(tr("The model gives chats their titles when it is idle"));
    model_titles_->setObjectName(u"settings.modelTitles"_s);
    model_titles_->setAccessibleDescription(tr("Off: a chat is called by what was asked first in it"));
    addSettingsRow(form, tr("Titles"), model_titles_);
    connect(model_titles_, &QCheckBox::toggled, this, [this](bool on) {
        if (settings_.get<Setting::ModelTitles>() != on)
            settings_.set<Setting::ModelTitles>(on);
    });
    notices_ = new QCheckBox(tr("The desktop says when an answer ends while the window is not looked at"));
    notices_->setObjectName(u"settings.desktopNotices"_s);
    notices_->setAccessibleDescription(tr("Nothing of the chat is in the notice"));
    addSettingsRow(form, tr("Notices"), notices_);
    connect(notices_, &QCheckBox::toggled, this, [this](bool on) {
        if (settings_.get<Setting::DesktopNotices>() != on)
            settings_.set<Setting::DesktopNotices>(on);
    });
    prompt_ = new QComboBox;
    prompt_->setObjectName(u"settings.systemPrompt"_s);
    prompt_->setAccessibleName(tr("System prompt of new chats"));
    prompt_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    addSettingsRow(form, tr("System prompt"), prompt_);
    addSettingsNote(
        form, tr("What new chats begin with: one of those that were given a name over a chat's thread."));
    connect(prompt_, &QComboBox::activated, this,
            [this] { settings_.set<Setting::SystemPrompt>(prompt_->currentData().toString()); });
}

void SettingsPage::showPrompts() {
    prompt_->clear();
    prompt_->addItem(tr("None"), QString());
    for (const QString& name : prompts_.names())
        prompt_->addItem(oneLine(name), name);
    read();
}

void SettingsPage::buildFolders(QVBoxLayout* layout) {
    QFormLayout* form = addSettingsPart(layout, tr("Folders"));
    data_path_ = new PlainLabel;
    data_path_->setObjectName(u"settings.dataPath"_s);
    data_path_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    data_path_->setWordWrap(true);
    auto* change = new QPushButton(tr("Change…"));
    change->setObjectName(u"settings.changeData"_s);
    change->setAccessibleName(tr("Change the data folder"));
    auto* show = new QPushButton(tr("Show"));
    show->setObjectName(u"settings.showData"_s);
    show->setAccessibleName(tr("Show the data folder"));
    auto* row = new QHBoxLayout;
    row->addWidget(data_path_, 1);
    row->addWidget(change);
    row->addWidget(show);
    auto* folder = new QWidget;
    row->setContentsMargins(0, 0, 0, 0);
    folder->setLayout(row);
    addSettingsRow(form, tr("Data folder"), folder);
    data_note_ =
        addSettingsNote(form, tr("Chats and presets lie here. Another folder is used from the next start on; "
                                 "chats are not moved."));
    addSettingsRow(form, tr("Model folders"), new FolderList(settings_, paths_.models, u"settings"_s));
    connect(change, &QPushButton::clicked, this, [this] {
        auto* dialog = new QFileDialog(this, tr("Data folder"), paths_.data);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->setFileMode(QFileDialog::Directory);
        connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& folder) {
            settings_.set<Setting::DataFolder>(folder);
            read();
        });
        dialog->open();
    });
    connect(show, &QPushButton::clicked, this,
            [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(paths_.data)); });
}

void SettingsPage::read() {
    theme_->setCurrentIndex(theme_->findData(static_cast<int>(settings_.get<Setting::Theme>())));
    contrast_->setCurrentIndex(std::max(0, contrast_->findData(settings_.get<Setting::Contrast>())));
    language_->setCurrentIndex(std::max(0, language_->findData(settings_.get<Setting::Language>())));
    const int points = settings_.get<Setting::FontSize>();
    font_->setValue(points > 0 ? points : kSmallestFont - 1);
    notices_->setChecked(settings_.get<Setting::DesktopNotices>());
    enter_->setChecked(settings_.get<Setting::EnterSends>());
    model_titles_->setChecked(settings_.get<Setting::ModelTitles>());
    prompt_->setCurrentIndex(std::max(0, prompt_->findData(settings_.get<Setting::SystemPrompt>())));
    const QString chosen = settings_.get<Setting::DataFolder>();
    QString shown = QDir::toNativeSeparators(paths_.data);
    if (!chosen.isEmpty() && chosen != paths_.data)
        shown += u"\n"_s + tr("from the next start: %1").arg(QDir::toNativeSeparators(chosen));
    data_path_->setText(shown);
}

} // namespace switchyard
