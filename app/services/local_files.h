// Files and folders that are this user's alone, and moves that overwrite nothing.
#pragma once

#include <QString>

class QSaveFile;

namespace switchyard {

/// Makes the folder and what is missing above it, each with mode 0700 whatever the umask. One that is there
/// is narrowed where it is this user's and holds nothing but the program's own. False where there is none.
bool makePrivateFolder(const QString& path);
/// Makes an empty file with mode 0600 where there is none; one of this user that is there is narrowed to it.
/// Never opens a file that is there: SQLite's locks would be lost with it. False where there is none.
bool makePrivateFile(const QString& path);
/// Takes all rights of others away from this user's plain files in the folder whose name begins so.
void narrowFiles(const QString& folder, const QString& beginning);

/// Gives what was written its name, whole or not at all. Qt's own commit() takes an empty file for written
/// where the disk is full and the text was short. False where the old file stays; errorString() says why.
bool commitWhole(QSaveFile& file);

/// Gives a file another name in its file system. Never overwrites. Returns the cause where it did not.
QString moveFile(const QString& from, const QString& to);

} // namespace switchyard
