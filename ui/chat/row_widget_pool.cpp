#include "ui/chat/row_widget_pool.h"

#include <QApplication>
#include <QTimer>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// A widget that is free, or a new one.
template <typename Widget, typename Make>
Widget* takeSpare(std::vector<Widget*>& spare, Make make) {
    if (spare.empty())
        return make();
    Widget* widget = spare.back();
    spare.pop_back();
    return widget;
}

/// By its name a widget is found only where it is used.
template <typename Widget>
void putAway(Widget* widget, std::vector<Widget*>& spare) {
    widget->hide();
    widget->setObjectName({});
    spare.push_back(widget);
}

/// As many as are wanted.
template <typename Widget, typename Make>
void resizeTo(std::size_t wanted, std::vector<Widget*>& widgets, std::vector<Widget*>& spare, Make make) {
    for (; widgets.size() > wanted; widgets.pop_back())
        putAway(widgets.back(), spare);
    while (widgets.size() < wanted)
        widgets.push_back(takeSpare(spare, make));
}

} // namespace

RowWidgetPool::RowWidgetPool(QWidget* viewport) : viewport_(viewport) {}

void RowWidgetPool::place(ThreadRow& row, const QPointF& origin, const State& state) {
    Widgets& widgets = used_[row.content.id];
    placeTools(widgets, row, origin, state);
    placeFolds(widgets, row, origin);
    placeCodes(widgets, row, origin, state.edited);
    placeWides(widgets, row, origin, state.edited);
}

void RowWidgetPool::placeTools(Widgets& widgets, ThreadRow& row, const QPointF& origin, const State& state) {
    if (!widgets.tools) {
        widgets.tools = takeSpare(spare_tools_, [this] {
            auto* tools = new MessageTools(viewport_);
            connect(tools, &MessageTools::triggered, this, &RowWidgetPool::triggered);
            connect(tools, &MessageTools::modelsWanted, this, &RowWidgetPool::modelsWanted);
            return tools;
        });
        row.stale = true;
    }
    if (std::exchange(row.stale, false))
        widgets.tools->bind(row.content, state.busy, state.unanswered, state.draft);
    widgets.tools->setGeometry(row.layout->places().tools.translated(origin).toRect());
    widgets.tools->setVisible(!state.edited);
}

CalmButton* RowWidgetPool::makeFold() {
    auto* fold = new CalmButton(u"chevron-right"_s, {}, viewport_);
    connect(fold, &QToolButton::clicked, this, [this, fold] {
        Q_EMIT foldClicked(fold->property("message").toLongLong(), fold->property("part").toInt());
    });
    return fold;
}

/// A headline says what the part is, and its name what a click does.
void RowWidgetPool::placeFolds(Widgets& widgets, const ThreadRow& row, const QPointF& origin) {
    const std::vector<LayoutSlots::Fold>& folds = row.layout->places().folds;
    resizeTo(folds.size(), widgets.folds, spare_folds_, [this] { return makeFold(); });
    for (std::size_t i = 0; i < folds.size(); ++i) {
        CalmButton* button = widgets.folds[i];
        const bool open = row.open.contains(folds[i].part);
        const FoldText text = foldText(row.content, folds[i].part, open);
        button->setText(text.headline);
        button->setIconName(open ? u"chevron-down"_s : u"chevron-right"_s);
        button->setName(text.action);
        button->setAccessibleName(text.headline);
        button->setObjectName(u"foldButton-%1-%2"_s.arg(row.content.id).arg(folds[i].part));
        button->setProperty("message", row.content.id);
        button->setProperty("part", folds[i].part);
        QSize size = button->sizeHint();
        size.setWidth(std::min(size.width(), static_cast<int>(folds[i].rect.width()) + 8));
        button->setGeometry(QRect((origin + folds[i].rect.topLeft() - QPointF(8, 0)).toPoint(), size));
        button->show();
    }
}

CalmButton* RowWidgetPool::makeCodeButton() {
    auto* button = new CalmButton(u"copy"_s, tr("Copy the code"), viewport_);
    button->setText(tr("Copy"));
    connect(button, &QToolButton::clicked, this, [this, button] {
        Q_EMIT codeCopyClicked(button->property("message").toLongLong(), button->property("code").toInt());
        button->setText(tr("Copied"));
        button->setIconName(u"check"_s);
        QTimer::singleShot(1600, button, [button] {
            button->setText(tr("Copy"));
            button->setIconName(u"copy"_s);
        });
    });
    return button;
}

void RowWidgetPool::placeCodes(Widgets& widgets, const ThreadRow& row, const QPointF& origin, bool edited) {
    const std::vector<LayoutSlots::Code>& codes = row.layout->places().codes;
    const std::size_t wanted = edited ? 0 : codes.size();
    resizeTo(wanted, widgets.codes, spare_codes_, [this] { return makeCodeButton(); });
    for (std::size_t i = 0; i < wanted; ++i) {
        CalmButton* button = widgets.codes[i];
        button->setObjectName(u"codeCopyButton-%1-%2"_s.arg(row.content.id).arg(i));
        button->setProperty("message", row.content.id);
        button->setProperty("code", static_cast<int>(i));
        const QSize size = button->sizeHint();
        const QRectF header = codes[i].header.translated(origin);
        button->setGeometry(static_cast<int>(header.right()) - size.width() - 4,
                            static_cast<int>(header.center().y()) - size.height() / 2, size.width(),
                            size.height());
        button->show();
    }
}

WideBar* RowWidgetPool::makeWideBar() {
    auto* bar = new WideBar(viewport_);
    connect(bar, &WideBar::valueChanged, this, [this, bar](int value) {
        Q_EMIT wideScrolled(bar->property("message").toLongLong(), bar->property("wide").toInt(), value);
    });
    return bar;
}

void RowWidgetPool::placeWides(Widgets& widgets, const ThreadRow& row, const QPointF& origin, bool edited) {
    const std::vector<LayoutSlots::Wide>& wides = row.layout->places().wides;
    const std::size_t wanted = edited ? 0 : wides.size();
    resizeTo(wanted, widgets.wides, spare_wides_, [this] { return makeWideBar(); });
    for (std::size_t i = 0; i < wanted; ++i) {
        WideBar* bar = widgets.wides[i];
        bar->setObjectName(u"wideBar-%1-%2"_s.arg(row.content.id).arg(i));
        bar->setProperty("message", row.content.id);
        bar->setProperty("wide", static_cast<int>(i));
        bar->setGeometry(wides[i].bar.translated(origin).toRect());
        bar->show(wides[i].scrolled, wides[i].hidden, bar->width());
    }
}

void RowWidgetPool::takeBack(Widgets& widgets) {
    if (widgets.tools) {
        putAway(widgets.tools, spare_tools_);
        widgets.tools->conceal();
    }
    for (CalmButton* fold : widgets.folds)
        putAway(fold, spare_folds_);
    for (CalmButton* code : widgets.codes)
        putAway(code, spare_codes_);
    for (WideBar* bar : widgets.wides)
        putAway(bar, spare_wides_);
}

void RowWidgetPool::keepOnly(const QSet<MessageId>& messages) {
    QList<MessageId> gone;
    for (auto it = used_.cbegin(); it != used_.cend(); ++it) {
        if (!messages.contains(it.key()))
            gone.append(it.key());
    }
    for (const MessageId message : gone) { // hiding one may move the focus, and that asks for others
        Widgets widgets = used_.take(message);
        takeBack(widgets);
    }
}

QList<QWidget*> RowWidgetPool::widgets(MessageId message) const {
    QList<QWidget*> all;
    const auto found = used_.constFind(message);
    if (found == used_.constEnd())
        return all;
    for (CalmButton* fold : found->folds)
        all.append(fold);
    for (CalmButton* code : found->codes)
        all.append(code);
    for (WideBar* bar : found->wides)
        all.append(bar);
    all.append(found->tools);
    return all;
}

void RowWidgetPool::orderTabs(const QList<MessageId>& messages) const {
    QWidget* previous = nullptr;
    for (const MessageId message : messages) {
        for (QWidget* widget : widgets(message)) {
            if (previous && previous->nextInFocusChain() != widget && widget == tools(message))
                QWidget::setTabOrder(previous, widget);
            previous = widget;
        }
    }
}

void RowWidgetPool::reveal(const std::function<bool(MessageId)>& wanted) {
    for (auto it = used_.cbegin(); it != used_.cend(); ++it)
        it->tools->setRevealed(wanted(it.key()) || it->tools->isAncestorOf(QApplication::focusWidget()));
}

} // namespace switchyard
