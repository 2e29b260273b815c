// The stages a plan is compiled to: neighbouring steps fused so that threads meet as seldom as possible.
#pragma once

#include "engine/backends/cpu/step_run.h"

#include <optional>

namespace switchyard::cpu {

/// Looks up the rows of the embedding table.
class EmbedStage : public Stage {
  public:
    explicit EmbedStage(const EmbedStep& step) : step_(step) {}
    void reserve(const StepShape&, Shared&, ScratchSizes&) const override {}
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    EmbedStep step_;
};

/// cos and sin for every row of the batch, once a step for all layers.
class RopeTableStage : public Stage {
  public:
    explicit RopeTableStage(std::size_t tables) : tables_(tables) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    std::size_t tables_;
};

/// A norm, where there is one, and the projections that read its result.
class ProjectionStage : public Stage {
  public:
    ProjectionStage(ValueId in, std::optional<NormStep> norm) : in_(in), norm_(norm) {}
    void add(const ProjectStep& step) { steps_.push_back(step); }
    ValueId input() const { return in_; }
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    ValueId in_;
    std::optional<NormStep> norm_;
    std::vector<ProjectStep> steps_;
};

/// Norms and rotations of single rows (head norms, rope), applied in place before attention.
class RowSteps {
  public:
    void add(const NormStep& norm) { steps_.push_back({norm, std::nullopt, 0}); }
    void add(const RopeStep& rope, std::size_t table) { steps_.push_back({std::nullopt, rope, table}); }
    void apply(StepRun& run, int row) const;

  private:
    struct RowStep {
        std::optional<NormStep> norm;
        std::optional<RopeStep> rope;
        std::size_t rope_table = 0;
        ValueId value() const { return norm ? norm->in : rope->value; }
    };
    std::vector<RowStep> steps_;
};

/// Row steps, the append to the cache, and causal attention.
class AttentionStage : public Stage {
  public:
    AttentionStage(int layer, const AttentionStep& step, RowSteps row_steps)
        : layer_(layer), step_(step), row_steps_(std::move(row_steps)) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    std::size_t query_floats(int count) const;
    void store(StepRun& run, int row) const;
    void attend_rows(StepRun& run, ThreadContext& w, int first_row, int rows, int kv_head) const;

    int layer_;
    AttentionStep step_;
    RowSteps row_steps_;
};

/// The same over a latent cache (MLA), each row in its own form.
class LatentAttentionStage : public Stage {
  public:
    LatentAttentionStage(int layer, const LatentAttentionStep& step, RowSteps row_steps)
        : layer_(layer), step_(step), row_steps_(std::move(row_steps)) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    std::size_t query_floats(int count, bool absorbed) const;
    void attend_absorbed(StepRun& run, ThreadContext& w, const BatchSequence& sequence, int first_row,
                         int rows, int first_head, int heads) const;
    void attend_decompressed(StepRun& run, ThreadContext& w, const BatchSequence& sequence, int first_row,
                             int rows, int head) const;

    int layer_;
    LatentAttentionStep step_;
    RowSteps row_steps_;
};

/// A recurrence over the rows of each sequence, from and into states of fixed size.
class RecurrenceStage : public Stage {
  public:
    RecurrenceStage(const RecurrenceStep& step, ValueId in, std::optional<NormStep> norm)
        : step_(step), in_(in), norm_(norm) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void advance(StepRun& run, ThreadContext& w, const Rows& in, int sequence, int first, int count) const;

    RecurrenceStep step_;
    ValueId in_;
    std::optional<NormStep> norm_;
};

/// SwiGLU blocks over one input: a dense layer, or routed experts and shared ones together.
class FeedForwardStage : public Stage {
  public:
    /// `number`: dense blocks before this one.
    FeedForwardStage(ValueId in, ValueId out, std::optional<NormStep> norm, int number)
        : in_(in), out_(out), norm_(norm), number_(number) {}
    void add(const RouteStep& step) { route_ = step; }
    void add(const ExpertsStep& step) { experts_ = step; }
    void add(const FeedForwardStep& step) { blocks_.push_back(step); }
    ValueId input() const { return in_; }
    void set_output(ValueId out) { out_ = out; }
    bool dense() const { return !route_; }
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    using Unit = FeedForwardUnit;
    int most_active(const Batch& batch) const;
    void route(StepRun& run) const;
    void make_units(StepRun& run, const Rows& in) const;
    std::size_t add_experts(StepRun& run, Unit*& unit) const;
    static std::span<const Unit> place(std::span<Unit> units);
    std::int64_t most_down_panels(int rows, int threads, std::int64_t count) const;
    std::int64_t down_chunk(const StepRun& run, std::int64_t count) const;
    void hidden(StepRun& run, ThreadContext& w, const Rows& in, const Unit& unit, std::int64_t first,
                std::int64_t last) const;
    void down(StepRun& run, ThreadContext& w, std::int64_t first, std::int64_t last) const;

    ValueId in_, out_;
    std::optional<NormStep> norm_;
    int number_;
    std::optional<RouteStep> route_;
    std::optional<ExpertsStep> experts_;
    std::vector<FeedForwardStep> blocks_;
};

/// The logits of the rows that want them, or candidates among them.
class HeadStage : public Stage {
  public:
    HeadStage(const HeadStep& step, std::optional<NormStep> norm) : step_(step), norm_(norm) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void project(StepRun& run, ThreadContext& w, std::span<const std::int32_t> rows, float* out) const;
    void find_candidates(StepRun& run, ThreadContext& w) const;

    HeadStep step_;
    std::optional<NormStep> norm_;
};

} // namespace switchyard::cpu
