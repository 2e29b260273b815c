// What another program, or a bad disk, does to the file of the chats.
#pragma once

#include <QFile>
#include <QSignalSpy>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QTest>
#include <QVariant>

namespace switchyard {

/// Another program's connection to a database file.
class Stranger {
  public:
    explicit Stranger(const QString& path) {
        db_ = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("stranger"));
        db_.setDatabaseName(path);
        if (!db_.open())
            qFatal("the file cannot be opened");
    }
    ~Stranger() {
        db_.close();
        db_ = {};
        QSqlDatabase::removeDatabase(QStringLiteral("stranger"));
    }
    bool run(const QString& statement, const QVariantList& values = {}) {
        QSqlQuery query(db_);
        bool ok = query.prepare(statement);
        for (const QVariant& value : values)
            query.addBindValue(value);
        ok = ok && query.exec();
        if (!ok)
            qWarning("%s: %s", qPrintable(statement), qPrintable(query.lastError().text()));
        return ok;
    }
    int number(const QString& statement) {
        QSqlQuery query(db_);
        return query.exec(statement) && query.next() ? query.value(0).toInt() : -1;
    }

  private:
    QSqlDatabase db_;
};

inline int countIn(const QString& path, const QString& what) {
    return Stranger(path).number(QStringLiteral("SELECT count(*) FROM ") + what);
}

inline void overwritePage(const QString& path, qint64 page) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadWrite));
    file.seek(page * 4096);
    file.write(QByteArray(4096, '\xa5'));
}

inline QStringList sentences(const QSignalSpy& problems) {
    QStringList all;
    for (const QList<QVariant>& problem : problems)
        all.append(problem[0].toString());
    return all;
}

} // namespace switchyard
