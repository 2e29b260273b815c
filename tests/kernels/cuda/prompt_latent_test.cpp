// Decompressed keys and values of latent attention against plain sums in double.
#include "kernels/cuda/prompt_latent_kernels.h"
#include "tests/kernels/cuda/cache_memory.h"
#include "tests/kernels/cuda/prompt_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace switchyard::cuda {
namespace {

struct LatentShape {
    int heads, latent, rope, nope, value_dim;
};

struct LatentKernels : testing::Test, PromptBench {
    /// Every key and value of a context of some blocks, with k_b and v_b of a type.
    void check(const LatentShape& s, CacheType cache_type, BlockType type, int blocks) {
        const KvShape source_shape[] = {{1, s.latent + s.rope, 0}},
                      head_shape[] = {{s.heads, s.nope + s.rope, s.value_dim}};
        const KvLayout source(source_shape), heads(head_shape);
        std::vector<PlacedMatrix> k_b, v_b;
        std::vector<MatrixView> views;
        for (int h = 0; h < s.heads; ++h)
            views.push_back(k_b.emplace_back(place(type, s.latent, s.nope)).view);
        for (int h = 0; h < s.heads; ++h)
            views.push_back(v_b.emplace_back(place(type, s.value_dim, s.latent)).view);
        const WeightRanges ranges = table(views);

        const KvLayerView layer = source.layer(0);
        std::vector<std::vector<std::byte>> memory;
        std::vector<KvBlockRef> refs;
        for (int b = 0; b < blocks; ++b) {
            memory.push_back(random_block(layer, cache_type, source.block_bytes(cache_type)));
            refs.push_back({put(memory.back()), cache_type, 0});
        }
        const auto head_bytes = heads.block_bytes(CacheType::F16);
        const HeadBlocks made = {heads.layer(0),
                                 room<std::byte>(static_cast<std::size_t>(blocks) * head_bytes),
                                 static_cast<std::int64_t>(head_bytes)};
        MatrixView* transposed = room<MatrixView>(static_cast<std::size_t>(s.heads));
        const TransposeHeadsParams transpose = {
            ranges.table,
            transposed,
            room<std::byte>(static_cast<std::size_t>(s.heads) * transposed_bytes(s.nope, s.latent)),
            s.heads,
            s.latent,
            s.nope};
        launch<Kernel::TransposeHeads>(*stream, transpose_grid(transpose), transpose, true);
        const HalfRows rows = half_room(blocks * kKvTokens, s.latent);
        KvBlockRef* made_table = room<KvBlockRef>(static_cast<std::size_t>(blocks));
        const GatherLatentParams gather = {put(refs), layer,    made,   made_table, rows,
                                           blocks,    s.latent, s.nope, s.rope};
        launch<Kernel::GatherLatent>(*stream, gather_grid(gather), gather, true);
        const DecompressLatentParams decompress = {.in = rows,
                                                   .keys = transposed,
                                                   .values = ranges.table + s.heads,
                                                   .key_ranges = {transposed, ranges.largest},
                                                   .value_ranges = ranges,
                                                   .heads = made,
                                                   .tokens = blocks * kKvTokens,
                                                   .nope = s.nope};
        launch<Kernel::DecompressLatent>(*stream, decompress_grid(decompress), decompress, true);

        const auto table = download(*stream, made_table, static_cast<std::size_t>(blocks));
        for (int b = 0; b < blocks; ++b) {
            ASSERT_EQ(table[static_cast<std::size_t>(b)].data, made.data + b * made.block_bytes);
            const auto block = download(*stream, made.data + b * made.block_bytes, head_bytes);
            for (int token = 0; token < kKvTokens; token += 5) {
                std::vector<float> entry;
                for (int d = 0; d < s.latent + s.rope; ++d)
                    entry.push_back(decoded_kv(layer, cache_type, memory[static_cast<std::size_t>(b)].data(),
                                               0, token, true, d));
                const auto near = [&](float found, double sum, double magnitude, const char* what, int d) {
                    ASSERT_NEAR(found, sum, 0x1p-10 * magnitude + 1e-6) << what << d << " of token " << token;
                };
                for (int h = 0; h < s.heads; ++h) {
                    const auto head = static_cast<std::size_t>(h);
                    for (int d = 0; d < s.nope; ++d) {
                        double sum = 0, magnitude = 0;
                        for (int l = 0; l < s.latent; ++l) {
                            const double product =
                                double{k_b[head].at(l, d)} * entry[static_cast<std::size_t>(l)];
                            sum += product;
                            magnitude += std::abs(product);
                        }
                        near(decoded_kv(made.layout, CacheType::F16, block.data(), h, token, true, d), sum,
                             magnitude, "key ", d);
                    }
                    for (int d = 0; d < s.rope; ++d) {
                        const double wanted = entry[static_cast<std::size_t>(s.latent + d)];
                        near(
                            decoded_kv(made.layout, CacheType::F16, block.data(), h, token, true, s.nope + d),
                            wanted, std::abs(wanted), "rotated ", d);
                    }
                    for (int d = s.nope + s.rope; d < 32 * kv_groups(s.nope + s.rope); ++d)
                        ASSERT_EQ(decoded_kv(made.layout, CacheType::F16, block.data(), h, token, true, d),
                                  0.0f);
                    for (int d = 0; d < s.value_dim; ++d) {
                        const DoubleSum own(v_b[head], d, entry.data());
                        near(decoded_kv(made.layout, CacheType::F16, block.data(), h, token, false, d),
                             own.sum, own.magnitude, "value ", d);
                    }
                }
            }
        }
    }

    std::vector<std::byte> random_block(const KvLayerView& layer, CacheType type, std::size_t bytes) {
        std::vector<std::byte> block(bytes, std::byte{0});
        const KvPlanes& planes = layer.planes[static_cast<int>(type)];
        const auto values = random.normals(static_cast<std::size_t>(kKvTokens * planes.key_row));
        for (int i = 0; i < kKvTokens * planes.key_row; ++i) {
            const float x = values[static_cast<std::size_t>(i)];
            if (type == CacheType::F16 && i % 2 == 0) {
                const std::uint16_t half = cpu::half_bits(x);
                std::memcpy(&block[static_cast<std::size_t>(planes.layer + i)], &half, sizeof half);
            } else if (type == CacheType::FP8) { // any but NaN
                block[static_cast<std::size_t>(planes.layer + i)] =
                    static_cast<std::byte>(static_cast<int>(std::abs(x) * 30) % 0x7e | (x < 0 ? 0x80 : 0));
            } else if (type != CacheType::F16) {
                block[static_cast<std::size_t>(planes.layer + i)] =
                    static_cast<std::byte>(static_cast<int>(x * 60) & 0xff);
            }
        }
        for (int i = 0; kv_has_scales(type) && i < kKvTokens * kv_groups(layer.key_dim); ++i) {
            const std::uint16_t scale =
                cpu::half_bits(0.01f + 0.01f * std::abs(values[static_cast<std::size_t>(i)]));
            std::memcpy(&block[static_cast<std::size_t>(planes.layer + planes.key_scales + 2 * i)], &scale,
                        sizeof scale);
        }
        return block;
    }
};

TEST_F(LatentKernels, MakeKeysAndValuesOfEveryHead) {
    const LatentShape small = {3, 64, 16, 40, 48}; // ends of tiles and of groups of 32
    for (const CacheType cache : {CacheType::F16, CacheType::Q8_0, CacheType::Q4_0, CacheType::FP8})
        check(small, cache, BlockType::F32, 1);
    for (const BlockType type : {BlockType::BF16, BlockType::F16})
        check(small, CacheType::F16, type, 2);
    check({2, 64, 16, 32, 32}, CacheType::F16, BlockType::Q8_0, 5);    // more tokens than a tile has
    check({1, 512, 64, 128, 128}, CacheType::F16, BlockType::Q4_0, 1); // DeepSeek's heads
    check({1, 512, 64, 256, 160}, CacheType::F16, BlockType::BF16, 1); // two tiles of each
}

} // namespace
} // namespace switchyard::cuda
