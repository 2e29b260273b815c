// The thread's pointer and keys: selection over messages, links, marks, focus.
#include "ui/chat/thread_view.h"

#include "ui/chat/selected_text.h"
#include "ui/plain_text.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QDesktopServices>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QScrollBar>
#include <QStyleHints>
#include <QToolTip>
#include <QUrl>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

ThreadView::Spot ThreadView::spotAt(const QPointF& viewport_point) const {
    Spot spot;
    if (rows_.empty())
        return spot;
    spot.row = rowAt(viewport_point.y() + offset());
    const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
    if (!row.layout)
        return spot;
    const QPointF inside(viewport_point.x() - columnLeft(),
                         viewport_point.y() + offset() - tops_[static_cast<std::size_t>(spot.row)]);
    spot.at = row.layout->hit(row.content, inside).position;
    return spot;
}

std::pair<ThreadView::Spot, ThreadView::Spot> ThreadView::selection() const {
    Spot from = std::min(anchor_spot_, cursor_spot_), to = std::max(anchor_spot_, cursor_spot_);
    if (clicks_ > 1) {
        from = std::min(from, word_begin_);
        to = std::max(to, word_end_);
    }
    return {from, to};
}

std::optional<LayoutRange> ThreadView::selectionIn(int row) const {
    if (!hasSelection())
        return std::nullopt;
    const auto [from, to] = selection();
    if (row < from.row || row > to.row)
        return std::nullopt;
    constexpr int far = std::numeric_limits<int>::max();
    return std::pair{row == from.row ? from.at : LayoutPosition{},
                     row == to.row ? to.at : LayoutPosition{far, far}};
}

std::unique_ptr<SelectedText> ThreadView::selected() const {
    std::vector<SelectedMessage> messages;
    if (hasSelection()) {
        const auto [from, to] = selection();
        for (int i = from.row; i <= to.row && i < messageCount(); ++i) {
            const Row& row = *rows_[static_cast<std::size_t>(i)];
            const bool stands = row.layout && row.layout->complete() && row.width >= 0 && !row.rewritten &&
                                !row.content.streaming();
            messages.emplace_back(row.content, row.open, *selectionIn(i), stands ? row.layout : nullptr);
        }
    }
    return std::make_unique<SelectedText>(std::move(messages), style_);
}

QString ThreadView::selectedText() const { return selected()->whole(); }

QString ThreadView::selectedPhrase() const {
    constexpr int kLongest = 100; // characters
    if (!hasSelection())
        return {};
    const auto [from, to] = selection();
    const Row& row = *rows_[static_cast<std::size_t>(from.row)];
    QString text;
    if (row.layout && from.row == to.row && from.at.part == to.at.part &&
        to.at.position - from.at.position <= kLongest) {
        for (const TextStretch& stretch : row.layout->stretches({from.at, to.at}, row.open))
            PlainTextReader(stretch).read(text, kLongest);
    }
    return text;
}

void ThreadView::selectAll() {
    if (rows_.empty())
        return;
    find_step_.stop(); // a match that is still to be shown would take the selection
    constexpr int far = std::numeric_limits<int>::max();
    clicks_ = 1;
    anchor_spot_ = {0, {}};
    cursor_spot_ = {messageCount() - 1, {far, far}};
    viewport()->update();
    Q_EMIT selectionChanged();
}

void ThreadView::clearSelection() {
    const bool had = hasSelection();
    anchor_spot_ = cursor_spot_ = {};
    clicks_ = 0;
    dragging_ = false;
    auto_scroll_.stop();
    if (had) {
        viewport()->update();
        Q_EMIT selectionChanged();
    }
}

void ThreadView::copy() {
    if (hasSelection()) {
        QApplication::clipboard()->setMimeData(selected().release());
    } else if (current_ >= 0) {
        const std::string text = rows_[static_cast<std::size_t>(current_)]->content.text();
        if (!text.empty())
            QApplication::clipboard()->setText(QString::fromStdString(text));
    }
}

void ThreadView::mousePressEvent(QMouseEvent* event) {
    focus_shown_ = false;
    if (event->button() != Qt::LeftButton)
        return;
    find_step_.stop();
    const Spot spot = spotAt(event->position());
    press_point_ = event->pos();
    pressed_link_.clear();
    if (spot.row < 0)
        return;
    const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
    current_ = spot.row;
    const QPointF inside = event->position() - messageRect(spot.row).topLeft();
    if (row.layout)
        pressed_link_ = row.layout->hit(row.content, inside).link;
    const bool third =
        last_double_click_.isValid() &&
        last_double_click_.elapsed() < QGuiApplication::styleHints()->mouseDoubleClickInterval();
    if (third && row.layout) {
        last_double_click_.invalidate();
        clicks_ = 3;
        word_begin_ = anchor_spot_ = {spot.row, row.layout->wordBegin(spot.at, true)};
        word_end_ = cursor_spot_ = {spot.row, row.layout->wordEnd(spot.at, true)};
    } else if (event->modifiers() & Qt::ShiftModifier && anchor_spot_.row >= 0) {
        cursor_spot_ = spot;
    } else {
        clicks_ = 1;
        anchor_spot_ = cursor_spot_ = spot;
    }
    dragging_ = true;
    viewport()->update();
    Q_EMIT selectionChanged();
}

void ThreadView::mouseDoubleClickEvent(QMouseEvent* event) {
    const Spot spot = spotAt(event->position());
    if (event->button() != Qt::LeftButton || spot.row < 0)
        return;
    const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
    if (!row.layout)
        return;
    clicks_ = 2;
    word_begin_ = anchor_spot_ = {spot.row, row.layout->wordBegin(spot.at, false)};
    word_end_ = cursor_spot_ = {spot.row, row.layout->wordEnd(spot.at, false)};
    last_double_click_.start();
    dragging_ = true;
    viewport()->update();
    Q_EMIT selectionChanged();
}

void ThreadView::mouseMoveEvent(QMouseEvent* event) {
    pointer_ = event->position();
    if (dragging_ && event->buttons() & Qt::LeftButton) {
        extendSelection(event->position());
        const bool outside = event->position().y() < 0 || event->position().y() > viewport()->height();
        if (outside && !auto_scroll_.isActive())
            auto_scroll_.start();
        else if (!outside)
            auto_scroll_.stop();
    }
    updateHover(event->position());
}

void ThreadView::extendSelection(const QPointF& viewport_point) {
    Spot spot = spotAt(viewport_point);
    if (spot.row < 0)
        return;
    const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
    if (clicks_ > 1 && row.layout) {
        const bool before = spot < word_begin_;
        spot.at = before ? row.layout->wordBegin(spot.at, clicks_ == 3)
                         : row.layout->wordEnd(spot.at, clicks_ == 3);
        anchor_spot_ = before ? word_end_ : word_begin_;
    }
    if (spot == cursor_spot_)
        return;
    cursor_spot_ = spot;
    viewport()->update();
    Q_EMIT selectionChanged();
}

void ThreadView::autoScroll() {
    const qreal y = pointer_.y();
    const qreal beyond = y < 0 ? y : std::max(0.0, y - viewport()->height());
    verticalScrollBar()->setValue(verticalScrollBar()->value() + static_cast<int>(beyond / 3));
    extendSelection(pointer_);
}

void ThreadView::mouseReleaseEvent(QMouseEvent* event) {
    auto_scroll_.stop();
    dragging_ = false;
    const bool clicked = (event->pos() - press_point_).manhattanLength() < QApplication::startDragDistance();
    if (clicked && !pressed_link_.isEmpty() && !hasSelection())
        showLink(pressed_link_, event->globalPosition().toPoint());
    if (QClipboard* clipboard = QApplication::clipboard(); hasSelection() && clipboard->supportsSelection())
        clipboard->setMimeData(selected().release(), QClipboard::Selection);
}

void ThreadView::wheelEvent(QWheelEvent* event) {
    if (event->modifiers() & Qt::ControlModifier) {
        zoom(event->angleDelta().y() > 0 ? 1 : -1);
        event->accept();
        return;
    }
    QAbstractScrollArea::wheelEvent(event);
}

// ---- Links and marks ----

namespace {

/// The address in one line: scheme and host whole, however long, only what follows them elided; no character
/// that turns the direction of writing or cannot be seen. A host is shown as it is looked up.
QString shownAddress(const QString& address, const QUrl& url, const QFontMetrics& metrics) {
    constexpr int kWidth = 480; // pixels
    QString line;
    for (const char32_t c : oneLine(address).toUcs4()) {
        const QChar::Category kind = QChar::category(c);
        if (kind != QChar::Other_Format && kind != QChar::Other_Control)
            line += QString::fromUcs4(&c, 1);
    }
    const QString host = url.host(QUrl::FullyEncoded);
    if (!url.isValid() || host.isEmpty())
        return metrics.elidedText(line, Qt::ElideMiddle, kWidth);
    const QString place =
        url.scheme() + u"://"_s + host + (url.port() < 0 ? QString() : u":%1"_s.arg(url.port()));
    const QString rest = url.toString(QUrl::FullyEncoded | QUrl::RemoveScheme | QUrl::RemoveAuthority);
    return place + metrics.elidedText(rest, Qt::ElideMiddle, kWidth);
}

} // namespace

/// An address is shown before anything opens; what is no web or mail address is only shown.
void ThreadView::addLinkActions(QMenu& menu, const QString& address) {
    const QUrl url(address, QUrl::StrictMode);
    const QString scheme = url.scheme().toLower();
    const bool known = url.isValid() && (scheme == u"https" || scheme == u"http" || scheme == u"mailto");
    QAction* shown = menu.addAction(menuText(shownAddress(address, url, fontMetrics())));
    shown->setEnabled(false);
    QAction* open = menu.addAction(tr("Open this address"), this, [url] { QDesktopServices::openUrl(url); });
    open->setObjectName(u"openLinkAction"_s);
    open->setEnabled(known);
    QAction* copy = menu.addAction(tr("Copy the address"), this,
                                   [address] { QApplication::clipboard()->setText(address); });
    copy->setObjectName(u"copyLinkAction"_s);
}

void ThreadView::showLink(const QString& address, const QPoint& global) {
    auto* menu = new QMenu(this);
    menu->setObjectName(u"linkMenu"_s);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    addLinkActions(*menu, address);
    menu->popup(global);
}

bool ThreadView::showTip(QHelpEvent* event) {
    const Spot spot = spotAt(event->pos());
    if (spot.row < 0)
        return false;
    const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
    if (!row.layout)
        return false;
    const LayoutHit hit = row.layout->hit(row.content, event->pos() - messageRect(spot.row).topLeft());
    QString tip = hit.link;
    if (hit.mark >= 0) {
        const DialMark& mark = row.content.marks[static_cast<std::size_t>(hit.mark)];
        tip = tr("Before token %1:").arg(mark.token + 1) + u'\n' + mark.tip;
    }
    if (tip.isEmpty())
        QToolTip::hideText();
    else
        QToolTip::showText(event->globalPos(), plainTip(tip), viewport());
    return true;
}

void ThreadView::updateHover(const QPointF& viewport_point) {
    int hovered = -1;
    bool link = false, text = false;
    if (!rows_.empty() && viewport()->rect().contains(viewport_point.toPoint())) {
        const Spot spot = spotAt(viewport_point);
        hovered = spot.row;
        const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
        if (row.layout) {
            const LayoutHit hit =
                row.layout->hit(row.content, viewport_point - messageRect(spot.row).topLeft());
            link = !hit.link.isEmpty();
            text = hit.on_text;
        }
    }
    viewport()->setCursor(link                ? Qt::PointingHandCursor
                          : text || dragging_ ? Qt::IBeamCursor
                                              : Qt::ArrowCursor);
    if (hovered == hovered_)
        return;
    hovered_ = hovered;
    revealTools();
}

bool ThreadView::viewportEvent(QEvent* event) {
    switch (event->type()) {
    case QEvent::ToolTip:
        return showTip(static_cast<QHelpEvent*>(event));
    case QEvent::HoverMove:
    case QEvent::HoverEnter:
        pointer_ = static_cast<QHoverEvent*>(event)->position();
        updateHover(pointer_);
        break;
    case QEvent::HoverLeave:
        hovered_ = -1;
        revealTools();
        break;
    default:
        break;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void ThreadView::contextMenuEvent(QContextMenuEvent* event) {
    const Spot spot = spotAt(event->pos());
    auto* menu = new QMenu(this);
    menu->setObjectName(u"threadMenu"_s);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    if (spot.row >= 0) {
        const Row& row = *rows_[static_cast<std::size_t>(spot.row)];
        const MessageId id = row.content.id;
        if (row.layout) {
            const LayoutHit hit =
                row.layout->hit(row.content, event->pos() - messageRect(spot.row).topLeft());
            if (!hit.link.isEmpty()) {
                addLinkActions(*menu, hit.link);
                menu->addSeparator();
            }
        }
        QAction* copied = menu->addAction(tr("Copy"), this, &ThreadView::copy);
        copied->setEnabled(hasSelection());
        menu->addAction(tr("Copy message as Markdown"), this, [this, id] {
            if (const Row* found = find(id))
                QApplication::clipboard()->setText(QString::fromStdString(found->content.text()));
        });
    }
    menu->addAction(tr("Select all"), this, &ThreadView::selectAll)->setEnabled(!rows_.empty());
    menu->popup(event->globalPos());
}

// ---- Keys ----

void ThreadView::setCurrentMessage(int index) {
    if (index < 0 || index >= messageCount())
        return;
    current_ = index;
    focus_shown_ = true;
    const QRect rect = messageRect(index);
    if (rect.top() < 0 || rect.bottom() > viewport()->height()) {
        setFollowing(false);
        anchor_row_ = index;
        anchor_offset_ = rect.height() > viewport()->height() || rect.top() < 0
                             ? -8
                             : rect.height() - viewport()->height() + 8.0;
        refresh();
        if (verticalScrollBar()->value() >= verticalScrollBar()->maximum())
            scrollContentsBy(0, 0);
    }
    viewport()->update();
    revealTools();
    QAccessibleEvent event(this, QAccessible::Focus);
    event.setChild(index);
    QAccessible::updateAccessibility(&event);
}

void ThreadView::keyPressEvent(QKeyEvent* event) {
    const bool alt = event->modifiers() & Qt::AltModifier, control = event->modifiers() & Qt::ControlModifier;
    QScrollBar* bar = verticalScrollBar();
    if (event->matches(QKeySequence::Copy)) {
        copy();
    } else if (event->matches(QKeySequence::SelectAll)) {
        selectAll();
    } else if (control && (event->key() == Qt::Key_Plus || event->key() == Qt::Key_Equal)) {
        zoom(1);
    } else if (control && event->key() == Qt::Key_Minus) {
        zoom(-1);
    } else if (control && event->key() == Qt::Key_0) {
        zoom(0);
    } else if (event->key() == Qt::Key_Escape && hasSelection()) {
        clearSelection();
    } else if (alt && (event->key() == Qt::Key_Up || event->key() == Qt::Key_Down)) {
        const int step = event->key() == Qt::Key_Up ? -1 : 1;
        setCurrentMessage(current_ < 0 ? messageCount() - 1
                                       : std::clamp(current_ + step, 0, messageCount() - 1));
    } else if (event->key() == Qt::Key_Home) {
        bar->setValue(0);
    } else if (event->key() == Qt::Key_End) {
        jumpToEnd();
    } else if (event->key() == Qt::Key_Space) {
        bar->triggerAction(event->modifiers() & Qt::ShiftModifier ? QAbstractSlider::SliderPageStepSub
                                                                  : QAbstractSlider::SliderPageStepAdd);
    } else {
        QAbstractScrollArea::keyPressEvent(event);
        return;
    }
    event->accept();
}

void ThreadView::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    focus_shown_ = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason;
    if (focus_shown_ && current_ < 0)
        current_ = messageCount() - 1;
    viewport()->update();
    revealTools();
}

void ThreadView::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
    revealTools();
}

} // namespace switchyard
