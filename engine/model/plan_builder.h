// What turns a model's shape and tensors into its plan, layer by layer.
#pragma once

#include "engine/model/build_plan.h"
#include "engine/model/plan_catalog.h"

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace switchyard {

class PlanBuilder {
  public:
    PlanBuilder(const ModelConfig& config, const ModelFile& file);

    ModelPlan build();

  private:
    void enter(int layer);
    void emit(Operation operation) { plan_.steps.push_back({layer_, std::move(operation)}); }
    ValueId value(int width);
    // Of the residual stream, which stands divided by the residual scale: so blocks add what they find, and a
    // norm takes any factor out but for its epsilon.
    void norm(const std::string& name, ValueId in, ValueId out);
    /// Of rows of the width of the stream: its gain by name, and its bias where the file has one.
    NormStep norm_of(const std::string& name, ValueId in, ValueId out);

    void project(const std::string& name, ValueId in, ValueId out, bool add = false);

    // Head norms: over each head (Qwen3) or over all heads at once (OLMoE); the gain's length tells.
    void head_norm(const std::string& name, ValueId v, int head_dim);

    void rope(ValueId v, int heads, int head_dim, int offset);
    bool rotated() const { return c_.rotated.empty() || c_.rotated[static_cast<std::size_t>(layer_)]; }
    /// Of queries of this layer.
    QueryTemperature temperature() const {
        return c_.temperature_unrotated && rotated() ? QueryTemperature{} : c_.temperature;
    }

    int window() const { return window_of(layer_); }
    int window_of(int layer) const {
        return c_.windows.empty() ? 0 : c_.windows[static_cast<std::size_t>(layer)];
    }

    void head_norms();
    /// A norm of each head in place, without gains.
    void unit_norm(ValueId v, int head_dim) { emit(NormStep{v, v, kNoWeight, c_.norm_epsilon, head_dim}); }

    // What lets tokens see each other.
    void mix();

    /// Values that layers of one kind share, made when the first is met.
    ValueId shared_value(ValueId& v, int width) { return v == kNoValue ? v = value(width) : v; }
    int state(int values);
    WeightId kernel(const std::string& name, int channels, int taps) {
        return w_.vectors(prefix_ + name, taps, channels, WeightRole::Attention);
    }

    /// `channels` values of mixed_raw_ from `from` on become mixed_.
    /// With its kernel, and a state of its own.
    ConvolutionStep convolution(const std::string& name, ValueId in, ValueId out, int channels, int taps);
    void convolve(int channels, int from, int taps, WeightId bias);
    /// The part of linear attention that its queries, keys and values lead to.
    void delta_rule(DeltaRuleStep step);
    /// in -> name_a -> name_b -> out, or at once where there is no second matrix.
    void project_through(const std::string& name, ValueId& between, ValueId out);

    // Nemotron: a layer is one block behind one norm.
    void single_mixer();

    /// A vector that converters keep as one row or as several.
    WeightId rows_in_one(const std::string& name, int size, WeightRole role);

    void state_space();
    void state_space_input();
    void state_space_from_input();
    // Mamba-1.
    void selective_scan();
    /// A norm of a whole value in its place, where the layer has it.
    void norm_in_place(const std::string& name, ValueId v);

    // LFM2: what is convolved is multiplied by a gate before and by another behind.
    void short_convolution();

    void linear_attention();

    // Kimi Delta Attention.
    void key_decay_attention();

    void attention();
    /// Keys and values of this layer, as they go to its cache; of those that another layer has, its number.
    int keys_and_values(ValueId in);
    /// Up to what attention finds; what leads back to the stream follows.
    void attend(ValueId in);
    void leave_attention();
    /// Projects what attention's result is multiplied by, where a layer has it.
    bool attention_gate(ValueId in);
    /// A layer whose blocks read the same norm: x += attention + block_scale * block.
    void parallel_blocks();

    // Norms in front of both blocks, behind them (OLMo 2), or both (Gemma 3).
    bool norms_behind() const {
        return w_.has(prefix_ + "post_attention_norm.weight") && w_.has(prefix_ + "post_ffw_norm.weight");
    }
    ValueId normed_input(const std::string& name);
    /// Adds the norm of what a block found; `epsilon` is multiplied.
    void add_normed(const std::string& name, float epsilon = 1.0f);
    /// What a block found, before its norm.
    ValueId found() { return found_ == kNoValue ? found_ = value(c_.hidden) : found_; }
    ValueId gate_value(int width) { return gate_ == kNoValue ? gate_ = value(width) : gate_; }

    // MLA. Lite models project q at once; whether a model is one is told by its tensors, not by its layers.
    void latent_attention();
    /// Chooses tokens by an input for queries and one for keys, both normed.
    void latent_index(ValueId q_in, ValueId in);
    void block_index(ValueId in);
    void index(IndexStep step, RopeStyle style);
    bool indexes(const char* tensor) const;
    // DeepSeek-V4.
    void streams_layer();
    void mix_streams(const std::string& name, bool spreads);
    void compressed_attention();
    void compress(const std::string& name, ValueId in, int dim, int ratio, int cache);
    void compressed_index(ValueId q_in, ValueId in, int cache);
    RopeStep rope_of_end(ValueId v, int heads, int dim, bool compressed) const;
    int add_rows(int dim, int tokens);
    void limit(Activation& activation, SiluClamp& clamp, const std::vector<float>& limits) const;
    ValueId normed_value(int width) { return q_normed_ == kNoValue ? q_normed_ = value(width) : q_normed_; }

    void feed_forward();
    /// Gemma 4: a dense block and experts beside it, each between norms of its own.
    void dense_and_experts();
    /// Gemma's inputs by layer: those of all layers, and what one makes of its own.
    void layer_inputs();
    void layer_input();

    Activation activation() const;
    // Gated block: "" for a dense layer, "_shexp" for the shared experts.
    void block(const std::string& suffix, WeightRole role, int width, WeightId output_gate = kNoWeight);

    Routing routing() const;

    void experts();
    void experts(RouteStep route);

    WeightId bias_table(const std::string& name, int width);

    void head();

    const ModelConfig& c_;
    Catalog w_;
    std::vector<float> inverse_frequencies_, window_frequencies_, long_frequencies_, compressed_frequencies_;
    Plan plan_;
    int layer_ = kNoLayer;
    std::string prefix_;
    ValueId x_{}, normed_{}, q_{}, k_{}, v_{}, attended_{}; // k_ and v_, or latent_ and q_compressed_
    HeadShape heads_;                                       // of the layer at hand, as q_ .. attended_ are
    std::map<std::pair<char, int>, ValueId> head_values_;   // those of all layers, by kind and width
    ValueId inputs_ = kNoValue, layer_gate_ = kNoValue;     // inputs by layer
    ValueId sum_ = kNoValue, routed_ = kNoValue; // of blocks beside each other, and what routers read
    ValueId latent_{}, q_compressed_ = kNoValue, q_normed_ = kNoValue, found_ = kNoValue, gate_ = kNoValue;
    ValueId gated_queries_ = kNoValue;
    ValueId index_q_ = kNoValue, index_key_ = kNoValue, index_weights_ = kNoValue;
    ValueId streams_ = kNoValue, stream_weights_ = kNoValue, grouped_ = kNoValue, kv_raw_ = kNoValue;
    std::map<int, std::pair<ValueId, ValueId>> compressed_; ///< what rows are made of, by its width
    std::vector<KvLayer> rows_;                             ///< of the cache, behind the layers' entries
    // Of linear attention and convolutions, with what these read and make of it.
    ValueId mixed_raw_ = kNoValue, mixed_ = kNoValue, z_ = kNoValue, recalled_ = kNoValue;
    ValueId alpha_ = kNoValue, beta_ = kNoValue, beta_alpha_ = kNoValue;
    std::array<ValueId, 3> parts_{kNoValue, kNoValue, kNoValue}; // queries, keys, values before convolutions
    ValueId scanned_ = kNoValue, steps_low_ = kNoValue, steps_ = kNoValue;
    ValueId b_and_c_ = kNoValue, b_ = kNoValue, c_state_ = kNoValue;
    ValueId decays_between_ = kNoValue, gates_between_ = kNoValue;
    ValueId block_in_{}, block_out_{}; // of a layer's feed-forward blocks
};

} // namespace switchyard
