// The smallest model with both kinds of memory, with random weights: recurrences with a state of fixed size,
// and between them attention over the KV cache.
#pragma once

#include "engine/run/scheduler.h"
#include "kernels/splitmix.h"

#include <cmath>
#include <deque>

namespace switchyard {

class HybridToy {
  public:
    explicit HybridToy(int threads = 2) : backend_(make_cpu_backend({threads, false})) {
        plan_->vocabulary = kVocabulary;
        plan_->hidden = kWidth;
        plan_->values = {kWidth, kWidth, kWidth, kWidth, kWidth / 2, kWidth / 2, kWidth};
        plan_->kv = {{2, kWidth / 4, kWidth / 4}};
        plan_->states = {{kWidth}, {kWidth}};
        plan_->steps.push_back({kNoLayer, EmbedStep{matrix("embedding", kVocabulary, 1.0f), kHidden}});
        add_recurrence(0, 0);
        add_attention(1);
        add_recurrence(2, 1);
        norm(kNoLayer);
        plan_->steps.push_back({kNoLayer, HeadStep{kNormed, matrix("output", kVocabulary, 1.5f)}});
        auto set = std::make_shared<WeightSet>();
        for (const WeightSource& source : sources_) {
            auto weight = std::make_shared<Weight>();
            weight->slices.push_back(backend_->place(source, 0, nullptr));
            set->weights.push_back(std::move(weight));
        }
        weights_ = std::move(set);
        executor_ = backend_->compile(plan_);
    }
    HybridToy(const HybridToy&) = delete;

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

    static constexpr int kVocabulary = 61, kWidth = 64;

  private:
    enum Value : ValueId { kHidden, kNormed, kRecurred, kQueries, kKeys, kValues, kAttended };

    void norm(int layer) {
        plan_->steps.push_back(
            {layer, NormStep{kHidden, kNormed, vector("norm", 1.0f, 1.0f), 1e-5f, kWidth}});
    }
    void project(int layer, ValueId in, ValueId out, int rows, bool add) {
        plan_->steps.push_back(
            {layer, ProjectStep{in, matrix("projection", rows, 0.2f), kNoWeight, out, add}});
    }
    void add_recurrence(int layer, int state) {
        norm(layer);
        plan_->steps.push_back(
            {layer, RecurrenceStep{kNormed, kRecurred, vector("decay", 0.6f, 0.99f), state}});
        project(layer, kRecurred, kHidden, kWidth, true);
    }
    void add_attention(int layer) {
        norm(layer);
        project(layer, kNormed, kQueries, kWidth, false);
        project(layer, kNormed, kKeys, kWidth / 2, false);
        project(layer, kNormed, kValues, kWidth / 2, false);
        AttentionStep attention{.q = kQueries,
                                .k = kKeys,
                                .v = kValues,
                                .out = kAttended,
                                .heads = 4,
                                .kv_heads = 2,
                                .head_dim = kWidth / 4,
                                .value_dim = kWidth / 4,
                                .scale = 0.25f};
        plan_->steps.push_back({0, attention}); // the only one with a KV cache
        project(layer, kAttended, kHidden, kWidth, true);
    }
    WeightId matrix(const char* name, int rows, float size) {
        return add(name, rows, WeightUse::Matrix, -size, size);
    }
    WeightId vector(const char* name, float least, float most) {
        return add(name, 1, WeightUse::Vector, least, most);
    }
    WeightId add(const char* name, int rows, WeightUse use, float least, float most) {
        auto& values = data_.emplace_back(static_cast<std::size_t>(rows * kWidth));
        std::uint64_t seed = data_.size() << 32;
        for (float& value : values)
            value = least + (most - least) * static_cast<float>(splitmix(++seed) >> 40) * 0x1p-24f;
        tensors_.push_back({name,
                            BlockType::F32,
                            {kWidth, rows, 1},
                            reinterpret_cast<const std::byte*>(values.data()),
                            values.size() * sizeof(float)});
        const bool table = sources_.empty();
        sources_.push_back({.name = name,
                            .role = use == WeightUse::Vector ? WeightRole::Norm : WeightRole::Attention,
                            .use = table ? WeightUse::Table : use,
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

} // namespace switchyard
