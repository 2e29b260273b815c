#include "ui/icon_size.h"

#include <QAbstractButton>
#include <QEvent>
#include <QFontInfo>

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

class IconSize : public QObject {
  public:
    IconSize(QAbstractButton& button, int usual) : QObject(&button), button_(button), usual_(usual) {
        button.installEventFilter(this);
        fit();
    }
    bool eventFilter(QObject* object, QEvent* event) override {
        if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange)
            fit();
        return QObject::eventFilter(object, event);
    }

  private:
    /// Signs are read from their shape: half the growth of the letters is enough for them.
    void fit() {
        constexpr double kUsualPoints = 11, kShare = 0.5;
        const double larger = QFontInfo(button_.font()).pointSizeF() / kUsualPoints;
        const int side = static_cast<int>(std::lround(usual_ * (1 + kShare * std::max(0.0, larger - 1))));
        if (button_.iconSize() != QSize(side, side))
            button_.setIconSize({side, side});
    }

    QAbstractButton& button_;
    const int usual_;
};

} // namespace

void followFont(QAbstractButton& button, int usual) { new IconSize(button, usual); }

} // namespace switchyard
