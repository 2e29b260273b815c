#include "ui/chat/wide_bands.h"

#include "ui/chat/markdown_writer.h"
#include "ui/math/math_object.h"

#include <QAbstractTextDocumentLayout>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextTable>

#include <algorithm>
#include <cmath>
#include <utility>

namespace switchyard {
namespace {

struct ColumnRoom {
    qreal least = 0, most = 0;
};

std::vector<ColumnRoom> roomOf(const QTextTable& table) {
    const QVariantList told = table.format().property(columnRoomProperty).toList();
    std::vector<ColumnRoom> columns;
    for (qsizetype i = 0; i + 1 < told.size(); i += 2)
        columns.push_back({told[i].toDouble(), told[i + 1].toDouble()});
    if (static_cast<int>(columns.size()) != table.columns())
        columns.clear();
    return columns;
}

/// Where the lines of a table are: its frame reaches further.
std::pair<qreal, qreal> edgesOf(const QTextTable& table) {
    const QAbstractTextDocumentLayout& layout = *table.document()->documentLayout();
    const qreal beside = table.format().cellPadding() + 2 * table.format().border();
    const int last = table.rows() - 1;
    qreal bottom = 0;
    for (int column = 0; column < table.columns(); ++column)
        bottom = std::max(
            bottom,
            layout.blockBoundingRect(table.cellAt(last, column).lastCursorPosition().block()).bottom());
    return {layout.blockBoundingRect(table.cellAt(0, 0).firstCursorPosition().block()).top() - beside,
            bottom + beside};
}

/// Whether a formula stands in it and nothing else but what ends its sentence.
bool isDisplay(const QTextBlock& block) {
    constexpr int longest = 4;
    return block.length() <= longest && !block.begin().atEnd() &&
           standsAlone(block.begin().fragment().charFormat());
}

} // namespace

void fitColumns(QTextTable& table, qreal text_width) {
    const std::vector<ColumnRoom> columns = roomOf(table);
    if (columns.empty() || text_width <= 0)
        return;
    QTextTableFormat format = table.format();
    const qreal room = text_width - format.leftMargin() - format.rightMargin() - 2;
    qreal least = 0, most = 0;
    for (const ColumnRoom& column : columns) {
        least += column.least;
        most += column.most;
    }
    QList<QTextLength> widths;
    if (most > room || format.boolProperty(sharedColumnsProperty)) { // else as wide as their lines
        const qreal share = most <= room ? 1 : least < room ? (room - least) / (most - least) : 0;
        for (const ColumnRoom& column : columns)
            widths.append(QTextLength(QTextLength::FixedLength,
                                      std::floor(column.least + share * (column.most - column.least))));
    }
    if (widths == format.columnWidthConstraints())
        return;
    format.setColumnWidthConstraints(widths);
    table.setFormat(format);
}

void fitTables(const QTextDocument& document, qreal text_width) {
    for (QTextFrame* frame : document.rootFrame()->childFrames()) {
        if (auto* table = qobject_cast<QTextTable*>(frame))
            fitColumns(*table, text_width);
    }
}

void WideBands::find(const QTextDocument& document, qreal text_width) {
    const std::vector<Band> before = std::exchange(bands_, {});
    width_ = text_width;
    const QAbstractTextDocumentLayout& layout = *document.documentLayout();
    for (auto it = document.rootFrame()->begin(); !it.atEnd(); ++it) {
        if (const auto* table = qobject_cast<QTextTable*>(it.currentFrame())) {
            const qreal right = layout.frameBoundingRect(it.currentFrame()).right();
            if (right <= width_ + 1)
                continue;
            const bool goes_on =
                table->format().boolProperty(sharedColumnsProperty) && table->format().headerRowCount() == 0;
            const auto [top, bottom] = edgesOf(*table);
            add({top, bottom, 0, right}, goes_on);
        } else if (const QTextBlock block = it.currentBlock(); block.isValid() && isDisplay(block)) {
            const QTextLine line = block.layout()->lineAt(0);
            const QRectF rect = layout.blockBoundingRect(block);
            const QRectF text = line.isValid() ? line.naturalTextRect().translated(rect.topLeft()) : QRectF();
            if (text.left() < -1 || text.right() > width_ + 1)
                add({rect.top(), rect.bottom(), std::min(0.0, text.left()), std::max(width_, text.right())},
                    false);
        }
    }
    for (std::size_t i = 0; i < std::min(before.size(), bands_.size()); ++i)
        scroll(i, before[i].scrolled);
}

/// A table that goes on where another ends is the same one.
void WideBands::add(const Band& band, bool goes_on) {
    if (!goes_on || bands_.empty()) {
        bands_.push_back(band);
        return;
    }
    bands_.back().bottom = band.bottom;
    bands_.back().right = std::max(bands_.back().right, band.right);
}

bool WideBands::scroll(std::size_t band, qreal to) {
    if (band >= bands_.size())
        return false;
    Band& scrolled = bands_[band];
    to = std::clamp(to, 0.0, scrolled.right - scrolled.left - width_);
    return std::exchange(scrolled.scrolled, to) != to;
}

std::optional<std::size_t> WideBands::at(qreal y) const {
    const auto band = std::ranges::find_if(bands_, [y](const Band& b) { return y >= b.top && y < b.bottom; });
    if (band == bands_.end())
        return std::nullopt;
    return static_cast<std::size_t>(band - bands_.begin());
}

qreal WideBands::shift(qreal y) const {
    const std::optional<std::size_t> band = at(y);
    return band ? bands_[*band].shift() : 0;
}

} // namespace switchyard
