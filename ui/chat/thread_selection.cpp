#include "ui/chat/thread_selection.h"

#include "ui/chat/selected_text.h"

#include <algorithm>
#include <limits>

namespace switchyard {

namespace {

constexpr int kFar = std::numeric_limits<int>::max();

} // namespace

/// The unit that a spot is in.
std::pair<ThreadSpot, ThreadSpot> ThreadSelection::around(const ThreadSpot& spot,
                                                          const ThreadRows& rows) const {
    const MessageLayout* layout = rows[static_cast<std::size_t>(spot.row)]->layout.get();
    if (unit_ == Unit::Character || !layout)
        return {spot, spot};
    const bool line = unit_ == Unit::Line;
    return {{spot.row, layout->wordBegin(spot.at, line)}, {spot.row, layout->wordEnd(spot.at, line)}};
}

void ThreadSelection::press(const ThreadSpot& spot, Unit unit, const ThreadRows& rows) {
    unit_ = unit;
    std::tie(unit_begin_, unit_end_) = around(spot, rows);
    anchor_ = unit_begin_;
    cursor_ = unit_end_;
}

void ThreadSelection::extend(const ThreadSpot& spot) { cursor_ = spot; }

bool ThreadSelection::drag(const ThreadSpot& spot, const ThreadRows& rows) {
    const auto [begin, end] = around(spot, rows);
    const bool before = spot < unit_begin_;
    if (unit_ != Unit::Character)
        anchor_ = before ? unit_end_ : unit_begin_;
    return std::exchange(cursor_, before ? begin : end) != cursor_;
}

void ThreadSelection::setRange(const ThreadSpot& from, const ThreadSpot& to) {
    unit_ = Unit::Character;
    anchor_ = from;
    cursor_ = to;
}

void ThreadSelection::selectAll(int rows) { setRange({0, {}}, {rows - 1, {kFar, kFar}}); }

std::pair<ThreadSpot, ThreadSpot> ThreadSelection::range() const {
    ThreadSpot from = std::min(anchor_, cursor_), to = std::max(anchor_, cursor_);
    if (unit_ != Unit::Character) {
        from = std::min(from, unit_begin_);
        to = std::max(to, unit_end_);
    }
    return {from, to};
}

std::optional<LayoutRange> ThreadSelection::in(int row) const {
    if (empty())
        return std::nullopt;
    const auto [from, to] = range();
    if (row < from.row || row > to.row)
        return std::nullopt;
    return LayoutRange{row == from.row ? from.at : LayoutPosition{},
                       row == to.row ? to.at : LayoutPosition{kFar, kFar}};
}

std::unique_ptr<SelectedText> ThreadSelection::text(const ThreadRows& rows, const ChatStyle& style) const {
    std::vector<SelectedMessage> messages;
    if (!empty()) {
        const auto [from, to] = range();
        for (int i = from.row; i <= to.row && i < static_cast<int>(rows.size()); ++i) {
            const ThreadRow& row = *rows[static_cast<std::size_t>(i)];
            messages.emplace_back(row.content, row.open, *in(i), row.stands() ? row.layout : nullptr);
        }
    }
    return std::make_unique<SelectedText>(std::move(messages), style);
}

std::unique_ptr<SelectedText> ThreadSelection::whole(const ThreadRow& row, const ChatStyle& style) {
    std::vector<SelectedMessage> messages;
    messages.emplace_back(row.content, std::set<int>(), LayoutRange{{}, {kFar, kFar}},
                          row.stands() ? row.layout : nullptr);
    return std::make_unique<SelectedText>(std::move(messages), style);
}

QString ThreadSelection::phrase(const ThreadRows& rows) const {
    constexpr int longest = 100; // characters
    QString text;
    if (empty())
        return text;
    const auto [from, to] = range();
    const ThreadRow& row = *rows[static_cast<std::size_t>(from.row)];
    if (row.layout && from.row == to.row && from.at.part == to.at.part &&
        to.at.position - from.at.position <= longest) {
        for (const TextStretch& stretch : row.layout->stretches({from.at, to.at}, row.open))
            PlainTextReader(stretch).read(text, longest);
    }
    return text;
}

} // namespace switchyard
