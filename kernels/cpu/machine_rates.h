// What this machine can do at most, measured: what shares of a limit are taken of.
#pragma once

namespace switchyard {

struct MachineRates {
    double read_bytes_per_second = 0;
    double macs_per_second = 0; ///< multiply-adds of floats, with the widest registers used here (256 bits)
};

/// Takes about a third of a second with all of `threads` busy. Throws bad_alloc, and system_error where the
/// system gives no threads.
MachineRates measure_machine(int threads);

} // namespace switchyard
