#include "app/services/single_instance.h"

#include "app/services/local_files.h"
#include "app/services/local_socket.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSocketNotifier>
#include <QTimer>
#include <QtEndian>

#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {

namespace {

constexpr qsizetype kLengthBytes = 4;
constexpr int kMostPeers = 8;
constexpr int kPeerPatience = 5000; ///< ms for a whole request and its confirmation
// The first one says that it is there, and acts when the other confirms: who has given up meanwhile, and has
// said so, does not.
const QByteArray kReady = QByteArrayLiteral("ready\n");
const QByteArray kConfirmed = QByteArrayLiteral("do it\n");

/// The user's own folder for sockets; empty where there is none that nobody else can write to.
QString runtimeFolder() {
    const QByteArray folder = qgetenv("XDG_RUNTIME_DIR");
    struct stat status {};
    if (folder.isEmpty() || ::stat(folder.constData(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return {};
    return QFile::decodeName(folder);
}

/// The socket of a process that was killed.
void removeLeftSocket(const QString& path) {
    const QString name = QFileInfo(path).fileName();
    struct stat status {};
    if (name.startsWith(QLatin1String("switchyard-")) && name.endsWith(QLatin1String(".socket")) &&
        ::lstat(QFile::encodeName(path).constData(), &status) == 0 && S_ISSOCK(status.st_mode))
        QFile::remove(path);
}

} // namespace

QByteArray packRequest(const StartRequest& request) {
    const QByteArray json = QJsonDocument(QJsonObject{{QStringLiteral("model"), request.model},
                                                      {QStringLiteral("prompt"), request.prompt},
                                                      {QStringLiteral("activation"), request.activation}})
                                .toJson(QJsonDocument::Compact);
    if (static_cast<size_t>(json.size()) > kLongestRequest)
        return {};
    QByteArray bytes(kLengthBytes, '\0');
    qToBigEndian(static_cast<quint32>(json.size()), bytes.data());
    return bytes + json;
}

bool unpackRequest(const QByteArray& json, StartRequest& request) {
    const QJsonDocument document = QJsonDocument::fromJson(json);
    if (!document.isObject())
        return false;
    const auto text = [&document](const QString& key) { return document.object().value(key).toString(); };
    request = {text(QStringLiteral("model")), text(QStringLiteral("prompt")),
               text(QStringLiteral("activation"))};
    constexpr qsizetype kLongestToken = 512;
    request.activation.removeIf([](QChar c) { return c < QLatin1Char(' ') || c > QLatin1Char('~'); });
    request.activation.truncate(kLongestToken);
    return true;
}

/// One connection while its request comes in, and until it is confirmed.
struct SingleInstance::Peer {
    int socket;
    QSocketNotifier* notifier;
    QTimer* limit;
    QByteArray bytes;                    ///< what came and was not used yet
    std::optional<StartRequest> request; ///< once it is whole: kReady was sent
};

SingleInstance::SingleInstance(const QString& data_folder, QObject* parent)
    : QObject(parent), folder_(data_folder),
      lock_(QDir(data_folder).filePath(QStringLiteral("switchyard.lock"))) {}

SingleInstance::~SingleInstance() {
    while (!peers_.empty())
        drop(peers_.front());
    if (socket_ < 0)
        return;
    ::close(socket_);
    QFile::remove(socket_path_);
}

// ---- The second start ----

SingleInstance::Claim SingleInstance::claim(const StartRequest& request, int patience) {
    makePrivateFolder(folder_);
    const QDeadlineTimer deadline(patience);
    const QByteArray bytes = packRequest(request);
    do {
        switch (lock_.take()) {
        case FolderLock::State::Mine:
            removeLeftSocket(lock_.holder().note);
            listen();
            return Claim::First;
        case FolderLock::State::NoFolder:
            return Claim::First;
        case FolderLock::State::Elsewhere:
            sentence_ =
                QStringLiteral(
                    "the computer %1 uses this data folder; end the program there first, or delete %2 "
                    "if it does not run there any more")
                    .arg(lock_.holder().host, lock_.path());
            return Claim::Elsewhere;
        case FolderLock::State::Blocked:
            sentence_ = QStringLiteral(
                            "%1 is not this program's lock file or cannot be opened; move it away, or choose "
                            "another folder with --data-dir")
                            .arg(lock_.path());
            return Claim::Blocked;
        case FolderLock::State::Held:
            break;
        }
        if (bytes.isEmpty()) {
            sentence_ = QStringLiteral(
                "already running with this data folder, and the prompt is too long to be passed on");
            return Claim::TooLong;
        }
        // The lock says where the first one listens: in a folder of this user's, or the lock is not read.
        const int socket = lock_.holder().note.isEmpty() ? -1 : connectTo(lock_.holder().note, deadline);
        const bool taken = socket >= 0 && isPeerOwn(socket) && sendAll(socket, bytes, deadline) &&
                           receive(socket, kReady.size(), deadline) == kReady &&
                           sendAll(socket, kConfirmed, deadline);
        if (socket >= 0)
            ::close(socket);
        if (taken) {
            sentence_ =
                request.model.isEmpty() && request.prompt.isEmpty()
                    ? QStringLiteral("already running with this data folder; its window was raised")
                    : QStringLiteral(
                          "already running with this data folder; its window was raised and does what "
                          "was asked for");
            return Claim::HandedOver;
        }
        constexpr useconds_t kPause = 50000;
        ::usleep(kPause); // it may just begin or end
    } while (!deadline.hasExpired());
    sentence_ =
        QStringLiteral(
            "already running with this data folder (%1, process %2), but it does not answer; wait, or "
            "end that process and start again")
            .arg(lock_.holder().program)
            .arg(lock_.holder().pid);
    return Claim::Hangs;
}

// ---- The first ----

void SingleInstance::listen() {
    const QString runtime = runtimeFolder();
    if ((runtime.isEmpty() || !bindAt(runtime)) && !bindAt(QDir(folder_).absolutePath()))
        return; // a file system without sockets: a second start says that this one does not answer
    lock_.setNote(socket_path_);
    notifier_ = new QSocketNotifier(socket_, QSocketNotifier::Read, this);
    connect(notifier_, &QSocketNotifier::activated, this, &SingleInstance::accept);
}

bool SingleInstance::bindAt(const QString& folder) {
    const QString name = QStringLiteral("switchyard-%1.socket").arg(getpid());
    const QString path = QDir(folder).filePath(name);
    socket_ = listenAt(path);
    if (socket_ >= 0)
        socket_path_ = path;
    return socket_ >= 0;
}

void SingleInstance::accept() {
    const int socket = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return;
    if (!isPeerOwn(socket) || peers_.size() >= kMostPeers) {
        ::close(socket);
        return;
    }
    auto* notifier = new QSocketNotifier(socket, QSocketNotifier::Read, this);
    auto* limit = new QTimer(notifier);
    Peer& peer = peers_.emplace_back(Peer{socket, notifier, limit, {}, {}});
    connect(notifier, &QSocketNotifier::activated, this, [this, &peer] { read(peer); });
    limit->setSingleShot(true);
    connect(limit, &QTimer::timeout, this, [this, &peer] { expire(peer); });
    limit->start(kPeerPatience);
}

void SingleInstance::read(Peer& peer) {
    char bytes[16384]; // a turn of the event loop reads no more
    const ssize_t count = ::recv(peer.socket, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return drop(peer);
    peer.bytes.append(bytes, count);
    if (!peer.request)
        return readRequest(peer);
    if (peer.bytes == kConfirmed)
        return act(peer);
    if (!kConfirmed.startsWith(peer.bytes))
        drop(peer);
}

/// Asks for the confirmation where the request is whole.
void SingleInstance::readRequest(Peer& peer) {
    if (peer.bytes.size() < kLengthBytes)
        return;
    const auto length = qFromBigEndian<quint32>(peer.bytes.constData());
    if (length > kLongestRequest || peer.bytes.size() > kLengthBytes + static_cast<qsizetype>(length))
        return drop(peer);
    if (peer.bytes.size() < kLengthBytes + static_cast<qsizetype>(length))
        return;
    StartRequest request;
    if (!unpackRequest(peer.bytes.mid(kLengthBytes), request))
        return drop(peer);
    peer.bytes.clear();
    peer.request = std::move(request);
    if (!sendAll(peer.socket, kReady, QDeadlineTimer(0)))
        drop(peer);
}

void SingleInstance::act(Peer& peer) {
    const StartRequest request = std::move(*peer.request);
    drop(peer);
    Q_EMIT requested(request);
}

/// A confirmation that was sent counts, however long this process slept before it came to read it: its sender
/// has ended with success. From the shutdown on none can be sent.
void SingleInstance::expire(Peer& peer) {
    ::shutdown(peer.socket, SHUT_RD);
    if (peer.request && peer.bytes + receive(peer.socket, kConfirmed.size(), QDeadlineTimer(0)) == kConfirmed)
        return act(peer);
    drop(peer);
}

void SingleInstance::drop(Peer& peer) {
    peer.notifier->setEnabled(false);
    peer.limit->stop(); // both may be due in this turn of the event loop
    peer.notifier->deleteLater();
    ::close(peer.socket);
    peers_.remove_if([&peer](const Peer& other) { return &other == &peer; });
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_single_instance.cpp"
