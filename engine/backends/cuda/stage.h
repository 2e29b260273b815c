// What a step on a device is made of.
#pragma once

#include "engine/backends/cuda/kv_store.h"
#include "engine/backends/cuda/row_program.h"
#include "engine/backends/cuda/scratch.h"
#include "engine/backends/cuda/stage_clock.h"
#include "engine/backends/cuda/step_inputs.h"
#include "engine/backends/cuda/step_pace.h"
#include "engine/backends/cuda/weight_table.h"
#include "engine/model/fused_plan.h"
#include "engine/run/stage_use.h"
#include "kernels/cuda/attention_launch.h"
#include "kernels/cuda/feed_forward_launch.h"
#include "kernels/cuda/kernel_list.h"
#include "kernels/cuda/product_launch.h"
#include "kernels/cuda/prompt_feed_forward_launch.h"

#include <memory>
#include <utility>
#include <vector>

namespace switchyard::cuda {

/// What the memory that a step needs depends on.
struct StepShape {
    int rows = 0;                ///< of the batch, those that fill a graph's among them
    int logit_rows = 0;          ///< rows that have logits
    int prompt_rows = 0;         ///< of them on the path for prompts: the last ones
    int library_rows = 0;        ///< of those with dense products by the device's library: the last ones
    int decompressed_rows = 0;   ///< of prompts' rows: those in that form of latent attention
    int decompressed_blocks = 0; ///< of the longest context of such rows
    int context = 0;             ///< tokens of the longest sequence that there is room for, or more
    int sequences = 0;           ///< of the batch
    int experts = 0;             ///< that a row passes at most
    bool fetches = false;        ///< experts come to the device when a layer's rows need them
    std::uint32_t formats = 0;   ///< of inputs (InputFormat) that weights may want

    int answer_rows() const { return rows - prompt_rows; }
    int own_prompt_rows() const { return prompt_rows - library_rows; }
    /// Rows of prompts that there is room for: the library reads whole packs.
    int prompt_room() const { return own_prompt_rows() + dense_tokens(library_rows); }
};

/// Rows up to which a step is one of answers: small kernels, recorded graphs.
inline constexpr int kFewRows = 32;

/// Who multiplies prompts' rows with dense weights, and its memory.
struct DenseScratch {
    DenseProducts* products = nullptr; ///< null: no library
    const DeviceInfo* device = nullptr;
    ScratchBuffer weights; ///< F16, [slice rows][padded columns]
    ScratchBuffer sums;    ///< floats, [whole packs of tokens][slice rows]

    /// For products of `rows` rows with a matrix, or with a block's gates and ups.
    void want(int rows, int matrix_rows, int cols) {
        want_slice(rows, dense_slice_rows(matrix_rows, padded_columns(cols), *device), cols);
    }
    void want_gated(int rows, int width, int cols) {
        want_slice(rows, 2 * dense_slice_neurons(width, padded_columns(cols), *device), cols);
    }
    DenseRoom room() const { return {products, device, weights.get<std::uint16_t>(), sums.get<float>()}; }

  private:
    void want_slice(int rows, int slice, int cols) {
        if (rows == 0 || !products)
            return;
        const auto count = static_cast<std::size_t>(slice);
        weights.want(count * static_cast<std::size_t>(padded_columns(cols)) * sizeof(std::uint16_t));
        sums.want(count * static_cast<std::size_t>(dense_tokens(rows)) * sizeof(float));
    }
};

/// Buffers of all stages: each is used by one stage after another.
struct Scratch {
    std::vector<ScratchBuffer> values; ///< one a ValueId: [rows][width]
    PreparedBuffer prepared, hidden;
    PreparedBuffer block_hidden; ///< of the blocks beside experts that are fetched
    struct RopeBuffers {
        ScratchBuffer cosines, sines;
    };
    std::vector<RopeBuffers> ropes;
    ScratchBuffer attention;                      ///< splits of some rows' contexts
    ScratchBuffer latent_queries, latent_results; ///< [rows][heads][latent (+ rope)]
    /// Of decompressed latent attention: keys and values of all heads, the table of these blocks, k_b
    /// transposed and a table of that.
    ScratchBuffer head_blocks, head_block_table, transposed, transposed_table;
    HalfBuffer latent_rows;                  ///< a context's entries of the latent cache
    ScratchBuffer router_logits;             ///< [rows][experts]
    ScratchBuffer choice_counts;             ///< [rows]
    ScratchBuffer feed_forward_list;         ///< one FeedForwardList
    ScratchBuffer units;                     ///< FeedForwardUnit, [experts]
    ScratchBuffer pair_rows, pair_weights;   ///< [rows * most], unit by unit
    ScratchBuffer input_rows, input_weights; ///< the same, where weights multiply inputs
    ScratchBuffer output_weights;            ///< [dense blocks][rows]
    ScratchBuffer row_pairs;                 ///< of prompts' rows: [rows][most]
    ScratchBuffer group_choices;             ///< of fetched experts, as `choices` and choice_counts
    ScratchBuffer group_counts;
    std::vector<ScratchBuffer> choices;       ///< one a router: [rows][most]
    ScratchBuffer stream_sums;                ///< of residual streams: [rows][outputs + 1]
    ScratchBuffer index_scores;               ///< of some rows: [rows][choices][blocks of keys]
    std::vector<ScratchBuffer> index_choices; ///< one a ChoiceId: [rows][choices][most]
    HalfBuffer halves, hidden_halves;         ///< prompts' rows, and their hidden neurons
    DenseScratch dense;
    /// Prompts' hidden neurons [pairs or rows][padded width], then, when these are halves, the experts'
    /// results [pairs][out_width]; of fetched experts the results, and behind them a group's hidden neurons.
    ScratchBuffer prompt_floats;
    ScratchBuffer logits;  ///< [logit rows][vocabulary]
    ScratchBuffer program; ///< of a step of one row (RowProgram)

    /// Calls use(buffer) for each.
    template <typename Use>
    void each(const Use& use) {
        for (ScratchBuffer& one : values)
            use(one);
        for (ScratchBuffer* one : prepared.all())
            use(*one);
        for (ScratchBuffer* one : hidden.all())
            use(*one);
        for (ScratchBuffer* one : block_hidden.all())
            use(*one);
        for (RopeBuffers& one : ropes) {
            use(one.cosines);
            use(one.sines);
        }
        for (ScratchBuffer& one : choices)
            use(one);
        for (ScratchBuffer& one : index_choices)
            use(one);
        for (ScratchBuffer* one : {&halves.values,
                                   &halves.scales,
                                   &hidden_halves.values,
                                   &hidden_halves.scales,
                                   &prompt_floats,
                                   &dense.weights,
                                   &dense.sums,
                                   &row_pairs,
                                   &group_choices,
                                   &group_counts,
                                   &index_scores,
                                   &stream_sums,
                                   &attention,
                                   &latent_queries,
                                   &latent_results,
                                   &router_logits,
                                   &choice_counts,
                                   &feed_forward_list,
                                   &units,
                                   &pair_rows,
                                   &pair_weights,
                                   &input_rows,
                                   &input_weights,
                                   &output_weights,
                                   &logits,
                                   &program,
                                   &head_blocks,
                                   &head_block_table,
                                   &transposed,
                                   &transposed_table,
                                   &latent_rows.values,
                                   &latent_rows.scales})
            use(*one);
    }
};

/// Numbers of a plan that kernels read and no step changes.
class Constants {
  public:
    /// Its place; before upload().
    std::size_t add(const std::vector<float>& values);
    void upload(DevicePool& pool);
    const float* at(std::size_t place) const { return reinterpret_cast<const float*>(memory_.get()) + place; }

  private:
    std::vector<float> values_;
    std::shared_ptr<std::byte> memory_;
};

class ExpertFetch;

/// A step that is being started: where its launches go and what they may use.
struct StepLaunch {
    const Plan& plan;
    const WeightTable& weights;
    const Constants& constants;
    const KvStore& kv;
    const StepInputs& inputs;
    const Scratch& scratch;
    const StepShape& shape;
    Stream& stream;
    Device& card;
    const DeviceInfo& device = card.info();
    StageClock* clock = nullptr; ///< reads the time between stages; null: this step is not sampled
    /// Brings experts to the device before a layer uses them; null: all of them are there.
    ExpertFetch* fetch = nullptr;
    StepPace* pace = nullptr;      ///< of a long step
    bool any = false;              ///< launches so far
    RowProgram* program = nullptr; ///< takes stages instead of launches; null: each is launched

    /// What follows belongs to this part of the forward pass.
    void enter(StageKind kind) {
        if (clock)
            clock->enter(kind, stream);
    }
    int rows() const { return shape.rows; }
    int width(ValueId id) const { return plan.values[static_cast<std::size_t>(id)]; }
    float* value(ValueId id) const { return scratch.values[static_cast<std::size_t>(id)].get<float>(); }
    /// The first launch behind a copy waits for that before it begins; the others wait by themselves.
    template <Kernel kKernel>
    void launch(GridSize grid, const typename KernelTraits<kKernel>::Params& params) {
        cuda::launch<kKernel>(stream, grid, params, next());
    }
    /// Before a launch: what the program has taken comes first. Whether there were launches.
    bool next() {
        launch_program();
        return std::exchange(any, true);
    }
    void launch_program() {
        if (program && program->waits())
            program->launch(stream, std::exchange(any, true));
    }
    void multiply(const DenseProduct& product) {
        next();
        scratch.dense.products->multiply(stream, product);
        if (pace)
            pace->add(static_cast<double>(product.rows) * product.cols * product.tokens);
    }
    /// What launches of several kernels are given.
    struct Launches {
        StepLaunch& step;
        template <Kernel kKernel>
        void operator()(GridSize grid, const typename KernelTraits<kKernel>::Params& params) const {
            step.launch<kKernel>(grid, params);
        }
        void multiply(const DenseProduct& product) const { step.multiply(product); }
    };
    /// `prompts`: some of its rows are on the path for those.
    void launch_attention(AttentionParams params, bool prompts);
    void launch_attend_row(const AttendRowParams& params) {
        if (!program || !program->add(params))
            cuda::launch_attend_row(stream, params, device, next());
    }
    void launch_latent_query(const LatentQueryParams& params) {
        if (program && program->add(params))
            return;
        launch<Kernel::LatentQuery>(
            latent_query_grid(params, device.multiprocessors, card.resident_blocks(Kernel::LatentQuery, 0)),
            params);
    }
    void launch_latent_value(const LatentValueParams& params) {
        if (program && program->add(params))
            return;
        launch<Kernel::LatentValue>(latent_value_grid(params, device.multiprocessors), params);
    }
    void launch_product(const ProductParams& params) {
        cuda::launch_product(stream, params, device.multiprocessors, next());
    }
    /// Targets of all rows: those of answers by the one kernel, those of prompts by the other.
    void launch_products(const ProductParams& params, const HalfRows& prompts);
    /// Whether the step is one row, of an answer: launches then do on their way what others do for many, with
    /// the same bits.
    bool one_row() const { return shape.rows == 1 && shape.prompt_rows == 0; }
    /// Whether products prepare an input of `width` on their way.
    bool prepares_row(int width) const { return one_row() && width <= kMostRowWidth; }
    void launch_row_product(const RowProductParams& params) {
        if (!program || !program->add(params))
            cuda::launch_row_product(stream, params, device.multiprocessors, next());
    }
    void launch_feed_forward_row(const GateUpRowParams& params, const GateUpRowPlan& plan) {
        if (!program || !program->add(params))
            cuda::launch_gate_up_row(stream, params, plan, next());
        if (!program || !program->add(params.up.layer))
            launch_down(params.up.layer);
    }
    /// The two launches of gated blocks by themselves.
    void launch_gate_up(const FeedForwardParams& params) {
        cuda::launch_gate_up(stream, {.layer = params, .routes = false, .route = {}}, device.multiprocessors,
                             next());
    }
    void launch_down(const FeedForwardParams& params) {
        cuda::launch_down(stream, params, device.multiprocessors, next());
    }
    void launch_feed_forward(const FeedForwardParams& params, const RouteFewParams* route) {
        cuda::launch_feed_forward(stream, params, route, device.multiprocessors, next());
    }
};

class Stage {
  public:
    virtual ~Stage() = default;
    virtual void reserve(const StepShape& shape, Scratch& scratch) const = 0;
    virtual void launch(StepLaunch& step) const = 0;
    /// Asks the library for its ways of multiplying prompts' rows with the stage's matrices.
    virtual void prepare(const DenseRoom&) const {}
    /// Adds the bytes of weights that it reads and the multiply-adds that it does with them.
    virtual void count(const StepShape& shape, const WeightSet& weights, StageTable& table) const = 0;
};

/// Counts `matrices` of a weight's, multiplied with `rows` rows each.
inline void count_products(const Weight& weight, double matrices, double rows, StageUse& use) {
    const Slice& one = weight.slices.front();
    use.bytes += static_cast<std::uint64_t>(matrices * static_cast<double>(one.bytes));
    use.macs += static_cast<std::uint64_t>(matrices * rows * static_cast<double>(one.rows * one.cols));
}

/// Counters of arrivals (StepInputs::arrivals()) that stages have for their launches.
class Arrivals {
  public:
    /// Where the next `count` begin.
    std::size_t add(int count) { return std::exchange(count_, count_ + static_cast<std::size_t>(count)); }
    std::size_t count() const { return count_; }

  private:
    std::size_t count_ = 0;
};

/// What stages are made with.
struct StageMaker {
    const Plan& plan;
    WeightTable& weights;
    Constants& constants;
    const DeviceInfo& device;
    Arrivals& arrivals;
};

/// The stages of a plan. Throws Error where the device's kernels do not take one.
std::vector<std::unique_ptr<Stage>> compile_stages(const FusedPlan& fused, const StageMaker& maker);

} // namespace switchyard::cuda
