// Instructions of a lane a weight that products of answers take.
#pragma once

#include <optional>
#include <string_view>

namespace switchyard {

/// Of `alone` weights that one row meets, `first` that up to eight meet, and `more` for each further eight.
/// nullopt: such weights were not counted.
std::optional<double> instructions_of(std::string_view type, double alone, double first, double more);

} // namespace switchyard
