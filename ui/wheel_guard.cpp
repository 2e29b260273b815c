#include "ui/wheel_guard.h"

#include <QAbstractSpinBox>
#include <QComboBox>
#include <QEvent>
#include <QSlider>

namespace switchyard {

namespace {

class WheelGuard : public QObject {
  public:
    using QObject::QObject;

  protected:
    bool eventFilter(QObject* object, QEvent* event) override {
        if (event->type() != QEvent::Wheel || static_cast<QWidget*>(object)->hasFocus())
            return false;
        event->ignore(); // goes on to the parents
        return true;
    }
};

} // namespace

void leaveWheelToPage(QWidget* page) {
    QList<QWidget*> boxes = page->findChildren<QWidget*>();
    boxes.append(page);
    for (QWidget* box : std::as_const(boxes)) {
        if (!qobject_cast<QComboBox*>(box) && !qobject_cast<QAbstractSpinBox*>(box) &&
            !qobject_cast<QSlider*>(box))
            continue;
        box->setFocusPolicy(Qt::StrongFocus); // the wheel alone gives no focus
        box->installEventFilter(new WheelGuard(box));
    }
}

} // namespace switchyard
