// Sparse attention: what rows choose of their context, and attention to that alone.
#pragma once

#include "engine/backends/cuda/stage.h"
#include "kernels/cuda/chosen_kernels.h"

namespace switchyard::cuda {

/// What a table of choices is like that some IndexStep of the plan fills, but for its memory.
ChoiceTable choice_table(const Plan& plan, ChoiceId choice);
/// The same for a step, with its memory.
ChoiceTable choice_table(const StepLaunch& step, ChoiceId choice);

/// Queries that attend, [rows][heads][key_dim], and what they attend to.
struct ChosenQueries {
    const float* q;
    float* out; ///< [rows][heads][value_dim]
    const MatrixView* sinks;
    int heads, value_dim;
    int window; ///< tokens in front of the rows; with `made` alone
    float scale;
    float cap = 0, value_scale = 1; ///< AttentionStep's
    QueryTemperature temperature = {};
    ChoiceId choice; ///< kNoChoice: all rows
    bool made;       ///< as ChosenParams
    int kept = -1;   ///< index into Plan::kv: rows of several tokens; -1: none
};
void want_chosen(const StepShape& shape, Scratch& scratch, int heads, int value_dim);
void launch_chosen(StepLaunch& step, const KvLayerView& cache, const ChosenQueries& queries);

/// Throws Error where the kernels do not take its shape.
std::unique_ptr<Stage> make_index_stage(const FusedIndex& fused, const StageMaker& maker);
/// Attention with a choice.
std::unique_ptr<Stage> make_chosen_stage(const FusedAttention& fused);

} // namespace switchyard::cuda
