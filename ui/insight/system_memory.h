// What the machine and this program have in memory now.
#pragma once

#include <QtGlobal>

namespace switchyard {

struct SystemMemory {
    quint64 total = 0, available = 0; ///< bytes of the machine's RAM; 0: not known
    quint64 resident = 0;             ///< bytes of this program in RAM
};

/// Reads /proc; costs some microseconds.
SystemMemory systemMemory();

} // namespace switchyard
