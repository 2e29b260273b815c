#include "engine/model/check_plan.h"

#include "engine/base/error.h"

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace switchyard {

namespace {

class Check {
  public:
    explicit Check(const Plan& plan) : plan_(plan) {}

    void step(const Step& step) {
        layer_ = step.layer;
        std::visit([this](const auto& s) { fits(s); }, step.operation);
    }

  private:
    std::int64_t width(ValueId v) const {
        demand(v >= 0 && v < std::ssize(plan_.values), "a value that is not there");
        return plan_.values[static_cast<std::size_t>(v)];
    }
    void demand(bool fits, const char* what) const {
        if (!fits)
            throw Error((layer_ == kNoLayer ? std::string("the model") : "layer " + std::to_string(layer_)) +
                        " has " + what + ": what the file says of its layers does not fit together");
    }
    static std::int64_t times(std::int64_t a, std::int64_t b) { return a * b; }

    void fits(const RopeStep& s) {
        demand(times(s.heads, s.head_dim) == width(s.value), "rotations of another number of heads");
        demand(s.offset >= 0 && s.offset + s.dims <= s.head_dim,
               "heads of which more is rotated than they have");
        demand(std::ssize(s.inverse_frequencies) == s.dims / 2,
               "rotations of other dimensions than they have");
        demand(s.long_frequencies.empty() || s.long_frequencies.size() == s.inverse_frequencies.size(),
               "other dimensions that are rotated in long texts");
    }
    void fits(const AttentionStep& s) {
        demand(s.kv_heads > 0 && s.heads % s.kv_heads == 0, "heads that its KV heads do not divide");
        demand(times(s.heads, s.head_dim) == width(s.q), "queries of another width");
        demand(times(s.heads, s.value_dim) == width(s.out), "attention of another width");
        if (s.cache == kNoLayer) {
            demand(times(s.kv_heads, s.head_dim) == width(s.k), "keys of another width");
            demand(times(s.kv_heads, s.value_dim) == width(s.v), "values of another width");
        } else {
            const KvLayer& lent = plan_.kv[static_cast<std::size_t>(s.cache)];
            demand(lent.kv_heads == s.kv_heads && lent.key_dim == s.head_dim && lent.value_dim == s.value_dim,
                   "other heads than the layer whose keys and values it reads");
        }
        demand(s.choice == kNoChoice || (s.cache == kNoLayer && s.window == 0 && s.chunk == 0),
               "an indexer and a window, a chunk or another layer's keys and values");
    }
    void fits(const LatentAttentionStep& s) {
        demand(times(s.heads, std::int64_t{s.nope} + s.rope) == width(s.q), "queries of another width");
        demand(std::int64_t{s.latent_dim} + s.rope == width(s.latent), "latents of another width");
        demand(times(s.heads, s.value_dim) == width(s.out), "attention of another width");
    }
    void fits(const IndexStep& s) {
        demand(times(s.heads, s.dim) == width(s.q), "an indexer of another width");
        demand(s.key == kNoValue || width(s.key) == s.dim, "an indexer with keys of another width");
        demand(s.weights == kNoValue || width(s.weights) == s.heads, "an indexer with other weights");
        const KvLayer& rows = plan_.kv[static_cast<std::size_t>(s.cache)];
        demand(rows.row_dim == s.dim, "an indexer with keys of another width");
        // All that fill one table write lists of the same kind.
        const auto [table, fresh] = choices_.try_emplace(s.choice, s);
        const IndexStep& first = table->second;
        demand(fresh || (first.top == s.top && first.block == s.block && first.choices() == s.choices() &&
                         plan_.kv[static_cast<std::size_t>(first.cache)].row_tokens == rows.row_tokens),
               "an indexer that chooses among other rows than those before");
    }
    void fits(const CompressStep& s) {
        const std::int64_t wide = times(s.overlaps ? 2 : 1, s.dim);
        demand(width(s.kv) == wide && width(s.gate) == wide, "compressed rows of another width");
        demand(s.rope_offset >= 0 && s.rope_offset + s.rope_dims <= s.dim &&
                   std::ssize(s.inverse_frequencies) == s.rope_dims / 2,
               "compressed rows of which more is rotated than they have");
        const KvLayer& rows = plan_.kv[static_cast<std::size_t>(s.cache)];
        demand(rows.row_dim == s.dim && rows.row_tokens == s.ratio, "compressed rows of another width");
    }
    void fits(const CompressedAttentionStep& s) {
        demand(times(s.heads, s.dim) == width(s.q) && width(s.q) == width(s.out), "queries of another width");
        demand(width(s.kv) == s.dim, "keys of another width");
        demand(s.rows < 0 || plan_.kv[static_cast<std::size_t>(s.rows)].row_dim == s.dim,
               "compressed rows of another width");
        fits(s.back);
    }
    void fits(const SpreadStreamsStep& s) {
        demand(times(s.count, width(s.in)) == width(s.streams), "residual streams of another width");
    }
    void fits(const MixStreamsStep& s) {
        demand(times(s.count, width(s.out)) == width(s.streams), "residual streams of another width");
        demand(s.weights == kNoValue || width(s.weights) == s.count + times(s.count, s.count),
               "other weights of its residual streams");
    }
    void fits(const GroupedProjectStep& s) {
        demand(s.groups > 0 && width(s.in) % s.groups == 0 && width(s.out) % s.groups == 0,
               "groups that do not divide what they project");
    }
    void fits(const ConvolutionStep& s) {
        demand(s.from >= 0 && std::int64_t{s.from} + s.channels <= width(s.in) && s.to >= 0 &&
                   std::int64_t{s.to} + s.channels <= width(s.out),
               "a convolution of other channels");
        for (const int gate : {s.gate_in, s.gate_out})
            demand(gate < 0 || std::int64_t{gate} + s.channels <= width(s.in),
                   "a convolution of other gates");
    }
    void fits(const DeltaRuleStep& s) {
        const std::int64_t values = times(s.value_heads, s.value_dim);
        demand(s.key_heads > 0 && s.value_heads % s.key_heads == 0,
               "value heads that key heads do not divide");
        demand(times(2 * std::int64_t{s.key_heads}, s.key_dim) + values == width(s.mixed) &&
                   values == width(s.z) && values == width(s.out) && width(s.beta) == s.value_heads &&
                   width(s.alpha) == times(s.value_heads, s.by_channel ? s.key_dim : 1),
               "linear attention of another width");
    }
    void fits(const StateSpaceStep& s) {
        const std::int64_t inner = times(s.heads, s.head_dim), states = times(s.groups, s.state_size);
        demand(s.groups > 0 && s.heads % s.groups == 0, "heads that its groups do not divide");
        demand(width(s.mixed) == inner + (s.b == kNoValue ? 2 * states : 0) && width(s.out) == inner &&
                   s.z_from + inner <= width(s.in) &&
                   (s.dt == kNoValue ? std::int64_t{s.dt_from} + s.heads <= width(s.in)
                                     : width(s.dt) == s.heads) &&
                   (s.b == kNoValue || (width(s.b) == states && width(s.c) == states)),
               "a state space of another width");
    }
    void fits(const SplitStep& s) {
        demand(times(s.groups, std::int64_t{s.first} + s.second) == width(s.in) &&
                   times(s.groups, s.first) == width(s.out_first) &&
                   (s.second == 0 || times(s.groups, s.second) == width(s.out_second)),
               "parts of another width");
    }
    void fits(const GateStep& s) {
        if (s.function == GateStep::Function::Gelu)
            demand(s.gate_from >= 0 && s.gate_from + width(s.value) <= width(s.gate),
                   "a gate of another width");
        else
            demand(width(s.value) % width(s.gate) == 0, "a gate of another width");
    }
    void fits(const AddStep& s) { demand(width(s.in) == width(s.out), "a sum of other widths"); }
    /// Their weights fit their values: what is checked where weights are taken.
    template <typename Other>
    void fits(const Other&) {}

    const Plan& plan_;
    int layer_ = kNoLayer;
    std::map<ChoiceId, IndexStep> choices_;
};

} // namespace

void check_widths(const Plan& plan) {
    Check check(plan);
    for (const Step& step : plan.steps)
        check.step(step);
}

} // namespace switchyard
