// What the processor has, for functions that are compiled for more than every processor.
#pragma once

namespace switchyard {

inline bool has_avx2() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

} // namespace switchyard
