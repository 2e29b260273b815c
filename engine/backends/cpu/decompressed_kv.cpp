#include "engine/backends/cpu/decompressed_kv.h"

#include "engine/quant/quant.h"
#include "kernels/cpu/half.h"

#include <algorithm>
#include <cstring>

namespace switchyard::cpu {

namespace {

/// Transposed by so many rows at a time: rows a power of two apart share few places of the cache.
constexpr std::int64_t kTile = 8;

/// Floats rounded up to whole cache lines.
std::size_t lines(std::size_t floats) { return (floats + 15) / 16 * 16; }

/// Of each part of the buffer.
struct Floats {
    std::size_t matrix, by_dim, latents;
    std::size_t block; ///< keys and values of a block

    explicit Floats(const LatentAttentionStep& step) {
        const auto latent = static_cast<std::size_t>(step.latent_dim);
        matrix = lines(latent * static_cast<std::size_t>(step.nope));
        by_dim = (latent + static_cast<std::size_t>(step.rope)) * kKvTokens;
        latents = latent * kKvTokens;
        block =
            static_cast<std::size_t>(step.nope + step.rope + accumulator_floats(step.value_dim)) * kKvTokens;
    }
    std::size_t fixed() const { return matrix + by_dim + 2 * latents; }
};

} // namespace

DecompressedKv::DecompressedKv(StepRun& run, ThreadContext& w, int layer, const LatentAttentionStep& step,
                               const BatchSequence& sequence, int head, int blocks, bool exact)
    : run_(run), w_(w), layer_(layer), step_(step), sequence_(sequence), head_(head), exact_(exact) {
    const Floats floats(step);
    const std::size_t made = floats.block * (exact ? static_cast<std::size_t>(blocks) : 1);
    key_matrix_ = w.latent.get<float>(floats.fixed() + made);
    by_dim_ = key_matrix_ + floats.matrix;
    panels_ = by_dim_ + floats.by_dim;
    by_token_ = panels_ + floats.latents;
    made_ = by_token_ + floats.latents;
    std::fill(made_, made_ + made, 0.0f); // the padding of values
    transpose_key_matrix();
    for (int b = 0; exact && b < blocks && !run.stopped(); ++b) {
        float* keys = made_ + static_cast<std::size_t>(b) * floats.block;
        make(b, keys, keys + (step.nope + step.rope) * kKvTokens);
    }
}

void DecompressedKv::hold(const LatentAttentionStep& step, const StepShape& shape, ScratchSizes& sizes) {
    const Floats floats(step);
    const auto blocks = static_cast<std::size_t>((shape.context + kKvTokens - 1) / kKvTokens);
    ScratchSizes::hold<float>(sizes.latent, floats.fixed() + floats.block * (shape.exact ? blocks : 1));
    sizes.hold_decoded(static_cast<int>(kTile) * step.nope);
    sizes.hold_decoded(step.latent_dim + step.rope);
    sizes.hold_rows(kKvTokens, step.latent_dim);
}

void DecompressedKv::transpose_key_matrix() {
    const Slice& k_b = run_.slice(step_.k_b, static_cast<std::size_t>(head_));
    const auto nope = static_cast<std::size_t>(step_.nope);
    float* rows = w_.decoded.get<float>(kTile * nope);
    for (std::int64_t l = 0; l < k_b.rows; l += kTile) {
        const std::int64_t count = std::min(kTile, k_b.rows - l);
        for (std::int64_t i = 0; i < count; ++i) {
            float* row = rows + static_cast<std::size_t>(i) * nope;
            if (layout_of(k_b) == SliceLayout::Panels)
                unpack_row({k_b.type, k_b.rows, k_b.cols, k_b.data}, l + i, row);
            else
                decode_row(k_b.type,
                           k_b.data + static_cast<std::size_t>(l + i) * row_bytes(k_b.type, k_b.cols),
                           {row, nope});
        }
        for (std::size_t n = 0; n < nope; ++n)
            for (std::int64_t i = 0; i < count; ++i)
                key_matrix_[static_cast<std::int64_t>(n) * k_b.rows + l + i] =
                    rows[static_cast<std::size_t>(i) * nope + n];
    }
}

/// The block's floats, a dimension's tokens side by side as in the cache.
void DecompressedKv::read_cache(int block) {
    const KvBlockId id = sequence_.blocks[static_cast<std::size_t>(block)];
    const BlockType type = run_.kv.type(id);
    const std::byte* keys = run_.kv.keys(id, layer_, 0);
    const int dims = step_.latent_dim + step_.rope;
    if (type == BlockType::F32) {
        std::memcpy(by_dim_, keys, static_cast<std::size_t>(dims * kKvTokens) * sizeof(float));
        return;
    }
    if (type == BlockType::F16) {
        const auto* halves = reinterpret_cast<const Half*>(keys);
        for (int d = 0; d < dims; ++d, halves += kKvTokens)
            for (int t = 0; t < kKvTokens; ++t)
                by_dim_[d * kKvTokens + t] = half_value(halves[t]);
        return;
    }
    float* token = w_.decoded.get<float>(static_cast<std::size_t>(dims));
    for (int t = 0; t < kKvTokens; ++t) {
        load_k(type, keys, dims, t, token);
        for (int d = 0; d < dims; ++d)
            by_dim_[d * kKvTokens + t] = token[d];
    }
}

void DecompressedKv::read_latents(int block) {
    read_cache(block);
    const int latent = step_.latent_dim;
    for (int d = 0; d < latent; ++d)
        for (int p = 0; p < kKvTokens / kPanelRows; ++p)
            std::copy_n(by_dim_ + d * kKvTokens + p * kPanelRows, kPanelRows,
                        panels_ + (p * latent + d) * kPanelRows);
    for (int d = 0; d < latent; d += static_cast<int>(kTile))
        for (int t = 0; t < kKvTokens; ++t)
            for (int i = d; i < std::min(d + static_cast<int>(kTile), latent); ++i)
                by_token_[t * latent + i] = by_dim_[i * kKvTokens + t];
}

void DecompressedKv::make(int block, float* keys, float* values) {
    read_latents(block);
    // The latents are the weights here and k_b's columns the activations: the result is in the cache's
    // layout.
    Slice latents;
    set_layout(latents, exact_ ? SliceLayout::Rows : SliceLayout::Panels);
    latents.rows = kKvTokens;
    latents.cols = step_.latent_dim;
    latents.data = reinterpret_cast<const std::byte*>(exact_ ? by_token_ : panels_);
    multiply(latents, {key_matrix_, step_.latent_dim, nullptr, 0}, nullptr, step_.nope, 0, panels(kKvTokens),
             keys, kKvTokens, false, w_.decoded);
    std::copy_n(by_dim_ + step_.latent_dim * kKvTokens, step_.rope * kKvTokens,
                keys + step_.nope * kKvTokens);
    w_.project(run_.slice(step_.v_b, static_cast<std::size_t>(head_)), by_token_, step_.latent_dim, kKvTokens,
               values, accumulator_floats(step_.value_dim));
}

KvBlockView DecompressedKv::block(int block) {
    float* keys = made_ + (exact_ ? static_cast<std::size_t>(block) * Floats(step_).block : 0);
    float* values = keys + (step_.nope + step_.rope) * kKvTokens;
    if (!exact_)
        make(block, keys, values);
    return {BlockType::F32, reinterpret_cast<const std::byte*>(keys),
            reinterpret_cast<const std::byte*>(values)};
}

} // namespace switchyard::cpu
