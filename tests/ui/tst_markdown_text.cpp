// What models write besides plain paragraphs: single tildes, links that are defined elsewhere, scripts from
// right to left, emoji; and formulas in the window, copied as TeX.
#include "tests/ui/chat_fixtures.h"
#include "tests/ui/desk.h"
#include "tests/ui/markdown_look.h"
#include "ui/chat/long_text.h"
#include "ui/chat/message_tools.h"
#include "ui/chat/text_stretch.h"
#include "ui/chat/thread_view.h"
#include "ui/emoji_font.h"
#include "ui/language.h"

#include <QAbstractTextDocumentLayout>
#include <QClipboard>
#include <QFontInfo>
#include <QFontMetricsF>
#include <QGlyphRun>
#include <QMenu>
#include <QPlainTextEdit>
#include <QTemporaryDir>
#include <QTextLayout>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// "text -> address" of each link, in order.
QStringList links(QTextDocument& document) {
    QStringList found;
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        for (auto it = block.begin(); !it.atEnd(); ++it) {
            if (it.fragment().charFormat().isAnchor())
                found += it.fragment().text() + u" -> "_s + it.fragment().charFormat().anchorHref();
        }
    }
    return found;
}

QString readAsText(QTextDocument& document) {
    QString text;
    PlainTextReader reader({&document, 0, document.characterCount() - 1, {}});
    while (!reader.read(text, 64)) {
    }
    return text;
}

} // namespace

class MarkdownTextTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void initTestCase() { installLanguage(*qApp, u"en"_s); }

    void singleTildesAreText() {
        for (const auto& [source, shown] :
             std::vector<std::pair<QString, QString>>{{u"about ~5 and ~6"_s, u"about ~5 and ~6"_s},
                                                      {u"~a~ and *~b~*"_s, u"~a~ and ~b~"_s},
                                                      {u"`~c~` and \\~d"_s, u"~c~ and ~d"_s}}) {
            const auto document = rendered(source);
            QCOMPARE(document->document().toPlainText(), shown);
            QVERIFY(!described(document->document()).contains(u"|2}"_s));
        }
        const auto struck = rendered(u"~~gone~~ and [home](http://a.b/~me) http://c.d/~you [x](</~z>)"_s);
        QVERIFY(struck->document().begin().begin().fragment().charFormat().fontStrikeOut());
        QCOMPARE(links(struck->document()),
                 (QStringList{u"home -> http://a.b/~me"_s, u"http://c.d/~you -> http://c.d/~you"_s,
                              u"x -> /~z"_s}));
    }

    void linksAreDefinedAnywhere() {
        const auto document =
            rendered(u"See [one][1], [two] and [Three  Four][].\n\n- [one again][1] [none][9]\n\n"
                     "[1]: https://a.b/c (title)\n[two]: <https://d.e>\n\n"
                     "[three four]: https://f.g \"title\"\n[1]: https://late.r\n\nText [two]"_s);
        QCOMPARE(
            links(document->document()),
            (QStringList{u"one -> https://a.b/c"_s, u"two -> https://d.e"_s, u"Three  Four -> https://f.g"_s,
                         u"one again -> https://a.b/c"_s, u"two -> https://d.e"_s}));
        QVERIFY(document->document().toPlainText().contains(u"[none][9]"_s));
        QVERIFY(!document->document().toPlainText().contains(u"https"_s));
        // What stands in a table, too, and its head is not written twice.
        const auto table =
            rendered(u"|a|b|\n|---|---|\n"_s + u"|[x][1]|y|\n"_s.repeated(40) + u"\n[1]: http://a.b\n"_s);
        QCOMPARE(links(table->document()).size(), 40);
        QCOMPARE(table->document().toPlainText().count(u"a\nb"_s), 1);
    }

    /// Whatever the pieces of the stream, what is shown is what one render of it shows.
    void linksStreamAsTheyAreRead() {
        const QByteArray source =
            "A [one][1] *b*\n\n```\n[1]\n```\n\n- [two]\n- [three][1]\n\n| [one][1] |\n|---|\n| "
            "[two] |\n\n[1]: https://a.b\n[two]: /c\n[bad]: not an address\n\n[1]: /later\n\n"
            "> [two] and [bad]\n\n[bad]: /good\n\nend [one][1]\n\n[last]: /x";
        MarkdownDocument growing(plainStyle());
        QCOMPARE(firstDifference(growing, source), qsizetype(-1));
        growing.finish();
        growing.append(" [last]\n\n[last]\n");
        growing.finish();
        const auto whole = rendered(QString::fromUtf8(source) + u" [last]\n\n[last]\n"_s);
        QCOMPARE(described(growing.document()), described(whole->document()));
    }

    void anEndingDefinitionCounts() {
        MarkdownDocument document(plainStyle());
        document.append("See [it][1].\n\n[1]: https://a.b");
        QVERIFY(links(document.document()).isEmpty()); // the address may go on
        document.finish();
        QCOMPARE(links(document.document()), QStringList{u"it -> https://a.b"_s});
        document.append("/more");
        document.finish();
        QCOMPARE(links(document.document()), QStringList{u"it -> https://a.b/more"_s});
    }

    void paragraphsHaveTheirOwnDirection() {
        const auto document =
            rendered(u"English first.\n\nمرحبا بالعالم `code()` و $x^2$\n\n- שלום\n- two\n\n"
                     "> اقتباس\n\n```\nint x;\n```\n"_s);
        QHash<QString, QTextBlock> blocks;
        for (QTextBlock block = document->document().begin(); block.isValid(); block = block.next())
            blocks.insert(block.text().left(5), block);
        const QTextBlock arabic = blocks[u"مرحبا"_s], item = blocks[u"\u2022\tשלו"_s];
        QCOMPARE(blocks[u"Engli"_s].textDirection(), Qt::LeftToRight);
        QCOMPARE(arabic.textDirection(), Qt::RightToLeft);
        QCOMPARE(item.textDirection(), Qt::RightToLeft);
        QVERIFY(item.blockFormat().rightMargin() > 0 && item.blockFormat().leftMargin() == 0);
        QVERIFY(blocks[u"\u2022\ttwo"_s].blockFormat().leftMargin() > 0);
        QVERIFY(blocks[u"اقتبا"_s].blockFormat().rightMargin() > 0);
        QCOMPARE(blocks[u"int x"_s].textDirection(), Qt::LeftToRight);
        // Code keeps its direction; what does that is not copied.
        QVERIFY(arabic.text().contains(u"\u2066code()\u2069"_s));
        QVERIFY(readAsText(document->document()).contains(u"مرحبا بالعالم code() و $x^2$"_s));
    }

    void emojiStayWhole() {
        const QString family = u"👩🏽\u200d👩\u200d👧"_s, flag = u"🇩🇪"_s, heart = u"❤\uFE0F"_s;
        for (const QString& emoji : {family, flag, heart}) {
            for (int before = 990; before < 1001; ++before) {
                const QString text = QString(before, u'x') + emoji.repeated(3);
                const auto document = rendered(text);
                QCOMPARE(wholeText(document->document()), text);
                for (QTextBlock block = document->document().begin(); block.isValid(); block = block.next()) {
                    const QString cut = block.text();
                    if (block.next().isValid())
                        QVERIFY2(cut.endsWith(emoji) || cut.endsWith(u'x'), qPrintable(cut.right(12)));
                }
            }
        }
        // In a line that is longer than a piece of Markdown.
        for (int before = 8170; before < 8195; ++before) {
            const QString text =
                u"word "_s.repeated(before / 5) + QString(before % 5, u'y') + family.repeated(4);
            const auto document = rendered(text);
            for (QTextBlock block = document->document().begin(); block.next().isValid();
                 block = block.next())
                QVERIFY(!block.next().text().startsWith(u'\u200d') && !block.text().endsWith(u'\u200d'));
        }
    }

    /// The font of the emoji has digits and spaces, too.
    void digitsAreOfTheTextsFont() {
        const QFont font = withEmoji(QFont());
        QVERIFY(QFontInfo(font).family() == QFontInfo(QFont()).family());
        for (const QString& text : {u"0123456789"_s, u"a b c"_s, u"#*"_s})
            QCOMPARE(QFontMetricsF(font).horizontalAdvance(text),
                     QFontMetricsF(QFont()).horizontalAdvance(text));
        const QString family = u"👩🏽\u200d💻"_s;
        if (font.families().size() > 1) // drawn as one
            QVERIFY(QFontMetricsF(font).horizontalAdvance(family) <
                    1.6 * QFontMetricsF(font).horizontalAdvance(u"😀"_s));
    }

    /// By what cuts the text into pieces, and by what looks for formulas.
    void aBlockOfCodeEndsOnlyWithALineOfMarks() {
        const auto document =
            rendered(u"````\ncode ``` $a$ ````x\n````\tx\n$b$\n  ````  \n\n$c$ ```$d$```"_s);
        const QString text = wholeText(document->document());
        QVERIFY2(text.contains(u"code ``` $a$ ````x"_s) && text.contains(u"$b$"_s) && text.contains(u"$d$"_s),
                 qPrintable(text));
        QCOMPARE(text.count(QChar::ObjectReplacementCharacter), 1);
        QVERIFY(!text.contains(u"$c$"_s));
    }

    void emojiOfLettersAndSignsHaveTheirOwnFont_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QStringList>("emoji");
        QTest::newRow("keycaps") << u"a 1️⃣ and #️⃣*️⃣, 2⃣"_s
                                 << QStringList{u"1️⃣"_s, u"#️⃣*️⃣"_s, u"2⃣"_s};
        QTest::newRow("flags") << u"🇩🇪🇨🇳 🇫 x"_s << QStringList{u"🇩🇪🇨🇳"_s};
        QTest::newRow("a flag of tags")
            << u"a🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007Fb"_s
            << QStringList{u"🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"_s};
        QTest::newRow("signs with pictures")
            << u"☀️ and ❤️ but ❤, and ©️"_s << QStringList{u"☀️"_s, u"❤️"_s};
        QTest::newRow("joined") << u"x👩\u200d❤️\u200d👨y"_s
                                << QStringList{u"👩\u200d❤️\u200d👨"_s};
        QTest::newRow("none") << u"12 #* a\u200db 😀 क\u200dष 1️"_s << QStringList();
        QTest::newRow("without what they need") << u"1️ 🏴 🇫"_s << QStringList();
    }
    void emojiOfLettersAndSignsHaveTheirOwnFont() {
        QFETCH(QString, text);
        QFETCH(QStringList, emoji);
        QStringList found;
        for (EmojiStretch next = nextEmojiStretch(text, 0); next.begin < next.end;
             next = nextEmojiStretch(text, next.end))
            found << text.mid(next.begin, next.end - next.begin);
        QCOMPARE(found, emoji);
        if (emojiFamily().isEmpty())
            QSKIP("Noto Color Emoji is not installed");
        // In a document, also as code; what is copied is the same text.
        for (const QString& source : {text, u"```\n%1\n```"_s.arg(text)}) {
            const auto document = rendered(source);
            QVERIFY(wholeText(document->document()).contains(text));
            document->document().setTextWidth(2000);
            document->document().documentLayout()->documentSize(); // laid out
            QString drawn;
            for (QTextBlock block = document->document().begin(); block.isValid(); block = block.next())
                for (auto it = block.begin(); !it.atEnd(); ++it) {
                    const QTextFragment part = it.fragment();
                    if (part.charFormat().fontFamilies().toStringList() != QStringList{emojiFamily()})
                        continue;
                    drawn += part.text();
                    qsizetype glyphs = 0;
                    for (const QGlyphRun& run :
                         block.layout()->glyphRuns(part.position() - block.position(), part.length()))
                        glyphs += run.glyphIndexes().size();
                    if (part.text() == u"1️⃣"_s || part.text() == u"👩\u200d❤️\u200d👨"_s)
                        QCOMPARE(glyphs, 1); // drawn as one
                }
            QCOMPARE(drawn, emoji.join(QString()));
        }
    }

    // ---- In the window ----

    void anAnswerWithMathematicsIsCopied() {
        QTemporaryDir folder;
        FakeScript script;
        script.text =
            u"Euler: $e^{i\\pi} + 1 = 0$ and\n\n\\[\\int_0^1 x\\,dx = \\frac{1}{2}\\]\n\nThat is *all*."_s;
        script.tokens_per_second = 400;
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Example.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        QTest::keyClicks(composer, u"Formulas?"_s);
        QTest::keyClick(composer, Qt::Key_Return);
        QTRY_VERIFY(!desk.controller.busy() && desk.find<ThreadView>(u"threadView"_s)->messageCount() == 2);
        auto* view = desk.find<ThreadView>(u"threadView"_s);
        view->setFocus();
        QTest::keyClick(view, Qt::Key_A, Qt::ControlModifier);
        QTest::keyClick(view, Qt::Key_C, Qt::ControlModifier);
        const QString copied = QGuiApplication::clipboard()->text();
        QVERIFY2(
            copied.contains(
                u"Euler: $e^{i\\pi} + 1 = 0$ and\n\\[\\int_0^1 x\\,dx = \\frac{1}{2}\\]\nThat is all."_s),
            qPrintable(copied));
        // By the buttons under the answer: as text, and as it was written.
        MessageTools* tools = view->tools(view->messageAt(1));
        QVERIFY(tools);
        tools->findChild<QAction*>(u"copyTextAction"_s)->trigger();
        QVERIFY(QGuiApplication::clipboard()->text().endsWith(u"\nThat is all."_s));
        tools->findChild<QAction*>(u"copyMarkdownAction"_s)->trigger();
        QCOMPARE(QGuiApplication::clipboard()->text(), script.text);
    }
};

QTEST_MAIN(MarkdownTextTest)
#include "tst_markdown_text.moc"
