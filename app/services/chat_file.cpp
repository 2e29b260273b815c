#include "app/services/chat_file.h"

#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/sql_error.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlError>
#include <QUrl>
#include <QUuid>
#include <QtEndian>

namespace switchyard {

namespace {

QSqlDatabase connection(const QString& path) {
    QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"),
                                                QUuid::createUuid().toString(QUuid::WithoutBraces));
    db.setDatabaseName(path);
    db.setConnectOptions(QStringLiteral("QSQLITE_OPEN_URI;QSQLITE_BUSY_TIMEOUT=2000"));
    return db;
}

QString uri(const QString& path, const QString& options) {
    return QString::fromUtf8(QUrl::fromLocalFile(path).toEncoded()) + QLatin1Char('?') + options;
}

QString quoted(QString text) {
    return QLatin1Char('\'') + text.replace(QLatin1Char('\''), QLatin1String("''")) + QLatin1Char('\'');
}

} // namespace

ChatFile::ChatFile(const QString& folder)
    : folder_(folder), path_(QDir(folder).filePath(QStringLiteral("chats.sqlite"))) {}

ChatFile::~ChatFile() {
    close(memory_);
    close(file_);
}

void ChatFile::close(QSqlDatabase& db) {
    if (!db.isValid())
        return;
    const QString name = db.connectionName();
    db.close();
    db = QSqlDatabase();
    QSqlDatabase::removeDatabase(name);
}

ChatFile::Use ChatFile::refuse(Use use, const QString& sentence) {
    problem_ = sentence;
    return use;
}

ChatFile::Use ChatFile::open() {
    try {
        use_ = openLocked();
    } catch (const SqlError& error) {
        const QString cause = QString::fromUtf8(error.what());
        if (error.cannotWrite())
            use_ = refuse(
                version_ == kSchemaVersion ? Use::ReadUntilFree : Use::Read,
                ConversationStore::tr("%1 cannot be written (%2): chats are kept in memory until it can.")
                    .arg(path_, cause));
        else
            use_ =
                refuse(Use::None, ConversationStore::tr(
                                      "%1 is damaged or no chat database (%2): it is left as it is and chats "
                                      "are kept in memory only. Move it away to start afresh.")
                                      .arg(path_, cause));
    }
    if (use_ != Use::Write && use_ != Use::ReadUntilFree)
        close(file_);
    return use_;
}

int ChatFile::versionInHeader() const {
    QFile file(path_);
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    const QByteArray header = file.read(100);
    constexpr qsizetype kUserVersion = 60; // SQLite's file format, "The Database Header"
    if (header.size() < 100 || !header.startsWith("SQLite format 3"))
        return 0;
    return qFromBigEndian<qint32>(header.constData() + kUserVersion);
}

ChatFile::Use ChatFile::openLocked() {
    if (!QDir().mkpath(folder_))
        return refuse(Use::None,
                      ConversationStore::tr(
                          "The folder %1 cannot be made: chats are kept in memory only. Choose another "
                          "data folder in the settings.")
                          .arg(folder_));
    version_ = versionInHeader();
    const auto future = [&] {
        return refuse(Use::None,
                      ConversationStore::tr(
                          "%1 was written by a newer version of this program: it is left as it is and "
                          "chats are kept in memory only. Update the program to see your chats.")
                          .arg(path_));
    };
    if (version_ > kSchemaVersion)
        return future();
    lock_ = std::make_unique<QLockFile>(QDir(folder_).filePath(QStringLiteral("chats.lock")));
    lock_->setStaleLockTime(0);
    if (!lock_->tryLock(0)) {
        if (lock_->error() == QLockFile::LockFailedError)
            return refuse(
                Use::Read,
                ConversationStore::tr("Another window of this program uses the chats in %1: what is written "
                                      "here is kept in memory only. Close one of the two.")
                    .arg(folder_));
        return refuse(
            Use::Read,
            ConversationStore::tr("The folder %1 cannot be written: chats are kept in memory only. Make it "
                                  "writable, or choose another data folder in the settings.")
                .arg(folder_));
    }
    file_ = connection(path_);
    if (!file_.open())
        throw SqlError(file_.lastError().databaseText(), file_.lastError().nativeErrorCode().toInt() & 0xff);
    version_ = schemaVersion(file_);
    if (version_ > kSchemaVersion)
        return future();
    execute(file_, QStringLiteral("PRAGMA foreign_keys = ON"));
    execute(file_, QStringLiteral("BEGIN IMMEDIATE")); // finds out whether the file can be written
    execute(file_, QStringLiteral("ROLLBACK"));
    execute(file_, QStringLiteral("PRAGMA journal_mode = WAL"));
    execute(file_, QStringLiteral("PRAGMA synchronous = NORMAL"));
    if (version_ > 0 && version_ < kSchemaVersion && !backUp(version_))
        return refuse(Use::Read,
                      ConversationStore::tr(
                          "No copy of %1 could be made before bringing it up to date (is the disk full?): "
                          "it is left as it is and chats are kept in memory only.")
                          .arg(path_));
    migrate(file_, version_);
    version_ = kSchemaVersion;
    return Use::Write;
}

bool ChatFile::backUp(int version) {
    const QString backup = QDir(folder_).filePath(
        QStringLiteral("chats.v%1.%2.backup.sqlite")
            .arg(version)
            .arg(QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"))));
    try {
        // Whole and consistent, with what is still in the write-ahead log.
        execute(file_, QStringLiteral("VACUUM INTO ") + quoted(backup));
        return true;
    } catch (const SqlError&) {
        QFile::remove(backup);
        return false;
    }
}

QSqlDatabase& ChatFile::memory() {
    close(memory_);
    memory_ = connection(QStringLiteral(":memory:"));
    if (!memory_.open())
        throw SqlError(memory_.lastError().databaseText(),
                       memory_.lastError().nativeErrorCode().toInt() & 0xff);
    const int version = use_ != Use::None && QFile::exists(path_) ? copyFile() : 0;
    migrate(memory_, version);
    execute(memory_, QStringLiteral("PRAGMA foreign_keys = ON"));
    return memory_;
}

int ChatFile::copyFile() {
    // In a folder that cannot be written SQLite cannot make the files it shares with other readers.
    const QString options =
        QFileInfo(folder_).isWritable() ? QStringLiteral("mode=ro") : QStringLiteral("immutable=1");
    int version = 0;
    try {
        execute(memory_, QStringLiteral("ATTACH %1 AS disk").arg(quoted(uri(path_, options))));
        QSqlQuery query(memory_);
        check(query.exec(QStringLiteral("PRAGMA disk.user_version")) && query.next(), query);
        const int found = query.value(0).toInt();
        query.finish();
        if (found > 0 && found <= kSchemaVersion) {
            migrate(memory_, 0, found);
            version = found;
            copyTables(memory_, QStringLiteral("disk"), version);
        }
    } catch (const SqlError&) {
        // The chats of before are not seen; the file keeps them.
    }
    QSqlQuery(memory_).exec(QStringLiteral("DETACH disk"));
    return version;
}

void ChatFile::closeMemory() { close(memory_); }

} // namespace switchyard
