// The forward pass, written once: a plan is the list of steps a model's layers take, in the paper's own
// terms, with their weights and shapes. A backend compiles it; it never knows a model's name.
#pragma once

#include "engine/model/weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace switchyard {

/// An activation buffer of [batch rows, width] floats.
using ValueId = int;
inline constexpr ValueId kNoValue = -1;

/// out[r, :] = table[token[r], :] * scale
struct EmbedStep {
    WeightId table;
    ValueId out;
    float scale = 1.0f;
};

/// RMS norm over each group of `group` values (the whole row, or a head): out = in / sqrt(mean(in^2) +
/// epsilon) * gain + bias. LayerNorm (arXiv 1607.06450) takes the mean of a group away before.
struct NormStep {
    ValueId in, out;
    WeightId gain; ///< [group], or kNoWeight: 1
    float epsilon;
    int group;
    int count = 0;             ///< values of a row that are normed, from its first; 0: all
    bool add = false;          ///< out += the result
    bool kept = false;         ///< the result is kept in `out` for what is added to it later
    bool centred = false;      ///< LayerNorm
    WeightId bias = kNoWeight; ///< [group]

    /// Whether it is an RMS norm with gains, as nearly all are.
    bool plain() const { return gain != kNoWeight && !centred && bias == kNoWeight; }
};

/// out += in * scale
struct AddStep {
    ValueId in, out;
    float scale = 1.0f;
};

/// value = value * factor
struct ScaleStep {
    ValueId value;
    WeightId factor; ///< [1]
};

/// out = W in (+ bias); with `add`, out += W in (+ bias)
struct ProjectStep {
    ValueId in;
    WeightId weight; ///< [width(out), width(in)]
    WeightId bias = kNoWeight;
    ValueId out;
    bool add = false;
};

enum class RopeStyle : std::uint8_t {
    Interleaved, ///< pairs (2i, 2i+1)
    HalfSplit    ///< pairs (i, i + dims/2)
};

/// What queries of far positions are multiplied by, so that their scores stay as sharp:
/// 1 + scale * log(1 + floor((position + offset) / length)) (Nakanishi, arXiv 2501.19399; Llama 4, Mistral 3
/// and 4).
struct QueryTemperature {
    float scale = 0;               ///< 0: none
    int length = 8192, offset = 0; ///< tokens

    float at(int position) const {
        const int steps = (position + offset) / length;
        return scale == 0 || steps == 0 ? 1.0f : 1.0f + scale * std::log1p(static_cast<float>(steps));
    }
};

/// Rotates `dims` values from `offset` in each head, in place.
struct RopeStep {
    ValueId value;
    int heads, head_dim, offset, dims;
    RopeStyle style;
    std::vector<float> inverse_frequencies;   ///< [dims/2], scaling (linear, llama3, YaRN) already applied
    float magnitude = 1.0f;                   ///< multiplies cos and sin
    std::vector<float> long_frequencies = {}; ///< in long texts (Plan::short_text); empty: the same
    float long_magnitude = 1.0f;              ///< with those
};

/// Which positions a query sees besides being no later ones.
struct Sight {
    int window = 0; ///< the last so many with its own; 0: all
    int chunk = 0;  ///< those that have the same position / chunk (Llama 4); 0: all

    int oldest(int position) const {
        return std::max(window > 0 ? std::max(position - window + 1, 0) : 0,
                        chunk > 0 ? position / chunk * chunk : 0);
    }
    /// Most positions that one query sees, of `context`.
    int most(int context) const {
        return std::min(window > 0 ? std::min(window, context) : context, chunk > 0 ? chunk : context);
    }
};

/// A table of what rows chose, by its number; kNoChoice: all that a row sees.
using ChoiceId = int;
inline constexpr ChoiceId kNoChoice = -1;

/// The lightning indexer of sparse attention: which of the tokens that a row sees its attention attends to.
/// With weights (DeepSeek-V3.2), one choice for all heads: score(t) = scale * sum over heads of
/// weights[h] relu(q_h . k_t). Without (MiniMax M3), each head chooses for its part of the KV heads, and a
/// block of tokens has the largest score of its own: q_h . k_t. The `top` best are chosen, of equals the
/// earlier.
struct IndexStep {
    ValueId q;                  ///< [heads * dim]
    ValueId key = kNoValue;     ///< [dim], kept in `cache` first; kNoValue: a CompressStep keeps them
    ValueId weights = kNoValue; ///< [heads]
    int heads, dim;
    float scale = 1.0f;
    int cache; ///< index into Plan::kv: rows of [dim]
    int top;
    int block = 1;   ///< keys that are chosen together
    int local = 0;   ///< blocks, the last with the row's own, that are chosen whatever their scores
    ChoiceId choice; ///< what it fills

    int choices() const { return weights == kNoValue ? heads : 1; } ///< of a row
};

/// Causal attention of a layer; appends this batch's k and v to the layer's cache first.
/// q [heads * head_dim], k [kv_heads * head_dim], v [kv_heads * value_dim] -> out [heads * value_dim]
struct AttentionStep {
    ValueId q, k, v, out;
    int heads, kv_heads, head_dim, value_dim;
    float scale;
    int window = 0, chunk = 0;  ///< Sight's
    WeightId sinks = kNoWeight; ///< [heads] logits of an empty key
    int cache = kNoLayer; ///< a layer before, whose keys and values serve here too: k and v are kNoValue then
    float value_scale = 1.0f; ///< multiplies out
    float cap = 0;            ///< scores s become cap * tanh(s / cap); 0: they stay
    QueryTemperature temperature = {};

    Sight sight() const { return {window, chunk}; }
    ChoiceId choice = kNoChoice;
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): the cache holds one vector
/// [latent_dim + rope] a token. In the absorbed form that is the key of every head, and its first latent_dim
/// values are the value; in the decompressed form each head has keys and values of its own, made from it:
/// k = [k_b^T latent | rope], v = v_b latent. Rows say which form (BatchRow::decompressed). Appends this
/// batch's vectors to the layer's cache first.
struct LatentAttentionStep {
    ValueId q;      ///< [heads * (nope + rope)], rotated
    ValueId latent; ///< [latent_dim + rope]: the normed latent, then the rotated part of the key
    ValueId out;    ///< [heads * value_dim]
    int heads, nope, rope, latent_dim, value_dim;
    WeightId k_b; ///< a slice a head [latent_dim, nope]: takes q into the latent space
    WeightId v_b; ///< a slice a head [value_dim, latent_dim]: takes the attended latent out of it
    float scale;
    QueryTemperature temperature = {};
    ChoiceId choice = kNoChoice; ///< rows with one are computed in the absorbed form alone
};

/// Makes one row of `ratio` tokens, a window (DeepSeek-V4's compressed attention): for each channel, with
/// weights softmax(gate + position_bias) over the window's tokens, sum weight * kv; then an RMS norm, and the
/// rotation of the window's first position. Where values are twice as wide, the softmax runs over the first
/// half's channels of the window before and the second half's of this one. Appends to the cache of rows.
struct CompressStep {
    ValueId kv, gate;       ///< [dim] or [2 * dim]
    WeightId position_bias; ///< a row a token of the window, as wide
    WeightId gain;          ///< [dim]
    int dim, ratio;
    float epsilon;
    int rope_offset, rope_dims;
    RopeStyle style;
    std::vector<float> inverse_frequencies; ///< [rope_dims / 2]
    float magnitude;
    int cache; ///< index into Plan::kv
    int state; ///< index into Plan::states: largest logit, sum and weighted sum of each channel, [parts, 3,
               ///< dim]; with overlap the parts are this window's, the next one's, and the last one's for it
    bool overlaps = false;

    static int state_values(int dim, bool overlaps) { return (overlaps ? 3 : 1) * 3 * dim; }
};

/// DeepSeek-V4's attention: one key a token, which is its value too, of the last `window` tokens, and rows of
/// compressed tokens before them (all that are complete, or chosen ones), under one softmax with a sink. The
/// result is rotated back by the query's own position.
struct CompressedAttentionStep {
    ValueId q, kv, out; ///< q and out [heads * dim], kv [dim], rotated
    int heads, dim, window;
    float scale;
    WeightId sinks; ///< [heads]
    int rows = -1;  ///< index into Plan::kv; -1: none
    ChoiceId choice = kNoChoice;
    RopeStep back; ///< of `out`
};

inline constexpr int kMostStreams = 16;

/// Weights of the residual streams of hyper-connections (manifold-constrained; Xie et al. 2026, in
/// DeepSeek-V4), made of all streams, normed as one: m = fn norm(streams);
/// pre = sigmoid(m0 scale0 + base0) + epsilon; post = 2 sigmoid(m1 scale1 + base1);
/// mix = rows softmaxed, + epsilon, then columns and rows normalised in turn (Sinkhorn-Knopp).
/// out = sum of pre_i streams_i.
struct MixStreamsStep {
    ValueId streams; ///< [count * width(out)]
    ValueId out;
    ValueId weights = kNoValue; ///< [count + count^2]: post and mix; kNoValue: neither (before the head)
    WeightId fn;                ///< [2 count + count^2, count * width(out)]; [count, ...] without weights
    WeightId base, scale;       ///< as many as fn's rows; [3], or [1]
    int count, iterations;
    float norm_epsilon, epsilon;
};

/// streams_j = post_j in + sum over i of mix[i, j] streams_i. Without weights: streams_j = in.
struct SpreadStreamsStep {
    ValueId streams, in;
    ValueId weights = kNoValue;
    int count;
};

/// out = W_g in_g for each of `groups` parts of rows.
struct GroupedProjectStep {
    ValueId in, out;
    WeightId weight; ///< a slice a group [width(out) / groups, width(in) / groups]
    int groups;
};

/// A diagonal linear recurrence, the simplest layer whose memory has a fixed size: state = decay * state +
/// in, out = state. A new sequence's state is 0.
struct RecurrenceStep {
    ValueId in, out; ///< [width]
    WeightId decay;  ///< [width]
    int state;       ///< index into Plan::states, of `width` values
};

/// A causal depthwise convolution over the rows of a sequence: out[t, c] = f(sum over k of
/// kernel[c, k] x[t - taps + 1 + k, c]), where x is a part of each row of `in`. The last tap meets the newest
/// row. `bias` is added to the sum. LFM2's multiplies x by one more part of the row before, and the result by
/// another.
struct ConvolutionStep {
    ValueId in, out;
    int channels;
    int from = 0;              ///< where x begins in a row of `in`
    int to = 0;                ///< where the result begins in a row of `out`
    WeightId kernel;           ///< [channels, taps]
    WeightId bias = kNoWeight; ///< [channels]
    int taps;
    bool silu = false;
    int gate_in = -1, gate_out = -1; ///< where what multiplies x, and the result, begins; -1: nothing
    int state; ///< index into Plan::states: the last taps - 1 of x, [taps - 1, channels]
};

/// The gated delta rule (Yang et al., arXiv 2412.06464; Qwen3-Next's linear attention). For each value head,
/// with its key head's q and k of unit length, q scaled by 1 / sqrt(key_dim), and a state S [key_dim,
/// value_dim] that is 0 in a new sequence:
/// S = exp(g) S; S += k (x) sigmoid(beta) (v - S^T k); o = S^T q; out = RMS norm(o) * gain * silu(z),
/// where g = a softplus(alpha + dt) is a number a head. Kimi Delta Attention (arXiv 2510.26692) has one for
/// each channel of a key, which is a row of S, and the sigmoid of z; Ling 3's g is
/// least_decay sigmoid(|a| (alpha + dt)).
struct DeltaRuleStep {
    ValueId mixed;             ///< [2 * key_heads * key_dim + value_heads * value_dim]: queries, keys, values
    ValueId alpha;             ///< [value_heads], or [value_heads * key_dim] by channel
    ValueId beta;              ///< [value_heads]
    ValueId z, out;            ///< [value_heads * value_dim]
    WeightId a;                ///< [value_heads], below 0
    WeightId dt;               ///< as many as alpha
    WeightId gain;             ///< [value_dim]
    bool by_channel = false;   ///< a decay for each channel of a key
    float least_decay = 0;     ///< below 0: what g is never under
    bool sigmoid_gate = false; ///< z passes a sigmoid alone
    int key_heads, value_heads, key_dim, value_dim;
    bool neighbours; ///< value heads of one key head stand together; else key heads take turns
    float epsilon;
    int state; ///< index into Plan::states, [value_heads, key_dim, value_dim]
};

/// A state space (Mamba-2: Dao and Gu, arXiv 2405.21060). For each head with its state S [head_dim,
/// state_size], 0 in a new sequence, and its group's B and C:
/// t = softplus(dt + dt_bias); S = exp(t a) S + t x (x) B; y = (S C + d x) silu(z);
/// then out = RMS norm over each group of y * gain. Mamba-1 (arXiv 2312.00752) has heads of one channel, a
/// decay for each value of the state, B and C of one group apart from x, and no norm.
struct StateSpaceStep {
    ValueId mixed; ///< [heads * head_dim + 2 * groups * state_size]: x, B, C
    ValueId in;    ///< z [heads * head_dim] begins at `z_from`, and dt [heads] at `dt_from`
    ValueId out;   ///< [heads * head_dim]
    int dt_from;
    WeightId a;                   ///< [heads], or [heads, state_size] by value; below 0
    WeightId d;                   ///< [heads]
    WeightId dt_bias = kNoWeight; ///< [heads]
    WeightId gain = kNoWeight;    ///< [heads * head_dim]; kNoWeight: no norm
    int heads, head_dim, groups, state_size;
    float epsilon;
    int state; ///< index into Plan::states, [heads, head_dim, state_size]
    int z_from = 0;
    ValueId b = kNoValue, c = kNoValue; ///< [groups * state_size], where `mixed` is x alone
    ValueId dt = kNoValue;              ///< [heads], where `in` does not have it
    bool by_value = false;              ///< a decay for each value of the state
};

/// Takes rows of `groups` groups apart: of each group the first `first` values, then `second`. Where `second`
/// is 0 there is no out_second, and out_first a copy.
struct SplitStep {
    ValueId in, out_first, out_second;
    int groups, first, second;
};

/// value = value * f(gate): what a gate made of attention's input leaves of its result (Qiu et al., arXiv
/// 2505.06708). A gate has as many values as what it meets, or one a head. With `gelu` it is
/// value = gelu(value) * gate, of which `gate` is a part of a row (Gemma's inputs by layer).
struct GateStep {
    enum class Function : std::uint8_t { Sigmoid, Softplus, Gelu };
    ValueId value, gate;
    Function function = Function::Sigmoid;
    int gate_from = 0; ///< where the gate begins in its row; Gelu alone
};

/// What joins gate and up: silu(gate) * up, gelu(gate) * up, or gpt-oss's
/// gate * sigmoid(alpha * gate) * (up + 1) with gate at most `limit` and up within -limit .. limit; or
/// max(gate, 0) * up, which is the square where both are the same matrix; or DeepSeek-V4's silu(gate) * up
/// with gate at most `limit` and up within -limit .. limit.
enum class Activation : std::uint8_t { Silu, Gelu, ClampedSilu, Relu, LimitedSilu };

/// The constants of ClampedSilu and LimitedSilu.
struct SiluClamp {
    float alpha = 1.702f, limit = 7.0f;
};

/// out (+)= down(act(gate(in)) * up(in)); dense layers and shared experts
struct FeedForwardStep {
    ValueId in;
    WeightId gate, up, down;
    WeightId gate_bias = kNoWeight, up_bias = kNoWeight; ///< [width]
    WeightId down_bias = kNoWeight;                      ///< [width(out)]
    ValueId out;
    int width; ///< hidden neurons
    Activation activation = Activation::Silu;
    SiluClamp clamp = {};
    bool add = true;
    WeightId output_gate = kNoWeight; ///< [width(in)]: the result is multiplied by sigmoid(output_gate . in)
};

enum class GateFunction : std::uint8_t {
    Softmax,
    Sigmoid,
    SoftmaxChosen, ///< softmax over the chosen
    SqrtSoftplus,  ///< sqrt(log(1 + exp(logit)))
    SparseMixer    ///< for each chosen, softmax over those that are left and not much below it (Phi-3.5-MoE)
};

/// How a router chooses; see the routing order in engine/README.md.
struct Routing {
    int experts = 0, active = 0;
    GateFunction gate = GateFunction::Softmax;
    bool normalise = false;
    float scale = 1.0f;
    int groups = 1, groups_kept = 1;
    float nearness = 0.02f;        ///< SparseMixer's
    bool group_score_top2 = false; ///< sum of the two best (with a selection bias), else the maximum
};

/// Chooses experts for each row; the row's own `experts` overrides `active`. Its input may be another than
/// the experts'.
struct RouteStep {
    ValueId in;
    WeightId weight; ///< [experts, width(in)]
    WeightId bias = kNoWeight, selection_bias = kNoWeight;
    std::vector<float> constant_bias; ///< [experts] or empty: added to the logits
    WeightId by_token =
        kNoWeight; ///< [vocabulary, active]: a token's experts, which only weights are made for
    int route;     ///< index of the route table this step fills: 0 .. Plan::routes - 1
    Routing routing;
    float logit_scale = 1.0f;          ///< multiplies the logits before their biases
    float cap = 0;                     ///< logits l become cap * tanh(l / cap) after; 0: they stay
    WeightId expert_scale = kNoWeight; ///< [experts]: multiplies the weights of the chosen
};

/// out (+)= sum over the chosen experts, in order of their number, of weight * down(act(gate(in)) * up(in))
struct ExpertsStep {
    ValueId in;
    int route;
    WeightId gate, up, down;                             ///< one slice an expert
    WeightId gate_bias = kNoWeight, up_bias = kNoWeight; ///< [experts, width]
    WeightId down_bias = kNoWeight;                      ///< [experts, width(out)]
    ValueId out;
    int width;
    Activation activation = Activation::Silu;
    SiluClamp clamp;
    bool add = true;
    bool weigh_input = false; ///< an expert's weight multiplies its input and not its result (Llama 4)
};

/// Logits of the rows that want them: [vocabulary]
struct HeadStep {
    ValueId in;
    WeightId weight;
    WeightId bias = kNoWeight;
    float scale = 1.0f; ///< of the product, before the bias
    float cap = 0;      ///< logits l become cap * tanh(l / cap); 0: they stay
};

using Operation =
    std::variant<EmbedStep, NormStep, AddStep, ScaleStep, ProjectStep, RopeStep, AttentionStep,
                 LatentAttentionStep, IndexStep, CompressStep, CompressedAttentionStep, MixStreamsStep,
                 SpreadStreamsStep, GroupedProjectStep, RecurrenceStep, ConvolutionStep, DeltaRuleStep,
                 StateSpaceStep, SplitStep, GateStep, FeedForwardStep, RouteStep, ExpertsStep, HeadStep>;

/// An operation and the layer it belongs to, so that a backend can place a layer's weights, cache and work
/// together.
struct Step {
    int layer = kNoLayer;
    Operation operation;
};

/// KV width of a layer, in values a token; or what is kept besides, in entries behind the layers': rows in
/// 16-bit floats, whatever the type of the others (32-bit on the exact path).
struct KvLayer {
    int kv_heads = 0, key_dim = 0, value_dim = 0; ///< value_dim 0: the values are part of the keys
    int row_dim = 0;                              ///< 0: none are kept
    int row_tokens = 1;                           ///< that share a row
};

/// What a layer with a recurrence or a convolution remembers of a sequence, however long this is.
struct StateLayer {
    int values = 0; ///< floats
};

struct Plan {
    std::vector<Step> steps;
    std::vector<int> values;        ///< width of each activation buffer
    std::vector<KvLayer> kv;        ///< one a layer, and those of rows
    std::vector<StateLayer> states; ///< those that layers have, in their order
    int routes = 0;                 ///< routers in the plan
    int choices = 0;                ///< tables of what rows chose
    int vocabulary = 0, hidden = 0;
    /// Texts of more tokens are long: their rotations are others, from the first token on (LongRoPE,
    /// arXiv 2402.13753). 0: the length changes nothing.
    int short_text = 0;
    int experts = 0, experts_active = 0; ///< 0: dense
};

} // namespace switchyard
