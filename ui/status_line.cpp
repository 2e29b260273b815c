#include "ui/status_line.h"

#include "engine/base/memory.h"
#include "ui/expert_text.h"
#include "ui/jobs_panel.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr int kMemoryInterval = 1000; ///< ms
constexpr double kSmoothing = 0.1;    ///< share of the newest token in the shown rate
} // namespace

StatusLine::StatusLine(CurrentModel& current, Devices& devices, ChatController& controller, JobQueue& jobs,
                       Downloads& downloads, QWidget* parent)
    : QStatusBar(parent), current_(current), devices_(devices), controller_(controller) {
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
    place_ = new QWidget(this);
    auto* place = new QHBoxLayout(place_);
    place->setContentsMargins(0, 0, 0, 0);
    addWidget(place_);
    memory_ = add(u"status.memory"_s, tr("Memory in use"), 0);
    card_ = add(u"status.card"_s, tr("Memory of the card in use"), 0);
    activity_ = add(u"status.activity"_s, tr("What is going on"), 1);
    activity_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    jobs_ = new JobsButton(jobs, downloads, this);
    addPermanentWidget(jobs_);
    memory_timer_.setInterval(kMemoryInterval);
    connect(&memory_timer_, &QTimer::timeout, this, &StatusLine::sampleMemory);
    memory_timer_.start();
    sampleMemory();
    connectServices();
    showModel();
    showCard();
}

void StatusLine::connectServices() {
    connect(&current_, &CurrentModel::stateChanged, this, [this] {
        load_share_ = 0;
        showModel();
        devices_.poll();
    });
    connect(&current_, &CurrentModel::loadProgress, this, [this](double share) {
        load_share_ = share;
        showActivity();
    });
    connect(&current_, &CurrentModel::recodeProgress, this, [this](quint32 done, quint32 total) {
        recode_done_ = done;
        recode_total_ = total;
        showActivity();
    });
    connect(&current_, &CurrentModel::recodeFailed, this, [this] {
        recode_done_ = recode_total_ = 0; // it does not go on by itself
        showActivity();
    });
    connect(&devices_, &Devices::readingChanged, this, &StatusLine::showCard);
    connect(&controller_, &ChatController::threadChanged, this, &StatusLine::showRun);
    connect(&controller_, &ChatController::runChanged, this, &StatusLine::showRun);
    connect(&controller_, &ChatController::runEvents, this,
            [this](ConversationId id, const std::vector<RunEvent>& events) {
                if (id == controller_.current())
                    addEvents(events);
            });
}

void StatusLine::setPart(QWidget* part) {
    if (part_)
        part_->hide();
    part_ = part;
    if (part) {
        place_->layout()->addWidget(part);
        part->show();
    }
    fit();
}

bool StatusLine::event(QEvent* event) {
    const bool done = QStatusBar::event(event);
    if (jobs_ && (event->type() == QEvent::LayoutRequest || event->type() == QEvent::Resize))
        fit();
    return done;
}

/// Where there is no room for everything, what can be done without is left out before a word is cut.
void StatusLine::fit() {
    constexpr int kGap = 10; // between two parts, and at both ends
    const auto width_of = [](const QWidget* part) { return part->sizeHint().width() + kGap; };
    int left = width() - kGap - width_of(model_) - width_of(activity_);
    if (!jobs_->isHidden())
        left -= width_of(jobs_);
    const auto show = [&](QWidget* part, bool wanted) {
        const bool fits = wanted && width_of(part) <= left;
        part->setVisible(fits);
        if (fits)
            left -= width_of(part);
    };
    show(place_, part_ != nullptr);
    show(card_, devices_.reading().known());
    show(memory_, !memory_->text().isEmpty());
}

void StatusLine::sampleMemory() {
    if (const std::uint64_t resident = process_memory().resident(); resident > 0)
        memory_->setText(u"·\u2003"_s + tr("RAM %1").arg(sizeText(resident)));
    if (isVisible())
        devices_.poll();
}

/// What we have of the card's memory, and what there is; others' share stands in the hint.
void StatusLine::showCard() {
    const CardReading& card = devices_.reading();
    QString text = u"·\u2003"_s + tr("VRAM %1 of %2").arg(sizeText(card.taken), sizeText(card.memory));
    QString tip = tr("%1: %2 free. This program has %3.")
                      .arg(current_.capabilities().device, sizeText(card.memory_free), sizeText(card.taken));
    if (card.experts) {
        if (const QString found = expertsFoundText(card.experts->traffic); !found.isEmpty())
            text += u"  ·  "_s + found;
        tip += u'\n' + expertsTip(*card.experts);
    }
    card_->setText(text);
    card_->setToolTip(plainTip(tip));
    fit();
}

void StatusLine::showModel() {
    const QString name = shownModelName(current_.capabilities().model_name);
    model_->setText(current_.state() == ModelState::Ready
                        ? fontMetrics().elidedText(oneLine(name), Qt::ElideMiddle, 300)
                        : tr("no model"));
    showActivity();
}

void StatusLine::showRun() {
    const RunStatus* run = controller_.run(controller_.current());
    if (const RunId id = run ? run->run : 0; id != run_) {
        run_ = id;
        rate_ = 0;
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

QString StatusLine::runText(const RunStatus& run) const {
    const QLocale locale;
    switch (run.phase) {
    case RunStatus::Phase::Queued:
        return current_.state() == ModelState::Ready ? tr("waiting for its turn")
                                                     : tr("waiting for the model");
    case RunStatus::Phase::Prefill:
        return tr("reading the prompt, %1 of %2 tokens")
            .arg(locale.toString(run.prefill_done), locale.toString(run.prefill_total));
    case RunStatus::Phase::Decoding:
        return rate_ > 0 ? tr("answering, %1 tokens/s").arg(locale.toString(rate_, 'f', rate_ < 10 ? 1 : 0))
                         : tr("answering");
    }
    return {};
}

void StatusLine::showActivity() {
    QStringList parts;
    if (current_.state() == ModelState::Loading)
        parts << tr("loading the model, %1 %").arg(static_cast<int>(100 * load_share_));
    if (recode_done_ < recode_total_)
        parts << tr("re-encoding weights, %1 %").arg(100 * static_cast<qint64>(recode_done_) / recode_total_);
    if (const RunStatus* run = controller_.run(controller_.current()))
        parts << runText(*run);
    const QList<ConversationSummary>& chats = controller_.list().chats();
    const auto elsewhere = std::count_if(chats.begin(), chats.end(), [this](const ConversationSummary& chat) {
        return chat.generating && chat.id != controller_.current();
    });
    if (elsewhere > 0)
        parts << tr("%n other chat(s) answering", nullptr, static_cast<int>(elsewhere));
    if (parts.isEmpty() && current_.state() == ModelState::Ready)
        parts << tr("ready");
    activity_->setText(parts.join(u"  ·  "_s));
}

} // namespace switchyard
