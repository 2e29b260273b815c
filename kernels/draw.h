// How a token is drawn, the same on every backend: each id runs a race of its own. Id i of weight w_i arrives
// after E_i / w_i, where E_i is exponential with mean 1, and the first wins, with probability w_i over the
// sum of all (the exponential race, or Gumbel-max: Maddison, Tarlow, Minka, "A* sampling", 2014). E_i comes
// from (seed, position, id) alone, so ids may be looked at in any order, by any number of threads, and what
// is cut away changes nothing for the others. Plain 32-bit arithmetic, to be compiled without contraction:
// the bits are the same everywhere.
#pragma once

#include "kernels/anywhere.h"

#include <cstdint>

namespace switchyard {

struct PhiloxBlock {
    std::uint32_t word[4];
};

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
SWITCHYARD_ANYWHERE constexpr PhiloxBlock philox(PhiloxBlock counter, std::uint32_t key0,
                                                 std::uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter.word[0];
        const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter.word[2];
        counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0,
                    static_cast<std::uint32_t>(product1),
                    static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1,
                    static_cast<std::uint32_t>(product0)}};
        key0 += 0x9E3779B9;
        key1 += 0xBB67AE85;
    }
    return counter;
}

/// What the deviates of ids 4 * `four` and the three behind it are made of: 32 bits each.
SWITCHYARD_ANYWHERE constexpr PhiloxBlock four_draw_bits(std::uint64_t seed, std::uint64_t position,
                                                         std::uint32_t four) {
    return philox(
        {{four, static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), 0}},
        static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

/// Those of one id; they depend on nothing else.
SWITCHYARD_ANYWHERE constexpr std::uint32_t draw_bits(std::uint64_t seed, std::uint64_t position,
                                                      std::uint32_t id) {
    return four_draw_bits(seed, position, id / 4).word[id % 4];
}

/// 2 atanh(t), which is log((1 + t) / (1 - t)); for |t| <= 1/3 to the precision of a float.
SWITCHYARD_ANYWHERE constexpr float twice_atanh(float t) {
    const float s = t * t;
    float p = s * (1.0f / 15) + 1.0f / 13;
    p = p * s + 1.0f / 11;
    p = p * s + 1.0f / 9;
    p = p * s + 1.0f / 7;
    p = p * s + 1.0f / 5;
    p = p * s + 1.0f / 3;
    p = p * s + 1.0f;
    return 2 * t * p;
}

/// An exponential deviate of mean 1: -log(1 - u) with u = (bits + 1/2) / 2^32. Small ones, which win races,
/// keep all their digits. Between 1.1e-10 and 22.9.
SWITCHYARD_ANYWHERE constexpr float exponential(std::uint32_t bits) {
    constexpr float kStep = 1.0f / 4294967296.0f;
    if (bits < 0x80000000u) {
        const float u = (static_cast<float>(bits) + 0.5f) * kStep;
        return twice_atanh(u / (2.0f - u));
    }
    const float rest = (static_cast<float>(~bits) + 0.5f) * kStep; // 1 - u
    const auto pattern = __builtin_bit_cast(std::uint32_t, rest);
    int exponent = static_cast<int>(pattern >> 23) - 127;
    float mantissa = __builtin_bit_cast(float, (pattern & 0x7FFFFFu) | 0x3F800000u); // in [1, 2)
    if (mantissa > 1.4142135f) {
        mantissa *= 0.5f;
        ++exponent;
    }
    return -(static_cast<float>(exponent) * 0.69314718f + twice_atanh((mantissa - 1.0f) / (mantissa + 1.0f)));
}

/// Deviates are no smaller, with room for what rounding makes of a product: saves the computation of those
/// that cannot win, and never of one that could.
inline constexpr float kLeastExponential = 0.999f / 8589934592.0f;

/// The first of a race so far.
struct RaceLeader {
    float arrival = 3.4e38f;
    std::int32_t id = -1;

    /// Of equal arrivals the lower id is the first.
    SWITCHYARD_ANYWHERE constexpr void join(float arrival_, std::int32_t id_) {
        if (arrival_ < arrival || (arrival_ == arrival && id_ < id)) {
            arrival = arrival_;
            id = id_;
        }
    }
};

/// Lets an id of weight `weight` > 0 into the race.
SWITCHYARD_ANYWHERE constexpr void race(RaceLeader& leader, std::uint64_t seed, std::uint64_t position,
                                        std::int32_t id, float weight) {
    if (kLeastExponential > leader.arrival * weight)
        return;
    leader.join(exponential(draw_bits(seed, position, static_cast<std::uint32_t>(id))) / weight, id);
}

} // namespace switchyard
