#include "engine/backends/cuda/feed_forward_stage.h"

#include "engine/backends/cuda/fetched_feed_forward.h"
#include "engine/backends/cuda/prepared_input.h"
#include "engine/backends/cuda/weighed_inputs.h"
#include "engine/base/error.h"
#include "engine/model/router.h"

#include <algorithm>
#include <string>

namespace switchyard::cuda {
namespace {

GatedActivation gated(Activation activation) {
    switch (activation) {
    case Activation::Silu:
        return GatedActivation::Silu;
    case Activation::Gelu:
        return GatedActivation::Gelu;
    case Activation::ClampedSilu:
        return GatedActivation::ClampedSilu;
    case Activation::LimitedSilu:
        return GatedActivation::LimitedSilu;
    case Activation::Relu:
        return GatedActivation::Relu;
    }
    return GatedActivation::Silu;
}

RouteRule rule_of(const Routing& routing) {
    const auto gate = [&] {
        switch (routing.gate) {
        case GateFunction::Softmax:
            return RouterGate::Softmax;
        case GateFunction::Sigmoid:
            return RouterGate::Sigmoid;
        case GateFunction::SoftmaxChosen:
            return RouterGate::SoftmaxChosen;
        case GateFunction::SqrtSoftplus:
            return RouterGate::SqrtSoftplus;
        case GateFunction::SparseMixer:
            return RouterGate::SparseMixer;
        }
        return RouterGate::Softmax;
    }();
    return {.experts = routing.experts,
            .active = routing.active,
            .gate = gate,
            .normalise = routing.normalise,
            .scale = routing.scale,
            .groups = routing.groups,
            .groups_kept = routing.groups_kept,
            .group_score_top2 = routing.group_score_top2};
}

/// How a block's halves are joined.
struct Joining {
    GatedActivation activation;
    float alpha, limit;
};
Joining joining_of(const auto& step) {
    return {gated(step.activation), step.activation == Activation::LimitedSilu ? 1.0f : step.clamp.alpha,
            step.clamp.limit};
}

/// The weights that read the blocks' input.
std::vector<WeightId> readers(const FusedFeedForward& fused) {
    std::vector<WeightId> ids;
    if (fused.route && !fused.route_norm)
        ids.push_back(fused.route->weight);
    if (fused.experts)
        ids.insert(ids.end(), {fused.experts->gate, fused.experts->up});
    for (const FeedForwardStep& block : fused.blocks)
        ids.insert(ids.end(), {block.gate, block.up});
    return ids;
}

/// Those that read hidden neurons.
std::vector<WeightId> hidden_readers(const FusedFeedForward& fused) {
    std::vector<WeightId> ids;
    if (fused.experts)
        ids.push_back(fused.experts->down);
    for (const FeedForwardStep& block : fused.blocks)
        ids.push_back(block.down);
    return ids;
}

/// Of a block or of experts: up alone where it is the gate as well.
std::vector<WeightId> matrices_of(const auto& step) {
    std::vector<WeightId> ids = {step.up, step.down};
    if (step.gate != step.up)
        ids.insert(ids.begin(), step.gate);
    return ids;
}

bool has_output_gate(const FusedFeedForward& fused) {
    return std::ranges::any_of(fused.blocks,
                               [](const FeedForwardStep& block) { return block.output_gate != kNoWeight; });
}

class FeedForwardStage : public Stage {
  public:
    FeedForwardStage(const FusedFeedForward& fused, const StageMaker& maker)
        : fused_(fused), width_(maker.plan.values[static_cast<std::size_t>(fused.in)]),
          out_width_(maker.plan.values[static_cast<std::size_t>(fused.out)]),
          input_(maker, fused.norm, readers(fused), fused.route || has_output_gate(fused)),
          arrivals_(maker.arrivals.add(1)) {
        if (fused.route_norm)
            route_input_.emplace(maker, fused.route_norm, std::vector{fused.route->weight}, true);
        maker.weights.add_input(hidden_readers(fused)); // for the formats that scratch has room for
        if (fused.blocks.size() > kMostDenseBlocks)
            throw Error("a layer has more feed-forward blocks than this device's kernels take");
        if (fused.route && fused.route->routing.experts > kMostExperts)
            throw Error("a layer has " + std::to_string(fused.route->routing.experts) +
                        " experts, and this device's kernels take " + std::to_string(kMostExperts));
        if (fused.route && !fused.route->constant_bias.empty())
            constant_bias_ = maker.constants.add(fused.route->constant_bias);
        if (fused.experts)
            for (const WeightId id : matrices_of(*fused.experts))
                maker.weights.add_prompt_weight(id);
        for (const FeedForwardStep& block : fused.blocks)
            for (const WeightId id : matrices_of(block))
                maker.weights.add_prompt_weight(id);
    }
    void reserve(const StepShape& shape, Scratch& scratch) const override;
    void launch(StepLaunch& step) const override;
    void count(const StepShape& shape, const WeightSet& weights, StageTable& table) const override;
    void prepare(const DenseRoom& room) const override;

  private:
    StageKind kind() const { return fused_.route ? StageKind::Experts : StageKind::FeedForward; }
    int experts() const { return fused_.route ? fused_.route->routing.experts : 0; }
    /// Room for choices of a row.
    int most(const StepShape& shape) const { return fused_.route ? std::min(shape.experts, experts()) : 0; }
    /// Rows of the batch.
    struct Span {
        int first, count;
    };
    GatedMatrices expert(const WeightTable* weights) const;
    /// `first`: the row that output weights begin with.
    void dense_blocks(const StepLaunch* step, DenseBlock* blocks, int first = 0) const;
    void launch_router(StepLaunch& step, const PreparedRows& in) const;
    void choose(StepLaunch& step, const PreparedRows& in) const;
    RouteParams route_params(const StepLaunch& step, const PreparedRows& in) const;
    UnitsParams units_params(const StepLaunch& step, Span rows) const;
    FeedForwardParams params(const StepLaunch& step, Span rows) const;
    bool lists_at_once(const StepLaunch& step) const {
        return step.shape.prompt_rows == 0 && step.rows() <= kFewRouteRows && !step.fetch &&
               !is_other_router(*fused_.route) && !weighs_inputs();
    }
    bool weighs_inputs() const { return fused_.experts && fused_.experts->weigh_input; }
    /// The router's logits are made by launches of their own, and so is what follows.
    bool routes_apart() const {
        return fused_.route && (route_input_ || weighs_inputs() || is_other_router(*fused_.route));
    }
    bool launch_row(StepLaunch& step) const;
    void launch_answers(StepLaunch& step, const PreparedRows& in) const;
    /// `all`: as floats, where experts' inputs are weighed.
    void launch_prompts(StepLaunch& step, const PreparedRows& all, const HalfRows& in) const;
    PromptFeedForward prompt_params(const StepLaunch& step, Span rows, const HalfRows& in) const;
    /// Null where weights multiply results.
    std::optional<WeighedInputs> weighed(const StepLaunch& step, Span rows, const PreparedRows& in) const;
    void reserve_prompts(const StepShape& shape, FeedForwardParams p, Scratch& scratch) const;

    FusedFeedForward fused_;
    int width_, out_width_;
    PreparedInput input_;
    std::optional<PreparedInput> route_input_; ///< of a router with a norm of its own
    std::optional<std::size_t> constant_bias_;
    std::size_t arrivals_; ///< at the router's logits
};

/// `weights`: null where only shapes are asked for.
GatedMatrices FeedForwardStage::expert(const WeightTable* weights) const {
    if (!fused_.experts)
        return {};
    const ExpertsStep& s = *fused_.experts;
    const auto entry = [&](WeightId id) { return weights ? weights->entry(id) : nullptr; };
    const Joining joining = joining_of(s);
    return {.gate = entry(s.gate),
            .up = entry(s.up),
            .down = entry(s.down),
            .gate_bias = entry(s.gate_bias),
            .up_bias = entry(s.up_bias),
            .down_bias = entry(s.down_bias),
            .width = s.width,
            .activation = joining.activation,
            .clamp_alpha = joining.alpha,
            .clamp_limit = joining.limit};
}

void FeedForwardStage::dense_blocks(const StepLaunch* step, DenseBlock* blocks, int first) const {
    const auto entry = [&](WeightId id) { return step ? step->weights.entry(id) : nullptr; };
    for (std::size_t b = 0; b < fused_.blocks.size(); ++b) {
        const FeedForwardStep& s = fused_.blocks[b];
        const Joining joining = joining_of(s);
        blocks[b] = {.matrices = {.gate = entry(s.gate),
                                  .up = entry(s.up),
                                  .down = entry(s.down),
                                  .gate_bias = entry(s.gate_bias),
                                  .up_bias = entry(s.up_bias),
                                  .down_bias = entry(s.down_bias),
                                  .width = s.width,
                                  .activation = joining.activation,
                                  .clamp_alpha = joining.alpha,
                                  .clamp_limit = joining.limit},
                     .output_gate = entry(s.output_gate),
                     .output_weights = step && s.output_gate != kNoWeight
                                           ? step->scratch.output_weights.get<float>() +
                                                 b * static_cast<std::size_t>(step->rows()) + first
                                           : nullptr};
    }
}

void FeedForwardStage::reserve(const StepShape& shape, Scratch& scratch) const {
    input_.reserve(shape, scratch, width_);
    if (route_input_)
        route_input_->reserve(shape, scratch, width_);
    FeedForwardParams p = {};
    p.expert = expert(nullptr);
    p.most = most(shape);
    if (weighs_inputs())
        WeighedInputs::reserve(shape, width_, p.most, scratch);
    p.block_count = static_cast<std::int32_t>(fused_.blocks.size());
    dense_blocks(nullptr, p.blocks);
    p.row_count = shape.answer_rows();
    scratch.hidden.want(1, hidden_columns(p), shape.formats);
    reserve_prompts(shape, p, scratch);
    if (shape.fetches && fused_.route)
        FetchedFeedForward::reserve(shape, p, scratch);
    const auto rows = static_cast<std::size_t>(shape.rows), pairs = rows * static_cast<std::size_t>(p.most);
    scratch.output_weights.want(rows * fused_.blocks.size() * sizeof(float));
    if (!fused_.route)
        return;
    const auto count = static_cast<std::size_t>(experts());
    scratch.router_logits.want(rows * count * sizeof(float));
    scratch.choices[static_cast<std::size_t>(fused_.route->route)].want(pairs * sizeof(ExpertChoice));
    scratch.choice_counts.want(rows * sizeof(std::int32_t));
    scratch.feed_forward_list.want(sizeof(FeedForwardList));
    scratch.units.want(count * sizeof(FeedForwardUnit));
    scratch.pair_rows.want(pairs * sizeof(std::int32_t));
    scratch.pair_weights.want(pairs * sizeof(float));
}

void FeedForwardStage::reserve_prompts(const StepShape& shape, FeedForwardParams p, Scratch& scratch) const {
    p.row_count = shape.prompt_rows;
    p.out_width = out_width_;
    const std::int64_t columns = prompt_hidden_columns(p), rows = prompt_hidden_rows(p),
                       results = prompt_result_floats(p);
    scratch.hidden_halves.values.want(static_cast<std::size_t>(prompt_hidden_halves(p, shape.library_rows)) *
                                      sizeof(std::uint16_t));
    for (const FeedForwardStep& block : fused_.blocks) {
        scratch.dense.want_gated(shape.library_rows, block.width, width_);
        scratch.dense.want(shape.library_rows, out_width_, block.width);
    }
    scratch.hidden_halves.scales.want(static_cast<std::size_t>(rows) * sizeof(float));
    // Where experts come in groups, one's hidden neurons stand beside the results of those before.
    const std::int64_t floats = shape.fetches ? columns + results : std::max(columns, results);
    scratch.prompt_floats.want(static_cast<std::size_t>(floats) * sizeof(float));
    scratch.row_pairs.want(static_cast<std::size_t>(p.row_count * p.most) * sizeof(std::int32_t));
}

void FeedForwardStage::prepare(const DenseRoom& room) const {
    for (const FeedForwardStep& block : fused_.blocks) {
        room.takes_gated(block.width, padded_columns(width_));
        room.takes_matrix(out_width_, padded_columns(block.width));
    }
}

RouteParams FeedForwardStage::route_params(const StepLaunch& step, const PreparedRows& in) const {
    RouteParams p = {};
    p.rows = step.inputs.rows();
    p.row_count = step.rows();
    p.in = in.floats;
    p.in_stride = in.padded;
    p.in_width = width_;
    p.block_count = static_cast<std::int32_t>(fused_.blocks.size());
    dense_blocks(&step, p.blocks);
    if (!fused_.route)
        return p;
    const RouteStep& s = *fused_.route;
    p.rule = rule_of(s.routing);
    p.logits = step.scratch.router_logits.get<float>();
    p.bias = step.weights.entry(s.bias);
    p.selection_bias = step.weights.entry(s.selection_bias);
    p.constant_bias = constant_bias_ ? step.constants.at(*constant_bias_) : nullptr;
    const std::size_t words = expert_set_words(step.plan.experts);
    p.off_masks = step.inputs.off_masks() + static_cast<std::size_t>(s.route) * words;
    p.off_mask_stride = static_cast<std::int64_t>(words) * step.plan.routes;
    p.most = most(step.shape);
    p.choices = step.scratch.choices[static_cast<std::size_t>(s.route)].get<ExpertChoice>();
    p.counts = step.scratch.choice_counts.get<std::int32_t>();
    return p;
}

UnitsParams FeedForwardStage::units_params(const StepLaunch& step, Span rows) const {
    UnitsParams p = {};
    p.most = most(step.shape);
    p.choices = step.scratch.choices[static_cast<std::size_t>(fused_.route->route)].get<ExpertChoice>() +
                rows.first * p.most;
    p.counts = step.scratch.choice_counts.get<std::int32_t>() + rows.first;
    p.row_count = rows.count;
    p.experts = experts();
    p.expert = expert(&step.weights);
    p.list = step.scratch.feed_forward_list.get<FeedForwardList>();
    p.units = step.scratch.units.get<FeedForwardUnit>();
    p.pair_rows = step.scratch.pair_rows.get<std::int32_t>();
    p.pair_weights = step.scratch.pair_weights.get<float>();
    return p;
}

/// The router's logits: of answers each row for itself, of prompts as products.
void FeedForwardStage::launch_router(StepLaunch& step, const PreparedRows& in) const {
    const MatrixView* matrix = step.weights.entry(fused_.route->weight);
    float* logits = step.scratch.router_logits.get<float>();
    const int answers = step.shape.answer_rows();
    if (answers > 0)
        step.launch<Kernel::RouterLogits>(router_grid(experts(), answers), {.matrix = matrix,
                                                                            .in = in.floats,
                                                                            .in_stride = in.padded,
                                                                            .in_width = width_,
                                                                            .row_count = answers,
                                                                            .experts = experts(),
                                                                            .logits = logits});
    if (step.shape.prompt_rows == 0)
        return;
    ProductParams p = {};
    p.in = in.from(answers);
    p.rows = step.shape.prompt_rows;
    p.target_count = 1;
    p.targets[0] = {.matrices = matrix,
                    .bias = nullptr,
                    .out = logits + std::int64_t{answers} * experts(),
                    .out_stride = experts(),
                    .out_head_stride = 0,
                    .heads = 1,
                    .matrix_rows = experts(),
                    .add = false};
    step.launch_product(p);
}

/// The router's logits, then each row's experts, unless rows are so few that this waits for the blocks.
void FeedForwardStage::choose(StepLaunch& step, const PreparedRows& in) const {
    if (!fused_.route) {
        if (has_output_gate(fused_))
            step.launch<Kernel::Route>(route_grid(step.rows()), route_params(step, in));
        return;
    }
    if (!route_input_)
        launch_router(step, in);
    if (lists_at_once(step))
        return; // the gated blocks' own launches route
    const RouteParams route = route_params(step, in);
    if (const RouteStep& s = *fused_.route; is_other_router(s))
        step.launch<Kernel::RouteOther>(route_grid(step.rows()),
                                        {.route = route,
                                         .logit_scale = s.logit_scale,
                                         .cap = s.cap,
                                         .nearness = s.routing.nearness,
                                         .expert_scale = step.weights.entry(s.expert_scale),
                                         .by_token = step.weights.entry(s.by_token)});
    else
        step.launch<Kernel::Route>(route_grid(step.rows()), route);
    if (step.fetch)
        step.fetch->ask(route.choices, route.row_count, route.most);
}

/// Of routed experts as many as so many choices meet at most.
void FeedForwardStage::count(const StepShape& shape, const WeightSet& weights, StageTable& table) const {
    if (fused_.route) {
        count_products(weights[fused_.route->weight], 1, shape.rows, table.of(StageKind::Router));
        const double choices =
            static_cast<double>(shape.rows) * active_experts(fused_.route->routing, shape.experts);
        const double met = std::min(choices, static_cast<double>(experts()));
        for (const WeightId id : matrices_of(*fused_.experts))
            count_products(weights[id], met, choices / met, table.of(StageKind::Experts));
    }
    for (const FeedForwardStep& block : fused_.blocks)
        for (const WeightId id : matrices_of(block))
            count_products(weights[id], 1, shape.rows, table.of(kind()));
}

/// But for its inputs and the room for hidden neurons.
FeedForwardParams FeedForwardStage::params(const StepLaunch& step, Span rows) const {
    FeedForwardParams p = {};
    if (fused_.route) {
        p.list = step.scratch.feed_forward_list.get<FeedForwardList>();
        p.units = step.scratch.units.get<FeedForwardUnit>();
        p.pair_rows = step.scratch.pair_rows.get<std::int32_t>();
        p.pair_weights = step.scratch.pair_weights.get<float>();
        p.expert = expert(&step.weights);
        p.most = most(step.shape);
        p.most_units = std::min(experts(), rows.count * p.most);
    }
    p.in_width = width_;
    p.block_count = static_cast<std::int32_t>(fused_.blocks.size());
    dense_blocks(&step, p.blocks, rows.first);
    p.row_count = rows.count;
    p.out_stride = p.out_width = out_width_;
    p.out = step.value(fused_.out) + rows.first * p.out_stride;
    p.add = fused_.blocks.empty() ? fused_.experts->add : fused_.blocks.front().add;
    return p;
}

/// A step of one row, which is prepared and routed on the way; false: it is not to be had so.
bool FeedForwardStage::launch_row(StepLaunch& step) const {
    if (step.fetch || routes_apart() || (!fused_.route && has_output_gate(fused_)))
        return false;
    const Span row = {0, 1};
    GateUpRowParams p = {};
    p.up.layer = params(step, row);
    const GateUpRowPlan plan = plan_gate_up_row(p.up.layer, experts(), step.card);
    if (!plan.fits)
        return false;
    step.enter(kind());
    p.up.layer.hidden = step.scratch.hidden.rows_of(0);
    p.in = step.value(fused_.in);
    p.gain = input_.gain(step);
    p.epsilon = input_.epsilon();
    p.formats = input_.formats(step);
    p.staged = fused_.route ? plan.staged : 0;
    if (fused_.route) {
        p.up.routes = true;
        p.up.route = {.route = route_params(step, {}), .units = units_params(step, row)};
        p.router = step.weights.entry(fused_.route->weight);
        p.arrived = step.inputs.arrivals() + arrivals_;
    }
    step.launch_feed_forward_row(p, plan);
    return true;
}

void FeedForwardStage::launch_answers(StepLaunch& step, const PreparedRows& in) const {
    const Span rows = {0, step.shape.answer_rows()};
    if (rows.count == 0)
        return;
    FeedForwardParams p = params(step, rows);
    p.in = in;
    p.hidden = step.scratch.hidden.rows_of(0);
    const std::optional<WeighedInputs> weighed = this->weighed(step, rows, in);
    if (fused_.route && step.fetch)
        return FetchedFeedForward(step, *fused_.experts, rows.first, units_params(step, rows), weighed)
            .launch_answers(p);
    if (fused_.route && !lists_at_once(step))
        step.launch<Kernel::Units>({1, 1}, units_params(step, rows));
    if (weighed) {
        weighed->launch(step);
        return launch_weighed(step, p);
    }
    if (!fused_.route || !lists_at_once(step))
        return step.launch_feed_forward(p, nullptr);
    const RouteFewParams route = {.route = route_params(step, in), .units = units_params(step, rows)};
    step.launch_feed_forward(p, &route);
}

std::optional<WeighedInputs> FeedForwardStage::weighed(const StepLaunch& step, Span rows,
                                                       const PreparedRows& in) const {
    if (!weighs_inputs())
        return std::nullopt;
    return WeighedInputs(width_, rows.first, in, input_.formats(step), units_params(step, rows));
}

PromptFeedForward FeedForwardStage::prompt_params(const StepLaunch& step, Span rows,
                                                  const HalfRows& in) const {
    const Scratch& scratch = step.scratch;
    PromptFeedForward f = {};
    f.layer = params(step, rows);
    f.experts = experts();
    f.in = in;
    f.hidden = f.results = scratch.prompt_floats.get<float>();
    f.hidden_values = scratch.hidden_halves.values.get<std::uint16_t>();
    f.hidden_scales = scratch.hidden_halves.scales.get<float>();
    f.ranges = step.weights.ranges();
    f.library_rows = step.shape.library_rows;
    f.dense = scratch.dense.room();
    if (fused_.route) {
        f.row_pairs = scratch.row_pairs.get<std::int32_t>();
        f.counts = units_params(step, rows).counts;
    }
    if (weighs_inputs())
        f.layer.pair_rows = WeighedInputs::rows(step);
    return f;
}

void FeedForwardStage::launch_prompts(StepLaunch& step, const PreparedRows& all, const HalfRows& in) const {
    const Span rows = {step.shape.answer_rows(), step.shape.prompt_rows};
    if (rows.count == 0)
        return;
    const PromptFeedForward f = prompt_params(step, rows, in);
    const std::optional<WeighedInputs> weighed = this->weighed(step, rows, all);
    if (fused_.route && step.fetch)
        return FetchedFeedForward(step, *fused_.experts, rows.first, units_params(step, rows), weighed)
            .launch_prompts(f);
    if (fused_.route) {
        UnitsParams units = units_params(step, rows);
        units.row_pairs = step.scratch.row_pairs.get<std::int32_t>();
        step.launch<Kernel::Units>({1, 1}, units);
    }
    if (weighed)
        weighed->launch(step);
    launch_prompt_feed_forward(f, StepLaunch::Launches{step});
}

void FeedForwardStage::launch(StepLaunch& step) const {
    if (step.one_row() && launch_row(step))
        return;
    step.enter(fused_.route ? StageKind::Router : kind());
    const PreparedInput::Source source = PreparedInput::source_of(step, fused_.in);
    if (route_input_)
        launch_router(step, route_input_->launch(step, source));
    // What chooses experts or weighs blocks reads all rows alike.
    const PreparedRows in = fused_.route || has_output_gate(fused_) ? input_.launch(step, source)
                                                                    : input_.launch_answers(step, source);
    const HalfRows prompts = input_.launch_prompts(step, source);
    choose(step, in);
    step.enter(kind());
    launch_answers(step, in);
    launch_prompts(step, in, prompts);
}

} // namespace

bool is_other_router(const RouteStep& s) {
    return s.logit_scale != 1.0f || s.cap > 0 || s.expert_scale != kNoWeight || s.by_token != kNoWeight ||
           s.routing.gate == GateFunction::SparseMixer;
}

std::unique_ptr<Stage> make_feed_forward_stage(const FusedFeedForward& fused, const StageMaker& maker) {
    return std::make_unique<FeedForwardStage>(fused, maker);
}

} // namespace switchyard::cuda
