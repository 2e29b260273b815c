#include "kernels/cuda/kv_layout.h"

namespace switchyard::cuda {

namespace {

constexpr std::int64_t kHeadAlignment = 128, kBlockAlignment = 256;

std::int64_t round_up(std::int64_t bytes, std::int64_t to) { return (bytes + to - 1) / to * to; }

} // namespace

KvLayout::KvLayout(std::span<const KvShape> layers) {
    layers_.resize(layers.size());
    rows_.resize(layers.size());
    for (int t = 0; t < kCacheTypes; ++t) {
        const auto type = static_cast<CacheType>(t);
        std::int64_t at = 0;
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const KvShape& shape = layers[l];
            KvLayerView& view = layers_[l];
            view.kv_heads = shape.kv_heads;
            view.key_dim = shape.key_dim;
            view.value_dim = shape.value_dim;
            const std::int32_t keys = kv_groups(shape.key_dim), values = kv_groups(shape.value_dim);
            const std::int32_t scale_bytes = kv_has_scales(type) ? 2 * kKvTokens : 0; // of a group
            KvPlanes& planes = view.planes[t];
            planes.layer = at;
            planes.key_row = keys * kv_group_bytes(type);
            planes.value_row = values * kv_group_bytes(type);
            planes.key_scales = kKvTokens * planes.key_row;
            planes.values = planes.key_scales + keys * scale_bytes;
            planes.value_scales = planes.values + kKvTokens * planes.value_row;
            planes.head = static_cast<std::int32_t>(
                round_up(planes.value_scales + values * scale_bytes, kHeadAlignment));
            at += std::int64_t{planes.head} * shape.kv_heads;
            KvRowsView& rows = rows_[l];
            rows.at[t] = at;
            rows.dim = shape.row_dim;
            rows.tokens = shape.row_tokens;
            rows.stride = 32 * kv_groups(shape.row_dim);
            const std::int64_t count = (kKvTokens + shape.row_tokens - 1) / shape.row_tokens;
            at += round_up(count * rows.stride * std::int64_t{sizeof(std::uint16_t)}, kHeadAlignment);
        }
        bytes_[t] = static_cast<std::size_t>(round_up(at, kBlockAlignment));
    }
}

} // namespace switchyard::cuda
