// The scroll bar under what is wider than the text. The wheel goes on to the thread, unless it is turned
// sideways.
#pragma once

#include <QScrollBar>

namespace switchyard {

class WideBar : public QScrollBar {
    Q_OBJECT
  public:
    explicit WideBar(QWidget* parent);
    /// Scrolled by so much, of so much that is hidden (pixels).
    void show(int scrolled, int hidden, int seen);

  protected:
    void wheelEvent(QWheelEvent* event) override;
};

} // namespace switchyard
