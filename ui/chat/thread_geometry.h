// Where the messages of a thread stand, and what of them is in sight. Of those that are not laid out a height
// is guessed: what is read keeps its place when heights above it turn out otherwise.
#pragma once

#include <QRect>
#include <QSizeF>

#include <utility>
#include <vector>

namespace switchyard {

struct MessageContent;

/// Lengths are pixels; y of the contents counts from the top of the thread, of the view from the top of what
/// is in sight.
class ThreadGeometry {
  public:
    /// `em`: of the text.
    void setView(const QSizeF& size, qreal em);
    qreal viewHeight() const { return view_.height(); }
    qreal columnWidth() const;
    qreal columnLeft() const;
    /// Of a message that was never laid out.
    qreal guessedHeight(const MessageContent& content) const;

    int count() const { return static_cast<int>(heights_.size()); }
    void setHeights(std::vector<qreal> heights);
    void setHeight(int row, qreal height) { heights_[static_cast<std::size_t>(row)] = height; }
    qreal height(int row) const { return heights_[static_cast<std::size_t>(row)]; }
    /// Computes where everything stands and what is in sight, after heights, the view or the anchor changed.
    void settle();

    // As of the last settle():
    qreal top(int row) const { return tops_[static_cast<std::size_t>(row)]; } ///< of the contents
    int rowAt(qreal y) const;  ///< nearest to y of the contents
    QRect rect(int row) const; ///< in the view
    /// Top left of a row, on whole pixels.
    QPointF origin(int row) const;
    std::pair<int, int> inSight() const { return rowsBetween(offset_, offset_ + view_.height()); }
    std::pair<int, int> rowsBetween(qreal top, qreal bottom) const { return {rowAt(top), rowAt(bottom)}; }
    /// In sight and one screen either side.
    std::pair<int, int> near() const;
    int offset() const { return offset_; }   ///< of the contents, at the top of the view
    int maximum() const { return maximum_; } ///< of the offset

    /// What stays where it is.
    struct Anchor {
        int row = 0;
        qreal offset = 0; ///< from the row's top to the top of the view
    };
    const Anchor& anchor() const { return anchor_; }
    /// Whether the end stays in sight, whatever is added.
    bool following() const { return following_; }
    void follow() { following_ = true; }
    void stopFollowing() { following_ = false; }
    void anchorAt(const Anchor& anchor);
    /// The row that the anchor stood in is another one now, with others above it; following stays as it is.
    void moveAnchorTo(int row) { anchor_.row = row; }
    /// Scrolled by hand; at the end it is followed.
    void scrollTo(int offset);
    /// Where the end is followed, the anchor is kept there, for when it no longer is.
    void keepAnchor();
    /// Brings y of a row into sight, a third from the top, unless it is so with this room above and below.
    void reveal(int row, qreal y, qreal above, qreal below);
    /// Brings a row into sight, its top where it is higher than the view.
    bool revealRow(int row);

  private:
    QSizeF view_{0, 0};
    qreal em_ = 16;
    std::vector<qreal> heights_;
    std::vector<qreal> tops_{0}; ///< one more than rows: the last is the end
    int offset_ = 0, maximum_ = 0;
    Anchor anchor_;
    bool following_ = true;
};

} // namespace switchyard
