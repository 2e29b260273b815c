#include "ui/chat/thread_accessible.h"

#include "ui/chat/message_text_accessible.h"
#include "ui/chat/thread_view.h"

#include <QAccessible>
#include <QAccessibleWidget>
#include <QCoreApplication>
#include <QPointer>

namespace switchyard {
/// One message. It outlives the message's layout, and is invalid once the message is gone.
class MessageAccessible : public QAccessibleInterface {
  public:
    MessageAccessible(ThreadView* view, MessageId id)
        : view_(view), id_(id), text_({.text = [this] { return text(QAccessible::Value); },
                                       .rect = [this] { return rect(); },
                                       .reveal =
                                           [this] {
                                               if (isValid() && state().offscreen)
                                                   view_->scrollToMessage(id_);
                                           }}) {}

    bool isValid() const override { return view_ && view_->content(id_); }
    QObject* object() const override { return nullptr; }
    QAccessible::Role role() const override { return QAccessible::ListItem; }
    QAccessibleInterface* parent() const override { return QAccessible::queryAccessibleInterface(view_); }
    QWindow* window() const override { return view_ ? view_->window()->windowHandle() : nullptr; }

    QAccessible::State state() const override {
        QAccessible::State state;
        state.readOnly = state.focusable = true;
        if (!isValid()) {
            state.invalid = true;
            return state;
        }
        state.focused = view_->hasFocus() && view_->messageAt(view_->currentMessage()) == id_;
        state.busy = view_->content(id_)->streaming();
        state.offscreen = !view_->viewport()->rect().intersects(view_->messageRect(index()));
        return state;
    }

    QRect rect() const override {
        if (!isValid())
            return {};
        const QRect local = view_->messageRect(index());
        return {view_->viewport()->mapToGlobal(local.topLeft()), local.size()};
    }

    QString text(QAccessible::Text kind) const override {
        const MessageContent* content = isValid() ? view_->content(id_) : nullptr;
        if (!content)
            return {};
        const QString who = content->author == Author::Assistant ? ThreadView::tr("Answer")
                            : content->author == Author::User    ? ThreadView::tr("You")
                                                                 : ThreadView::tr("System prompt");
        const QString body = QString::fromStdString(content->text());
        if (kind == QAccessible::Name)
            return who + QLatin1String(": ") + body;
        if (kind == QAccessible::Value)
            return body;
        if (kind != QAccessible::Description)
            return {};
        QStringList parts{content->line, noticeText(*content)};
        if (content->has(PartKind::Thinking))
            parts += ThreadView::tr("With its thinking");
        for (const DialMark& mark : content->marks)
            parts += ThreadView::tr("Before token %1: %2").arg(mark.token + 1).arg(mark.tip);
        parts.removeAll(QString());
        return parts.join(QLatin1String(". "));
    }
    void setText(QAccessible::Text, const QString&) override {}
    void* interface_cast(QAccessible::InterfaceType type) override {
        return type == QAccessible::TextInterface ? static_cast<QAccessibleTextInterface*>(&text_) : nullptr;
    }

    int childCount() const override { return static_cast<int>(widgets().size()); }
    QAccessibleInterface* child(int index) const override {
        return QAccessible::queryAccessibleInterface(widgets().value(index));
    }
    int indexOfChild(const QAccessibleInterface* child) const override {
        return static_cast<int>(widgets().indexOf(qobject_cast<QWidget*>(child->object())));
    }
    QAccessibleInterface* childAt(int x, int y) const override {
        for (QWidget* widget : widgets()) {
            if (widget->rect().contains(widget->mapFromGlobal(QPoint(x, y))))
                return QAccessible::queryAccessibleInterface(widget);
        }
        return nullptr;
    }

  private:
    int index() const { return view_->indexOf(id_); }
    QList<QWidget*> widgets() const { return view_ ? view_->messageWidgets(id_) : QList<QWidget*>(); }

    QPointer<ThreadView> view_;
    MessageId id_;
    MessageTextAccessible text_;
};

/// The thread: its messages first, then what every scroll area has.
class ThreadAccessible : public QAccessibleWidget {
  public:
    explicit ThreadAccessible(ThreadView* view) : QAccessibleWidget(view, QAccessible::List), view_(view) {}
    ~ThreadAccessible() override {
        for (const QAccessible::Id id : std::as_const(known_))
            QAccessible::deleteAccessibleInterface(id);
    }

    int childCount() const override { return view_->messageCount() + QAccessibleWidget::childCount(); }
    QAccessibleInterface* child(int index) const override {
        if (index < 0 || index >= view_->messageCount())
            return QAccessibleWidget::child(index - view_->messageCount());
        const MessageId id = view_->messageAt(index);
        if (const auto it = known_.constFind(id); it != known_.constEnd())
            return QAccessible::accessibleInterface(*it);
        auto* message = new MessageAccessible(view_, id);
        known_.insert(id, QAccessible::registerAccessibleInterface(message));
        return message;
    }
    int indexOfChild(const QAccessibleInterface* child) const override {
        for (auto it = known_.cbegin(); it != known_.cend(); ++it) {
            if (QAccessible::accessibleInterface(it.value()) == child)
                return view_->indexOf(it.key());
        }
        const int index = QAccessibleWidget::indexOfChild(child);
        return index < 0 ? index : index + view_->messageCount();
    }
    QAccessibleInterface* childAt(int x, int y) const override {
        const QPoint local = view_->viewport()->mapFromGlobal(QPoint(x, y));
        for (int i = 0; i < view_->messageCount(); ++i) {
            if (view_->messageRect(i).contains(local))
                return child(i);
        }
        return QAccessibleWidget::childAt(x, y);
    }
    QAccessibleInterface* focusChild() const override {
        return view_->hasFocus() && view_->currentMessage() >= 0 ? child(view_->currentMessage())
                                                                 : QAccessibleWidget::focusChild();
    }

  private:
    ThreadView* view_;
    mutable QHash<MessageId, QAccessible::Id> known_;
};

void installThreadAccessibility() {
    static bool installed = false;
    if (installed)
        return;
    installed = true;
    QAccessible::installFactory([](const QString&, QObject* object) -> QAccessibleInterface* {
        auto* view = qobject_cast<ThreadView*>(object);
        return view ? new ThreadAccessible(view) : nullptr;
    });
}

} // namespace switchyard
