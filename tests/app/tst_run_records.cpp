// Records of answers: summaries that open quickly, tokens in chunks that are only added to, and the way there
// from version 2 of the tables.
#include "store_fixture.h"
#include "stranger.h"
#include "version2.h"

#include "app/services/run_blob.h"
#include "app/services/token_chunk.h"
#include "app/services/token_log.h"
#include "engine/base/error.h"

#include <QDir>
#include <QElapsedTimer>
#include <QProcess>
#include <QTemporaryDir>

#include <csignal>
#include <ctime>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

TokenRecord tokenOf(int i) {
    TokenRecord token;
    token.id = i * 7 % 150000;
    token.text = " word" + std::to_string(i % 100);
    token.latency_ms = 12 + (i * 37 % 100) / 17.0;
    token.probability = 1.0 / (1 + i % 13);
    token.temperature = i < 40 ? 0.7 : 0.3;
    token.experts_active = i < 60 ? 6 : 4;
    token.quant = "Q4_K";
    token.weights_bytes = 1000;
    token.kv_bytes = static_cast<std::uint64_t>(i / 16) * 4096;
    return token;
}

RunRecord recordOf(int tokens) {
    RunRecord record;
    record.settings.sequence.seed = 42;
    record.moves = {{40, "temperature", 0.3}, {60, "experts", 4.0}};
    for (int i = 0; i < tokens; ++i)
        record.tokens.push_back(tokenOf(i));
    record.timings.prompt_tokens = 30;
    record.timings.generated_tokens = tokens;
    record.timings.decode_ms = 14.0 * tokens;
    record.finish = FinishReason::EndOfTurn;
    return record;
}

std::string jsonOf(const RunRecord& record) { return to_json(record).dump(); }

QString saidBy(const RunRecord& record) {
    QString text;
    for (const TokenRecord& token : record.tokens)
        text += QString::fromStdString(token.text);
    return text;
}

/// Of the whole process: the store works on its own thread.
double processorMs() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

Message answerOf(ConversationId chat, MessageId parent, const QString& text = {}) {
    Message answer = messageOf(chat, parent, Author::Assistant, text);
    answer.has_run = true;
    return answer;
}

} // namespace

class RunRecordsTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path() const { return folder_->filePath(u"chats.sqlite"_s); }

    void fillVersion2(int answers, const RunRecord& record) {
        Version2 old(path());
        for (int i = 1; i <= answers; ++i)
            old.add(i, record, u"answer %1"_s.arg(i));
    }
    /// Rows that are in chunks, and of these the ones whose chunks are not all there.
    std::pair<int, int> moved() {
        Stranger other(path());
        return {other.number(u"SELECT count(*) FROM runs WHERE encoding = 2"_s),
                other.number(u"SELECT count(*) FROM runs WHERE encoding = 2 AND tokens <> (SELECT"
                             " coalesce(sum(count), 0) FROM run_tokens WHERE run = runs.id)"_s)};
    }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void chunksGiveBackEveryBit() {
        std::vector<TokenRecord> tokens;
        for (int i = 0; i < 100; ++i)
            tokens.push_back(tokenOf(i));
        tokens[3].text = std::string("a\0b\xff", 4);
        tokens[4].text.clear();
        tokens[5].control = "<|end|>";
        tokens[6].kv = BlockType::Q8_0;
        tokens[7].recoded_slices = 5;
        tokens[8].weights_version = 1ULL << 63;
        tokens[9].scratch_bytes = ~0ULL;
        tokens[10].probability = 1e-300;
        tokens[11].id = -1;
        tokens[12].weights = WeightsState{{BlockType::Q8_0, 5}, {std::nullopt, 3}};
        tokens[13].weights = WeightsState{};
        tokens[14].drafted = true;
        std::vector<TokenRecord> read;
        unpackTokens(packTokens(tokens), 100, read);
        QCOMPARE(read.size(), 100u);
        QCOMPARE(read[3].text, tokens[3].text); // JSON has no such bytes
        read[3].text = tokens[3].text = "a";
        for (std::size_t i = 0; i < tokens.size(); ++i)
            QCOMPARE(to_json(read[i]).dump(), to_json(tokens[i]).dump());
        const QByteArray bytes = packTokens(tokens);
        QVERIFY_THROWS_EXCEPTION(Error, unpackTokens(bytes, 99, read));
        QVERIFY_THROWS_EXCEPTION(Error, unpackTokens(bytes, 101, read));
        QVERIFY_THROWS_EXCEPTION(Error, unpackTokens(bytes.left(bytes.size() / 2), 100, read));
        QVERIFY_THROWS_EXCEPTION(Error, unpackTokens({}, 1, read));
    }

    void twoThousandMessagesOpenAtOnce() {
        constexpr int kMessages = 2000;
        const RunRecord record = recordOf(500);
        ConversationId chat = ConversationStore::newId();
        MessageId last = 0;
        {
            ConversationStore store(folder_->path());
            store.create(chat, u"Long"_s, {});
            for (int i = 0; i < kMessages / 2; ++i) {
                const Message question = messageOf(chat, last, Author::User, saidBy(record));
                store.append(question);
                Message answer = answerOf(chat, question.id, saidBy(record));
                answer.run = record;
                last = answer.id;
                store.append(answer);
            }
        }
        ConversationStore store(folder_->path());
        listOf(store);
        const double before = processorMs();
        const Conversation opened = openOf(store, chat);
        const double opening = processorMs() - before;
        QCOMPARE(opened.thread().size(), kMessages);
        const Message& answer = opened.thread().last();
        QVERIFY(answer.run.tokens.empty());
        QCOMPARE(answer.tokenCount(), 500);
        QCOMPARE(answer.digest.experts, (std::vector<int>{6, 4}));
        QCOMPARE(answer.run.moves.size(), 2u);
        QCOMPARE(jsonOf(runOf(store, last)), jsonOf(record));
        const RunBlob blob = packRun(record);
        const double unpacking = processorMs();
        for (int i = 0; i < 20; ++i)
            unpackRun(blob);
        qInfo("%d messages, 500 tokens each, open in %.0f ms of processor time; reading every record whole "
              "would take %.0f ms more",
              kMessages, opening, (processorMs() - unpacking) / 20 * kMessages / 2);
        QVERIFY2(opening < 300, qPrintable(QString::number(opening)));
    }

    void autosaveCostsWhatIsNew() {
        constexpr int kTokens = 100000, kStep = 100;
        const RunRecord record = recordOf(kTokens);
        ConversationStore store(folder_->path());
        const ConversationId chat = chatWith(store, u"Long"_s, u"q"_s);
        Message answer = answerOf(chat, openOf(store, chat).thread()[0].id);
        answer.state = MessageState::Streaming;
        static_cast<RunSummary&>(answer.run) = record;
        store.append(answer);
        auto log = std::make_shared<TokenLog>();
        std::vector<TokenRecord> so_far;
        std::vector<double> costs;
        for (int i = 0; i < kTokens; ++i) {
            log->push(record.tokens[static_cast<std::size_t>(i)]);
            so_far.push_back(record.tokens[static_cast<std::size_t>(i)]);
            if ((i + 1) % kStep != 0)
                continue;
            answer.digest.take(so_far);
            const double before = processorMs();
            store.updateRun(answer, log);
            while (store.unsaved() > 0)
                QThread::usleep(50);
            costs.push_back(processorMs() - before);
        }
        const auto median = [&](std::size_t from) {
            std::vector<double> some(costs.begin() + static_cast<std::ptrdiff_t>(from),
                                     costs.begin() + static_cast<std::ptrdiff_t>(from + 100));
            std::ranges::nth_element(some, some.begin() + 50);
            return some[50];
        };
        const double first = median(0), last = median(costs.size() - 100);
        const double packing = processorMs();
        packRun(record);
        qInfo("saving %d new tokens: %.2f ms of processor time at the beginning, %.2f ms after %d; packing "
              "all of them would take %.0f ms",
              kStep, first, last, kTokens, processorMs() - packing);
        QVERIFY2(last < 2 * first + 1, qPrintable(u"%1 %2"_s.arg(first).arg(last)));
        QCOMPARE(jsonOf(runOf(store, answer.id)), jsonOf(record));
    }

    void whatIsHeldBackComesWithTheEnd() {
        ConversationStore store(folder_->path());
        const ConversationId chat = chatWith(store, u"t"_s, u"q"_s);
        Message answer = answerOf(chat, openOf(store, chat).thread()[0].id);
        answer.state = MessageState::Streaming;
        store.append(answer);
        RunRecord record = recordOf(TokenLog::kBlock); // a full chunk: it is packed already
        auto log = std::make_shared<TokenLog>(record.tokens);
        static_cast<RunSummary&>(answer.run) = record;
        answer.digest.take(record.tokens);
        store.updateRun(answer, log);
        QTRY_COMPARE(store.unsaved(), 0);
        record.tokens.back().text += " and the rest";
        log->setLastText(record.tokens.back().text);
        answer.state = MessageState::Complete;
        answer.parts[0].text = saidBy(record);
        store.updateRun(answer, log);
        QCOMPARE(jsonOf(runOf(store, answer.id)), jsonOf(record));
    }

    /// What of a lost chunk on is gone comes back with the next save of an answer that still grows.
    void aLostChunkIsWrittenAgain() {
        const RunRecord record = recordOf(1000);
        auto log = std::make_shared<TokenLog>(record.tokens);
        Message answer;
        {
            ConversationStore store(folder_->path());
            const ConversationId chat = chatWith(store, u"t"_s, u"q"_s);
            answer = answerOf(chat, openOf(store, chat).thread()[0].id);
            static_cast<RunSummary&>(answer.run) = record;
            answer.digest.take(record.tokens);
            store.append(answer);
            store.updateRun(answer, log);
        }
        QVERIFY(Stranger(path()).run(u"DELETE FROM run_tokens WHERE first = 256"_s));
        {
            ConversationStore store(folder_->path());
            QCOMPARE(runOf(store, answer.id).tokens.size(), 256u);
        }
        QVERIFY(Stranger(path()).run(u"UPDATE runs SET tokens = 256"_s)); // as joining files counts them
        ConversationStore store(folder_->path());
        store.updateRun(answer, log);
        QCOMPARE(jsonOf(runOf(store, answer.id)), jsonOf(record));
    }

    void recordsOfVersion2AreMovedMeanwhile() {
        constexpr int kAnswers = 120;
        const RunRecord record = recordOf(500);
        fillVersion2(kAnswers, record);
        ConversationStore store(folder_->path());
        // Read before they are moved, and after.
        QCOMPARE(jsonOf(runOf(store, kAnswers)), jsonOf(record));
        const Conversation early = openOf(store, 1);
        QCOMPARE(early.thread().size(), kAnswers);
        QCOMPARE(early.thread().last().tokenCount(), 500);
        QCOMPARE(early.thread().last().digest.experts, (std::vector<int>{6, 4}));
        qint64 longest = 0;
        QElapsedTimer all, one;
        all.start();
        while (moved().first < kAnswers && all.elapsed() < 30000) {
            one.start();
            listOf(store);
            longest = std::max(longest, one.elapsed());
            QTest::qWait(5);
        }
        qInfo("%d records were moved within %lld ms; the longest answer of the store took %lld ms", kAnswers,
              all.elapsed(), longest);
        QCOMPARE(moved(), std::pair(kAnswers, 0));
        QVERIFY2(longest < 1000, qPrintable(QString::number(longest)));
        for (const int id : {1, kAnswers / 2, kAnswers})
            QCOMPARE(jsonOf(runOf(store, id)), jsonOf(record));
        const Message answer = openOf(store, 1).thread().last();
        QVERIFY(answer.digest == early.thread().last().digest);
        QCOMPARE(answer.model_fingerprint, u"abc"_s);
        QCOMPARE(QDir(folder_->path()).entryList({u"chats.v2.*.backup.sqlite"_s}, QDir::Files).size(), 1);
    }

    void movingIsSafeAgainstKills() {
        constexpr int kAnswers = 150;
        const RunRecord record = recordOf(500);
        fillVersion2(kAnswers, record);
        int halfway = 0;
        for (int kill = 0; kill < 8; ++kill) {
            QProcess child;
            child.start(QStringLiteral(STORE_WRITER), {folder_->path(), u"--only-open"_s});
            QVERIFY(child.waitForStarted());
            QVERIFY2(child.waitForReadyRead(20000), "the child did not open the store");
            QTest::qWait(15 + 17 * kill);
            ::kill(static_cast<pid_t>(child.processId()), SIGKILL);
            QVERIFY(child.waitForFinished());
            const auto [done, broken] = moved();
            QCOMPARE(broken, 0);
            halfway += done > 0 && done < kAnswers ? 1 : 0;
        }
        QVERIFY2(halfway > 0, "no kill came between the first and the last record");
        ConversationStore store(folder_->path());
        QCOMPARE(openOf(store, 1).thread().size(), kAnswers);
        QTRY_COMPARE_WITH_TIMEOUT(moved(), std::pair(kAnswers, 0), 30000);
        for (int id = 1; id <= kAnswers; ++id)
            QCOMPARE(jsonOf(runOf(store, id)), jsonOf(record));
    }

    void aRecordThatCannotBeReadHoldsNothingUp() {
        const RunRecord record = recordOf(20);
        {
            Version2 old(path());
            for (int i = 1; i <= 3; ++i)
                old.add(i, record, u"answer"_s, i == 3 ? 1 : 0);
            old.run(u"UPDATE runs SET record = x'00' WHERE message = 1"_s);
        }
        ConversationStore store(folder_->path());
        QTRY_COMPARE(moved(), std::pair(2, 0));
        const Conversation chat = openOf(store, 1);
        QVERIFY(!chat.thread()[0].has_run);
        QVERIFY(chat.thread()[1].has_run);
        // One that grew when the program of before ended: its text is not told a second time.
        QVERIFY(chat.thread()[2].state == MessageState::Interrupted);
        QCOMPARE(chat.thread()[2].text(), u"answer"_s);
    }

    void anEditedAnswerThatWentOnIsCompletedFromItsTokens() {
        const RunRecord record = recordOf(30);
        Message answer;
        ConversationId chat = 0;
        {
            ConversationStore store(folder_->path());
            chat = chatWith(store, u"t"_s, u"q"_s);
            answer = answerOf(chat, openOf(store, chat).thread()[0].id, u"edited"_s);
            answer.run = record;
            answer.run.tokens.resize(10);
            store.append(answer);
            answer.state = MessageState::Streaming;
            answer.digest.take(record.tokens);
            answer.run.tokens.clear();
            store.updateRun(answer, std::make_shared<TokenLog>(record.tokens));
        }
        ConversationStore store(folder_->path());
        RunRecord rest = record;
        rest.tokens.erase(rest.tokens.begin(), rest.tokens.begin() + 10);
        QCOMPARE(openOf(store, chat).thread()[1].text(), u"edited"_s + saidBy(rest));
        QCOMPARE(runOf(store, answer.id).tokens.size(), 30u);
    }

    /// While the file cannot be written: the tokens that follow an edit do not take its place.
    void anEditIsNotLostBehindItsTokens() {
        const RunRecord record = recordOf(20);
        Message answer;
        ConversationId chat = 0;
        {
            ConversationStore store(folder_->path());
            chat = chatWith(store, u"t"_s, u"q"_s);
            answer = answerOf(chat, openOf(store, chat).thread()[0].id, u"before"_s);
            store.append(answer);
            QTRY_COMPARE(store.unsaved(), 0);
            {
                Stranger holder(path());
                QVERIFY(holder.run(u"BEGIN EXCLUSIVE"_s));
                answer.parts[0].text = u"edited"_s;
                answer.state = MessageState::Streaming;
                store.update(answer);
                answer.digest.take(record.tokens);
                store.updateRun(answer, std::make_shared<TokenLog>(record.tokens));
                QCOMPARE(openOf(store, chat).thread()[1].tokenCount(), 20);
                QVERIFY(holder.run(u"ROLLBACK"_s));
            }
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 20000);
        }
        ConversationStore store(folder_->path());
        QCOMPARE(openOf(store, chat).thread()[1].text(), u"edited"_s + saidBy(record));
    }

    /// Taken away while an answer grows: joined with what lies at its place then.
    void tokensOfATakenFileAreWrittenAnew() {
        const RunRecord record = recordOf(700);
        ConversationStore store(folder_->path());
        const ConversationId chat = chatWith(store, u"t"_s, u"q"_s);
        Message whole = answerOf(chat, openOf(store, chat).thread()[0].id, saidBy(record));
        whole.run = record;
        store.append(whole);
        Message growing = answerOf(chat, whole.id);
        growing.state = MessageState::Streaming;
        store.append(growing);
        auto log = std::make_shared<TokenLog>(record.tokens);
        static_cast<RunSummary&>(growing.run) = record;
        growing.digest.tokens = 300;
        store.updateRun(growing, log);
        QTRY_COMPARE(store.unsaved(), 0);
        QVERIFY(QFile::remove(path()));
        growing.digest.take(record.tokens);
        store.updateRun(growing, log);
        QTRY_COMPARE(store.unsaved(), 0);
        QCOMPARE(jsonOf(runOf(store, whole.id)), jsonOf(record));
        QCOMPARE(jsonOf(runOf(store, growing.id)), jsonOf(record));
        QCOMPARE(moved(), std::pair(2, 0));
    }

    /// What can be read of a file with a broken page: the chunks on it are missing, and counted so.
    void tokensOfADamagedFileAreCarriedOver() {
        const RunRecord record = recordOf(3000);
        QList<MessageId> answers;
        {
            ConversationStore store(folder_->path());
            const ConversationId chat = chatWith(store, u"t"_s, u"q"_s);
            for (int i = 0; i < 4; ++i) {
                Message answer = answerOf(chat, openOf(store, chat).thread().last().id, saidBy(record));
                answer.run = record;
                answers.append(answer.id);
                store.append(answer);
            }
        }
        const QByteArray chunk = packTokens(std::span(record.tokens).subspan(512, 256)).mid(200, 60);
        QFile file(path());
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray bytes = file.readAll();
        file.close();
        const qsizetype at = bytes.lastIndexOf(chunk); // of the last answer
        QVERIFY(at > 0);
        overwritePage(path(), at / 4096);
        ConversationStore store(folder_->path());
        QSignalSpy problems(&store, &ConversationStore::problem);
        int whole = 0, part = 0;
        for (const MessageId id : answers) {
            const std::size_t read = runOf(store, id).tokens.size();
            whole += read == 3000 ? 1 : 0;
            part += read == 512 ? 1 : 0;
        }
        qInfo("%d records are whole, %d have their first 512 tokens", whole, part);
        QVERIFY(whole >= 2);
        QVERIFY(whole + part >= 3);
    }

    void aFileOfVersion2BesideIsJoined() {
        const RunRecord record = recordOf(40);
        {
            ConversationStore store(folder_->path());
            chatWith(store, u"New"_s, u"q"_s);
        }
        {
            Version2 old(folder_->filePath(u"chats.2.sqlite"_s));
            old.add(1, record, u"answer"_s);
        }
        ConversationStore store(folder_->path());
        QCOMPARE(titlesIn(store), (QStringList{u"New"_s, u"Old"_s}));
        QCOMPARE(jsonOf(runOf(store, 1)), jsonOf(record));
        QTRY_COMPARE(moved(), std::pair(1, 0));
        QCOMPARE(jsonOf(runOf(store, 1)), jsonOf(record));
    }
};

QTEST_GUILESS_MAIN(RunRecordsTest)
#include "tst_run_records.moc"
