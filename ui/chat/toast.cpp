#include "ui/chat/toast.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QAccessible>
#include <QApplication>
#include <QEvent>
#include <QHBoxLayout>
#include <QPainter>

using namespace Qt::StringLiterals;

namespace switchyard {

Toast::Toast(QWidget* parent, const QString& name, Place place) : QFrame(parent), place_(place) {
    setObjectName(name);
    text_ = new PlainLabel(this);
    text_->setObjectName(name + u"Text"_s);
    text_->setWordWrap(true);
    action_ = new QPushButton(this);
    action_->setObjectName(name + u"Action"_s);
    close_ = new CalmButton(u"close"_s, tr("Close"), this);
    close_->setObjectName(name + u"Close"_s);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(16, 8, 8, 8);
    layout->addWidget(text_, 1);
    layout->addWidget(action_);
    layout->addWidget(close_);
    connect(action_, &QPushButton::clicked, this, [this] {
        timer_.stop();
        hide();
        Q_EMIT actionTriggered();
    });
    connect(close_, &QToolButton::clicked, this, &Toast::finish);
    connect(&timer_, &QTimer::timeout, this, [this] {
        if (!underMouse() && !isAncestorOf(QApplication::focusWidget()))
            finish();
    });
    if (place_ != Place::Row)
        parent->installEventFilter(this);
    hide();
}

void Toast::show(const QString& sentence, const QString& action, int milliseconds) {
    if (isVisible())
        Q_EMIT expired();
    action_->setText(menuText(action));
    action_->setVisible(!action.isEmpty());
    setSentence(sentence);
    raise();
    QFrame::show();
    timer_.start(milliseconds);
    QAccessibleEvent event(this, QAccessible::Alert);
    QAccessible::updateAccessibility(&event);
}

void Toast::setSentence(const QString& sentence) {
    text_->setText(oneLine(sentence));
    setAccessibleName(sentence);
    place();
}

void Toast::finish() {
    timer_.stop();
    hide();
    Q_EMIT expired();
}

void Toast::place() {
    if (place_ == Place::Row)
        return;
    const QWidget* parent = parentWidget();
    const int room = parent->width() - 32;
    layout()->activate();
    const int natural =
        text_->fontMetrics().horizontalAdvance(text_->text()) + action_->sizeHint().width() + 90;
    const int width = std::min(room, std::max(280, natural));
    const int height =
        std::max(layout()->hasHeightForWidth() ? layout()->heightForWidth(width) : 0, sizeHint().height());
    const int top = place_ == Place::Top ? 3 * fontMetrics().height() : parent->height() - height - 20;
    setGeometry((parent->width() - width) / 2, top, width, height);
}

bool Toast::eventFilter(QObject* object, QEvent* event) {
    if (object == parentWidget() && event->type() == QEvent::Resize && isVisible())
        place();
    return QFrame::eventFilter(object, event);
}

void Toast::paintEvent(QPaintEvent*) {
    const ThemeColours& colours = coloursOf(QApplication::palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(colours.border, 1));
    painter.setBrush(colours.dark ? colours.hover : colours.base);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 10, 10);
}

} // namespace switchyard
