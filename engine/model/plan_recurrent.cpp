// Layers with memory of a fixed size: convolutions, state spaces, linear attention.
#include "engine/base/error.h"
#include "engine/model/plan_builder.h"

namespace switchyard {

int PlanBuilder::state(int values) {
    plan_.states.push_back({values});
    return static_cast<int>(plan_.states.size()) - 1;
}

ConvolutionStep PlanBuilder::convolution(const std::string& name, ValueId in, ValueId out, int channels,
                                         int taps) {
    ConvolutionStep step{};
    step.in = in;
    step.out = out;
    step.channels = channels;
    step.kernel = kernel(name, channels, taps);
    step.taps = taps;
    step.state = state((taps - 1) * channels);
    return step;
}

void PlanBuilder::convolve(int channels, int from, int taps, WeightId bias) {
    ConvolutionStep step =
        convolution("ssm_conv1d.weight", mixed_raw_, shared_value(mixed_, channels), channels, taps);
    step.from = from;
    step.bias = bias;
    step.silu = true;
    emit(step);
}

WeightId PlanBuilder::rows_in_one(const std::string& name, int size, WeightRole role) {
    const TensorView* t = w_.find(prefix_ + name);
    if (!t || t->cols() < 1 || t->cols() == size || size % t->cols() != 0)
        return w_.vector(prefix_ + name, size, role);
    return w_.vectors(prefix_ + name, t->cols(), size / t->cols(), role);
}

void PlanBuilder::state_space() {
    plan_.kv.push_back({});
    state_space_input();
    if (c_.space.step_rank > 0)
        selective_scan();
    else
        state_space_from_input();
}

void PlanBuilder::state_space_input() {
    const SpaceConfig& s = c_.space;
    const int inner = s.heads * s.head_dim,
              width = s.step_rank > 0 ? 2 * inner : 2 * inner + 2 * s.groups * s.state_size + s.heads;
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    project("ssm_in", normed_, shared_value(mixed_raw_, width));
}

void PlanBuilder::norm_in_place(const std::string& name, ValueId v) {
    const int width = plan_.values[static_cast<std::size_t>(v)];
    if (w_.has(prefix_ + name))
        emit(NormStep{.in = v,
                      .out = v,
                      .gain = w_.vector(prefix_ + name, width),
                      .epsilon = c_.norm_epsilon,
                      .group = width,
                      .kept = true});
}

void PlanBuilder::selective_scan() {
    const SpaceConfig& s = c_.space;
    const int inner = s.heads, n = s.state_size;
    convolve(inner, 0, s.taps, w_.optional_vector(prefix_ + "ssm_conv1d.bias", inner, WeightRole::Attention));
    project("ssm_x", mixed_, shared_value(scanned_, s.step_rank + 2 * n));
    emit(SplitStep{scanned_, shared_value(steps_low_, s.step_rank), shared_value(b_and_c_, 2 * n), 1,
                   s.step_rank, 2 * n});
    emit(SplitStep{b_and_c_, shared_value(b_, n), shared_value(c_state_, n), 1, n, n});
    norm_in_place("ssm_dt_norm.weight", steps_low_);
    norm_in_place("ssm_b_norm.weight", b_);
    norm_in_place("ssm_c_norm.weight", c_state_);
    project("ssm_dt", steps_low_, shared_value(steps_, inner)); // with its bias
    StateSpaceStep step{};
    step.mixed = mixed_;
    step.in = mixed_raw_;
    step.z_from = inner;
    step.b = b_;
    step.c = c_state_;
    step.dt = steps_;
    step.by_value = true;
    step.out = shared_value(recalled_, inner);
    step.a = w_.vectors(prefix_ + "ssm_a", n, inner, WeightRole::Attention);
    step.d = w_.vector(prefix_ + "ssm_d", inner, WeightRole::Attention);
    step.heads = inner;
    step.head_dim = step.groups = 1;
    step.state_size = n;
    step.state = state(inner * n);
    emit(step);
    project("ssm_out", recalled_, x_, true);
}

void PlanBuilder::state_space_from_input() {
    const SpaceConfig& s = c_.space;
    const int inner = s.heads * s.head_dim, mixed = inner + 2 * s.groups * s.state_size;
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
    if (w_.has(prefix_ + "ssm_norm.weight"))
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

void PlanBuilder::short_convolution() {
    plan_.kv.push_back({});
    const int n = c_.hidden;
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    const ValueId all = shared_value(mixed_raw_, 3 * n), out = shared_value(mixed_, n);
    project("shortconv.in_proj", normed_, all);
    ConvolutionStep step = convolution("shortconv.conv.weight", all, out, n, c_.short_taps);
    step.from = 2 * n;
    step.gate_in = 0;
    step.gate_out = n;
    emit(step);
    project("shortconv.out_proj", out, x_, true);
}

void PlanBuilder::linear_attention() {
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
    step.alpha = alpha;
    step.beta = beta;
    step.neighbours = l.neighbours;
    delta_rule(step);
    project("ssm_out", recalled_, x_, true);
}

void PlanBuilder::delta_rule(DeltaRuleStep step) {
    const LinearConfig& l = c_.linear;
    step.mixed = mixed_;
    step.z = z_;
    step.out = shared_value(recalled_, l.value_heads * l.value_dim);
    step.a = w_.vector(prefix_ + "ssm_a", l.value_heads, WeightRole::Attention);
    step.dt = w_.vector(prefix_ + "ssm_dt.bias", l.value_heads * (l.by_channel ? l.key_dim : 1),
                        WeightRole::Attention);
    step.gain = w_.vector(prefix_ + "ssm_norm.weight", l.value_dim);
    step.key_heads = l.key_heads;
    step.value_heads = l.value_heads;
    step.key_dim = l.key_dim;
    step.value_dim = l.value_dim;
    step.by_channel = l.by_channel;
    step.least_decay = l.least_decay;
    step.epsilon = c_.norm_epsilon;
    step.state = state(l.value_heads * l.key_dim * l.value_dim);
    emit(step);
}

void PlanBuilder::project_through(const std::string& name, ValueId& between, ValueId out) {
    const TensorView* first = w_.find(prefix_ + name + "_a.weight");
    if (!first || !w_.has(prefix_ + name + "_b.weight"))
        return project(name + "_a", normed_, out);
    if (first->rows() < 1 || first->rows() > plan_.values[static_cast<std::size_t>(out)] ||
        (between != kNoValue && plan_.values[static_cast<std::size_t>(between)] != first->rows()))
        throw Error("the tensor " + prefix_ + name + "_a.weight has rows that do not fit other layers'");
    project(name + "_a", normed_, shared_value(between, static_cast<int>(first->rows())));
    project(name + "_b", between, out);
}

void PlanBuilder::key_decay_attention() {
    plan_.kv.push_back({});
    const LinearConfig& l = c_.linear;
    const int values = l.value_heads * l.value_dim;
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    shared_value(mixed_, 3 * values);
    constexpr const char* kNames[] = {"q", "k", "v"};
    ConvolutionStep convolutions[3];
    for (int part = 0; part < 3; ++part) {
        const auto at = static_cast<std::size_t>(part);
        const std::string name = kNames[at];
        project("attn_" + name, normed_, shared_value(parts_[at], values));
        convolutions[at] = convolution("ssm_conv1d_" + name + ".weight", parts_[at], mixed_, values, l.taps);
        convolutions[at].to = part * values;
        convolutions[at].silu = true;
    }
    DeltaRuleStep step{};
    step.alpha = shared_value(alpha_, l.value_heads * l.key_dim);
    step.beta = shared_value(beta_, l.value_heads);
    step.sigmoid_gate = true;
    project("ssm_beta", normed_, beta_);
    project_through("ssm_f", decays_between_, alpha_);
    project_through("ssm_g", gates_between_, shared_value(z_, values));
    for (const ConvolutionStep& convolution : convolutions)
        emit(convolution);
    delta_rule(step);
    project("attn_output", recalled_, x_, true);
}

} // namespace switchyard
