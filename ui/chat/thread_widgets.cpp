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
        QList<QWidget*> order;
        for (const auto& fold : row.folds)
            order.append(fold);
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
                        QApplication::clipboard()->setText(QString::fromStdString(copied->content.text()));
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

    while (row.folds.size() > places.folds.size()) {
        row.folds.back()->hide();
        spare_folds_.push_back(row.folds.back());
        row.folds.pop_back();
    }
    for (std::size_t i = 0; i < places.folds.size(); ++i)
        placeFold(row, i, origin);

    const std::size_t wanted = edited ? 0 : places.codes.size();
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
                if (!owner || !owner->layout || which >= owner->layout->places().codes.size())
                    return;
                QApplication::clipboard()->setText(owner->layout->places().codes[which].block->code);
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
        const QRectF header = places.codes[i].header.translated(origin);
        button->setGeometry(static_cast<int>(header.right()) - size.width() - 4,
                            static_cast<int>(header.center().y()) - size.height() / 2, size.width(),
                            size.height());
        button->show();
    }
}

/// The headline of a part that folds: what it is, and in the button's name what a click does.
void ThreadView::placeFold(Row& row, std::size_t index, const QPointF& origin) {
    const LayoutSlots::Fold& place = row.layout->places().folds[index];
    if (row.folds.size() <= index) {
        row.folds.push_back(takeSpare(spare_folds_, [this] {
            auto* fold = new CalmButton(u"chevron-right"_s, {}, viewport());
            connect(fold, &QToolButton::clicked, this, [this, fold] {
                const MessageId id = fold->property("message").toLongLong();
                const int part = fold->property("part").toInt();
                setPartOpen(id, part, !partOpen(id, part));
            });
            return fold;
        }));
    }
    CalmButton* fold = row.folds[index];
    const bool open = row.open.contains(place.part);
    const FoldText text = foldText(row.content, place.part, open);
    fold->setText(text.headline);
    fold->setIconName(open ? u"chevron-down"_s : u"chevron-right"_s);
    fold->setName(text.action);
    fold->setAccessibleName(fold->text());
    fold->setObjectName(u"foldButton-%1-%2"_s.arg(row.content.id).arg(place.part));
    fold->setProperty("message", row.content.id);
    fold->setProperty("part", place.part);
    QSize size = fold->sizeHint();
    size.setWidth(std::min(size.width(), static_cast<int>(place.rect.width()) + 8));
    fold->setGeometry(QRect(QPointF(origin + place.rect.topLeft() - QPointF(8, 0)).toPoint(), size));
    fold->show();
}

void ThreadView::hideRowWidgets(Row& row) {
    if (row.tools) {
        row.tools->hide();
        row.tools->conceal();
        row.tools->setObjectName({}); // by its name it is found only where it is used
        spare_tools_.push_back(row.tools);
        row.tools = nullptr;
    }
    for (const auto& fold : row.folds) {
        fold->hide();
        fold->setObjectName({});
        spare_folds_.push_back(fold);
    }
    row.folds.clear();
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
