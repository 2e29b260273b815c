// Finding widgets by name and turning the wheel over them, for tests.
#pragma once

#include <QApplication>
#include <QWheelEvent>
#include <QWidget>

namespace switchyard::test {

/// The widget or action `name` in `parent`; without it the test ends.
template <typename T>
T* find(const QWidget& parent, const QString& name) {
    T* found = parent.findChild<T*>(name);
    if (!found)
        qFatal("no %s", qPrintable(name));
    return found;
}

/// `delta`: eighths of a degree; a notch away from the user is 120.
inline void wheel(QWidget* widget, int delta) {
    const QPointF at = widget->rect().center();
    QWheelEvent event(at, widget->mapToGlobal(at), {}, {0, delta}, Qt::NoButton, Qt::NoModifier,
                      Qt::NoScrollPhase, false);
    QApplication::sendEvent(widget, &event);
}

} // namespace switchyard::test
