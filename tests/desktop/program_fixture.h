// The desktop program as a process, over a data folder of its own.
#pragma once

#include <QElapsedTimer>
#include <QProcess>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace switchyard {

inline constexpr int kLong = 20000; ///< ms: a loaded machine starts a window in this time

class ProgramFixture {
  protected:
    struct Result {
        int code = -1;
        QString said; ///< on stderr
        qint64 milliseconds = 0;
    };

    std::unique_ptr<QTemporaryDir> folder_;
    QString data_;

    void makeFolder() {
        folder_ = std::make_unique<QTemporaryDir>();
        data_ = folder_->filePath(QStringLiteral("data"));
    }

    QStringList arguments(const QStringList& more) const {
        return QStringList{QStringLiteral("--data-dir"), data_} + more;
    }

    static QProcessEnvironment environment() {
        QProcessEnvironment all = QProcessEnvironment::systemEnvironment();
        all.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
        all.insert(QStringLiteral("LC_ALL"), QStringLiteral("C.UTF-8"));
        return all;
    }

    /// With scripted answers, and with the engine.
    static QString scripted() { return QStringLiteral(SCRIPTED_PROGRAM); }
    static QString real() {
        return qEnvironmentVariable("SWITCHYARD_PROGRAM", QStringLiteral(SWITCHYARD_PROGRAM));
    }

    std::unique_ptr<QProcess> begin(const QStringList& more = {},
                                    QProcessEnvironment all = environment()) const {
        return beginWith(scripted(), arguments(QStringList{QStringLiteral("--timing")} + more), all);
    }

    /// Waits until the window is there.
    std::unique_ptr<QProcess> beginWith(const QString& program, const QStringList& arguments,
                                        QProcessEnvironment all = environment()) const {
        auto process = std::make_unique<QProcess>();
        process->setProcessEnvironment(all);
        process->start(program, arguments);
        if (!process->waitForStarted())
            return process;
        QByteArray said;
        QElapsedTimer timer;
        timer.start();
        while (!said.contains("first paint") && timer.elapsed() < kLong &&
               process->state() == QProcess::Running) {
            process->waitForReadyRead(200);
            said += process->readAllStandardError();
        }
        return process;
    }

    /// Runs it to its end.
    Result second(const QStringList& more = {}, QProcessEnvironment all = environment()) const {
        QElapsedTimer timer;
        timer.start();
        QProcess process;
        process.setProcessEnvironment(all);
        process.start(scripted(), arguments(more));
        process.waitForFinished(kLong);
        if (process.state() != QProcess::NotRunning)
            process.kill(), process.waitForFinished();
        return {process.exitCode(), QString::fromUtf8(process.readAllStandardError()), timer.elapsed()};
    }

    /// What the statement finds in the chats' file; -1: nothing.
    int number(const QString& statement) const {
        int found = -1;
        {
            QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("look"));
            db.setDatabaseName(data_ + QStringLiteral("/chats.sqlite"));
            db.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=2000"));
            if (db.open()) {
                QSqlQuery query(db);
                if (query.exec(statement) && query.next())
                    found = query.value(0).toInt();
            }
        }
        QSqlDatabase::removeDatabase(QStringLiteral("look"));
        return found;
    }

    static bool ends(QProcess& process, int within = 12000) {
        return process.waitForFinished(within) && process.exitStatus() == QProcess::NormalExit;
    }
};

} // namespace switchyard
