// The widgets on the thread: tools under messages, folds of thinking, copy buttons of code, and the editor.
// Only messages in sight have them; they are used again for others.
#include "ui/chat/thread_view.h"

#include <QApplication>
#include <QClipboard>
#include <QScrollBar>

#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {

void ThreadView::placeWidgets() {
    if (rows_.empty())
        return;
    const int first = rowAt(offset()), last = rowAt(offset() + viewport()->height());
    for (int i = 0; i < messageCount(); ++i) {
        if (i >= first && i <= last)
            placeRowWidgets(i);
        else
            hideRowWidgets(*rows_[static_cast<std::size_t>(i)]);
    }
    QWidget* previous = nullptr; // the tab order follows the eye
    for (int i = first; i <= last; ++i) {
        const Row& row = *rows_[static_cast<std::size_t>(i)];
        QList<QWidget*> order{row.fold};
        for (const auto& button : row.code_buttons)
            order.append(button);
        order.append(row.tools);
        for (QWidget* widget : order) {
            if (widget && previous && previous->nextInFocusChain() != widget && widget == row.tools)
                setTabOrder(previous, widget);
            previous = widget ? widget : previous;
        }
    }
    revealTools();
}

template <typename Widget, typename Make>
static Widget* takeSpare(std::vector<Widget*>& spare, Make make) {
    if (spare.empty())
        return make();
    Widget* widget = spare.back();
    spare.pop_back();
    return widget;
}

void ThreadView::placeRowWidgets(int index) {
    Row& row = *rows_[static_cast<std::size_t>(index)];
    if (!row.layout)
        return;
    const QPointF origin(columnLeft(), std::round(tops_[static_cast<std::size_t>(index)] - offset()));
    const LayoutSlots& places = row.layout->places();
    const bool edited = editor_ && edited_ == row.content.id;
    if (!row.tools) {
        row.tools = takeSpare(spare_tools_, [this] {
            auto* tools = new MessageTools(viewport());
            connect(tools, &MessageTools::triggered, this, [this](MessageAction action, MessageId id) {
                if (action == MessageAction::Copy) {
                    if (const Row* copied = find(id))
                        QApplication::clipboard()->setText(QString::fromStdString(copied->content.text));
                    if (MessageTools* widget = this->tools(id))
                        widget->confirmCopy();
                } else if (action == MessageAction::Edit) {
                    beginEdit(id);
                }
                Q_EMIT triggered(action, id);
            });
            return tools;
        });
    }
    if (row.tools->objectName().isEmpty() || row.stale) {
        const bool last = index + 1 == messageCount();
        row.tools->bind(row.content, busy_, last && row.content.author == Author::User,
                        edits_.contains(row.content.id));
        row.stale = false;
    }
    row.tools->setGeometry(places.tools.translated(origin).toRect());
    row.tools->setVisible(!edited);
    if (edited)
        editor_->setGeometry(places.editor.translated(origin).toRect());

    if (places.thinking.isNull() == bool(row.fold)) {
        if (row.fold) {
            row.fold->hide();
            spare_folds_.push_back(row.fold);
            row.fold = nullptr;
        } else {
            row.fold = takeSpare(spare_folds_, [this] {
                auto* fold = new CalmButton(u"chevron-right"_s, {}, viewport());
                connect(fold, &QToolButton::clicked, this, [this, fold] {
                    const MessageId id = fold->property("message").toLongLong();
                    setThinkingOpen(id, !thinkingOpen(id));
                });
                return fold;
            });
        }
    }
    if (row.fold) {
        const int seconds = static_cast<int>(std::lround(row.content.thinking_seconds));
        const bool thinking = row.content.streaming() && row.content.text.empty();
        row.fold->setText(thinking ? tr("Thinking, %n s", nullptr, seconds)
                                   : tr("Thought for %n s", nullptr, seconds));
        row.fold->setIconName(row.thinking_open ? u"chevron-down"_s : u"chevron-right"_s);
        row.fold->setName(row.thinking_open ? tr("Hide the thinking") : tr("Show the thinking"));
        row.fold->setAccessibleName(row.fold->text());
        row.fold->setObjectName(u"thinkingButton-%1"_s.arg(row.content.id));
        row.fold->setProperty("message", row.content.id);
        row.fold->setGeometry(QRect(QPointF(origin + places.thinking.topLeft() - QPointF(8, 0)).toPoint(),
                                    row.fold->sizeHint()));
        row.fold->show();
    }

    const std::vector<QRectF>& headers = places.code_headers;
    const std::size_t wanted = edited ? 0 : headers.size();
    while (row.code_buttons.size() > wanted) {
        row.code_buttons.back()->hide();
        spare_code_buttons_.push_back(row.code_buttons.back());
        row.code_buttons.pop_back();
    }
    while (row.code_buttons.size() < wanted) {
        row.code_buttons.push_back(takeSpare(spare_code_buttons_, [this] {
            auto* button = new CalmButton(u"copy"_s, tr("Copy the code"), viewport());
            button->setText(tr("Copy"));
            connect(button, &QToolButton::clicked, this, [this, button] {
                const Row* owner = find(button->property("message").toLongLong());
                const auto which = button->property("block").toUInt();
                if (!owner || !owner->layout || which >= owner->layout->codeBlocks().size())
                    return;
                QApplication::clipboard()->setText(owner->layout->codeBlocks()[which].code);
                button->setText(tr("Copied"));
                button->setIconName(u"check"_s);
                QTimer::singleShot(1600, button, [this, button] {
                    button->setText(tr("Copy"));
                    button->setIconName(u"copy"_s);
                });
            });
            return button;
        }));
    }
    for (std::size_t i = 0; i < wanted; ++i) {
        CalmButton* button = row.code_buttons[i];
        button->setObjectName(u"codeCopyButton-%1-%2"_s.arg(row.content.id).arg(i));
        button->setProperty("message", row.content.id);
        button->setProperty("block", static_cast<uint>(i));
        const QSize size = button->sizeHint();
        const QRectF header = headers[i].translated(origin);
        button->setGeometry(static_cast<int>(header.right()) - size.width() - 4,
                            static_cast<int>(header.center().y()) - size.height() / 2, size.width(),
                            size.height());
        button->show();
    }
}

void ThreadView::hideRowWidgets(Row& row) {
    if (row.tools) {
        row.tools->hide();
        row.tools->conceal();
        row.tools->setObjectName({}); // by its name it is found only where it is used
        spare_tools_.push_back(row.tools);
        row.tools = nullptr;
    }
    if (row.fold) {
        row.fold->hide();
        row.fold->setObjectName({});
        spare_folds_.push_back(row.fold);
        row.fold = nullptr;
    }
    for (const auto& button : row.code_buttons) {
        button->hide();
        button->setObjectName({});
        spare_code_buttons_.push_back(button);
    }
    row.code_buttons.clear();
    if (editor_ && edited_ == row.content.id)
        editor_->move(0, -10000);
}

void ThreadView::placeJumpButton() {
    if (!jump_)
        return;
    constexpr int near = 48; // pixels: the end is in sight, or all but
    const bool wanted =
        !following_ && !rows_.empty() && verticalScrollBar()->maximum() - verticalScrollBar()->value() > near;
    const QRect view = viewport()->geometry();
    jump_->setFixedSize(36, 36);
    jump_->move(view.center().x() - 18, view.bottom() - 50);
    if (wanted != jump_->isVisible()) {
        jump_->setVisible(wanted);
        jump_->raise();
    }
}

/// Buttons are drawn under the message in use, and under the last one.
void ThreadView::revealTools() {
    for (int i = 0; i < messageCount(); ++i) {
        MessageTools* tools = rows_[static_cast<std::size_t>(i)]->tools;
        if (tools)
            tools->setRevealed(i == hovered_ || i == messageCount() - 1 || (focus_shown_ && i == current_) ||
                               (tools->isAncestorOf(QApplication::focusWidget())));
    }
}

} // namespace switchyard
