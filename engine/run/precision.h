// What a precision of the weights would mean for a model: bytes, and the types that stand in where a row
// length forbids the one asked for.
#pragma once

#include "engine/model/weights.h"

#include <optional>
#include <vector>

namespace switchyard {

/// What a slice of `source` is stored as when `wanted` is asked for; nullopt for either: the file's own bits.
std::optional<BlockType> recoded_type(const WeightSource& source, std::optional<BlockType> wanted);

/// A type that stood in for the one asked for.
struct PrecisionFallback {
    BlockType used;
    std::int64_t cols = 0; ///< the row length that forbids it
    std::uint32_t slices = 0;

    bool operator==(const PrecisionFallback&) const = default;
};

struct PrecisionForecast {
    std::uint64_t bytes = 0; ///< of all weights, in file layout
    std::vector<PrecisionFallback> fallbacks;
    bool no_gain = false; ///< above the file's own precision: more bytes, no better
};

PrecisionForecast forecast_precision(const std::vector<WeightSource>& sources,
                                     std::optional<BlockType> wanted);

/// The type most of the recodable weights have in the file; nullopt: there are none.
std::optional<BlockType> main_file_type(const std::vector<WeightSource>& sources);

/// "Q5_0 where rows are not divisible by 256"; "" where the type fits everywhere.
std::string describe_fallbacks(BlockType wanted, const std::vector<PrecisionFallback>& fallbacks);

} // namespace switchyard
