// How the writer puts tables into the document.
#include "ui/chat/markdown_writer.h"

#include "ui/chat/wide_bands.h"
#include "ui/math/math_object.h"

#include <QFontMetricsF>
#include <QTextDocument>

#include <algorithm>

#include <md4c.h>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// Laying out a table costs by its cells. Wider ones, and longer ones that cannot be cut into pieces (in a
/// list or a quote), are lines of text.
constexpr int most_columns = 40, most_cells = 256;

/// What a column takes beside its text.
qreal roomBeside(const QTextTableFormat& format) { return 2 * format.cellPadding() + 4; }

struct CellSize {
    int word = 0, line = 0; ///< characters: of the longest word, and of all
};

/// Adds the size of each cell of a row to the columns' largest.
void measureRow(std::string_view row, std::vector<CellSize>& columns) {
    std::size_t column = 0;
    int size = 0, word = 0;
    const std::size_t begin = row.find_first_not_of(" \t");
    for (std::size_t i = begin == std::string_view::npos ? row.size() : begin + (row[begin] == '|');
         i <= row.size() && column < columns.size(); ++i) {
        if (i < row.size() && row[i] != '|') {
            const auto byte = static_cast<unsigned char>(row[i]);
            size += (byte & 0xC0) != 0x80;
            word = row[i] == ' ' || byte >= 0xE0 ? 0 : word + ((byte & 0xC0) != 0x80);
            columns[column].word = std::max(columns[column].word, word);
            i += row[i] == '\\' && i + 1 < row.size();
            continue;
        }
        columns[column].line = std::max(columns[column].line, size);
        size = word = 0;
        ++column;
    }
}

/// A character of a script that puts no spaces between words: a line may end before and after it.
bool breaksAnywhere(QChar c) {
    const QChar::Script script = c.script();
    return script == QChar::Script_Han || script == QChar::Script_Hiragana ||
           script == QChar::Script_Katakana || c.isSurrogate();
}

/// Adds a stretch of a cell to what its longest word and all of it take.
void measureFragment(const QTextFragment& fragment, const QFontMetricsF& text, const QFontMetricsF& code,
                     qreal& word, qreal& line) {
    const QTextCharFormat format = fragment.charFormat();
    if (isFormula(format)) {
        const qreal width = formulaWidth(format);
        word = std::max(word, width);
        line += width;
        return;
    }
    constexpr qsizetype longest = 400; // characters: what is longer is as wide as a column may be
    constexpr qreal bold = 1.08;
    const QFontMetricsF& metrics = format.fontFixedPitch() ? code : text;
    const qreal wider = format.fontWeight() > QFont::Normal ? bold : 1;
    QString shown = fragment.text().left(longest);
    line += wider * metrics.horizontalAdvance(shown);
    std::ranges::replace_if(shown, breaksAnywhere, QChar(u' '));
    for (const QStringView each : QStringView(shown).split(u' '))
        word = std::max(word, wider * metrics.horizontalAdvance(each.toString()));
}

} // namespace

/// Of a table in several pieces, which are tables of their own: the same for all, by the rows of the first.
QVariantList MarkdownWriter::columnRoomOfAll(int columns, qreal padding) const {
    std::vector<CellSize> sizes(static_cast<std::size_t>(columns));
    const std::size_t end = piece_.rows_continue ? piece_.table_cut : piece_.end;
    std::string_view rows = source_.substr(piece_.table_begin, end - piece_.table_begin);
    for (int line = 0; !rows.empty(); ++line) {
        const std::size_t newline = std::min(rows.find('\n'), rows.size());
        if (line != 1) // the rule
            measureRow(rows.substr(0, newline), sizes);
        rows.remove_prefix(std::min(newline + 1, rows.size()));
    }
    const qreal letter = QFontMetricsF(style_.text).averageCharWidth() * 1.1;
    QVariantList room;
    for (const CellSize& size : sizes) {
        const int line = std::clamp(size.line, 4, 40);
        room << letter * std::clamp(size.word, 4, line) + padding << letter * line + padding;
    }
    return room;
}

void MarkdownWriter::enterTable(int columns, int head, int body) {
    const int rows = (piece_.rows_continue ? 0 : head) + body;
    row_ = -1;
    text_table_ = columns > most_columns || (rows > 2 && rows * columns > most_cells);
    if (!text_table_) {
        startTable(columns, rows);
        return;
    }
    if (piece_.rows_continue)
        return;
    startBlock(paragraphFormat(0.75));
    QTextCharFormat note;
    note.setForeground(style_.muted);
    note.setFontItalic(true);
    put(piece_.table_body > 0 ? tr("A table of %n columns, shown as text:", nullptr, columns)
                              : tr("A table of %1 × %2 cells, shown as text:").arg(rows).arg(columns),
        note);
}

void MarkdownWriter::startTable(int columns, int rows) {
    cursor_.movePosition(QTextCursor::End);
    QTextTableFormat format;
    format.setBorderCollapse(true);
    format.setBorder(1);
    format.setBorderBrush(style_.border);
    format.setBorderStyle(QTextFrameFormat::BorderStyle_Solid);
    format.setCellPadding(style_.em() * 0.45);
    format.setCellSpacing(0);
    format.setLeftMargin(indent());
    format.setTopMargin(pending_ ? 0 : style_.em() * 0.8);
    format.setBottomMargin(piece_.rows_follow ? 0 : style_.em() * 0.75);
    if (!piece_.rows_continue)
        format.setHeaderRowCount(1);
    if (piece_.rows_follow || piece_.rows_continue) {
        format.setProperty(columnRoomProperty, columnRoomOfAll(std::max(columns, 1), roomBeside(format)));
        format.setProperty(sharedColumnsProperty, true);
    }
    if (pending_)
        makeSpacer();
    table_ = cursor_.insertTable(std::max(rows, 1), std::max(columns, 1), format);
    pending_ = false;
    first_ = false;
}

void MarkdownWriter::startCell(bool header, int align) {
    ++column_;
    if (header) {
        QTextCharFormat bold;
        bold.setFontWeight(QFont::DemiBold);
        formats_.push_back(bold);
    }
    if (text_table_ && !in_head_ && column_ > 0)
        put(u" | "_s, QTextCharFormat());
    if (!table_ || in_head_ || row_ >= table_->rows() || column_ >= table_->columns())
        return;
    QTextTableCell cell = table_->cellAt(row_, column_);
    if (header) {
        QTextTableCellFormat shaded = cell.format().toTableCellFormat();
        shaded.setBackground(style_.code);
        cell.setFormat(shaded);
    }
    cursor_ = cell.firstCursorPosition();
    QTextBlockFormat format;
    format.setLineHeight(130, QTextBlockFormat::ProportionalHeight);
    format.setAlignment(align == MD_ALIGN_RIGHT    ? Qt::AlignRight
                        : align == MD_ALIGN_CENTER ? Qt::AlignHCenter
                                                   : Qt::AlignLeft);
    cursor_.setBlockFormat(format);
    cursor_.setBlockCharFormat(QTextCharFormat());
    long_text_.restart();
    block_open_ = true;
}

/// How much room each column wants: see columnRoomProperty.
QVariantList MarkdownWriter::columnRoom(QTextTable& table) const {
    const qreal em = style_.em(), padding = roomBeside(table.format());
    const qreal widest_word = 16 * em, widest_line = 24 * em;
    const QFontMetricsF text(style_.text), code(style_.mono);
    QVariantList room;
    for (int column = 0; column < table.columns(); ++column) {
        qreal least = 2 * em, most = 2 * em;
        for (int row = 0; row < table.rows(); ++row) {
            const QTextTableCell cell = table.cellAt(row, column);
            qreal word = 0, line = 0;
            for (auto block = cell.begin(); !block.atEnd(); ++block) {
                for (auto it = block.currentBlock().begin(); !it.atEnd(); ++it)
                    measureFragment(it.fragment(), text, code, word, line);
            }
            least = std::max(least, word);
            most = std::max(most, line);
        }
        room << std::min(least, widest_word) + padding
             << std::min(std::max(least, most), widest_line) + padding;
    }
    return room;
}

void MarkdownWriter::leaveTable() {
    if (table_) {
        QTextTableFormat format = table_->format();
        if (!format.hasProperty(columnRoomProperty))
            format.setProperty(columnRoomProperty, columnRoom(*table_));
        table_->setFormat(format);
        fitColumns(*table_, document_.textWidth());
    }
    if (!text_table_) {
        makeSpacer();
        pending_ = true;
    }
    table_ = nullptr;
    text_table_ = false;
    endBlock();
}

} // namespace switchyard
