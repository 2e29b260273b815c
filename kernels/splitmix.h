// The mixing function of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
// 2014): every bit of the result depends on every bit of what is given.
#pragma once

#include <cstdint>

namespace switchyard {

/// What splitmix64 adds before it mixes: 2^64 over the golden ratio.
inline constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15ull;

constexpr std::uint64_t splitmix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

} // namespace switchyard
