#include "engine/backends/cuda/check_model.h"

#include "engine/quant/quant.h"
#include "kernels/splitmix.h"

#include <cmath>
#include <utility>

namespace switchyard::cuda {
namespace {

constexpr int kHidden = 256, kHeads = kCheckHeads, kKvHeads = kCheckKvHeads, kHeadDim = kCheckHeadDim,
              kExperts = 4;
constexpr int kNope = 64, kRope = kCheckRope, kLatent = kCheckLatent;
constexpr int kStateHeads = 2, kStateDim = 64, kTaps = 4; ///< of layers with states

} // namespace

std::vector<float> CheckModel::frequencies_of(int dims) {
    std::vector<float> frequencies;
    for (int i = 0; i < dims / 2; ++i)
        frequencies.push_back(std::pow(10000.0f, -2.0f * static_cast<float>(i) / static_cast<float>(dims)));
    return frequencies;
}

CheckModel::CheckModel(BlockType type, Layers layers, int vocabulary) : type_(type) {
    plan_->vocabulary = vocabulary;
    plan_->hidden = kHidden;
    x_ = value(kHidden);
    normed_ = value(kHidden);
    add(EmbedStep{matrix(vocabulary, kHidden, 1, WeightUse::Table), x_});
    if (layers == Layers::Usual)
        add_usual_layers();
    else if (layers == Layers::WithStates)
        add_layers_with_states();
    else
        add_layers_with_choices();
    layer_ = kNoLayer;
    add_norm();
    HeadStep head = {};
    head.in = normed_;
    head.weight = matrix(vocabulary, kHidden);
    head.scale = layers == Layers::Usual ? 1.0f : 0.5f;
    head.cap = layers == Layers::Usual ? 0.0f : 20.0f;
    add(head);
}

std::vector<float> CheckModel::logits(Backend& backend, int rows, Form form) const {
    constexpr int kTokens = 256;
    auto set = std::make_shared<WeightSet>();
    for (const WeightSource& source : sources_) {
        auto weight = std::make_shared<Weight>();
        for (int m = 0; m < source.tensor->matrices(); ++m)
            weight->slices.push_back(backend.place(source, m, nullptr));
        set->weights.push_back(std::move(weight));
    }
    const auto executor = backend.compile(plan_);
    std::vector<KvBlockId> blocks, states;
    for (std::size_t b = 0; b < blocks_for(rows); ++b)
        blocks.push_back(executor->allocate_kv_block(BlockType::F16));
    const bool prompt = form == Form::Prompt && executor->prompt_rows() > 0;
    std::vector<float> result;
    Batch batch;
    for (int r = 0; r < rows; ++r) {
        batch.rows.push_back({.token = r * 37 % kTokens, .position = r, .prompt = prompt});
        const bool alone = form == Form::Alone || (form == Form::Behind && r + 4 >= rows);
        if (!alone && r + 1 < rows)
            continue;
        batch.sequences.push_back({.blocks = blocks});
        if (!plan_->states.empty()) {
            batch.sequences[0].state = states.empty() ? kNoState : states.back();
            states.push_back(executor->allocate_state());
            batch.sequences[0].states_after = {{static_cast<int>(batch.rows.size()), states.back()}};
        }
        batch.rows.back().wish = RowWish::Logits;
        result = executor->run(std::exchange(batch, {}), set).logits;
    }
    for (const auto* all : {&blocks, &states})
        for (const KvBlockId block : *all)
            executor->release_kv_block(block);
    return result;
}

// ---- Layers

void CheckModel::add_usual_layers() {
    add_layer({kKvHeads, kHeadDim, kHeadDim});
    add_attention();
    RouteStep route = {};
    route.routing.normalise = true;
    add_experts(route, false);
    add_layer({1, kLatent + kRope, 0});
    add_latent_attention();
    add_block();
}

void CheckModel::add_layers_with_states() {
    add_layer();
    add_short_convolution();
    add_layer();
    add_delta_rule();
    add_layer();
    add_state_space();
    add_layer({kKvHeads, kHeadDim, kHeadDim});
    add_gated_attention();
    add_block();
    auto& block = std::get<FeedForwardStep>(plan_->steps.back().operation);
    block.gate = block.up;
    block.activation = Activation::Relu;
    add_layer();
    add_selective_scan();
    add_layer({kKvHeads, kHeadDim, kHeadDim});
    add_capped_attention();
    const int cache = layer_;
    add_layer();
    add_borrowing_attention(cache);
    RouteStep route = {};
    route.routing.gate = GateFunction::Sigmoid;
    route.logit_scale = 0.5f;
    route.cap = 3.0f;
    route.expert_scale = vector(kExperts, 1.0f);
    add_experts(route, true);
}

void CheckModel::add_attention(ChoiceId choice) {
    const ValueId q = value(kHeads * kHeadDim), k = value(kKvHeads * kHeadDim),
                  v = value(kKvHeads * kHeadDim), attended = value(kHeads * kHeadDim);
    add_norm();
    for (const ValueId out : {q, k, v})
        project(normed_, out);
    if (choice != kNoChoice)
        add_index(choice, false);
    const std::vector<float> frequencies = frequencies_of(kHeadDim);
    add(RopeStep{q, kHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies});
    add(RopeStep{k, kKvHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies});
    AttentionStep attention{q, k, v, attended, kHeads, kKvHeads, kHeadDim, kHeadDim, 0.125f};
    attention.choice = choice;
    add(attention);
    project(attended, x_, true);
}

void CheckModel::add_experts(RouteStep route, bool weigh_input) {
    plan_->experts = kExperts;
    plan_->experts_active = 2;
    plan_->routes = 1;
    add_norm();
    route.in = normed_;
    route.weight = router();
    route.routing.experts = kExperts;
    route.routing.active = 2;
    add(route);
    ExpertsStep experts = {};
    experts.in = normed_;
    experts.gate = matrix(kHidden, kHidden, kExperts);
    experts.up = matrix(kHidden, kHidden, kExperts);
    experts.down = matrix(kHidden, kHidden, kExperts);
    experts.out = x_;
    experts.width = kHidden;
    experts.weigh_input = weigh_input;
    add(experts);
}

void CheckModel::add_latent_attention(ChoiceId choice) {
    const ValueId q = value(kHeads * (kNope + kRope)), latent = value(kLatent + kRope),
                  attended = value(kHeads * kHeadDim);
    const std::vector<float> frequencies = frequencies_of(kRope);
    add_norm();
    project(normed_, q);
    project(normed_, latent);
    if (choice != kNoChoice)
        add_index(choice, true);
    add(NormStep{latent, latent, gain(kLatent), 1e-5f, kLatent, kLatent});
    add(RopeStep{q, kHeads, kNope + kRope, kNope, kRope, RopeStyle::Interleaved, frequencies});
    add(RopeStep{latent, 1, kLatent + kRope, kLatent, kRope, RopeStyle::Interleaved, frequencies});
    LatentAttentionStep step = {};
    step.q = q;
    step.latent = latent;
    step.out = attended;
    step.heads = kHeads;
    step.nope = kNope;
    step.rope = kRope;
    step.latent_dim = kLatent;
    step.value_dim = kHeadDim;
    step.k_b = of_heads(kLatent, kNope);
    step.v_b = of_heads(kHeadDim, kLatent);
    step.scale = 0.1f;
    step.choice = choice;
    add(step);
    project(attended, x_, true);
}

FeedForwardStep CheckModel::block_to(ValueId out) {
    FeedForwardStep block = {};
    block.in = normed_;
    block.out = out;
    block.width = kHidden;
    block.gate = matrix(kHidden, kHidden);
    block.up = matrix(kHidden, kHidden);
    block.down = matrix(kHidden, kHidden);
    return block;
}

void CheckModel::add_block() {
    add_norm();
    add(block_to(x_));
}

void CheckModel::add_short_convolution() {
    const ValueId all = value(3 * kHidden), out = value(kHidden);
    add_norm();
    project(normed_, all);
    ConvolutionStep step = {};
    step.in = all;
    step.out = out;
    step.channels = kHidden;
    step.from = 2 * kHidden;
    step.kernel = vector(kTaps - 1, 0.5f, kHidden);
    step.taps = kTaps - 1;
    step.gate_in = 0;
    step.gate_out = kHidden;
    step.state = state((kTaps - 2) * kHidden);
    add(step);
    project(out, x_, true);
}

/// All of `out`, as a recurrence reads it.
void CheckModel::convolve(ValueId in, ValueId out, int from) {
    ConvolutionStep step = {};
    step.in = in;
    step.out = out;
    step.channels = width(out);
    step.from = from;
    step.kernel = vector(kTaps, 0.5f, width(out));
    step.bias = from > 0 ? vector(width(out), 0.0f) : kNoWeight;
    step.taps = kTaps;
    step.silu = true;
    step.state = state((kTaps - 1) * width(out));
    add(step);
}

void CheckModel::add_delta_rule() {
    const int values = kStateHeads * kStateDim, mixed = 2 * kStateDim + values;
    const ValueId raw = value(mixed), convolved = value(mixed), z = value(values),
                  both = value(2 * kStateHeads), alpha = value(kStateHeads), beta = value(kStateHeads),
                  out = value(values);
    add_norm();
    for (const ValueId made : {raw, z, both})
        project(normed_, made);
    add(SplitStep{both, beta, alpha, 1, kStateHeads, kStateHeads});
    convolve(raw, convolved, 0);
    DeltaRuleStep step = {};
    step.mixed = convolved;
    step.alpha = alpha;
    step.beta = beta;
    step.z = z;
    step.out = out;
    step.a = vector(kStateHeads, -0.3f);
    step.dt = vector(kStateHeads, 0.5f);
    step.gain = gain(kStateDim);
    step.key_heads = 1;
    step.value_heads = kStateHeads;
    step.key_dim = step.value_dim = kStateDim;
    step.epsilon = 1e-5f;
    step.state = state(kStateHeads * kStateDim * kStateDim);
    add(step);
    project(out, x_, true);
}

void CheckModel::add_state_space() {
    const int inner = kStateHeads * kStateDim, mixed = inner + 2 * kStateDim;
    const ValueId all = value(inner + mixed + kStateHeads), convolved = value(mixed), out = value(inner);
    add_norm();
    project(normed_, all);
    convolve(all, convolved, inner);
    StateSpaceStep step = {};
    step.mixed = convolved;
    step.in = all;
    step.out = out;
    step.dt_from = inner + mixed;
    step.a = vector(kStateHeads, -0.3f);
    step.d = vector(kStateHeads, 1.0f);
    step.dt_bias = vector(kStateHeads, 0.5f);
    step.gain = gain(inner);
    step.heads = kStateHeads;
    step.head_dim = step.state_size = kStateDim;
    step.groups = 1;
    step.epsilon = 1e-5f;
    step.state = state(inner * kStateDim);
    add(step);
    project(out, x_, true);
}

void CheckModel::add_selective_scan() {
    constexpr int kInner = kHidden, kState = 16;
    const ValueId both = value(2 * kInner), convolved = value(kInner), b = value(kState), c = value(kState),
                  times = value(kInner), out = value(kInner);
    add_norm();
    project(normed_, both);
    convolve(both, convolved, 0);
    for (const ValueId made : {b, c, times})
        project(convolved, made);
    NormStep norm = {b, b, gain(kState), 1e-5f, kState};
    norm.kept = true;
    add(norm);
    StateSpaceStep step = {};
    step.mixed = convolved;
    step.in = both;
    step.z_from = kInner;
    step.b = b;
    step.c = c;
    step.dt = times;
    step.by_value = true;
    step.out = out;
    step.a = vector(kState, -0.3f, kInner);
    step.d = vector(kInner, 1.0f);
    step.heads = kInner;
    step.head_dim = step.groups = 1;
    step.state_size = kState;
    step.state = state(kInner * kState);
    add(step);
    project(out, x_, true);
}

/// Beside a dense block that reads the same norm, and with all that scores and results may pass.
void CheckModel::add_capped_attention() {
    const ValueId q = value(kHeads * kHeadDim), k = value(kKvHeads * kHeadDim),
                  v = value(kKvHeads * kHeadDim), attended = value(kHeads * kHeadDim), found = value(kHidden);
    add_layer_norm();
    for (const ValueId out : {q, k})
        project(normed_, out);
    add(SplitStep{k, v, kNoValue, 1, kKvHeads * kHeadDim, 0});
    add(NormStep{v, v, kNoWeight, 1e-5f, kHeadDim});
    AttentionStep attention{q, k, v, attended, kHeads, kKvHeads, kHeadDim, kHeadDim, 0.125f};
    attention.chunk = 24;
    attention.cap = 2.0f;
    attention.value_scale = 0.7f;
    attention.temperature = {.scale = 0.1f, .length = 16, .offset = 1};
    add(attention);
    FeedForwardStep block = block_to(found);
    block.add = false;
    block.activation = Activation::LimitedSilu;
    block.clamp.limit = 0.5f;
    add(block);
    project(attended, x_, true);
    add(AddStep{found, x_, 0.5f});
}

void CheckModel::add_borrowing_attention(int cache) {
    const ValueId q = value(kHeads * kHeadDim), attended = value(kHeads * kHeadDim), gate = value(kHidden),
                  inputs = value(kHidden + 64);
    add_norm();
    project(normed_, q);
    add(RopeStep{q, kHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies_of(kHeadDim)});
    AttentionStep attention{q, kNoValue, kNoValue, attended, kHeads, kKvHeads, kHeadDim, kHeadDim, 0.125f};
    attention.cache = cache;
    add(attention);
    project(attended, x_, true);
    project(x_, gate);
    project(x_, inputs);
    add(GateStep{gate, inputs, GateStep::Function::Gelu, 64});
    project(gate, x_, true);
    add(ScaleStep{x_, vector(1, 0.8f)});
}

void CheckModel::add_gated_attention() {
    const ValueId both = value(2 * kHeads * kHeadDim), q = value(kHeads * kHeadDim),
                  gate = value(kHeads * kHeadDim), k = value(kKvHeads * kHeadDim),
                  v = value(kKvHeads * kHeadDim), attended = value(kHeads * kHeadDim), found = value(kHidden);
    add_norm();
    for (const ValueId out : {both, k, v})
        project(normed_, out);
    add(SplitStep{both, q, gate, kHeads, kHeadDim, kHeadDim});
    const std::vector<float> frequencies = frequencies_of(kHeadDim);
    add(RopeStep{q, kHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies});
    add(RopeStep{k, kKvHeads, kHeadDim, 0, kHeadDim, RopeStyle::HalfSplit, frequencies});
    AttentionStep attention{q, k, v, attended, kHeads, kKvHeads, kHeadDim, kHeadDim, 0.125f};
    attention.temperature = {.scale = 0.1f, .length = 16};
    add(attention);
    add(GateStep{attended, gate});
    project(attended, found);
    NormStep behind = {};
    behind.in = found;
    behind.out = x_;
    behind.gain = gain(kHidden);
    behind.epsilon = 1e-5f;
    behind.group = kHidden;
    behind.add = true;
    add(behind);
}

// ---- What they are made of

void CheckModel::add_layer(const KvLayer& kv) {
    layer_ = static_cast<int>(plan_->kv.size());
    plan_->kv.push_back(kv);
}

void CheckModel::add_norm() { add(NormStep{x_, normed_, gain(kHidden), 1e-5f, kHidden}); }

void CheckModel::add_layer_norm() {
    NormStep norm = {x_, normed_, gain(kHidden), 1e-5f, kHidden};
    norm.centred = true;
    norm.bias = vector(kHidden, 0.0f);
    add(norm);
}

void CheckModel::project(ValueId in, ValueId out, bool more) {
    add(ProjectStep{in, matrix(width(out), width(in)), kNoWeight, out, more});
}

ValueId CheckModel::value(int width) {
    plan_->values.push_back(width);
    return static_cast<ValueId>(plan_->values.size()) - 1;
}

int CheckModel::state(int values) {
    plan_->states.push_back({values});
    return static_cast<int>(plan_->states.size()) - 1;
}

float CheckModel::random() { return static_cast<float>(splitmix(++seed_) >> 40) * 0x1p-23f - 1.0f; }

WeightId CheckModel::matrix(std::int64_t rows, std::int64_t cols, std::int64_t count, WeightUse use) {
    return add_weight(type_, {cols, rows, count}, use, 0.1f, 0.0f);
}

WeightId CheckModel::router() {
    return add_weight(BlockType::F32, {kHidden, kExperts, 1}, WeightUse::Matrix, 0.3f, 0.0f);
}

/// A matrix a head, of columns that are too few for most types.
WeightId CheckModel::of_heads(std::int64_t rows, std::int64_t cols) {
    return add_weight(BlockType::F32, {cols, rows, kHeads}, WeightUse::Matrix, 0.1f, 0.0f);
}

WeightId CheckModel::vector(std::int64_t width, float middle, int rows) {
    return add_weight(BlockType::F32, {width, rows, 1}, WeightUse::Vector, 0.2f, middle);
}

WeightId CheckModel::add_weight(BlockType type, std::vector<std::int64_t> shape, WeightUse use, float size,
                                float middle) {
    const std::size_t bytes = row_bytes(type, shape[0]);
    auto& data = data_.emplace_back(bytes * static_cast<std::size_t>(shape[1] * shape[2]));
    std::vector<float> row(static_cast<std::size_t>(shape[0]));
    for (std::size_t at = 0; at < data.size(); at += bytes) {
        for (float& x : row)
            x = middle + size * random();
        encode_row(type, row, data.data() + at);
    }
    tensors_.push_back({"weight", type, std::move(shape), data.data(), data.size()});
    sources_.push_back(
        {.name = "weight", .role = WeightRole::Attention, .use = use, .tensor = &tensors_.back()});
    return static_cast<WeightId>(sources_.size()) - 1;
}

} // namespace switchyard::cuda
