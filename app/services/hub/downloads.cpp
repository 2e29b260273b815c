#include "app/services/hub/downloads.h"

#include "app/services/hub/download_run.h"
#include "app/services/hub/downloads_memory.h"
#include "app/services/hub/hub_token.h"
#include "app/services/local_files.h"
#include "engine/base/threads.h"

#include <QElapsedTimer>
#include <QFile>
#include <QNetworkAccessManager>
#include <QSaveFile>
#include <QStorageInfo>

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

    void begin(DownloadId id, const DownloadOrder& order, const QByteArray& token, Progress progress,
               End end) {
        if (!net_)
            net_ = std::make_unique<QNetworkAccessManager>();
        WebRules rules = options_.rules;
        rules.free_space = [this, id](const QString& folder) { return freeFor(id, folder); };
        Running& run = runs_[id];
        run.folder = order.folder;
        run.run = makeRun(*net_, rules, order, token, options_.package_index);
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
            commitWhole(file);
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

    /// All that was asked for before is done; then the thread ends.
    void quit() {
        runs_.clear();
        net_.reset();
        thread()->quit();
    }

  private:
    /// What others that run have still to write to the same disk is not free.
    qint64 freeFor(DownloadId id, const QString& folder) const {
        const qint64 free = options_.rules.free_space(folder);
        const QByteArray disk = QStorageInfo(folder).device();
        quint64 promised = 0;
        for (const auto& [other, running] : runs_) {
            const quint64 done = running.run->done(), total = running.run->total();
            if (other != id && total > done && QStorageInfo(running.folder).device() == disk)
                promised += total - done;
        }
        return free < 0 ? free : free - static_cast<qint64>(std::min(promised, static_cast<quint64>(free)));
    }

    struct Running {
        QString folder;
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
    QMetaObject::invokeMethod(
        worker_, [at = worker_] { at->quit(); }, Qt::QueuedConnection);
    thread_.wait();
}

/// Throws Error where the system gives no thread.
DownloadWorker* Downloads::worker() {
    if (!worker_) {
        start_thread([] {}); // Qt would only warn
        worker_ = new DownloadWorker(options_);
        worker_->moveToThread(&thread_);
        connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
        thread_.setObjectName(QStringLiteral("downloads"));
        thread_.start();
    }
    return worker_;
}

void Downloads::setToken(HubToken& token) {
    token_ = &token;
    connect(&token, &HubToken::changed, this, &Downloads::takeToken);
}

void Downloads::remember() {
    constexpr qint64 kMost = 4 << 20;
    QFile file(options_.memory);
    if (options_.memory.isEmpty() || !file.open(QIODevice::ReadOnly))
        return;
    for (const auto& [order, error] : readOrders(file.read(kMost), options_.known)) {
        Download download;
        download.id = next_++;
        download.order = order;
        download.state = DownloadState::Paused;
        if (download.error = error; !error.isEmpty())
            endAs(download, DownloadState::Failed);
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
    QList<KeptDownload> kept;
    for (const Download& download : std::as_const(all_)) {
        if (!download.ended() || download.state == DownloadState::Failed)
            kept.append({download.order, download.error});
    }
    QMetaObject::invokeMethod(
        worker_, [at = worker_, orders = writeOrders(kept)] { at->keep(orders); }, Qt::QueuedConnection);
}

const Download* Downloads::find(DownloadId id) const {
    const auto found = std::ranges::find(all_, id, &Download::id);
    return found == all_.end() ? nullptr : &*found;
}

Download* Downloads::entry(DownloadId id) { return const_cast<Download*>(std::as_const(*this).find(id)); }

const Download* Downloads::of(const QString& path, bool failed) const {
    const auto found = std::ranges::find_if(all_, [&](const Download& download) {
        return (failed ? download.state == DownloadState::Failed : !download.ended()) &&
               download.order.targets().contains(path);
    });
    return found == all_.end() ? nullptr : &*found;
}

const Download* Downloads::running(const QString& path) const { return of(path, false); }

const Download* Downloads::failed(const QString& path) const { return of(path, true); }

/// Why an order is not begun, as a sentence; "": it may be. Asked each time, whoever wants it begun.
QString Downloads::refusal(const Download& download) const {
    if (const QString wrong = orderRefusal(download.order); !wrong.isEmpty())
        return wrong;
    if (const Download* other = rival(download))
        return tr("%1 is being fetched already.").arg(other->order.name);
    return {};
}

QString Downloads::orderRefusal(const DownloadOrder& order) const {
    for (const DownloadFile& file : order.files) {
        if (const QString kind = fileKindRefusal(file.name); !kind.isEmpty())
            return kind;
        if (plainFileName(file.name) != file.name)
            return tr("The server's name for the file is none that can be stored.");
        if (const QString address = options_.rules.refusal(file.url); !address.isEmpty())
            return address;
    }
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
    if (const DownloadId paused = revive(order); paused != 0)
        return paused;
    Download download;
    download.id = next_++;
    download.order = order;
    download.total = order.bytes();
    download.error = refusal(download);
    if (!download.error.isEmpty())
        endAs(download, DownloadState::Failed);
    else
        replaceFailed(order.targets());
    all_.append(download);
    Q_EMIT changed(download.id);
    startWaiting();
    keep();
    return download.id;
}

/// One of the same files that is paused goes on, by the order that is newer; 0: there is none.
DownloadId Downloads::revive(const DownloadOrder& order) {
    const QStringList targets = order.targets();
    const auto paused = std::ranges::find_if(all_, [&](const Download& download) {
        return download.state == DownloadState::Paused && download.order.targets() == targets;
    });
    if (paused == all_.end() || !orderRefusal(order).isEmpty())
        return 0;
    const DownloadId id = paused->id;
    paused->order = order;
    resume(id);
    keep();
    return id;
}

/// One that failed is gone on with by the one that is asked for now.
void Downloads::replaceFailed(const QStringList& targets) {
    std::vector<DownloadId> replaced;
    for (Download& old : all_) {
        if (old.state != DownloadState::Failed || old.order.targets() != targets)
            continue;
        endAs(old, DownloadState::Cancelled);
        old.read = true;
        replaced.push_back(old.id);
    }
    for (const DownloadId id : replaced)
        Q_EMIT changed(id);
}

void Downloads::endAs(Download& download, DownloadState how) {
    download.state = how;
    download.rate = 0;
    download.ended_as = ++ends_;
}

/// Those that ended first go; not those that failed, of which something may lie on the disk.
void Downloads::dropOld() {
    const auto old = [](const Download& download) {
        return download.ended() && download.state != DownloadState::Failed;
    };
    while (std::ranges::count_if(all_, old) > kKept) {
        auto first = all_.end();
        for (auto it = all_.begin(); it != all_.end(); ++it) {
            if (old(*it) && (first == all_.end() || it->ended_as < first->ended_as))
                first = it;
        }
        all_.erase(first);
    }
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
                endAs(*waits, DownloadState::Failed);
        } catch (const std::exception& error) { // no thread
            endAs(*waits, DownloadState::Failed);
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
        home([this, id, serial, how] { takeEnd(id, serial, how); });
    };
    QMetaObject::invokeMethod(
        at,
        [at, id, order = download.order, token = token_ ? token_->value() : QByteArray(), progress, end] {
            at->begin(id, order, token, progress, end);
        },
        Qt::QueuedConnection);
}

void Downloads::stop(const Download& download, bool forget) {
    serials_.remove(download.id);
    unknown_.remove(download.id);
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
    keep(); // why it failed before is told no more
}

void Downloads::cancel(DownloadId id) {
    Download* download = entry(id);
    if (!download || download->state == DownloadState::Done || download->state == DownloadState::Cancelled)
        return;
    // What another one fetches is not this one's, and nothing that was refused was ever there.
    stop(*download, refusal(*download).isEmpty());
    endAs(*download, DownloadState::Cancelled);
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
    Q_EMIT progressed(id);
}

void Downloads::takeEnd(DownloadId id, int serial, const FetchEnd& how) {
    Download* download = entry(id);
    if (!download || serials_.value(id) != serial || waitForToken(id, serial, how))
        return;
    serials_.remove(id);
    const bool done = how.error.isEmpty();
    endAs(*download, done ? DownloadState::Done : DownloadState::Failed);
    download->error = how.error;
    download->verified = done && how.verified;
    if (done)
        download->done = download->total;
    dropOld();
    Q_EMIT changed(id);
    if (done)
        Q_EMIT finished(id);
    startWaiting();
    keep();
}

/// The server wants a token, and the keyring was not asked for one yet.
bool Downloads::waitForToken(DownloadId id, int serial, const FetchEnd& how) {
    const auto hubs = [this](const DownloadFile& file) { return options_.rules.mayHaveToken(file.url); };
    if (!how.refused || !token_ || token_->answered() || !std::ranges::any_of(find(id)->order.files, hubs))
        return false;
    unknown_.insert(id, how.error);
    token_->ask();
    // A keyring may answer at once; then it went on, or ended.
    return serials_.value(id) != serial || unknown_.contains(id);
}

/// The token is known now: what waited for it begins with it, or ends.
void Downloads::takeToken() {
    if (!token_ || !token_->answered())
        return;
    const QHash<DownloadId, QString> waited = std::exchange(unknown_, {});
    for (auto it = waited.begin(); it != waited.end(); ++it) {
        Download* download = entry(it.key());
        if (!download)
            continue;
        if (token_->value().isEmpty())
            takeEnd(it.key(), serials_.value(it.key()), {it.value()});
        else
            start(*download);
    }
}

} // namespace switchyard
