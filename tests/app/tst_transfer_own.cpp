// Our own files of chats: written, read into another store and written again they are the same, records
// included; the same chat does not come twice; and what a hand changed in them is checked.
#include "transfer_fixture.h"

#include "app/services/conversation_schema.h"
#include "app/services/sql_connection.h"
#include "app/services/transfer/plain_file_name.h"
#include "app/services/transfer/token_columns.h"
#include "engine/base/error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/time_limit.h"

#include <nlohmann/json.hpp>

#include <QDir>
#include <QRegularExpression>
#include <QTemporaryDir>

#include <csignal>
#include <ctime>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// Only the chats' own ids are new in another store.
QByteArray withoutIds(const QByteArray& file) {
    static const QRegularExpression id(u"^\\{\"id\":\\d+"_s, QRegularExpression::MultilineOption);
    return QString::fromUtf8(file).replace(id, u"{\"id\":0"_s).toUtf8();
}

ChatBatch awkwardBatch(int chats, int messages, int tokens) {
    std::mt19937 random(7);
    ChatBatch batch;
    for (const QString& name : {u"Work"_s, u"\u5DE5\u4F5C"_s, u"Work"_s, u"Empty"_s})
        batch.folders.append({ConversationStore::newId(), name});
    for (int i = 0; i < chats; ++i) {
        batch.chats.push_back(awkwardChat(random, messages, tokens));
        if (i % 3 != 2)
            batch.chats.back().folder = static_cast<std::size_t>(i % 3);
    }
    batch.chats.back().folder = 2;
    return batch;
}

nlohmann::ordered_json parsed(const QByteArray& bytes) {
    return nlohmann::ordered_json::parse(bytes.begin(), bytes.end());
}

QByteArray dumped(const nlohmann::ordered_json& json) { return QByteArray::fromStdString(json.dump()); }

/// Cancels as soon as the first question has been asked: a batch is given to the store, and not in it yet.
class CancelAtTheFirstQuestion : public QObject {
  public:
    explicit CancelAtTheFirstQuestion(ChatTransfer& transfer) : transfer_(transfer) {
        connect(&transfer, &ChatTransfer::progress, this, [this] { told_ = true; });
        transfer.installEventFilter(this);
    }
    bool done = false;

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override {
        if (done || event->type() != QEvent::MetaCall)
            return false;
        told_ = false;
        watched->event(event);
        if (!told_) {
            done = true;
            transfer_.cancel();
        }
        return true;
    }

  private:
    ChatTransfer& transfer_;
    bool told_ = false; ///< it was the progress
};

} // namespace

class TransferOwnTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path(const QString& name) const { return folder_->filePath(name); }

    /// Another store's export of what this file has.
    QByteArray imported(const QByteArray& file, ImportResult& result) {
        putFile(path(u"given.json"_s), file);
        QTemporaryDir other;
        ConversationStore store(other.path());
        result = importOf(store, {path(u"given.json"_s)});
        exportAll(store, path(u"again.json"_s));
        return contentOf(path(u"again.json"_s));
    }

    QByteArray small_; ///< a small chat's file

  private Q_SLOTS:
    void initTestCase() {
        init();
        ConversationStore store(path(u"small"_s));
        added(store, awkwardBatch(1, 4, 12));
        exportAll(store, path(u"small.json"_s));
        small_ = contentOf(path(u"small.json"_s));
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void aWholeStoreComesBackAsItWas() {
        ConversationStore store(path(u"one"_s));
        const ChatBatch batch = awkwardBatch(9, 14, 600);
        added(store, batch);
        const ConversationId empty = ConversationStore::newId(); // of whom nothing was said
        store.create(empty, u"Never begun"_s, {});
        const ExportResult written = exportAll(store, path(u"first.json"_s));
        QCOMPARE(written.error, QString());
        QCOMPARE(written.chats, 10);

        ConversationStore other(path(u"two"_s));
        const ImportResult result = importOf(other, {path(u"first.json"_s)});
        QCOMPARE(result.error, QString());
        QCOMPARE(result.added, 10);
        QCOMPARE(result.left_out, 0);
        QCOMPARE(exportAll(other, path(u"second.json"_s)).chats, 10);
        const QByteArray first = withoutIds(contentOf(path(u"first.json"_s)));
        const QByteArray second = withoutIds(contentOf(path(u"second.json"_s)));
        QVERIFY(first.size() > 100'000);
        QVERIFY(first == second);

        // Not only as it is written: what the store has is the same.
        QList<ConversationSummary> chats = listOf(other);
        std::ranges::sort(chats, {}, &ConversationSummary::id);
        for (std::size_t i = 0; i < batch.chats.size(); ++i) {
            const WholeChat& before = batch.chats[i];
            const Conversation after = openOf(other, chats[static_cast<qsizetype>(i)].id);
            QCOMPARE(after.summary.title, before.summary.title);
            QCOMPARE(after.summary.created, before.summary.created);
            QCOMPARE(after.summary.changed, before.summary.changed);
            QVERIFY(after.tuning == before.tuning);
            QCOMPARE(after.unsent.text, before.unsent.text);
            QCOMPARE(after.unsent.edits.size(), 1);
            const Conversation stored = openOf(store, before.summary.id);
            QCOMPARE(after.tree.size(), stored.tree.size());
            QCOMPARE(after.thread().size(), stored.thread().size());
            for (qsizetype m = 0; m < after.thread().size(); ++m) {
                const Message &a = after.thread()[m], &b = stored.thread()[m];
                QVERIFY(a.parts == b.parts);
                QCOMPARE(a.state, b.state);
                QCOMPARE(a.siblings.size(), b.siblings.size());
                QCOMPARE(a.has_run, b.has_run);
                if (!a.has_run)
                    continue;
                QVERIFY(a.digest == b.digest);
                QCOMPARE(a.model_fingerprint, b.model_fingerprint);
                QCOMPARE(dumped(to_json(runOf(other, a.id))), dumped(to_json(runOf(store, b.id))));
            }
        }
        const auto names = [](const QList<ChatFolder>& folders) {
            QStringList all;
            for (const ChatFolder& folder : folders)
                all << folder.name;
            return all;
        };
        QCOMPARE(names(foldersOf(other)), names(foldersOf(store)));
        QVERIFY(!searchOf(other, u"plain words"_s).isEmpty());
    }

    void chosenChatsTakeTheirFoldersOnly() {
        ConversationStore store(path(u"one"_s));
        const QList<ConversationId> ids = added(store, awkwardBatch(4, 3, 3));
        QCOMPARE(exportOf(store, {path(u"one.json"_s), {ids[1], ids[3]}, {}, 2}).chats, 2);
        const auto json = parsed(contentOf(path(u"one.json"_s)));
        QCOMPARE(json.at("folders").size(), 2u);
        QCOMPARE(json.at("chats")[1].at("folder").get<int>(), 1);
        const ExportResult gone = exportOf(store, {path(u"gone.json"_s), {12345}, {}, 1});
        QVERIFY(!gone.error.isEmpty());
        QVERIFY(!QFile::exists(path(u"gone.json"_s)));
    }

    /// Neither into a store that has it from the file, nor into the one that it is from.
    void nothingComesTwice() {
        ConversationStore store(path(u"one"_s));
        const QList<ConversationId> ids = added(store, awkwardBatch(3, 4, 5));
        exportAll(store, path(u"chats.json"_s));
        const ImportResult at_home = importOf(store, {path(u"chats.json"_s)});
        QCOMPARE(at_home.added, 0);
        QCOMPARE(at_home.known, 3);
        ConversationStore other(path(u"two"_s));
        QCOMPARE(importOf(other, {path(u"chats.json"_s)}).added, 3);
        const ImportResult again = importOf(other, {path(u"chats.json"_s), path(u"chats.json"_s)});
        QCOMPARE(again.added, 0);
        QCOMPARE(again.known, 6);
        QCOMPARE(foldersOf(other).size(), 3); // the fourth has no chat
        // One that was deleted here comes again; one that went on elsewhere is another.
        other.remove(listOf(other).first().id);
        QCOMPARE(importOf(other, {path(u"chats.json"_s)}).added, 1);
        store.append(messageOf(ids[0], 0, Author::User, u"went on"_s));
        exportAll(store, path(u"chats.json"_s));
        const ImportResult later = importOf(other, {path(u"chats.json"_s)});
        QCOMPARE(later.added, 1);
        QCOMPARE(later.known, 2);
    }

    /// Of ten thousand names only those that a chat lies in, under the same one in all batches.
    void onlyFoldersWithChatsAreMade() {
        nlohmann::ordered_json file = {{"format", "switchyard-chats"}, {"version", 1}};
        for (int i = 0; i < 10'000; ++i)
            file["folders"].push_back("F" + std::to_string(i));
        file["folders"][6] = "Work";
        file["folders"][7] = "Work";
        file["folders"][8] = " two\nlines\u202E " + std::string(300, 'x');
        for (int i = 0; i < 150; ++i)
            file["chats"].push_back(
                {{"id", 100 + i},
                 {"title", "T" + std::to_string(i)},
                 {"folder", i < 70    ? 7
                            : i < 140 ? 6
                                      : 8},
                 {"messages",
                  {{{"number", 1}, {"author", "user"}, {"parts", {{{"kind", "text"}, {"text", "w"}}}}}}}});
        putFile(path(u"given.json"_s), dumped(file));
        ConversationStore store(path(u"one"_s));
        QCOMPARE(importOf(store, {path(u"given.json"_s)}).added, 150);
        const QList<ChatFolder> folders = foldersOf(store);
        QCOMPARE(folders.size(), 3);
        QCOMPARE(folders[0].name, u"Work"_s);
        QCOMPARE(folders[1].name, u"Work"_s);
        QVERIFY2(folders[2].name.startsWith(u"two lines"_s), qPrintable(folders[2].name));
        QVERIFY(folders[2].name.size() <= 100);
        QMap<FolderId, int> chats;
        for (const ConversationSummary& chat : listOf(store))
            ++chats[chat.folder];
        QCOMPARE(chats.value(folders[0].id) + chats.value(folders[1].id), 140);
        QCOMPARE(chats.value(folders[0].id), 70);
        QCOMPARE(chats.value(folders[2].id), 10);
    }

    void whatAHandChangedIsChecked() {
        auto json = parsed(small_);
        auto& chat = json["chats"][0];
        chat["tuning"]["temperature"] = 99;
        chat["tuning"]["top_k"] = "many";
        chat["tuning"]["new_dial"] = 1;
        int records = 0;
        for (auto& message : chat["messages"]) {
            if (!message.contains("run"))
                continue;
            ++records;
            if (records == 1)
                message["run"]["settings"]["temperature"] = -4;
            else
                message["run"]["tokens"]["probability"][0] = 7;
        }
        QVERIFY(records > 0);
        ImportResult result;
        const auto again = parsed(imported(dumped(json), result));
        QCOMPARE(result.added, 1);
        QCOMPARE(result.left_out, records + 2);
        const auto& kept = again["chats"][0];
        QCOMPARE(kept["tuning"]["temperature"].get<double>(), Tuning().sequence.temperature);
        QCOMPARE(kept["tuning"]["experts"].get<int>(), 3); // the others stay
        for (const auto& message : kept["messages"])
            QVERIFY(!message.contains("run"));
    }

    void recordsThatCannotBeAreLeftOut_data() {
        QTest::addColumn<QByteArray>("where"); // JSON pointer under the run
        QTest::addColumn<QByteArray>("value");
        for (const auto& [where, value] :
             std::vector<std::pair<const char*, const char*>>{{"/context/0/tokens", "2000000000"},
                                                              {"/context/0/tokens", "1e300"},
                                                              {"/context/0/kv", "\"Q2_K\""},
                                                              {"/context/0/experts_active", "-1"},
                                                              {"/moves/0/token", "-3"},
                                                              {"/moves/0/name", "\"no dial\""},
                                                              {"/computed_by/draw", "99"},
                                                              {"/timings/prefill_ms", "-1"},
                                                              {"/timings/generated_tokens", "4000000000"},
                                                              {"/finish", "\"elsewhere\""},
                                                              {"/settings", "[]"},
                                                              {"/tokens", "[]"},
                                                              {"/tokens/ids", "[1]"},
                                                              {"/tokens/ids/0", "-1"},
                                                              {"/tokens/ids/0", "1e18"},
                                                              {"/tokens/texts/0", "3"},
                                                              {"/tokens/latency_ms/0", "null"},
                                                              {"/tokens/changes", "[]"},
                                                              {"/tokens/changes/0/kv", "\"none\""},
                                                              {"/tokens/changes/0/token", "\"0\""},
                                                              {"/tokens/changes/0/token", "0.5"},
                                                              {"/tokens/changes/0/token", "-1e300"},
                                                              {"/tokens/changes/0/experts_active", "-2"},
                                                              {"/tokens/drafted", "[500]"},
                                                              {"/tokens/control", "[[0]]"}})
            QTest::addRow("%s %s", where, value) << QByteArray(where) << QByteArray(value);
    }
    void recordsThatCannotBeAreLeftOut() {
        QFETCH(QByteArray, where);
        QFETCH(QByteArray, value);
        auto json = parsed(small_);
        int records = 0;
        for (auto& message : json["chats"][0]["messages"]) {
            if (message.contains("run")) {
                ++records;
                message["run"][nlohmann::ordered_json::json_pointer(where.toStdString())] = parsed(value);
            }
        }
        QVERIFY(records > 0);
        const ReadChats read(dumped(json));
        QCOMPARE(read.error, QString());
        QCOMPARE(read.chats.size(), 1u);
        QCOMPARE(read.result.left_out, records);
    }

    void aNewerFormIsRefused() {
        auto json = parsed(small_);
        json["version"] = 2;
        ImportResult result;
        imported(dumped(json), result);
        QCOMPARE(result.added, 0);
        QVERIFY2(result.error.contains(u"newer version"_s), qPrintable(result.error));
    }

    void whatIsBeingWrittenIsAsIfItHadEnded() {
        ConversationStore store(path(u"one"_s));
        const ConversationId id = chatWith(store, u"Now"_s, u"question"_s);
        Message answer = messageOf(id, openOf(store, id).thread()[0].id, Author::Assistant, {});
        answer.parts.clear();
        answer.state = MessageState::Streaming;
        answer.has_run = true;
        store.append(answer);
        auto log = std::make_shared<TokenLog>();
        for (const char* word : {"so", " far"}) {
            TokenRecord token;
            token.text = word;
            token.quant = "file";
            log->push(token);
        }
        answer.digest.tokens = 2;
        store.updateRun(answer, log);
        exportAll(store, path(u"now.json"_s));
        const auto json = parsed(contentOf(path(u"now.json"_s)));
        const auto& written = json["chats"][0]["messages"][1];
        QCOMPARE(written["state"].get<std::string>(), std::string("interrupted"));
        QCOMPARE(written["parts"][0]["text"].get<std::string>(), std::string("so far"));
    }

    void aPlaceThatCannotBeWrittenIsSaid() {
        ConversationStore store(path(u"one"_s));
        chatWith(store, u"One"_s, u"words"_s);
        QVERIFY(QDir(path({})).mkdir(u"folder.json"_s));
        for (const char* place : {"no/such/folder.json", "folder.json"}) {
            const ExportResult result = exportAll(store, path(QLatin1String(place)));
            QVERIFY2(!result.error.isEmpty(), place);
        }
        QVERIFY(QDir(path(u"folder.json"_s)).exists());
    }

    /// What was there before stays, and nothing lies beside it.
    void aFullDiskIsSaid() {
        ConversationStore store(path(u"one"_s));
        added(store, awkwardBatch(4, 30, 300));
        QTRY_COMPARE(store.unsaved(), 0);
        QVERIFY(QDir(path({})).mkdir(u"out"_s));
        putFile(path(u"out/chats.json"_s), "before");
        std::signal(SIGXFSZ, SIG_IGN);
        ExportResult result;
        {
            const test::FileSizeLimit small(100'000);
            result = exportAll(store, path(u"out/chats.json"_s));
        }
        QVERIFY2(result.error.contains(u"make room"_s), qPrintable(result.error));
        QCOMPARE(contentOf(path(u"out/chats.json"_s)), QByteArray("before"));
        QCOMPARE(QDir(path(u"out"_s)).entryList(QDir::Files).size(), 1);
    }

    void cancelledWritesNothingAndKeepsWhatIsIn() {
        ConversationStore store(path(u"one"_s));
        added(store, awkwardBatch(20, 20, 100));
        ChatTransfer transfer(store);
        const ExportResult written = transferred<ExportResult>(transfer, &ChatTransfer::exported, [&] {
            transfer.exportChats({path(u"chats.json"_s), {}, {}, 20});
            QObject::connect(&transfer, &ChatTransfer::progress, &transfer, &ChatTransfer::cancel);
        });
        QVERIFY(written.cancelled);
        QVERIFY(!QFile::exists(path(u"chats.json"_s)));
        QCOMPARE(QDir(path({})).entryList(QDir::Files).size(), 0); // no half of it either
        exportAll(store, path(u"chats.json"_s));
        ConversationStore other(path(u"two"_s));
        ChatTransfer second(other);
        QObject::connect(&second, &ChatTransfer::progress, &second, &ChatTransfer::cancel);
        const ImportResult read = transferred<ImportResult>(
            second, &ChatTransfer::imported, [&] { second.importFiles({path(u"chats.json"_s)}); });
        QVERIFY(read.cancelled);
        QVERIFY(listOf(other).size() < 20);
        QCOMPARE(importOf(other, {path(u"chats.json"_s)}).error, QString());
        QCOMPARE(listOf(other).size(), 20);
    }

    /// A batch that is on its way into the store when it is cancelled is in it, and is counted.
    void whatIsStoredWhileItIsCancelledIsCounted() {
        ConversationStore store(path(u"one"_s));
        added(store, awkwardBatch(100, 2, 1));
        exportAll(store, path(u"chats.json"_s));
        ConversationStore other(path(u"two"_s));
        ChatTransfer transfer(other);
        CancelAtTheFirstQuestion canceller(transfer);
        const ImportResult result = transferred<ImportResult>(
            transfer, &ChatTransfer::imported, [&] { transfer.importFiles({path(u"chats.json"_s)}); });
        QVERIFY(canceller.done);
        QVERIFY(result.cancelled);
        QCOMPARE(result.added, 64);
        QCOMPARE(listOf(other).size(), 64);
    }

    void itMayEndWhileItStores() {
        ConversationStore store(path(u"one"_s));
        added(store, awkwardBatch(100, 2, 1));
        exportAll(store, path(u"chats.json"_s));
        ConversationStore other(path(u"two"_s));
        auto transfer = std::make_unique<ChatTransfer>(other);
        const CancelAtTheFirstQuestion canceller(*transfer);
        transfer->importFiles({path(u"chats.json"_s)});
        QTRY_VERIFY(canceller.done);
        transfer.reset(); // waits for nothing that cannot come
        QVERIFY(listOf(other).size() <= 100);
    }

    /// What hangs on nothing, or in a circle, is written with what is under it.
    void ofADamagedChatAllIsWritten() {
        const auto message = [](MessageId id, MessageId parent) {
            Message one = messageOf(1, parent, Author::User, u"words"_s);
            one.id = id;
            return one;
        };
        Conversation chat;
        chat.tree = MessageTree({message(1, 0), message(2, 1), message(30, 20), message(20, 99),
                                 message(40, 41), message(41, 40)},
                                {});
        QList<MessageId> ids;
        for (const Message* one : messagesToWrite(chat, true))
            ids << one->id;
        QCOMPARE(ids, (QList<MessageId>{1, 2, 20, 30, 40, 41}));
    }

    /// The store refuses it and goes on; who waits for the answer is not left waiting.
    void aBatchThatCannotBeStoredIsSaid() {
        ConversationStore store(path(u"one"_s));
        added(store, awkwardBatch(1, 4, 3));
        QCOMPARE(exportAll(store, path(u"chats.json"_s)).chats, 1);
        ConversationStore other(path(u"two"_s));
        chatWith(other, u"Here"_s, u"words"_s);
        QTRY_COMPARE(other.unsaved(), 0);
        {
            Connection file(path(u"two/chats.sqlite"_s));
            execute(*file,
                    u"CREATE TRIGGER refuse BEFORE INSERT ON parts BEGIN SELECT raise(ABORT, 'no'); END"_s);
        }
        const ImportResult result = importOf(other, {path(u"chats.json"_s)});
        QVERIFY2(result.error.contains(u"cannot be stored"_s), qPrintable(result.error));
        QCOMPARE(result.added, 0);
        QCOMPARE(listOf(other).size(), 1);
    }

    void itMayEndInTheMiddle() {
        ConversationStore store(path(u"one"_s));
        added(store, awkwardBatch(20, 20, 100));
        auto transfer = std::make_unique<ChatTransfer>(store);
        transfer->exportChats({path(u"chats.json"_s), {}, {}, 0});
        QTest::qWait(5);
        transfer.reset();
        QVERIFY(!QFile::exists(path(u"chats.json"_s)));
    }

    void tokensInColumnsAreTheSame() {
        std::mt19937 random(3);
        const RunRecord record = awkwardRecord(random, 700);
        const auto columns = tokenColumns(record.tokens);
        RunRecord again;
        again.tokens = tokensFromColumns(parsed(dumped(columns)));
        QCOMPARE(dumped(to_json(again)), dumped(to_json(RunRecord{{}, record.tokens})));
        QVERIFY(dumped(columns).size() < dumped(to_json(record)).size() / 3);
        QVERIFY(tokensFromColumns(tokenColumns({})).empty());
    }

    void titlesBecomeNamesOfFiles() {
        const auto name = [](const QString& title) { return plainFileName(title, u"chat"_s); };
        QCOMPARE(name(u"Trip plan"_s), u"Trip plan"_s);
        QCOMPARE(name(u"../../etc/passwd"_s), u"etc passwd"_s);
        QCOMPARE(name(u"a:b*c?\"<>|\n\td"_s), u"a b c d"_s);
        QCOMPARE(name(u"..."_s), u"chat"_s);
        QCOMPARE(name({}), u"chat"_s);
        QCOMPARE(name(u"\u4E2D\u6587 \U0001F600"_s), u"\u4E2D\u6587 \U0001F600"_s);
        QCOMPARE(name(u"NUL"_s), u"NUL_"_s);
        QVERIFY(name(QString(500, u'x')).size() <= 80);
    }

    /// By default few; SWITCHYARD_TRANSFER_MESSAGES=10000 says what many take.
    void speed() {
        const int messages = std::max(200, qEnvironmentVariableIntValue("SWITCHYARD_TRANSFER_MESSAGES"));
        const auto used = [](const std::function<void()>& work) {
            const std::clock_t before = std::clock();
            work();
            return static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
        };
        ConversationStore store(path(u"one"_s)), other(path(u"two"_s));
        added(store, awkwardBatch(messages / 20, 20, 50));
        const double out = used([&] { exportAll(store, path(u"chats.json"_s)); });
        const double in = used([&] { QCOMPARE(importOf(other, {path(u"chats.json"_s)}).error, QString()); });
        const double page = used([&] { exportAll(store, path(u"chats.html"_s), ExportForm::Html); });
        const double text = used([&] { exportAll(store, path(u"chats.md"_s), ExportForm::Markdown); });
        qInfo("%d messages, %.1f MB of JSON: export %.2f s, import %.2f s, HTML %.2f s, Markdown %.2f s of "
              "processor "
              "time",
              messages, static_cast<double>(contentOf(path(u"chats.json"_s)).size()) / 1e6, out, in, page,
              text);
        const double most = 3.0 * test::kSanitizerSlowdown * std::max(1000, messages) / 1000;
        QVERIFY(out < most && in < most && page < most && text < most);
    }
};

QTEST_GUILESS_MAIN(TransferOwnTest)
#include "tst_transfer_own.moc"
