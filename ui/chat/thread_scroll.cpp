// What brings a place of the thread into sight: the scroll bar, the end, a message, a token, a text that is
// looked for.
#include "ui/chat/thread_view.h"

#include <QScrollBar>

namespace switchyard {

ThreadView::Place ThreadView::place() const {
    return {messageAt(geometry_.anchor().row), geometry_.anchor().offset, following()};
}

void ThreadView::setPlace(const Place& place) {
    const int index = indexOf(place.message);
    if (place.following || index < 0)
        geometry_.follow();
    else
        geometry_.anchorAt({index, place.offset});
    refresh();
}

void ThreadView::tellFollowing() {
    if (following() == told_following_)
        return;
    told_following_ = following();
    Q_EMIT followingChanged(told_following_);
}

void ThreadView::scrollContentsBy(int, int) {
    if (adjusting_ || rows_.empty())
        return;
    geometry_.scrollTo(verticalScrollBar()->value());
    refresh();
    updateHover(pointer_);
}

void ThreadView::jumpToEnd() {
    geometry_.follow();
    refresh();
}

void ThreadView::scrollToMessage(MessageId id) {
    const int index = indexOf(id);
    if (index < 0)
        return;
    geometry_.anchorAt({index, -8});
    refresh();
    // What follows may be too short to fill the view.
    if (verticalScrollBar()->value() >= verticalScrollBar()->maximum())
        scrollContentsBy(0, 0);
}

void ThreadView::highlightToken(MessageId id, int token) {
    overlay_.light(id, token);
    const int index = indexOf(id);
    if (token >= 0 && index >= 0) {
        ThreadRow& lit = row(index);
        if (!lit.content.tokens_read)
            Q_EMIT tokensNeeded({id});
        layOutWhole(index);
        const int part = lit.content.tokens.begin(token).part;
        if (lit.content.partFolds(part) && lit.open.insert(part).second)
            lit.width = -1;
        layOut(index);
        lit.layout->revealWide(lit.layout->position(lit.content.tokens.begin(token)));
        geometry_.settle();
        geometry_.reveal(index, TokenOverlay::tokenRect(shown(lit), token).top(), 20, 40);
    }
    refresh();
}

void ThreadView::setFind(const QString& query) {
    find_step_.stop();
    find_.setQuery(query);
    find_.search(rows_, rows_.empty() ? 0 : geometry_.inSight().first);
    Q_EMIT found(find_.number(), find_.total());
    if (query.isEmpty())
        clearSelection();
    else
        showMatch();
}

void ThreadView::findStep(int step) {
    find_.step(step);
    if (find_.current())
        showMatch();
}

/// Selects the match, in the document that is now made for it.
void ThreadView::showMatch() {
    Q_EMIT found(find_.number(), find_.total());
    const ThreadFind::Match* match = find_.current();
    if (!match || match->row >= messageCount()) {
        clearSelection();
        return;
    }
    layOut(match->row);
    ThreadRow& holder = row(match->row);
    if (!holder.layout->reaches({match->place.part, match->place.offset + longest_piece})) {
        holder.width = -1; // a long answer is laid out step by step
        find_step_.start();
        return;
    }
    const auto range = holder.layout->find(find_.query(), match->nth, match->place);
    selection_.setRange({match->row, range ? range->first : LayoutPosition{}},
                        {match->row, range ? range->second : LayoutPosition{}});
    if (range)
        holder.layout->revealWide(range->first);
    geometry_.settle();
    geometry_.reveal(match->row, range ? holder.layout->positionRect(range->first).top() : 0, 20, 60);
    refresh();
    Q_EMIT selectionChanged();
}

} // namespace switchyard
