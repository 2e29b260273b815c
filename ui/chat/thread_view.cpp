#include "ui/chat/thread_view.h"

#include "ui/chat/thread_accessible.h"
#include "ui/theme.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QEvent>
#include <QPaintEvent>
#include <QPainter>
#include <QScrollBar>

#include <algorithm>
#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr qreal top_margin = 10, bottom_margin = 28, side_margin = 28;

} // namespace

ThreadView::ThreadView(QWidget* parent) : QAbstractScrollArea(parent) {
    installThreadAccessibility();
    setObjectName(u"threadView"_s);
    setAccessibleName(tr("Messages"));
    setAccessibleDescription(tr("Alt+Up and Alt+Down go from message to message; Ctrl+C copies."));
    setFocusPolicy(Qt::StrongFocus);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setMouseTracking(true);
    viewport()->setAttribute(Qt::WA_Hover);
    viewport()->setBackgroundRole(QPalette::Window);
    viewport()->setCursor(Qt::IBeamCursor);
    verticalScrollBar()->setSingleStep(48);
    jump_ = new CalmButton(u"jump-end"_s, tr("Jump to the end"), this);
    jump_->setObjectName(u"jumpToEndButton"_s);
    jump_->setLook(CalmButton::Look::Raised);
    jump_->hide();
    connect(jump_, &QToolButton::clicked, this, &ThreadView::jumpToEnd);
    prefetch_.setSingleShot(true);
    prefetch_.setInterval(0);
    connect(&prefetch_, &QTimer::timeout, this, &ThreadView::prefetch);
    find_step_.setSingleShot(true);
    find_step_.setInterval(0);
    connect(&find_step_, &QTimer::timeout, this, [this] {
        if (match_ >= 0)
            showMatch();
    });
    auto_scroll_.setInterval(30);
    connect(&auto_scroll_, &QTimer::timeout, this, &ThreadView::autoScroll);
    edit_timer_.setSingleShot(true);
    edit_timer_.setInterval(400);
    connect(&edit_timer_, &QTimer::timeout, this, &ThreadView::editsChanged);
    restyle();
}

ThreadView::~ThreadView() = default;

ThreadView::Row* ThreadView::find(MessageId id) {
    const auto it = index_.constFind(id);
    return it == index_.constEnd() ? nullptr : rows_[static_cast<std::size_t>(*it)].get();
}

const ThreadView::Row* ThreadView::find(MessageId id) const {
    return const_cast<ThreadView*>(this)->find(id);
}

const MessageContent* ThreadView::content(MessageId id) const {
    const Row* row = find(id);
    return row ? &row->content : nullptr;
}

MessageId ThreadView::messageAt(int index) const {
    return index >= 0 && index < messageCount() ? rows_[static_cast<std::size_t>(index)]->content.id : 0;
}

MessageTools* ThreadView::tools(MessageId id) const {
    const Row* row = find(id);
    return row ? row->tools.data() : nullptr;
}

int ThreadView::liveDocuments() const {
    return static_cast<int>(
        std::count_if(rows_.begin(), rows_.end(), [](const auto& row) { return row->layout != nullptr; }));
}

void ThreadView::setThread(const QList<Message>& thread, bool to_end) {
    const MessageId anchor = messageAt(anchor_row_);
    const MessageId last = messageAt(messageCount() - 1);
    std::vector<std::unique_ptr<Row>> before = std::move(rows_);
    QHash<MessageId, int> old_index = std::move(index_);
    rows_.clear();
    index_.clear();
    for (const Message& message : thread) {
        std::unique_ptr<Row> row;
        if (const auto it = old_index.constFind(message.id); it != old_index.constEnd())
            row = std::move(before[static_cast<std::size_t>(*it)]);
        if (!row)
            row = std::make_unique<Row>();
        row->rewritten |= row->content.update(message);
        row->width = -1;
        row->stale = true;
        if (!row->layout)
            row->height = guessedHeight(*row);
        index_.insert(message.id, static_cast<int>(rows_.size()));
        rows_.push_back(std::move(row));
    }
    for (const auto& row : before) {
        if (row)
            hideRowWidgets(*row);
    }
    if (editor_ && !find(edited_))
        endEdit();
    clearSelection();
    current_ = std::min(current_, messageCount() - 1);
    hovered_ = -1;
    if (to_end || rows_.empty()) {
        setFollowing(true);
    } else if (const auto it = index_.constFind(anchor); it != index_.constEnd()) {
        anchor_row_ = *it;
    } else {
        anchor_row_ = std::min(anchor_row_, std::max(messageCount() - 1, 0));
        anchor_offset_ = 0;
    }
    if (!query_.isEmpty() && last != messageAt(messageCount() - 1))
        findMatches(); // those of another thread
    refresh();
}

ThreadView::Place ThreadView::place() const { return {messageAt(anchor_row_), anchor_offset_, following_}; }

void ThreadView::setPlace(const Place& place) {
    const auto it = index_.constFind(place.message);
    setFollowing(place.following || it == index_.constEnd());
    if (!following_) {
        anchor_row_ = *it;
        anchor_offset_ = place.offset;
    }
    refresh();
}

void ThreadView::updateMessage(const Message& message) {
    Row* row = find(message.id);
    if (!row)
        return;
    const bool streamed = row->content.streaming();
    row->rewritten |= row->content.update(message);
    row->width = -1;
    row->stale = true;
    if (!row->layout)
        row->height = guessedHeight(*row);
    refresh();
    if (streamed && !row->content.streaming()) {
        QAccessibleEvent event(this, QAccessible::NameChanged);
        event.setChild(*index_.constFind(message.id));
        QAccessible::updateAccessibility(&event);
    }
}

void ThreadView::setProgress(MessageId id, const QString& text) {
    Row* row = find(id);
    if (!row || row->progress == text)
        return;
    row->progress = text;
    row->width = -1;
    refresh();
}

void ThreadView::setBusy(bool busy) {
    if (busy == busy_)
        return;
    busy_ = busy;
    for (const auto& row : rows_)
        row->stale = true;
    refresh();
}

// ---- What stands where ----

void ThreadView::restyle() {
    QFont font = this->font();
    const qreal own = font.pointSizeF() > 0 ? font.pointSizeF() : 10;
    style_ = ChatStyle::make(QApplication::palette(), font, points_ > 0 ? points_ : own + 1);
    for (const auto& row : rows_) {
        row->layout.reset();
        row->rewritten = true;
        row->width = -1;
    }
    refresh();
}

void ThreadView::setFontPoints(qreal points) {
    points = std::clamp(points, kSmallestChatFont, kLargestChatFont);
    if (points == points_)
        return;
    points_ = points;
    restyle();
    Q_EMIT fontPointsChanged(points_);
}

void ThreadView::zoom(int step) {
    const qreal own = (font().pointSizeF() > 0 ? font().pointSizeF() : 10) + 1;
    setFontPoints(step == 0 ? own : (points_ > 0 ? points_ : own) + step);
}

qreal ThreadView::columnWidth() const {
    const qreal room = viewport()->width() - 2 * side_margin;
    return std::floor(std::max(160.0, std::min(room, std::max(760.0, style_.em() * 50))));
}

qreal ThreadView::columnLeft() const { return std::floor((viewport()->width() - columnWidth()) / 2); }

qreal ThreadView::offset() const { return verticalScrollBar()->value(); }

qreal ThreadView::guessedHeight(const Row& row) const {
    const qreal line = style_.em() * 1.7;
    qreal lines = 1;
    for (const ContentPart& part : row.content.parts) {
        if (part.kind == PartKind::Text) {
            const auto breaks = std::count(part.text.begin(), part.text.end(), '\n');
            const qreal wrapped = static_cast<qreal>(part.text.size()) * style_.em() * 0.45 / columnWidth();
            lines += static_cast<qreal>(breaks) * 0.7 + wrapped;
        }
    }
    return std::round(90 + line * lines);
}

void ThreadView::layOut(Row& row) {
    if (row.content.needsTokens())
        Q_EMIT tokensNeeded({row.content.id});
    // What is copied is read from a layout while it stands: then its text must not change.
    const bool changes = row.rewritten || row.content.streaming() || (row.layout && !row.layout->complete());
    if (!row.layout || (row.layout.use_count() > 1 && row.width < 0 && changes)) {
        row.layout = std::make_shared<MessageLayout>(row.content, style_);
        row.width = -1;
    } else if (row.width < 0 || !row.layout->complete()) {
        row.layout->sync(row.content, row.rewritten);
        row.width = -1;
    }
    row.rewritten = false;
    if (row.width == columnWidth())
        return;
    MessageLayout::Options options;
    options.width = columnWidth();
    options.open = row.open;
    options.progress = row.progress;
    if (editor_ && edited_ == row.content.id)
        options.editor_height = editor_->wantedHeight();
    row.layout->arrange(row.content, options);
    row.width = columnWidth();
    row.height = row.layout->height();
}

/// With all of its text, where a place in it is asked for.
void ThreadView::layOutWhole(Row& row) {
    layOut(row);
    if (row.layout->complete())
        return;
    row.layout->completeNow(row.content);
    row.width = -1;
    layOut(row);
}

void ThreadView::release(Row& row) {
    row.layout.reset();
    row.width = -1;
}

void ThreadView::computeTops() {
    tops_.resize(rows_.size() + 1);
    qreal y = top_margin;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        tops_[i] = y;
        y += rows_[i]->height;
    }
    tops_.back() = y;
}

int ThreadView::rowAt(qreal y) const {
    const auto after = std::upper_bound(tops_.begin(), tops_.end() - 1, y);
    return std::max(0, static_cast<int>(after - tops_.begin()) - 1);
}

void ThreadView::refresh() {
    if (!viewport())
        return;
    layOutSight();
    placeWidgets();
    placeJumpButton();
    viewport()->update();
    prefetch_.start();
}

/// Puts the scroll bar where the anchor says, or at the end.
void ThreadView::applyScroll() {
    computeTops();
    const qreal contents = rows_.empty() ? 0 : tops_.back() + bottom_margin;
    const int most = std::max(0, static_cast<int>(std::ceil(contents - viewport()->height())));
    adjusting_ = true;
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setRange(0, most);
    if (following_ || rows_.empty())
        verticalScrollBar()->setValue(most);
    else
        verticalScrollBar()->setValue(
            static_cast<int>(std::round(tops_[static_cast<std::size_t>(anchor_row_)] + anchor_offset_)));
    adjusting_ = false;
}

void ThreadView::layOutSight() {
    // Real heights move what is in sight, which may bring further rows into it.
    for (int round = 0; round < 40; ++round) {
        applyScroll();
        if (rows_.empty())
            return;
        bool changed = false;
        const int first = rowAt(offset()), last = rowAt(offset() + viewport()->height());
        for (int i = first; i <= last; ++i) {
            Row& row = *rows_[static_cast<std::size_t>(i)];
            if (row.layout && row.width == columnWidth())
                continue;
            const qreal before = row.height;
            layOut(row);
            changed |= row.height != before;
        }
        if (!changed)
            break;
    }
    if (following_) {
        anchor_row_ = rowAt(offset());
        anchor_offset_ = offset() - tops_[static_cast<std::size_t>(anchor_row_)];
    }
}

/// Lays out one message near the sight, and frees those far away; goes on in the next turn of the event loop.
void ThreadView::prefetch() {
    if (rows_.empty())
        return;
    const int screen = viewport()->height();
    const int first = rowAt(offset() - screen), last = rowAt(offset() + 2 * screen);
    for (int i = 0; i < messageCount(); ++i) {
        Row& row = *rows_[static_cast<std::size_t>(i)];
        if (row.layout && (i < first || i > last) && row.content.id != edited_)
            release(row);
    }
    for (int i = last; i >= first; --i) {
        Row& row = *rows_[static_cast<std::size_t>(i)];
        if (row.layout && row.width == columnWidth() && row.layout->complete())
            continue;
        layOut(row);
        refresh(); // comes here again
        return;
    }
}

void ThreadView::setFollowing(bool following) {
    if (following == following_)
        return;
    following_ = following;
    placeJumpButton();
    Q_EMIT followingChanged(following);
}

void ThreadView::scrollContentsBy(int, int) {
    if (adjusting_ || rows_.empty())
        return;
    anchor_row_ = rowAt(offset());
    anchor_offset_ = offset() - tops_[static_cast<std::size_t>(anchor_row_)];
    setFollowing(verticalScrollBar()->value() >= verticalScrollBar()->maximum() - 2);
    refresh();
    updateHover(pointer_);
}

void ThreadView::jumpToEnd() {
    setFollowing(true);
    refresh();
}

void ThreadView::scrollToMessage(MessageId id) {
    const auto it = index_.constFind(id);
    if (it == index_.constEnd())
        return;
    setFollowing(false);
    anchor_row_ = *it;
    anchor_offset_ = -8;
    refresh();
    // What follows may be too short to fill the view.
    if (verticalScrollBar()->value() >= verticalScrollBar()->maximum())
        scrollContentsBy(0, 0);
}

void ThreadView::highlightToken(MessageId id, int index) {
    lit_message_ = index >= 0 ? id : 0;
    lit_token_ = index;
    const auto it = index_.constFind(id);
    if (index >= 0 && it != index_.constEnd() && !rows_[static_cast<std::size_t>(*it)]->content.tokens_read)
        Q_EMIT tokensNeeded({id});
    if (index >= 0 && it != index_.constEnd()) {
        Row& row = *rows_[static_cast<std::size_t>(*it)];
        layOutWhole(row);
        const int part = row.content.tokens.begin(index).part;
        if (row.content.partFolds(part) && row.open.insert(part).second)
            row.width = -1;
        layOut(row);
        computeTops();
        const qreal y =
            tops_[static_cast<std::size_t>(*it)] + row.layout->tokenRect(row.content, index).top();
        if (y < offset() + 20 || y > offset() + viewport()->height() - 40) {
            setFollowing(false);
            anchor_row_ = *it;
            anchor_offset_ = y - tops_[static_cast<std::size_t>(*it)] - viewport()->height() / 3.0;
        }
    }
    refresh();
}

QRect ThreadView::messageRect(int index) const {
    if (index < 0 || index >= messageCount())
        return {};
    const auto i = static_cast<std::size_t>(index);
    return QRectF(columnLeft(), tops_[i] - offset(), columnWidth(), rows_[i]->height).toRect();
}

void ThreadView::setPartOpen(MessageId id, int part, bool open) {
    Row* row = find(id);
    if (!row || !row->content.partFolds(part) || row->open.contains(part) == open)
        return;
    if (open)
        row->open.insert(part);
    else
        row->open.erase(part);
    row->width = -1;
    if (following_) // what was clicked stays under the pointer
        setFollowing(false);
    clearSelection();
    refresh();
}

bool ThreadView::partOpen(MessageId id, int part) const {
    const Row* row = find(id);
    return row && row->open.contains(part);
}

// ---- Painting ----

void ThreadView::paintEvent(QPaintEvent* event) {
    QPainter painter(viewport());
    painter.fillRect(event->rect(), QApplication::palette().color(QPalette::Window));
    if (rows_.empty())
        return;
    const QRectF exposed = event->rect();
    const int first = rowAt(offset() + exposed.top()), last = rowAt(offset() + exposed.bottom());
    for (int i = first; i <= last; ++i) {
        const Row& row = *rows_[static_cast<std::size_t>(i)];
        if (!row.layout)
            continue;
        const QPointF origin(columnLeft(), std::round(tops_[static_cast<std::size_t>(i)] - offset()));
        PaintState state;
        state.selection = selectionIn(i);
        state.lit_token = lit_message_ && lit_message_ == row.content.id ? lit_token_ : -1;
        state.found = query_;
        state.caret = row.content.streaming();
        state.focused = focus_shown_ && hasFocus() && i == current_;
        state.clip = exposed.translated(-origin);
        painter.save();
        painter.translate(origin);
        row.layout->paint(painter, row.content, state);
        painter.restore();
    }
}

void ThreadView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    for (const auto& row : rows_) {
        if (!row->layout && event->size().width() != event->oldSize().width())
            row->height = guessedHeight(*row);
    }
    refresh();
}

void ThreadView::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange ||
        event->type() == QEvent::StyleChange)
        restyle();
}

} // namespace switchyard
