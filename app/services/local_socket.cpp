#include "app/services/local_socket.h"

#include <QFile>
#include <QFileInfo>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace switchyard {

namespace {

/// The address of a path. One that is too long for an address (108 bytes) is named through its open folder.
class SocketAddress {
  public:
    explicit SocketAddress(const QString& path) {
        QByteArray name = QFile::encodeName(path);
        if (static_cast<size_t>(name.size()) >= sizeof address_.sun_path) {
            const QFileInfo info(path);
            folder_ = ::open(QFile::encodeName(info.path()).constData(), O_PATH | O_DIRECTORY | O_CLOEXEC);
            name = "/proc/self/fd/" + QByteArray::number(folder_) + '/' + QFile::encodeName(info.fileName());
        }
        fits_ = static_cast<size_t>(name.size()) < sizeof address_.sun_path;
        address_.sun_family = AF_UNIX;
        if (fits_)
            std::memcpy(address_.sun_path, name.constData(), static_cast<size_t>(name.size()));
    }
    ~SocketAddress() {
        if (folder_ >= 0)
            ::close(folder_);
    }
    SocketAddress(const SocketAddress&) = delete;
    SocketAddress& operator=(const SocketAddress&) = delete;

    bool fits() const { return fits_; }
    const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
    static constexpr socklen_t kSize = sizeof(sockaddr_un);

  private:
    sockaddr_un address_{};
    int folder_ = -1;
    bool fits_ = false;
};

int newSocket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

bool waitFor(int socket, short events, const QDeadlineTimer& deadline) {
    for (;;) {
        pollfd wanted{socket, events, 0};
        const int left = static_cast<int>(std::clamp<qint64>(deadline.remainingTime(), 0, 60000));
        const int ready = ::poll(&wanted, 1, left);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

} // namespace

int listenAt(const QString& path) {
    const SocketAddress address(path);
    const QByteArray name = QFile::encodeName(path);
    struct stat status {};
    if (::lstat(name.constData(), &status) == 0 && S_ISSOCK(status.st_mode) && status.st_uid == geteuid())
        ::unlink(name.constData());
    const int socket = address.fits() ? newSocket() : -1;
    if (socket < 0)
        return -1;
    const mode_t mask = ::umask(0177); // from its first moment nobody else's
    const bool bound = ::bind(socket, address.address(), SocketAddress::kSize) == 0;
    ::umask(mask);
    constexpr int kWaiting = 8;
    if (bound && ::listen(socket, kWaiting) == 0)
        return socket;
    ::close(socket);
    return -1;
}

int connectTo(const QString& path, const QDeadlineTimer& deadline) {
    const SocketAddress address(path);
    const int socket = address.fits() ? newSocket() : -1;
    if (socket < 0)
        return -1;
    while (::connect(socket, address.address(), SocketAddress::kSize) != 0) {
        // EAGAIN: others wait there too, and nobody takes them in.
        if ((errno != EAGAIN && errno != EINTR) || deadline.hasExpired()) {
            ::close(socket);
            return -1;
        }
        constexpr useconds_t kPause = 20000;
        ::usleep(kPause);
    }
    return socket;
}

bool isPeerOwn(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

bool sendAll(int socket, const QByteArray& bytes, const QDeadlineTimer& deadline) {
    qsizetype sent = 0;
    while (sent < bytes.size()) {
        const ssize_t count =
            ::send(socket, bytes.constData() + sent, static_cast<size_t>(bytes.size() - sent), MSG_NOSIGNAL);
        if (count > 0)
            sent += count;
        else if ((errno != EAGAIN && errno != EINTR) || !waitFor(socket, POLLOUT, deadline))
            return false;
    }
    return true;
}

QByteArray receive(int socket, qsizetype most, const QDeadlineTimer& deadline) {
    QByteArray all;
    while (all.size() < most) {
        char bytes[256];
        const size_t wanted = std::min(sizeof bytes, static_cast<size_t>(most - all.size()));
        const ssize_t count = ::recv(socket, bytes, wanted, 0);
        if (count > 0)
            all.append(bytes, count);
        else if (count == 0 || (errno != EAGAIN && errno != EINTR) || !waitFor(socket, POLLIN, deadline))
            break;
    }
    return all;
}

} // namespace switchyard
