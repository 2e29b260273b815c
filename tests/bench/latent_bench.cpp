// Latent attention (MLA) at DeepSeek-V2-Lite's head shape: one layer's prefill in both its forms.
// Names: latent/form, with the length of the prompt, read in chunks of 512, and the rows before it.
#include "engine/model/latent_form.h"
#include "engine/run/backend.h"

#include <benchmark/benchmark.h>

#include <deque>
#include <random>

namespace switchyard {
namespace {

constexpr int kHeads = 16, kLatent = 512, kRope = 64, kNope = 128, kValue = 128, kVocabulary = 8;

/// Two tables that give q and the latent directly, the attention, and a small head.
class OneLayer {
  public:
    explicit OneLayer(BlockType type) : backend_(make_cpu_backend({})) {
        auto plan = std::make_shared<Plan>();
        plan->vocabulary = kVocabulary;
        plan->values = {kHeads * (kNope + kRope), kLatent + kRope, kHeads * kValue};
        plan->kv = {{1, kLatent + kRope, 0}};
        LatentAttentionStep step{};
        step.q = 0;
        step.latent = 1;
        step.out = 2;
        step.heads = kHeads;
        step.nope = kNope;
        step.rope = kRope;
        step.latent_dim = kLatent;
        step.value_dim = kValue;
        step.scale = 0.07f;
        plan->steps.push_back(
            {kNoLayer, EmbedStep{add(WeightUse::Table, BlockType::F32, kVocabulary, plan->values[0], 1), 0}});
        plan->steps.push_back(
            {kNoLayer, EmbedStep{add(WeightUse::Table, BlockType::F32, kVocabulary, plan->values[1], 1), 1}});
        step.k_b = add(WeightUse::Matrix, type, kLatent, kNope, kHeads);
        step.v_b = add(WeightUse::Matrix, type, kValue, kLatent, kHeads);
        plan->steps.push_back({0, step});
        plan->steps.push_back(
            {kNoLayer, HeadStep{2, add(WeightUse::Matrix, BlockType::F32, kVocabulary, plan->values[2], 1)}});
        executor_ = backend_->compile(plan);
    }

    /// Rows [first, first + count) in chunks of 512.
    void read(int first, int count, bool decompressed) {
        for (int begin = first; begin < first + count; begin += kDecompressedChunk) {
            Batch batch;
            for (int p = begin; p < std::min(begin + kDecompressedChunk, first + count); ++p) {
                while (static_cast<int>(blocks_.size()) * kKvBlockTokens <= p)
                    blocks_.push_back(executor_->allocate_kv_block(BlockType::F16));
                batch.rows.push_back({.token = p % kVocabulary, .position = p, .decompressed = decompressed});
            }
            batch.sequences.push_back({blocks_});
            executor_->run(std::move(batch), weights_);
        }
    }

  private:
    WeightId add(WeightUse use, BlockType type, std::int64_t rows, std::int64_t cols, int matrices) {
        std::vector<std::byte>& data =
            data_.emplace_back(row_bytes(type, cols) * static_cast<std::size_t>(rows * matrices));
        fill(type, data);
        const TensorView tensor{"", type, {cols, rows, matrices}, data.data(), data.size()};
        const WeightSource source{.name = "", .role = WeightRole::Attention, .use = use, .tensor = &tensor};
        auto weight = std::make_shared<Weight>();
        for (int m = 0; m < matrices; ++m)
            weight->slices.push_back(backend_->place(source, m, nullptr));
        weights_->weights.push_back(std::move(weight));
        return static_cast<WeightId>(weights_->weights.size()) - 1;
    }
    void fill(BlockType type, std::vector<std::byte>& data) {
        if (type == BlockType::F32) {
            auto* values = reinterpret_cast<float*>(data.data());
            for (std::size_t i = 0; i < data.size() / sizeof(float); ++i)
                values[i] = normal_(random_) * 0.1f;
            return;
        }
        for (std::byte& b : data) // any bits: time does not depend on them
            b = std::byte{0x21};
    }

    std::deque<std::vector<std::byte>> data_; ///< of all weights
    std::shared_ptr<Backend> backend_;
    std::shared_ptr<WeightSet> weights_ = std::make_shared<WeightSet>();
    std::unique_ptr<Executor> executor_;
    std::vector<KvBlockId> blocks_;
    std::mt19937 random_{1};
    std::normal_distribution<float> normal_;
};

void prefill(benchmark::State& state, BlockType type, bool decompressed) {
    OneLayer layer(type);
    const auto count = static_cast<int>(state.range(0)), before = static_cast<int>(state.range(1));
    layer.read(0, before, true);
    for (auto _ : state)
        layer.read(before, count, decompressed);
    state.SetItemsProcessed(state.iterations() * count);
}

void add_lengths(benchmark::internal::Benchmark* b) {
    b->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();
    for (const auto& [count, before] :
         {std::pair{64, 0}, {171, 0}, {512, 0}, {1024, 0}, {2048, 0}, {64, 2048}, {171, 2048}, {512, 2048}})
        b->Args({count, before});
}

BENCHMARK_CAPTURE(prefill, latent / absorbed / Q8_0, BlockType::Q8_0, false)->Apply(add_lengths);
BENCHMARK_CAPTURE(prefill, latent / decompressed / Q8_0, BlockType::Q8_0, true)->Apply(add_lengths);
BENCHMARK_CAPTURE(prefill, latent / absorbed / BF16, BlockType::BF16, false)->Apply(add_lengths);
BENCHMARK_CAPTURE(prefill, latent / decompressed / BF16, BlockType::BF16, true)->Apply(add_lengths);

} // namespace
} // namespace switchyard
