// Any Markdown, streamed in any way: what is shown is what one render shows.
#include "tests/ui/markdown_look.h"

#include <QRandomGenerator>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// Marks, beginnings and endings of all kinds in any order, and what is no text at all.
QByteArray randomMarkdown(QRandomGenerator& random) {
    constexpr char joined[] = // by percent signs
        "\n%\n%\n%\n\n%\n\n\n% %  %    %\t%\r%\r\n%\v%\f%a%word %some more words%潜在%😀%e\u0301%- %* %+ %1. "
        "%7) %- [ ] %"
        "- [x] %> %>%# %###### %#%---%---\n%***\n%===\n%```%```\n%```cpp\n%~~~\n%~~~~%`%``%  ```\n%   "
        "```\n%```\t\n%|%"
        "|a|b|\n%|---|--:|\n%|1|2|\n%|-%:%| a \\| b "
        "|\n%*%**%_%~~%~%$%$$%$x$%\\(%\\)%\\[%\\]%\\%\\*%$$\nx\n$$\n%"
        "[l](http://a/$b$)%[l]%(h%![i](j)%<http://a.b>%<b>%<!--%http://a.b/c %a@b.c %&amp;%&#0;%&#xFDD0;%&x%"
        "[r]: http://a\n%[^1]%[^1]: "
        "http://a\n%[^n]:%[^%\0%\0\0b%\x01%\x1B%\uFEFF%\uFDD0%\uFFFC%\u2028%\u2029%\u00A0%\xC2\x85%int x = "
        "1; // "
        "c\n%"
        "def f(x):\n%'''%\"%/*";
    static const QList<QByteArray> parts = QByteArray(joined, sizeof joined - 1).split('%');
    QByteArray text;
    for (int left = 4 + random.bounded(50); left > 0; --left) {
        const QByteArray& part = parts[random.bounded(static_cast<int>(parts.size()))];
        text += random.bounded(400) == 0 ? part.repeated(4000 / part.size()) : part;
    }
    return text;
}

/// The next bytes of a text from `at`: whole characters, as the engine gives them.
std::string_view nextBytes(const QByteArray& text, qsizetype at, int longest, QRandomGenerator& random) {
    qsizetype size = std::min<qsizetype>(1 + random.bounded(longest), text.size() - at);
    while (at + size < text.size() && (text[at + size] & 0xC0) == 0x80)
        ++size;
    return {text.data() + at, static_cast<std::size_t>(size)};
}

/// Names a text in a failure's message.
QByteArray readable(const QByteArray& text) { return text.toPercentEncoding(" #-*`|>\\$"); }

} // namespace

class MarkdownStreamTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    /// Nothing stands before the code block whose first line is not complete yet.
    void aCodeBlockMayComeFirst() {
        MarkdownDocument document(plainStyle());
        for (const char* token : {"```", "c", "p", "p", "\n", "int", " x;", "\n", "```"})
            document.append(token);
        document.finish();
        QCOMPARE(document.codeBlocks().size(), 1u);
        QCOMPARE(document.codeBlocks()[0].language, u"cpp"_s);
        QCOMPARE(document.codeBlocks()[0].code, u"int x;"_s);
    }

    /// A code block that is open at the end and has blank lines there.
    void openCodeKeepsItsBlankLines() {
        for (const QByteArray source : {"```\nx\n", "```\nx\n\n", "```\nx\n\n\n", "~~~\n\nx\n\n"}) {
            const QString code = QString::fromUtf8(source.mid(4).chopped(1));
            for (qsizetype cut = 0; cut < source.size(); ++cut) {
                MarkdownDocument document(plainStyle());
                document.append(source.left(cut).toStdString());
                document.append(source.mid(cut).toStdString());
                document.finish();
                QCOMPARE(document.codeBlocks()[0].code, code);
            }
        }
    }

    /// What was shown to its end as an answer's, and is then continued, stands there once.
    void aFinishedTextGoesOn() {
        const std::string source = "```\nc\n#";
        MarkdownDocument document(plainStyle());
        document.append(source);
        document.finish();
        document.append("");
        QVERIFY(document.document().toPlainText().contains(u'#'));
        document.append(" d\n");
        document.finish();
        QCOMPARE(document.codeBlocks()[0].code, u"c\n# d"_s);
        const auto whole = rendered(QString::fromStdString(source + " d\n"));
        QCOMPARE(described(document.document()), described(whole->document()));
    }

    void nullsAndByteOrderMarksAreCharacters() {
        const QString null(QChar(0)), mark(QChar(0xFEFF));
        const auto coded = rendered(u"```\na"_s + null + null + u"b\n"_s + mark + u"c\n```"_s);
        QCOMPARE(coded->codeBlocks()[0].code, u"a\uFFFD\uFFFDb\n"_s + mark + u"c"_s);
        const QString text = u"a **"_s + mark + u"bold** x"_s;
        const auto marked = rendered(text);
        QCOMPARE(marked->document().toPlainText(), u"a "_s + mark + u"bold x"_s);
        const int at = marked->position(static_cast<std::size_t>(text.toUtf8().indexOf("old")));
        QCOMPARE(marked->document().characterAt(at), u'o');
    }

    /// Where a word of nulls is cut, what is shown for them has another length in bytes.
    void placesInALongWordOfNulls() {
        for (const std::string mark : {"", "```\n"}) {
            const std::string source = mark + std::string(3000, '\0') + "b";
            MarkdownDocument document(plainStyle());
            document.append(source);
            document.finish();
            const int at = document.position(source.size() - 1);
            QCOMPARE(document.document().characterAt(at), u'b');
        }
    }

    void anyStreamEqualsOneRender() {
        QRandomGenerator random(11);
        for (int round = 0; round < 400; ++round) {
            const QByteArray source = randomMarkdown(random), shown = readable(source);
            const auto whole = rendered(utf16(source.toStdString()));
            MarkdownDocument streamed(plainStyle());
            const int longest = round % 3 == 0 ? 3 : round % 3 == 1 ? 20 : 200;
            for (qsizetype at = 0; at < source.size();) {
                const std::string_view next = nextBytes(source, at, longest, random);
                streamed.append(next);
                at += static_cast<qsizetype>(next.size());
                if (round % 2 == 0 && random.bounded(8) == 0)
                    streamed.finish(); // an answer that is continued
            }
            streamed.finish();
            QVERIFY2(described(streamed.document()) == described(whole->document()), shown.constData());
            QCOMPARE(streamed.codeBlocks().size(), whole->codeBlocks().size());
            for (std::size_t i = 0; i < streamed.codeBlocks().size(); ++i)
                QCOMPARE(streamed.codeBlocks()[i].code, whole->codeBlocks()[i].code);
            const int end = whole->document().characterCount();
            for (std::size_t at = 0; at <= static_cast<std::size_t>(source.size()); ++at) {
                const int one = whole->position(at), other = streamed.position(at);
                QVERIFY2(one >= 0 && one < end && other >= 0 && other < end, shown.constData());
            }
        }
    }
};

QTEST_MAIN(MarkdownStreamTest)
#include "tst_markdown_stream.moc"
