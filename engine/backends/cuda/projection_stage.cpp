#include "engine/backends/cuda/projection_stage.h"

#include <algorithm>

namespace switchyard::cuda {

namespace {

std::vector<WeightId> weights_of(const std::vector<ProjectStep>& steps) {
    std::vector<WeightId> ids;
    for (const ProjectStep& s : steps)
        ids.push_back(s.weight);
    return ids;
}

} // namespace

ProjectionStage::ProjectionStage(const FusedProjection& fused, const StageMaker& maker)
    : in_(fused.in), width_(maker.plan.values[static_cast<std::size_t>(fused.in)]),
      input_(maker, fused.norm, weights_of(fused.steps)), steps_(fused.steps) {
    for (const ProjectStep& s : steps_) {
        maker.weights.add_prompt_weight(s.weight);
        widths_.push_back(maker.plan.values[static_cast<std::size_t>(s.out)]);
    }
}

void ProjectionStage::reserve(const StepShape& shape, Scratch& scratch) const {
    input_.reserve(shape, scratch, width_);
    for (const int width : widths_)
        scratch.dense.want(shape.library_rows, width, width_);
}

void ProjectionStage::count(const StepShape& shape, const WeightSet& weights, StageTable& table) const {
    for (const ProjectStep& s : steps_)
        count_products(weights[s.weight], 1, shape.rows, table.of(StageKind::Attention));
}

void ProjectionStage::prepare(const DenseRoom& room) const {
    for (const int width : widths_)
        room.takes_matrix(width, padded_columns(width_));
}

void ProjectionStage::launch(StepLaunch& step) const {
    step.enter(StageKind::Attention);
    if (takes_row(step)) {
        for (std::size_t first = 0; first < steps_.size(); first += kProductTargets)
            step.launch_row_product(row_params(step, first));
        return;
    }
    const PreparedInput::Source source = PreparedInput::source_of(step, in_);
    const PreparedRows in = input_.launch_answers(step, source);
    const HalfRows prompts = input_.launch_prompts(step, source);
    for (std::size_t first = 0; first < steps_.size(); first += kProductTargets) {
        ProductParams p = {};
        p.in = in;
        add_targets(step, first, p);
        step.launch_products(p, prompts);
    }
}

RowProductParams ProjectionStage::row_params(const StepLaunch& step, std::size_t first) const {
    RowProductParams p = input_.row_params(step, in_);
    add_targets(step, first, p.product);
    return p;
}

void ProjectionStage::add_targets(const StepLaunch& step, std::size_t first, ProductParams& params) const {
    for (std::size_t i = first; i < std::min<std::size_t>(steps_.size(), first + kProductTargets); ++i) {
        const ProjectStep& s = steps_[i];
        params.targets[params.target_count++] = {.matrices = step.weights.entry(s.weight),
                                                 .bias = step.weights.entry(s.bias),
                                                 .out = step.value(s.out),
                                                 .out_stride = step.width(s.out),
                                                 .out_head_stride = 0,
                                                 .heads = 1,
                                                 .matrix_rows = step.width(s.out),
                                                 .add = s.add};
    }
}

bool ProjectionStage::overwrites_input() const {
    return std::ranges::any_of(steps_, [&](const ProjectStep& s) { return s.out == in_; });
}

} // namespace switchyard::cuda
