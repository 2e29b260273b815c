#include "app/desktop/session_bus.h"

#include <QByteArray>
#include <QtGlobal>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#ifdef Q_OS_LINUX
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#endif

namespace switchyard {

#ifdef Q_OS_LINUX
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kVariable[] = "DBUS_SESSION_BUS_ADDRESS";

/// A connection that is given up at a point of time.
class Line {
  public:
    explicit Line(Clock::time_point end) : end_(end) {}
    ~Line() {
        if (socket_ >= 0)
            ::close(socket_);
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    enum class Ends { Refused, InTime, TooLate };
    /// Refused: nobody listens there. TooLate: somebody does, and has had no room for another caller.
    Ends connect(const sockaddr_un& address, socklen_t size) {
        socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (socket_ < 0)
            return Ends::Refused;
        const auto* at = reinterpret_cast<const sockaddr*>(&address);
        int failed = 0;
        do { // waits for room as long as it may send
            const auto left = std::chrono::duration_cast<std::chrono::microseconds>(end_ - Clock::now());
            if (left.count() <= 0)
                return Ends::TooLate;
            const timeval limit{left.count() / 1'000'000, left.count() % 1'000'000};
            if (::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
                return Ends::Refused;
            failed = ::connect(socket_, at, size) == 0 ? 0 : errno;
        } while (failed == EINTR);
        return failed == 0 ? Ends::InTime : failed == EAGAIN ? Ends::TooLate : Ends::Refused;
    }
    bool write(const QByteArray& bytes) const {
        return ::send(socket_, bytes.constData(), static_cast<std::size_t>(bytes.size()),
                      MSG_NOSIGNAL | MSG_DONTWAIT) == bytes.size();
    }
    /// Something that came, or that the other side has hung up, in time.
    bool answered(QByteArray& bytes) const {
        pollfd waits{socket_, POLLIN, 0};
        int ready = -1;
        do {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now()).count();
            if (left <= 0)
                return false;
            ready = ::poll(&waits, 1, static_cast<int>(left));
        } while (ready < 0 && errno == EINTR);
        if (ready <= 0)
            return false;
        char buffer[512];
        const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
        bytes = size > 0 ? QByteArray(buffer, static_cast<qsizetype>(size)) : QByteArray();
        return true;
    }

  private:
    Clock::time_point end_;
    int socket_ = -1;
};

void putNumber(QByteArray& message, std::size_t number) {
    for (int shift = 0; shift < 32; shift += 8)
        message.append(static_cast<char>(number >> shift & 0xFF));
}

void pad(QByteArray& message) {
    while (message.size() % 8 != 0)
        message.append('\0');
}

/// The call that every connection begins with: it asks for a name.
QByteArray hello() {
    QByteArray fields;
    const auto put = [&fields](char field, char type, const char* value) {
        pad(fields);
        fields.append(field).append('\1').append(type).append('\0');
        putNumber(fields, std::strlen(value));
        fields.append(value).append('\0');
    };
    put(1, 'o', "/org/freedesktop/DBus");
    put(6, 's', "org.freedesktop.DBus");
    put(2, 's', "org.freedesktop.DBus");
    put(3, 's', "Hello");
    QByteArray message("l\1\0\1", 4); // little-endian, a call, no flags, version 1
    putNumber(message, 0);            // nothing behind the head
    putNumber(message, 1);            // the first one
    putNumber(message, static_cast<std::size_t>(fields.size()));
    message.append(fields);
    pad(message);
    return message;
}

/// "unix:path=/run/user/1000/bus,guid=..."; of several the first. Others than those of this kind are not
/// asked.
bool socketOf(const QByteArray& addresses, sockaddr_un& address, socklen_t& size) {
    QByteArray first = addresses.split(';').first();
    if (!first.startsWith("unix:"))
        return false;
    for (const QByteArray& pair : first.mid(5).split(',')) {
        const bool abstract = pair.startsWith("abstract=");
        if (!abstract && !pair.startsWith("path="))
            continue;
        const QByteArray name = (abstract ? QByteArray(1, '\0') : QByteArray()) +
                                QByteArray::fromPercentEncoding(pair.mid(pair.indexOf('=') + 1));
        if (name.size() >= static_cast<qsizetype>(sizeof address.sun_path))
            return false;
        address = {};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.constData(), static_cast<std::size_t>(name.size()));
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                      static_cast<std::size_t>(name.size()) + (abstract ? 0 : 1));
        return true;
    }
    return false;
}

/// Whether somebody is there who says nothing. Who refuses us answers, too.
bool isSilent(const QByteArray& addresses, std::chrono::milliseconds limit) {
    sockaddr_un address;
    socklen_t size = 0;
    Line line(Clock::now() + limit);
    if (!socketOf(addresses, address, size))
        return false;
    if (const Line::Ends connected = line.connect(address, size); connected != Line::Ends::InTime)
        return connected == Line::Ends::TooLate;
    const QByteArray user = QByteArray::number(static_cast<qulonglong>(::getuid())).toHex();
    QByteArray answer;
    if (!line.write(QByteArray(1, '\0') + "AUTH EXTERNAL " + user + "\r\n") || !line.answered(answer))
        return true;
    if (!answer.startsWith("OK"))
        return false;
    return !line.write("BEGIN\r\n" + hello()) || !line.answered(answer);
}

} // namespace

void leaveSilentBus(std::chrono::milliseconds limit) {
    QByteArray addresses = qgetenv(kVariable);
    if (const QByteArray runtime = qgetenv("XDG_RUNTIME_DIR"); addresses.isEmpty() && !runtime.isEmpty())
        addresses = "unix:path=" + runtime + "/bus"; // where it is looked for then
    if (addresses.isEmpty() || !isSilent(addresses, limit))
        return;
    qputenv(kVariable, "unix:path=/nonexistent");
    std::fprintf(stderr, "switchyard: the session's bus does not answer and is not used\n");
}
#else
void leaveSilentBus(std::chrono::milliseconds) {}
#endif

} // namespace switchyard
