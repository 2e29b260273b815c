#include "app/services/folder_lock.h"

#include <QFile>
#include <QFileInfo>
#include <QStringList>
#include <QSysInfo>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {

namespace {

// The lines of a lock file. The first five are those of QLockFile, which earlier versions used.
enum LockLine { Pid, Program, Host, Machine, Boot, Started, Note };

constexpr off_t kLongestLock = 8192; ///< bytes

QString procEntry(qint64 pid, const char* name) {
    return QStringLiteral("/proc/%1/%2").arg(pid).arg(QLatin1String(name));
}

QByteArray procText(qint64 pid, const char* name) {
    QFile file(procEntry(pid, name));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

/// Fields of /proc/PID/stat from the state on; the name before them may hold spaces.
QList<QByteArray> statFields(qint64 pid) {
    const QByteArray text = procText(pid, "stat");
    return text.mid(text.lastIndexOf(')') + 2).split(' ');
}

/// When the process began, in clock ticks since the machine did. Empty: not known.
QByteArray startOf(qint64 pid) { return statFields(pid).value(19); }

/// The file name of the process's executable, or the first 15 bytes of its name where that is not shown.
QString programOf(qint64 pid) {
    QString target = QFile::symLinkTarget(procEntry(pid, "exe"));
    if (target.endsWith(QLatin1String(" (deleted)"))) // replaced by an update while it runs
        target.chop(10);
    if (!target.isEmpty())
        return QFileInfo(target).fileName();
    return QString::fromLocal8Bit(procText(pid, "comm")).trimmed();
}

bool sameProgram(const QString& recorded, qint64 pid) {
    const QString running = programOf(pid);
    const QString name = QFileInfo(recorded).fileName();
    constexpr qsizetype kCommLength = 15;
    return running.isEmpty() || name.isEmpty() || running == name ||
           (running.size() == kCommLength && name.startsWith(running));
}

bool isElsewhere(const QStringList& lines) {
    const QString host = lines.value(Host), machine = lines.value(Machine);
    const QString own = QString::fromLatin1(QSysInfo::machineUniqueId());
    if (!machine.isEmpty() && !own.isEmpty())
        return machine != own;
    return !host.isEmpty() && host != QSysInfo::machineHostName();
}

/// Whether the process that wrote these lines on this machine still runs.
bool isAlive(const QStringList& lines) {
    const qint64 pid = lines.value(Pid).toLongLong();
    if (pid <= 0 || pid == getpid()) // its own number: of a process before it
        return false;
    const QString boot = QString::fromLatin1(QSysInfo::bootUniqueId());
    if (!lines.value(Boot).isEmpty() && !boot.isEmpty() && lines.value(Boot) != boot)
        return false;
    if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH)
        return false;
    if (statFields(pid).value(0) == "Z" || !sameProgram(lines.value(Program), pid))
        return false;
    const QByteArray started = startOf(pid);
    return lines.value(Started).isEmpty() || started.isEmpty() || lines.value(Started).toLatin1() == started;
}

QStringList linesOf(int file) {
    QByteArray text(kLongestLock, '\0');
    const ssize_t got = ::pread(file, text.data(), static_cast<size_t>(text.size()), 0);
    return QString::fromUtf8(text.left(std::max<ssize_t>(got, 0))).split(QLatin1Char('\n'));
}

/// Whether the path still leads to the open file, which another process may have removed.
bool isAt(int file, const QByteArray& path) {
    struct stat opened {
    }, named{};
    return ::fstat(file, &opened) == 0 && ::lstat(path.constData(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

} // namespace

FolderLock::State FolderLock::take() {
    release();
    constexpr int kTries = 10; // a holder that ends in between takes the file away
    State state = State::Blocked;
    for (int i = 0; i < kTries && file_ < 0; ++i) {
        const QByteArray path = QFile::encodeName(path_);
        // No link is followed, and what is no file does not make it wait.
        constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        file_ = ::open(path.constData(), O_RDWR | O_CREAT | kFlags, 0600);
        if (file_ < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
            file_ = ::open(path.constData(), O_RDONLY | kFlags);
        if (file_ < 0)
            return errno == ELOOP || errno == EISDIR || errno == ENXIO || QFileInfo::exists(path_)
                       ? State::Blocked
                       : State::NoFolder;
        state = examine();
        const bool moved = state == State::Mine && !isAt(file_, path);
        if (state != State::Mine || moved) {
            ::close(file_);
            file_ = -1;
        }
        if (state != State::Mine)
            return state;
    }
    if (file_ >= 0)
        write({});
    return file_ >= 0 ? State::Mine : state;
}

FolderLock::State FolderLock::examine() {
    struct stat status {};
    if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode))
        return State::Blocked;
    // The system's own lock ends with its process; where a file system has none, the text decides.
    const bool taken = ::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    const QStringList lines = status.st_size <= kLongestLock ? linesOf(file_) : QStringList();
    holder_ = {lines.value(Pid).toLongLong(), lines.value(Program), lines.value(Host), {}};
    if (status.st_uid == geteuid())
        holder_.note = lines.value(Note);
    if (holder_.pid > 0 && isElsewhere(lines))
        return State::Elsewhere;
    return taken || isAlive(lines) ? State::Held : State::Mine;
}

void FolderLock::write(const QString& note) {
    const qint64 pid = getpid();
    const QStringList lines = {QString::number(pid),
                               programOf(pid),
                               QSysInfo::machineHostName(),
                               QString::fromLatin1(QSysInfo::machineUniqueId()),
                               QString::fromLatin1(QSysInfo::bootUniqueId()),
                               QString::fromLatin1(startOf(pid)),
                               note,
                               {}};
    const QByteArray text = lines.join(QLatin1Char('\n')).toUtf8();
    if (::fchmod(file_, 0600) != 0) // an older version's, or one that a umask made unreadable
        errno = 0;
    // A folder that cannot be written, or is full, has the system's lock alone.
    if (::ftruncate(file_, 0) != 0 ||
        ::pwrite(file_, text.constData(), static_cast<size_t>(text.size()), 0) < 0)
        errno = 0;
}

void FolderLock::setNote(const QString& note) {
    if (file_ >= 0)
        write(note);
}

bool FolderLock::isMine() const { return file_ >= 0 && isAt(file_, QFile::encodeName(path_)); }

void FolderLock::release() {
    if (file_ < 0)
        return;
    const QByteArray path = QFile::encodeName(path_);
    if (isAt(file_, path))
        ::unlink(path.constData());
    ::close(file_);
    file_ = -1;
}

} // namespace switchyard
