#include "ui/chat/thread_geometry.h"

#include "ui/chat/message_content.h"

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

constexpr qreal kTopMargin = 10, kBottomMargin = 28, kSideMargin = 28;
constexpr qreal kAbove = 8; ///< of a row that is brought into sight

} // namespace

void ThreadGeometry::setView(const QSizeF& size, qreal em) {
    view_ = size;
    em_ = em;
}

qreal ThreadGeometry::columnWidth() const {
    const qreal room = view_.width() - 2 * kSideMargin;
    return std::floor(std::max(160.0, std::min(room, std::max(760.0, em_ * 50))));
}

qreal ThreadGeometry::columnLeft() const { return std::floor((view_.width() - columnWidth()) / 2); }

qreal ThreadGeometry::guessedHeight(const MessageContent& content) const {
    qreal lines = 1;
    for (const ContentPart& part : content.parts) {
        if (part.kind != PartKind::Text)
            continue;
        const auto breaks = std::count(part.text.begin(), part.text.end(), '\n');
        const qreal wrapped = static_cast<qreal>(part.text.size()) * em_ * 0.45 / columnWidth();
        lines += static_cast<qreal>(breaks) * 0.7 + wrapped;
    }
    return std::round(90 + em_ * 1.7 * lines);
}

void ThreadGeometry::setHeights(std::vector<qreal> heights) { heights_ = std::move(heights); }

void ThreadGeometry::settle() {
    tops_.resize(heights_.size() + 1);
    qreal y = kTopMargin;
    for (std::size_t i = 0; i < heights_.size(); ++i) {
        tops_[i] = y;
        y += heights_[i];
    }
    tops_.back() = y;
    const qreal contents = heights_.empty() ? 0 : y + kBottomMargin;
    maximum_ = std::max(0, static_cast<int>(std::ceil(contents - view_.height())));
    anchor_.row = std::clamp(anchor_.row, 0, std::max(count() - 1, 0));
    const bool end = following_ || heights_.empty();
    const qreal wanted = end ? maximum_ : std::round(top(anchor_.row) + anchor_.offset);
    offset_ = static_cast<int>(std::clamp(wanted, 0.0, static_cast<qreal>(maximum_)));
}

int ThreadGeometry::rowAt(qreal y) const {
    const auto after = std::upper_bound(tops_.begin(), tops_.end() - 1, y);
    return std::max(0, static_cast<int>(after - tops_.begin()) - 1);
}

QRect ThreadGeometry::rect(int row) const {
    return QRectF(columnLeft(), top(row) - offset_, columnWidth(), height(row)).toRect();
}

QPointF ThreadGeometry::origin(int row) const { return {columnLeft(), std::round(top(row) - offset_)}; }

std::pair<int, int> ThreadGeometry::near() const {
    return rowsBetween(offset_ - view_.height(), offset_ + 2 * view_.height());
}

void ThreadGeometry::anchorAt(const Anchor& anchor) {
    following_ = false;
    anchor_ = anchor;
}

void ThreadGeometry::scrollTo(int offset) {
    offset_ = offset;
    anchor_.row = rowAt(offset_);
    anchor_.offset = offset_ - top(anchor_.row);
    following_ = offset_ >= maximum_ - 2;
}

void ThreadGeometry::keepAnchor() {
    if (!following_ || heights_.empty())
        return;
    anchor_.row = rowAt(offset_);
    anchor_.offset = offset_ - top(anchor_.row);
}

void ThreadGeometry::reveal(int row, qreal y, qreal above, qreal below) {
    const qreal at = top(row) + y;
    if (at < offset_ + above || at > offset_ + view_.height() - below)
        anchorAt({row, y - view_.height() / 3});
}

bool ThreadGeometry::revealRow(int row) {
    const QRect rect = this->rect(row);
    if (rect.top() >= 0 && rect.bottom() <= view_.height())
        return false;
    const bool top = rect.height() > view_.height() || rect.top() < 0;
    anchorAt({row, top ? -kAbove : rect.height() - view_.height() + kAbove});
    return true;
}

} // namespace switchyard
