#include "app/desktop/quit_signals.h"

#include <QSocketNotifier>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace switchyard {

namespace {

// A handler may do next to nothing: it writes into a pipe that the event loop reads.
volatile sig_atomic_t write_end = -1;

void tell(int) {
    const int before = errno;
    const char byte = 1;
    if (::write(write_end, &byte, 1) < 0)
        errno = 0; // the pipe is full of the same
    errno = before;
}

} // namespace

QuitSignals::QuitSignals(QObject* parent) : QObject(parent) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    read_end_ = ends[0];
    write_end = ends[1];
    notifier_ = new QSocketNotifier(read_end_, QSocketNotifier::Read, this);
    connect(notifier_, &QSocketNotifier::activated, this, [this] {
        char bytes[64];
        while (::read(read_end_, bytes, sizeof bytes) > 0)
            continue;
        Q_EMIT received();
    });
    for (const int signal : {SIGTERM, SIGHUP, SIGINT}) {
        struct sigaction now {
        }, action{};
        if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler == SIG_IGN)
            continue;
        action.sa_handler = tell;
        action.sa_flags = SA_RESTART;
        ::sigemptyset(&action.sa_mask);
        ::sigaction(signal, &action, nullptr);
    }
}

QuitSignals::~QuitSignals() {
    // The handlers stay: a signal while the program ends is no reason to end sooner. The pipe does too.
    if (notifier_)
        notifier_->setEnabled(false);
}

} // namespace switchyard
