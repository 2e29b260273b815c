// The stages a plan is compiled to: neighbouring steps fused so that threads meet as seldom as possible.
#pragma once

#include "engine/backends/cpu/attention_pieces.h"
#include "engine/model/fused_plan.h"

#include <optional>

namespace switchyard::cpu {

class ChosenKv;

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
    explicit ProjectionStage(FusedProjection fused)
        : in_(fused.in), norm_(fused.norm), steps_(std::move(fused.steps)) {}
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
    explicit RowSteps(std::vector<RowStep> steps) : steps_(std::move(steps)) {}
    void apply(StepRun& run, int row) const;
    /// Those of one value.
    void apply_to(StepRun& run, int row, ValueId value) const;
    /// Whether each head of this value can be done by itself.
    bool by_head(ValueId value, int head_dim) const;
    /// What apply() does to one head of a value, at `x`.
    void apply_to_head(StepRun& run, int row, ValueId value, int head, float* x) const;

  private:
    static void apply_step(StepRun& run, int row, const RowStep& step);
    static void rotate(StepRun& run, int row, const RowStep& step, float* x);

    std::vector<RowStep> steps_;
};

/// Row steps, the append to the cache, and causal attention.
class AttentionStage : public Stage {
  public:
    explicit AttentionStage(FusedAttention fused)
        : layer_(fused.step.cache == kNoLayer ? fused.layer : fused.step.cache), step_(fused.step),
          row_steps_(std::move(fused.rows)) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    bool borrows() const { return step_.cache != kNoLayer; }     ///< keys and values of another layer
    int queries() const { return step_.heads / step_.kv_heads; } ///< of a row that share a KV head
    std::size_t query_floats(int count) const;
    AttentionPieces pieces(const Batch& batch, const Shared& shared, int threads, bool exact) const;
    static float* head_of(StepRun& run, ValueId value, std::int64_t row, std::int64_t head, int dim);
    void store(StepRun& run, int row, int head) const;
    void store_own(StepRun& run, const PieceTask& task) const;
    bool apart(const StepRun& run) const;
    void attend_task(StepRun& run, ThreadContext& w, const AttentionPieces& shared_out, const PieceTask& task,
                     bool own) const;
    void reserve_chosen(const StepShape& shape, const Shared& shared, ScratchSizes& sizes) const;
    void attend_chosen(StepRun& run, ThreadContext& w) const;
    void attend_chosen_row(StepRun& run, ThreadContext& w, int row, int kv_head) const;

    int layer_; ///< whose cache it is
    AttentionStep step_;
    RowSteps row_steps_;
};

/// The same over a latent cache (MLA), each row in its own form.
class LatentAttentionStage : public Stage {
  public:
    explicit LatentAttentionStage(FusedLatentAttention fused)
        : layer_(fused.layer), step_(fused.step), row_steps_(std::move(fused.rows)) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    int key_dim() const { return step_.latent_dim + step_.rope; } ///< of the absorbed form
    std::size_t query_floats(int count, bool absorbed) const;
    void store(StepRun& run, int row) const;
    bool all_heads(const StepShape& shape) const;
    void query_latents(StepRun& run, ThreadContext& w, int head) const;
    int head_parts(int tasks, int threads) const;
    AttentionPieces pieces(const Batch& batch, const Shared& shared, int threads, bool exact) const;
    void attend_all_heads(StepRun& run, ThreadContext& w) const;
    void attend_piece_of_heads(StepRun& run, ThreadContext& w, const AttentionPieces& shared_out,
                               const PieceTask& task) const;
    void attend_absorbed(StepRun& run, ThreadContext& w, const BatchSequence& sequence, int first_row,
                         int rows, int first_head, int heads) const;
    void attend_decompressed(StepRun& run, ThreadContext& w, const BatchSequence& sequence, int first_row,
                             int rows, int head) const;
    void reserve_chosen(const StepShape& shape, const Shared& shared, ScratchSizes& sizes) const;
    void attend_chosen(StepRun& run, ThreadContext& w) const;
    void attend_chosen_row(StepRun& run, ThreadContext& w, int row, int first_head, int heads) const;

    int layer_;
    LatentAttentionStep step_;
    RowSteps row_steps_;
};

/// Which tokens the attention of rows attends to.
class IndexStage : public Stage {
  public:
    explicit IndexStage(FusedIndex fused) : step_(fused.step), row_steps_(std::move(fused.rows)) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    int keys_of(const StepRun& run, int row) const;
    void keep(StepRun& run, int row) const;
    void score(StepRun& run, ThreadContext& w, int row, int first, int last, float* scores,
               std::int64_t stride) const;
    void choose(StepRun& run, ThreadContext& w, int row, int choice, float* scores) const;

    IndexStep step_;
    RowSteps row_steps_;
};

/// Makes rows of complete windows of tokens, from and into states.
class CompressStage : public Stage {
  public:
    explicit CompressStage(const CompressStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void advance(StepRun& run, ThreadContext& w, int sequence) const;
    void take(StepRun& run, std::int64_t row, int position, float* state) const;
    void keep(StepRun& run, const BatchSequence& sequence, int position, const float* state,
              float* out) const;

    CompressStep step_;
};

/// Attention over a window of tokens and rows of compressed ones.
class CompressedAttentionStage : public Stage {
  public:
    explicit CompressedAttentionStage(FusedCompressedAttention fused)
        : layer_(fused.layer), step_(fused.step), row_steps_(std::move(fused.rows)), back_({fused.back}) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    std::size_t query_floats() const;
    int most_tokens(const Plan& plan, const Shared& shared, int context) const;
    void store(StepRun& run, int row) const;
    void gather(StepRun& run, ThreadContext& w, int row, ChosenKv& to) const;
    void attend_row(StepRun& run, ThreadContext& w, int row, int first_head, int heads) const;

    int layer_;
    CompressedAttentionStep step_;
    RowSteps row_steps_, back_;
};

/// One stream of several, and how they are mixed.
class MixStreamsStage : public Stage {
  public:
    explicit MixStreamsStage(const MixStreamsStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void weigh(const float* found, const StepRun& run, float* pre, float* weights) const;

    MixStreamsStep step_;
};

class SpreadStreamsStage : public Stage {
  public:
    explicit SpreadStreamsStage(const SpreadStreamsStep& step) : step_(step) {}
    void reserve(const StepShape&, Shared&, ScratchSizes&) const override {}
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    SpreadStreamsStep step_;
};

/// A projection in groups.
class GroupedProjectStage : public Stage {
  public:
    explicit GroupedProjectStage(const GroupedProjectStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    GroupedProjectStep step_;
};

/// A recurrence over the rows of each sequence, from and into states of fixed size.
class RecurrenceStage : public Stage {
  public:
    explicit RecurrenceStage(const FusedRecurrence& fused)
        : step_(fused.step), in_(fused.in), norm_(fused.norm) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void advance(StepRun& run, ThreadContext& w, const Rows& in, int sequence, int first, int count) const;

    RecurrenceStep step_;
    ValueId in_;
    std::optional<NormStep> norm_;
};

/// A causal convolution over the rows of each sequence, from and into states.
class ConvolutionStage : public Stage {
  public:
    explicit ConvolutionStage(const ConvolutionStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void advance(StepRun& run, ThreadContext& w, int sequence, int first, int count) const;

    ConvolutionStep step_;
};

/// Where a row reads a state, and where it writes it; the same place, or two.
struct StateChange {
    const float* before;
    float* after;
};

/// The gated delta rule over the rows of each sequence, a head at a time, from and into states.
class DeltaRuleStage : public Stage {
  public:
    explicit DeltaRuleStage(const DeltaRuleStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void advance(StepRun& run, ThreadContext& w, int sequence, int head) const;
    void step_row(StepRun& run, std::int64_t row, int head, const StateChange& change, float* scratch) const;

    DeltaRuleStep step_;
};

/// A state space over the rows of each sequence, a head at a time, from and into states.
class StateSpaceStage : public Stage {
  public:
    explicit StateSpaceStage(const StateSpaceStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    int heads_of_a_task() const;
    void advance(StepRun& run, ThreadContext& w, int sequence, int first_head) const;
    void step_row(StepRun& run, std::int64_t row, int head, const StateChange& change) const;

    StateSpaceStep step_;
};

/// Takes rows apart.
class SplitStage : public Stage {
  public:
    explicit SplitStage(const SplitStep& step) : step_(step) {}
    void reserve(const StepShape&, Shared&, ScratchSizes&) const override {}
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    SplitStep step_;
};

/// Adds one value to another.
class AddStage : public Stage {
  public:
    explicit AddStage(const AddStep& step) : step_(step) {}
    void reserve(const StepShape&, Shared&, ScratchSizes&) const override {}
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    AddStep step_;
};

/// Multiplies a value by a weight.
class ScaleStage : public Stage {
  public:
    explicit ScaleStage(const ScaleStep& step) : step_(step) {}
    void reserve(const StepShape&, Shared&, ScratchSizes&) const override {}
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    ScaleStep step_;
};

/// Keeps a norm's result, or adds it.
class AddedNormStage : public Stage {
  public:
    explicit AddedNormStage(const FusedAddedNorm& fused) : step_(fused.step) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    NormStep step_;
};

/// Multiplies rows by what a function makes of their gates.
class GateStage : public Stage {
  public:
    explicit GateStage(const GateStep& step) : step_(step) {}
    void reserve(const StepShape&, Shared&, ScratchSizes&) const override {}
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    GateStep step_;
};

/// SwiGLU blocks over one input: a dense layer, or routed experts and shared ones together.
class FeedForwardStage : public Stage {
  public:
    explicit FeedForwardStage(FusedFeedForward fused)
        : in_(fused.in), out_(fused.out), norm_(fused.norm), route_norm_(fused.route_norm),
          number_(fused.number), route_(std::move(fused.route)), experts_(fused.experts),
          blocks_(std::move(fused.blocks)), adds_(experts_ ? experts_->add : blocks_.front().add) {}
    bool dense() const { return !route_; }
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    using Unit = FeedForwardUnit;
    std::size_t most_active(const Batch& batch) const;
    bool gated() const;
    void reserve_rooms(const StepShape& shape, Shared& shared, std::size_t pairs) const;
    static FeedForwardRoom& decisions(StepRun& run, const ThreadContext& w);
    void find_router_logits(StepRun& run, ThreadContext& w, const Rows& in) const;
    void decide(StepRun& run, ThreadContext& w, const Rows& in) const;
    RouteDials dials_of(const Batch& batch, std::size_t row) const;
    void route(StepRun& run, ThreadContext& w, FeedForwardRoom& room, std::size_t row,
               std::size_t most) const;
    void open_gates(StepRun& run, FeedForwardRoom& room, const Rows& in, std::size_t row) const;
    std::span<const Unit> make_units(StepRun& run, const ThreadContext& w) const;
    std::size_t add_experts(StepRun& run, const FeedForwardRoom& decided, FeedForwardRoom& own,
                            Unit*& unit) const;
    static std::span<const Unit> place(std::span<Unit> units);
    /// Floats of a row in the hidden buffer: whole I16Blocks.
    static std::size_t hidden_stride(int width) { return (static_cast<std::size_t>(width) + 31) / 32 * 32; }
    std::int64_t most_down_panels(int rows, int threads, std::int64_t count) const;
    RangeLengths down_ranges(const StepRun& run, std::span<const Unit> units, std::int64_t count) const;
    static RangeLengths hidden_ranges(const StepRun& run, std::span<const Unit> units, std::int64_t all);
    static std::int64_t hidden_chunks(int rows, int threads, std::int64_t all);
    void hidden(StepRun& run, ThreadContext& w, const Rows& in, const Unit& unit, std::int64_t first,
                std::int64_t last) const;
    void hidden_rows(StepRun& run, ThreadContext& w, const Rows& all, const Unit& unit, int row, int count,
                     std::int64_t first, std::int64_t last) const;
    void down(StepRun& run, ThreadContext& w, std::span<const Unit> units, std::int64_t first,
              std::int64_t last) const;

    ValueId in_, out_;
    std::optional<NormStep> norm_, route_norm_;
    int number_;
    std::optional<RouteStep> route_;
    std::optional<ExpertsStep> experts_;
    std::vector<FeedForwardStep> blocks_;
    bool adds_; ///< to what stands in out_; else it begins there with nothing
};

/// The logits of the rows that want them, or candidates among them.
class HeadStage : public Stage {
  public:
    explicit HeadStage(const FusedHead& fused) : in_(fused.in), step_(fused.step), norm_(fused.norm) {}
    void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const override;
    void run(StepRun& run, ThreadContext& w) const override;

  private:
    void project(StepRun& run, ThreadContext& w, std::span<const std::int32_t> rows, float* out) const;
    void find_candidates(StepRun& run, ThreadContext& w) const;

    ValueId in_;
    HeadStep step_;
    std::optional<NormStep> norm_;
};

} // namespace switchyard::cpu
