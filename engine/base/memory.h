// The machine's memory, for budgets and for messages that say what was needed and what was free.
#pragma once

#include <cstdint>
#include <string>

namespace switchyard {

struct SystemMemory {
    std::uint64_t total = 0;     ///< bytes of RAM; 0: not known
    std::uint64_t available = 0; ///< bytes that could be taken without swapping; 0: not known
};

SystemMemory system_memory();

/// What this process holds in RAM, in bytes; 0: not known.
struct ProcessMemory {
    std::uint64_t anonymous = 0; ///< its own
    std::uint64_t mapped = 0;    ///< pages of mapped files: the system's cache
    std::uint64_t shared = 0;    ///< with other programs: a window's pixels

    std::uint64_t resident() const { return anonymous + mapped + shared; }
};

ProcessMemory process_memory();

/// "512 B", "3.4 MiB", "16.9 GiB"
std::string format_bytes(std::uint64_t bytes);

} // namespace switchyard
