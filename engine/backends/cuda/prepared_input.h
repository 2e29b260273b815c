// An input of products, prepared in the formats that their weights want.
#pragma once

#include "engine/backends/cuda/stage.h"

#include <optional>

namespace switchyard::cuda {

/// A value's rows, normed where there is a norm; or with heads, each head's part of them.
class PreparedInput {
  public:
    /// Read by products with `consumers`. `floats`: also as floats, whatever those want.
    PreparedInput(const StageMaker& maker, std::optional<NormStep> norm, std::vector<WeightId> consumers,
                  bool floats = false);

    void reserve(const StepShape& shape, Scratch& scratch, int width, int heads = 1) const;
    /// Rows of floats: row r's head h is in[r * stride + h * head_stride .. + width].
    struct Source {
        const float* in;
        std::int64_t stride;
        int width;
        int heads = 1, head_stride = 0;
    };
    /// All rows, of answers and prompts.
    PreparedRows launch(StepLaunch& step, const Source& source) const {
        return launch_first(step, source, step.rows());
    }
    PreparedRows launch(StepLaunch& step, ValueId in) const { return launch(step, source_of(step, in)); }
    /// The rows of answers alone: the products' other rows are prompts'.
    PreparedRows launch_answers(StepLaunch& step, const Source& source) const {
        return launch_first(step, source, step.shape.answer_rows());
    }
    HalfRows launch_prompts(StepLaunch& step, const Source& source) const;
    static Source source_of(const StepLaunch& step, ValueId in) {
        return {step.value(in), step.width(in), step.width(in)};
    }
    /// A single row for products that prepare it on their way; the targets are still missing.
    RowProductParams row_params(const StepLaunch& step, ValueId in) const;
    /// Its norm's gain (null: none) and epsilon, and the formats that somebody wants.
    const MatrixView* gain(const StepLaunch& step) const {
        return norm_ ? step.weights.entry(norm_->gain) : nullptr;
    }
    float epsilon() const { return norm_ ? norm_->epsilon : 0.0f; }
    const std::uint32_t* formats(const StepLaunch& step) const { return step.weights.formats(input_); }
    /// The rows that have logits alone.
    PreparedRows launch_logit_rows(StepLaunch& step, ValueId in) const;

  private:
    PrepareParams params(const StepLaunch& step, const Source& source) const;
    PreparedRows launch_first(StepLaunch& step, const Source& source, int rows) const;

    std::optional<NormStep> norm_;
    bool floats_;
    int input_; ///< in the table of weights
};

} // namespace switchyard::cuda
