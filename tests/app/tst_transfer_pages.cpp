// Chats as Markdown and as a page of HTML: everything that was said is in them, and nothing that a text says
// becomes more than text.
#include "transfer_fixture.h"

#include "app/services/transfer/markdown_html.h"

#include <QRegularExpression>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

class TransferPagesTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<ConversationStore> store_;
    QString path(const QString& name) const { return folder_->filePath(name); }

    QString written(const ExportOptions& options, const QList<ConversationId>& chats = {}) {
        const QString file = path(u"out"_s);
        const ExportResult result = exportOf(*store_, {file, chats, options, 0});
        if (!result.error.isEmpty())
            qFatal("%s", qPrintable(result.error));
        return QString::fromUtf8(contentOf(file));
    }

    Message answerTo(MessageId question, ConversationId chat, const QList<MessagePart>& parts) const {
        Message answer = messageOf(chat, question, Author::Assistant, {});
        answer.parts = parts;
        answer.model = u"Tiny_1*B*.gguf"_s;
        store_->append(answer);
        return answer;
    }

  private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        store_ = std::make_unique<ConversationStore>(path(u"data"_s));
    }
    void cleanup() { store_.reset(); }

    void markdownSaysAllOfTheBranchThatIsShown() {
        const ConversationId id = ConversationStore::newId();
        store_->create(id, u"Plans *for* #1"_s, {});
        store_->saveSystemPrompt(id, u"Be brief.\nBe kind."_s);
        Message question = messageOf(id, 0, Author::User, u"What is in it?"_s);
        question.parts.prepend({PartKind::File, u"code with\n```\nfences and ````\n"_s, u"a`b.py"_s, 0});
        store_->append(question);
        answerTo(question.id, id, {{PartKind::Text, u"another version"_s, {}, 0}});
        const Message answer = answerTo(question.id, id,
                                        {{PartKind::Thinking, u"line one\n\nline two"_s, {}, 2300},
                                         {PartKind::ToolCall, u"{\"q\": 1}"_s, u"search"_s, 0},
                                         {PartKind::Text, u"It begins\n\n```cpp\nint a;"_s, {}, 0}});
        Message last = messageOf(id, answer.id, Author::User, u"Thanks"_s);
        store_->append(last);

        const QString text = written({ExportForm::Markdown, false}, {id});
        QVERIFY2(text.startsWith(u"# Plans \\*for\\* \\#1\n"_s), qPrintable(text));
        QVERIFY(text.contains(u"> Be brief.\n> Be kind."_s));
        QVERIFY2(text.contains(u"`````py\ncode with\n```\nfences and ````\n`````"_s), qPrintable(text));
        QVERIFY(text.contains(u"> line one\n> \n> line two"_s));
        QVERIFY2(text.contains(u"Thinking (2.3 s)"_s), qPrintable(text));
        QVERIFY(text.contains(u"## Answer · Tiny\\_1\\*B\\*.gguf · "_s));
        QVERIFY(text.contains(u"```cpp\nint a;\n```\n\n## You"_s)); // the fence that was open is closed
        QVERIFY(text.contains(u"Tool call: search"_s));
        QVERIFY(!text.contains(u"another version"_s));
        const QString all = written({ExportForm::Markdown, true}, {id});
        QVERIFY(all.contains(u"another version"_s));
        QVERIFY2(all.contains(u"Version 2 of 2"_s), qPrintable(all));
    }

    /// Nothing that is said takes what follows into it, or looks like what the export itself says.
    void eachMessageOfMarkdownEndsWhereItEnds_data() {
        QTest::addColumn<QString>("answer");
        QTest::addColumn<QString>("expected"); ///< up to the next heading
        QTest::newRow("a comment") << u"It is <!-- so"_s << u"It is <!-- so"_s;
        QTest::newRow("a block of comment") << u"It is\n\n<!-- so"_s << u"It is\n\n\\<!-- so"_s;
        QTest::newRow("pre") << u"<pre>\n# x\n<b>"_s << u"\\<pre>\n# x\n\\<b>"_s;
        QTest::newRow("details") << u"so <details> and `<details>`"_s << u"so \\<details> and `<details>`"_s;
        QTest::newRow("a tag in a tag") << u"<div\n<pre>"_s << u"\\<div\n\\<pre>"_s;
        QTest::newRow("script") << u"<script>let x"_s << u"\\<script>let x"_s;
        QTest::newRow("an address") << u"<https://a.example/> 1 < 2"_s << u"<https://a.example/> 1 < 2"_s;
        QTest::newRow("code") << u"```html\n<pre>\n"_s << u"```html\n<pre>\n```"_s;
        QTest::newRow("code by indentation") << u" \n\n    ```\n    x"_s << u"    ```\n    x"_s;
        QTest::newRow("a fence in a list") << u"- ```\n  x"_s << u"- ```\n  x"_s;
    }
    void eachMessageOfMarkdownEndsWhereItEnds() {
        QFETCH(QString, answer);
        QFETCH(QString, expected);
        const ConversationId id = ConversationStore::newId();
        store_->create(id, u"T"_s, {});
        const Message question =
            messageOf(id, 0, Author::User, u"# Forged\nA\n---\n> B\n```\n# c\n```\n<!-- D\n- e"_s);
        store_->append(question);
        answerTo(question.id, id, {{PartKind::Text, answer, {}, 0}});
        const QString text = written({ExportForm::Markdown, false}, {id});
        QVERIFY2(
            text.contains(u"\n\n\\# Forged\nA\n\\---\n\\> B\n```\n# c\n```\n\\<!-- D\n- e\n\n## Answer"_s),
            qPrintable(text));
        QVERIFY2(text.endsWith(u"\n\n"_s + expected + u"\n\n"_s), qPrintable(text));
    }

    void aPageNeedsNothingElse() {
        std::mt19937 random(2);
        ChatBatch batch;
        for (int i = 0; i < 12; ++i)
            batch.chats.push_back(awkwardChat(random, 12, 3));
        added(*store_, std::move(batch));
        const QString page = written({ExportForm::Html, true});
        QVERIFY(page.startsWith(u"<!DOCTYPE html>"_s));
        QVERIFY(page.endsWith(u"</html>\n"_s));
        QVERIFY(page.contains(u"<details><summary>Thinking (1.2 s)</summary>"_s));
        QVERIFY(page.contains(u"<table>"_s));
        QVERIFY(page.contains(u"data-language=\"cpp\""_s));
        QVERIFY(page.contains(u"\u7B80\u4F53\u4E2D\u6587"_s));
        QVERIFY(page.contains(u"prefers-color-scheme: dark"_s) && page.contains(u"@media print"_s));
        for (const char* tag :
             {"<script", "<img", "<iframe", "<object", "<link", "<base", "<form", "<svg", "<video"})
            QVERIFY2(!page.contains(QLatin1String(tag), Qt::CaseInsensitive), tag);
        static const QRegularExpression address(u"(href|src|action|data)=\"([^\"]*)\""_s);
        int links = 0;
        for (auto found = address.globalMatch(page); found.hasNext(); ++links) {
            const QString where = found.next().captured(2);
            QVERIFY2(where.startsWith(u"http"_s) || where.startsWith(u"#chat-"_s), qPrintable(where));
        }
        QVERIFY(links > 12);
        QVERIFY(!page.contains(QRegularExpression(u"<[^>]*\\son\\w+="_s)));
        // What opens closes: nothing of a text reached over its end.
        for (const char* tag : {"section", "article", "details", "div", "table", "pre", "blockquote"})
            QCOMPARE(page.count(u"<%1"_s.arg(QLatin1String(tag))),
                     page.count(u"</%1>"_s.arg(QLatin1String(tag))));
    }

    void textStaysText_data() {
        QTest::addColumn<QString>("markdown");
        QTest::addColumn<QString>("html");
        QTest::newRow("tags")
            << u"<b>x</b> <script>y</script>"_s
            << u"<p dir=\"auto\">&lt;b&gt;x&lt;/b&gt; &lt;script&gt;y&lt;/script&gt;</p>\n"_s;
        QTest::newRow("a block of HTML")
            << u"<div onclick=\"x\">\ny\n</div>"_s
            << u"<p dir=\"auto\">&lt;div onclick=&quot;x&quot;&gt;\ny\n&lt;/div&gt;</p>\n"_s;
        QTest::newRow("script") << u"[a](javascript:x)"_s << u"<p dir=\"auto\">a</p>\n"_s;
        QTest::newRow("script in disguise")
            << u"[a](JaVaScRiPt:x) [b](java&#115;cript:x) [c](&#106;avascript:x)"_s
            << u"<p dir=\"auto\">a b c</p>\n"_s;
        QTest::newRow("data and files")
            << u"[a](data:text/html,x) [b](file:///etc/passwd) [c](//h/x) [d](x.html)"_s
            << u"<p dir=\"auto\">a b c d</p>\n"_s;
        QTest::newRow("a link")
            << u"[a](https://h/?a=1&amp;b=\"2')"_s
            << u"<p dir=\"auto\"><a rel=\"noreferrer noopener\" href=\"https://h/?a=1&amp;b=&quot;"
               "2&#39;\">a</a></p>\n"_s;
        QTest::newRow("mail")
            << u"<mailto:a@b.example>"_s
            << u"<p dir=\"auto\"><a rel=\"noreferrer noopener\" href=\"mailto:a@b.example\">"
               "mailto:a@b.example</a></p>\n"_s;
        QTest::newRow("a picture")
            << u"![cat](https://h/c.png)"_s
            << u"<p dir=\"auto\"><a rel=\"noreferrer noopener\" href=\"https://h/c.png\">cat</a>"
               "</p>\n"_s;
        QTest::newRow("a picture in a link")
            << u"[![cat](https://h/c.png)](https://h/)"_s
            << u"<p dir=\"auto\"><a rel=\"noreferrer noopener\" href=\"https://h/\">cat</a></p>\n"_s;
        QTest::newRow("language")
            << u"```a\"><script>\nx\n```"_s
            << u"<pre dir=\"ltr\" data-language=\"a&quot;&gt;&lt;script&gt;\"><code>x\n</code>"
               "</pre>\n"_s;
        QTest::newRow("mathematics") << u"$a<b$"_s
                                     << u"<p dir=\"auto\"><code class=\"math\">$a&lt;b$</code></p>\n"_s;
        QTest::newRow("footnotes")
            << u"So.[^1]\n\n[^1]: Source\n[^a]: two words"_s
            << u"<p dir=\"auto\">So.[^1]</p>\n<p dir=\"auto\">[^1]: Source\n[^a]: two words</p>\n"_s;
        QTest::newRow("entities") << u"&copy; &lt;x&gt; &#0; &nope;"_s
                                  << u"<p dir=\"auto\">&copy; &lt;x&gt; &#0; &nope;</p>\n"_s;
    }
    void textStaysText() {
        QFETCH(QString, markdown);
        QFETCH(QString, html);
        QCOMPARE(QString::fromUtf8(htmlOfMarkdown(markdown)), html);
    }

    void hugeNestingIsWritten() {
        for (const QString& mark : {u"> "_s, u"- "_s, u"*"_s, u"["_s, u"`"_s})
            QVERIFY(!htmlOfMarkdown(mark.repeated(3000) + u'x').isEmpty());
    }
};

QTEST_GUILESS_MAIN(TransferPagesTest)
#include "tst_transfer_pages.moc"
