// Text of any length in a document. Laying out a line costs by the length of the word it cuts, so a word
// without end would take seconds: such words, and lines beyond all measure, go on in a further block that
// joins the one before. Reading a document's text, and counting its lines, leave such joints out.
#pragma once

#include <QString>
#include <QTextBlockFormat>
#include <QTextCursor>

#include <functional>
#include <string_view>

namespace switchyard {

/// Block property: the block goes on in the line of the block before.
inline constexpr int joinedProperty = 0x100004;

/// Puts text at a cursor, cut where that is necessary. Remembers how long the word and the line are.
class LongText {
  public:
    /// The next text begins a block of its own.
    void restart() { word_ = line_ = marks_ = 0, joined_ = false, last_ = {}; }
    /// An object was put that stands for a character.
    void passObject() { word_ = marks_ = 0, last_ = {}, ++line_; }
    /// As if what stands in the cursor's block before it had been put by this.
    void resume(const QTextCursor& cursor);
    /// `format` is that of each line after a line break in the text. `on_joint` hears, after a joint was
    /// made, how many UTF-16 units of the text stand before it.
    void put(QTextCursor& cursor, const QString& text, const QTextCharFormat& format,
             const std::function<void(qsizetype)>& on_joint = {});

  private:
    qsizetype fit(QStringView text);
    void count(QChar c);

    int word_ = 0, line_ = 0; ///< UTF-16 units since the last place to break a line, and of the block
    int marks_ = 0;           ///< over the last character
    QChar last_;
    bool joined_ = false; ///< the block at the cursor joins the one before
};

/// UTF-8 as UTF-16, every character of it: a byte order mark is text like any other.
QString utf16(std::string_view utf8);

/// Bytes of the UTF-8 text that are its first `units` UTF-16 units.
std::size_t bytesOfUnits(std::string_view utf8, qsizetype units);

/// What a document can hold: its own marks (U+FDD0, U+FDD1), nulls and block separators in a text are
/// replaced, unit by unit.
QString documentText(QString text);

/// A document's text, with its line breaks and without joints.
QString wholeText(const QTextDocument& document);

} // namespace switchyard
