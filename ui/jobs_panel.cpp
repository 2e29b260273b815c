#include "ui/jobs_panel.h"

#include "ui/download_row.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QCoreApplication>
#include <QEvent>
#include <QHBoxLayout>
#include <QProgressBar>
#include <QScreen>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kPanelWidth = 380;
constexpr int kSteps = 1000; ///< of a progress bar

/// The engine says what it is at in these words.
[[maybe_unused]] const char* const kStages[] = {
    QT_TRANSLATE_NOOP("JobStages", "writing calibration text"),
    QT_TRANSLATE_NOOP("JobStages", "ranking neurons"),
    QT_TRANSLATE_NOOP("JobStages", "grouping neurons"),
    QT_TRANSLATE_NOOP("JobStages", "training routers"),
    QT_TRANSLATE_NOOP("JobStages", "writing"),
};

QString fileName(const QString& path) { return path.section(u'/', -1); }

QString titleOf(const CarveTask& task) { return JobsPanel::tr("Carving %1").arg(fileName(task.in)); }

QString titleOf(const QuantizeTask& task) {
    const std::string_view type = traits(task.type).name;
    return JobsPanel::tr("Writing %1 in %2")
        .arg(fileName(task.in), QString::fromLatin1(type.data(), static_cast<qsizetype>(type.size())));
}

int percent(const Job& job) { return static_cast<int>(100 * job.share); }

template <typename Work>
bool isNews(const Work& work) {
    return !work.ended() || !work.read;
}

} // namespace

QString jobTitle(const JobTask& task) {
    return std::visit([](const auto& one) { return titleOf(one); }, task);
}

QString jobStateText(const Job& job) {
    switch (job.state) {
    case JobState::Waiting:
        return JobsPanel::tr("Waits for its turn");
    case JobState::Running:
        return job.stage.isEmpty()
                   ? JobsPanel::tr("Starting")
                   : JobsPanel::tr("%1 · %2 %")
                         .arg(QCoreApplication::translate("JobStages", job.stage.toUtf8().constData()))
                         .arg(percent(job));
    case JobState::Done:
        return JobsPanel::tr("Done: %1").arg(fileName(outputOf(job.task)));
    case JobState::Failed:
        return job.error;
    case JobState::Cancelled:
        return JobsPanel::tr("Stopped; nothing was written.");
    }
    return {};
}

// ---- The list ----

JobsPanel::JobsPanel(JobQueue& jobs, Downloads& downloads, QWidget* parent)
    : QFrame(parent, Qt::Popup), jobs_(jobs), downloads_(downloads) {
    setObjectName(u"jobs"_s);
    setProperty("surface", true);
    setAttribute(Qt::WA_StyledBackground);
    setFrameShape(QFrame::StyledPanel);
    setAccessibleName(tr("Jobs"));
    setFixedWidth(kPanelWidth);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(14, 10, 14, 12);
    layout->setSpacing(10);
    auto* title = new PlainLabel(tr("Jobs"), this);
    title->setProperty("heading", true);
    layout->addWidget(title);
    layout->addWidget(new DownloadList(downloads, u"jobs.download"_s, false, this));
    rows_layout_ = new QVBoxLayout;
    rows_layout_->setSpacing(12);
    layout->addLayout(rows_layout_);
    connect(&jobs_, &JobQueue::changed, this, &JobsPanel::show);
    for (const Job& job : jobs_.jobs())
        show(job.id);
}

JobsPanel::Row JobsPanel::makeRow(const Job& job) {
    Row row;
    row.widget = new QWidget(this);
    row.widget->setObjectName(u"jobs.%1"_s.arg(job.id));
    row.title = new PlainLabel(oneLine(jobTitle(job.task)), row.widget);
    row.title->setWordWrap(true);
    row.state = new PlainLabel(row.widget);
    row.state->setObjectName(u"jobs.%1.state"_s.arg(job.id));
    row.state->setProperty("small", true);
    row.state->setWordWrap(true);
    row.bar = new QProgressBar(row.widget);
    row.bar->setObjectName(u"jobs.%1.progress"_s.arg(job.id));
    row.bar->setRange(0, kSteps);
    row.bar->setTextVisible(false);
    row.bar->setAccessibleName(tr("Progress of %1").arg(row.title->text()));
    row.cancel = new QToolButton(row.widget);
    row.cancel->setObjectName(u"jobs.%1.cancel"_s.arg(job.id));
    row.cancel->setText(tr("Cancel"));
    row.cancel->setAccessibleName(tr("Cancel %1").arg(row.title->text()));
    connect(row.cancel, &QToolButton::clicked, this, [this, id = job.id] { jobs_.cancel(id); });
    auto* top = new QHBoxLayout;
    top->addWidget(row.title, 1);
    top->addWidget(row.cancel);
    auto* layout = new QVBoxLayout(row.widget);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addLayout(top);
    layout->addWidget(row.bar);
    layout->addWidget(row.state);
    rows_layout_->insertWidget(0, row.widget); // the newest on top
    return row;
}

void JobsPanel::show(JobId id) {
    for (auto row = rows_.begin(); row != rows_.end();) { // what is not kept any more goes
        if (jobs_.job(row->first)) {
            ++row;
            continue;
        }
        row->second.widget->deleteLater();
        row = rows_.erase(row);
    }
    const Job* job = jobs_.job(id);
    if (!job)
        return;
    auto found = rows_.find(id);
    if (found == rows_.end())
        found = rows_.emplace(id, makeRow(*job)).first;
    const Row& row = found->second;
    row.state->setText(fewLines(jobStateText(*job)));
    setLook(row.state, "error", job->state == JobState::Failed);
    setLook(row.state, "muted", job->state != JobState::Failed);
    row.bar->setValue(static_cast<int>(kSteps * job->share));
    row.bar->setVisible(job->state == JobState::Running);
    row.cancel->setVisible(!job->ended());
}

bool JobsPanel::event(QEvent* event) {
    const bool done = QFrame::event(event);
    if (event->type() == QEvent::LayoutRequest && isVisible() && button_) {
        adjustSize();
        place(*button_);
    }
    return done;
}

void JobsPanel::showAt(const QWidget& button) {
    button_ = &button;
    adjustSize();
    place(button);
    QFrame::show();
    adjustSize(); // labels that break their lines know their height once shown
    place(button);
}

void JobsPanel::place(const QWidget& button) {
    const QRect screen = button.screen()->availableGeometry();
    QPoint corner = button.mapToGlobal(QPoint(button.width() - width(), -height() - 4));
    corner.setX(std::clamp(corner.x(), screen.left(), std::max(screen.left(), screen.right() - width())));
    corner.setY(std::max(corner.y(), screen.top()));
    move(corner);
}

void JobsPanel::hideEvent(QHideEvent* event) {
    QFrame::hideEvent(event);
    std::vector<JobId> seen;
    for (const Job& job : jobs_.jobs()) {
        if (job.ended())
            seen.push_back(job.id);
    }
    for (const JobId id : seen)
        jobs_.markRead(id);
    std::vector<DownloadId> fetched;
    for (const Download& download : downloads_.all()) {
        if (download.ended() && download.state != DownloadState::Failed) // that waits to be tried again
            fetched.push_back(download.id);
    }
    for (const DownloadId id : fetched)
        downloads_.markRead(id);
}

// ---- Its button ----

JobsButton::JobsButton(JobQueue& jobs, Downloads& downloads, QWidget* parent)
    : QToolButton(parent), jobs_(jobs), downloads_(downloads),
      panel_(new JobsPanel(jobs, downloads, window())) {
    setObjectName(u"status.jobs"_s);
    setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setAutoRaise(true);
    setAccessibleName(tr("Jobs")); // while it has nothing to say it has no text either
    setAccessibleDescription(tr("Opens the list of jobs"));
    connect(this, &QToolButton::clicked, panel_, [this] { panel_->showAt(*this); });
    connect(&jobs_, &JobQueue::changed, this, &JobsButton::showState);
    connect(&downloads_, &Downloads::changed, this, &JobsButton::showState);
    connect(&downloads_, &Downloads::progressed, this, &JobsButton::showState);
    showState();
}

/// One line for all: what failed before what runs before what is done.
void JobsButton::showState() {
    const QList<Job>& all = jobs_.jobs();
    const QList<Download>& fetched = downloads_.all();
    const auto count = [&](JobState job, DownloadState download) {
        return static_cast<int>(
            std::ranges::count_if(all, [job](const Job& one) { return one.state == job && !one.read; }) +
            std::ranges::count_if(
                fetched, [download](const Download& one) { return one.state == download && !one.read; }));
    };
    const auto running = std::ranges::find(all, JobState::Running, &Job::state);
    const int failed = count(JobState::Failed, DownloadState::Failed);
    QString text;
    if (failed > 0)
        text = tr("%n job(s) failed", nullptr, failed);
    else if (running != all.end())
        text = u"%1 · %2 %"_s.arg(jobTitle(running->task)).arg(percent(*running));
    else if (const QString fetching = downloadsText(); !fetching.isEmpty())
        text = fetching;
    else if (const int done = count(JobState::Done, DownloadState::Done); done > 0)
        text = tr("%n job(s) done", nullptr, done);
    setText(menuText(fontMetrics().elidedText(oneLine(text), Qt::ElideMiddle, 260)));
    setIcon(themedIcon(failed > 0 ? u"warning"_s : u"chip"_s));
    setVisible(std::ranges::any_of(all, isNews<Job>) || std::ranges::any_of(fetched, isNews<Download>));
}

/// "Downloading NAME · 42 %"; of several, how much of all is there.
QString JobsButton::downloadsText() const {
    quint64 done = 0, total = 0;
    int count = 0, paused = 0;
    QString name;
    for (const Download& download : downloads_.all()) {
        if (download.ended())
            continue;
        paused += download.state == DownloadState::Paused ? 1 : 0;
        ++count;
        done += download.done;
        total += download.total;
        name = download.order.name;
    }
    if (count == 0)
        return {};
    const int share = total > 0 ? static_cast<int>(100 * done / total) : 0;
    if (paused == count)
        return tr("%n download(s) paused", nullptr, count);
    return u"%1 · %2 %"_s
        .arg(count == 1 ? tr("Downloading %1").arg(name) : tr("%n downloads", nullptr, count))
        .arg(share);
}

} // namespace switchyard
