// From source to document and back, where what is shown is not as long as what was written.
#include "tests/ui/markdown_look.h"
#include "ui/chat/source_map.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

class SourceMapTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void lengthsMayDiffer() {
        const std::string source = "ab $x^2$ \u00e9\U0001F600 end";
        const std::size_t tail = source.find(' ', 8);
        // "ab ", a formula as one object, and the rest.
        const std::vector<SourceRun> runs{{0, 3, 10}, {3, 8, 13, 1}, {tail, source.size(), 14}};
        QCOMPARE(shownPosition(runs, source, 0), 10);
        for (std::size_t inside = 3; inside < 8; ++inside)
            QCOMPARE(shownPosition(runs, source, inside), 13);
        QCOMPARE(shownPosition(runs, source, 8), 14);
        QCOMPARE(shownPosition(runs, source, source.find("end")), 19); // an emoji is two units
        QCOMPARE(shownPosition(runs, source, 1000), 22);
        QCOMPARE(sourceOffset(runs, source, 0), 0u);
        QCOMPARE(sourceOffset(runs, source, 13), 3u);
        QCOMPARE(sourceOffset(runs, source, 14), tail);
        QCOMPARE(sourceOffset(runs, source, 19), source.find("end"));
        QCOMPARE(sourceOffset(runs, source, 1000), source.size());
        QCOMPARE(shownPosition({}, source, 5), 0);
        QCOMPARE(sourceOffset({}, source, 5), 0u);
    }

    void entitiesAreOneCharacter() {
        const QString text = u"a &amp; **b** &lt;c&gt; &#128512; d &unknown; &NotEqualTilde; e"_s;
        const QByteArray source = text.toUtf8();
        const auto document = rendered(text);
        const QString shown = document->document().toPlainText();
        const auto at = [&](const char* part) { return static_cast<std::size_t>(source.indexOf(part)); };
        const std::vector<std::pair<const char*, QString>> pairs{{"a &", u"a &"_s},
                                                                 {"&amp;", u"&"_s},
                                                                 {"b**", u"b"_s},
                                                                 {"&lt;", u"<c>"_s},
                                                                 {"c&", u"c>"_s},
                                                                 {"&#128512;", u"😀 d"_s},
                                                                 {"&unknown;", u"&unknown;"_s},
                                                                 {"e", u"e"_s}};
        for (const auto& [written, seen] : pairs) {
            const std::size_t offset =
                written[0] == 'e' ? static_cast<std::size_t>(source.size()) - 1 : at(written);
            const int position = document->position(offset);
            QCOMPARE(shown.mid(position, seen.size()), seen);
            QCOMPARE(document->sourceOffset(position), offset);
        }
        // Inside an entity there is no place of its own; behind it there is.
        QCOMPARE(document->position(at("&amp;") + 3), document->position(at("&amp;")));
        QCOMPARE(document->position(at("&amp;") + 5), document->position(at("&amp;")) + 1);
    }

    /// Where a run says that text stands, it does, in both directions.
    void thereAndBackAgain() {
        const QString text =
            u"# Head &copy;\n\nText with `code`, $a_b$ and [a link](http://x.y).\n\n- one\n- two &times; "
            u"3\n\n"
            "| a | b |\n|---|---|\n| 1 &lt; 2 | x |\n\n```cpp\nint x = 1; // é\n```\n\n> quoted &hellip; 潜在😀\n"_s;
        const QByteArray source = text.toUtf8();
        const auto document = rendered(text);
        int last = 0, there = 0;
        for (std::size_t at = 0; at < static_cast<std::size_t>(source.size()); ++at) {
            const int position = document->position(at);
            QVERIFY(position >= last); // the order of the source is the order of the document
            last = position;
            const std::size_t back = document->sourceOffset(position);
            QCOMPARE(document->position(back), position);
            there += back == at;
        }
        QVERIFY2(there > 80, qPrintable(QString::number(there)));
    }
};

QTEST_MAIN(SourceMapTest)
#include "tst_source_map.moc"
