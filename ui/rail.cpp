#include "ui/rail.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QButtonGroup>
#include <QToolButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

Rail::Rail(QWidget* parent) : QWidget(parent) {
    setObjectName(u"rail"_s);
    setProperty("rail", true);
    setAttribute(Qt::WA_StyledBackground);
    setAccessibleName(tr("Pages"));
    layout_ = new QVBoxLayout(this);
    layout_->setContentsMargins(5, 8, 5, 8);
    layout_->setSpacing(4);
    group_ = new QButtonGroup(this);
    group_->setExclusive(true);
    connect(group_, &QButtonGroup::idClicked, this, &Rail::chosen);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Expanding);
}

void Rail::addPage(const QString& name, const QString& icon, const QString& title, const QString& tip) {
    auto* button = new QToolButton(this);
    button->setObjectName(u"rail."_s + name);
    button->setProperty("railButton", true);
    button->setCheckable(true);
    button->setIcon(themedIcon(icon));
    button->setIconSize({22, 22});
    button->setText(title);
    button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    button->setToolTip(plainTip(tip));
    button->setAccessibleName(title);
    button->setAccessibleDescription(tip);
    button->setFocusPolicy(Qt::StrongFocus);
    button->setMinimumWidth(58);
    button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed); // as wide as the longest name
    group_->addButton(button, static_cast<int>(group_->buttons().size()));
    layout_->addWidget(button);
}

void Rail::addStretch() { layout_->addStretch(1); }

int Rail::current() const { return group_->checkedId(); }

void Rail::setCurrent(int page) {
    if (QAbstractButton* button = group_->button(page))
        button->setChecked(true);
}

} // namespace switchyard
