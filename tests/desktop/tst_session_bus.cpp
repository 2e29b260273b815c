// A session bus that does not answer is not waited for; one that answers late is used.
#include "app/desktop/session_bus.h"
#include "program_fixture.h"

#include <QFile>

#include <atomic>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// A socket where a bus would listen, with room for so many callers that wait to be let in.
class Listener {
  public:
    Listener(const QString& path, int room) {
        address_.sun_family = AF_UNIX;
        qstrncpy(address_.sun_path, QFile::encodeName(path).constData(), sizeof address_.sun_path);
        if (::bind(socket_, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0 ||
            ::listen(socket_, room) != 0)
            qFatal("no socket at %s", qPrintable(path));
    }
    ~Listener() { close(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void close() {
        if (const int open = socket_.exchange(-1); open >= 0) {
            ::shutdown(open, SHUT_RDWR); // who accepts hears of it
            ::close(open);
        }
    }
    /// The next caller; -1: it was closed.
    int accept() const { return ::accept(socket_, nullptr, nullptr); }
    /// Takes all the room there is: callers that say nothing.
    QList<int> crowd() const {
        QList<int> callers;
        for (;;) {
            const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            callers << caller;
            if (::connect(caller, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0)
                return callers;
        }
    }

  private:
    sockaddr_un address_{};
    std::atomic<int> socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

/// Speaks with a caller as a bus does, to the end of what leaveSilentBus() asks; false: it was none that
/// asks.
bool greet(int caller) {
    char line[500];
    if (::recv(caller, line, sizeof line, 0) <= 0)
        return false;
    ::send(caller, "OK 0123456789abcdef\r\n", 21, MSG_NOSIGNAL);
    if (::recv(caller, line, sizeof line, 0) <= 0)
        return false;
    return ::send(caller, "l", 1, MSG_NOSIGNAL) == 1;
}

} // namespace

class SessionBusTest : public QObject, protected ProgramFixture {
    Q_OBJECT
  private Q_SLOTS:
    void init() { makeFolder(); }

    /// Qt would wait for it in the window's thread.
    void oneThatHangsIsNotWaitedFor_data() {
        QTest::addColumn<bool>("greets");
        QTest::newRow("from the beginning") << false;
        QTest::newRow("after its greeting") << true;
    }
    void oneThatHangsIsNotWaitedFor() {
        QFETCH(bool, greets);
        const QString path = folder_->filePath(u"bus"_s);
        Listener bus(path, 8);
        std::jthread greeter([&bus, greets] {
            const int caller = greets ? bus.accept() : -1; // ends with the socket
            char line[200];
            if (caller >= 0 && ::recv(caller, line, sizeof line, 0) > 0)
                ::send(caller, "OK 0123456789abcdef\r\n", 21, MSG_NOSIGNAL);
        });
        QProcessEnvironment all = environment();
        all.insert(u"DBUS_SESSION_BUS_ADDRESS"_s, u"unix:path="_s + path);
        const Result result =
            second({u"--model"_s, u"x.gguf"_s, u"--prompt"_s, u"Hello"_s, u"--quit"_s}, all);
        bus.close();
        QCOMPARE(result.code, 0);
        QCOMPARE(number(u"SELECT count(*) FROM messages"_s), 2);
        QVERIFY2(result.said.contains(u"bus does not answer"_s), qPrintable(result.said));
    }

    /// At a log-in many call at once.
    void oneThatIsCrowdedForAMomentIsUsed() {
        const QString path = folder_->filePath(u"bus"_s);
        const QByteArray address = "unix:path=" + QFile::encodeName(path);
        qputenv("DBUS_SESSION_BUS_ADDRESS", address);
        Listener bus(path, 1);
        const QList<int> crowd = bus.crowd();
        QVERIFY(crowd.size() > 1);
        bool greeted = false;
        std::jthread letsIn([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            for (const int caller : crowd)
                ::close(caller); // they did not want anything
            for (int caller = bus.accept(); caller >= 0 && !greeted; caller = bus.accept()) {
                greeted = greet(caller);
                ::close(caller);
            }
        });
        leaveSilentBus(std::chrono::milliseconds(kLong));
        bus.close();
        letsIn.join();
        QVERIFY(greeted);
        QCOMPARE(qgetenv("DBUS_SESSION_BUS_ADDRESS"), address);
    }

    void oneThatLetsNobodyInIsLeft() {
        const QString path = folder_->filePath(u"bus"_s);
        qputenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=" + QFile::encodeName(path));
        const Listener bus(path, 1);
        const QList<int> crowd = bus.crowd();
        QElapsedTimer timer;
        timer.start();
        leaveSilentBus(std::chrono::milliseconds(200));
        QVERIFY2(timer.elapsed() >= 190 && timer.elapsed() < 2000,
                 qPrintable(QString::number(timer.elapsed())));
        QCOMPARE(qgetenv("DBUS_SESSION_BUS_ADDRESS"), "unix:path=/nonexistent");
        for (const int caller : crowd)
            ::close(caller);
    }

    /// Nobody is there: that is no reason to wait, nor to say anything.
    void whereNobodyListensNothingChanges() {
        const QByteArray address = "unix:path=" + QFile::encodeName(folder_->filePath(u"bus"_s));
        qputenv("DBUS_SESSION_BUS_ADDRESS", address);
        QElapsedTimer timer;
        timer.start();
        leaveSilentBus(std::chrono::milliseconds(kLong));
        QVERIFY(timer.elapsed() < 2000);
        QCOMPARE(qgetenv("DBUS_SESSION_BUS_ADDRESS"), address);
    }
};

QTEST_GUILESS_MAIN(SessionBusTest)
#include "tst_session_bus.moc"
