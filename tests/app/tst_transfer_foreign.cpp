// Exports of ChatGPT, Open WebUI and LM Studio: their branches, thoughts, tools and files come in as far as
// there is a place for them, and what other programs write of how an answer was made does not.
#include "foreign_samples.h"
#include "transfer_fixture.h"

#include <QDir>
#include <QTemporaryDir>

#include <zip.h>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

QStringList described(const Message& message) {
    static const char* const kinds[] = {"text", "thinking", "file", "call", "result"};
    QStringList lines;
    for (const MessagePart& part : message.parts)
        lines << u"%1 %2: %3"_s.arg(QLatin1String(kinds[static_cast<int>(part.kind)]), part.name, part.text);
    return lines;
}

void putZip(const QString& path, const QList<std::pair<QByteArray, QByteArray>>& files) {
    int error = 0;
    zip_t* zip = zip_open(QFile::encodeName(path).constData(), ZIP_CREATE | ZIP_TRUNCATE, &error);
    if (!zip)
        qFatal("no archive");
    for (const auto& [name, bytes] : files) {
        zip_source_t* source =
            zip_source_buffer(zip, bytes.constData(), static_cast<zip_uint64_t>(bytes.size()), 0);
        if (zip_file_add(zip, name.constData(), source, ZIP_FL_ENC_UTF_8) < 0)
            qFatal("no entry");
    }
    zip_close(zip);
}

} // namespace

class TransferForeignTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<ConversationStore> store_;
    QString path(const QString& name) const { return folder_->filePath(name); }

    ImportResult take(const QByteArray& file) {
        putFile(path(u"given.json"_s), file);
        return importOf(*store_, {path(u"given.json"_s)});
    }
    Conversation only() {
        const QList<ConversationSummary> chats = listOf(*store_);
        return chats.size() == 1 ? openOf(*store_, chats[0].id) : Conversation();
    }

  private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        store_ = std::make_unique<ConversationStore>(path(u"data"_s));
    }
    void cleanup() { store_.reset(); }

    void chatGpt() {
        const ImportResult result = take(chatGptSample());
        QCOMPARE(result.error, QString());
        QCOMPARE(result.added, 1);
        const Conversation chat = only();
        QCOMPARE(chat.summary.title, u"Moon \U0001F315"_s);
        QCOMPARE(chat.summary.created.toMSecsSinceEpoch(), 1700000000250);
        QCOMPARE(chat.summary.changed.toMSecsSinceEpoch(), 1700000900500);
        QCOMPARE(foldersOf(*store_).value(0).name, u"Imported from ChatGPT"_s);
        QCOMPARE(chat.summary.folder, foldersOf(*store_).value(0).id);
        // Two questions, the second is shown; under it two answers, and under the second of them a question.
        QCOMPARE(chat.thread().size(), 3);
        const Message &question = chat.thread()[0], &answer = chat.thread()[1];
        QCOMPARE(question.siblings.size(), 2);
        QCOMPARE(question.siblings.indexOf(question.id), 1);
        QCOMPARE(described(question), (QStringList{u"text : [Attachment: report.pdf]"_s,
                                                   u"text : [Picture]"_s, u"text : How far is the moon?"_s}));
        QCOMPARE(answer.siblings.size(), 2);
        QCOMPARE(answer.siblings.indexOf(answer.id), 1);
        const QStringList steps{u"thinking : **Looking it up**\n\nIt varies."_s,
                                u"call python: print(384400)"_s, u"result python: 384400"_s};
        QCOMPARE(described(answer), steps + QStringList{u"text : 384,400 km on average."_s});
        QCOMPARE(described(*chat.tree.find(answer.siblings[0])),
                 steps + QStringList{u"text : About 384,400 km."_s});
        QCOMPARE(answer.parts[0].milliseconds, 3000);
        QCOMPARE(answer.model, u"gpt-5-thinking"_s);
        QVERIFY(!answer.has_run);
        QCOMPARE(chat.thread()[2].text(), u"Thanks \uFFFD"_s); // half of a character
        QCOMPARE(described(*chat.tree.find(question.siblings[0])),
                 QStringList{u"text : How far is the mon?"_s});
        QVERIFY(chat.system_prompt.isEmpty());
    }

    void aPieceThatDoesNotSayWhatItIsHasWordsAllTheSame() {
        const ImportResult result = take(
            R"([{"title":"Odd","current_node":"a","mapping":{"a":{"id":"a","parent":null,"children":[],
                "message":{"author":{"role":"user"},"content":{"content_type":"multimodal_text",
                "parts":[{},{"content_type":"  "},{"content_type":"hologram"},"What is it?"]}}}}}])");
        QCOMPARE(result.added, 1);
        QCOMPARE(described(only().thread().value(0)),
                 (QStringList{u"text : [Something that was not taken over]"_s,
                              u"text : [Something that was not taken over]"_s,
                              u"text : [Not taken over: hologram]"_s, u"text : What is it?"_s}));
    }

    void openWebUi() {
        const ImportResult result = take(openWebUiSample());
        QCOMPARE(result.error, QString());
        QCOMPARE(result.added, 1);
        const Conversation chat = only();
        QCOMPARE(chat.summary.title, u"Tea"_s);
        QVERIFY(chat.summary.pinned);
        QCOMPARE(chat.system_prompt, u"Be brief."_s);
        QCOMPARE(chat.thread().size(), 2);
        QCOMPARE(described(chat.thread()[0]),
                 (QStringList{u"file tea.txt: all about tea"_s, u"text : [Picture]"_s,
                              u"text : Green or black?"_s}));
        const Message& answer = chat.thread()[1];
        QCOMPARE(answer.siblings.size(), 3);
        QCOMPARE(answer.siblings.indexOf(answer.id), 1);
        QCOMPARE(described(answer),
                 (QStringList{u"thinking : Caffeine & taste.\nBoth."_s, u"call search: {\"q\": 1}"_s,
                              u"result search: found"_s, u"text : Black, in the morning."_s}));
        QCOMPARE(answer.parts[0].milliseconds, 3000);
        QCOMPARE(answer.model, u"deepseek-r1:7b"_s);
        const Message& failed = *chat.tree.find(answer.siblings[2]);
        QCOMPARE(failed.state, MessageState::Failed);
        QCOMPARE(failed.error, u"Ollama: 500"_s);
        QCOMPARE(answer.created.toMSecsSinceEpoch(), 1700000003000);
    }

    void openWebUiWithoutAHistory() {
        const ImportResult result = take(
            R"({"title": "Old", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"},
                {"role": "assistant", "content": [{"type": "text", "text": "A"}, {"type": "image_url"}]}]})");
        QCOMPARE(result.added, 1);
        const Conversation chat = only();
        QCOMPARE(chat.system_prompt, u"S"_s);
        QCOMPARE(chat.thread().size(), 2);
        QCOMPARE(described(chat.thread()[1]), (QStringList{u"text : A"_s, u"text : [Picture]"_s}));
        QVERIFY(chat.summary.created.isValid());
    }

    void lmStudio() {
        const ImportResult result = take(lmStudioSample());
        QCOMPARE(result.error, QString());
        QCOMPARE(result.added, 1);
        const Conversation chat = only();
        QCOMPARE(chat.summary.title, u"Sky"_s);
        QCOMPARE(chat.summary.changed.toMSecsSinceEpoch(), 1736789930000);
        QCOMPARE(chat.system_prompt, u"You know physics."_s);
        QVERIFY(chat.tuning == Tuning()); // its dials are not ours
        QCOMPARE(chat.thread().size(), 3);
        QCOMPARE(described(chat.thread()[0]),
                 (QStringList{u"text : [Picture: sky.png]"_s, u"text : Why is the sky blue?"_s}));
        const Message& answer = chat.thread()[1];
        QCOMPARE(described(answer),
                 (QStringList{u"thinking : Rayleigh."_s, u"call lookup: {\n  \"word\": \"sky\"\n}"_s,
                              u"result : scattering"_s, u"text : Scattering."_s}));
        QCOMPARE(answer.parts[0].milliseconds, 2500);
        QCOMPARE(answer.model, u"qwen3-8b"_s);
        QCOMPARE(answer.siblings.size(), 2);
        QCOMPARE(described(*chat.tree.find(answer.siblings[1])),
                 (QStringList{u"thinking : short"_s, u"text : It is not."_s}));
        QCOMPARE(chat.thread()[2].text(), u"And red at dusk?"_s);
    }

    void allOfThemTwiceAreNoMore() {
        putFile(path(u"a.json"_s), chatGptSample());
        putFile(path(u"b.json"_s), openWebUiSample());
        putFile(path(u"c.conversation.json"_s), lmStudioSample());
        const QStringList files{path(u"a.json"_s), path(u"b.json"_s), path(u"c.conversation.json"_s)};
        QCOMPARE(importOf(*store_, files).added, 3);
        const ImportResult again = importOf(*store_, files);
        QCOMPARE(again.added, 0);
        QCOMPARE(again.known, 3);
        QCOMPARE(foldersOf(*store_).size(), 3);
    }

    /// Without an id nothing says that they are one: a list of two has two, and is the same list tomorrow.
    void equalChatsWithoutAnIdAreAsManyAsTheFileHas_data() {
        QTest::addColumn<QByteArray>("chat");
        const QByteArray message = R"({"role": "user", "content": "Water the plants"})";
        QTest::newRow("ChatGPT") << QByteArray(R"({"title": "Plants", "current_node": "q", "mapping": {"q":
            {"id": "q", "parent": null, "children": [], "message": {"id": "q", "author": {"role": "user"},
             "content": {"content_type": "text", "parts": ["Water the plants"]}}}}})");
        QTest::newRow("Open WebUI")
            << QByteArray(R"({"title": "Plants", "chat": {"title": "Plants", "messages": [)") + message +
                   "]}}";
        QTest::newRow("LM Studio") << QByteArray(R"({"name": "Plants", "messages": [{"versions": [)") +
                                          message + R"(], "currentlySelected": 0}]})";
        QTest::newRow("Switchyard") << QByteArray(
            R"({"title": "Plants", "messages": [{"id": 1, "author": "user",
            "parts": [{"kind": "text", "text": "Water the plants"}]}]})");
    }
    void equalChatsWithoutAnIdAreAsManyAsTheFileHas() {
        QFETCH(QByteArray, chat);
        const bool own = QByteArray(QTest::currentDataTag()) == "Switchyard";
        const auto put = [&](const QString& name, int count) {
            QByteArrayList chats;
            for (int i = 0; i < count; ++i)
                chats << chat;
            const QByteArray list = '[' + chats.join(',') + ']';
            putFile(path(name),
                    own ? R"({"format": "switchyard-chats", "version": 1, "chats": )" + list + '}' : list);
            return path(name);
        };
        const QString two = put(u"two.json"_s, 2), three = put(u"three.json"_s, 3);
        QCOMPARE(importOf(*store_, {two}).added, 2);
        const ImportResult again = importOf(*store_, {two, two});
        QCOMPARE(again.added, 0);
        QCOMPARE(again.known, 4);
        const ImportResult more = importOf(*store_, {three});
        QCOMPARE(more.added, 1);
        QCOMPARE(more.known, 2);
        QCOMPARE(listOf(*store_).size(), 3);
    }

    void chatGptsArchiveIsReadAsItComes() {
        putZip(path(u"export.zip"_s),
               {{"user.json", "{}"},
                {"chat.html", "<html>"},
                {"conversations.json", chatGptSample()},
                {"folder/conversations-001.json", chatGptSample().replace("conv-1", "conv-2")}});
        const ImportResult result = importOf(*store_, {path(u"export.zip"_s)});
        QCOMPARE(result.error, QString());
        QCOMPARE(result.added, 2);
        putZip(path(u"lm.zip"_s), {{"conversations/1.conversation.json", lmStudioSample()}, {"x.txt", "x"}});
        QCOMPARE(importOf(*store_, {path(u"lm.zip"_s)}).added, 1);
    }

    /// Entries that are damaged, or hold no chats, do not cost those behind them.
    void oneBadEntryDoesNotCostTheOthers() {
        putZip(path(u"export.zip"_s), {{"conversations-000.json", "[]"},
                                       {"conversations-001.json", "[}"},
                                       {"conversations-002.json", chatGptSample()},
                                       {"conversations-003.json", "[1, 2]"}});
        const ImportResult result = importOf(*store_, {path(u"export.zip"_s)});
        QCOMPARE(result.added, 1);
        QVERIFY2(result.error.contains(u"export.zip/conversations-001.json"_s), qPrintable(result.error));
        QVERIFY2(!result.error.contains(u'\n'), qPrintable(result.error)); // nothing of the others
        putZip(path(u"none.zip"_s), {{"conversations-000.json", "[]"}, {"conversations-001.json", "[3]"}});
        const ImportResult none = importOf(*store_, {path(u"none.zip"_s)});
        QVERIFY2(none.error.contains(u"it holds no chats"_s), qPrintable(none.error));
    }

    /// What counts is what was read, not what an entry says of itself.
    void anArchivesLimitIsOfWhatIsRead() {
        const QByteArray large = "[}" + QByteArray(900'000, ' '); // is given up at its beginning
        putZip(path(u"export.zip"_s),
               {{"conversations-000.json", large}, {"conversations-001.json", chatGptSample()}});
        ImportHooks hooks;
        int stored = 0;
        hooks.progress = [](double) {};
        hooks.store = [&](const std::shared_ptr<const ChatBatch>& batch) {
            stored += static_cast<int>(batch->chats.size());
            return QList<ConversationId>{batch->chats[0].summary.id};
        };
        JsonLimits limits;
        limits.file = 200'000;
        ImportResult result;
        importChatFile(path(u"export.zip"_s), hooks, limits, result);
        QCOMPARE(stored, 1);
        limits.file = 80'000; // what is read at once, and not as much again
        ImportResult too_large;
        importChatFile(path(u"export.zip"_s), hooks, limits, too_large);
        QCOMPARE(stored, 2);
        limits.file = 60'000;
        importChatFile(path(u"export.zip"_s), hooks, limits, too_large);
        QCOMPARE(stored, 2);
        QVERIFY2(too_large.error.contains(u"it is larger than"_s), qPrintable(too_large.error));
    }

    void archivesThatAreNone() {
        putFile(path(u"a.zip"_s), QByteArray("PK\x03\x04", 4) + QByteArray(500, 'x'));
        putZip(path(u"b.zip"_s), {{"picture.png", "x"}});
        putZip(path(u"c.zip"_s),
               {{"conversations.json", "[" + QByteArray(20 << 20, ' ')}}); // small when packed
        for (const char* name : {"a.zip", "b.zip", "c.zip"}) {
            const ImportResult result = importOf(*store_, {path(QLatin1String(name))});
            QVERIFY2(!result.error.isEmpty(), name);
            QCOMPARE(result.added, 0);
        }
        QVERIFY(listOf(*store_).isEmpty());
    }

    void whatIsNoFileOfChatsIsSaid_data() {
        QTest::addColumn<QByteArray>("file");
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("words") << QByteArray("Dear diary");
        QTest::newRow("binary") << QByteArray(1000, '\0');
        QTest::newRow("UTF-16") << QByteArray("\xFF\xFE[\0]\0", 6);
        QTest::newRow("an empty list") << QByteArray("[]");
        QTest::newRow("numbers") << QByteArray("[1, 2, [3], null]");
        QTest::newRow("a preset") << QByteArray(R"({"temperature": 0.5})");
        QTest::newRow("a string") << QByteArray(R"("chats")");
        QTest::newRow("ours without chats") << QByteArray(R"({"format": "switchyard-chats", "version": 1})");
    }
    void whatIsNoFileOfChatsIsSaid() {
        QFETCH(QByteArray, file);
        const ImportResult result = take(file);
        QVERIFY(!result.error.isEmpty());
        QVERIFY2(result.error.contains(u"given.json"_s), qPrintable(result.error));
        QCOMPARE(result.added, 0);
        QVERIFY(listOf(*store_).isEmpty());
    }

    void whatIsNoFileIsSaid() {
        QVERIFY(QDir(path({})).mkdir(u"folder.json"_s));
        for (const char* name : {"missing.json", "folder.json"}) {
            const ImportResult result = importOf(*store_, {path(QLatin1String(name))});
            QVERIFY2(!result.error.isEmpty(), name);
        }
    }

    /// A download that broke off: what is whole comes in, and it is said that there was more.
    void theBeginningOfAFileIsTaken() {
        QByteArray two = chatGptSample();
        two.chop(1);
        two += "," + chatGptSample().mid(1).replace("conv-1", "conv-2");
        two.chop(200);
        const ImportResult result = take(two);
        QCOMPARE(result.added, 1);
        QVERIFY(!result.error.isEmpty());
    }

    void oneBadChatDoesNotCostTheOthers() {
        QByteArray file = chatGptSample();
        file.insert(1, R"({"mapping": {"a": 3, "b": {"message": []}}}, {"mapping": {}}, 7, {"other": 1}, )");
        const ImportResult result = take(file);
        QCOMPARE(result.error, QString());
        QCOMPARE(result.added, 1);
        QCOMPARE(result.empty, 2);
        QCOMPARE(result.unknown, 2);
    }
};

QTEST_GUILESS_MAIN(TransferForeignTest)
#include "tst_transfer_foreign.moc"
