#include "engine/base/memory.h"

#include "engine/base/real_text.h"

#include <fstream>
#include <sstream>

namespace switchyard {

#ifndef _WIN32 // see memory_windows.cpp
SystemMemory system_memory() {
    SystemMemory memory;
    std::ifstream file("/proc/meminfo");
    std::string key, unit;
    std::uint64_t kib = 0;
    while (file >> key >> kib) {
        std::getline(file, unit);
        if (key == "MemTotal:")
            memory.total = kib * 1024;
        else if (key == "MemAvailable:")
            memory.available = kib * 1024;
    }
    return memory;
}

ProcessMemory process_memory() {
    ProcessMemory memory;
    std::ifstream file("/proc/self/status");
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string key;
        std::uint64_t kib = 0;
        words >> key >> kib;
        if (key == "RssAnon:")
            memory.anonymous = kib * 1024;
        else if (key == "RssFile:")
            memory.mapped = kib * 1024;
        else if (key == "RssShmem:")
            memory.shared = kib * 1024;
    }
    return memory;
}
#endif

std::string format_bytes(std::uint64_t bytes) {
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    int unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        ++unit;
    }
    return fixed_text(value, unit == 0 ? 0 : 1) + " " + kUnits[unit];
}

} // namespace switchyard
