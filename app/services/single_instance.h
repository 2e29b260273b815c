// One program a data folder: a second start hands what it was asked for to the first, over a socket that only
// the same user may use.
#pragma once

#include "app/services/folder_lock.h"

#include <QObject>
#include <QString>

#include <list>

class QSocketNotifier;

namespace switchyard {

/// What a second start passes on.
struct StartRequest {
    QString model;      ///< path; empty: none
    QString prompt;     ///< empty: none
    QString activation; ///< the desktop's token that lets a window come to the front; empty: none
};

/// As it travels: 4 bytes of length, big-endian, then JSON. Empty where it is longer than kLongestRequest.
QByteArray packRequest(const StartRequest& request);
/// The JSON; false where it is no request. Control characters are taken out of the token.
bool unpackRequest(const QByteArray& json, StartRequest& request);
inline constexpr quint32 kLongestRequest = 1 << 20; ///< bytes of JSON

class SingleInstance : public QObject {
    Q_OBJECT
  public:
    enum class Claim {
        First,      ///< this is the first program of the folder, or the folder cannot be written
        HandedOver, ///< the first one has the request and acts on it
        Hangs,      ///< there is a first one, but it does not answer, and will not act on the request
        TooLong,    ///< the request is longer than can be passed on
        Elsewhere,  ///< on another computer
        Blocked     ///< the lock file is none, or another user's
    };

    explicit SingleInstance(const QString& data_folder, QObject* parent = nullptr);
    ~SingleInstance() override;

    /// Becomes the first, or passes the request to it and waits for its answer, at most `patience` ms.
    Claim claim(const StartRequest& request = {}, int patience = 5000);
    /// After claim(): a sentence for stderr; empty after First.
    const QString& sentence() const { return sentence_; }

  Q_SIGNALS:
    void requested(const switchyard::StartRequest& request);

  private:
    struct Peer;
    void listen();
    bool bindAt(const QString& folder);
    void accept();
    void read(Peer& peer);
    void readRequest(Peer& peer);
    void act(Peer& peer);
    void expire(Peer& peer);
    void drop(Peer& peer);

    QString folder_, sentence_, socket_path_;
    FolderLock lock_;
    int socket_ = -1;
    QSocketNotifier* notifier_ = nullptr;
    std::list<Peer> peers_;
};

} // namespace switchyard
