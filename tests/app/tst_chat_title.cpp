// Titles made of what was asked, and what is taken of titles that models make.
#include "app/services/chat_title.h"
#include "app/services/model_title.h"
#include "tests/support/time_limit.h"

#include <QSet>
#include <QTest>

#include <ctime>

using namespace switchyard;
using namespace Qt::StringLiterals;

class ChatTitleTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void theGist_data() {
        QTest::addColumn<QString>("asked");
        QTest::addColumn<QString>("title");
        const auto row = [](const char* name, const QString& asked, const QString& title) {
            QTest::newRow(name) << asked << title;
        };
        row("nothing", u""_s, u""_s);
        row("spaces", u"  \n\t "_s, u""_s);
        row("short", u"How does MLA save memory?"_s, u"How does MLA save memory?"_s);
        row("stays as it is", u"Go on."_s, u"Go on."_s);
        row("essay", u"Write a long essay about the fall of Rome."_s, u"The fall of Rome"_s);
        row("essay, polite", u"Can you please write me a very long, detailed essay on whales?"_s,
            u"Whales"_s);
        row("explain", u"Please explain how rainbows form"_s, u"How rainbows form"_s);
        row("explain this", u"Please explain this error to me"_s, u"Explain this error to me"_s);
        row("summarize", u"Summarize the following text"_s, u"Summarize the following text"_s);
        row("want", u"I want you to tell me about quantum tunnelling"_s, u"Quantum tunnelling"_s);
        row("help", u"Help me to plan a trip to Oslo"_s, u"Plan a trip to Oslo"_s);
        row("poem", u"Write a short poem about rain"_s, u"Poem about rain"_s);
        row("words", u"Write a 500-word essay about bees"_s, u"Bees"_s);
        row("greeting before", u"Hello! Could you explain entropy?"_s, u"Entropy"_s);
        row("greeting alone", u"Hello"_s, u"Hello"_s);
        row("greeting line", u"Hi there,\n\nwhat is a monad?"_s, u"what is a monad?"_s);
        row("lead-in alone", u"Please explain"_s, u"Explain"_s);
        row("heading", u"## Plans for May"_s, u"Plans for May"_s);
        row("list", u"1. Buy milk\n2. Walk"_s, u"Buy milk"_s);
        row("own capitals", u"Please explain iPhone sensors"_s, u"iPhone sensors"_s);
        row("code after", u"Why does this fail?\n```cpp\nint main() {}\n```"_s, u"Why does this fail?"_s);
        row("code before", u"```\nint main() {}\n```\nWhy does this fail?"_s, u"Why does this fail?"_s);
        row("code alone", u"```cpp\nint main() {}\n```"_s, u"int main() {}"_s);
        row("quote before", u"> They said so.\n\nIs that true?"_s, u"Is that true?"_s);
        row("quote alone", u"> They said so."_s, u"They said so."_s);
        row("tags", u"<b>bold</b> & more"_s, u"<b>bold</b> & more"_s);
        row("sentence",
            u"Name three rivers. They should be in Europe, and longer than a thousand kilometres in all."_s,
            u"Name three rivers"_s);
        row("whole words",
            u"The consequences of antidisestablishmentarianism for nineteenth century politics"_s,
            u"The consequences of…"_s);
        row("Chinese essay", u"帮我写一篇关于人工智能的长文章"_s, u"人工智能"_s);
        row("Chinese polite", u"请问你能帮我解释一下什么是量子纠缠吗？"_s, u"量子纠缠"_s);
        row("Chinese short", u"请解释一下光合作用"_s, u"光合作用"_s);
        row("Chinese poem", u"写一首关于春天的诗"_s, u"春天的诗"_s);
        row("Chinese greeting", u"你好，介绍一下长城"_s, u"长城"_s);
        row("Chinese greeting alone", u"你好"_s, u"你好"_s);
        row("mixed", u"请解释一下 MoE 模型的路由"_s, u"MoE 模型的路由"_s);
        row("Chinese, long",
            u"在一个没有月亮的夜晚，远处的山上有一座很小的房子，里面住着一位老人和他的三只猫咪"_s,
            u"在一个没有月亮的夜晚，远处的山上有一座很小的房…"_s);
    }
    void theGist() {
        QFETCH(QString, asked);
        QFETCH(QString, title);
        QCOMPARE(titleFrom(asked), title);
    }

    /// In a list of chats they are told apart by what they begin with.
    void elevenEssaysDoNotLookAlike() {
        const QStringList topics = {u"the history of Rome"_s,
                                    u"black holes"_s,
                                    u"coffee"_s,
                                    u"the French Revolution"_s,
                                    u"bees"_s,
                                    u"whales"_s,
                                    u"volcanoes"_s,
                                    u"jazz"_s,
                                    u"glass"_s,
                                    u"tea"_s,
                                    u"the sea"_s};
        for (const QString& form :
             {u"Write a long essay about %1"_s, u"Please write a long story about %1."_s,
              u"Can you write me a long and detailed article on %1?"_s, u"帮我写一篇关于%1的文章"_s}) {
            QSet<QString> beginnings;
            for (const QString& topic : topics)
                beginnings << titleFrom(form.arg(topic)).left(8);
            QCOMPARE(beginnings.size(), topics.size());
        }
    }

    void wordsStayWhole() {
        const QString line = u"one two three four five six seven eight nine ten eleven twelve thirteen"_s;
        for (int columns = 12; columns < 80; ++columns) {
            const QString cut = wholeWords(line, columns);
            QVERIFY(columnsOf(cut) <= columns);
            if (cut == line)
                continue;
            QVERIFY(cut.endsWith(u'…'));
            QVERIFY(line.startsWith(cut.chopped(1) + u' '));
        }
        // One without spaces is cut between two characters that are seen as such.
        const QString flags = u"🇩🇪"_s.repeated(60);
        const QString cut = wholeWords(flags, 20);
        QVERIFY(cut.endsWith(u'…'));
        QCOMPARE(cut.chopped(1).size() % 4, 0);
    }

    /// Whatever is pasted as a question costs next to nothing.
    void hostileQuestionsAreQuick() {
        const std::clock_t start = std::clock();
        for (const QString& text :
             {u"write a "_s + u"very long, "_s.repeated(20000), u"please "_s.repeated(40000),
              u"请"_s.repeated(100000), u"> "_s.repeated(50000), u"```\n"_s.repeated(30000),
              u"\n"_s.repeated(200000), u"a"_s.repeated(1000000), QString(100000, QChar(0xd800)),
              u"#"_s.repeated(100000), u"1. "_s.repeated(40000), u"hello, "_s.repeated(30000),
              QString(50000, QChar(0))}) {
            const QString title = titleFrom(text);
            QVERIFY(columnsOf(title) <= 49);
            QVERIFY(!title.contains(u'\n'));
        }
        QVERIFY(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < 3 * test::kSanitizerSlowdown);
    }

    // ---- What a model makes ----

    void whatIsTaken_data() {
        QTest::addColumn<QString>("written");
        QTest::addColumn<QString>("title"); // empty: the gist stays
        const auto row = [](const char* name, const QString& written, const QString& title) {
            QTest::newRow(name) << written << title;
        };
        row("plain", u"Fall of Rome"_s, u"Fall of Rome"_s);
        row("quoted", u"\"Fall of Rome\""_s, u"Fall of Rome"_s);
        row("curly", u"“Fall of Rome.”"_s, u"Fall of Rome"_s);
        row("label", u"Title: Fall of Rome"_s, u"Fall of Rome"_s);
        row("label and marks", u"**Title:** \"The Fall of Rome\""_s, u"The Fall of Rome"_s);
        row("heading", u"# Fall of Rome\n"_s, u"Fall of Rome"_s);
        row("blank lines", u"\n\n  Fall of Rome  \n\n"_s, u"Fall of Rome"_s);
        row("nothing", u""_s, u""_s);
        row("marks alone", u"\"\""_s, u""_s);
        row("label alone", u"Title:"_s, u""_s);
        row("lines", u"Fall of Rome\nIt was long ago."_s, u""_s);
        row("an answer",
            u"The Roman Empire fell in 476 after a long decline that had many causes, among them wars."_s,
            u""_s);
        row("talk", u"Sure! Here is a title about Rome"_s, u""_s);
        row("here is", u"Here's a title: Rome"_s, u""_s);
        row("I", u"I can help with Rome"_s, u""_s);
        row("the conversation", u"The conversation about Rome"_s, u""_s);
        row("echo", u"Give the conversation a title"_s, u""_s);
        row("echo of all", u"Reply with the title alone"_s, u""_s);
        row("unrelated", u"Banana bread recipes"_s, u""_s);
        row("the answer's beginning", u"The Roman Empire declined"_s, u""_s);
        row("the question", u"Why did Rome fall?"_s, u""_s);
        row("itself", u"Empires that I'm familiar with"_s, u""_s);
        row("sentences", u"Rome fell. Then what"_s, u""_s);
        row("a dot in a word", u"Rome in Node.js"_s, u"Rome in Node.js"_s);
        row("Chinese", u"罗马的衰亡"_s, u""_s);
        row("role", u"<|assistant|> Rome"_s, u""_s);
        row("one word", u"Rome"_s, u"Rome"_s);
        row("inflected", u"Roman decline"_s, u"Roman decline"_s);
    }
    void whatIsTaken() {
        QFETCH(QString, written);
        QFETCH(QString, title);
        const TitleMaterial of{u"Why did Rome fall?"_s,
                               u"The Roman Empire declined over centuries, by wars and debts."_s,
                               u"Why did Rome fall?"_s};
        QCOMPARE(titleIn(written, of), title);
    }

    void inChinese() {
        const TitleMaterial of{u"请介绍一下长城的历史"_s, u"长城始建于春秋战国时期，后来由秦朝连接。"_s,
                               u"长城的历史"_s};
        QCOMPARE(titleIn(u"标题：《长城的修建》"_s, of), u"长城的修建"_s);
        QCOMPARE(titleIn(u"长城历史。"_s, of), u"长城历史"_s);
        QCOMPARE(titleIn(u"The Great Wall"_s, of), QString());
        QCOMPARE(titleIn(u"说明：\"在这里历练一下！你可以应详了长城始建"_s, of), QString());
        QCOMPARE(titleIn(u"好的，以下是标题"_s, of), QString());
        QCOMPARE(titleIn(u"给下面的对话起一个标题"_s, of), QString());
        QVERIFY(titleRequest(u"m"_s, {}, of).turns[0].text.contains(u"标题"_s));
    }

    void moreIsNotWaitedFor() {
        QVERIFY(!isTitleComplete(u""_s));
        QVERIFY(!isTitleComplete(u"\n\n"_s));
        QVERIFY(!isTitleComplete(u"\nFall of"_s));
        QVERIFY(isTitleComplete(u"\nFall of Rome\n"_s));
        QVERIFY(isTitleComplete(u"word "_s.repeated(30)));
    }

    void whatIsAskedIsSmallAndBeside() {
        const TitleMaterial of{u"why "_s.repeated(10000), u"so "_s.repeated(10000), u"Why"_s};
        const GenerationRequest request = titleRequest(u"m"_s, {}, of);
        QVERIFY(request.priority == RunPriority::Lab && request.aside);
        QCOMPARE(request.conversation, ConversationId(0));
        QVERIFY(request.tuning.sequence.max_tokens <= kMostTitleTokens);
        QCOMPARE(request.turns.size(), std::size_t{1});
        QVERIFY(request.turns[0].text.size() < 2000);
    }
};

QTEST_GUILESS_MAIN(ChatTitleTest)
#include "tst_chat_title.moc"
