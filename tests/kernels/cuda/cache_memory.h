// A layer of the KV cache in device memory with random contents, and the same as floats.
#pragma once

#include "kernels/cpu/half.h"
#include "kernels/cuda/kv_layout.h"
#include "tests/kernels/cuda/test_device.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace switchyard::cuda {

/// One value of a block, decoded from its bytes on the host.
inline float decoded_kv(const KvLayerView& cache, CacheType type, const std::byte* block, int head, int token,
                        bool keys, int dim) {
    const KvPlanes& planes = cache.planes[static_cast<int>(type)];
    const std::byte* data = block + planes.layer + std::int64_t{head} * planes.head;
    const std::byte* row =
        data + (keys ? 0 : planes.values) + token * (keys ? planes.key_row : planes.value_row);
    const int groups = kv_groups(keys ? cache.key_dim : cache.value_dim);
    const auto* scales =
        reinterpret_cast<const std::uint16_t*>(data + (keys ? planes.key_scales : planes.value_scales)) +
        token * groups;
    switch (type) {
    case CacheType::F16:
        return cpu::half_value(reinterpret_cast<const std::uint16_t*>(row)[dim]);
    case CacheType::FP8:
        return cpu::e4m3_value(reinterpret_cast<const std::uint8_t*>(row)[dim]);
    case CacheType::Q8_0:
        return static_cast<float>(reinterpret_cast<const std::int8_t*>(row)[dim]) *
               cpu::half_value(scales[dim / 32]);
    case CacheType::Q4_0: {
        const int place = dim / 8 * 4 + dim % 2 * 2 + dim / 4 % 2;
        const auto both = static_cast<int>(row[place]);
        return static_cast<float>((dim / 2 % 2 == 1 ? both >> 4 : both & 15) - 8) *
               cpu::half_value(scales[dim / 32]);
    }
    }
    return 0.0f;
}

/// Blocks of one sequence. What no token wrote is 0xff: not a number in any type.
struct CachedSequence {
    std::vector<CacheType> types; ///< a block
    std::vector<std::vector<std::byte>> blocks;

    float at(const KvLayerView& cache, int head, int position, bool keys, int dim) const {
        const auto b = static_cast<std::size_t>(position / kKvTokens);
        return decoded_kv(cache, types[b], blocks[b].data(), head, position % kKvTokens, keys, dim);
    }
    /// Takes a token of F16 numbers out again.
    void forget(const KvLayerView& cache, int position) {
        const KvPlanes& planes = cache.planes[static_cast<int>(CacheType::F16)];
        const int token = position % kKvTokens;
        for (int h = 0; h < cache.kv_heads; ++h) {
            std::byte* head = blocks[static_cast<std::size_t>(position / kKvTokens)].data() + planes.layer +
                              h * planes.head;
            std::fill_n(head + token * planes.key_row, planes.key_row, std::byte{0xff});
            std::fill_n(head + planes.values + token * planes.value_row, planes.value_row, std::byte{0xff});
        }
    }
};

/// Random codes for `tokens` tokens; the types of the blocks in turn.
inline CachedSequence random_sequence(const KvLayout& layout, std::size_t layer, int tokens,
                                      const std::vector<CacheType>& types, std::mt19937& random) {
    const KvLayerView& cache = layout.layer(layer);
    CachedSequence sequence;
    std::uniform_real_distribution<float> number(-2.0f, 2.0f), scale(0.25f, 1.0f);
    for (int first = 0; first < tokens; first += kKvTokens) {
        const CacheType type = types[sequence.blocks.size() % types.size()];
        std::vector<std::byte> block(layout.block_bytes(type), std::byte{0xff});
        const KvPlanes& planes = cache.planes[static_cast<int>(type)];
        for (int i = 0; i < cache.kv_heads * 2 * std::min(tokens - first, kKvTokens); ++i) {
            const int head = i / 2 % cache.kv_heads, token = i / 2 / cache.kv_heads;
            const bool keys = i % 2 == 0;
            const int groups = kv_groups(keys ? cache.key_dim : cache.value_dim);
            std::byte* data = block.data() + planes.layer + head * planes.head;
            std::byte* row =
                data + (keys ? 0 : planes.values) + token * (keys ? planes.key_row : planes.value_row);
            auto* scales =
                reinterpret_cast<std::uint16_t*>(data + (keys ? planes.key_scales : planes.value_scales)) +
                token * groups;
            for (int b = 0; b < groups * kv_group_bytes(type); ++b)
                row[b] = static_cast<std::byte>(type == CacheType::FP8 ? random() % 64 + random() % 2 * 128
                                                                       : random() % 255 - 127);
            if (type == CacheType::F16)
                for (int d = 0; d < groups * 32; ++d)
                    reinterpret_cast<std::uint16_t*>(row)[d] = cpu::half_bits(number(random));
            for (int g = 0; kv_has_scales(type) && g < groups; ++g)
                scales[g] = cpu::half_bits(scale(random) / (type == CacheType::Q8_0 ? 64.0f : 4.0f));
        }
        sequence.types.push_back(type);
        sequence.blocks.push_back(std::move(block));
    }
    return sequence;
}

/// Adds a sequence's blocks to the table of a step; returns where they begin there.
inline std::int32_t upload_sequence(Device& device, Stream& stream, const CachedSequence& sequence,
                                    std::vector<KvBlockRef>& table) {
    const auto first = static_cast<std::int32_t>(table.size());
    for (std::size_t b = 0; b < sequence.blocks.size(); ++b)
        table.push_back({upload(device, stream, sequence.blocks[b]), sequence.types[b], 0});
    return first;
}

} // namespace switchyard::cuda
