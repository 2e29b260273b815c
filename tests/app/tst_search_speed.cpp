// Search over 100,000 messages answers while one types.
#include "store_fixture.h"

#include "app/services/chat_file.h"
#include "app/services/search_words.h"

#include <QElapsedTimer>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

#include <random>

using namespace switchyard;

class SearchSpeedTest : public QObject {
    Q_OBJECT
    QTemporaryDir folder_;
    static constexpr int kChats = 1000, kMessages = 100000;

    /// Some sentences of made-up English and Chinese words; one message in 10,000 has a word of its own.
    static QString sentence(std::mt19937& random, int i) {
        QString text;
        for (int w = 0; w < 12; ++w)
            text += QStringLiteral("w%1 ").arg(random() % 5000);
        for (int c = 0; c < 20; ++c)
            text += QChar(0x4E00 + static_cast<ushort>(random() % 800));
        if (i % 10000 == 5000)
            text += QStringLiteral(" needle 龘靐");
        return text;
    }

  private Q_SLOTS:
    void initTestCase() {
        { ConversationStore store(folder_.path()); } // makes the tables
        ChatFile file(folder_.path());
        QVERIFY(file.open() == ChatFile::Use::Write);
        QSqlDatabase db = file.database();
        std::mt19937 random(1);
        QVERIFY(db.transaction());
        QSqlQuery chat(db), message(db), part(db), words(db);
        chat.prepare(QStringLiteral("INSERT INTO conversations(id, title, tuning, created, changed)"
                                    " VALUES(?, 'Chat', '{}', 0, 0)"));
        message.prepare(
            QStringLiteral("INSERT INTO messages(id, conversation, position, author, state, created)"
                           " VALUES(?, ?, ?, 1, 0, 0)"));
        part.prepare(QStringLiteral("INSERT INTO parts(message, position, kind, text) VALUES(?, 0, 0, ?)"));
        words.prepare(QStringLiteral("INSERT INTO search(rowid, words) VALUES(?, ?)"));
        for (int id = 1; id <= kChats; ++id) {
            chat.addBindValue(id);
            QVERIFY(chat.exec());
        }
        for (int i = 1; i <= kMessages; ++i) {
            const QString text = sentence(random, i);
            message.addBindValue(i);
            message.addBindValue(i % kChats + 1);
            message.addBindValue(i);
            part.addBindValue(i);
            part.addBindValue(text);
            words.addBindValue(i);
            words.addBindValue(searchWords(text));
            QVERIFY(message.exec() && part.exec() && words.exec());
        }
        QVERIFY(db.commit());
    }

    void answersWhileOneTypes_data() {
        QTest::addColumn<QString>("typed");
        QTest::addColumn<int>("hits");
        QTest::newRow("rare word") << QStringLiteral("needle") << 10;
        QTest::newRow("rare, two characters") << QStringLiteral("龘靐") << 10;
        QTest::newRow("rare, one character") << QStringLiteral("龘") << 10;
        QTest::newRow("common, one character") << QStringLiteral("一") << 200;
        QTest::newRow("common, two characters") << QStringLiteral("一丁") << -1;
        QTest::newRow("common word") << QStringLiteral("w17") << 200;
        QTest::newRow("first letter") << QStringLiteral("w") << 200;
        QTest::newRow("nothing") << QStringLiteral("不存在") << 0;
    }
    void answersWhileOneTypes() {
        QFETCH(QString, typed);
        QFETCH(int, hits);
        ConversationStore store(folder_.path());
        listOf(store); // it is open
        QList<qint64> times;
        QList<SearchHit> found;
        for (int round = 0; round < 5; ++round) {
            QElapsedTimer timer;
            timer.start();
            found = searchOf(store, typed);
            times.append(timer.nsecsElapsed());
        }
        std::sort(times.begin(), times.end());
        const double ms = static_cast<double>(times[2]) / 1e6;
        qInfo("%lld hits in %.2f ms (median of 5, with the way to the store and back)",
              static_cast<long long>(found.size()), ms);
        if (hits >= 0)
            QCOMPARE(found.size(), hits);
        QVERIFY(ms < 300);
    }
};

QTEST_GUILESS_MAIN(SearchSpeedTest)
#include "tst_search_speed.moc"
