#include "ui/status_line.h"
#include "engine/base/memory.h"

#include "ui/models/model_picker.h"
#include "ui/plain_text.h"

#include <QLabel>
#include <QLocale>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr int kMemoryInterval = 1000; ///< ms
constexpr double kSmoothing = 0.1;    ///< share of the newest token in the shown rate
} // namespace

StatusLine::StatusLine(QWidget* parent) : QStatusBar(parent) {
    setObjectName(u"status"_s);
    setSizeGripEnabled(false);
    const auto add = [this](const QString& name, const QString& title, int stretch) {
        auto* label = new PlainLabel(this);
        label->setObjectName(name);
        label->setAccessibleName(title);
        addWidget(label, stretch);
        return label;
    };
    model_ = add(u"status.model"_s, tr("Model in use"), 0);
    context_ = add(u"status.context"_s, tr("Context used"), 0);
    memory_ = add(u"status.memory"_s, tr("Memory in use"), 0);
    activity_ = add(u"status.activity"_s, tr("What is going on"), 1);
    activity_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    memory_timer_.setInterval(kMemoryInterval);
    connect(&memory_timer_, &QTimer::timeout, this, &StatusLine::sampleMemory);
    memory_timer_.start();
    sampleMemory();
    setModel(ModelState::None, {});
}

void StatusLine::sampleMemory() {
    if (const std::uint64_t resident = process_memory().resident(); resident > 0)
        memory_->setText(u"·  "_s + tr("RAM %1").arg(sizeText(resident)));
}

void StatusLine::setModel(ModelState state, const Capabilities& capabilities) {
    state_ = state;
    context_total_ = capabilities.context;
    load_share_ = 0;
    model_->setText(
        state == ModelState::Ready
            ? fontMetrics().elidedText(oneLine(shownModelName(capabilities.model_name)), Qt::ElideMiddle, 300)
            : tr("no model"));
    showContext();
    showActivity();
}

void StatusLine::setLoading(double share) {
    load_share_ = share;
    showActivity();
}

void StatusLine::setRecoding(quint32 done, quint32 total) {
    recode_done_ = done;
    recode_total_ = total;
    showActivity();
}

void StatusLine::setCarving(bool running, double share) {
    carving_ = running;
    carve_share_ = share;
    showActivity();
}

void StatusLine::setRun(const RunStatus* run, int elsewhere) {
    const bool was_running = running_;
    running_ = run != nullptr;
    elsewhere_ = elsewhere;
    if (run) {
        if (!was_running || run->run != run_.run)
            rate_ = 0;
        run_ = *run;
    }
    showActivity();
}

void StatusLine::addEvents(const std::vector<RunEvent>& events) {
    for (const RunEvent& event : events) {
        if (event.kind == RunEvent::Kind::Token && event.token.latency_ms > 0) {
            const double now = 1000.0 / event.token.latency_ms;
            rate_ = rate_ > 0 ? rate_ + kSmoothing * (now - rate_) : now;
        }
    }
    showActivity();
}

void StatusLine::setContextUsed(int tokens) {
    context_used_ = tokens;
    showContext();
}

void StatusLine::showContext() {
    const QLocale locale;
    context_->setVisible(context_total_ > 0);
    context_->setText(
        u"·  "_s +
        tr("context %1 / %2").arg(locale.toString(context_used_), locale.toString(context_total_)));
}

QString StatusLine::activity() const { return activity_->text(); }

void StatusLine::showActivity() {
    const QLocale locale;
    QStringList parts;
    if (state_ == ModelState::Loading)
        parts << tr("loading the model, %1 %").arg(static_cast<int>(100 * load_share_));
    if (carving_)
        parts << tr("carving, %1 %").arg(static_cast<int>(100 * carve_share_));
    if (recode_done_ < recode_total_)
        parts << tr("re-encoding weights, %1 %").arg(100 * static_cast<qint64>(recode_done_) / recode_total_);
    if (running_) {
        switch (run_.phase) {
        case RunStatus::Phase::Queued:
            parts << (state_ == ModelState::Ready ? tr("waiting for its turn") : tr("waiting for the model"));
            break;
        case RunStatus::Phase::Prefill:
            parts << tr("reading the prompt, %1 of %2 tokens")
                         .arg(locale.toString(run_.prefill_done), locale.toString(run_.prefill_total));
            break;
        case RunStatus::Phase::Decoding:
            parts << (rate_ > 0
                          ? tr("answering, %1 tokens/s").arg(locale.toString(rate_, 'f', rate_ < 10 ? 1 : 0))
                          : tr("answering"));
            break;
        }
    }
    if (elsewhere_ > 0)
        parts << tr("%n other chat(s) answering", nullptr, elsewhere_);
    if (parts.isEmpty())
        parts << (state_ == ModelState::Ready ? tr("ready") : QString());
    activity_->setText(parts.join(u"  ·  "_s));
}

} // namespace switchyard
