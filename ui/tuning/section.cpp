#include "ui/tuning/section.h"

#include "ui/icon_size.h"
#include "ui/theme.h"

using namespace Qt::StringLiterals;

namespace switchyard {

Section::Section(const QString& name, const QString& title, QWidget* parent) : QWidget(parent) {
    header_ = new QToolButton(this);
    header_->setObjectName(u"section."_s + name);
    header_->setCheckable(true);
    header_->setChecked(true);
    header_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    header_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    header_->setProperty("section", true);
    followFont(*header_, 14);
    body_ = new QWidget(this);
    body_layout_ = new QVBoxLayout(body_);
    body_layout_->setContentsMargins(0, 2, 0, 6);
    body_layout_->setSpacing(10);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    layout->addWidget(header_);
    layout->addWidget(body_);
    setTitle(title);
    header_->setIcon(themedIcon(u"chevron-down"_s));
    connect(header_, &QToolButton::toggled, this, [this](bool open) {
        body_->setVisible(open);
        header_->setIcon(themedIcon(open ? u"chevron-down"_s : u"chevron-right"_s));
        Q_EMIT foldedChanged(!open);
    });
}

bool Section::hasContent() const {
    for (int i = 0; i < body_layout_->count(); ++i) {
        if (const QWidget* widget = body_layout_->itemAt(i)->widget(); widget && !widget->isHidden())
            return true;
    }
    return false;
}

void Section::setTitle(const QString& title) {
    header_->setText(title);
    header_->setAccessibleName(title);
    header_->setAccessibleDescription(tr("Folds or unfolds this group"));
}

void Section::setFolded(bool folded) { header_->setChecked(!folded); }
bool Section::isFolded() const { return !header_->isChecked(); }

} // namespace switchyard
