// Models that are being fetched: several at once, each with progress, a pause, and what became of it. Nothing
// is asked of the network before the first is added.
#pragma once

#include "app/services/hub/download.h"
#include "app/services/hub/web_rules.h"

#include <QHash>
#include <QObject>
#include <QPointer>
#include <QThread>

#include <memory>

namespace switchyard {

class DownloadWorker;
class HubToken;
struct FetchEnd;

struct DownloadOptions {
    WebRules rules;
    QUrl package_index{QStringLiteral("https://pypi.org/simple/")};
    int at_once = 3;
    QList<KnownModel> known; ///< that are offered by themselves
    QString memory; ///< file in which those that have not ended are kept for the next start; "": nowhere
};

class Downloads : public QObject {
    Q_OBJECT
  public:
    explicit Downloads(DownloadOptions options = {}, QObject* parent = nullptr);
    ~Downloads() override; ///< ends what runs; what came stays for the next time

    /// Where the hub's token is taken from each time that one begins: it is kept with none.
    void setToken(HubToken& token);
    /// Those of the last time come back paused, or failed as they had; the network is asked for nothing.
    void remember();
    /// Where a file of it is no model file, or is fetched already, it fails at once and says why. One of the
    /// same files that is paused goes on as this one does; one that failed is replaced.
    DownloadId add(const DownloadOrder& order);
    void pause(DownloadId id);
    /// Goes on with one that is paused or failed.
    void resume(DownloadId id);
    /// What came of it is removed.
    void cancel(DownloadId id);
    void markRead(DownloadId id); ///< how it ended was seen
    /// Oldest first; the last ones that ended are kept.
    const QList<Download>& all() const { return all_; }
    const Download* find(DownloadId id) const; ///< nullptr: not there, or not kept any more
    /// One that has not ended and will give the file at `path`; nullptr: none.
    const Download* running(const QString& path) const;
    /// One that failed to give it; nullptr: none.
    const Download* failed(const QString& path) const;
    const DownloadOptions& options() const { return options_; }

  Q_SIGNALS:
    void changed(switchyard::DownloadId id);    ///< it was added, went on, ended or was read
    void progressed(switchyard::DownloadId id); ///< more of it is there, some times a second
    void finished(switchyard::DownloadId id);   ///< it is whole, under its own name

  private:
    Download* entry(DownloadId id);
    QString refusal(const Download& download) const;
    QString orderRefusal(const DownloadOrder& order) const;
    const Download* rival(const Download& download) const;
    const Download* of(const QString& path, bool failed) const;
    DownloadId revive(const DownloadOrder& order);
    void replaceFailed(const QStringList& targets);
    void endAs(Download& download, DownloadState how);
    void dropOld();
    void startWaiting();
    void keep();
    void start(Download& download);
    void stop(const Download& download, bool forget);
    void takeProgress(DownloadId id, int serial, quint64 done, quint64 total, double rate);
    void takeEnd(DownloadId id, int serial, const FetchEnd& how);
    bool waitForToken(DownloadId id, int serial, const FetchEnd& how);
    void takeToken();
    DownloadWorker* worker();

    const DownloadOptions options_;
    QList<Download> all_;
    QHash<DownloadId, int> serials_;     ///< of the run that is heard
    QHash<DownloadId, QString> unknown_; ///< errors of those that wait for the token to be known
    QPointer<HubToken> token_;
    DownloadId next_ = 1;
    quint64 ends_ = 0;
    int serial_ = 0;
    QThread thread_;
    DownloadWorker* worker_ = nullptr; ///< lives in the thread; made with the first download
};

} // namespace switchyard
