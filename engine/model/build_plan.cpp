#include "engine/model/build_plan.h"

#include "engine/base/error.h"
#include "engine/model/plan_catalog.h"

#include <cmath>

namespace switchyard {

namespace {

class PlanBuilder {
  public:
    PlanBuilder(const ModelConfig& config, const ModelFile& file)
        : c_(config), w_(file), inverse_frequencies_(rope_inverse_frequencies(config.rope, file)) {
        if (config.window_rope)
            window_frequencies_ = rope_inverse_frequencies(*config.window_rope, file);
    }

    ModelPlan build() {
        plan_.vocabulary = c_.vocabulary;
        plan_.hidden = c_.hidden;
        plan_.experts = c_.experts;
        plan_.experts_active = c_.experts_active;
        x_ = value(c_.hidden);
        normed_ = value(c_.hidden);
        q_ = value(c_.heads * c_.head_dim);
        if (c_.latent()) {
            latent_ = value(c_.kv_lora_rank + c_.rope.dims);
            if (c_.q_lora_rank > 0)
                q_compressed_ = value(c_.q_lora_rank);
        } else {
            k_ = value(c_.kv_heads * c_.head_dim);
            v_ = value(c_.kv_heads * c_.value_dim);
        }
        attended_ = value(c_.heads * c_.value_dim);

        emit(EmbedStep{w_.table("token_embd.weight", c_.hidden, c_.vocabulary), x_,
                       c_.embedding_scale / c_.residual_scale});
        for (int layer = 0; layer < c_.layers; ++layer) {
            enter(layer);
            if (c_.single_mixers) {
                single_mixer();
            } else {
                mix();
                feed_forward();
            }
        }
        enter(kNoLayer);
        head();
        std::vector<std::string> notes = w_.check_all_used(c_);
        return {std::move(plan_), w_.take(), std::move(notes)};
    }

  private:
    void enter(int layer) {
        layer_ = layer;
        prefix_ = layer == kNoLayer ? "" : "blk." + std::to_string(layer) + ".";
        w_.enter(layer);
    }
    void emit(Operation operation) { plan_.steps.push_back({layer_, std::move(operation)}); }
    ValueId value(int width) {
        plan_.values.push_back(width);
        return static_cast<ValueId>(plan_.values.size()) - 1;
    }
    // Of the residual stream, which stands divided by the residual scale: so blocks add what they find, and a
    // norm takes any factor out but for its epsilon.
    void norm(const std::string& name, ValueId in, ValueId out) {
        const float epsilon = c_.norm_epsilon / (c_.residual_scale * c_.residual_scale);
        emit(NormStep{in, out, w_.vector(name, c_.hidden), epsilon, c_.hidden});
    }

    void project(const std::string& name, ValueId in, ValueId out, bool add = false) {
        const int cols = plan_.values[static_cast<std::size_t>(in)],
                  rows = plan_.values[static_cast<std::size_t>(out)];
        const WeightId weight = w_.matrix(prefix_ + name + ".weight", WeightRole::Attention, cols, rows);
        const WeightId bias = w_.optional_vector(prefix_ + name + ".bias", rows, WeightRole::Attention);
        emit(ProjectStep{in, weight, bias, out, add});
    }

    // Head norms: over each head (Qwen3) or over all heads at once (OLMoE); the gain's length tells.
    void head_norm(const std::string& name, ValueId v, int head_dim) {
        const TensorView* gain = w_.find(prefix_ + name);
        if (!gain)
            return;
        const int width = plan_.values[static_cast<std::size_t>(v)];
        const int group = gain->cols() == head_dim ? head_dim : width;
        emit(NormStep{v, v, w_.vector(prefix_ + name, group), c_.norm_epsilon, group});
    }

    void rope(ValueId v, int heads, int head_dim, int offset, RopeTemperature temperature = {}) {
        if (!c_.rotated.empty() && !c_.rotated[static_cast<std::size_t>(layer_)])
            return;
        const bool of_window = c_.window_rope && window() > 0;
        const RopeConfig& r = of_window ? *c_.window_rope : c_.rope;
        const RopeStyle style = r.interleaved ? RopeStyle::Interleaved : RopeStyle::HalfSplit;
        emit(RopeStep{v, heads, head_dim, offset, r.dims, style,
                      of_window ? window_frequencies_ : inverse_frequencies_, r.magnitude, temperature});
    }

    int window() const { return c_.windows.empty() ? 0 : c_.windows[static_cast<std::size_t>(layer_)]; }

    void head_norms() {
        head_norm("attn_q_norm.weight", q_, c_.head_dim);
        head_norm("attn_k_norm.weight", k_, c_.head_dim);
    }

    // What lets tokens see each other.
    void mix() {
        if (c_.latent())
            latent_attention();
        else if (c_.linear_layers.empty() || !c_.linear_layers[static_cast<std::size_t>(layer_)])
            attention();
        else if (c_.space.heads > 0)
            state_space();
        else if (c_.short_taps > 0)
            short_convolution();
        else
            linear_attention();
    }

    /// Values that layers of one kind share, made when the first is met.
    ValueId shared_value(ValueId& v, int width) { return v == kNoValue ? v = value(width) : v; }
    int state(int values) {
        plan_.states.push_back({values});
        return static_cast<int>(plan_.states.size()) - 1;
    }
    WeightId kernel(const std::string& name, int channels, int taps) {
        return w_.vectors(prefix_ + name, taps, channels, WeightRole::Attention);
    }

    /// `channels` values of mixed_raw_ from `from` on become mixed_.
    void convolve(int channels, int from, int taps, WeightId bias) {
        ConvolutionStep step{};
        step.in = mixed_raw_;
        step.out = shared_value(mixed_, channels);
        step.from = from;
        step.kernel = kernel("ssm_conv1d.weight", channels, taps);
        step.bias = bias;
        step.taps = taps;
        step.silu = true;
        step.state = state((taps - 1) * channels);
        emit(step);
    }

    // Nemotron: a layer is one block behind one norm.
    void single_mixer() {
        if (w_.has(prefix_ + "attn_q.weight"))
            return attention();
        if (w_.has(prefix_ + "ssm_in.weight"))
            return state_space();
        plan_.kv.push_back({});
        norm(prefix_ + "attn_norm.weight", x_, normed_);
        block_in_ = normed_;
        block_out_ = x_;
        if (w_.has(prefix_ + "ffn_gate_inp.weight"))
            experts();
        else
            block("", WeightRole::FeedForward, c_.feed_forward);
    }

    /// A vector that converters keep as one row or as several.
    WeightId rows_in_one(const std::string& name, int size, WeightRole role) {
        const TensorView* t = w_.find(prefix_ + name);
        if (!t || t->cols() < 1 || t->cols() == size || size % t->cols() != 0)
            return w_.vector(prefix_ + name, size, role);
        return w_.vectors(prefix_ + name, t->cols(), size / t->cols(), role);
    }

    void state_space() {
        plan_.kv.push_back({});
        const SpaceConfig& s = c_.space;
        const int inner = s.heads * s.head_dim, mixed = inner + 2 * s.groups * s.state_size;
        norm(prefix_ + "attn_norm.weight", x_, normed_);
        project("ssm_in", normed_, shared_value(mixed_raw_, inner + mixed + s.heads));
        convolve(mixed, inner, s.taps,
                 w_.optional_vector(prefix_ + "ssm_conv1d.bias", mixed, WeightRole::Attention));
        StateSpaceStep step{};
        step.mixed = mixed_;
        step.in = mixed_raw_;
        step.out = shared_value(recalled_, inner);
        step.dt_from = inner + mixed;
        step.a = rows_in_one("ssm_a", s.heads, WeightRole::Attention);
        step.d = rows_in_one("ssm_d", s.heads, WeightRole::Attention);
        step.dt_bias = w_.vector(prefix_ + "ssm_dt.bias", s.heads, WeightRole::Attention);
        step.gain = rows_in_one("ssm_norm.weight", inner, WeightRole::Norm);
        step.heads = s.heads;
        step.head_dim = s.head_dim;
        step.groups = s.groups;
        step.state_size = s.state_size;
        step.epsilon = c_.norm_epsilon;
        step.state = state(inner * s.state_size);
        emit(step);
        project("ssm_out", recalled_, x_, true);
    }

    // LFM2: what is convolved is multiplied by a gate before and by another behind.
    void short_convolution() {
        plan_.kv.push_back({});
        const int n = c_.hidden;
        norm(prefix_ + "attn_norm.weight", x_, normed_);
        const ValueId all = shared_value(mixed_raw_, 3 * n), out = shared_value(mixed_, n);
        project("shortconv.in_proj", normed_, all);
        ConvolutionStep step{};
        step.in = all;
        step.out = out;
        step.from = 2 * n;
        step.kernel = kernel("shortconv.conv.weight", n, c_.short_taps);
        step.taps = c_.short_taps;
        step.gate_in = 0;
        step.gate_out = n;
        step.state = state((c_.short_taps - 1) * n);
        emit(step);
        project("shortconv.out_proj", out, x_, true);
    }

    void linear_attention() {
        plan_.kv.push_back({});
        const LinearConfig& l = c_.linear;
        const int values = l.value_heads * l.value_dim, mixed = 2 * l.key_heads * l.key_dim + values;
        norm(prefix_ + "attn_norm.weight", x_, normed_);
        project("attn_qkv", normed_, shared_value(mixed_raw_, mixed));
        project("attn_gate", normed_, shared_value(z_, values));
        const ValueId alpha = shared_value(alpha_, l.value_heads), beta = shared_value(beta_, l.value_heads);
        if (w_.has(prefix_ + "ssm_ba.weight")) { // of each key head, beta's rows and then alpha's
            const int each = l.value_heads / l.key_heads;
            project("ssm_ba", normed_, shared_value(beta_alpha_, 2 * l.value_heads));
            emit(SplitStep{beta_alpha_, beta, alpha, l.key_heads, each, each});
        } else {
            project("ssm_alpha", normed_, alpha);
            project("ssm_beta", normed_, beta);
        }
        convolve(mixed, 0, l.taps, kNoWeight);
        DeltaRuleStep step{};
        step.mixed = mixed_;
        step.alpha = alpha;
        step.beta = beta;
        step.z = z_;
        step.out = shared_value(recalled_, values);
        step.a = w_.vector(prefix_ + "ssm_a", l.value_heads, WeightRole::Attention);
        step.dt = w_.vector(prefix_ + "ssm_dt.bias", l.value_heads, WeightRole::Attention);
        step.gain = w_.vector(prefix_ + "ssm_norm.weight", l.value_dim);
        step.key_heads = l.key_heads;
        step.value_heads = l.value_heads;
        step.key_dim = l.key_dim;
        step.value_dim = l.value_dim;
        step.neighbours = l.neighbours;
        step.epsilon = c_.norm_epsilon;
        step.state = state(l.value_heads * l.key_dim * l.value_dim);
        emit(step);
        project("ssm_out", recalled_, x_, true);
    }

    void attention() {
        plan_.kv.push_back({c_.kv_heads, c_.head_dim, c_.value_dim});
        const ValueId in = normed_input("attn_norm.weight");
        const ValueId queries =
            c_.gated_queries ? shared_value(gated_queries_, 2 * c_.heads * c_.head_dim) : q_;
        project("attn_q", in, queries);
        project("attn_k", in, k_);
        project("attn_v", in, v_);
        if (c_.gated_queries)
            emit(SplitStep{queries, q_, gate_value(c_.heads * c_.head_dim), c_.heads, c_.head_dim,
                           c_.head_dim});
        const TensorView* gate = c_.attention_gate ? w_.find(prefix_ + "attn_gate.weight") : nullptr;
        if (gate) {
            if (gate->rows() != c_.heads && gate->rows() != plan_.values[static_cast<std::size_t>(attended_)])
                throw Error("the tensor " + prefix_ +
                            "attn_gate.weight has neither a row a head nor one a value");
            project("attn_gate", in, gate_value(static_cast<int>(gate->rows())));
        }
        if (!c_.head_norm_last)
            head_norms();
        rope(q_, c_.heads, c_.head_dim, 0, c_.rope.query_temperature);
        rope(k_, c_.kv_heads, c_.head_dim, 0);
        if (c_.head_norm_last)
            head_norms();
        AttentionStep step{q_,          k_,          v_,           attended_,         c_.heads,
                           c_.kv_heads, c_.head_dim, c_.value_dim, c_.attention_scale};
        step.window = window();
        step.sinks = w_.optional_vector(prefix_ + "attn_sinks.weight", c_.heads, WeightRole::Attention);
        emit(step);
        if (gate || c_.gated_queries)
            emit(GateStep{attended_, gate_, GateStep::Function::Sigmoid});
        if (norms_behind()) {
            project("attn_output", attended_, found());
            add_normed("post_attention_norm.weight");
        } else {
            project("attn_output", attended_, x_, true);
        }
    }

    // Norms in front of both blocks, behind them (OLMo 2), or both (Gemma 3).
    bool norms_behind() const {
        return w_.has(prefix_ + "post_attention_norm.weight") && w_.has(prefix_ + "post_ffw_norm.weight");
    }
    ValueId normed_input(const std::string& name) {
        if (!w_.has(prefix_ + name) && norms_behind())
            return x_;
        norm(prefix_ + name, x_, normed_);
        return normed_;
    }
    void add_normed(const std::string& name) {
        emit(NormStep{.in = found_,
                      .out = x_,
                      .gain = w_.vector(prefix_ + name, c_.hidden),
                      .epsilon = c_.norm_epsilon,
                      .group = c_.hidden,
                      .add = true});
    }
    /// What a block found, before its norm.
    ValueId found() { return found_ == kNoValue ? found_ = value(c_.hidden) : found_; }
    ValueId gate_value(int width) { return gate_ == kNoValue ? gate_ = value(width) : gate_; }

    // MLA. Lite models project q at once; whether a model is one is told by its tensors, not by its layers.
    void latent_attention() {
        const int rope_dims = c_.rope.dims, nope = c_.head_dim - rope_dims, rank = c_.kv_lora_rank;
        plan_.kv.push_back({1, rank + rope_dims, 0});
        norm(prefix_ + "attn_norm.weight", x_, normed_);
        project("attn_kv_a_mqa", normed_, latent_);
        if (w_.has(prefix_ + "attn_q.weight")) {
            project("attn_q", normed_, q_);
        } else {
            if (c_.q_lora_rank == 0)
                throw Error("the tensor " + prefix_ +
                            "attn_q.weight is missing, and there is no q LoRA rank instead");
            project("attn_q_a", normed_, q_compressed_);
            const WeightId gain = w_.vector(prefix_ + "attn_q_a_norm.weight", c_.q_lora_rank);
            const ValueId q_normed = normed_value(c_.q_lora_rank);
            emit(NormStep{q_compressed_, q_normed, gain, c_.norm_epsilon, c_.q_lora_rank});
            project("attn_q_b", q_normed, q_);
        }
        const WeightId gain = w_.vector(prefix_ + "attn_kv_a_norm.weight", rank);
        emit(NormStep{latent_, latent_, gain, c_.norm_epsilon, rank, rank});
        rope(q_, c_.heads, c_.head_dim, nope);
        rope(latent_, 1, rank + rope_dims, rank);
        LatentAttentionStep step{};
        step.q = q_;
        step.latent = latent_;
        step.out = attended_;
        step.heads = c_.heads;
        step.nope = nope;
        step.rope = rope_dims;
        step.latent_dim = rank;
        step.value_dim = c_.value_dim;
        step.k_b = w_.matrix(prefix_ + "attn_k_b.weight", WeightRole::Attention, nope, rank, c_.heads);
        step.v_b =
            w_.matrix(prefix_ + "attn_v_b.weight", WeightRole::Attention, rank, c_.value_dim, c_.heads);
        step.scale = c_.attention_scale;
        emit(step);
        project("attn_output", attended_, x_, true);
    }
    ValueId normed_value(int width) { return q_normed_ == kNoValue ? q_normed_ = value(width) : q_normed_; }

    void feed_forward() {
        const bool behind = norms_behind();
        // GLM and gpt-oss call the norm in front of the block after the attention before it.
        const char* name = !behind && w_.has(prefix_ + "post_attention_norm.weight")
                               ? "post_attention_norm.weight"
                               : "ffn_norm.weight";
        block_in_ = normed_input(name);
        block_out_ = behind ? found() : x_;
        // Where dense layers lie among the others (Qwen's mlp_only_layers) no key says: their tensors do.
        const bool dense = !w_.has(prefix_ + "ffn_gate_inp.weight") && w_.has(prefix_ + "ffn_gate.weight");
        if (c_.dense() || layer_ < c_.dense_layers || dense)
            block("", WeightRole::FeedForward, c_.feed_forward);
        else
            experts();
        if (behind)
            add_normed("post_ffw_norm.weight");
    }

    // Gated block: "" for a dense layer, "_shexp" for the shared experts.
    void block(const std::string& suffix, WeightRole role, int width, WeightId output_gate = kNoWeight) {
        if (width < 1)
            throw Error("the width of " + prefix_ + "ffn_up" + suffix +
                        " is missing in the model's metadata");
        FeedForwardStep step{};
        step.in = block_in_;
        step.out = block_out_;
        step.add = block_out_ == x_;
        step.activation = c_.single_mixers ? Activation::Relu : c_.gelu ? Activation::Gelu : Activation::Silu;
        step.width = width;
        if (!c_.single_mixers)
            step.gate = w_.matrix(prefix_ + "ffn_gate" + suffix + ".weight", role, c_.hidden, width);
        step.up = w_.matrix(prefix_ + "ffn_up" + suffix + ".weight", role, c_.hidden, width);
        if (c_.single_mixers)
            step.gate = step.up;
        step.down = w_.matrix(prefix_ + "ffn_down" + suffix + ".weight", role, width, c_.hidden);
        step.gate_bias = w_.optional_vector(prefix_ + "ffn_gate" + suffix + ".bias", width, role);
        step.up_bias = w_.optional_vector(prefix_ + "ffn_up" + suffix + ".bias", width, role);
        step.down_bias = w_.optional_vector(prefix_ + "ffn_down" + suffix + ".bias", c_.hidden, role);
        step.output_gate = output_gate;
        emit(step);
    }

    Routing routing() const {
        Routing r;
        r.experts = c_.experts;
        r.active = c_.experts_active;
        r.gate = c_.expert_gate == 2   ? GateFunction::Sigmoid
                 : c_.expert_gate == 3 ? GateFunction::SoftmaxChosen
                 : c_.expert_gate == 4 ? GateFunction::SqrtSoftplus
                                       : GateFunction::Softmax;
        r.normalise = c_.expert_normalise;
        r.scale = c_.expert_scale;
        r.groups = c_.expert_groups;
        r.groups_kept = c_.expert_groups_kept;
        return r;
    }

    void experts() {
        RouteStep route{};
        route.in = block_in_;
        route.weight = w_.matrix(prefix_ + "ffn_gate_inp.weight", WeightRole::Router, c_.hidden, c_.experts);
        route.route = plan_.routes++;
        route.routing = routing();
        route.bias = w_.optional_vector(prefix_ + "ffn_gate_inp.bias", c_.experts, WeightRole::Router);
        route.selection_bias =
            w_.optional_vector(prefix_ + "exp_probs_b.bias", c_.experts, WeightRole::Router);
        // DeepSeek's own code: V3, which has a selection bias, scores a group by its two best experts, V2 by
        // the best.
        route.routing.group_score_top2 = route.selection_bias != kNoWeight;
        if (!c_.router_bias.empty()) {
            const auto first = c_.router_bias.begin() + std::ptrdiff_t{route.route} * c_.experts;
            route.constant_bias.assign(first, first + c_.experts);
        }
        emit(route);

        ExpertsStep step{};
        step.in = block_in_;
        step.out = block_out_;
        step.add = block_out_ == x_;
        step.route = route.route;
        step.width = c_.expert_width;
        const WeightRole role = WeightRole::RoutedExpert;
        if (!c_.single_mixers)
            step.gate =
                w_.matrix(prefix_ + "ffn_gate_exps.weight", role, c_.hidden, c_.expert_width, c_.experts);
        step.up = w_.matrix(prefix_ + "ffn_up_exps.weight", role, c_.hidden, c_.expert_width, c_.experts);
        if (c_.single_mixers)
            step.gate = step.up;
        step.down = w_.matrix(prefix_ + "ffn_down_exps.weight", role, c_.expert_width, c_.hidden, c_.experts);
        step.activation = c_.single_mixers  ? Activation::Relu
                          : c_.clamped_silu ? Activation::ClampedSilu
                                            : Activation::Silu;
        step.clamp = c_.silu_clamp;
        step.gate_bias = bias_table("ffn_gate_exps.bias", c_.expert_width);
        step.up_bias = bias_table("ffn_up_exps.bias", c_.expert_width);
        step.down_bias = bias_table("ffn_down_exps.bias", c_.hidden);
        emit(step);

        if (c_.shared_width > 0) {
            // Qwen2-MoE's shared expert has a sigmoid gate of its own.
            const WeightId gate =
                w_.optional_vector(prefix_ + "ffn_gate_inp_shexp.weight", c_.hidden, WeightRole::Router);
            block("_shexp", WeightRole::SharedExpert, c_.shared_width, gate);
        }
    }

    WeightId bias_table(const std::string& name, int width) {
        return w_.has(prefix_ + name)
                   ? w_.vectors(prefix_ + name, width, c_.experts, WeightRole::RoutedExpert)
                   : kNoWeight;
    }

    void head() {
        // LFM2 calls it after the table that is the output, too.
        norm(w_.has("output_norm.weight") ? "output_norm.weight" : "token_embd_norm.weight", x_, normed_);
        const char* name = w_.has("output.weight") ? "output.weight" : "token_embd.weight"; // tied
        emit(HeadStep{normed_, w_.matrix(name, WeightRole::Output, c_.hidden, c_.vocabulary), kNoWeight,
                      c_.logit_scale});
    }

    const ModelConfig& c_;
    Catalog w_;
    std::vector<float> inverse_frequencies_, window_frequencies_;
    Plan plan_;
    int layer_ = kNoLayer;
    std::string prefix_;
    ValueId x_{}, normed_{}, q_{}, k_{}, v_{}, attended_{}; // k_ and v_, or latent_ and q_compressed_
    ValueId latent_{}, q_compressed_{}, q_normed_ = kNoValue, found_ = kNoValue, gate_ = kNoValue;
    ValueId gated_queries_ = kNoValue;
    // Of linear attention and convolutions, with what these read and make of it.
    ValueId mixed_raw_ = kNoValue, mixed_ = kNoValue, z_ = kNoValue, recalled_ = kNoValue;
    ValueId alpha_ = kNoValue, beta_ = kNoValue, beta_alpha_ = kNoValue;
    ValueId block_in_{}, block_out_{}; // of a layer's feed-forward blocks
};

} // namespace

ModelPlan build_plan(const ModelConfig& config, const ModelFile& file) {
    return PlanBuilder(config, file).build();
}

} // namespace switchyard
