// The machine's memory as Windows tells it.
#ifdef _WIN32
#include "engine/base/memory.h"

#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <psapi.h>

#include <algorithm>

namespace switchyard {

SystemMemory system_memory() {
    MEMORYSTATUSEX status = {};
    status.dwLength = sizeof status;
    if (!GlobalMemoryStatusEx(&status))
        return {};
    return {status.ullTotalPhys, status.ullAvailPhys};
}

/// Windows tells a process's own memory apart from what it maps, but not what of either is in RAM.
ProcessMemory process_memory() {
    PROCESS_MEMORY_COUNTERS_EX counters = {};
    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), reinterpret_cast<PROCESS_MEMORY_COUNTERS*>(&counters),
                                 sizeof counters))
        return {};
    ProcessMemory memory;
    memory.anonymous = std::min<std::uint64_t>(counters.PrivateUsage, counters.WorkingSetSize);
    memory.mapped = counters.WorkingSetSize - memory.anonymous;
    return memory;
}

} // namespace switchyard
#endif
