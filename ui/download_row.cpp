#include "ui/download_row.h"

#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kBarSteps = 1000; ///< of a progress bar

QString timeLeft(double seconds) {
    const int whole = static_cast<int>(std::min(seconds, 1e8));
    if (whole < 90)
        return DownloadRow::tr("%n second(s) left", nullptr, std::max(1, whole));
    if (whole < 90 * 60)
        return DownloadRow::tr("%n minute(s) left", nullptr, (whole + 30) / 60);
    return DownloadRow::tr("%n hour(s) left", nullptr, (whole + 1800) / 3600);
}

/// One that failed stays until it is tried again or cancelled: something of it may lie on the disk.
bool isShown(const Download* download) {
    return download && download->state != DownloadState::Cancelled &&
           (download->state != DownloadState::Done || !download->read);
}

QString amount(const Download& download) {
    return download.total > 0
               ? DownloadRow::tr("%1 of %2").arg(downloadSize(download.done), downloadSize(download.total))
               : downloadSize(download.done);
}

} // namespace

QString downloadStateText(const Download& download) {
    switch (download.state) {
    case DownloadState::Waiting:
        return DownloadRow::tr("Waits for its turn");
    case DownloadState::Running: {
        QStringList said{amount(download)};
        if (download.rate > 0)
            said.append(DownloadRow::tr("%1/s").arg(downloadSize(static_cast<quint64>(download.rate))));
        if (const double seconds = download.secondsLeft(); seconds >= 0)
            said.append(timeLeft(seconds));
        return said.join(u" · "_s);
    }
    case DownloadState::Paused:
        return DownloadRow::tr("Paused · %1").arg(amount(download));
    case DownloadState::Done:
        return download.verified ? DownloadRow::tr("Done, and checked by its SHA-256.")
                                 : DownloadRow::tr("Done. No SHA-256 was announced to check it by.");
    case DownloadState::Failed:
        return download.error;
    case DownloadState::Cancelled:
        return DownloadRow::tr("Cancelled; what had come was removed.");
    }
    return {};
}

DownloadRow::DownloadRow(Downloads& downloads, DownloadId id, const QString& name, bool may_load,
                         QWidget* parent)
    : QWidget(parent), downloads_(downloads), id_(id), may_load_(may_load) {
    setObjectName(u"%1.%2"_s.arg(name).arg(id));
    const Download* download = downloads.find(id);
    title_ = new PlainLabel(oneLine(download ? download->order.name : QString(), 80), this);
    title_->setWordWrap(true);
    state_ = new PlainLabel(this);
    state_->setObjectName(objectName() + u".state"_s);
    state_->setProperty("small", true);
    state_->setWordWrap(true);
    bar_ = new QProgressBar(this);
    bar_->setObjectName(objectName() + u".progress"_s);
    bar_->setRange(0, kBarSteps);
    bar_->setTextVisible(false);
    bar_->setAccessibleName(tr("Progress of %1").arg(title_->text()));
    pause_ = addButton(u"pause"_s, tr("Pause"));
    resume_ = addButton(u"resume"_s, tr("Go on"));
    load_ = addButton(u"load"_s, tr("Load"));
    cancel_ = addButton(u"cancel"_s, tr("Cancel"));
    close_ = addButton(u"close"_s, tr("Close"));
    auto* top = new QHBoxLayout;
    top->setSpacing(6);
    top->addWidget(title_, 1);
    for (QToolButton* button : {pause_, resume_, load_, cancel_, close_})
        top->addWidget(button, 0, Qt::AlignTop);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addLayout(top);
    layout->addWidget(bar_);
    layout->addWidget(state_);
    connect(pause_, &QToolButton::clicked, this, [this] { downloads_.pause(id_); });
    connect(resume_, &QToolButton::clicked, this, [this] { downloads_.resume(id_); });
    connect(cancel_, &QToolButton::clicked, this, [this] { downloads_.cancel(id_); });
    connect(close_, &QToolButton::clicked, this, [this] { downloads_.markRead(id_); });
    connect(load_, &QToolButton::clicked, this, [this] {
        if (const Download* done = downloads_.find(id_))
            Q_EMIT loadRequested(done->order.opens());
    });
    connect(&downloads_, &Downloads::changed, this, [this](DownloadId changed) {
        if (changed == id_)
            showState();
    });
    connect(&downloads_, &Downloads::progressed, this, [this](DownloadId changed) {
        if (changed == id_)
            showState();
    });
    showState();
}

QToolButton* DownloadRow::addButton(const QString& name, const QString& text) {
    auto* button = new QToolButton(this);
    button->setObjectName(objectName() + u'.' + name);
    button->setText(text);
    button->setProperty("action", true);
    button->setAccessibleName(u"%1: %2"_s.arg(title_->text(), text));
    return button;
}

void DownloadRow::showState() {
    const Download* download = downloads_.find(id_);
    if (!download)
        return;
    const DownloadState state = download->state;
    state_->setText(fewLines(downloadStateText(*download)));
    setLook(state_, "error", state == DownloadState::Failed);
    setLook(state_, "muted", state != DownloadState::Failed);
    bar_->setValue(static_cast<int>(kBarSteps * download->share()));
    bar_->setVisible(state == DownloadState::Running || state == DownloadState::Paused ||
                     state == DownloadState::Waiting);
    resume_->setText(state == DownloadState::Failed ? tr("Try again") : tr("Go on"));
    const std::pair<QToolButton*, bool> buttons[] = {
        {pause_, state == DownloadState::Running || state == DownloadState::Waiting},
        {resume_, state == DownloadState::Paused || state == DownloadState::Failed},
        {load_, may_load_ && state == DownloadState::Done},
        {cancel_, state != DownloadState::Done && state != DownloadState::Cancelled},
        {close_, state == DownloadState::Done}};
    for (const auto& [button, shown] : buttons) {
        if (shown)
            button->show();
    }
    // Who pressed one that goes now stands on what takes its place, not on the next one: that cancels.
    const auto heir = std::ranges::find_if(buttons, [](const auto& each) { return each.second; });
    for (const auto& [button, shown] : buttons) {
        if (shown)
            continue;
        if (button->hasFocus() && heir != std::end(buttons))
            heir->first->setFocus();
        button->hide();
    }
}

void DownloadRow::takeFocus() {
    for (QToolButton* button : {pause_, resume_, load_, cancel_, close_}) {
        if (!button->isHidden())
            return button->setFocus();
    }
}

DownloadList::DownloadList(Downloads& downloads, const QString& name, bool may_load, QWidget* parent)
    : QWidget(parent), downloads_(downloads), name_(name), may_load_(may_load) {
    setObjectName(name);
    layout_ = new QVBoxLayout(this);
    layout_->setContentsMargins(0, 0, 0, 0);
    layout_->setSpacing(12);
    connect(&downloads_, &Downloads::changed, this, &DownloadList::show);
    for (const Download& download : downloads.all())
        show(download.id);
    setVisible(!rows_.empty());
}

void DownloadList::show(DownloadId id) {
    std::erase_if(rows_, [this](const auto& row) {
        const bool gone = !isShown(downloads_.find(row.first));
        if (gone)
            row.second->deleteLater();
        return gone;
    });
    const Download* download = downloads_.find(id);
    if (isShown(download) && !rows_.contains(id)) {
        auto* row = new DownloadRow(downloads_, id, name_, may_load_, this);
        connect(row, &DownloadRow::loadRequested, this, &DownloadList::loadRequested);
        layout_->insertWidget(0, row); // the newest on top
        rows_.emplace(id, row);
    }
    setVisible(!rows_.empty());
}

} // namespace switchyard
