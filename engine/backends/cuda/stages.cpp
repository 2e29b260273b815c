// The stages of a plan: what CUDA launches of the steps that neither attend nor choose experts.
#include "engine/backends/cuda/attention_stages.h"
#include "engine/backends/cuda/chosen_stages.h"
#include "engine/backends/cuda/compressed_stages.h"
#include "engine/backends/cuda/feed_forward_stage.h"
#include "engine/backends/cuda/prepared_input.h"
#include "engine/backends/cuda/projection_stage.h"
#include "engine/backends/cuda/stage.h"
#include "engine/backends/cuda/state_stages.h"
#include "engine/backends/cuda/stream_stages.h"
#include "engine/backends/cuda/value_stages.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace switchyard::cuda {

namespace {

std::size_t bytes_of(int rows, std::int64_t width) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width) * sizeof(float);
}

class EmbedStage : public Stage {
  public:
    explicit EmbedStage(const EmbedStep& step) : step_(step) {}
    void reserve(const StepShape&, Scratch&) const override {}
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Embedding);
        step.launch<Kernel::Embed>(embed_grid(step.rows()), {.table = step.weights.entry(step_.table),
                                                             .rows = step.inputs.rows(),
                                                             .out = step.value(step_.out),
                                                             .out_stride = step.width(step_.out),
                                                             .width = step.width(step_.out),
                                                             .scale = step_.scale});
    }

  private:
    EmbedStep step_;
};

/// cos and sin of all frequencies for the batch's rows.
class RopeStage : public Stage {
  public:
    RopeStage(const std::vector<RopeFrequencies>& ropes, Constants& constants) {
        for (const RopeFrequencies& rope : ropes) {
            Rope& own = ropes_.emplace_back(constants.add(rope.inverse),
                                            static_cast<std::int32_t>(rope.inverse.size()), rope.magnitude);
            if (!rope.long_inverse.empty()) {
                own.long_inverse = constants.add(rope.long_inverse);
                own.long_magnitude = rope.long_magnitude;
            }
        }
    }
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        for (std::size_t i = 0; i < ropes_.size(); ++i) {
            scratch.ropes[i].cosines.want(bytes_of(shape.rows, ropes_[i].pairs));
            scratch.ropes[i].sines.want(bytes_of(shape.rows, ropes_[i].pairs));
        }
    }
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Embedding);
        for (std::size_t first = 0; first < ropes_.size(); first += kRopeTables) {
            RopeTablesParams p = {};
            p.rows = step.inputs.rows();
            p.row_count = step.rows();
            for (std::size_t i = first; i < std::min<std::size_t>(ropes_.size(), first + kRopeTables); ++i)
                p.table[p.tables++] = {.inverse_frequencies = step.constants.at(ropes_[i].inverse),
                                       .cosines = step.scratch.ropes[i].cosines.get<float>(),
                                       .sines = step.scratch.ropes[i].sines.get<float>(),
                                       .magnitude = ropes_[i].magnitude,
                                       .pairs = ropes_[i].pairs,
                                       .long_frequencies = ropes_[i].long_inverse
                                                               ? step.constants.at(*ropes_[i].long_inverse)
                                                               : nullptr,
                                       .long_magnitude = ropes_[i].long_magnitude};
            step.launch<Kernel::RopeTables>(rope_grid(step.rows()), p);
        }
    }

  private:
    struct Rope {
        std::size_t inverse;
        std::int32_t pairs;
        float magnitude;
        std::optional<std::size_t> long_inverse = {};
        float long_magnitude = 1.0f;
    };
    std::vector<Rope> ropes_;
};

class HeadStage : public Stage {
  public:
    HeadStage(const FusedHead& fused, const StageMaker& maker)
        : fused_(fused), width_(maker.plan.values[static_cast<std::size_t>(fused.in)]),
          vocabulary_(maker.plan.vocabulary), input_(maker, fused.norm, {fused.step.weight}) {}
    void count(const StepShape& shape, const WeightSet& weights, StageTable& table) const override {
        count_products(weights[fused_.step.weight], shape.logit_rows > 0, shape.logit_rows,
                       table.of(StageKind::Head));
    }
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        input_.reserve(shape, scratch, width_);
        scratch.logits.want(bytes_of(shape.logit_rows, vocabulary_));
    }
    void launch(StepLaunch& step) const override {
        if (step.shape.logit_rows == 0)
            return;
        step.enter(StageKind::Head);
        multiply(step);
        if (!scaled())
            return;
        const GridSize grid = value_grid(vocabulary_, step.shape.logit_rows);
        step.launch<Kernel::Scale>(grid, {.values = step.scratch.logits.get<float>(),
                                          .bias = step.weights.entry(fused_.step.bias),
                                          .scaler = nullptr,
                                          .width = vocabulary_,
                                          .factor = fused_.step.scale,
                                          .cap = fused_.step.cap});
    }

  private:
    /// What is behind the product, its bias among it.
    bool scaled() const { return fused_.step.scale != 1.0f || fused_.step.cap > 0; }
    void multiply(StepLaunch& step) const {
        const ProductTarget target = {.matrices = step.weights.entry(fused_.step.weight),
                                      .bias = scaled() ? nullptr : step.weights.entry(fused_.step.bias),
                                      .out = step.scratch.logits.get<float>(),
                                      .out_stride = vocabulary_,
                                      .out_head_stride = 0,
                                      .heads = 1,
                                      .matrix_rows = vocabulary_,
                                      .add = false};
        if (step.prepares_row(width_)) {
            RowProductParams p = input_.row_params(step, fused_.in);
            p.product.targets[p.product.target_count++] = target;
            return step.launch_row_product(p);
        }
        ProductParams p = {};
        p.in = input_.launch_logit_rows(step, fused_.in);
        p.rows = step.shape.logit_rows;
        p.targets[p.target_count++] = target;
        step.launch_product(p);
    }

    FusedHead fused_;
    int width_, vocabulary_;
    PreparedInput input_;
};

bool makes(const FusedProjection& projection, ValueId value) {
    return std::ranges::any_of(projection.steps, [&](const ProjectStep& s) { return s.out == value; });
}

std::unique_ptr<Stage> stage_of(const EmbedStep& s, const StageMaker&) {
    return std::make_unique<EmbedStage>(s);
}
std::unique_ptr<Stage> stage_of(const FusedProjection& s, const StageMaker& maker) {
    return std::make_unique<ProjectionStage>(s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedAttention& s, const StageMaker& maker) {
    return make_attention_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedLatentAttention& s, const StageMaker& maker) {
    return make_attention_stage(nullptr, s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedIndex& s, const StageMaker& maker) {
    return make_index_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const CompressStep& s, const StageMaker& maker) {
    return make_compress_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedCompressedAttention& s, const StageMaker& maker) {
    return make_compressed_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const MixStreamsStep& s, const StageMaker&) { return make_stream_stage(s); }
std::unique_ptr<Stage> stage_of(const SpreadStreamsStep& s, const StageMaker&) {
    return make_stream_stage(s);
}
std::unique_ptr<Stage> stage_of(const GroupedProjectStep& s, const StageMaker& maker) {
    return make_grouped_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedRecurrence& s, const StageMaker& maker) {
    return make_state_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const ConvolutionStep& s, const StageMaker& maker) {
    return make_state_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const DeltaRuleStep& s, const StageMaker& maker) {
    return make_state_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const StateSpaceStep& s, const StageMaker& maker) {
    return make_state_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedAddedNorm& s, const StageMaker&) { return make_value_stage(s); }
std::unique_ptr<Stage> stage_of(const AddStep& s, const StageMaker&) { return make_value_stage(s); }
std::unique_ptr<Stage> stage_of(const ScaleStep& s, const StageMaker&) { return make_value_stage(s); }
std::unique_ptr<Stage> stage_of(const SplitStep& s, const StageMaker&) { return make_value_stage(s); }
std::unique_ptr<Stage> stage_of(const GateStep& s, const StageMaker&) { return make_value_stage(s); }
std::unique_ptr<Stage> stage_of(const FusedFeedForward& s, const StageMaker& maker) {
    return make_feed_forward_stage(s, maker);
}
std::unique_ptr<Stage> stage_of(const FusedHead& s, const StageMaker& maker) {
    return std::make_unique<HeadStage>(s, maker);
}

} // namespace

void StepLaunch::launch_products(const ProductParams& params, const HalfRows& prompts) {
    const int answers = shape.answer_rows();
    if (answers > 0) {
        ProductParams p = params;
        p.rows = answers;
        launch_product(p);
    }
    const auto part = [&](int first, int rows) {
        PromptProductParams p = {};
        p.target_count = params.target_count;
        const int heads = params.targets[0].heads; // of one input all have as many
        for (int i = 0; i < p.target_count; ++i) {
            p.targets[i] = params.targets[i];
            p.targets[i].out += (answers + first) * p.targets[i].out_stride;
        }
        p.rows = rows;
        p.in = prompts;
        p.in.values += std::int64_t{first} * heads * p.in.padded;
        p.in.scales += std::int64_t{first} * heads;
        p.ranges = weights.ranges();
        return p;
    };
    if (const int own = shape.own_prompt_rows(); own > 0) {
        const PromptProductParams p = part(0, own);
        launch<Kernel::PromptProduct>(prompt_product_grid(p), p);
    }
    if (shape.library_rows > 0)
        launch_dense_products(scratch.dense.room(), part(shape.own_prompt_rows(), shape.library_rows),
                              Launches{*this});
}

void StepLaunch::launch_attention(AttentionParams params, bool prompts) {
    const auto launch_part = [&](const AttentionParams& part, bool of_prompts) {
        cuda::launch_attention(stream, part, of_prompts, device, next());
    };
    if (!prompts || !pace)
        return launch_part(params, prompts);
    if (params.split_rows > 0)
        launch_part(params, false);
    params.split_rows = 0;
    // Each product is done with both parts of a query, or of softmax's weights.
    const double a_row = 2.0 * params.heads * shape.context * (params.cache.key_dim + params.value_dim);
    const int all = params.row_count, most = pace->most_rows(a_row);
    for (int first = 0; first < all; first += most) {
        params.row_count = std::min(most, all - first);
        launch_part(params, true);
        pace->add(a_row * params.row_count);
        params.rows += params.row_count;
        params.q += std::int64_t{params.row_count} * params.heads * params.cache.key_dim;
        params.out += std::int64_t{params.row_count} * params.heads * params.value_dim;
        params.rows_before += params.row_count;
    }
}

std::size_t Constants::add(const std::vector<float>& values) {
    const std::size_t place = values_.size();
    values_.insert(values_.end(), values.begin(), values.end());
    values_.resize((values_.size() + 63) / 64 * 64);
    return place;
}

void Constants::upload(DevicePool& pool) {
    if (values_.empty())
        return;
    const std::size_t bytes = values_.size() * sizeof(float);
    memory_ = pool.allocate(bytes, "a model's constants");
    HostBuffer host(pool.device());
    std::memcpy(host.reserve(bytes), values_.data(), bytes);
    const auto stream = pool.device().make_stream();
    stream->copy_to_device(memory_.get(), host.data(), bytes);
    stream->synchronise();
}

std::vector<std::unique_ptr<Stage>> compile_stages(const FusedPlan& fused, const StageMaker& maker) {
    std::vector<std::unique_ptr<Stage>> stages;
    if (!fused.ropes.empty())
        stages.push_back(std::make_unique<RopeStage>(fused.ropes, maker.constants));
    for (std::size_t i = 0; i < fused.steps.size(); ++i) {
        const auto* projection = std::get_if<FusedProjection>(&fused.steps[i]);
        const auto* latent = projection && i + 1 < fused.steps.size()
                                 ? std::get_if<FusedLatentAttention>(&fused.steps[i + 1])
                                 : nullptr;
        if (latent && makes(*projection, latent->step.q)) {
            stages.push_back(make_attention_stage(projection, *latent, maker));
            ++i;
        } else
            stages.push_back(std::visit([&](const auto& s) { return stage_of(s, maker); }, fused.steps[i]));
    }
    return stages;
}

} // namespace switchyard::cuda
