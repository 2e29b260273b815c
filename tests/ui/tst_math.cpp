// Formulas: what is read and what is refused, and how the parts of a set one stand to each other.
#include "tests/support/time_limit.h"
#include "tests/ui/markdown_look.h"
#include "tests/ui/stall_meter.h"
#include "ui/chat/markdown_splitter.h"
#include "ui/math/math_formula.h"
#include "ui/math/math_layout.h"
#include "ui/math/math_parser.h"

#include <QAbstractTextDocumentLayout>
#include <QImage>
#include <QPainter>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

constexpr double px = 20;

// A part of a formula is never copied with all that is in it.
static_assert(!std::is_copy_constructible_v<MathNode> && std::is_nothrow_move_constructible_v<MathNode>);

MathBox boxOf(const char* tex, bool display = true) {
    static const MathFont font;
    const auto list = parseTex(tex);
    if (!font.valid() || !list)
        qFatal("not set: %s", tex);
    MathLayout layout(font, px, QFont());
    return layout.set(*list, display);
}

/// How many dots are painted in a part of a picture.
int inked(const QImage& image, const QRect& part) {
    int dots = 0;
    for (int y = part.top(); y <= part.bottom(); ++y) {
        for (int x = part.left(); x <= part.right(); ++x)
            dots += image.pixelColor(x, y).lightness() < 128;
    }
    return dots;
}

} // namespace

class MathTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void isRead_data() {
        QTest::addColumn<QString>("source");
        for (const char* source : {"x",
                                   "a+b=c",
                                   "x^2",
                                   "x_i^2",
                                   "f'(x)",
                                   "f''^2",
                                   "\\frac{a}{b}",
                                   "\\frac12",
                                   "\\dfrac{a}{b}",
                                   "\\binom{n}{k}",
                                   "{n \\choose k}",
                                   "{a \\over b}",
                                   "\\sqrt{2}",
                                   "\\sqrt[3]{x}",
                                   "\\sum_{i=1}^n i",
                                   "\\int\\limits_0^1 x\\,dx",
                                   "\\lim_{x \\to 0} \\sin x",
                                   "\\left(\\frac12\\right)",
                                   "\\left. x \\middle| y \\right]",
                                   "\\bigl( x \\bigr)",
                                   "\\begin{matrix} a & b \\\\ c & d \\end{matrix}",
                                   "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
                                   "\\begin{bmatrix} 1 & 2 \\end{bmatrix}",
                                   "\\begin{vmatrix} 1 \\end{vmatrix}",
                                   "\\begin{cases} 1 & x > 0 \\\\ 0 & \\text{else} \\end{cases}",
                                   "\\begin{aligned} a &= b \\\\ &= c \\end{aligned}",
                                   "\\begin{align*} a &= b \\\\ c &= d \\end{align*}",
                                   "\\begin{array}{l|r} \\hline a & b \\\\ \\hline \\end{array}",
                                   "a \\\\ b",
                                   "\\hat{x} \\vec v \\bar{y} \\dot z",
                                   "\\overline{ab} \\underline{c}",
                                   "\\overbrace{a+b}^{n} \\underbrace{c}_{m}",
                                   "\\text{if $x>0$ then}",
                                   "\\mathrm{d}x \\mathbf{v} \\mathbb{R} \\mathcal{L} \\mathfrak{g}",
                                   "\\operatorname{rank} A",
                                   "\\operatorname*{argmax}_x f",
                                   "\\alpha\\beta\\Gamma",
                                   "a \\leq b \\neq c \\in D",
                                   "a \\quad b \\, c \\! d",
                                   "\\color{red} x \\textcolor{blue}{y}",
                                   "x = y \\tag{1}",
                                   "\\boxed{E = mc^2}",
                                   "\\xrightarrow[b]{a}",
                                   "\\overset{?}{=} \\underset{x}{y} \\stackrel{d}{=}",
                                   "a \\pmod{n}",
                                   "\\not= \\not\\in",
                                   "\\{a, b\\}",
                                   "\\substack{a \\\\ b}",
                                   "\\mathop{foo}\\limits_x",
                                   "x^\\text{max}",
                                   "50\\%",
                                   "\\ket{\\psi}",
                                   "\\displaystyle \\sum x",
                                   "{\\bf x} + {\\rm y}",
                                   "\\phantom{x}",
                                   "\\|v\\|",
                                   "\\iff \\implies",
                                   "x∈ℝ, α≤β",
                                   "\\label{a} x"})
            QTest::newRow(source) << QString::fromUtf8(source);
    }
    void isRead() {
        QFETCH(QString, source);
        QVERIFY(parseTex(source.toStdString()));
        const MathBox box = boxOf(source.toUtf8().constData());
        QVERIFY(box.width > 0 || source.contains(u"phantom"_s));
        QVERIFY(box.height() > 0);
    }

    /// Wherever they stand, and those count, too, that fill up short rows.
    void manyCellsAreRefused() {
        const auto times = [](const std::string& part, int count) {
            std::string all;
            for (int i = 0; i < count; ++i)
                all += part;
            return all;
        };
        const std::string row = "\\begin{matrix}" + times("a&", 59) + "a\\end{matrix}";
        const std::string wide = "\\begin{array}{" + times("c", 60) + "}x\\end{array}";
        for (const std::string& part : {row, "\\text{$" + row + "$}", wide}) {
            QVERIFY2(parseTex(times(part, 15)), part.c_str());
            QVERIFY2(!parseTex(times(part, 20)), part.c_str());
        }
    }

    /// What is not known, not closed or without sense is refused whole.
    void isRefused_data() {
        QTest::addColumn<QString>("source");
        for (const char* source : {"",
                                   "   ",
                                   "\\unknown",
                                   "x + \\unknowncommand{y}",
                                   "{x",
                                   "x}",
                                   "\\frac{a}",
                                   "x^",
                                   "x^2^3",
                                   "x_1_2",
                                   "^",
                                   "\\left( x",
                                   "x \\right)",
                                   "\\left x",
                                   "\\begin{matrix} a",
                                   "\\begin{nothing} a \\end{nothing}",
                                   "\\begin{matrix} a \\end{pmatrix}",
                                   "a & b",
                                   "\\sqrt[3{x}",
                                   "\\text{a",
                                   "\\text{\\frac12}",
                                   "\\hspace{9parsec}",
                                   "\\hspace{999em}",
                                   "\\",
                                   "$x",
                                   "x # y",
                                   "\\begin{array}{q} a \\end{array}",
                                   "\\begin",
                                   "\\end{matrix}",
                                   "\x01"})
            QTest::newRow(source) << QString::fromUtf8(source);
    }
    void isRefused() {
        QFETCH(QString, source);
        QVERIFY(!parseTex(source.toStdString()));
    }

    void hugeOnesAreRefusedAtOnce_data() {
        QTest::addColumn<QString>("source");
        QTest::newRow("braces") << QString(10'000, u'{') + QString(10'000, u'}');
        QTest::newRow("braces within the length") << QString(3'900, u'{') + QString(3'900, u'}');
        QTest::newRow("fractions") << u"\\frac"_s.repeated(1'500) + u"1"_s;
        QTest::newRow("scripts") << u"x^{"_s.repeated(1'900) + u"}"_s.repeated(1'900);
        QTest::newRow("roots") << u"\\sqrt"_s.repeated(1'500) + u"x"_s;
        QTest::newRow("a megabyte") << u"x+"_s.repeated(500'000);
        QTest::newRow("cells") << u"\\begin{matrix}"_s + u"&\\\\"_s.repeated(1'000'000) + u"\\end{matrix}"_s;
        QTest::newRow("cells within the length")
            << u"\\begin{matrix}"_s + u"&"_s.repeated(63) + u"\\\\"_s.repeated(3'000) + u"\\end{matrix}"_s;
        QTest::newRow("matrices") << u"\\begin{matrix}a\\\\"_s.repeated(300);
        QTest::newRow("nested matrices")
            << u"\\begin{matrix}a&"_s.repeated(60) + u"b"_s + u"\\end{matrix}"_s.repeated(60);
        QTest::newRow("fences") << u"\\left("_s.repeated(1'300);
    }
    void hugeOnesAreRefusedAtOnce() {
        QFETCH(QString, source);
        const std::string utf8 = source.toStdString();
        const double begun = threadTime();
        QVERIFY(!parseTex(utf8));
        QVERIFY(threadTime() - begun < 50 * test::kSanitizerSlowdown);
    }

    /// The largest that are set.
    void largeOnesCostLittle() {
        MathSetter setter((QFont()));
        QVERIFY(setter.set("$x$", false, px)); // loads the font
        for (const QString& source :
             {u"x+"_s.repeated(100) + u"x"_s, u"{"_s.repeated(35) + u"x"_s + u"}"_s.repeated(35),
              u"\\begin{matrix}"_s + (u"x&"_s.repeated(20) + u"\\\\"_s).repeated(48) + u"\\end{matrix}"_s,
              u"\\left("_s.repeated(18) + u"\\frac12"_s + u"\\right)"_s.repeated(18),
              u"\\sqrt{"_s.repeated(30) + u"x"_s + u"}"_s.repeated(30)}) {
            const double begun = threadTime();
            const MathFormulaPtr formula = setter.set((u"$"_s + source + u"$"_s).toStdString(), true, px);
            const double spent = threadTime() - begun;
            QVERIFY2(formula && spent < 80 * test::kSanitizerSlowdown, qPrintable(source.left(40)));
        }
    }

    void aUsualOneCostsLessThanAMillisecond() {
        MathSetter setter((QFont()));
        setter.set("$x$", false, px);
        const std::string usual =
            "$$\\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} = \\sum_{i=1}^{n} \\alpha_i x_i^2 + ";
        double best = 1e9;
        for (int i = 0; i < 20; ++i) { // each another one, none remembered
            const std::string source = usual + std::to_string(i) + "$$";
            const double begun = threadTime();
            QVERIFY(setter.set(source, true, px));
            best = std::min(best, threadTime() - begun);
        }
        qInfo("a usual formula: %.3f ms of work", best);
        QVERIFY2(best < 1 * test::kSanitizerSlowdown, qPrintable(QString::number(best)));
        const int made = setter.made();
        setter.set(usual + "0$$", true, px);
        QCOMPARE(setter.made(), made); // remembered
    }

    /// However many others come: what is asked for now and then is on the screen.
    void thoseThatAreShownAreRemembered() {
        MathSetter setter((QFont()));
        constexpr int others = 3000;
        for (int i = 0; i < others; ++i) {
            setter.set("$x_{" + std::to_string(i) + "}$", false, px);
            if (i % 400 == 0)
                QVERIFY(setter.set("$y^2$", false, px));
        }
        QCOMPARE(setter.made(), others + 1);
    }

    /// A piece is written at once: one with thousands of formulas would hold up the window.
    void manyFormulasAreSeveralPieces() {
        for (const std::string formula : {"$x$ ", "\\(x\\) "}) {
            std::string line;
            for (int i = 0; i < 1000; ++i)
                line += formula;
            for (const std::string& source : {line + "\n", line.substr(0, 400) + "\n" + line + "\n"}) {
                MarkdownSplitter splitter;
                splitter.read(source);
                for (const MarkdownPiece& piece : splitter.pieces())
                    QVERIFY((piece.end - piece.begin) / formula.size() <= 400);
            }
        }
    }

    void partsStandAsTheyShould() {
        const MathBox x = boxOf("x"), squared = boxOf("x^2"), indexed = boxOf("x_2"), both = boxOf("x_2^2");
        QVERIFY(squared.ascent > x.ascent && squared.descent <= x.descent + 0.5);
        QVERIFY(indexed.descent > x.descent + 1);
        QVERIFY(both.width < squared.width + indexed.width - x.width);
        QVERIFY(squared.items[1].size < squared.items[0].size);
        QVERIFY(squared.items[1].x >= squared.items[0].x && squared.items[1].y < 0);
        // A fraction has its bar about the axis, with one part above and one below.
        const MathBox fraction = boxOf("\\frac{a}{b}");
        QCOMPARE(fraction.items.size(), 3u);
        const MathItem &above = fraction.items[0], &below = fraction.items[1], &bar = fraction.items[2];
        QVERIFY(bar.kind == MathItem::Kind::Rule && bar.y < 0 && above.y < bar.y && below.y > 0);
        QVERIFY(boxOf("\\frac{a}{b}").height() > boxOf("\\frac{a}{b}", false).height() + 2);
        // A root's rule is over what is under it; an index stands before it.
        const MathBox root = boxOf("\\sqrt{x}"), cube = boxOf("\\sqrt[3]{x}");
        QVERIFY(root.ascent > x.ascent + 1 && cube.width >= root.width);
        // In a large formula the limits of a sum stand above and below, in a line beside.
        const MathBox large = boxOf("\\sum_{i}^{n}"), small = boxOf("\\sum_{i}^{n}", false);
        QVERIFY(large.height() > small.height() * 1.3 && large.width < small.width * 1.3);
        QVERIFY(boxOf("\\sum").height() > boxOf("\\sum", false).height());
        const MathBox beside = boxOf("\\sum\\nolimits_{i}^{n}");
        QVERIFY(beside.width > large.width && beside.height() < large.height());
    }

    void delimitersGrow() {
        const MathBox plain = boxOf("(x)"), grown = boxOf("\\left(\\frac{a}{b}\\right)");
        QVERIFY(grown.height() > plain.height() * 1.5);
        double last = plain.height();
        for (const char* tex : {"\\big(", "\\Big(", "\\bigg(", "\\Bigg("}) {
            const double height = boxOf(tex).height();
            QVERIFY2(height > last || (last == plain.height() && height >= last), tex);
            last = height;
        }
        // Higher than any single glyph: put together, without gaps.
        const std::string rows = "\\left(\\begin{matrix} a" +
                                 QString(u"\\\\ b"_s).repeated(20).toStdString() + "\\end{matrix}\\right)";
        const MathBox tall = boxOf(rows.c_str());
        QVERIFY(tall.height() > 20 * px);
        QVERIFY(tall.items.size() > 21 + 4);
    }

    void rowsAndColumnsStandBesideEachOther() {
        const MathBox matrix = boxOf("\\begin{matrix} a & b \\\\ c & d \\end{matrix}");
        QCOMPARE(matrix.items.size(), 4u);
        QCOMPARE(matrix.items[0].y, matrix.items[2].y); // column by column
        QVERIFY(matrix.items[0].y < matrix.items[1].y);
        QVERIFY(matrix.items[0].x < matrix.items[2].x);
        // The middle is on the axis.
        QVERIFY(std::abs(matrix.ascent - matrix.descent) < px);
        const MathBox aligned = boxOf("\\begin{aligned} a + b &= c \\\\ d &= e \\end{aligned}");
        std::vector<double> signs;
        static const MathFont font;
        for (const MathItem& item : aligned.items) {
            if (item.glyph == font.glyphId(U'='))
                signs.push_back(item.x);
        }
        QCOMPARE(signs.size(), 2u);
        QVERIFY(std::abs(signs[0] - signs[1]) < 0.01);
    }

    void spacesFollowTheKindOfSign() {
        QVERIFY(boxOf("a+b").width > boxOf("a{+}b").width + 1);
        QVERIFY(boxOf("a=b").width > boxOf("a+b").width - 2);
        QVERIFY(boxOf("(-b)").width < boxOf("(b-b)").width - boxOf("b").width); // a sign of its own
        QVERIFY(boxOf("a\\quad b").width > boxOf("ab").width + 0.9 * px);
        QVERIFY(boxOf("x^{a+b}").width < boxOf("x^{a}").width + boxOf("x^{b}").width);
    }

    // ---- In a document ----

    void aFormulaIsOneCharacter() {
        const QString text = u"Where $x^2$ and \\(y\\) are.\n\n$$\\frac{a}{b}$$\n\nEnd $\\unknown$."_s;
        const auto document = rendered(text);
        QCOMPARE(document->document().toPlainText().count(QChar::ObjectReplacementCharacter), 3);
        QCOMPARE(readText(document->document()),
                 u"Where $x^2$ and \\(y\\) are.\n$$\\frac{a}{b}$$\nEnd $\\unknown$."_s);
        const QByteArray source = text.toUtf8();
        const auto at = [&](const char* word) {
            return document->position(static_cast<std::size_t>(source.indexOf(word)));
        };
        QCOMPARE(at("x^2"), at("$x^2"));
        QCOMPARE(at(" and"), at("$x^2") + 1);
        QCOMPARE(document->document().characterAt(at("are")), u'a');
    }

    /// The source until the closing mark is there, then the formula; and never anything else.
    void aFormulaIsSetWhenItIsClosed() {
        const QByteArray source =
            "So $$\n\\frac{a}{b}\n$$ and $x$, then\n- $y$\n- \\[z\\]\n\n> $$\n> q\n> $$\n";
        MarkdownDocument growing(plainStyle());
        QCOMPARE(firstDifference(growing, source), qsizetype(-1));
        growing.finish();
        QCOMPARE(growing.document().toPlainText().count(QChar::ObjectReplacementCharacter), 5);
        QVERIFY(!readText(growing.document()).contains(u"> q"_s));
    }

    void theBaselineIsTheLines() {
        MarkdownDocument document(plainStyle());
        document.append("$x$ $\\frac{a}{b}$ $y_1$ $\\begin{matrix}a\\\\b\\\\c\\\\d\\end{matrix}$");
        document.finish();
        document.document().setTextWidth(600);
        const double height = document.document().documentLayout()->documentSize().height();
        const QTextLine line = document.document().begin().layout()->lineAt(0);
        MathSetter setter(plainStyle().text);
        const auto matrix =
            setter.set("$\\begin{matrix}a\\\\b\\\\c\\\\d\\end{matrix}$", false, plainStyle().em());
        QVERIFY(line.ascent() >= matrix->ascent() - 0.6 && line.descent() >= matrix->descent() - 0.6);
        QVERIFY2(line.ascent() <= matrix->ascent() + 20, qPrintable(QString::number(line.ascent())));
        QVERIFY(height >= matrix->ascent() + matrix->descent());
        // A letter alone does not move the lines apart.
        const auto heightOf = [](const char* text) {
            MarkdownDocument one(plainStyle());
            one.append(text);
            one.finish();
            one.document().setTextWidth(600);
            return one.document().documentLayout()->documentSize().height();
        };
        QVERIFY(heightOf("text $x^2$ text") <= heightOf("text x text") + 3);
    }

    /// Those that stand in a block of their own are scrolled instead.
    void wideOnesInALineShrinkIntoTheText() {
        MarkdownDocument document(plainStyle());
        document.append("$" + QString(u"a + b + "_s).repeated(40).toStdString() + "c$");
        document.finish();
        document.document().setTextWidth(400);
        document.document().documentLayout()->documentSize();
        const QTextLine line = document.document().begin().layout()->lineAt(0);
        QVERIFY(line.naturalTextWidth() <= 400 && line.naturalTextWidth() > 300);
    }

    void isPaintedInTheColourOfTheText() {
        MathSetter setter((QFont()));
        const auto formula = setter.set("$\\frac{a}{b}$", true, 40);
        QImage image(100, 120, QImage::Format_RGB32);
        image.fill(Qt::white);
        QPainter painter(&image);
        painter.setRenderHint(QPainter::Antialiasing);
        formula->paint(painter, {20, 60}, 1);
        painter.end();
        QVERIFY(inked(image, {0, 0, 100, 48}) > 20);  // above the bar
        QVERIFY(inked(image, {0, 55, 100, 65}) > 20); // and below
        QVERIFY(inked(image, {0, 0, 15, 120}) == 0);
    }

    /// A selection would leave half of its colour.
    void isAsClearWhereItIsSelected() {
        MarkdownDocument document(plainStyle());
        document.append("$$\\frac{a}{b}$$");
        document.finish();
        QTextDocument& shown = document.document();
        shown.setTextWidth(100);
        const auto painted = [&](bool selected) {
            QImage image(100, 60, QImage::Format_RGB32);
            image.fill(Qt::white);
            QPainter painter(&image);
            QAbstractTextDocumentLayout::PaintContext context;
            context.palette.setColor(QPalette::Text, Qt::black);
            QAbstractTextDocumentLayout::Selection all;
            all.cursor = QTextCursor(&shown);
            all.cursor.select(QTextCursor::Document);
            all.format.setBackground(Qt::white);
            if (selected)
                context.selections.append(all);
            shown.documentLayout()->draw(&painter, context);
            if (selected)
                paintSelectedFormulas(painter, shown, 0, shown.characterCount(), Qt::black, QBrush(Qt::white),
                                      {});
            painter.end();
            return inked(image, image.rect());
        };
        QVERIFY(painted(false) > 20);
        QVERIFY(std::abs(painted(true) - painted(false)) <= painted(false) / 5);
    }

    void withoutAFontTheSourceIsShown() {
        MathSetter setter(QFont(), {u"No such font"_s});
        QVERIFY(!setter.set("$x$", false, px));
    }
};

QTEST_MAIN(MathTest)
#include "tst_math.moc"
