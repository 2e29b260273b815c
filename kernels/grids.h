// The vectors ("grids") and levels that block formats choose values from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace switchyard {

template <std::size_t kEntries, std::size_t kValues>
using Grid = std::array<std::array<std::int8_t, kValues>, kEntries>;

extern const Grid<2048, 8> kGrid1;   ///< IQ1_S, IQ1_M
extern const Grid<256, 8> kGrid2Xxs; ///< IQ2_XXS
extern const Grid<512, 8> kGrid2Xs;  ///< IQ2_XS
extern const Grid<1024, 8> kGrid2S;  ///< IQ2_S
extern const Grid<256, 4> kGrid3Xxs; ///< IQ3_XXS
extern const Grid<512, 4> kGrid3S;   ///< IQ3_S

/// The same vectors as 16-bit integers, for products that multiply such.
template <std::size_t kEntries, std::size_t kValues>
using WordGrid = std::array<std::array<std::int16_t, kValues>, kEntries>;

extern const WordGrid<256, 8> kWords2Xxs;
extern const WordGrid<512, 8> kWords2Xs;
extern const WordGrid<1024, 8> kWords2S;
extern const WordGrid<256, 4> kWords3Xxs;
extern const WordGrid<512, 4> kWords3S;

/// Levels of IQ4_NL and IQ4_XS.
inline constexpr std::int8_t kLevels4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                             1,    13,   25,  38,  53,  69,  89,  113};

/// Twice the values of the E2M1 float (OCP Microscaling Formats 1.0), by its four bits.
inline constexpr std::int8_t kLevelsE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Between level `step` - 1 of a table and the next: where the nearer one changes, and how far they are
/// apart.
template <const std::int8_t (&kTable)[16], int step>
inline constexpr float level_middle = 0.5f * static_cast<float>(kTable[step - 1] + kTable[step]);
template <const std::int8_t (&kTable)[16], int step>
inline constexpr float level_step = static_cast<float>(kTable[step] - kTable[step - 1]);

} // namespace switchyard
