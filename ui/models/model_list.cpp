#include "ui/models/model_list.h"

#include "ui/models/model_table.h"

#include <QHeaderView>

namespace switchyard {
namespace {
constexpr int kRowHeight = 32;
constexpr int kLeastName = 110;
constexpr int kPadding = 16; ///< of a cell, both sides and the style's own
} // namespace

ModelList::ModelList(ModelTable* models, QWidget* parent) : QTableView(parent), models_(models) {
    setModel(models);
    setSelectionBehavior(QAbstractItemView::SelectRows);
    setSelectionMode(QAbstractItemView::SingleSelection);
    setShowGrid(false);
    setTabKeyNavigation(false);
    setWordWrap(true);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    verticalHeader()->hide();
    verticalHeader()->setDefaultSectionSize(kRowHeight);
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    horizontalHeader()->setHighlightSections(false);
    horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    horizontalHeader()->setSectionResizeMode(ModelTable::Name, QHeaderView::Stretch);
    connect(models, &ModelTable::modelReset, this, &ModelList::layOutRows);
    // The header is still at work when it says so.
    connect(horizontalHeader(), &QHeaderView::sectionResized, this, &ModelList::layOutRows,
            Qt::QueuedConnection);
}

void ModelList::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    layOutRows();
}

int ModelList::heightOf(int row) const {
    if (!models_->unusable(row))
        return kRowHeight;
    int width = -kPadding;
    for (int column = ModelTable::Reason; column < ModelTable::Columns; ++column)
        width += columnWidth(column);
    const QString reason = models_->index(row, ModelTable::Reason).data().toString();
    const QRect lines = fontMetrics().boundingRect(QRect(0, 0, std::max(width, 40), 1 << 20),
                                                   Qt::AlignLeft | Qt::TextWordWrap, reason);
    return std::max(kRowHeight, lines.height() + kPadding);
}

/// Where not all columns have room, the last ones go: the reason and the name are read before them.
void ModelList::chooseColumns() {
    int room = viewport()->width() - kLeastName;
    for (int column = ModelTable::Size; column < ModelTable::Columns; ++column) {
        const bool hidden = isColumnHidden(column);
        const int width = std::max(sizeHintForColumn(column), horizontalHeader()->sectionSizeHint(column));
        room -= width;
        if (const bool hide = room < 0 && column > ModelTable::Reason; hide != hidden)
            setColumnHidden(column, hide);
    }
}

void ModelList::layOutRows() {
    chooseColumns();
    for (int row = 0; row < models_->rowCount(); ++row) {
        const int span = models_->unusable(row) ? ModelTable::Columns - ModelTable::Reason : 1;
        if (columnSpan(row, ModelTable::Reason) != span)
            setSpan(row, ModelTable::Reason, 1, span);
        if (const int height = heightOf(row); rowHeight(row) != height)
            setRowHeight(row, height);
    }
}

} // namespace switchyard
