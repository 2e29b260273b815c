// Limits on time: a sanitizer makes the same work several times slower.
#pragma once

namespace switchyard::test {

#if defined(__has_feature) // of clang
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SWITCHYARD_SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SWITCHYARD_SANITIZED
#endif

#ifdef SWITCHYARD_SANITIZED
inline constexpr double kSanitizerSlowdown = 10;
#else
inline constexpr double kSanitizerSlowdown = 1;
#endif

} // namespace switchyard::test
