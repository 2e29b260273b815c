// Digits of numbers, as the formatting functions put them together.
#pragma once

#include <cstdint>
#include <string>

namespace switchyard::jinja {

constexpr std::int64_t kMaxWidth = 1 << 20; ///< of a formatted field

/// printf's e, f and g (E, F, G), without a sign. `alternate`: keeps the point ("#").
std::string print_real(double value, char type, int precision, bool alternate);
/// Without a sign; base 2 .. 16.
std::string integer_digits(std::int64_t value, int base, bool capital);
/// Cut off at the point. Throws Failure where it does not fit.
std::int64_t truncated(double value);

} // namespace switchyard::jinja
