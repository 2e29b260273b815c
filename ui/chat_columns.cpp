#include "ui/chat_columns.h"

#include "ui/icon_size.h"
#include "ui/window_actions.h"

#include <QHBoxLayout>
#include <QResizeEvent>
#include <QSplitter>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

ChatColumns::ChatColumns(Settings& settings, WindowActions& actions, QWidget* header, QWidget* list,
                         QWidget* thread, QWidget* insight, QWidget* tune, QWidget* parent)
    : QWidget(parent), settings_(settings), actions_(actions), list_(list), thread_(thread),
      insight_(insight), tune_(tune) {
    want_list_ = settings_.get<Setting::ListShown>();
    want_tune_ = settings_.get<Setting::TuneShown>();
    want_insight_ = settings_.get<Setting::InsightShown>();
    narrow_side_ = static_cast<Side>(settings_.get<Setting::NarrowSide>());

    connect(&actions_[Act::ShowList], &QAction::triggered, this, &ChatColumns::showList);
    connect(&actions_[Act::ShowInsight], &QAction::triggered, this, &ChatColumns::showInsight);
    connect(&actions_[Act::ShowTune], &QAction::triggered, this, &ChatColumns::showTune);

    auto* top = new QWidget(this);
    top->setObjectName(u"thread.top"_s);
    top->setProperty("topbar", true);
    top->setAttribute(Qt::WA_StyledBackground);
    auto* row = new QHBoxLayout(top);
    row->setContentsMargins(8, 5, 8, 5);
    row->setSpacing(6);
    row->addWidget(foldButton(u"fold.list"_s, actions_[Act::ShowList]), 0, Qt::AlignTop);
    row->addWidget(header, 1);
    row->addWidget(foldButton(u"fold.insight"_s, actions_[Act::ShowInsight]), 0, Qt::AlignTop);
    row->addWidget(foldButton(u"fold.tune"_s, actions_[Act::ShowTune]), 0, Qt::AlignTop);

    middle_ = new QSplitter(Qt::Vertical, this);
    middle_->setObjectName(u"splitter.insight"_s);
    middle_->setChildrenCollapsible(false);
    middle_->setHandleWidth(1);
    middle_->addWidget(thread);
    middle_->addWidget(insight_);
    middle_->setStretchFactor(0, 1);
    middle_->setStretchFactor(1, 0);
    centre_ = new QWidget(this);
    centre_->setMinimumWidth(320);
    auto* column = new QVBoxLayout(centre_);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(top);
    column->addWidget(middle_, 1);

    columns_ = new QSplitter(Qt::Horizontal, this);
    columns_->setObjectName(u"splitter.columns"_s);
    columns_->setChildrenCollapsible(false);
    columns_->setHandleWidth(1);
    columns_->addWidget(list_);
    columns_->addWidget(centre_);
    columns_->addWidget(tune_);
    columns_->setStretchFactor(0, 0);
    columns_->setStretchFactor(1, 1);
    columns_->setStretchFactor(2, 0);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(columns_);

    if (!columns_->restoreState(settings_.get<Setting::ColumnWidths>()))
        columns_->setSizes({250, 700, 310});
    if (!middle_->restoreState(settings_.get<Setting::MiddleHeights>()))
        middle_->setSizes({500, 210});
    connect(columns_, &QSplitter::splitterMoved, this, &ChatColumns::remember);
    connect(middle_, &QSplitter::splitterMoved, this, &ChatColumns::remember);
    room_ = room();
    arrange();
}

QToolButton* ChatColumns::foldButton(const QString& name, QAction& action) {
    auto* button = new QToolButton(this);
    button->setObjectName(name);
    followFont(*button, 20);
    button->setCheckable(true);
    bindButton(*button, action);
    return button;
}

bool ChatColumns::isListShown() const { return !list_->isHidden(); }
bool ChatColumns::isTuneShown() const { return !tune_->isHidden(); }
bool ChatColumns::isInsightShown() const { return !insight_->isHidden(); }

ChatColumns::Room ChatColumns::room() const {
    constexpr int narrow = 110, tight = 75, low = 18; // letters, lines
    const QFontMetrics metrics = fontMetrics();
    return {width() < std::max(kNarrow, narrow * metrics.averageCharWidth()),
            width() < tight * metrics.averageCharWidth(), height() < low * metrics.height()};
}

void ChatColumns::showList(bool on) { showSide(Side::List, want_list_, on); }

void ChatColumns::showTune(bool on) { showSide(Side::Tune, want_tune_, on); }

void ChatColumns::showSide(Side side, bool& wanted, bool on) {
    const auto turn = [side, on](Side& shown) { shown = on ? side : shown == side ? Side::None : shown; };
    if (room_.tight)
        turn(tight_side_);
    else if (room_.narrow)
        turn(narrow_side_);
    else
        wanted = on;
    arrange();
}

void ChatColumns::showInsight(bool on) {
    (room_.low ? low_insight_ : want_insight_) = on;
    if (on && room_.tight)
        tight_side_ = Side::None;
    arrange();
}

void ChatColumns::showThread() {
    tight_side_ = Side::None;
    low_insight_ = false;
    arrange();
}

void ChatColumns::arrange() {
    const auto shown = [this](Side side, bool wanted) {
        return room_.tight ? tight_side_ == side : room_.narrow ? narrow_side_ == side : wanted;
    };
    const bool list = shown(Side::List, want_list_), tune = shown(Side::Tune, want_tune_);
    const bool insight = room_.low ? low_insight_ : want_insight_;
    centre_->setVisible(!room_.tight || (!list && !tune));
    list_->setVisible(list);
    tune_->setVisible(tune);
    insight_->setVisible(insight);
    thread_->setVisible(!room_.low || !insight);
    actions_[Act::ShowList].setChecked(isListShown());
    actions_[Act::ShowTune].setChecked(isTuneShown());
    actions_[Act::ShowInsight].setChecked(isInsightShown());
    settings_.set<Setting::ListShown>(want_list_);
    settings_.set<Setting::TuneShown>(want_tune_);
    settings_.set<Setting::InsightShown>(want_insight_);
    settings_.set<Setting::NarrowSide>(static_cast<int>(narrow_side_));
}

void ChatColumns::remember() {
    settings_.set<Setting::ColumnWidths>(columns_->saveState());
    settings_.set<Setting::MiddleHeights>(middle_->saveState());
}

/// Arranges the columns anew where there is more or less room than before.
void ChatColumns::follow() {
    if (const Room now = room(); now != room_) {
        room_ = now;
        arrange();
    }
}

void ChatColumns::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    follow();
}

void ChatColumns::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        follow();
}

} // namespace switchyard
