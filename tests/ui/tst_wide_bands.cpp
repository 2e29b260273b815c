// What is wider than the text: tables keep their words whole and formulas their size, and both are scrolled
// sideways.
#include "tests/ui/chat_fixtures.h"
#include "tests/ui/markdown_look.h"
#include "ui/chat/thread_view.h"
#include "ui/chat/wide_bands.h"

#include <QAbstractTextDocumentLayout>
#include <QTest>
#include <QTextLayout>
#include <QWheelEvent>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// A table of so many columns of long words.
QString wideTable(int columns, int rows = 3) {
    const auto row = [columns](const QString& cell) {
        return u"| "_s + (cell + u" | "_s).repeated(columns) + u'\n';
    };
    return row(u"Name"_s) + row(u"---"_s) + row(u"Incomprehensibilities of words"_s).repeated(rows);
}

/// The document laid out at a width, as a message does it.
std::unique_ptr<MarkdownDocument> laidOut(const QString& text, qreal width) {
    auto made = rendered(text);
    fitTables(made->document(), width);
    made->document().setTextWidth(width);
    made->document().documentLayout()->documentSize();
    return made;
}

/// A line of the document that ends inside a word; empty: there is none.
QString brokenWord(const QTextDocument& document) {
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        const QString text = block.text();
        for (int i = 0; i + 1 < block.layout()->lineCount(); ++i) {
            const QTextLine line = block.layout()->lineAt(i);
            const int end = line.textStart() + line.textLength();
            if (end > 0 && end < text.size() && text[end - 1].isLetter() && text[end].isLetter())
                return text.mid(line.textStart(), line.textLength());
        }
    }
    return {};
}

void turnWheel(ThreadView& view, const QPoint& at, const QPoint& angle) {
    QWheelEvent event(at, view.viewport()->mapToGlobal(at), QPoint(), angle, Qt::NoButton, Qt::NoModifier,
                      Qt::NoScrollPhase, false);
    QCoreApplication::sendEvent(view.viewport(), &event);
}

const QString kLongFormula = u"$$ "_s + u"a_{1} + b_{2} \\cdot c^{3} + "_s.repeated(30) + u"d $$"_s;

} // namespace

class WideBandsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void wordsOfATableStayWhole_data() {
        QTest::addColumn<int>("columns");
        QTest::addColumn<int>("width");
        QTest::addColumn<bool>("wide");
        QTest::newRow("few columns") << 2 << 700 << false;
        QTest::newRow("many columns") << 12 << 700 << true;
        QTest::newRow("a narrow window") << 3 << 300 << true;
    }
    void wordsOfATableStayWhole() {
        QFETCH(int, columns);
        QFETCH(int, width);
        QFETCH(bool, wide);
        const auto document = laidOut(wideTable(columns), width);
        QCOMPARE(brokenWord(document->document()), QString());
        WideBands bands;
        bands.find(document->document(), width);
        QCOMPARE(bands.bands().size(), wide ? 1u : 0u);
        QVERIFY(!wide || bands.bands()[0].right > width);
    }

    /// The pieces of a long table are one band.
    void aLongTableIsScrolledAsOne() {
        const auto document = laidOut(wideTable(12, 60), 600);
        QVERIFY(document->document().rootFrame()->childFrames().size() > 1);
        WideBands bands;
        bands.find(document->document(), 600);
        QCOMPARE(bands.bands().size(), 1u);
    }

    void aTableFollowsTheWidth() {
        const auto made = laidOut(wideTable(3), 300);
        QTextDocument& document = made->document();
        WideBands bands;
        bands.find(document, 300);
        QVERIFY(bands.scroll(0, 50));
        QVERIFY(!bands.scroll(0, 50));
        QCOMPARE(bands.shift(bands.bands()[0].top + 1), 50.0);
        bands.find(document, 300); // more was written
        QCOMPARE(bands.bands()[0].scrolled, 50.0);
        QVERIFY(bands.scroll(0, 1e9));
        QCOMPARE(bands.bands()[0].scrolled, bands.bands()[0].right - 300);
        fitTables(document, 2000);
        document.setTextWidth(2000);
        bands.find(document, 2000);
        QVERIFY(bands.bands().empty());
    }

    void aWideFormulaKeepsItsSize() {
        const auto document = laidOut(u"Then\n\n"_s + kLongFormula + u"\n\nholds."_s, 400);
        WideBands bands;
        bands.find(document->document(), 400);
        QCOMPARE(bands.bands().size(), 1u);
        QVERIFY(bands.bands()[0].left <= 0);
        QVERIFY(bands.bands()[0].right - bands.bands()[0].left > 800);
        const QTextBlock last = document->document().lastBlock();
        QCOMPARE(bands.shift(document->document().documentLayout()->blockBoundingRect(last).center().y()),
                 0.0);
    }

    void isScrolledByItsBarAndTheWheel() {
        ThreadView view;
        view.resize(700, 500);
        view.show();
        view.setThread({makeMessage(1, Author::User, u"?"_s), makeAnswer(2, wideTable(12))}, false);
        QScrollBar* bar = nullptr;
        QTRY_VERIFY((bar = view.findChild<QScrollBar*>(u"wideBar-2-0"_s)) && bar->isVisible());
        QVERIFY(bar->maximum() > 0 && !bar->accessibleName().isEmpty());
        const QImage before = view.viewport()->grab().toImage();
        const int top = view.verticalScrollBar()->value();
        bar->setValue(bar->maximum() / 2);
        QVERIFY(view.viewport()->grab().toImage() != before);
        const QPoint table(view.width() / 2, bar->y() - 20);
        turnWheel(view, table, {240, 0});
        const int left = bar->value();
        QVERIFY(left < bar->maximum() / 2);
        turnWheel(view, table, {0, 240}); // up and down is the thread's
        QCOMPARE(bar->value(), left);
        turnWheel(view, table, {4800, 0});
        QCOMPARE(bar->value(), 0);
        QCOMPARE(view.viewport()->grab().toImage(), before);
        QCOMPARE(view.verticalScrollBar()->value(), top);
        // What is looked for is brought into sight.
        view.setThread({makeMessage(1, Author::User, u"?"_s),
                        makeAnswer(2, wideTable(12) + u"| 1 "_s.repeated(11) + u"| needle |\n"_s)},
                       false);
        QTRY_VERIFY((bar = view.findChild<QScrollBar*>(u"wideBar-2-0"_s)) && bar->isVisible());
        view.setFind(u"needle"_s);
        QTRY_VERIFY(bar->value() > bar->maximum() / 2);
        QCOMPARE(view.selectedText().trimmed(), u"needle"_s);
    }
};

QTEST_MAIN(WideBandsTest)
#include "tst_wide_bands.moc"
