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

bool isWordCharacter(char32_t c) { return QChar::isLetterOrNumber(c) || QChar::isMark(c); }

QString text(char32_t c) { return QString::fromUcs4(&c, 1); }

/// A run of word characters of one sort.
struct Stretch {
    QList<char32_t> characters;
    bool unspaced = false;
};

QList<Stretch> stretches(const QString& source) {
    QList<Stretch> all;
    bool inside = false;
    for (const char32_t c : source.toUcs4()) {
        if (!isWordCharacter(c)) {
            inside = false;
            continue;
        }
        const bool unspaced = isUnspaced(c);
        if (!inside || all.last().unspaced != unspaced)
            all.append({{}, unspaced});
        all.last().characters.append(c);
        inside = true;
    }
    return all;
}

/// `last_alone`: the last character stands as a word of its own too, so that a prefix query finds it.
void appendWords(const Stretch& stretch, bool last_alone, QStringList& words) {
    const auto& c = stretch.characters;
    if (!stretch.unspaced) {
        words.append(QString::fromUcs4(c.constData(), c.size()));
        return;
    }
    for (qsizetype i = 0; i + 1 < c.size(); ++i)
        words.append(text(c[i]) + text(c[i + 1]));
    if (last_alone || c.size() == 1)
        words.append(text(c.last()));
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
        const bool open_end = !parts.last().unspaced || parts.last().characters.size() == 1;
        terms.append(QLatin1Char('"') + words.join(QLatin1Char(' ')) + QLatin1Char('"') +
                     (open_end ? QStringLiteral("*") : QString()));
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
