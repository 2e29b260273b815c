#include "engine/model/kv_b.h"

#include "engine/quant/quant.h"

#include <cstring>
#include <vector>

namespace switchyard {

SplitKvB split_kv_b(const TensorView& kv_b, const std::string& prefix, std::int64_t heads, std::int64_t nope,
                    std::int64_t value) {
    const std::int64_t latent = kv_b.cols();
    const bool blocks = traits(kv_b.type).values > 1;
    const BlockType type = blocks ? BlockType::F32 : kv_b.type;
    const auto size = static_cast<std::size_t>(traits(type).bytes);
    const std::size_t stride = row_bytes(kv_b.type, latent);
    const auto k_bytes = static_cast<std::size_t>(heads * nope * latent) * size;
    SplitKvB split{{prefix + "attn_k_b.weight", type, {nope, latent, heads}, nullptr, k_bytes},
                   {prefix + "attn_v_b.weight", kv_b.type, {latent, value, heads}, nullptr, 0},
                   std::make_unique<std::byte[]>(k_bytes)};
    split.k.data = split.memory.get();
    std::vector<float> decoded(static_cast<std::size_t>(latent));
    for (std::int64_t h = 0; h < heads; ++h) {
        const std::byte* head = kv_b.data + static_cast<std::size_t>(h * (nope + value)) * stride;
        for (std::int64_t n = 0; n < nope; ++n) {
            const std::byte* row = head + static_cast<std::size_t>(n) * stride;
            if (blocks) {
                decode_row(kv_b.type, row, decoded);
                row = reinterpret_cast<const std::byte*>(decoded.data());
            }
            for (std::int64_t l = 0; l < latent; ++l)
                std::memcpy(split.memory.get() + static_cast<std::size_t>((h * latent + l) * nope + n) * size,
                            row + static_cast<std::size_t>(l) * size, size);
        }
        split.v.pieces.push_back(head + static_cast<std::size_t>(nope) * stride);
        split.v.bytes += static_cast<std::size_t>(value) * stride;
    }
    return split;
}

} // namespace switchyard
