#include "engine/backends/cuda/self_check.h"

#include "engine/backends/cuda/device_failure.h"
#include "engine/base/error.h"
#include "engine/quant/quant.h"
#include "kernels/cuda/tile_layout.h"
#include "kernels/splitmix.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

namespace switchyard::cuda {
namespace {

constexpr int kHidden = 256, kHeads = 4, kKvHeads = 2, kHeadDim = 64, kExperts = 4, kVocabulary = 256;
/// So that all blocks of a large card have work, and contexts more than one split.
constexpr int kWideVocabulary = 8704, kManyRows = 72;
constexpr int kNope = 64, kRope = 32, kLatent = 128;

/// A layer with grouped queries and experts, one with latent attention and a dense block. Their matrices are
/// of one type, but for those of single heads.
class CheckModel {
  public:
    explicit CheckModel(BlockType type, int vocabulary = kVocabulary) : type_(type) {
        plan_->vocabulary = vocabulary;
        plan_->hidden = kHidden;
        plan_->experts = kExperts;
        plan_->experts_active = 2;
        plan_->routes = 1;
        plan_->kv = {{kKvHeads, kHeadDim, kHeadDim}, {1, kLatent + kRope, 0}};
        const ValueId x = value(kHidden), normed = value(kHidden);
        add(kNoLayer, EmbedStep{matrix(vocabulary, kHidden, 1, WeightUse::Table), x});
        add_attention(x, normed);
        add_experts(x, normed);
        add_latent_attention(x, normed);
        add_block(x, normed);
        add(kNoLayer, NormStep{x, normed, gain(), 1e-5f, kHidden});
        add(kNoLayer, HeadStep{normed, matrix(vocabulary, kHidden)});
    }
    CheckModel(const CheckModel&) = delete;

    /// Rows of answers, in one step or one after another; of a prompt; a step of rows and three alone behind
    /// it.
    enum class Form : std::uint8_t { Together, Alone, Prompt, Behind };

    /// Of the last of so many rows.
    std::vector<float> logits(Backend& backend, int rows, Form form) const {
        auto set = std::make_shared<WeightSet>();
        for (const WeightSource& source : sources_) {
            auto weight = std::make_shared<Weight>();
            for (int m = 0; m < source.tensor->matrices(); ++m)
                weight->slices.push_back(backend.place(source, m, nullptr));
            set->weights.push_back(std::move(weight));
        }
        const auto executor = backend.compile(plan_);
        std::vector<KvBlockId> blocks;
        for (std::size_t b = 0; b < blocks_for(rows); ++b)
            blocks.push_back(executor->allocate_kv_block(BlockType::F16));
        const bool prompt = form == Form::Prompt && executor->prompt_rows() > 0;
        std::vector<float> result;
        Batch batch;
        for (int r = 0; r < rows; ++r) {
            batch.rows.push_back({.token = r * 37 % kVocabulary, .position = r, .prompt = prompt});
            const bool alone = form == Form::Alone || (form == Form::Behind && r + 4 >= rows);
            if (!alone && r + 1 < rows)
                continue;
            batch.sequences.push_back({.blocks = blocks});
            batch.rows.back().wish = RowWish::Logits;
            result = executor->run(std::exchange(batch, {}), set).logits;
        }
        for (const KvBlockId block : blocks)
            executor->release_kv_block(block);
        return result;
    }

  private:
    void add(int layer, Operation operation) { plan_->steps.push_back({layer, std::move(operation)}); }
    ValueId value(int width) {
        plan_->values.push_back(width);
        return static_cast<ValueId>(plan_->values.size()) - 1;
    }
    void add_attention(ValueId x, ValueId normed) {
        const ValueId q = value(kHeads * kHeadDim), k = value(kKvHeads * kHeadDim),
                      v = value(kKvHeads * kHeadDim), attended = value(kHeads * kHeadDim);
        add(0, NormStep{x, normed, gain(), 1e-5f, kHidden});
        add(0, ProjectStep{normed, matrix(kHeads * kHeadDim, kHidden), kNoWeight, q});
        add(0, ProjectStep{normed, matrix(kKvHeads * kHeadDim, kHidden), kNoWeight, k});
        add(0, ProjectStep{normed, matrix(kKvHeads * kHeadDim, kHidden), kNoWeight, v});
        const std::vector<float> frequencies = frequencies_of(kHeadDim);
        add(0, RopeStep{q, kHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies});
        add(0, RopeStep{k, kKvHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies});
        add(0, AttentionStep{q, k, v, attended, kHeads, kKvHeads, kHeadDim, kHeadDim, 0.125f});
        add(0, ProjectStep{attended, matrix(kHidden, kHeads * kHeadDim), kNoWeight, x, true});
    }
    void add_experts(ValueId x, ValueId normed) {
        add(0, NormStep{x, normed, gain(), 1e-5f, kHidden});
        RouteStep route = {};
        route.in = normed;
        route.weight = router();
        route.routing.experts = kExperts;
        route.routing.active = 2;
        route.routing.normalise = true;
        add(0, route);
        ExpertsStep experts = {};
        experts.in = normed;
        experts.gate = matrix(kHidden, kHidden, kExperts);
        experts.up = matrix(kHidden, kHidden, kExperts);
        experts.down = matrix(kHidden, kHidden, kExperts);
        experts.out = x;
        experts.width = kHidden;
        add(0, experts);
    }

    void add_latent_attention(ValueId x, ValueId normed) {
        const ValueId q = value(kHeads * (kNope + kRope)), latent = value(kLatent + kRope),
                      attended = value(kHeads * kHeadDim);
        const std::vector<float> frequencies = frequencies_of(kRope);
        add(1, NormStep{x, normed, gain(), 1e-5f, kHidden});
        add(1, ProjectStep{normed, matrix(kHeads * (kNope + kRope), kHidden), kNoWeight, q});
        add(1, ProjectStep{normed, matrix(kLatent + kRope, kHidden), kNoWeight, latent});
        add(1, NormStep{latent, latent, gain(kLatent), 1e-5f, kLatent, kLatent});
        add(1, RopeStep{q, kHeads, kNope + kRope, kNope, kRope, RopeStyle::Interleaved, frequencies});
        add(1, RopeStep{latent, 1, kLatent + kRope, kLatent, kRope, RopeStyle::Interleaved, frequencies});
        LatentAttentionStep step = {};
        step.q = q;
        step.latent = latent;
        step.out = attended;
        step.heads = kHeads;
        step.nope = kNope;
        step.rope = kRope;
        step.latent_dim = kLatent;
        step.value_dim = kHeadDim;
        step.k_b = of_heads(kLatent, kNope);
        step.v_b = of_heads(kHeadDim, kLatent);
        step.scale = 0.1f;
        add(1, step);
        add(1, ProjectStep{attended, matrix(kHidden, kHeads * kHeadDim), kNoWeight, x, true});
    }
    void add_block(ValueId x, ValueId normed) {
        add(1, NormStep{x, normed, gain(), 1e-5f, kHidden});
        FeedForwardStep block = {};
        block.in = normed;
        block.out = x;
        block.width = kHidden;
        block.gate = matrix(kHidden, kHidden);
        block.up = matrix(kHidden, kHidden);
        block.down = matrix(kHidden, kHidden);
        add(1, block);
    }
    static std::vector<float> frequencies_of(int dims) {
        std::vector<float> frequencies;
        for (int i = 0; i < dims / 2; ++i)
            frequencies.push_back(
                std::pow(10000.0f, -2.0f * static_cast<float>(i) / static_cast<float>(dims)));
        return frequencies;
    }

    float random() { return static_cast<float>(splitmix(++seed_) >> 40) * 0x1p-23f - 1.0f; }
    WeightId matrix(std::int64_t rows, std::int64_t cols, std::int64_t count = 1,
                    WeightUse use = WeightUse::Matrix) {
        return add_weight(type_, {cols, rows, count}, use, 0.1f, 0.0f);
    }
    WeightId router() {
        return add_weight(BlockType::F32, {kHidden, kExperts, 1}, WeightUse::Matrix, 0.3f, 0.0f);
    }
    /// A matrix a head, of columns that are too few for most types.
    WeightId of_heads(std::int64_t rows, std::int64_t cols) {
        return add_weight(BlockType::F32, {cols, rows, kHeads}, WeightUse::Matrix, 0.1f, 0.0f);
    }
    WeightId gain(std::int64_t width = kHidden) {
        return add_weight(BlockType::F32, {width, 1, 1}, WeightUse::Vector, 0.2f, 1.0f);
    }
    WeightId add_weight(BlockType type, std::vector<std::int64_t> shape, WeightUse use, float size,
                        float middle) {
        const std::size_t bytes = row_bytes(type, shape[0]);
        auto& data = data_.emplace_back(bytes * static_cast<std::size_t>(shape[1] * shape[2]));
        std::vector<float> row(static_cast<std::size_t>(shape[0]));
        for (std::size_t at = 0; at < data.size(); at += bytes) {
            for (float& x : row)
                x = middle + size * random();
            encode_row(type, row, data.data() + at);
        }
        tensors_.push_back({"weight", type, std::move(shape), data.data(), data.size()});
        sources_.push_back(
            {.name = "weight", .role = WeightRole::Attention, .use = use, .tensor = &tensors_.back()});
        return static_cast<WeightId>(sources_.size()) - 1;
    }

    BlockType type_;
    std::uint64_t seed_ = 0;
    std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
    std::deque<std::vector<std::byte>> data_;
    std::deque<TensorView> tensors_; ///< sources point into it
    std::vector<WeightSource> sources_;
};

/// Whether they are the same but for rounding, of which prompts in F16 have the most: up to 3e-5 of the power
/// in whole models. A fault is many times that. What is no number is not.
bool agree(const std::vector<float>& card, const std::vector<float>& cpu) {
    double error = 0, power = 0;
    for (std::size_t i = 0; i < cpu.size(); ++i) {
        error += std::pow(static_cast<double>(card[i]) - static_cast<double>(cpu[i]), 2);
        power += std::pow(static_cast<double>(cpu[i]), 2);
    }
    return card.size() == cpu.size() && error <= 2e-4 * power;
}

bool agrees(BlockType type, Backend& card, Backend& cpu) {
    const CheckModel model(type);
    using Form = CheckModel::Form;
    constexpr int kAnswers = 3, kFew = 5, kPrompt = 70;
    return std::ranges::all_of(std::initializer_list<std::pair<int, Form>>{{kAnswers, Form::Alone},
                                                                           {kFew, Form::Together},
                                                                           {kPrompt, Form::Prompt}},
                               [&](const auto& form) {
                                   return agree(model.logits(card, form.first, form.second),
                                                model.logits(cpu, form.first, form.second));
                               });
}

} // namespace

std::string SelfCheck::trouble() {
    const std::lock_guard lock(mutex_);
    if (!known_.trouble) {
        const auto card = make_trial_(StepLaunches::Graphs);
        const auto cpu = make_cpu_backend({.threads = 1});
        // Floats need none of the products of tiles: where they differ, it is something else.
        known_.trouble =
            agrees(BlockType::F32, *card, *cpu) ? "" : "its kernels compute something else than the CPU";
        memory_.add(card_, known_);
    }
    return *known_.trouble;
}

bool SelfCheck::serves(BlockType type) {
    if (type == BlockType::F32 || tile_group(type).columns == 0 || !encodable(type))
        return true;
    const std::lock_guard lock(mutex_);
    const auto known = known_.serves.find(type);
    if (known != known_.serves.end())
        return known->second;
    const auto card = make_trial_(StepLaunches::Graphs);
    const auto cpu = make_cpu_backend({.threads = 1});
    const bool serves = agrees(type, *card, *cpu);
    known_.serves[type] = serves;
    memory_.add(card_, known_);
    return serves;
}

bool SelfCheck::takes_programs() {
    constexpr int kMostTrials = 2;
    const std::lock_guard lock(mutex_);
    if (known_.takes_programs)
        return *known_.takes_programs;
    if (known_.program_trials >= kMostTrials)
        return false;
    const auto note = [&](int trials) {
        known_.program_trials += trials;
        memory_.add(card_, known_);
    };
    note(1); // should this process not come back
    try {
        const CheckModel model(BlockType::Q8_0, kWideVocabulary);
        const auto logits = [&](StepLaunches launches) {
            return model.logits(*make_trial_(launches), kManyRows, CheckModel::Form::Behind);
        };
        known_.takes_programs = logits(StepLaunches::Programs) == logits(StepLaunches::Graphs);
        note(-1);
    } catch (const DeviceLost&) {
        known_.takes_programs = false;
        note(-1);
        throw;
    } catch (...) { // memory, say, that was short
        note(-1);
        throw;
    }
    return *known_.takes_programs;
}

bool SelfCheck::is_off(BlockType type) const {
    const std::lock_guard lock(mutex_);
    const auto known = known_.serves.find(type);
    return known != known_.serves.end() && !known->second;
}

} // namespace switchyard::cuda
