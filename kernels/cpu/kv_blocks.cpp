// Writing and reading single tokens of a KV block.
#include "kernels/cpu/kv_blocks.h"

#include "kernels/cpu/half.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace switchyard::cpu {
namespace {

std::size_t element_bytes(BlockType type) {
    return type == BlockType::F32 ? 4 : type == BlockType::F16 ? 2 : 1;
}

std::size_t round_to_line(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The token's values stand `step` elements apart, its scales `scale_step` halves.
struct TokenPlace {
    std::byte* values;
    std::byte* scales;
    int step, scale_step;
};

TokenPlace k_place(BlockType type, std::byte* block, int head_dim, int token) {
    const auto t = static_cast<std::size_t>(token);
    return {block + t * element_bytes(type), block + k_scales_offset(head_dim) + t * sizeof(Half), kKvTokens,
            kKvTokens};
}

TokenPlace v_place(BlockType type, std::byte* block, int value_dim, int token) {
    const auto t = static_cast<std::size_t>(token);
    const auto width = static_cast<std::size_t>(accumulator_floats(value_dim));
    const auto groups = static_cast<std::size_t>(kv_groups(value_dim));
    return {block + t * width * element_bytes(type),
            block + v_scales_offset(value_dim) + t * groups * sizeof(Half), 1, 1};
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

/// Up to 32 values with one half scale, rounded first so that the integers fit the scale that is kept.
void store_group(const float* x, int n, const TokenPlace& at, int group) {
    float largest = 0.0f;
    for (int i = 0; i < n; ++i) {
        largest = std::max(largest, std::fabs(x[i]));
    }
    const Half bits = half_bits(largest / 127.0f);
    const float scale = half_value(bits);
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    put(at.scales, group * at.scale_step, bits);
    for (int i = 0; i < n; ++i) {
        const float q = std::min(std::max(std::nearbyint(x[i] * inverse), -127.0f), 127.0f);
        put(at.values, (group * 32 + i) * at.step, static_cast<std::int8_t>(std::isnan(q) ? 0.0f : q));
    }
}

void store_token(BlockType type, const float* x, int n, const TokenPlace& at) {
    if (type == BlockType::Q8_0) {
        for (int g = 0; g < kv_groups(n); ++g) {
            store_group(x + 32 * g, std::min(32, n - 32 * g), at, g);
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

void load_token(BlockType type, int n, const TokenPlace& at, float* out) {
    for (int i = 0; i < n; ++i) {
        if (type == BlockType::F32) {
            out[i] = get<float>(at.values, i * at.step);
        } else if (type == BlockType::F16) {
            out[i] = half_value(get<Half>(at.values, i * at.step));
        } else {
            out[i] = static_cast<float>(get<std::int8_t>(at.values, i * at.step)) *
                     half_value(get<Half>(at.scales, i / 32 * at.scale_step));
        }
    }
}

} // namespace

std::size_t k_block_bytes(BlockType type, int head_dim) {
    const std::size_t values = k_scales_offset(head_dim) * element_bytes(type);
    const std::size_t scales = static_cast<std::size_t>(kv_groups(head_dim)) * kKvTokens * sizeof(Half);
    return round_to_line(values + (type == BlockType::Q8_0 ? scales : 0));
}

std::size_t v_block_bytes(BlockType type, int value_dim) {
    const std::size_t values = v_scales_offset(value_dim) * element_bytes(type);
    const std::size_t scales = static_cast<std::size_t>(kv_groups(value_dim)) * kKvTokens * sizeof(Half);
    return round_to_line(values + (type == BlockType::Q8_0 ? scales : 0));
}

void store_k(BlockType type, const float* k, int head_dim, int token, std::byte* k_block) {
    store_token(type, k, head_dim, k_place(type, k_block, head_dim, token));
}

void store_v(BlockType type, const float* v, int value_dim, int token, std::byte* v_block) {
    const TokenPlace at = v_place(type, v_block, value_dim, token);
    store_token(type, v, value_dim, at);
    const auto size = element_bytes(type);
    const auto padding = static_cast<std::size_t>(accumulator_floats(value_dim) - value_dim);
    std::memset(at.values + static_cast<std::size_t>(value_dim) * size, 0, padding * size);
}

void load_k(BlockType type, const std::byte* k_block, int head_dim, int token, float* k) {
    load_token(type, head_dim, k_place(type, const_cast<std::byte*>(k_block), head_dim, token), k);
}

void load_v(BlockType type, const std::byte* v_block, int value_dim, int token, float* v) {
    load_token(type, value_dim, v_place(type, const_cast<std::byte*>(v_block), value_dim, token), v);
}

} // namespace switchyard::cpu
