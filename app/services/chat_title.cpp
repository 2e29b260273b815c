#include "app/services/chat_title.h"

#include "app/services/code_fence.h"
#include "app/services/title_lead_ins.h"

#include <QRegularExpression>
#include <QTextBoundaryFinder>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr int kColumns = 48;

bool isHan(char32_t c) {
    return (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x323af);
}

/// Wide as Chinese is written: its characters, kana, Hangul, and punctuation of the same width.
bool isWide(char32_t c) {
    return isHan(c) || (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x33ff) ||
           (c >= 0xa960 && c <= 0xd7a3) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
           (c >= 0x1f300 && c <= 0x1faff);
}

/// The lines of what is said, and behind them those of code and quotes.
struct Lines {
    QStringList said, quoted;
};

Lines linesIn(const QString& text) {
    constexpr qsizetype kLooked = 20000; // what a title is made of stands near the beginning
    static const QRegularExpression marks(u"^(?:#+\\s+|[-*+]\\s+|\\d{1,2}[.)]\\s+)+"_s);
    Lines lines;
    FencedLines fence;
    for (const QString& raw : text.left(kLooked).split(u'\n')) {
        const bool inside = !fence.open().isEmpty(), code = fence.take(raw);
        if (code && inside == fence.open().isEmpty()) // it opens the block, or closes it
            continue;
        QString line = raw.simplified();
        const bool quoted = code || line.startsWith(u'>');
        if (!code)
            line.remove(marks);
        while (!code && (line.startsWith(u'>') || line.startsWith(u'#')))
            line = line.mid(1).trimmed();
        if (!line.isEmpty())
            (quoted ? lines.quoted : lines.said).append(line);
    }
    return lines;
}

/// Where the first sentence ends, behind its mark; the text's end where it is one.
qsizetype sentenceEnd(const QString& line) {
    for (qsizetype i = 0; i < line.size(); ++i) {
        const QChar c = line[i];
        if (c == u'。' || c == u'！' || c == u'？')
            return i + 1;
        const bool mark = c == u'.' || c == u'!' || c == u'?';
        if (mark && i + 1 < line.size() && line[i + 1] == u' ' && i >= 2 && line[i - 2] != u' ' &&
            line[i - 2] != u'.') // no initial, no "e.g."
            return i + 1;
    }
    return line.size();
}

QString withoutEnd(QString title) {
    static const QString marks = u".,;:。，；：、-–—"_s;
    const bool dots = title.endsWith("..."_L1);
    while (!dots && title.size() > 1 && marks.contains(title.back()))
        title.chop(1);
    return title.trimmed();
}

QString capital(const QString& title) {
    if (title.size() < 2 || !title[0].isLower() || title[1].isUpper())
        return title; // "iPhone" stays
    return title[0].toUpper() + title.mid(1);
}

} // namespace

int columnsOf(QStringView text) {
    int columns = 0;
    for (const char32_t c : text.toUcs4())
        columns += isWide(c) ? 2 : 1;
    return columns;
}

bool isChinese(QStringView text) {
    const QList<uint> all = text.toUcs4();
    const auto letters = std::ranges::count_if(all, [](char32_t c) { return QChar::isLetter(c); });
    return 2 * std::ranges::count_if(all, isHan) > letters;
}

QString wholeWords(const QString& line, int columns) {
    if (columnsOf(line) <= columns)
        return line;
    if (const qsizetype end = sentenceEnd(line); columnsOf(line.left(end)) <= columns)
        return withoutEnd(line.left(end));
    // Words in Chinese are not told apart: between its marks, else between two of its characters.
    qsizetype cut = 0, mark = 0, character = 0;
    QTextBoundaryFinder words(QTextBoundaryFinder::Word, line);
    for (qsizetype at = words.toNextBoundary(); at > 0; at = words.toNextBoundary()) {
        if (columnsOf(line.left(at)) > columns - 1)
            break;
        cut = at;
        if (u"，、；：,;"_s.contains(line[at - 1]))
            mark = at;
    }
    QTextBoundaryFinder characters(QTextBoundaryFinder::Grapheme, line);
    for (qsizetype at = characters.toNextBoundary(); at > 0; at = characters.toNextBoundary()) {
        if (columnsOf(line.left(at)) > columns - 1)
            break;
        character = at;
    }
    if (isChinese(line) && columnsOf(line.left(mark)) > columns / 2)
        cut = mark;
    if (columnsOf(line.left(cut)) < columns / 3) // one endless word
        cut = character;
    return withoutEnd(line.left(cut).trimmed()) + QChar(0x2026);
}

QString titleFrom(const QString& text) {
    const Lines lines = linesIn(text);
    for (const QString& line : lines.said) {
        const QString gist = withoutLeadIns(line);
        if (!gist.isEmpty()) // else it only greets
            return wholeWords(gist == line ? line : capital(withoutEnd(gist)), kColumns);
    }
    return wholeWords(lines.said.isEmpty() ? lines.quoted.value(0) : lines.said.first(), kColumns);
}

QString firstWords(const QString& text) {
    constexpr qsizetype kLongest = 48;
    QString title = text.section(QLatin1Char('\n'), 0, 0, QString::SectionSkipEmpty).simplified();
    while (title.startsWith(QLatin1Char('#')))
        title = title.mid(1).trimmed();
    if (title.size() <= kLongest)
        return title;
    qsizetype cut = title.lastIndexOf(QLatin1Char(' '), kLongest);
    if (cut < kLongest / 2) { // in front of a whole character, as an emoji of several is
        QTextBoundaryFinder characters(QTextBoundaryFinder::Grapheme, title);
        characters.setPosition(kLongest);
        cut = characters.isAtBoundary() ? kLongest : std::max<qsizetype>(characters.toPreviousBoundary(), 0);
    }
    return title.left(cut) + QChar(0x2026);
}

} // namespace switchyard
