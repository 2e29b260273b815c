#include "ui/insight/system_memory.h"

#include <QByteArray>
#include <QFile>

#ifdef Q_OS_LINUX
#include <unistd.h>
#endif

using namespace Qt::StringLiterals;

namespace switchyard {

SystemMemory systemMemory() {
    SystemMemory memory;
#ifdef Q_OS_LINUX
    QFile info(u"/proc/meminfo"_s);
    if (info.open(QIODevice::ReadOnly)) {
        const QList<QByteArray> lines = info.readAll().split('\n');
        for (const QByteArray& line : lines) {
            const auto kib = [&line] { return line.simplified().split(' ').value(1).toULongLong() * 1024; };
            if (line.startsWith("MemTotal:"))
                memory.total = kib();
            else if (line.startsWith("MemAvailable:"))
                memory.available = kib();
        }
    }
    QFile statm(u"/proc/self/statm"_s);
    if (statm.open(QIODevice::ReadOnly))
        memory.resident =
            statm.readAll().split(' ').value(1).toULongLong() * static_cast<quint64>(sysconf(_SC_PAGESIZE));
#endif
    return memory;
}

} // namespace switchyard
