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

ThreadView::Under ThreadView::under(const QPointF& viewport_point) const {
    Under under;
    if (rows_.empty())
        return under;
    under.spot.row = geometry_.rowAt(viewport_point.y() + geometry_.offset());
    const ThreadRow& there = row(under.spot.row);
    if (!there.layout)
        return under;
    const QPointF inside(viewport_point.x() - geometry_.columnLeft(),
                         viewport_point.y() + geometry_.offset() - geometry_.top(under.spot.row));
    under.hit = there.layout->hit(inside);
    under.spot.at = under.hit.position;
    under.mark = TokenOverlay::markAt(shown(there), inside);
    return under;
}

// ---- Selection ----

QString ThreadView::selectedText() const { return selection_.text(rows_, style_)->whole(); }

QString ThreadView::selectedPhrase() const { return selection_.phrase(rows_); }

void ThreadView::selectAll() {
    if (rows_.empty())
        return;
    find_step_.stop(); // a match that is still to be shown would take the selection
    selection_.selectAll(messageCount());
    viewport()->update();
    Q_EMIT selectionChanged();
}

void ThreadView::clearSelection() {
    const bool had = !selection_.empty();
    selection_.clear();
    dragging_ = false;
    auto_scroll_.stop();
    if (had) {
        viewport()->update();
        Q_EMIT selectionChanged();
    }
}

void ThreadView::copy() {
    if (!selection_.empty())
        QApplication::clipboard()->setMimeData(selection_.text(rows_, style_).release());
    else if (current_ >= 0)
        copyMessage(messageAt(current_));
}

void ThreadView::copyMessage(MessageId id) const {
    const ThreadRow* copied = find(id);
    const std::string text = copied ? copied->content.text() : std::string();
    if (!text.empty())
        QApplication::clipboard()->setText(QString::fromStdString(text));
}

void ThreadView::copyShown(MessageId id) const {
    const ThreadRow* copied = find(id);
    if (copied && copied->content.has(PartKind::Text))
        QApplication::clipboard()->setMimeData(ThreadSelection::whole(*copied, style_).release());
}

void ThreadView::press(const Under& under, ThreadSelection::Unit unit) {
    selection_.press(under.spot, unit, rows_);
    dragging_ = true;
    viewport()->update();
    Q_EMIT selectionChanged();
}

void ThreadView::mousePressEvent(QMouseEvent* event) {
    focus_shown_ = false;
    if (event->button() != Qt::LeftButton)
        return;
    find_step_.stop();
    const Under pressed = under(event->position());
    press_point_ = event->pos();
    pressed_link_ = pressed.hit.link;
    if (pressed.spot.row < 0)
        return;
    current_ = pressed.spot.row;
    const bool third =
        last_double_click_.isValid() &&
        last_double_click_.elapsed() < QGuiApplication::styleHints()->mouseDoubleClickInterval();
    if (third && row(current_).layout) {
        last_double_click_.invalidate();
        press(pressed, ThreadSelection::Unit::Line);
    } else if (event->modifiers() & Qt::ShiftModifier && selection_.begun()) {
        selection_.extend(pressed.spot);
        dragging_ = true;
        viewport()->update();
        Q_EMIT selectionChanged();
    } else {
        press(pressed, ThreadSelection::Unit::Character);
    }
}

void ThreadView::mouseDoubleClickEvent(QMouseEvent* event) {
    const Under pressed = under(event->position());
    if (event->button() != Qt::LeftButton || pressed.spot.row < 0 || !row(pressed.spot.row).layout)
        return;
    last_double_click_.start();
    press(pressed, ThreadSelection::Unit::Word);
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
    const ThreadSpot spot = under(viewport_point).spot;
    if (spot.row < 0 || !selection_.drag(spot, rows_))
        return;
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
    if (clicked && !pressed_link_.isEmpty() && selection_.empty())
        showLink(pressed_link_, event->globalPosition().toPoint());
    if (QClipboard* clipboard = QApplication::clipboard();
        !selection_.empty() && clipboard->supportsSelection())
        clipboard->setMimeData(selection_.text(rows_, style_).release(), QClipboard::Selection);
}

void ThreadView::wheelEvent(QWheelEvent* event) {
    if (event->modifiers() & Qt::ControlModifier) {
        zoom(event->angleDelta().y() > 0 ? 1 : -1);
        event->accept();
        return;
    }
    if (!scrollSideways(*event))
        QAbstractScrollArea::wheelEvent(event);
}

/// What is wider than the text, under the pointer: by the wheel that is turned sideways, or with Shift.
bool ThreadView::scrollSideways(QWheelEvent& event) {
    const bool turned = event.modifiers() & Qt::ShiftModifier;
    const QPoint pixels = event.pixelDelta(), angle = event.angleDelta();
    const QPoint steps = pixels.isNull() ? angle / 2 : pixels;
    const int by = turned && steps.x() == 0 ? steps.y() : steps.x();
    if (by == 0 || (!turned && std::abs(steps.x()) <= std::abs(steps.y())) || rows_.empty())
        return false;
    const QPointF at = event.position();
    const int index = geometry_.rowAt(at.y() + geometry_.offset());
    const QPointF inside(at.x() - geometry_.columnLeft(), at.y() + geometry_.offset() - geometry_.top(index));
    if (!row(index).layout || !row(index).layout->scrollWideAt(inside, -by))
        return false;
    event.accept();
    placeWidgets();
    viewport()->update();
    return true;
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
    const Under pointed = under(event->pos());
    if (pointed.spot.row < 0 || !row(pointed.spot.row).layout)
        return false;
    QString tip = pointed.hit.link;
    if (pointed.mark >= 0)
        tip = TokenOverlay::tip(row(pointed.spot.row).content.marks[static_cast<std::size_t>(pointed.mark)]);
    if (tip.isEmpty())
        QToolTip::hideText();
    else
        QToolTip::showText(event->globalPos(), plainTip(tip), viewport());
    return true;
}

void ThreadView::updateHover(const QPointF& viewport_point) {
    Under pointed;
    if (viewport()->rect().contains(viewport_point.toPoint()))
        pointed = under(viewport_point);
    viewport()->setCursor(!pointed.hit.link.isEmpty()        ? Qt::PointingHandCursor
                          : pointed.hit.on_text || dragging_ ? Qt::IBeamCursor
                                                             : Qt::ArrowCursor);
    if (pointed.spot.row == hovered_)
        return;
    hovered_ = pointed.spot.row;
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
    const Under pointed = under(event->pos());
    auto* menu = new QMenu(this);
    menu->setObjectName(u"threadMenu"_s);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    if (pointed.spot.row >= 0) {
        if (!pointed.hit.link.isEmpty()) {
            addLinkActions(*menu, pointed.hit.link);
            menu->addSeparator();
        }
        QAction* copied = menu->addAction(tr("Copy"), this, &ThreadView::copy);
        copied->setEnabled(!selection_.empty());
        const MessageId id = messageAt(pointed.spot.row);
        QAction* text = menu->addAction(tr("Copy message as text"), this, [this, id] { copyShown(id); });
        text->setObjectName(u"copyMessageTextAction"_s);
        QAction* markdown =
            menu->addAction(tr("Copy message as Markdown"), this, [this, id] { copyMessage(id); });
        markdown->setObjectName(u"copyMessageMarkdownAction"_s);
        for (QAction* whole : {text, markdown})
            whole->setEnabled(row(pointed.spot.row).content.has(PartKind::Text));
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
    if (geometry_.revealRow(index)) {
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
    } else if (event->key() == Qt::Key_Escape && !selection_.empty()) {
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
