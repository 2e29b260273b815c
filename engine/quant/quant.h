// Reference encode and decode of the block formats. Decoding is bit-exact; encoding minimises squared error.
#pragma once

#include "engine/quant/half.h"
#include "kernels/blocks.h"

#include <optional>
#include <span>
#include <string_view>

namespace switchyard {

/// One row: `blocks` holds row_bytes(type, out.size()) bytes.
void decode_row(BlockType type, const std::byte* blocks, std::span<float> out);

/// One row: writes row_bytes(type, values.size()) bytes. `importance`, where given, weights the squared error
/// of each column. Throws Error where the row is not whole blocks, or the type is only read.
void encode_row(BlockType type, std::span<const float> values, std::byte* blocks,
                const float* importance = nullptr);

/// Whether encode_row() can write `type`; IQ1, IQ2, IQ3 and TQ are only read.
bool encodable(BlockType type);

/// "Q4_K", "q4_k", "f16" ...; nullopt where unknown.
std::optional<BlockType> parse_block_type(std::string_view name);

/// The type a row of `cols` values can hold where `wanted` cannot: llama.cpp's fallbacks (Q4_K -> Q5_0, Q6_K
/// -> Q8_0, Q2_K, Q3_K -> Q4_0, IQ -> IQ4_NL ...; rows not divisible by 32 -> F16). Returns `wanted` where it
/// fits.
BlockType fallback_type(BlockType wanted, std::int64_t cols);

/// Bits a weight, to compare precisions: 32, 16, 16, 8.5, 4.5 ...
double bits_per_weight(BlockType type);

} // namespace switchyard
