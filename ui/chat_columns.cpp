#include "ui/chat_columns.h"

#include "ui/window_actions.h"

#include <QHBoxLayout>
#include <QResizeEvent>
#include <QSplitter>
#include <QToolButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

ChatColumns::ChatColumns(Settings& settings, WindowActions& actions, QWidget* header, QWidget* list,
                         QWidget* thread, QWidget* insight, QWidget* tune, QWidget* parent)
    : QWidget(parent), settings_(settings), actions_(actions), list_(list), insight_(insight), tune_(tune) {
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
    auto* centre = new QWidget(this);
    centre->setMinimumWidth(320);
    auto* column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(top);
    column->addWidget(middle_, 1);

    columns_ = new QSplitter(Qt::Horizontal, this);
    columns_->setObjectName(u"splitter.columns"_s);
    columns_->setChildrenCollapsible(false);
    columns_->setHandleWidth(1);
    columns_->addWidget(list_);
    columns_->addWidget(centre);
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
    arrange();
}

QToolButton* ChatColumns::foldButton(const QString& name, QAction& action) {
    auto* button = new QToolButton(this);
    button->setObjectName(name);
    button->setIconSize({20, 20});
    button->setCheckable(true);
    bindButton(*button, action);
    return button;
}

bool ChatColumns::isListShown() const { return !list_->isHidden(); }
bool ChatColumns::isTuneShown() const { return !tune_->isHidden(); }
bool ChatColumns::isInsightShown() const { return !insight_->isHidden(); }

void ChatColumns::showList(bool on) {
    if (isNarrow())
        narrow_side_ = on ? Side::List : narrow_side_ == Side::List ? Side::None : narrow_side_;
    else
        want_list_ = on;
    arrange();
}

void ChatColumns::showTune(bool on) {
    if (isNarrow())
        narrow_side_ = on ? Side::Tune : narrow_side_ == Side::Tune ? Side::None : narrow_side_;
    else
        want_tune_ = on;
    arrange();
}

void ChatColumns::showInsight(bool on) {
    want_insight_ = on;
    arrange();
}

void ChatColumns::arrange() {
    list_->setVisible(isNarrow() ? narrow_side_ == Side::List : want_list_);
    tune_->setVisible(isNarrow() ? narrow_side_ == Side::Tune : want_tune_);
    insight_->setVisible(want_insight_);
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

void ChatColumns::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    const bool was_narrow = event->oldSize().width() < kNarrow;
    if (event->oldSize().width() <= 0 || was_narrow != isNarrow())
        arrange();
}

} // namespace switchyard
