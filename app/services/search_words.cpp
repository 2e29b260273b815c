#include "app/services/search_words.h"

#include <QList>
#include <QStringList>

namespace switchyard {

namespace {

/// Scripts whose words are not set apart by spaces.
bool isUnspaced(char32_t c) {
    switch (QChar::script(c)) {
    case QChar::Script_Han:
    case QChar::Script_Hiragana:
    case QChar::Script_Katakana:
    case QChar::Script_Hangul:
    case QChar::Script_Bopomofo:
    case QChar::Script_Thai:
    case QChar::Script_Lao:
    case QChar::Script_Khmer:
    case QChar::Script_Myanmar:
        return QChar::isLetter(c) || QChar::isMark(c);
    default:
        return false;
    }
}

/// Emoji and other signs that somebody may look for, by themselves; those of code are not among them.
bool isSign(char32_t c) {
    constexpr char32_t kKeycap = 0x20E3;
    if (c < 0x80)
        return false;
    switch (QChar::category(c)) {
    case QChar::Symbol_Math:
    case QChar::Symbol_Currency:
    case QChar::Symbol_Modifier: // the tones of a skin are
    case QChar::Symbol_Other:
        return true;
    case QChar::Other_NotAssigned: // as far as is known here
        return c >= 0x1F000 && c < 0x20000;
    default:
        return c == kKeycap;
    }
}

/// What only says how the character before it is drawn.
bool isSelector(char32_t c) { return c >= 0xFE00 && c <= 0xFE0F; }

bool isWordCharacter(char32_t c) { return QChar::isLetterOrNumber(c) || QChar::isMark(c); }

QString text(char32_t c) { return QString::fromUcs4(&c, 1); }

/// A run of word characters of one sort.
struct Stretch {
    enum class Sort { Spaced, Unspaced, Signs };
    QList<char32_t> characters;
    Sort sort = Sort::Spaced;
};

QList<Stretch> stretches(const QString& source) {
    using Sort = Stretch::Sort;
    QList<Stretch> all;
    bool inside = false;
    for (const char32_t c : source.toUcs4()) {
        if (isSelector(c))
            continue;
        const bool sign = isSign(c);
        if (!sign && !isWordCharacter(c)) {
            inside = false;
            continue;
        }
        const Sort sort = sign ? Sort::Signs : isUnspaced(c) ? Sort::Unspaced : Sort::Spaced;
        if (!inside || all.last().sort != sort)
            all.append({{}, sort});
        all.last().characters.append(c);
        inside = true;
    }
    return all;
}

/// The index takes letters and numbers alone, and what is for private use: no text's words begin so.
QString signWord(char32_t c) { return QChar(0xE000) + QString::number(static_cast<uint>(c), 16); }

/// `last_alone`: the last character stands as a word of its own too, so that a prefix query finds it.
void appendWords(const Stretch& stretch, bool last_alone, QStringList& words) {
    const auto& c = stretch.characters;
    switch (stretch.sort) {
    case Stretch::Sort::Spaced:
        words.append(QString::fromUcs4(c.constData(), c.size()));
        return;
    case Stretch::Sort::Signs:
        for (const char32_t sign : c)
            words.append(signWord(sign));
        return;
    case Stretch::Sort::Unspaced:
        break;
    }
    for (qsizetype i = 0; i + 1 < c.size(); ++i)
        words.append(text(c[i]) + text(c[i + 1]));
    if (last_alone || c.size() == 1)
        words.append(text(c.last()));
}

/// Whether what was typed may go on where it ends: a word does, a sign and a pair of characters are whole.
bool hasOpenEnd(const Stretch& last) {
    return last.sort == Stretch::Sort::Spaced ||
           (last.sort == Stretch::Sort::Unspaced && last.characters.size() == 1);
}

} // namespace

QString searchWords(const QString& source) {
    QStringList words;
    for (const Stretch& stretch : stretches(source))
        appendWords(stretch, true, words);
    return words.join(QLatin1Char(' '));
}

QString searchExpression(const QString& typed) {
    QStringList terms;
    for (const QString& term : typed.split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
        const QList<Stretch> parts = stretches(term);
        if (parts.isEmpty())
            continue;
        // Between an unspaced stretch and what follows it the index has the lone last character.
        QStringList words;
        for (qsizetype i = 0; i < parts.size(); ++i)
            appendWords(parts[i], i + 1 < parts.size(), words);
        terms.append(QLatin1Char('"') + words.join(QLatin1Char(' ')) + QLatin1Char('"') +
                     (hasOpenEnd(parts.last()) ? QStringLiteral("*") : QString()));
    }
    return terms.join(QStringLiteral(" AND "));
}

namespace {

/// The letters without their marks and in one case, each at its place.
QString folded(const QString& source) {
    QString plain = source;
    for (QChar& c : plain) {
        if (c.unicode() > 0x7F && c.decompositionTag() == QChar::Canonical)
            c = c.decomposition().front();
        c = c.toCaseFolded();
    }
    return plain;
}

/// What of a text was typed to find it, the likeliest first: its terms, then their words.
QStringList wordsOf(const QString& typed) {
    const QStringList terms = typed.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    QStringList words = terms;
    for (const QString& term : terms) {
        for (const Stretch& stretch : stretches(term))
            words.append(QString::fromUcs4(stretch.characters.constData(), stretch.characters.size()));
    }
    return words;
}

} // namespace

Found findIn(const QString& text, const QString& typed, qsizetype from) {
    const QString plain = folded(text), whole = folded(typed.simplified());
    const auto find = [&](const QString& word) {
        const qsizetype at = word.isEmpty() ? -1 : plain.indexOf(word, from);
        return at < 0 ? Found() : Found{at, word.size()};
    };
    Found found = find(whole);
    for (const QString& word : wordsOf(whole)) {
        if (found.length > 0)
            break;
        found = find(word);
    }
    return found;
}

QString hitLine(const QString& source, const QString& typed, int width) {
    const auto [found, length] = findIn(source, typed);
    const qsizetype at = found;
    qsizetype begin = at > 0 ? source.lastIndexOf(QLatin1Char('\n'), at - 1) + 1 : 0;
    qsizetype end = source.indexOf(QLatin1Char('\n'), at);
    if (end < 0)
        end = source.size();
    const qsizetype line_begin = begin, line_end = end;
    if (end - begin > width) {
        begin = std::max(begin, at - std::max<qsizetype>(0, width - length) / 3);
        end = std::min(end, std::max(begin + width, at + length));
        if (begin > line_begin && source[begin].isLowSurrogate())
            --begin;
        if (end < line_end && source[end].isLowSurrogate())
            --end;
    }
    QString line = source.mid(begin, end - begin).simplified();
    if (begin > line_begin)
        line.prepend(QChar(0x2026));
    if (end < line_end)
        line.append(QChar(0x2026));
    return line;
}

} // namespace switchyard
