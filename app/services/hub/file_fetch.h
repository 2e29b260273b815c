// One file from a server to the disk: written beside its target under a name of its own, gone on with where
// it broke off (only of the same file, by its ETag, and from the byte that was asked for), and checked as it
// comes.
#pragma once

#include "app/services/hub/web_get.h"

#include <QCryptographicHash>
#include <QFile>
#include <QObject>
#include <QTimer>

#include <memory>

namespace switchyard {

struct FetchOrder {
    QUrl url;
    QString path;        ///< as it is to be called when it is whole
    quint64 bytes = 0;   ///< 0: not known before
    QByteArray sha256{}; ///< in hexadecimal digits; "": not known before
    QByteArray token{};  ///< of the hub
    bool named = false;  ///< it has its name already: it is only looked whether it is the right one
};

/// How something ended: well where `error` is empty.
struct FetchEnd {
    QString error;         ///< a sentence with cause and way on
    QByteArray sha256{};   ///< of the file that is there now
    bool verified = false; ///< the sum was known before, and is this one
    bool refused = false;  ///< the server wants to know who asks
};

class FileFetch : public QObject {
    Q_OBJECT
  public:
    /// Both must outlive it. Nothing happens before begin().
    FileFetch(QNetworkAccessManager& net, const WebRules& rules, FetchOrder order, QObject* parent = nullptr);
    void begin();
    /// Ends it; what came stays for the next time. ended() does not follow.
    void stop();
    quint64 done() const { return done_; } ///< bytes that are there
    /// Of the whole file; 0: not known yet.
    quint64 total() const { return total_; }
    /// Removes what is left of a file that will not be fetched on.
    static void forget(const QString& path);
    /// Why so many bytes more are not fetched into the folder, as a sentence; "": there is room.
    static QString roomRefusal(const WebRules& rules, const QString& folder, const QString& name,
                               quint64 needed);

  Q_SIGNALS:
    void moved();
    /// Whole: it is there as partOf(path), beside its note.
    void ended(const switchyard::FetchEnd& end);

  private:
    bool open();
    bool openNamed();
    void drop();
    void hashOn();
    void ask();
    void takeAnswer();
    bool fitsLength();
    void takeHead(bool all);
    bool takeFull();
    bool takeRest();
    void takeBeyond();
    bool checkRoom();
    void takeBytes();
    void takeEnd(const QString& error, bool broke_off);
    void check();
    void startOver();
    void writeNote(const QByteArray& etag);
    void readNote();
    void fail(const FetchEnd& end);
    void fail(const QString& error) { fail(FetchEnd{error}); }

    QNetworkAccessManager& net_;
    const WebRules& rules_;
    const FetchOrder order_;
    QFile file_;
    QCryptographicHash hash_{QCryptographicHash::Sha256};
    QByteArray etag_, announced_;
    quint64 done_ = 0, hashed_ = 0, total_ = 0, coming_ = 0, best_ = 0;
    int tries_ = 0, asked_to_wait_ = 0; ///< ms, by the server
    bool head_ = false; ///< a whole file begins to come: it is looked at before what is there goes
    bool over_ = false; ///< it was begun anew already for a sum that was wrong
    std::unique_ptr<WebGet> get_;
    QTimer again_, slice_;
};

/// Has the disk keep what was written: before a name says that it is there. false: it could not.
bool flushToDisk(QFile& file);
void flushFolder(const QString& folder);

} // namespace switchyard
