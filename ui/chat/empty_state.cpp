#include "ui/chat/empty_state.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QEvent>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {
constexpr int kPromptsWidest = 600, kPromptsSpacing = 8, kBelowHeading = 14, kBesidePrompt = 36;
} // namespace

EmptyState::EmptyState(QWidget* parent) : QWidget(parent) {
    setObjectName(u"emptyState"_s);
    heading_ = new PlainLabel(tr("What would you like to ask?"), this);
    heading_->setAlignment(Qt::AlignCenter);
    heading_->setWordWrap(true);
    hint_ = new PlainLabel(this);
    hint_->setObjectName(u"emptyHint"_s);
    hint_->setAlignment(Qt::AlignCenter);
    hint_->setWordWrap(true);
    hint_->hide();
    auto* column = column_ = new QVBoxLayout;
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(kPromptsSpacing);
    column->addStretch(2);
    column->addWidget(heading_);
    column->addWidget(hint_);
    column->addSpacing(kBelowHeading);
    const QStringList texts{tr("Explain how a mixture of experts decides which experts to use."),
                            tr("Write a short poem about a railway switchyard at night."),
                            tr("Give me a Python function that finds the prime numbers below n.")};
    for (qsizetype i = 0; i < texts.size(); ++i) {
        auto* button = new QPushButton(texts[i], this);
        button->setObjectName(u"samplePrompt-%1"_s.arg(i));
        button->setProperty("sample", true);
        button->setCursor(Qt::PointingHandCursor);
        button->setAccessibleName(texts[i]);
        button->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
        connect(button, &QPushButton::clicked, this, [this, text = texts[i]] { Q_EMIT promptChosen(text); });
        prompts_.append(button);
        column->addWidget(button);
    }
    column->addSpacing(kBelowHeading);
    for (const QString& text :
         {tr("Move a dial at the right while an answer streams: the next token obeys it."),
          tr("The plots below show what each move did to speed and memory."),
          tr("Chats stay on this machine, and each word is saved as it comes. F1 shows the keys.")}) {
        auto* tip = new PlainLabel(text, this);
        tip->setObjectName(u"firstStartTip-%1"_s.arg(tips_.size()));
        tip->setProperty("muted", true);
        tip->setAlignment(Qt::AlignCenter);
        tip->setWordWrap(true);
        tip->hide();
        tips_.append(tip);
        column->addWidget(tip);
    }
    column->addStretch(3);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(24, 12, 24, 12);
    layout->addStretch(1);
    auto* middle = new QWidget(this);
    middle->setLayout(column);
    middle->setMaximumWidth(kPromptsWidest);
    layout->addWidget(middle, 100);
    layout->addStretch(1);
    restyle();
}

void EmptyState::setHint(const QString& hint) {
    hint_->setText(fewLines(hint));
    hint_->setVisible(!hint.isEmpty());
    fit();
}

void EmptyState::setFirstStart(bool first) {
    first_start_ = first;
    fit();
}

void EmptyState::setOffer(QWidget* offer) {
    offer_ = offer;
    column_->insertWidget(column_->indexOf(hint_) + 1, offer);
    fit();
}

/// Shows as many prompts as there is room for, each with as much of its text.
void EmptyState::fit() {
    const QMargins margins = layout()->contentsMargins();
    const int width = std::min(kPromptsWidest, this->width() - margins.left() - margins.right());
    int left = height() - margins.top() - margins.bottom() - kBelowHeading - heading_->heightForWidth(width);
    if (!hint_->isHidden())
        left -= hint_->heightForWidth(width) + kPromptsSpacing;
    if (offer_ && !offer_->isHidden()) {
        const int height =
            offer_->hasHeightForWidth() ? offer_->heightForWidth(width) : offer_->sizeHint().height();
        left -= height + kPromptsSpacing;
    }
    for (QPushButton* button : prompts_) {
        const QString text = button->accessibleName();
        const QString shown =
            button->fontMetrics().elidedText(text, Qt::ElideRight, std::max(0, width - kBesidePrompt));
        button->setText(shown);
        button->setToolTip(shown == text ? QString() : wrappedTip(text));
        left -= button->sizeHint().height() + kPromptsSpacing;
        button->setVisible(left >= 0);
    }
    left -= kBelowHeading;
    for (QLabel* tip : tips_) {
        left -= tip->heightForWidth(width) + kPromptsSpacing;
        tip->setVisible(first_start_ && left >= 0);
    }
}

void EmptyState::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fit();
}

void EmptyState::restyle() {
    QFont font = this->font();
    font.setPointSizeF(font.pointSizeF() * 1.6);
    font.setWeight(QFont::DemiBold);
    if (heading_->font() != font)
        heading_->setFont(font);
    hint_->setForegroundRole(QPalette::PlaceholderText);
    fit();
}

void EmptyState::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        restyle();
}

} // namespace switchyard
