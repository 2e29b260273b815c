// What in a document is wider than its text, tables and formulas: each is a band of it that is scrolled
// sideways by itself, so that nothing is broken letter by letter or shrunk until nobody can read it.
#pragma once

#include <QRectF>

#include <optional>
#include <vector>

class QTextDocument;
class QTextTable;

namespace switchyard {

/// Frame property: of each column of a table the narrowest width at which no word is broken, and the width at
/// which no line is, in turn: a list of numbers, in pixels with the padding.
inline constexpr int columnRoomProperty = 0x100006;
/// Frame property: the table goes on in others, whose columns are as wide.
inline constexpr int sharedColumnsProperty = 0x100007;

/// Gives a table's columns the widths that suit a text of this width: its words stay whole, also where that
/// makes the table wider than the text.
void fitColumns(QTextTable& table, qreal text_width);
/// The same for all tables of a document, before it is laid out at this width.
void fitTables(const QTextDocument& document, qreal text_width);

class WideBands {
  public:
    struct Band {
        qreal top = 0, bottom = 0; ///< in the document, margins left out
        qreal left = 0, right = 0; ///< what it holds; 0 and the text's width are seen at once
        qreal scrolled = 0;
        qreal shift() const { return left + scrolled; } ///< what stands at the left edge of the text
    };
    /// Finds the bands of a document that is laid out at this width. They stay scrolled as they were.
    void find(const QTextDocument& document, qreal text_width);
    const std::vector<Band>& bands() const { return bands_; }
    /// Returns whether something moved.
    bool scroll(std::size_t band, qreal to);
    qreal width() const { return width_; }
    std::optional<std::size_t> at(qreal y) const; ///< the band at this height
    qreal shift(qreal y) const;                   ///< of the band at this height; 0: there is none

  private:
    void add(const Band& band, bool goes_on);

    std::vector<Band> bands_; ///< from above
    qreal width_ = 0;
};

} // namespace switchyard
