// Limits on time: a sanitizer makes the same work several times slower.
#pragma once

namespace switchyard::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr double kSanitizerSlowdown = 10;
#else
inline constexpr double kSanitizerSlowdown = 1;
#endif

} // namespace switchyard::test
