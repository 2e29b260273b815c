// Where things lie on the user's disk.
#pragma once

#include <QString>

#include <filesystem>

namespace switchyard {

struct Paths {
    QString data;     ///< chats.sqlite and its backups
    QString models;   ///< data/models
    QString presets;  ///< data/presets
    QString settings; ///< the ini file
    QString prompts;  ///< data/prompts: named system prompts

    /// The XDG data folder (~/.local/share/switchyard), or `data_folder` where it is not empty; settings lie
    /// in the XDG configuration folder, or in `data_folder` where that is given. Folders are made, for this
    /// user alone; one that cannot be is found by those who use it.
    static Paths standard(const QString& data_folder = {});
};

/// A path as the engine takes it.
inline std::filesystem::path filePath(const QString& path) { return {path.toStdU16String()}; }

} // namespace switchyard
