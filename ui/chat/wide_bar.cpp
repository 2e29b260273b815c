#include "ui/chat/wide_bar.h"

#include <QSignalBlocker>
#include <QWheelEvent>

namespace switchyard {

WideBar::WideBar(QWidget* parent) : QScrollBar(Qt::Horizontal, parent) {
    setFocusPolicy(Qt::TabFocus);
    setAccessibleName(tr("Scroll sideways"));
    setAccessibleDescription(tr("What stands over it is wider than the text"));
    setSingleStep(40);
}

void WideBar::show(int scrolled, int hidden, int seen) {
    const QSignalBlocker blocker(this);
    setRange(0, hidden);
    setPageStep(seen);
    setValue(scrolled);
    QScrollBar::show();
}

void WideBar::wheelEvent(QWheelEvent* event) {
    if (event->angleDelta().x() == 0 && !(event->modifiers() & Qt::ShiftModifier))
        event->ignore();
    else
        QScrollBar::wheelEvent(event);
}

} // namespace switchyard
