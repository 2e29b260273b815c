// Finding text in the thread. Messages out of sight have no document: their source is searched, and a match
// is looked up in the document when it is shown.
#include "ui/chat/thread_view.h"

#include <algorithm>

namespace switchyard {

void ThreadView::setFind(const QString& query) {
    query_ = query;
    find_step_.stop();
    findMatches();
    if (query.isEmpty())
        clearSelection();
    else
        showMatch();
}

void ThreadView::findMatches() {
    matches_.clear();
    match_ = -1;
    const int in_sight = rows_.empty() ? 0 : rowAt(offset());
    for (int row = 0; row < messageCount(); ++row) {
        const std::vector<ContentPart>& parts = rows_[static_cast<std::size_t>(row)]->content.parts;
        for (std::size_t part = 0; part < parts.size() && !query_.isEmpty(); ++part) {
            if (parts[part].kind == PartKind::Text)
                findInPart(row, static_cast<int>(part), parts[part].text);
            if (match_ < 0 && row >= in_sight && !matches_.empty() && matches_.back().row == row)
                match_ = static_cast<int>(std::ranges::find(matches_, row, &Match::row) - matches_.begin());
        }
    }
    if (match_ < 0 && !matches_.empty())
        match_ = 0;
    Q_EMIT found(match_ + 1, static_cast<int>(matches_.size()));
}

void ThreadView::findInPart(int row, int part, const std::string& source) {
    const QString text = QString::fromStdString(source);
    std::size_t bytes = 0; // before the match
    qsizetype units = 0;
    int nth = 0;
    for (qsizetype at = 0; (at = text.indexOf(query_, at, Qt::CaseInsensitive)) >= 0; at += query_.size()) {
        bytes += bytesOfUnits(std::string_view(source).substr(bytes), at - units);
        units = at;
        matches_.push_back({row, nth++, {part, bytes}});
    }
}

void ThreadView::findStep(int step) {
    if (matches_.empty())
        return;
    const int total = static_cast<int>(matches_.size());
    match_ = (match_ + step + total) % total;
    showMatch();
}

void ThreadView::showMatch() {
    Q_EMIT found(match_ + 1, static_cast<int>(matches_.size()));
    if (match_ < 0 || matches_[static_cast<std::size_t>(match_)].row >= messageCount()) {
        clearSelection();
        return;
    }
    const Match match = matches_[static_cast<std::size_t>(match_)];
    Row& row = *rows_[static_cast<std::size_t>(match.row)];
    layOut(row);
    if (!row.layout->reaches(
            {match.place.part,
             match.place.offset + longest_piece})) { // a long answer is laid out step by step
        row.width = -1;
        find_step_.start();
        return;
    }
    const auto range = row.layout->find(query_, match.nth, match.place);
    clicks_ = 1;
    anchor_spot_ = {match.row, range ? range->first : LayoutPosition{}};
    cursor_spot_ = {match.row, range ? range->second : LayoutPosition{}};
    const qreal inside = range ? row.layout->positionRect(range->first).top() : 0;
    computeTops();
    const qreal y = tops_[static_cast<std::size_t>(match.row)] + inside;
    if (y < offset() + 20 || y > offset() + viewport()->height() - 60) {
        setFollowing(false);
        anchor_row_ = match.row;
        anchor_offset_ = inside - viewport()->height() / 3.0;
    }
    refresh();
    Q_EMIT selectionChanged();
}

} // namespace switchyard
