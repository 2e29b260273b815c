// Small models with random weights that a card and the CPU are sent through (self_check.h).
#pragma once

#include "engine/run/backend.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace switchyard::cuda {

/// Of the layers' attention.
inline constexpr int kCheckHeads = 4, kCheckKvHeads = 2, kCheckHeadDim = 64, kCheckRope = 32,
                     kCheckLatent = 128;

class CheckModel {
  public:
    enum class Layers : std::uint8_t {
        /// One with grouped queries and experts, one with latent attention and a dense block.
        Usual,
        /// One each with a short convolution, the gated delta rule, both kinds of state space, and gated
        /// attention with a norm behind it; then what few models have: other norms, attention with caps and
        /// chunks, beside blocks or over another layer's cache, routers and experts of other kinds.
        WithStates,
        /// Latent attention and grouped queries over what indexers chose; attention to rows of several tokens
        /// between residual streams.
        WithChoices
    };
    /// Matrices are of `type`, but for those of single heads.
    explicit CheckModel(BlockType type, Layers layers = Layers::Usual, int vocabulary = 256);
    CheckModel(const CheckModel&) = delete;

    /// Rows of answers, in one step or one after another; of a prompt; a step of rows and three alone behind
    /// it.
    enum class Form : std::uint8_t { Together, Alone, Prompt, Behind };
    /// Of the last of so many rows.
    std::vector<float> logits(Backend& backend, int rows, Form form) const;

  private:
    void add_usual_layers();
    void add_layers_with_states();
    void add_attention(ChoiceId choice = kNoChoice);
    /// `route`: but for its input, weight and numbers.
    void add_experts(RouteStep route, bool weigh_input);
    void add_latent_attention(ChoiceId choice = kNoChoice);
    FeedForwardStep block_to(ValueId out);
    void add_block();
    void add_short_convolution();
    void convolve(ValueId in, ValueId out, int from);
    void add_delta_rule();
    void add_state_space();
    void add_selective_scan();
    void add_gated_attention();
    void add_capped_attention();
    void add_borrowing_attention(int cache);
    void add_layers_with_choices();
    int add_rows(int dim, int tokens);
    void add_index(ChoiceId choice, bool weighted, int cache = -1);
    void add_streams_layers();
    void mix_streams(ValueId streams, ValueId weights);
    ValueId add_compressed_attention(bool chosen);
    /// Which rows of the cache it makes.
    int add_compressed_rows(int dim, int ratio, bool overlaps);

    void add(Operation operation) { plan_->steps.push_back({layer_, std::move(operation)}); }
    void add_layer(const KvLayer& kv = {});
    void add_norm();
    static std::vector<float> frequencies_of(int dims);
    void add_layer_norm();
    void project(ValueId in, ValueId out, bool more = false);
    int width(ValueId id) const { return plan_->values[static_cast<std::size_t>(id)]; }
    ValueId value(int width);
    int state(int values);
    float random();
    WeightId matrix(std::int64_t rows, std::int64_t cols, std::int64_t count = 1,
                    WeightUse use = WeightUse::Matrix);
    WeightId router();
    WeightId of_heads(std::int64_t rows, std::int64_t cols);
    /// Around `middle`.
    WeightId vector(std::int64_t width, float middle, int rows = 1);
    WeightId gain(std::int64_t width) { return vector(width, 1.0f); }
    WeightId add_weight(BlockType type, std::vector<std::int64_t> shape, WeightUse use, float size,
                        float middle);

    BlockType type_;
    std::uint64_t seed_ = 0;
    int layer_ = kNoLayer;
    ValueId x_ = kNoValue, normed_ = kNoValue;
    std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
    std::deque<std::vector<std::byte>> data_;
    std::deque<TensorView> tensors_; ///< sources point into it
    std::vector<WeightSource> sources_;
};

} // namespace switchyard::cuda
