// How the writer puts tables into the document.
#include "ui/chat/markdown_writer.h"

#include <QTextDocument>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// Laying out a table costs by its cells. Wider ones, and longer ones that cannot be cut into pieces (in a
/// list or a quote), are lines of text.
constexpr int most_columns = 40, most_cells = 256;

/// Adds the length of each cell of a row, in UTF-8 bytes, to the columns' largest.
void measureRow(std::string_view row, std::vector<int>& widths) {
    std::size_t column = 0;
    int size = 0;
    const std::size_t begin = row.find_first_not_of(" \t");
    for (std::size_t i = begin == std::string_view::npos ? row.size() : begin + (row[begin] == '|');
         i <= row.size() && column < widths.size(); ++i) {
        if (i < row.size() && row[i] != '|') {
            size += (static_cast<unsigned char>(row[i]) & 0xC0) != 0x80;
            i += row[i] == '\\' && i + 1 < row.size();
            continue;
        }
        widths[column] = std::max(widths[column], size);
        size = 0;
        ++column;
    }
}

} // namespace

/// Of a table in several pieces, which are tables of their own: the same for all, by the rows of the first.
std::vector<QTextLength> MarkdownWriter::columnWidths(int columns) const {
    std::vector<int> widths(static_cast<std::size_t>(columns), 0);
    const std::size_t end = piece_.rows_continue ? piece_.table_cut : piece_.end;
    std::string_view rows = source_.substr(piece_.table_begin, end - piece_.table_begin);
    for (int line = 0; !rows.empty(); ++line) {
        const std::size_t newline = std::min(rows.find('\n'), rows.size());
        if (line != 1) // the rule
            measureRow(rows.substr(0, newline), widths);
        rows.remove_prefix(std::min(newline + 1, rows.size()));
    }
    int sum = 0;
    for (int& width : widths) {
        width = std::clamp(width, 4, 40);
        sum += width;
    }
    std::vector<QTextLength> shares;
    for (const int width : widths)
        shares.emplace_back(QTextLength::PercentageLength, 100.0 * width / sum);
    return shares;
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
        const std::vector<QTextLength> widths = columnWidths(std::max(columns, 1));
        format.setColumnWidthConstraints(QList<QTextLength>(widths.begin(), widths.end()));
        format.setWidth(QTextLength(QTextLength::PercentageLength, 100));
    }
    if (pending_)
        makeSpacer();
    table_ = cursor_.insertTable(std::max(rows, 1), std::max(columns, 1), format);
    pending_ = false;
    first_ = false;
}

void MarkdownWriter::leaveTable() {
    if (!text_table_) {
        makeSpacer();
        pending_ = true;
    }
    table_ = nullptr;
    text_table_ = false;
    endBlock();
}

} // namespace switchyard
