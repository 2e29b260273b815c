#include "ui/chat/find_bar.h"

#include "ui/plain_text.h"

#include <QHBoxLayout>
#include <QKeyEvent>

using namespace Qt::StringLiterals;

namespace switchyard {

FindBar::FindBar(QWidget* parent) : QWidget(parent) {
    setObjectName(u"findBar"_s);
    edit_ = new QLineEdit(this);
    edit_->setObjectName(u"findEdit"_s);
    edit_->setPlaceholderText(tr("Find in this chat"));
    edit_->setAccessibleName(tr("Find in this chat"));
    edit_->setMaximumWidth(320);
    edit_->installEventFilter(this);
    count_ = new PlainLabel(this);
    count_->setObjectName(u"findCount"_s);
    count_->setForegroundRole(QPalette::PlaceholderText);
    auto* previous = new CalmButton(u"chevron-up"_s, tr("Previous match (Shift+Enter)"), this);
    previous->setObjectName(u"findPreviousButton"_s);
    auto* next = new CalmButton(u"chevron-down"_s, tr("Next match (Enter)"), this);
    next->setObjectName(u"findNextButton"_s);
    auto* close = new CalmButton(u"close"_s, tr("Close (Esc)"), this);
    close->setObjectName(u"findCloseButton"_s);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(16, 6, 16, 6);
    layout->addStretch();
    layout->addWidget(edit_, 1);
    layout->addWidget(count_);
    layout->addWidget(previous);
    layout->addWidget(next);
    layout->addWidget(close);
    delay_.setSingleShot(true);
    delay_.setInterval(120);
    connect(&delay_, &QTimer::timeout, this, [this] { Q_EMIT queryChanged(edit_->text()); });
    connect(edit_, &QLineEdit::textChanged, &delay_, qOverload<>(&QTimer::start));
    connect(previous, &QToolButton::clicked, this, [this] { Q_EMIT stepRequested(-1); });
    connect(next, &QToolButton::clicked, this, [this] { Q_EMIT stepRequested(1); });
    connect(close, &QToolButton::clicked, this, &FindBar::close);
    hide();
}

void FindBar::open(const QString& text) {
    show();
    if (!text.isEmpty() && !text.contains(u'\n') && text.size() < 100)
        edit_->setText(text);
    edit_->setFocus();
    edit_->selectAll();
    delay_.start();
}

void FindBar::close() {
    delay_.stop();
    hide();
    Q_EMIT closed();
}

void FindBar::setFound(int current, int total) {
    count_->setText(edit_->text().isEmpty() ? QString()
                    : total == 0            ? tr("not found")
                                            : tr("%1 of %2").arg(current).arg(total));
}

bool FindBar::eventFilter(QObject* object, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->key() == Qt::Key_Escape) {
            close();
            return true;
        }
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            Q_EMIT stepRequested(key->modifiers() & Qt::ShiftModifier ? -1 : 1);
            return true;
        }
    }
    return QWidget::eventFilter(object, event);
}

} // namespace switchyard
