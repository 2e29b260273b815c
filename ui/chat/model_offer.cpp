#include "ui/chat/model_offer.h"

#include "ui/plain_text.h"

#include <QHBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

ModelOffer::ModelOffer(QWidget* parent) : QWidget(parent) {
    setObjectName(u"modelOffer"_s);
    text_ = new PlainLabel(this);
    text_->setObjectName(u"modelOffer.text"_s);
    text_->setProperty("muted", true);
    text_->setWordWrap(true);
    action_ = new QToolButton(this);
    action_->setObjectName(u"modelOffer.load"_s);
    action_->setProperty("action", true);
    action_->setFocusPolicy(Qt::StrongFocus);
    connect(action_, &QToolButton::clicked, this, &ModelOffer::taken);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(22, 2, 22, 0);
    layout->addStretch(1);
    layout->addWidget(text_, 100);
    layout->addWidget(action_, 0, Qt::AlignVCenter);
    layout->addStretch(1);
    text_->setMaximumWidth(640);
    hide();
}

void ModelOffer::set(const QString& sentence, const QString& action) {
    text_->setText(oneLine(sentence));
    action_->setText(menuText(action));
    action_->setAccessibleName(oneLine(action));
    action_->setVisible(!action.isEmpty());
    setVisible(!sentence.isEmpty());
}

} // namespace switchyard
