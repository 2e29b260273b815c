// Writing and reading single tokens of a KV block.
#include "kernels/cpu/kv_blocks.h"

#include "kernels/cpu/half.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace switchyard::cpu {
namespace {

std::size_t round_to_line(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The token's values (pairs of them in Q4_0) stand `step` elements apart, its scales `scale_step` halves.
struct TokenPlace {
    std::byte* values;
    std::byte* scales;
    int step, scale_step;
};

TokenPlace k_place(BlockType type, std::byte* block, int head_dim, int token) {
    const auto t = static_cast<std::size_t>(token);
    return {block + t * kv_value_bytes(type, 1), block + k_scales_offset(type, head_dim) + t * sizeof(Half),
            kKvTokens, kKvTokens};
}

TokenPlace v_place(BlockType type, std::byte* block, int value_dim, int token) {
    const auto t = static_cast<std::size_t>(token);
    const auto groups = static_cast<std::size_t>(kv_groups(value_dim));
    return {block + t * kv_value_bytes(type, accumulator_floats(value_dim)),
            block + v_scales_offset(type, value_dim) + t * groups * sizeof(Half), 1, 1};
}

template <class T>
void put(std::byte* base, int index, T value) {
    std::memcpy(base + static_cast<std::size_t>(index) * sizeof(T), &value, sizeof(T));
}

template <class T>
T get(const std::byte* base, int index) {
    T value;
    std::memcpy(&value, base + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
    return value;
}

/// x / scale as an integer of [least, most]; 0 for what is no number.
int rounded(float x, float inverse, float least, float most) {
    const float q = x * inverse;
    return std::isnan(q) ? 0 : static_cast<int>(std::nearbyint(std::min(std::max(q, least), most)));
}

/// Stores the scale, rounded first so that the integers fit the one that is kept, and returns what to
/// multiply by.
float store_scale(float scale, const TokenPlace& at, int group) {
    const Half bits = half_bits(scale);
    put(at.scales, group * at.scale_step, bits);
    const float kept = half_value(bits);
    return kept == 0.0f || std::isnan(kept) ? 0.0f : 1.0f / kept;
}

/// Up to 32 values with one half scale.
void store_bytes(const float* x, int n, const TokenPlace& at, int group) {
    float largest = 0.0f;
    for (int i = 0; i < n; ++i) {
        largest = std::max(largest, std::fabs(x[i]));
    }
    const float inverse = store_scale(largest / 127.0f, at, group);
    for (int i = 0; i < n; ++i) {
        put(at.values, (group * 32 + i) * at.step,
            static_cast<std::int8_t>(rounded(x[i], inverse, -127.0f, 127.0f)));
    }
}

/// Up to 32 values as half bytes with one half scale: the one largest in size becomes -8, as in files.
void store_nibbles(const float* x, int n, const TokenPlace& at, int group) {
    float extreme = 0.0f;
    for (int i = 0; i < n; ++i) {
        extreme = std::fabs(x[i]) > std::fabs(extreme) ? x[i] : extreme;
    }
    const float inverse = store_scale(extreme / -8.0f, at, group);
    const auto nibble = [&](int i) { return i < n ? rounded(x[i], inverse, -8.0f, 7.0f) + 8 : 8; };
    for (int i = 0; i < n; i += 2) {
        put(at.values, (group * 32 + i) / 2 * at.step,
            static_cast<std::uint8_t>(nibble(i) | nibble(i + 1) << 4));
    }
}

void store_token(BlockType type, const float* x, int n, const TokenPlace& at) {
    if (kv_has_scales(type)) {
        const auto store = type == BlockType::Q8_0 ? store_bytes : store_nibbles;
        for (int g = 0; g < kv_groups(n); ++g) {
            store(x + 32 * g, std::min(32, n - 32 * g), at, g);
        }
        return;
    }
    for (int i = 0; i < n; ++i) {
        if (type == BlockType::F32) {
            put(at.values, i * at.step, x[i]);
        } else {
            put(at.values, i * at.step, half_bits(x[i]));
        }
    }
}

float load_quantized(BlockType type, const TokenPlace& at, int i) {
    const float scale = half_value(get<Half>(at.scales, i / 32 * at.scale_step));
    if (type == BlockType::Q8_0) {
        return static_cast<float>(get<std::int8_t>(at.values, i * at.step)) * scale;
    }
    const int both = get<std::uint8_t>(at.values, i / 2 * at.step);
    return static_cast<float>((i % 2 ? both >> 4 : both & 15) - 8) * scale;
}

void load_token(BlockType type, int n, const TokenPlace& at, float* out) {
    for (int i = 0; i < n; ++i) {
        if (type == BlockType::F32) {
            out[i] = get<float>(at.values, i * at.step);
        } else if (type == BlockType::F16) {
            out[i] = half_value(get<Half>(at.values, i * at.step));
        } else {
            out[i] = load_quantized(type, at, i);
        }
    }
}

} // namespace

std::size_t k_block_bytes(BlockType type, int head_dim) {
    const std::size_t scales = static_cast<std::size_t>(kv_groups(head_dim)) * kKvTokens * sizeof(Half);
    return round_to_line(k_scales_offset(type, head_dim) + (kv_has_scales(type) ? scales : 0));
}

std::size_t v_block_bytes(BlockType type, int value_dim) {
    const std::size_t scales = static_cast<std::size_t>(kv_groups(value_dim)) * kKvTokens * sizeof(Half);
    return round_to_line(v_scales_offset(type, value_dim) + (kv_has_scales(type) ? scales : 0));
}

void store_k(BlockType type, const float* k, int head_dim, int token, std::byte* k_block) {
    store_token(type, k, head_dim, k_place(type, k_block, head_dim, token));
}

void store_v(BlockType type, const float* v, int value_dim, int token, std::byte* v_block) {
    const TokenPlace at = v_place(type, v_block, value_dim, token);
    store_token(type, v, value_dim, at);
    const std::size_t stored = kv_value_bytes(type, value_dim);
    const int padding = type == BlockType::Q4_0 ? 0x88 : 0; // zeros
    std::memset(at.values + stored, padding, kv_value_bytes(type, accumulator_floats(value_dim)) - stored);
}

void load_k(BlockType type, const std::byte* k_block, int head_dim, int token, float* k) {
    load_token(type, head_dim, k_place(type, const_cast<std::byte*>(k_block), head_dim, token), k);
}

void load_v(BlockType type, const std::byte* v_block, int value_dim, int token, float* v) {
    load_token(type, value_dim, v_place(type, const_cast<std::byte*>(v_block), value_dim, token), v);
}

} // namespace switchyard::cpu
