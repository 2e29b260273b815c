#include "app/services/hub/downloads.h"

#include "app/services/hub/download_run.h"
#include "app/services/hub/downloads_memory.h"
#include "engine/base/threads.h"

#include <QElapsedTimer>
#include <QFile>
#include <QNetworkAccessManager>
#include <QSaveFile>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace switchyard {
namespace {

constexpr qsizetype kKept = 20;  ///< downloads that ended
constexpr int kReport = 200;     ///< ms between two words on how far one is
constexpr qint64 kWindow = 5000; ///< ms over which the rate is counted

} // namespace

/// What works on the thread of the downloads.
class DownloadWorker : public QObject {
    /// Bytes a second over the last seconds.
    class Rate {
      public:
        Rate() { clock_.start(); }
        double add(quint64 done) {
            const qint64 now = clock_.elapsed();
            if (!seen_.empty() && done < seen_.back().second)
                seen_.clear(); // begun anew
            seen_.emplace_back(now, done);
            while (seen_.size() > 2 && now - seen_.front().first > kWindow)
                seen_.pop_front();
            const qint64 time = now - seen_.front().first;
            return time < kReport ? 0
                                  : 1000.0 * static_cast<double>(done - seen_.front().second) /
                                        static_cast<double>(time);
        }

      private:
        QElapsedTimer clock_;
        std::deque<std::pair<qint64, quint64>> seen_;
    };

  public:
    explicit DownloadWorker(const DownloadOptions& options) : options_(options) {}

    using Progress = std::function<void(quint64 done, quint64 total, double rate)>;
    using End = std::function<void(const FetchEnd& end)>;

    void begin(DownloadId id, const DownloadOrder& order, Progress progress, End end) {
        if (!net_)
            net_ = std::make_unique<QNetworkAccessManager>();
        Running& run = runs_[id];
        run.run = makeRun(*net_, options_.rules, order, options_.package_index);
        run.report.start();
        DownloadRun* it = run.run.get();
        connect(it, &DownloadRun::moved, this, [&run, it, progress] {
            if (run.said && run.report.elapsed() < kReport)
                return;
            run.said = true;
            run.report.restart();
            progress(it->done(), it->total(), run.rate.add(it->done()));
        });
        connect(it, &DownloadRun::ended, this, [this, id, it, progress, end](const FetchEnd& how) {
            progress(it->done(), it->total(), 0);
            auto ended = runs_.extract(id);
            ended.mapped().run.release()->deleteLater(); // it is speaking
            end(how);
        });
        it->begin();
    }
    void keep(const QByteArray& orders) {
        QSaveFile file(options_.memory);
        if (file.open(QIODevice::WriteOnly)) { // else they are found again by hand
            file.write(orders);
            file.commit();
        }
    }
    void stop(DownloadId id, const DownloadOrder& order, bool forget) {
        if (const auto found = runs_.find(id); found != runs_.end()) {
            found->second.run->stop();
            runs_.erase(found);
        }
        if (forget)
            DownloadRun::forget(order);
    }

  private:
    struct Running {
        std::unique_ptr<DownloadRun> run;
        QElapsedTimer report;
        bool said = false;
        Rate rate;
    };
    const DownloadOptions options_;
    std::unique_ptr<QNetworkAccessManager> net_;
    std::map<DownloadId, Running> runs_; ///< goes before what it uses
};

Downloads::Downloads(DownloadOptions options, QObject* parent)
    : QObject(parent), options_(std::move(options)) {}

Downloads::~Downloads() {
    if (!worker_)
        return;
    worker_->deleteLater();
    thread_.quit();
    thread_.wait();
}

/// Throws Error where the system gives no thread.
DownloadWorker* Downloads::worker() {
    if (!worker_) {
        start_thread([] {}); // Qt would only warn
        worker_ = new DownloadWorker(options_);
        worker_->moveToThread(&thread_);
        thread_.setObjectName(QStringLiteral("downloads"));
        thread_.start();
    }
    return worker_;
}

void Downloads::remember() {
    constexpr qint64 kMost = 4 << 20;
    QFile file(options_.memory);
    if (options_.memory.isEmpty() || !file.open(QIODevice::ReadOnly))
        return;
    for (const DownloadOrder& order : readOrders(file.read(kMost), options_.known)) {
        Download download;
        download.id = next_++;
        download.order = order;
        download.state = DownloadState::Paused;
        download.total = order.bytes();
        for (const QString& path : order.targets())
            download.done += static_cast<quint64>(QFile(partOf(path)).size());
        download.done = std::min(download.done, download.total);
        all_.append(download);
        Q_EMIT changed(download.id);
    }
}

/// Written by the thread of the downloads, which runs where anything has changed.
void Downloads::keep() {
    if (options_.memory.isEmpty() || !worker_)
        return;
    QList<DownloadOrder> orders;
    for (const Download& download : std::as_const(all_)) {
        if (!download.ended() || download.state == DownloadState::Failed)
            orders.append(download.order);
    }
    QMetaObject::invokeMethod(
        worker_, [at = worker_, orders = writeOrders(orders)] { at->keep(orders); }, Qt::QueuedConnection);
}

const Download* Downloads::find(DownloadId id) const {
    const auto found = std::ranges::find(all_, id, &Download::id);
    return found == all_.end() ? nullptr : &*found;
}

Download* Downloads::entry(DownloadId id) { return const_cast<Download*>(std::as_const(*this).find(id)); }

const Download* Downloads::of(const QString& path) const {
    const auto found = std::ranges::find_if(all_, [&](const Download& download) {
        return (!download.ended() || download.state == DownloadState::Failed) &&
               download.order.targets().contains(path);
    });
    return found == all_.end() ? nullptr : &*found;
}

/// Why an order is not begun, as a sentence; "": it may be. Asked each time, whoever wants it begun.
QString Downloads::refusal(const Download& download) const {
    for (const DownloadFile& file : download.order.files) {
        if (const QString kind = fileKindRefusal(file.name); !kind.isEmpty())
            return kind;
        if (plainFileName(file.name) != file.name)
            return tr("The server's name for the file is none that can be stored.");
        if (const QString address = options_.rules.refusal(file.url); !address.isEmpty())
            return address;
    }
    if (const Download* other = rival(download))
        return tr("%1 is being fetched already.").arg(other->order.name);
    return {};
}

/// Another one that has not ended and writes one of the same files; nullptr: none.
const Download* Downloads::rival(const Download& download) const {
    const QStringList targets = download.order.targets();
    const auto found = std::ranges::find_if(all_, [&](const Download& other) {
        const QStringList others = other.order.targets();
        return other.id != download.id && !other.ended() &&
               std::ranges::any_of(targets, [&](const QString& path) { return others.contains(path); });
    });
    return found == all_.end() ? nullptr : &*found;
}

DownloadId Downloads::add(const DownloadOrder& order) {
    Download download;
    download.id = next_++;
    download.order = order;
    download.total = order.bytes();
    download.error = refusal(download);
    if (!download.error.isEmpty())
        download.state = DownloadState::Failed;
    else
        replaceFailed(order.targets());
    all_.append(download);
    Q_EMIT changed(download.id);
    startWaiting();
    keep();
    return download.id;
}

/// One that failed is gone on with by the one that is asked for now.
void Downloads::replaceFailed(const QStringList& targets) {
    std::vector<DownloadId> replaced;
    for (Download& old : all_) {
        if (old.state != DownloadState::Failed || old.order.targets() != targets)
            continue;
        old.state = DownloadState::Cancelled;
        old.read = true;
        replaced.push_back(old.id);
    }
    for (const DownloadId id : replaced)
        Q_EMIT changed(id);
}

void Downloads::startWaiting() {
    while (std::ranges::count(all_, DownloadState::Running, &Download::state) < options_.at_once) {
        const auto waits = std::ranges::find(all_, DownloadState::Waiting, &Download::state);
        if (waits == all_.end())
            return;
        const DownloadId id = waits->id;
        try {
            waits->error = refusal(*waits);
            if (waits->error.isEmpty())
                start(*waits);
            else
                waits->state = DownloadState::Failed;
        } catch (const std::exception& error) { // no thread
            waits->state = DownloadState::Failed;
            waits->error = tr("Nothing can be fetched now: %1").arg(QString::fromUtf8(error.what()));
        }
        Q_EMIT changed(id); // who hears it may add more
    }
}

void Downloads::start(Download& download) {
    DownloadWorker* at = worker();
    const DownloadId id = download.id;
    const int serial = serials_[id] = ++serial_;
    download.state = DownloadState::Running;
    const auto home = [this](auto what) { QMetaObject::invokeMethod(this, what, Qt::QueuedConnection); };
    const auto progress = [this, home, id, serial](quint64 done, quint64 total, double rate) {
        home([this, id, serial, done, total, rate] { takeProgress(id, serial, done, total, rate); });
    };
    const auto end = [this, home, id, serial](const FetchEnd& how) {
        home([this, id, serial, how] { takeEnd(id, serial, how.error, how.verified); });
    };
    QMetaObject::invokeMethod(
        at, [at, id, order = download.order, progress, end] { at->begin(id, order, progress, end); },
        Qt::QueuedConnection);
}

void Downloads::stop(const Download& download, bool forget) {
    serials_.remove(download.id);
    DownloadWorker* at = worker_;
    try {
        at = forget ? worker() : at;
    } catch (const std::exception&) {
        return; // no thread: what came stays
    }
    if (at)
        QMetaObject::invokeMethod(
            at, [at, id = download.id, order = download.order, forget] { at->stop(id, order, forget); },
            Qt::QueuedConnection);
}

void Downloads::pause(DownloadId id) {
    Download* download = entry(id);
    if (!download || (download->state != DownloadState::Running && download->state != DownloadState::Waiting))
        return;
    stop(*download, false);
    download->state = DownloadState::Paused;
    download->rate = 0;
    Q_EMIT changed(id);
    startWaiting();
}

void Downloads::resume(DownloadId id) {
    Download* download = entry(id);
    if (!download || (download->state != DownloadState::Paused && download->state != DownloadState::Failed))
        return;
    download->state = DownloadState::Waiting;
    download->error.clear();
    download->read = false;
    Q_EMIT changed(id);
    startWaiting();
}

void Downloads::cancel(DownloadId id) {
    Download* download = entry(id);
    if (!download || download->state == DownloadState::Done || download->state == DownloadState::Cancelled)
        return;
    // What another one fetches is not this one's, and nothing that was refused was ever there.
    stop(*download, refusal(*download).isEmpty());
    download->state = DownloadState::Cancelled;
    download->rate = 0;
    download->read = true; // what was asked for is no news
    Q_EMIT changed(id);
    startWaiting();
    keep();
}

void Downloads::markRead(DownloadId id) {
    Download* download = entry(id);
    if (!download || !download->ended() || std::exchange(download->read, true))
        return;
    Q_EMIT changed(id);
}

void Downloads::takeProgress(DownloadId id, int serial, quint64 done, quint64 total, double rate) {
    Download* download = entry(id);
    if (!download || serials_.value(id) != serial)
        return;
    download->done = done;
    download->total = total;
    download->rate = rate;
    Q_EMIT changed(id);
}

void Downloads::takeEnd(DownloadId id, int serial, const QString& error, bool verified) {
    Download* download = entry(id);
    if (!download || serials_.value(id) != serial)
        return;
    serials_.remove(id);
    download->state = error.isEmpty() ? DownloadState::Done : DownloadState::Failed;
    download->error = error;
    download->verified = error.isEmpty() && verified;
    download->rate = 0;
    if (error.isEmpty())
        download->done = download->total;
    const bool done = error.isEmpty();
    while (std::ranges::count_if(all_, &Download::ended) > kKept)
        all_.erase(std::ranges::find_if(all_, &Download::ended));
    Q_EMIT changed(id);
    if (done)
        Q_EMIT finished(id);
    startWaiting();
    keep();
}

} // namespace switchyard
