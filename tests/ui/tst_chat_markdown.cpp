// Markdown as a document: what models write survives, and streaming gives what one render gives.
#include "tests/support/time_limit.h"
#include "tests/ui/markdown_look.h"
#include "tests/ui/stall_meter.h"
#include "ui/chat/code_highlighter.h"
#include "ui/chat/wide_bands.h"

#include <QAbstractTextDocumentLayout>
#include <QRandomGenerator>
#include <QTest>
#include <QTextBlock>
#include <QTextTable>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

QString plain(const QString& text) { return readText(rendered(text)->document()).trimmed(); }

const QString& sample() {
    static const QString text = uR"(# Latent attention

MLA stores **one latent vector** per token, not `std::vector<float>` per *head*.
A soft break, <b>raw HTML</b> &amp; an entity; see [the paper](https://arxiv.org/abs/2405.04434).

1. First item with \(k_t = W_{UK} c_t\)
2. Second item

   a paragraph of it
   - nested `code`
   - [x] nested task
3. Third
   ```python
   def f(x):
       return x + 1  # comment
   ```
4. Fourth

> A quote
> of two lines

| Name | Bytes |
|------|------:|
| KV   | 576   |
| `c`  | $x_1$ |

```cpp
// a comment
template <typename T> std::vector<int> f(const T& x) { return {1, 2}; }

int main() { return 0; }
```

---

$$
E = mc^2
- 1
$$

    indented code

    more of it

Setext
======

潜在注意力把**键和值**压缩成一个向量。😀 emoji and `代码`.

~~~
plain fence
~~~
- a
* b
- [ ] open
Lazy line

Last paragraph without newline)"_s;
    return text;
}

} // namespace

class ChatMarkdownTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void keepsWhatModelsWrite_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("shown");
        QTest::newRow("template arguments")
            << u"Use std::vector<int> here.\n\nNext."_s << u"Use std::vector<int> here.\nNext."_s;
        QTest::newRow("inline mathematics")
            << u"Where \\(x_1 * y_2 * z\\) is."_s << u"Where \\(x_1 * y_2 * z\\) is."_s;
        QTest::newRow("display mathematics") << u"\\[ a_{i} \\]"_s << u"\\[ a_{i} \\]"_s;
        QTest::newRow("open mathematics") << u"so \\(x"_s << u"so \\(x"_s;
        QTest::newRow("dollars of mathematics")
            << u"$a_i*b_i*c$ and $$\\frac{a}{b}$$"_s << u"$a_i*b_i*c$ and \n$$\\frac{a}{b}$$"_s;
        QTest::newRow("dollars of prices") << u"from $5 to *$6* or $7"_s << u"from $5 to $6 or $7"_s;
        QTest::newRow("HTML") << u"<b>bold</b> <script>alert(1)</script>"_s
                              << u"<b>bold</b> <script>alert(1)</script>"_s;
        QTest::newRow("HTML block") << u"<div>\nx\n</div>"_s << u"<div>\nx\n</div>"_s;
        QTest::newRow("entities") << u"&lt;a&gt; &copy; &#x41;"_s << u"<a> \u00a9 A"_s;
        QTest::newRow("mathematics in code") << u"`\\(x\\)` and `$a$`"_s << u"\\(x\\) and $a$"_s;
        QTest::newRow("ordered list") << u"3. c\n3. d\n3. e"_s << u"3.\tc\n4.\td\n5.\te"_s;
        QTest::newRow("noncharacters")
            << u"a"_s + QChar(0xFDD0) + u"0"_s + QChar(0xFDD1) + u"b"_s << u"a\uFFFD0\uFFFDb"_s;
        QTest::newRow("image") << u"![a cat](http://x/cat.png)"_s << u"a cat"_s;
        QTest::newRow("table") << u"| a | b |\n|---|---|\n| 1 | 2 |"_s << u"a\nb\n1\n2"_s;
        QTest::newRow("footnotes")
            << u"A claim.[^1] Another.[^2]\n\n[^1]: https://example.com\n[^2]: Two words"_s
            << u"A claim.[1] Another.[2]\n[1] https://example.com\n[2] Two words"_s;
        QTest::newRow("footnotes of one word") << u"So.[^1]\n\n[^1]: Source\n"_s << u"So.[1]\n[1] Source"_s;
        QTest::newRow("footnotes with names")
            << u"So[^note]\n\n[^note]: Source"_s << u"So[^note]\n[^note]: Source"_s;
        QTest::newRow("footnotes with formulas")
            << u"$$x$$[^3]\n\n> [^3]: where $y$"_s << u"$$x$$\n[3]\n[3] where $y$"_s;
        QTest::newRow("what only looks like one") << u"[^a-z]+ and [^\\d]"_s << u"[^a-z]+ and [^\\d]"_s;
        QTest::newRow("a footnote in code") << u"`[^1]: x`"_s << u"[^1]: x"_s;
        QTest::newRow("escapes") << u"\\*not\\* 2\\_3"_s << u"*not* 2_3"_s;
    }

    void keepsWhatModelsWrite() {
        QFETCH(QString, source);
        QFETCH(QString, shown);
        QCOMPARE(plain(source), shown);
    }

    void codeBlocksAreFrames() {
        const auto document =
            rendered(u"Text\n\n```cpp\nint x = 1;\n\nreturn;\n```\n\nAfter\n\n1. a\n   ```\n   b\n   ```"_s);
        QCOMPARE(document->codeBlocks().size(), 2u);
        const CodeBlock& block = document->codeBlocks()[0];
        QCOMPARE(block.language, u"cpp"_s);
        QCOMPARE(block.code, u"int x = 1;\n\nreturn;"_s);
        QVERIFY(block.frame);
        QCOMPARE(document->codeBlocks()[1].code, u"b"_s);
        QCOMPARE(document->document().rootFrame()->childFrames().size(), 2);
    }

    void codeIsColouredWhenClosed() {
        const auto colours = [](const QString& source, bool finish) {
            MarkdownDocument document(plainStyle());
            document.append(source.toStdString());
            if (finish)
                document.finish();
            QSet<QRgb> seen;
            for (QTextBlock block = document.document().begin(); block.isValid(); block = block.next()) {
                for (auto it = block.begin(); !it.atEnd(); ++it)
                    seen.insert(it.fragment().charFormat().foreground().color().rgb());
            }
            return seen.size();
        };
        QCOMPARE(colours(u"```cpp\nint x = 1; // c\nreturn x;\n"_s, false), 1);
        QVERIFY(colours(u"```cpp\nint x = 1; // c\nreturn x;\n```\n"_s, false) >= 4);
    }

    void streamingEqualsOneRender() {
        const QByteArray source = sample().toUtf8();
        const QString whole = described(rendered(sample())->document());
        QVERIFY(whole.contains(u"indented code"_s));
        QRandomGenerator random(7);
        for (int round = 0; round < 60; ++round) {
            MarkdownDocument document(plainStyle());
            const int longest = round % 3 == 0 ? 3 : round % 3 == 1 ? 20 : 200;
            for (qsizetype at = 0; at < source.size();) {
                qsizetype size = std::min<qsizetype>(1 + random.bounded(longest), source.size() - at);
                while (at + size < source.size() && (source[at + size] & 0xC0) == 0x80)
                    ++size; // whole characters, as the engine gives them
                document.append(std::string_view(source.data() + at, static_cast<std::size_t>(size)));
                at += size;
            }
            document.finish();
            QCOMPARE(described(document.document()), whole);
        }
    }

    void everyPrefixEqualsItsOwnRender() {
        const QByteArray source = sample().toUtf8();
        MarkdownDocument growing(plainStyle());
        for (qsizetype at = 0; at < source.size();) {
            qsizetype size = 1;
            while (at + size < source.size() && (source[at + size] & 0xC0) == 0x80)
                ++size;
            growing.append(std::string_view(source.data() + at, static_cast<std::size_t>(size)));
            at += size;
            if (at % 7 != 0)
                continue;
            MarkdownDocument once(plainStyle());
            once.append(std::string_view(source.data(), static_cast<std::size_t>(at)));
            const QString grown = described(growing.document()), whole = described(once.document());
            QVERIFY2(grown == whole,
                     qPrintable(u"after %1\ngrown: %2\nwhole: %3"_s.arg(
                         QString::fromUtf8(source.left(at).right(60)), grown.right(500), whole.right(500))));
            QCOMPARE(growing.codeBlocks().size(), once.codeBlocks().size());
        }
    }

    void finishedPiecesStay() {
        MarkdownDocument document(plainStyle());
        std::size_t most = 0;
        for (int i = 0; i < 400; ++i) {
            const std::size_t before = document.piecesRendered();
            document.append(i % 20 == 19 ? "end.\n\n" : "word ");
            most = std::max(most, document.piecesRendered() - before);
        }
        QVERIFY2(most <= 2, qPrintable(QString::number(most)));
    }

    void sourceOffsetsFindTheirText() {
        const auto document = rendered(sample());
        const QByteArray source = sample().toUtf8();
        for (const char* word :
             {"latent vector", "std::vector", "paper", "k_t", "nested task", "return x", "576", "template <",
              "E = mc", "more of it", "Setext", "键和值", "emoji", "Last"}) {
            const qsizetype at = source.indexOf(word);
            QVERIFY2(at >= 0, word);
            QTextCursor cursor(&document->document());
            const int position = document->position(static_cast<std::size_t>(at));
            const QString expected = QString::fromUtf8(word);
            cursor.setPosition(position + 1);
            if (isFormula(cursor.charFormat())) {
                QVERIFY2(formulaSource(cursor.charFormat()).contains(expected), word);
                continue;
            }
            cursor.setPosition(position);
            cursor.setPosition(position + static_cast<int>(expected.size()), QTextCursor::KeepAnchor);
            QCOMPARE(cursor.selectedText(), expected);
        }
    }

    void costDoesNotGrowWithTheAnswer() {
        MarkdownDocument document(plainStyle());
        document.document().setTextWidth(700);
        const std::string paragraph =
            "Some **bold** text with `code` in it, and more words to fill a line or two of it. ";
        const auto spend = [&](int paragraphs) {
            const double begun = threadTime();
            for (int i = 0; i < paragraphs; ++i) {
                for (std::size_t at = 0; at < paragraph.size(); at += 5) {
                    document.append(std::string_view(paragraph).substr(at, 5));
                    document.document().documentLayout()->documentSize();
                }
                document.append("\n\n");
            }
            return threadTime() - begun;
        };
        spend(20);
        const double early = spend(40);
        spend(800);
        const double late = spend(40);
        qInfo("40 paragraphs: %.1f ms of work early, %.1f ms after 860 more", early, late);
        QVERIFY2(late < early * 3 + 20, "the cost of a token grows with the answer");
    }

    /// What is not a mark must never be taken for one, wherever it stands.
    void noncharactersAreText() {
        const QString marks = QChar(0xFDD0) + u"x"_s + QChar(0xFDD1) + QChar(0xFDEF);
        for (const QString& frame :
             {u"%1"_s, u"`%1`"_s, u"```\n%1\n```"_s, u"    %1"_s, u"- `%1`\n  ```\n  %1\n  ```"_s, u"> %1"_s,
              u"|%1|\n|---|\n|%1|"_s, u"# %1"_s, u"[%1](%1)"_s, u"$%1$ \\(%1\\)"_s, u"```%1\nx\n```"_s,
              u"&#xFDD0;%1"_s}) {
            const QString source = QString(frame).replace(u"%1"_s, marks);
            const auto document = rendered(source);
            QVERIFY2(readText(document->document()).contains(u"\uFFFDx\uFFFD\uFFFD"_s) ||
                         frame.startsWith(u"```%1"_s),
                     qPrintable(frame));
        }
        QCOMPARE(rendered(u"```\n"_s + marks + u"\n```"_s)->codeBlocks()[0].code, marks); // to copy
    }

    void addressesKeepTheirDollars() {
        for (const QString& source : {u"[a](http://x/$a$b?c=$d$)"_s, u"<http://x/$a$b?c=$d$>"_s}) {
            const auto kept = rendered(source);
            QString found;
            for (auto it = kept->document().begin().begin(); !it.atEnd(); ++it) {
                if (it.fragment().charFormat().isAnchor())
                    found += it.fragment().charFormat().anchorHref();
            }
            QVERIFY2(!found.isEmpty(), qPrintable(source));
            QCOMPARE(found, u"http://x/$a$b?c=$d$"_s);
        }
    }

    void longTablesHaveTheSameColumns() {
        const QString text = u"| name | b |\n|---|--:|\n"_s + u"| some words | 2 |\n"_s.repeated(100);
        const auto document = rendered(text);
        fitTables(document->document(), 600);
        int rows = 0;
        QList<QTextLength> columns;
        for (QTextFrame* frame : document->document().rootFrame()->childFrames()) {
            auto* table = qobject_cast<QTextTable*>(frame);
            QVERIFY(table);
            rows += table->rows();
            if (columns.isEmpty())
                columns = table->format().columnWidthConstraints();
            QCOMPARE(table->format().columnWidthConstraints(), columns);
            QCOMPARE(table->columns(), 2);
        }
        QCOMPARE(rows, 101);
        QCOMPARE(columns.size(), 2);
        const QString wide = u"|a"_s.repeated(200) + u"|\n"_s + u"|---"_s.repeated(200) + u"|\n"_s +
                             (u"|b"_s.repeated(200) + u"|\n"_s).repeated(200);
        const auto shown = rendered(wide);
        QCOMPARE(shown->document().rootFrame()->childFrames().size(), 0);
        QVERIFY(shown->document().toPlainText().startsWith(u"A table of 200 columns"_s));
        QCOMPARE(shown->document().toPlainText().count(u'b'), 200 * 200 + 1);
    }

    void longWordsAreJoinedAgain() {
        const QString word = u"x"_s.repeated(300'000);
        for (const QString& source :
             {word, u"`"_s + word + u"`"_s, u"```\n"_s + word + u"\n```"_s, u"- "_s + word, u"> "_s + word}) {
            const auto document = rendered(source);
            const QString whole = wholeText(document->document());
            QVERIFY2(whole.contains(u"x"_s.repeated(7000)), qPrintable(source.left(8)));
            for (QTextBlock block = document->document().begin(); block.isValid(); block = block.next())
                QVERIFY(block.length() < 13'000);
            const int at = document->position(source.indexOf(u'x') + 7000);
            QCOMPARE(document->document().characterAt(at), u'x');
        }
    }

    void hostileTextCostsLittle_data() {
        QTest::addColumn<QString>("source");
        const auto row = [](const char* name, const QString& source) { QTest::newRow(name) << source; };
        const auto upTo = [](int size, const QString& unit) { return unit.repeated(size / unit.size()); };
        constexpr int big = 40'000;
        row("formulas that open", upTo(big, u"\\("_s));
        row("formulas", upTo(big, u"\\(a\\) "_s));
        row("display formulas", upTo(big, u"$$a"_s));
        row("dollars", upTo(big, u"$a "_s));
        row("one word", upTo(300'000, u"x"_s));
        row("one word of code", u"```\n"_s + upTo(300'000, u"x"_s) + u"\n```"_s);
        row("one line of words", upTo(300'000, u"word "_s));
        row("combining marks", u"a"_s + upTo(big, u"\u0301"_s));
        row("joined emoji", upTo(big, u"👩\u200d"_s));
        row("right to left", upTo(big, u"\u202eא "_s));
        row("emphasis", upTo(big, u"*a "_s));
        row("emphasis both ways", upTo(big, u"*a* "_s));
        row("strong", upTo(big, u"**a* "_s));
        row("underscores", upTo(big, u"_a"_s));
        row("strikes", upTo(big, u"~a "_s));
        row("brackets", upTo(big, u"["_s));
        row("open links", upTo(big, u"[a]("_s));
        row("links", upTo(big, u"[a](b) "_s));
        row("images", upTo(big, u"![a](b)"_s));
        row("references", upTo(big / 2, u"[a]: b\n"_s) + upTo(big / 2, u"[a] "_s));
        row("addresses", upTo(big, u"http://a.b "_s));
        row("mail addresses", upTo(big, u"a@b.c "_s));
        row("entities", upTo(big, u"&amp;"_s));
        row("unknown entities", upTo(big, u"&aaaa;"_s));
        row("angles", upTo(big, u"<"_s));
        row("tags", upTo(big, u"<a href='"_s));
        row("quotes", upTo(big, u">"_s));
        row("quotes of lines", upTo(big, u"> a\n"_s));
        row("nested quotes", upTo(big, u"> "_s) + u"a"_s);
        row("nested lists", upTo(big, u"- "_s) + u"a"_s);
        row("items", upTo(big, u"- a\n"_s));
        row("numbers", upTo(big, u"1. a\n"_s));
        row("tasks", upTo(big, u"- [ ] a\n"_s));
        row("headings", upTo(big, u"# a\n"_s));
        row("rules", upTo(big, u"---\n"_s));
        row("fences", upTo(big, u"```\n"_s));
        row("items with fences", upTo(big, u"- ```\n  a\n  ```\n"_s));
        row("indented code", upTo(big, u"    a\n"_s));
        const QString empty_lines = QString(18'000, u'\n') + u"x"_s;
        row("empty lines in a fence", u"```\n"_s + empty_lines);
        row("empty lines in an indented fence", u"   ```\n"_s + empty_lines);
        row("empty lines in a fence in an item", u"- ```\n"_s + empty_lines);
        row("empty lines in indented code", u"    a\n"_s + empty_lines.left(8'000) + u"    b c d e f"_s);
        row("empty lines in an item", u"- a\n"_s + empty_lines + u"\n  b"_s);
        row("indented fence", u"  ```cpp\n"_s + upTo(big, u"  int x;\n"_s));
        row("fence in an item", u"1. ```cpp\n"_s + upTo(big, u"   int x;\n"_s));
        row("fence with tabs", u"```go\n"_s + upTo(big, u"\tx := 1\n"_s));
        row("hard breaks", upTo(big, u"a  \n"_s));
        row("soft breaks", upTo(big, u"a\n"_s));
        row("blank lines", upTo(big, u"\n"_s));
        row("escapes", upTo(big, u"\\*"_s));
        row("nulls", upTo(big, QString(QChar(0))));
        row("returns", upTo(big, u"a\r"_s));
        row("separators", upTo(big, u"a\u2029"_s));
        row("table", u"|a|b|c|d|\n|---|---|---|---|\n"_s + upTo(big, u"|one|two|three|four|\n"_s));
        row("table of 200 x 200", upTo(400, u"|a"_s) + u"\n"_s + upTo(800, u"|---"_s) + u"\n"_s +
                                      (upTo(400, u"|b"_s) + u"\n"_s).repeated(200));
        row("table of 40 columns", upTo(80, u"|a"_s) + u"\n"_s + upTo(160, u"|---"_s) + u"\n"_s +
                                       (upTo(80, u"|b"_s) + u"\n"_s).repeated(400));
        row("table in a quote", u"> |a|b|\n> |---|---|\n"_s + upTo(big, u"> |c|d|\n"_s));
        row("table in an item", u"- |a|b|\n  |---|---|\n"_s + upTo(big, u"  |c|d|\n"_s));
        row("pipes", u"|a\n|---\n"_s + upTo(big, u"|"_s));
        row("code in colours", u"```cpp\n"_s + upTo(300'000, u"int x = 1; // a\n"_s) + u"```\n"_s);
        row("open strings", u"```js\n"_s + upTo(big, u"\"'`/*"_s) + u"\n```\n"_s);
        row("open mark-up", u"```html\n"_s + upTo(big, u"<a \""_s) + u"\n```\n"_s);
        QString ticks;
        for (int i = 1; ticks.size() < big; ++i)
            ticks += QString(i, u'`') + u'a';
        row("backticks", ticks);
        row("pairs of backticks", upTo(big, u"`a` "_s));
        QString stairs;
        for (int i = 0; stairs.size() < big; ++i)
            stairs += QString(2 * i, u' ') + u"- a\n"_s;
        row("stairs of lists", stairs);
        row("images of every kind", upTo(big, u"![a](file:///dev/zero)![b](data:image/png;base64,AA) "
                                              u"![c](http://127.0.0.1/d.png)[e](javascript:f) "_s));
        for (const char mark : {'*', '[', '$', '(', '<', '&', '~'})
            QTest::addRow("100,000 of %c", mark) << QString(100'000, QLatin1Char(mark));
    }

    /// A step is what one turn of the event loop takes over, or one token of a stream. A frame is 16 ms; a
    /// machine of the tests may be twice as slow.
    void hostileTextCostsLittle() {
        QFETCH(QString, source);
        const QByteArray text = source.toUtf8();
        constexpr double limit =
            80 * test::kSanitizerSlowdown; // milliseconds of work, with room for a busy machine
        const auto spend = [&](qsizetype first, qsizetype step, qsizetype until) {
            MarkdownDocument document(plainStyle());
            document.document().setTextWidth(700);
            double worst = 0;
            for (qsizetype at = 0; at < until;) {
                const std::string_view rest(text.data() + at, static_cast<std::size_t>(until - at));
                const qsizetype size = step == 0 ? static_cast<qsizetype>(comfortableStep(rest))
                                                 : std::min(at == 0 && first > 0 ? first : step, until - at);
                const double begun = threadTime();
                document.append(rest.substr(0, static_cast<std::size_t>(size)));
                document.document().documentLayout()->documentSize();
                if (at > 0 || step == 0)
                    worst = std::max(worst, threadTime() - begun);
                at += size;
            }
            const double begun = threadTime();
            document.finish();
            document.document().documentLayout()->documentSize();
            return std::max(worst, threadTime() - begun);
        };
        const double blocks = spend(0, 0, text.size());
        const double tokens = spend(7900, 7, std::min<qsizetype>(text.size(), 8190));
        const qsizetype far = std::min<qsizetype>(text.size(), 20'000);
        const double later = far > 8190 ? spend(far - 300, 7, far) : 0;
        qInfo("a turn %.1f ms, of a token %.1f ms, of a later one %.1f ms", blocks, tokens, later);
        QVERIFY2(blocks < limit && tokens < limit && later < limit,
                 qPrintable(u"%1, %2 and %3 ms"_s.arg(blocks).arg(tokens).arg(later)));
    }

    void languagesAreNamed() {
        QCOMPARE(languageName(u"cpp"_s), u"C++"_s);
        QCOMPARE(languageName(u"JS"_s), u"JavaScript"_s);
        QCOMPARE(languageName(u"brainf"_s), u"brainf"_s);
    }

    void highlighterFindsKinds() {
        const QString code = u"def f(x):  # why\n    return \"s\" + '''a\nb''' + 42"_s;
        QHash<CodeKind, QStringList> found;
        for (const CodeSpan& span : highlightCode(code, u"python"_s))
            found[span.kind].append(code.mid(span.begin, span.length));
        QCOMPARE(found[CodeKind::Keyword], (QStringList{u"def"_s, u"return"_s}));
        QCOMPARE(found[CodeKind::Comment], (QStringList{u"# why"_s}));
        QCOMPARE(found[CodeKind::String], (QStringList{u"\"s\""_s, u"'''a\nb'''"_s}));
        QCOMPARE(found[CodeKind::Number], (QStringList{u"42"_s}));
        QCOMPARE(found[CodeKind::Function], (QStringList{u"f"_s}));
        // Endings that are not there must not run past the text.
        for (const QString& open :
             {u"\"abc"_s, u"/* x"_s, u"'''"_s, u"\"\\"_s, u"<a href=\""_s, u"<!--"_s, u"@"_s}) {
            for (const QString& language : {u"python"_s, u"cpp"_s, u"html"_s, u"diff"_s, u"css"_s}) {
                for (const CodeSpan& span : highlightCode(open, language))
                    QVERIFY(span.begin >= 0 && span.begin + span.length <= open.size());
            }
        }
    }
};

QTEST_MAIN(ChatMarkdownTest)
#include "tst_chat_markdown.moc"
