// Plans made by hand, with random weights, for what no file has.
#pragma once

#include "engine/run/scheduler.h"
#include "kernels/splitmix.h"

#include <deque>

namespace switchyard {

/// Add weights and steps, then compile().
class ToyPlan {
  public:
    explicit ToyPlan(int threads, bool exact = false) : backend_(make_cpu_backend({threads, exact})) {}
    ToyPlan(const ToyPlan&) = delete;

    EngineParts parts() {
        EngineParts parts;
        parts.executor = executor_.get();
        parts.backend = backend_.get();
        parts.plan = plan_.get();
        parts.sources = &sources_;
        parts.context = 4096;
        parts.weights = weights_;
        return parts;
    }
    Executor& executor() { return *executor_; }
    std::shared_ptr<const WeightSet> weights() const { return weights_; }
    Plan& plan() { return *plan_; }
    void add(int layer, Operation operation) { plan_->steps.push_back({layer, std::move(operation)}); }

    WeightId matrix(std::int64_t rows, std::int64_t cols, float size, int count = 1) {
        return add_weight({cols, rows, count}, WeightUse::Matrix, -size, size);
    }
    WeightId table(std::int64_t rows, std::int64_t cols) {
        return add_weight({cols, rows, 1}, WeightUse::Table, -1, 1);
    }
    WeightId vector(std::int64_t values, float least, float most) {
        return add_weight({values, 1, 1}, WeightUse::Vector, least, most);
    }
    void compile() {
        auto set = std::make_shared<WeightSet>();
        for (const WeightSource& source : sources_) {
            auto weight = std::make_shared<Weight>();
            for (int m = 0; m < source.tensor->matrices(); ++m)
                weight->slices.push_back(backend_->place(source, m, nullptr));
            set->weights.push_back(std::move(weight));
        }
        weights_ = std::move(set);
        executor_ = backend_->compile(plan_);
    }

  private:
    WeightId add_weight(std::vector<std::int64_t> shape, WeightUse use, float least, float most) {
        auto& values = data_.emplace_back(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]));
        std::uint64_t seed = data_.size() << 32;
        for (float& value : values)
            value = least + (most - least) * static_cast<float>(splitmix(++seed) >> 40) * 0x1p-24f;
        const std::string name = "weight " + std::to_string(data_.size());
        tensors_.push_back({name, BlockType::F32, std::move(shape),
                            reinterpret_cast<const std::byte*>(values.data()),
                            values.size() * sizeof(float)});
        sources_.push_back({.name = name,
                            .role = use == WeightUse::Vector ? WeightRole::Norm : WeightRole::Attention,
                            .use = use,
                            .tensor = &tensors_.back()});
        return static_cast<WeightId>(sources_.size() - 1);
    }

    std::shared_ptr<Backend> backend_;
    std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
    std::deque<std::vector<float>> data_;
    std::deque<TensorView> tensors_; ///< sources point into it
    std::vector<WeightSource> sources_;
    std::shared_ptr<const WeightSet> weights_;
    std::unique_ptr<Executor> executor_;
};

/// The smallest model with both kinds of memory: recurrences with a state of fixed size, and between them
/// attention over the KV cache.
class HybridToy : public ToyPlan {
  public:
    explicit HybridToy(int threads = 2) : ToyPlan(threads) {
        plan().vocabulary = kVocabulary;
        plan().hidden = kWidth;
        plan().values = {kWidth, kWidth, kWidth, kWidth, kWidth / 2, kWidth / 2, kWidth};
        plan().kv = {{2, kWidth / 4, kWidth / 4}};
        plan().states = {{kWidth}, {kWidth}};
        add(kNoLayer, EmbedStep{table(kVocabulary, kWidth), kHidden});
        add_recurrence(0, 0);
        add_attention();
        add_recurrence(2, 1);
        add_norm(kNoLayer);
        add(kNoLayer, HeadStep{kNormed, matrix(kVocabulary, kWidth, 1.5f)});
        compile();
    }

    static constexpr int kVocabulary = 61, kWidth = 64;

  private:
    enum Value : ValueId { kHidden, kNormed, kRecurred, kQueries, kKeys, kValues, kAttended };

    void add_norm(int layer) { add(layer, NormStep{kHidden, kNormed, vector(kWidth, 1, 1), 1e-5f, kWidth}); }
    void project(int layer, ValueId in, ValueId out, int rows, bool more) {
        add(layer, ProjectStep{in, matrix(rows, kWidth, 0.2f), kNoWeight, out, more});
    }
    void add_recurrence(int layer, int state) {
        add_norm(layer);
        add(layer, RecurrenceStep{kNormed, kRecurred, vector(kWidth, 0.6f, 0.99f), state});
        project(layer, kRecurred, kHidden, kWidth, true);
    }
    void add_attention() {
        constexpr int kLayer = 0; // the first with a KV cache
        add_norm(kLayer);
        project(kLayer, kNormed, kQueries, kWidth, false);
        project(kLayer, kNormed, kKeys, kWidth / 2, false);
        project(kLayer, kNormed, kValues, kWidth / 2, false);
        add(kLayer, AttentionStep{.q = kQueries,
                                  .k = kKeys,
                                  .v = kValues,
                                  .out = kAttended,
                                  .heads = 4,
                                  .kv_heads = 2,
                                  .head_dim = kWidth / 4,
                                  .value_dim = kWidth / 4,
                                  .scale = 0.25f});
        project(kLayer, kAttended, kHidden, kWidth, true);
    }
};

} // namespace switchyard
