// The named mixes of block formats ("Q4_K_M"): more bits for the tensors whose error costs most.
#pragma once

#include "kernels/blocks.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace switchyard {

/// One exception from a mix's base type.
struct MixRule {
    enum class Part : std::uint8_t {
        Value /* attention values */,
        Down /* second FFN matrix */,
        AttentionOutput
    };
    enum class Where : std::uint8_t {
        All,
        First,      ///< the first `count` layers
        FirstShare, ///< the first layers / count
        Spread      ///< the first and last eighth, and every third layer between
    };
    Part part;
    Where where;
    int count; ///< for First and FirstShare
    BlockType type;
};

struct QuantizeMix {
    std::string_view name;
    BlockType base;
    std::uint64_t file_type; ///< GGUF's general.file_type
    std::span<const MixRule> rules;
};

std::span<const QuantizeMix> quantize_mixes();

/// By name in any case; nullptr where unknown.
const QuantizeMix* find_mix(std::string_view name);

/// The type of a GGUF tensor in a model of `layers` layers: the first rule that applies, or the base.
BlockType mix_type(const QuantizeMix& mix, std::string_view tensor, int layers);

/// The layer in a name "blk.7.attn_q.weight"; -1 where there is none.
int layer_of(std::string_view tensor);
/// "attn_q.bias" of "blk.3.attn_q.bias"; a name outside of layers as it is.
inline std::string_view part_of(std::string_view tensor) {
    const std::size_t dot = tensor.starts_with("blk.") ? tensor.find('.', 4) : tensor.npos;
    return dot == tensor.npos ? tensor : tensor.substr(dot + 1);
}

} // namespace switchyard
