// e^x = 2^n * e^r with n = round(x / ln 2) and |r| <= ln(2) / 2: constants shared by the scalar and vector
// forms.
#pragma once

namespace switchyard::cpu::exp_constants {

inline constexpr float kLowest = -105.0f; ///< e^x rounds to 0 here
inline constexpr float kHighest = 89.0f;  ///< e^x is infinity here
inline constexpr float kInverseLn2 = 0x1.715476p+0f;
inline constexpr float kLn2High = 0x1.62e4p-1f; ///< few enough bits that n * kLn2High is exact
inline constexpr float kLn2Low = 0x1.7f7d1cp-20f;
/// e^r = 1 + r + r^2 (c[0] + c[1] r + ...), minimax for the relative error (3e-9)
inline constexpr float kC[5] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.123a2p-7f,
                                0x1.6a23cep-10f};
/// gelu(x) = x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)) = x * sigmoid(x (kGelu1 + kGelu3 x^2))
inline constexpr float kGelu1 = 1.5957691216057308f;
inline constexpr float kGelu3 = 0.071354816272600251f;

} // namespace switchyard::cpu::exp_constants
