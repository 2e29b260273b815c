#include "app/services/memory_lock.h"

#include "engine/base/memory.h"

#ifdef __linux__
#include <sys/mman.h>
#include <sys/resource.h>
#endif

namespace switchyard {
namespace {

#ifdef __linux__
/// Pages that were never touched are not made for it.
bool lockAll() { return mlockall(MCL_CURRENT | MCL_ONFAULT) == 0; }

QString refusalOfSystem() {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return QStringLiteral(
               "The model is not locked in memory: this system lets a program lock %1. Raise "
               "\"memlock\" in /etc/security/limits.conf, or do without: it is swapped out only where "
               "memory is short.")
        .arg(QString::fromStdString(format_bytes(limit.rlim_cur)));
}
#else
bool lockAll() { return false; }

QString refusalOfSystem() {
    return QStringLiteral("The model is not locked in memory: this system cannot do it.");
}
#endif

} // namespace

std::shared_ptr<MemoryLock> MemoryLock::take(QString& why) {
    if (lockAll())
        return std::shared_ptr<MemoryLock>(new MemoryLock);
    why = refusalOfSystem();
    return nullptr;
}

bool MemoryLock::extend() { return lockAll(); }

MemoryLock::~MemoryLock() {
#ifdef __linux__
    munlockall();
#endif
}

} // namespace switchyard
