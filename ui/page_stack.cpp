#include "ui/page_stack.h"

#include "ui/icon_size.h"
#include "ui/notice_banner.h"
#include "ui/page.h"
#include "ui/window_actions.h"

#include <QActionGroup>
#include <QHBoxLayout>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

PageStack::PageStack(WindowActions& actions, NoticeBanner* banner, QWidget* parent)
    : QWidget(parent), actions_(actions), group_(new QActionGroup(this)), stack_(new QStackedWidget(this)) {
    rail_ = new QWidget(this);
    rail_->setObjectName(u"rail"_s);
    rail_->setProperty("rail", true);
    rail_->setAttribute(Qt::WA_StyledBackground);
    rail_->setAccessibleName(tr("Pages"));
    rail_->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Expanding);
    auto* rail_column = new QVBoxLayout(rail_);
    rail_column->setContentsMargins(5, 8, 5, 8);
    for (QVBoxLayout** part : {&rail_top_, &rail_end_}) {
        *part = new QVBoxLayout;
        (*part)->setSpacing(4);
    }
    rail_column->addLayout(rail_top_);
    rail_column->addStretch(1);
    rail_column->addLayout(rail_end_);

    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    column->addWidget(banner);
    column->addWidget(stack_, 1);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(rail_);
    layout->addLayout(column, 1);
}

void PageStack::add(Page* page) {
    const PageSign sign = page->sign();
    QAction& action = actions_.addPage(sign);
    group_->addAction(&action);
    auto* button = new QToolButton(rail_);
    button->setObjectName(u"rail."_s + sign.name);
    button->setProperty("railButton", true);
    button->setCheckable(true);
    followFont(*button, 22);
    button->setText(sign.title);
    button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    button->setFocusPolicy(Qt::StrongFocus);
    button->setMinimumWidth(58);
    button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed); // as wide as the longest name
    bindButton(*button, action);
    (sign.about_program ? rail_end_ : rail_top_)->addWidget(button);

    shows_.insert(page, &action);
    stack_->addWidget(page);
    connect(&action, &QAction::triggered, this, [this, page] { show(page); });
    connect(page, &Page::wanted, this, [this, page] { show(page); });
    if (stack_->count() == 1) {
        action.setChecked(true);
        page->setShown(true);
        Q_EMIT changed(page);
    } else {
        page->setShown(false);
    }
}

void PageStack::show(Page* page) {
    Page* const before = current();
    action(page)->setChecked(true);
    if (page == before)
        return;
    if (QWidget* focus = window()->focusWidget(); focus && before->isAncestorOf(focus))
        focus_.insert(before, focus);
    stack_->setCurrentWidget(page);
    before->setShown(false);
    page->setShown(true);
    Q_EMIT changed(page);
    QWidget* const known = focus_.value(page);
    (known ? known : page->firstFocus())->setFocus(Qt::OtherFocusReason);
}

void PageStack::show(const QString& name) {
    for (auto page = shows_.keyBegin(); page != shows_.keyEnd(); ++page) {
        if ((*page)->sign().name == name)
            return show(*page);
    }
}

Page* PageStack::current() const { return static_cast<Page*>(stack_->currentWidget()); }

} // namespace switchyard
