// One download under way, on the thread of the downloads.
#pragma once

#include "app/services/hub/download.h"
#include "app/services/hub/file_fetch.h"

#include <QSet>

#include <memory>

namespace switchyard {

class DownloadRun : public QObject {
    Q_OBJECT
  public:
    /// `net` must outlive it. `token`: of the hub; "": none.
    DownloadRun(QNetworkAccessManager& net, WebRules rules, DownloadOrder order, QByteArray token);
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
    /// A file that has its name already, and is the right one: of an end in the midst of finish().
    void keepNamed(const QString& path) { named_.insert(path); }
    /// Gives every file its name, or none; nothing is overwritten.
    void finish(bool verified);
    void fail(const FetchEnd& end);
    void fail(const QString& error) { fail(FetchEnd{error}); }

    QNetworkAccessManager& net_;
    const WebRules rules_;
    const DownloadOrder order_;
    const QByteArray token_;

  private:
    QString inTheWay() const;
    QString full() const;
    QSet<QString> named_;
};

/// The run that the order takes.
std::unique_ptr<DownloadRun> makeRun(QNetworkAccessManager& net, const WebRules& rules,
                                     const DownloadOrder& order, const QByteArray& token,
                                     const QUrl& package_index);

} // namespace switchyard
