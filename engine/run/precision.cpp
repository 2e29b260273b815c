#include "engine/run/precision.h"

#include "engine/quant/quant.h"

#include <algorithm>
#include <array>

namespace switchyard {

std::optional<BlockType> recoded_type(const WeightSource& source, std::optional<BlockType> wanted) {
    if (!wanted || !source.recodable())
        return std::nullopt;
    const BlockType used = fallback_type(*wanted, source.tensor->cols());
    return used == source.tensor->type ? std::nullopt : std::optional(used);
}

PrecisionForecast forecast_precision(const std::vector<WeightSource>& sources,
                                     std::optional<BlockType> wanted) {
    PrecisionForecast forecast;
    std::uint64_t in_file = 0;
    for (const WeightSource& source : sources) {
        const TensorView& tensor = *source.tensor;
        in_file += tensor.bytes;
        const auto type = recoded_type(source, wanted).value_or(tensor.type);
        if (type == tensor.type) {
            forecast.bytes += tensor.bytes;
        } else {
            const auto rows = static_cast<std::uint64_t>(tensor.rows() * tensor.matrices());
            forecast.bytes += rows * row_bytes(type, tensor.cols());
        }
        if (!wanted || !source.recodable())
            continue;
        if (const BlockType used = fallback_type(*wanted, tensor.cols()); used != *wanted) {
            auto found = std::ranges::find_if(forecast.fallbacks, [&](const PrecisionFallback& f) {
                return f.used == used && f.cols == tensor.cols();
            });
            if (found == forecast.fallbacks.end())
                found = forecast.fallbacks.insert(found, {used, tensor.cols(), 0});
            found->slices += static_cast<std::uint32_t>(tensor.matrices());
        }
    }
    const auto own = main_file_type(sources);
    forecast.no_gain = wanted && own && *own != *wanted &&
                       (forecast.bytes > in_file || bits_per_weight(*wanted) > bits_per_weight(*own));
    return forecast;
}

std::optional<BlockType> main_file_type(const std::vector<WeightSource>& sources) {
    std::array<std::uint64_t, kBlockTypes> values{};
    for (const WeightSource& source : sources)
        if (source.recodable())
            values[static_cast<std::size_t>(source.tensor->type)] += static_cast<std::uint64_t>(
                source.tensor->cols() * source.tensor->rows() * source.tensor->matrices());
    const auto most = std::ranges::max_element(values);
    if (*most == 0)
        return std::nullopt;
    return static_cast<BlockType>(most - values.begin());
}

std::string describe_fallbacks(BlockType wanted, const std::vector<PrecisionFallback>& fallbacks) {
    std::vector<BlockType> used;
    for (const PrecisionFallback& fallback : fallbacks)
        if (std::ranges::find(used, fallback.used) == used.end())
            used.push_back(fallback.used);
    std::string text;
    for (BlockType type : used)
        text += (text.empty() ? "" : ", ") + std::string(traits(type).name) +
                " where rows are not divisible by " +
                std::to_string(traits(traits(type).values > 1 ? wanted : BlockType::Q8_0).values);
    return text;
}

} // namespace switchyard
