#include "ui/chat/long_text.h"

#include "ui/emoji_font.h"

#include <QStringDecoder>
#include <QTextBlock>
#include <QTextDocument>

#include <algorithm>

namespace switchyard {
namespace {

constexpr int longest_word = 1000, longest_line = 12000; ///< UTF-16 units
/// Marks over one character: more than usual cost by their square, and count as so many units.
constexpr int usual_marks = 3, cost_of_mark = 5;

/// A character that is drawn as one with those before it has so many units at most.
constexpr int longest_character = 32;

/// Whether `text[i]` goes on in the character before it: the rest of an emoji, of a flag, a mark.
bool goesOn(QStringView text, qsizetype i, QChar before) {
    const QChar c = text[i];
    if (c.isLowSurrogate() || c.isMark() || c == u'\u200D' || before == u'\u200D')
        return true;
    if (c.unicode() != 0xD83C || i + 1 >= text.size())
        return false;
    const char16_t low = text[i + 1].unicode();
    return (low >= 0xDFFB && low <= 0xDFFF) || // the tone of a skin
           (low >= 0xDDE6 && low <= 0xDDFF && before.unicode() >= 0xDDE6 &&
            before.unicode() <= 0xDDFF); // half a flag
}

/// Whether a line can be broken beside it. East Asian characters can, all of them or nearly.
bool breaks(QChar c) { return c.isSpace() || (c.unicode() >= 0x2E80 && c.unicode() < 0xD7B0); }

/// Emoji of characters that the text's font has, too, are put in theirs, without others to take a part of one
/// from.
void insertWithEmoji(QTextCursor& cursor, const QString& text, const QTextCharFormat& format) {
    const QList<EmojiStretch> stretches = emojiStretches(text);
    if (stretches.isEmpty())
        return cursor.insertText(text, format);
    QTextCharFormat pictures = format;
    putInEmojiFont(pictures);
    qsizetype at = 0;
    for (const EmojiStretch& emoji : stretches) {
        if (emoji.begin > at)
            cursor.insertText(text.mid(at, emoji.begin - at), format);
        cursor.insertText(text.mid(emoji.begin, emoji.end - emoji.begin), pictures);
        at = emoji.end;
    }
    if (at < text.size())
        cursor.insertText(text.mid(at), format);
}

} // namespace

void LongText::count(QChar c) {
    last_ = c;
    if (c == u'\n') {
        word_ = line_ = marks_ = 0;
        return;
    }
    marks_ = c.isMark() ? marks_ + 1 : 0;
    word_ = breaks(c) ? 0 : word_ + (marks_ > usual_marks ? cost_of_mark : 1);
    ++line_;
}

/// Units of the text up to the next joint, or up to the first line break after one.
qsizetype LongText::fit(QStringView text) {
    for (qsizetype i = 0; i < text.size(); ++i) {
        const bool too_long = word_ >= longest_word || (line_ >= longest_line && word_ == 0);
        const bool whole = !text[i].isLowSurrogate() &&
                           (word_ >= longest_word + longest_character || !goesOn(text, i, last_));
        if ((too_long && text[i] != u'\n' && whole) || (joined_ && text[i] == u'\n'))
            return i;
        count(text[i]);
    }
    return text.size();
}

void LongText::resume(const QTextCursor& cursor) {
    restart();
    joined_ = cursor.blockFormat().boolProperty(joinedProperty);
    const QString before = cursor.block().text().left(cursor.positionInBlock());
    for (const QChar c : before)
        count(c);
}

void LongText::put(QTextCursor& cursor, const QString& text, const QTextCharFormat& format,
                   const std::function<void(qsizetype)>& on_joint) {
    const QString shown = documentText(text);
    for (qsizetype at = 0; at < shown.size();) {
        const qsizetype size = fit(QStringView(shown).mid(at));
        if (size > 0)
            insertWithEmoji(cursor, shown.mid(at, size), format);
        at += size;
        if (at >= shown.size())
            break;
        QTextBlockFormat block = cursor.blockFormat();
        if (shown[at] == u'\n') {
            block.clearProperty(joinedProperty);
            cursor.insertBlock(block, cursor.blockCharFormat());
            restart();
            ++at;
            continue;
        }
        block.setTopMargin(0);
        block.setTextIndent(0);
        block.setProperty(joinedProperty, true);
        cursor.insertBlock(block, cursor.blockCharFormat());
        restart();
        joined_ = true;
        if (on_joint)
            on_joint(at);
    }
}

QString utf16(std::string_view utf8) {
    QStringDecoder decode(QStringDecoder::Utf8,
                          QStringDecoder::Flag::ConvertInitialBom | QStringDecoder::Flag::Stateless);
    return decode(QByteArrayView(utf8.data(), static_cast<qsizetype>(utf8.size())));
}

std::size_t bytesOfUnits(std::string_view utf8, qsizetype units) {
    std::size_t bytes = 0;
    for (; bytes < utf8.size(); ++bytes) {
        const auto byte = static_cast<unsigned char>(utf8[bytes]);
        if ((byte & 0xC0) == 0x80)
            continue; // of the character before
        if (units <= 0)
            break;
        units -= byte >= 0xF0 ? 2 : 1;
    }
    return bytes;
}

QString documentText(QString text) {
    for (QChar& c : text) {
        if ((c.unicode() >= 0xFDD0 && c.unicode() <= 0xFDEF) || c == QChar::ObjectReplacementCharacter ||
            c.isNull())
            c = QChar::ReplacementCharacter;
        else if (c == QChar::ParagraphSeparator)
            c = QChar::LineSeparator;
        else if (c == u'\r')
            c = u' ';
    }
    return text;
}

QString wholeText(const QTextDocument& document) {
    QString out;
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        if (block != document.begin() && !block.blockFormat().boolProperty(joinedProperty))
            out += u'\n';
        out += block.text();
    }
    out.replace(QChar::LineSeparator, u'\n');
    out.replace(QChar::Nbsp, u' ');
    return out;
}

} // namespace switchyard
