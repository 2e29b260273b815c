// Reads the mathematics of TeX: the part of it that is used in running text.
#pragma once

#include "ui/math/math_node.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace switchyard {

/// What is larger is not read.
inline constexpr std::size_t longest_tex = 8000; ///< bytes
inline constexpr int deepest_tex = 40;           ///< groups within each other
inline constexpr std::size_t most_tex_nodes = 6000;
inline constexpr std::size_t most_tex_cells = 1024; ///< of all its matrices

/// The formula without the marks around it; nothing where a part of it is not known, is not closed, or goes
/// beyond the limits: a formula is set whole or not at all. Linear in the length of the source.
std::optional<MathList> parseTex(std::string_view utf8);

} // namespace switchyard
