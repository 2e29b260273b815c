#include "ui/tuning/carve_panel.h"

#include "ui/jobs_panel.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
CarvePanel::CarvePanel(QWidget* parent) : QWidget(parent) {
    setObjectName(u"carve"_s);
    text_ = new PlainLabel(this);
    text_->setObjectName(u"carve.text"_s);
    text_->setWordWrap(true);
    text_->setProperty("small", true);
    text_->setProperty("muted", true);
    bar_ = new QProgressBar(this);
    bar_->setObjectName(u"carve.progress"_s);
    bar_->setRange(0, 1000);
    bar_->setTextVisible(false);
    bar_->setAccessibleName(tr("Progress of carving"));
    carve_ = new QPushButton(themedIcon(u"carve"_s), tr("Carve this model"), this);
    carve_->setObjectName(u"carve.start"_s);
    carve_->setAccessibleDescription(tr("Makes a copy of the model with experts of its own neurons"));
    cancel_ = new QPushButton(tr("Cancel"), this);
    cancel_->setObjectName(u"carve.cancel"_s);
    open_ = new QPushButton(tr("Open the carved model"), this);
    open_->setObjectName(u"carve.open"_s);
    open_->setProperty("primary", true);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(carve_);
    buttons->addWidget(cancel_);
    buttons->addWidget(open_);
    buttons->addStretch();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 2, 0, 4);
    layout->setSpacing(6);
    layout->addWidget(text_);
    layout->addWidget(bar_);
    layout->addLayout(buttons);
    connect(carve_, &QPushButton::clicked, this, &CarvePanel::carveRequested);
    connect(cancel_, &QPushButton::clicked, this, &CarvePanel::cancelRequested);
    connect(open_, &QPushButton::clicked, this, [this] { Q_EMIT openRequested(result_); });
    setRunning(false);
}

void CarvePanel::setRunning(bool running) {
    running_ = running;
    // A hidden button would hand its focus to the next dial, and the next key would move it.
    const QWidget* focus = window()->focusWidget();
    const bool focused = focus && (focus == carve_ || focus == cancel_ || focus == open_);
    carve_->setVisible(!running && result_.isEmpty());
    cancel_->setVisible(running);
    bar_->setVisible(running);
    open_->setVisible(!running && !result_.isEmpty());
    if (focused)
        (running ? cancel_ : result_.isEmpty() ? carve_ : open_)->setFocus();
}

void CarvePanel::setReason(const QString& model, const QString& why) {
    const bool other = std::exchange(model_, model) != model;
    why_ = why;
    if (!running_ && (other || !told_))
        showReason();
}

void CarvePanel::showReason() {
    told_ = false;
    result_.clear();
    setRunning(false);
    setLook(text_, "error", false);
    text_->setText(why_);
}

void CarvePanel::show(const Job& job) {
    if (job.ended() && inputOf(job.task) != model_) {
        showReason(); // of another model by now: the list of jobs says what became of it
        return;
    }
    told_ = true;
    result_ = job.state == JobState::Done ? outputOf(job.task) : QString();
    setRunning(!job.ended());
    bar_->setValue(static_cast<int>(bar_->maximum() * job.share));
    setLook(text_, "error", job.state == JobState::Failed);
    text_->setText(fewLines(jobStateText(job)));
}

} // namespace switchyard
