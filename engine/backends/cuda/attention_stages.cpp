#include "engine/backends/cuda/attention_stages.h"

#include "engine/backends/cuda/chosen_stages.h"
#include "engine/backends/cuda/prepared_input.h"
#include "engine/backends/cuda/projection_stage.h"
#include "engine/backends/cuda/row_steps.h"
#include "engine/base/error.h"
#include "kernels/cuda/attention_kernels.h"

#include <algorithm>
#include <string>

namespace switchyard::cuda {

namespace {

/// Queries that attend, [rows][heads][key_dim], and where their results go, [rows][heads][value_dim].
struct Queries {
    const float* q;
    float* out;
    const MatrixView* sinks;
    int heads, key_dim, value_dim;
    Sight sight;
    float scale;
    float cap = 0, value_scale = 1;
    QueryTemperature temperature = {};
};

void want_attention(const StepShape& shape, Scratch& scratch, int heads, int value_dim) {
    const int rows = std::min(shape.answer_rows(), kFewRows);
    scratch.attention.want(attention_scratch_floats(rows, heads, value_dim) * sizeof(float));
}

AttentionParams attention_params(const StepLaunch& step, int layer, const Queries& queries, int first,
                                 int rows) {
    const std::int64_t before = std::int64_t{first} * queries.heads;
    return {.rows = step.inputs.rows() + first,
            .blocks = step.inputs.blocks(),
            .cache = step.kv.layer(layer),
            .q = queries.q + before * queries.key_dim,
            .sinks = queries.sinks,
            .out = queries.out + before * queries.value_dim,
            .partials = step.scratch.attention.get<float>(),
            .row_count = rows,
            .heads = queries.heads,
            .rows_before = first,
            .split_rows = std::min({rows, step.shape.answer_rows(), kFewRows}),
            .value_dim = queries.value_dim,
            .window = queries.sight.window,
            .chunk = queries.sight.chunk,
            .scale = queries.scale,
            .cap = queries.cap,
            .heat = queries.temperature.scale,
            .heat_length = queries.temperature.length,
            .heat_offset = queries.temperature.offset,
            .value_scale = queries.value_scale,
            .form = -1,
            .split_buffer = 0,
            .prompt_buffer = 0};
}

/// Rows of answers by splits of their contexts, those of prompts many at a time, if `prompts`; of these the
/// ones in some form (AttentionParams::form).
void launch_attention(StepLaunch& step, int layer, const Queries& queries, bool prompts, int form = -1) {
    const int rows = step.rows();
    if (step.shape.answer_rows() <= kFewRows) {
        AttentionParams p = attention_params(step, layer, queries, 0, rows);
        p.form = form;
        step.launch_attention(p, prompts);
        return;
    }
    // Each needs memory for the splits of its context: some at a time.
    for (int first = 0; first < rows; first += kFewRows)
        step.launch_attention(attention_params(step, layer, queries, first, std::min(kFewRows, rows - first)),
                              false);
    if (prompts) {
        AttentionParams p = attention_params(step, layer, queries, 0, rows);
        p.split_rows = 0;
        p.form = form;
        step.launch_attention(p, true);
    }
}

class AttentionStage : public Stage {
  public:
    AttentionStage(const FusedAttention& fused, const StageMaker& maker)
        : fused_(fused),
          arrivals_(maker.arrivals.add(fused.step.kv_heads *
                                       query_head_tiles(fused.step.heads / fused.step.kv_heads))) {}
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        want_attention(shape, scratch, fused_.step.heads, fused_.step.value_dim);
    }
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const switchyard::AttentionStep& s = fused_.step;
        const int layer = s.cache == kNoLayer ? fused_.layer : s.cache;
        RowStepsBuilder rows(step, layer);
        rows.add(fused_.rows);
        if (s.cache == kNoLayer) {
            rows.value(s.k, RowStore::Keys, s.head_dim);
            rows.value(s.v, RowStore::Values, s.value_dim);
        }
        const int q = rows.value(s.q, RowStore::None, s.head_dim);
        const Queries queries = {step.value(s.q), step.value(s.out), step.weights.entry(s.sinks),
                                 s.heads,         s.head_dim,        s.value_dim,
                                 s.sight(),       s.scale,           s.cap,
                                 s.value_scale,   s.temperature};
        if (step.one_row() && launch_row(step, {attention_params(step, layer, queries, 0, 1), rows.params(),
                                                q, step.inputs.arrivals() + arrivals_}))
            return;
        launch_row_steps(step, rows.params());
        launch_attention(step, layer, queries, step.shape.prompt_rows > 0);
    }

  private:
    /// False: the row's heads are not such as AttendRow takes.
    bool launch_row(StepLaunch& step, AttendRowParams row) const {
        if (!attends_row(row)) { // steps that cross heads come before it
            RowStepsParams before = row.steps;
            for (int v = 0; v < before.values; ++v)
                before.value[v].store = RowStore::None;
            row.steps.steps = 0;
            for (int v = 0; v < row.steps.values; ++v)
                row.steps.value[v].unit = row.steps.value[v].store == RowStore::Values ? fused_.step.value_dim
                                                                                       : fused_.step.head_dim;
            if (!attends_row(row))
                return false;
            launch_row_steps(step, before);
        }
        step.launch_attend_row(row);
        return true;
    }

    FusedAttention fused_;
    std::size_t arrivals_; ///< at a tile of queries' blocks
};

/// In the absorbed form: queries into the latent space, attention there, and out of it again. Prompts' rows
/// that ask for the other form attend to keys and values of their heads, made for the launch.
class LatentAttentionStage : public Stage {
  public:
    LatentAttentionStage(const FusedProjection* projection, const FusedLatentAttention& fused,
                         const StageMaker& maker)
        : fused_(fused), queries_(maker, std::nullopt, {fused.step.k_b}),
          results_(maker, std::nullopt, {fused.step.v_b}), head_layout_(decompressed_layout(fused.step)),
          arrivals_(maker.arrivals.add(1)) {
        if (projection)
            projection_.emplace(*projection, maker);
        maker.weights.add_prompt_weight(fused.step.k_b);
        maker.weights.add_prompt_weight(fused.step.v_b);
    }
    void count(const StepShape& shape, const WeightSet& weights, StageTable& table) const override {
        if (projection_)
            projection_->count(shape, weights, table);
        for (const WeightId id : {fused_.step.k_b, fused_.step.v_b})
            count_products(weights[id], fused_.step.heads, shape.rows, table.of(StageKind::Attention));
    }
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        const LatentAttentionStep& s = fused_.step;
        const auto all = static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(s.heads);
        if (projection_)
            projection_->reserve(shape, scratch);
        queries_.reserve(shape, scratch, s.nope, s.heads);
        results_.reserve(shape, scratch, s.latent_dim, s.heads);
        scratch.latent_queries.want(all * static_cast<std::size_t>(s.latent_dim + s.rope) * sizeof(float));
        scratch.latent_results.want(all * static_cast<std::size_t>(s.latent_dim) * sizeof(float));
        if (s.choice != kNoChoice)
            want_chosen(shape, scratch, s.heads, s.latent_dim);
        else
            want_attention(shape, scratch, s.heads, s.latent_dim);
        if (shape.decompressed_rows == 0)
            return;
        const auto blocks = static_cast<std::size_t>(shape.decompressed_blocks),
                   heads = static_cast<std::size_t>(s.heads);
        scratch.head_blocks.want(blocks * head_layout_.block_bytes(CacheType::F16));
        scratch.head_block_table.want(blocks * sizeof(KvBlockRef));
        scratch.transposed.want(heads * transposed_bytes(s.nope, s.latent_dim));
        scratch.transposed_table.want(heads * sizeof(MatrixView));
        scratch.latent_rows.want(std::int64_t{shape.decompressed_blocks} * kKvTokens, s.latent_dim);
    }
    void prepare(const DenseRoom& room) const override {
        if (projection_)
            projection_->prepare(room);
    }
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const LatentAttentionStep& s = fused_.step;
        float* results = step.scratch.latent_results.get<float>();
        RowStepsBuilder rows(step, fused_.layer);
        const int q = changes(step, rows);
        const Queries queries = {step.scratch.latent_queries.get<float>(),
                                 results,
                                 nullptr,
                                 s.heads,
                                 s.latent_dim + s.rope,
                                 s.latent_dim,
                                 {},
                                 s.scale,
                                 0,
                                 1,
                                 s.temperature};
        if (takes_row(step)) {
            const AttendRowParams row = {attention_params(step, fused_.layer, queries, 0, 1), rows.params(),
                                         q, nullptr};
            if (attends_row(row))
                return launch_row(step, row);
        }
        if (projection_)
            projection_->launch(step);
        launch_row_steps(step, rows.params());
        const bool prompts = step.shape.prompt_rows > step.shape.decompressed_rows;
        multiply(step, queries_, latent_query_source(step), queries_target(step), prompts);
        if (s.choice != kNoChoice)
            attend_chosen(step, queries);
        else
            launch_attention(step, fused_.layer, queries, prompts, 0);
        multiply(step, results_,
                 {results, std::int64_t{s.heads} * s.latent_dim, s.latent_dim, s.heads, s.latent_dim},
                 values_target(step), prompts);
        if (!step.inputs.decompressed().empty())
            transpose_keys(step);
        for (const DecompressedRows& own : step.inputs.decompressed())
            attend_decompressed(step, own); // over what the absorbed form left in these rows' outputs
    }

  private:
    void attend_chosen(StepLaunch& step, const Queries& queries) const {
        launch_chosen(step, step.kv.layer(fused_.layer),
                      {.q = queries.q,
                       .out = queries.out,
                       .sinks = nullptr,
                       .heads = queries.heads,
                       .value_dim = queries.value_dim,
                       .window = 0,
                       .scale = queries.scale,
                       .temperature = queries.temperature,
                       .choice = fused_.step.choice,
                       .made = false});
    }
    void transpose_keys(StepLaunch& step) const {
        const LatentAttentionStep& s = fused_.step;
        const TransposeHeadsParams p = {step.weights.entry(s.k_b),
                                        step.scratch.transposed_table.get<MatrixView>(),
                                        step.scratch.transposed.get(),
                                        s.heads,
                                        s.latent_dim,
                                        s.nope};
        step.launch<Kernel::TransposeHeads>(transpose_grid(p), p);
    }
    void attend_decompressed(StepLaunch& step, const DecompressedRows& own) const {
        const LatentAttentionStep& s = fused_.step;
        const Scratch& scratch = step.scratch;
        const HeadBlocks heads = {head_layout_.layer(0), scratch.head_blocks.get(),
                                  static_cast<std::int64_t>(head_layout_.block_bytes(CacheType::F16))};
        const HalfRows latents = scratch.latent_rows.rows_of(s.latent_dim);
        const GatherLatentParams gather = {.blocks = step.inputs.blocks() + own.first_block,
                                           .cache = step.kv.layer(fused_.layer),
                                           .heads = heads,
                                           .made = scratch.head_block_table.get<KvBlockRef>(),
                                           .out = latents,
                                           .block_count = own.blocks,
                                           .latent = s.latent_dim,
                                           .nope = s.nope,
                                           .rope = s.rope};
        step.launch<Kernel::GatherLatent>(gather_grid(gather), gather);
        const WeightRanges ranges = step.weights.ranges();
        const MatrixView* keys = scratch.transposed_table.get<MatrixView>();
        const DecompressLatentParams decompress = {
            .in = latents,
            .keys = keys,
            .values = step.weights.entry(s.v_b),
            .key_ranges = {keys, ranges.largest + (step.weights.entry(s.k_b) - ranges.table) * kRangeParts},
            .value_ranges = ranges,
            .heads = heads,
            .tokens = own.blocks * kKvTokens,
            .nope = s.nope};
        step.launch<Kernel::DecompressLatent>(decompress_grid(decompress), decompress);
        const Queries queries = {step.value(s.q),
                                 step.value(s.out),
                                 nullptr,
                                 s.heads,
                                 s.nope + s.rope,
                                 s.value_dim,
                                 {},
                                 s.scale,
                                 0,
                                 1,
                                 s.temperature};
        AttentionParams p = attention_params(step, fused_.layer, queries, own.first, own.count);
        p.cache = heads.layout;
        p.blocks = gather.made - own.first_block; // rows count from the step's table on
        p.split_rows = 0;
        p.form = 1;
        step.launch_attention(p, true);
    }
    /// A row whose queries go into the latent space as they come, but for what is rotated.
    bool takes_row(const StepLaunch& step) const {
        return fused_.step.choice == kNoChoice && projection_ && projection_->products() <= kProductTargets &&
               projection_->takes_row(step) &&
               std::ranges::all_of(fused_.rows, [&](const switchyard::RowStep& one) {
                   return one.value() != fused_.step.q || (one.rope && one.rope->offset >= fused_.step.nope);
               });
    }
    void launch_row(StepLaunch& step, const AttendRowParams& row) const {
        const PreparedInput::Source q = latent_query_source(step);
        step.launch_latent_query({.row = projection_->row_params(step),
                                  .q = q.in,
                                  .width = q.width,
                                  .head_stride = q.head_stride,
                                  .target = queries_target(step),
                                  .arrived = step.inputs.arrivals() + arrivals_});
        step.launch_attend_row(row);
        step.launch_latent_value({row.attention, values_target(step)});
    }
    /// The rotations, norms and stores; which value the queries are.
    int changes(const StepLaunch& step, RowStepsBuilder& rows) const {
        const LatentAttentionStep& s = fused_.step;
        const int key_dim = s.latent_dim + s.rope;
        rows.add(fused_.rows);
        rows.value(s.latent, RowStore::Keys, key_dim);
        const int q = rows.value(s.q);
        rows.head(q, s.nope + s.rope);
        RowValue& value = rows.at(q);
        value.copied = s.rope;
        value.copy_at = s.nope;
        value.copy = step.scratch.latent_queries.get<float>() + s.latent_dim;
        value.copy_row = std::int64_t{s.heads} * key_dim;
        value.copy_unit = key_dim;
        return q;
    }
    /// What k_b is multiplied with.
    PreparedInput::Source latent_query_source(const StepLaunch& step) const {
        const LatentAttentionStep& s = fused_.step;
        return {step.value(s.q), step.width(s.q), s.nope, s.heads, s.nope + s.rope};
    }
    ProductTarget queries_target(const StepLaunch& step) const {
        const LatentAttentionStep& s = fused_.step;
        return target(step, s.k_b, step.scratch.latent_queries.get<float>(), s.latent_dim + s.rope,
                      s.latent_dim);
    }
    ProductTarget values_target(const StepLaunch& step) const {
        const LatentAttentionStep& s = fused_.step;
        return target(step, s.v_b, step.value(s.out), s.value_dim, s.value_dim);
    }
    /// A matrix a head.
    ProductTarget target(const StepLaunch& step, WeightId weight, float* out, int out_head_stride,
                         int matrix_rows) const {
        const int heads = fused_.step.heads;
        return {.matrices = step.weights.entry(weight),
                .bias = nullptr,
                .out = out,
                .out_stride = std::int64_t{heads} * out_head_stride,
                .out_head_stride = out_head_stride,
                .heads = heads,
                .matrix_rows = matrix_rows,
                .add = false};
    }
    static void multiply(StepLaunch& step, const PreparedInput& input, const PreparedInput::Source& source,
                         const ProductTarget& target, bool prompts) {
        ProductParams p = {};
        p.in = input.launch_answers(step, source);
        p.target_count = 1;
        p.targets[0] = target;
        if (prompts)
            return step.launch_products(p, input.launch_prompts(step, source));
        p.rows = step.shape.answer_rows();
        if (p.rows > 0)
            step.launch_product(p);
    }

    FusedLatentAttention fused_;
    std::optional<ProjectionStage> projection_;
    PreparedInput queries_, results_;
    KvLayout head_layout_; ///< of decompressed keys and values
    std::size_t arrivals_; ///< at the projections' end
};

} // namespace

void check_heads(const StageMaker& maker, int key_dim, int value_dim, bool latent) {
    if (split_buffer_bytes(key_dim, value_dim, latent, maker.device.shared_bytes) == 0)
        throw Error("attention heads of " + std::to_string(key_dim) +
                    " dimensions need more shared memory than the " +
                    std::to_string(maker.device.shared_bytes >> 10) + " KiB that a block of " +
                    maker.device.name + " may have");
}

KvLayout decompressed_layout(const LatentAttentionStep& step) {
    const KvShape shape[] = {{step.heads, step.nope + step.rope, step.value_dim}};
    return KvLayout(shape);
}

std::unique_ptr<Stage> make_attention_stage(const FusedAttention& fused, const StageMaker& maker) {
    check_heads(maker, fused.step.head_dim, fused.step.value_dim, false);
    check_row_steps(fused.rows, {fused.step.q, fused.step.k, fused.step.v});
    if (fused.step.choice != kNoChoice)
        return make_chosen_stage(fused);
    return std::make_unique<AttentionStage>(fused, maker);
}
std::unique_ptr<Stage> make_attention_stage(const FusedProjection* projection,
                                            const FusedLatentAttention& fused, const StageMaker& maker) {
    check_heads(maker, fused.step.latent_dim + fused.step.rope, fused.step.latent_dim, true);
    check_row_steps(fused.rows, {fused.step.q, fused.step.latent});
    return std::make_unique<LatentAttentionStage>(projection, fused, maker);
}

} // namespace switchyard::cuda
