// Files that are meant to do harm, or were mangled: read within bounds, and answered with a sentence.
#include "foreign_samples.h"
#include "hostile_samples.h"
#include "transfer_fixture.h"

#include "app/services/transfer/foreign_tree.h"
#include "tests/support/time_limit.h"

#include <nlohmann/json.hpp>

#include <QTemporaryDir>

#include <ctime>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

using Json = nlohmann::ordered_json;

/// Parents first, no circle, no id twice: what the store and the window rely on.
bool isSound(const WholeChat& chat) {
    QSet<MessageId> seen{0};
    for (const Message& message : chat.messages) {
        if (!seen.contains(message.parent) || seen.contains(message.id) ||
            message.conversation != chat.summary.id)
            return false;
        seen.insert(message.id);
    }
    const MessageTree tree(chat.messages, chat.shown);
    return tree.size() == chat.messages.size();
}

void eachPlace(const Json& json, const Json::json_pointer& at,
               const std::function<void(const Json::json_pointer&)>& visit) {
    visit(at);
    if (json.is_object()) {
        for (const auto& [key, value] : json.items())
            eachPlace(value, at / key, visit);
    } else if (json.is_array()) {
        for (std::size_t i = 0; i < json.size(); ++i)
            eachPlace(json[i], at / i, visit);
    }
}

} // namespace

class TransferHostileTest : public QObject {
    Q_OBJECT

    static void samples() {
        QTest::addColumn<QByteArray>("file");
        QTest::newRow("own") << ownSample();
        QTest::newRow("ChatGPT") << chatGptSample();
        QTest::newRow("Open WebUI") << openWebUiSample();
        QTest::newRow("LM Studio") << lmStudioSample();
    }

  private Q_SLOTS:
    void cutAnywhere_data() { samples(); }
    void cutAnywhere() {
        QFETCH(QByteArray, file);
        QCOMPARE(ReadChats(file).chats.size(), 1u);
        QVERIFY(isSound(ReadChats(file).chats[0]));
        for (qsizetype length = 0; length < file.size() - 1; length += 5 + length % 7) {
            const ReadChats read(file.left(length));
            QVERIFY2(!read.error.isEmpty(), qPrintable(QString::number(length)));
            for (const WholeChat& chat : read.chats)
                QVERIFY(isSound(chat));
        }
    }

    /// Each value, in turn, is one of another type.
    void anyTypeAnywhere_data() { samples(); }
    void anyTypeAnywhere() {
        QFETCH(QByteArray, file);
        file.replace("Thanks \\ud83d", "Thanks"); // half a character, which a strict parser refuses
        const Json whole = Json::parse(file.begin(), file.end());
        const Json others[] = {nullptr,
                               true,
                               -1,
                               1e300,
                               "",
                               "m1",
                               Json::array(),
                               Json::array({Json::array({1})}),
                               Json::object(),
                               Json::object({{"text", 1}})};
        int tried = 0;
        eachPlace(whole, Json::json_pointer(), [&](const Json::json_pointer& at) {
            for (const Json& other : others) {
                Json changed = whole;
                changed[at] = other;
                const ReadChats read(QByteArray::fromStdString(changed.dump()));
                ++tried;
                for (const WholeChat& chat : read.chats)
                    QVERIFY2(isSound(chat), at.to_string().c_str());
            }
        });
        QVERIFY(tried > 100);
    }

    /// Bytes turned over, as a broken disk does it.
    void brokenBytes_data() { samples(); }
    void brokenBytes() {
        QFETCH(QByteArray, file);
        std::mt19937 random(5);
        for (int i = 0; i < 150; ++i) {
            QByteArray broken = file;
            for (int k = 0; k < 3; ++k)
                broken[static_cast<qsizetype>(random() % static_cast<unsigned>(broken.size()))] =
                    static_cast<char>(random());
            for (const WholeChat& chat : ReadChats(broken).chats)
                QVERIFY(isSound(chat));
        }
    }

    void deepNestingIsRefused() {
        for (const QByteArray& deep : {QByteArray(1'000'000, '['), QByteArray("{\"a\":").repeated(300'000),
                                       "[{\"mapping\": {\"a\": {\"parent\": " + QByteArray(100'000, '[')}) {
            const ReadChats read(deep);
            QVERIFY2(read.error.contains(u"nested"_s), qPrintable(read.error));
        }
    }

    void limitsHold() {
        JsonLimits limits;
        limits.string = 1000;
        limits.values = 200;
        limits.file = 100'000;
        const auto titled = [](const QByteArray& title) {
            return "[{\"title\": \"" + title + "\", \"mapping\": {}}]";
        };
        const auto numbers = [](int count) {
            return "[{\"x\": [" + QByteArray("0,").repeated(count) + "0]}]";
        };
        QVERIFY(ReadChats(titled(QByteArray(900, 'x')), limits).error.isEmpty());
        QVERIFY(!ReadChats(titled(QByteArray(1100, 'x')), limits).error.isEmpty());
        QVERIFY(!ReadChats(titled(QByteArray("\\\"").repeated(600)), limits).error.isEmpty());
        QVERIFY(!ReadChats(numbers(300), limits).error.isEmpty());
        QVERIFY(
            !ReadChats("[" + QByteArray("{},").repeated(50'000) + "{}]", limits).error.isEmpty()); // its size
        // Of many chats each has its own count.
        const ReadChats many("[" + QByteArray("{\"mapping\": {}}, ").repeated(2000) + "{}]", limits);
        QVERIFY2(many.error.isEmpty(), qPrintable(many.error));
        QCOMPARE(many.result.empty, 2000);
        limits = {};
        limits.chat = 500; // more is read at once
        QVERIFY(!ReadChats(numbers(400'000), limits).error.isEmpty());
    }

    /// A list costs no more than what is in it.
    void manySmallElementsTakeNoLonger() {
        constexpr int kMost = 5; // seconds of processor time; it takes a tenth of one
        const std::clock_t before = std::clock();
        const ReadChats read("[[" + QByteArray("{},").repeated(200'000) + "{}]]");
        QCOMPARE(read.result.unknown, 1);
        QVERIFY(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC <
                kMost * test::kSanitizerSlowdown);
    }

    /// However little is read from the disk for it.
    void itIsLookedAtWhetherToGoOn() {
        const QByteArray file = "[[" + QByteArray("[],").repeated(16'000) + "[]]]"; // is read at once
        MemoryBytes bytes(file);
        int looks = 0;
        ImportHooks hooks;
        hooks.progress = [&](double) {
            if (++looks == 4)
                throw TransferStopped();
        };
        ImportResult result;
        QVERIFY_EXCEPTION_THROWN(importChats(bytes, file.size(), hooks, {}, result), TransferStopped);
    }

    void ourMessagesAreCountedOneByOne() {
        JsonLimits limits;
        limits.values = 100;
        const ReadChats read(ownChain(500), limits);
        QVERIFY2(read.error.isEmpty(), qPrintable(read.error));
        QCOMPARE(read.chats[0].messages.size(), 500);
        QCOMPARE(MessageTree(read.chats[0].messages, {}).thread().size(), 500);
    }

    void circlesOrphansAndStrangers() {
        // A circle that nothing leads to, one that hangs on itself, and one whose parent is not there.
        const ReadChats read(
            conversation({node("a", "\"b\"", "\"b\"", "user"), node("b", "\"a\"", "\"a\"", "assistant"),
                          node("self", "\"self\"", "\"self\"", "user"),
                          node("orphan", "\"gone\"", "\"gone\", \"orphan\"", "user")},
                         "b"));
        QCOMPARE(read.chats.size(), 1u);
        QVERIFY(isSound(read.chats[0]));
        QCOMPARE(read.chats[0].messages.size(), 4);
        // Ours cannot say such a thing: a parent comes first.
        const ReadChats own(ownTangle());
        QCOMPARE(own.chats.size(), 1u);
        QVERIFY(isSound(own.chats[0]));
        QCOMPARE(own.chats[0].messages.size(), 4);
        QCOMPARE(own.chats[0].messages[2].parts[0].text, u"c"_s);
    }

    void longBranchesAndWideOnesTakeNoStack() {
        QList<QByteArray> chain, fan{node("0", "null", "", "user")};
        for (int i = 0; i < 20'000; ++i) {
            const QByteArray id = QByteArray::number(i);
            chain << node(id, i == 0 ? QByteArray("null") : "\"" + QByteArray::number(i - 1) + "\"", "",
                          i % 2 == 0 ? "user" : "assistant");
            fan << node("f" + id, "\"0\"", "", "assistant");
        }
        const ReadChats deep(conversation(chain, "19999")), wide(conversation(fan, "f7"));
        QVERIFY(isSound(deep.chats[0]));
        QCOMPARE(MessageTree(deep.chats[0].messages, deep.chats[0].shown).thread().size(), 20'000);
        QVERIFY(isSound(wide.chats[0]));
        QCOMPARE(wide.chats[0].messages.size(), 20'001);
    }

    /// Thousands of steps of thoughts and tools are one answer, which is written once.
    void aLongAnswerInStepsIsTaken() {
        QList<QByteArray> nodes{node("q", "null", "", "user")};
        QByteArray above = "q";
        for (int i = 0; i < 3000; ++i) {
            const QByteArray id = "a" + QByteArray::number(i);
            nodes << node(id, "\"" + above + "\"", "", "assistant").replace("words of", QByteArray(60, 'w'));
            above = id;
        }
        const ReadChats read(conversation(nodes, above));
        QCOMPARE(read.result.error, QString());
        QCOMPARE(read.chats.size(), 1u);
        QCOMPARE(read.chats[0].messages.size(), 2);
        QCOMPARE(read.chats[0].messages[1].parts.size(), 3000);
    }

    /// Answers that part at every step would be copied without end.
    void answersThatPartWithoutEndAreRefused() {
        QList<QByteArray> nodes{node("q", "null", "", "user")};
        QByteArray above = "q";
        const QByteArray words(2000, 'w');
        for (int i = 0; i < 3000; ++i) {
            const QByteArray id = "a" + QByteArray::number(i), side = "s" + QByteArray::number(i);
            nodes << node(id, "\"" + above + "\"", "", "assistant").replace("words of", words)
                  << node(side, "\"" + above + "\"", "", "assistant");
            above = id;
        }
        const ReadChats read(conversation(nodes, above));
        QCOMPARE(read.chats.size(), 0u);
        QCOMPARE(read.error, QString()); // there was a chat
        QVERIFY2(read.result.error.contains(u"“T” was left out"_s), qPrintable(read.result.error));
    }

    /// Each step has a question of its own, too: its beginning would be written again and again.
    void answersThatAreAskedAboutAtEachStepAreRefused() {
        QList<QByteArray> nodes{node("q", "null", "", "user")};
        QByteArray above = "q";
        for (int i = 0; i < 3000; ++i) {
            const QByteArray id = "a" + QByteArray::number(i), side = "s" + QByteArray::number(i);
            nodes << node(id, "\"" + above + "\"", "", "assistant").replace("words of", QByteArray(60, 'w'))
                  << node(side, "\"" + id + "\"", "", "user");
            above = id;
        }
        QCOMPARE(ReadChats(conversation(nodes, above)).chats.size(), 0u);
    }

    void timesThatAreNone() {
        for (const char* time :
             {"-5", "1e400", "1e30", "9e99", "0", "\"soon\"", "\"99999-01-01\"", "[1]", "true"}) {
            QByteArray file = chatGptSample();
            file.replace("1700000000.25", time).replace("1700000010.0", time);
            const ReadChats read(file);
            if (read.chats.empty())
                continue; // 1e400 is no number
            QVERIFY2(read.chats[0].summary.created.isValid(), time);
            const int year = read.chats[0].summary.created.date().year();
            QVERIFY2(year >= 1970 && year < 10'000, time);
        }
    }

    void brokenCharactersAreReplaced() {
        const auto title = [](const QByteArray& inside) {
            const ReadChats read("[{\"title\": \"" + inside + "\", \"mapping\": {" +
                                 node("a", "null", "", "user") + "}}]");
            return read.chats.empty() ? QString() : read.chats[0].summary.title;
        };
        QCOMPARE(title("a\\ud800b"), u"a\uFFFDb"_s);
        QCOMPARE(title("a\\udc00\\ud800"), u"a\uFFFD\uFFFD"_s);
        QCOMPARE(title("\\ud83d\\ude00"), u"\U0001F600"_s);
        QCOMPARE(title("a\xC3(b\xFF"), u"a\uFFFD(b\uFFFD"_s);
        QCOMPARE(title("\xED\xA0\x80x"), u"\uFFFD\uFFFD\uFFFDx"_s); // a surrogate in UTF-8
        QCOMPARE(title("\\\\ud800"), u"\\ud800"_s);                 // no escape at all
        QCOMPARE(title("\xE4\xB8\xAD"), u"\u4E2D"_s);
        // At the edges of what is read at once.
        for (int before = 65'480; before < 65'540; ++before) {
            const QByteArray padding(before, ' ');
            const QByteArray title = "\\ud83d\\ude00\\u4e2d\xF0\x9F\x98\x80\\ud83d";
            const ReadChats read(padding + "[{\"title\": \"" + title + "\", \"mapping\": {" +
                                 node("a", "null", "", "user") + "}}]");
            QCOMPARE(read.chats.size(), 1u);
            QCOMPARE(read.chats[0].summary.title, u"\U0001F600\u4E2D\U0001F600\uFFFD"_s);
        }
    }

    void marksInATextThatDoNotEnd() {
        for (const char* text : {"<think>", "<think>on and on", "<details type=\\\"reasoning\\\"", "</think>",
                                 "<details type=\\\"reasoning\\\">x", "<details type=\\\"x\\\"></details>"}) {
            const ReadChats read(openAiList(text));
            QCOMPARE(read.chats.size(), 1u);
        }
        const QByteArray many = QByteArray("<details type=\\\"reasoning\\\">").repeated(20'000);
        const ReadChats read(openAiList(many));
        QCOMPARE(read.chats.size(), 1u);
    }
};

QTEST_GUILESS_MAIN(TransferHostileTest)
#include "tst_transfer_hostile.moc"
