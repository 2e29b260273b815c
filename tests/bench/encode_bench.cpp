// How fast one thread reads blocks back to floats and encodes floats: bytes/s of the same values in 16 bits.
// Names: decode/type, encode/type.
#include "engine/quant/quant.h"

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

namespace switchyard {
namespace {

constexpr std::int64_t kValues = 64 * 1536;

/// Weights as models have them, in blocks of `type`.
struct SomeWeights {
    std::vector<float> values = std::vector<float>(kValues);
    std::vector<std::byte> blocks;

    explicit SomeWeights(BlockType type) : blocks(row_bytes(type, kValues)) {
        std::mt19937 engine(3);
        std::normal_distribution<float> normal(0.0f, 0.02f);
        for (float& value : values)
            value = half_to_float(float_to_half(normal(engine)));
        encode_row(type, values, blocks.data());
    }
};

void set_rate(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * kValues * 2); }

void decoding(benchmark::State& state, BlockType type) {
    SomeWeights weights(type);
    for (auto _ : state) {
        decode_row(type, weights.blocks.data(), weights.values);
        benchmark::DoNotOptimize(weights.values.data());
    }
    set_rate(state);
}

void encoding(benchmark::State& state, BlockType type) {
    SomeWeights weights(type);
    for (auto _ : state) {
        encode_row(type, weights.values, weights.blocks.data());
        benchmark::DoNotOptimize(weights.blocks.data());
    }
    set_rate(state);
}

[[maybe_unused]] const bool kRegistered = [] {
    for (int i = 0; i < kBlockTypes; ++i) {
        const auto type = static_cast<BlockType>(i);
        if (!encodable(type))
            continue;
        const std::string name(traits(type).name);
        benchmark::RegisterBenchmark(("decode/" + name).c_str(), decoding, type)
            ->Unit(benchmark::kMicrosecond);
        benchmark::RegisterBenchmark(("encode/" + name).c_str(), encoding, type)
            ->Unit(benchmark::kMicrosecond);
    }
    return true;
}();

} // namespace
} // namespace switchyard
