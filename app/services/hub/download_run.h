// One download under way, on the thread of the downloads.
#pragma once

#include "app/services/hub/download.h"
#include "app/services/hub/file_fetch.h"
#include "app/services/hub/wheel.h"

#include <memory>

namespace switchyard {

class DownloadRun : public QObject {
    Q_OBJECT
  public:
    /// Both must outlive it.
    DownloadRun(QNetworkAccessManager& net, const WebRules& rules, DownloadOrder order);
    void begin();
    virtual void stop() = 0; ///< what came stays; ended() does not follow
    virtual quint64 done() const = 0;
    virtual quint64 total() const { return order_.bytes(); }
    /// Removes what is not whole of a download that will not be gone on with.
    static void forget(const DownloadOrder& order);

  Q_SIGNALS:
    void moved();
    void ended(const switchyard::FetchEnd& end);

  protected:
    virtual void next() = 0;
    std::unique_ptr<FileFetch> fetch(const FetchOrder& order);
    /// Gives every file its name; nothing is overwritten.
    void finish(bool verified);
    void fail(const QString& error);

    QNetworkAccessManager& net_;
    const WebRules& rules_;
    const DownloadOrder order_;
};

/// The run that the order takes.
std::unique_ptr<DownloadRun> makeRun(QNetworkAccessManager& net, const WebRules& rules,
                                     const DownloadOrder& order, const QUrl& package_index);

} // namespace switchyard
