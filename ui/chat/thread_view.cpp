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
ThreadView::ThreadView(QWidget* parent) : QAbstractScrollArea(parent), widgets_(viewport()) {
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
    connect(&widgets_, &RowWidgetPool::foldClicked, this,
            [this](MessageId id, int part) { setPartOpen(id, part, !partOpen(id, part)); });
    connect(&widgets_, &RowWidgetPool::wideScrolled, this, [this](MessageId id, int wide, int to) {
        ThreadRow* scrolled = find(id);
        if (scrolled && scrolled->layout && scrolled->layout->scrollWide(wide, to))
            viewport()->update();
    });
    connect(&widgets_, &RowWidgetPool::codeCopyClicked, this, [this](MessageId id, int code) {
        const ThreadRow* owner = find(id);
        if (owner && owner->layout && code < static_cast<int>(owner->layout->places().codes.size()))
            QApplication::clipboard()->setText(
                owner->layout->places().codes[static_cast<std::size_t>(code)].block->code);
    });
    connect(&widgets_, &RowWidgetPool::triggered, this, [this](MessageAction action, MessageId id) {
        if (action == MessageAction::Copy || action == MessageAction::CopyText) {
            if (action == MessageAction::Copy)
                copyMessage(id);
            else
                copyShown(id);
            if (MessageTools* used = tools(id))
                used->confirmCopy();
        } else if (action == MessageAction::Edit) {
            beginEdit(id);
        }
        Q_EMIT triggered(action, id);
    });
    connect(&widgets_, &RowWidgetPool::modelsWanted, this, &ThreadView::modelsWanted);
    prefetch_.setSingleShot(true);
    prefetch_.setInterval(0);
    connect(&prefetch_, &QTimer::timeout, this, &ThreadView::prefetch);
    find_step_.setSingleShot(true);
    find_step_.setInterval(0);
    connect(&find_step_, &QTimer::timeout, this, [this] {
        if (find_.current())
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

ThreadRow* ThreadView::find(MessageId id) const {
    const int index = indexOf(id);
    return index < 0 ? nullptr : &row(index);
}

const MessageContent* ThreadView::content(MessageId id) const {
    const ThreadRow* found = find(id);
    return found ? &found->content : nullptr;
}

MessageId ThreadView::messageAt(int index) const {
    return index >= 0 && index < messageCount() ? row(index).content.id : 0;
}

int ThreadView::liveDocuments() const {
    return static_cast<int>(
        std::ranges::count_if(rows_, [](const auto& row) { return row->layout != nullptr; }));
}

void ThreadView::setThread(const QList<Message>& thread, bool to_end) {
    const MessageId anchor = messageAt(geometry_.anchor().row);
    const MessageId last = messageAt(messageCount() - 1);
    ThreadRows before = std::move(rows_);
    const QHash<MessageId, int> old_index = std::move(index_);
    rows_.clear();
    index_.clear();
    std::vector<qreal> heights;
    for (const Message& message : thread) {
        std::unique_ptr<ThreadRow> row;
        qreal height = 0;
        if (const auto it = old_index.constFind(message.id); it != old_index.constEnd()) {
            row = std::move(before[static_cast<std::size_t>(*it)]);
            height = geometry_.height(*it);
        }
        if (!row)
            row = std::make_unique<ThreadRow>();
        row->update(message);
        heights.push_back(row->layout ? height : geometry_.guessedHeight(row->content));
        index_.insert(message.id, static_cast<int>(rows_.size()));
        rows_.push_back(std::move(row));
    }
    geometry_.setHeights(std::move(heights));
    QSet<MessageId> kept;
    for (auto it = index_.cbegin(); it != index_.cend(); ++it)
        kept.insert(it.key());
    widgets_.keepOnly(kept);
    if (editor_ && !find(edited_))
        endEdit();
    clearSelection();
    current_ = std::min(current_, messageCount() - 1);
    hovered_ = -1;
    if (to_end || rows_.empty())
        geometry_.follow();
    else if (const int index = indexOf(anchor); index >= 0)
        geometry_.moveAnchorTo(index);
    else if (!geometry_.following())
        geometry_.anchorAt({std::min(geometry_.anchor().row, messageCount() - 1), 0});
    if (!find_.query().isEmpty() && last != messageAt(messageCount() - 1)) { // those of another thread
        find_.search(rows_, geometry_.inSight().first);
        Q_EMIT found(find_.number(), find_.total());
    }
    refresh();
}

void ThreadView::updateMessage(const Message& message) {
    const int index = indexOf(message.id);
    if (index < 0)
        return;
    ThreadRow& changed = row(index);
    const bool streamed = changed.content.streaming();
    changed.update(message);
    if (!changed.layout)
        geometry_.setHeight(index, geometry_.guessedHeight(changed.content));
    refresh();
    if (streamed && !changed.content.streaming()) {
        QAccessibleEvent event(this, QAccessible::NameChanged);
        event.setChild(index);
        QAccessible::updateAccessibility(&event);
    }
}

void ThreadView::setForgotten(int messages) {
    int last = std::min(messages, messageCount()) - 1;
    while (last >= 0 && row(last).content.author != Author::Assistant)
        --last;
    bool changed = false;
    for (int i = 0; i < messageCount(); ++i) {
        changed |= row(i).content.forgotten != (i == last);
        row(i).setForgotten(i == last);
    }
    if (changed)
        refresh();
}

void ThreadView::setProgress(MessageId id, const QString& text) {
    ThreadRow* waiting = find(id);
    if (!waiting || waiting->progress == text)
        return;
    waiting->progress = text;
    waiting->width = -1;
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
    geometry_.setView(viewport()->size(), style_.em());
    for (const auto& row : rows_) {
        row->release();
        row->rewritten = true;
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

ThreadRow::Room ThreadView::room(const ThreadRow& row) const {
    const bool edited = editor_ && edited_ == row.content.id;
    return {geometry_.columnWidth(), edited ? editor_->wantedHeight() : -1.0};
}

void ThreadView::layOut(int index) {
    ThreadRow& laid_out = row(index);
    if (laid_out.content.needsTokens())
        Q_EMIT tokensNeeded({laid_out.content.id});
    laid_out.layOut(style_, room(laid_out));
    geometry_.setHeight(index, laid_out.layout->height());
}

void ThreadView::layOutWhole(int index) {
    layOut(index);
    row(index).layOutWhole(style_, room(row(index)));
    geometry_.setHeight(index, row(index).layout->height());
}

void ThreadView::refresh() {
    if (!viewport())
        return;
    tellFollowing();
    layOutSight();
    placeWidgets();
    placeJumpButton();
    viewport()->update();
    prefetch_.start();
}

/// Puts the scroll bar where the geometry says.
void ThreadView::settle() {
    geometry_.settle();
    adjusting_ = true;
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setRange(0, geometry_.maximum());
    verticalScrollBar()->setValue(geometry_.offset());
    adjusting_ = false;
}

void ThreadView::layOutSight() {
    // Real heights move what is in sight, which may bring further rows into it.
    for (int round = 0; round < 40; ++round) {
        settle();
        if (rows_.empty())
            return;
        bool changed = false;
        const auto [first, last] = geometry_.inSight();
        for (int i = first; i <= last; ++i) {
            if (row(i).laidOut(geometry_.columnWidth()))
                continue;
            const qreal before = geometry_.height(i);
            layOut(i);
            changed |= geometry_.height(i) != before;
        }
        if (!changed)
            break;
    }
    geometry_.keepAnchor();
}

/// Lays out one message near the sight, and frees those far away; goes on in the next turn of the event loop.
void ThreadView::prefetch() {
    if (rows_.empty())
        return;
    const auto [first, last] = geometry_.near();
    for (int i = 0; i < messageCount(); ++i) {
        if (row(i).layout && (i < first || i > last) && row(i).content.id != edited_)
            row(i).release();
    }
    for (int i = last; i >= first; --i) {
        if (row(i).laidOut(geometry_.columnWidth()) && row(i).layout->complete())
            continue;
        layOut(i);
        refresh(); // comes here again
        return;
    }
}

void ThreadView::placeWidgets() {
    QSet<MessageId> kept;
    QList<MessageId> order;
    const auto [first, last] = rows_.empty() ? std::pair{0, -1} : geometry_.inSight();
    for (int i = first; i <= last; ++i) {
        ThreadRow& seen = row(i);
        const MessageId id = seen.content.id;
        kept.insert(id);
        if (!seen.layout)
            continue;
        order.append(id);
        const bool unanswered = i + 1 == messageCount() && seen.content.author == Author::User;
        const bool edited = editor_ && edited_ == id;
        widgets_.place(seen, geometry_.origin(i), {busy_, unanswered, edits_.contains(id), edited});
        if (edited)
            editor_->setGeometry(seen.layout->places().editor.translated(geometry_.origin(i)).toRect());
    }
    if (editor_ && !kept.contains(edited_))
        editor_->move(0, -10000);
    widgets_.keepOnly(kept);
    widgets_.orderTabs(order);
    revealTools();
}

void ThreadView::placeJumpButton() {
    if (!jump_)
        return;
    constexpr int near = 48; // pixels: the end is in sight, or all but
    const bool wanted = !following() && !rows_.empty() &&
                        verticalScrollBar()->maximum() - verticalScrollBar()->value() > near;
    const QRect view = viewport()->geometry();
    jump_->setFixedSize(36, 36);
    jump_->move(view.center().x() - 18, view.bottom() - 50);
    if (wanted != jump_->isVisible()) {
        jump_->setVisible(wanted);
        jump_->raise();
    }
}

/// Buttons are drawn under the message in use, and under the last one.
void ThreadView::revealTools() {
    widgets_.reveal([this](MessageId id) {
        const int index = indexOf(id);
        return index == hovered_ || index == messageCount() - 1 || (focus_shown_ && index == current_);
    });
}

QRect ThreadView::messageRect(int index) const {
    return index >= 0 && index < messageCount() ? geometry_.rect(index) : QRect();
}

void ThreadView::setPartOpen(MessageId id, int part, bool open) {
    ThreadRow* folded = find(id);
    if (!folded || !folded->content.partFolds(part) || folded->open.contains(part) == open)
        return;
    if (open)
        folded->open.insert(part);
    else
        folded->open.erase(part);
    folded->width = -1;
    geometry_.stopFollowing(); // what was clicked stays under the pointer
    clearSelection();
    refresh();
}

bool ThreadView::partOpen(MessageId id, int part) const {
    const ThreadRow* folded = find(id);
    return folded && folded->open.contains(part);
}

// ---- Painting ----

void ThreadView::paintEvent(QPaintEvent* event) {
    QPainter painter(viewport());
    painter.fillRect(event->rect(), QApplication::palette().color(QPalette::Window));
    if (rows_.empty())
        return;
    const QRectF exposed = event->rect();
    const auto [first, last] =
        geometry_.rowsBetween(geometry_.offset() + exposed.top(), geometry_.offset() + exposed.bottom());
    for (int i = first; i <= last; ++i) {
        const ThreadRow& painted = row(i);
        if (!painted.layout)
            continue;
        PaintState state;
        state.selection = selection_.in(i);
        state.lit = overlay_.lit(shown(painted));
        state.found = find_.query();
        state.caret = painted.content.streaming();
        state.focused = focus_shown_ && hasFocus() && i == current_;
        state.clip = exposed.translated(-geometry_.origin(i));
        painter.save();
        painter.translate(geometry_.origin(i));
        painted.layout->paint(painter, painted.content, state);
        TokenOverlay::paintMarks(painter, shown(painted), style_.accent);
        painter.restore();
    }
}

void ThreadView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    geometry_.setView(viewport()->size(), style_.em());
    if (event->size().width() != event->oldSize().width())
        guessHeights();
    refresh();
}

void ThreadView::guessHeights() {
    for (int i = 0; i < messageCount(); ++i) {
        if (!row(i).layout)
            geometry_.setHeight(i, geometry_.guessedHeight(row(i).content));
    }
}

void ThreadView::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange ||
        event->type() == QEvent::StyleChange)
        restyle();
}

} // namespace switchyard
