#include "engine/backends/cpu/step_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace switchyard::cpu {

void ThreadContext::reserve(const ScratchSizes& sizes) {
    f32.reserve<std::byte>(sizes.f32);
    integers.reserve<std::byte>(sizes.integers);
    scratch.reserve<std::byte>(sizes.scratch);
    state.reserve<std::byte>(sizes.state);
    queries.reserve<std::byte>(sizes.queries);
    latent.reserve<std::byte>(sizes.latent);
    decoded.reserve<std::byte>(sizes.decoded);
    sums.reserve<std::byte>(sizes.sums);
}

std::size_t ThreadContext::bytes() const {
    std::size_t sum = 0;
    for (const Buffer* b : {&f32, &integers, &scratch, &state, &queries, &latent, &decoded, &sums})
        sum += b->bytes();
    return sum;
}

void ThreadContext::only_measure() {
    for (Buffer* b : {&f32, &integers, &scratch, &state, &queries, &latent, &decoded, &sums})
        b->only_measure();
}

namespace {

/// Multiply-adds between two looks for a stop: some 10 ms by the kernels and on the exact path.
std::uint64_t macs_of_a_piece(const Slice& weight) {
    return layout_of(weight) == SliceLayout::Rows ? 8'000'000 : 128'000'000;
}

/// Rows that are multiplied between two looks: where there are many, as many as kernels like together.
int rows_of_a_piece(const Slice& weight, std::uint64_t weight_rows) {
    constexpr int kTogether = 48;
    const std::uint64_t a_row =
        std::max<std::uint64_t>(weight_rows * static_cast<std::uint64_t>(weight.cols), 1);
    const int rows = static_cast<int>(std::clamp<std::uint64_t>(macs_of_a_piece(weight) / a_row, 1, 1 << 20));
    return rows > kTogether ? rows / kTogether * kTogether : rows;
}

} // namespace

void ThreadContext::product(const Slice& weight, const Rows& x, const std::int32_t* index, int rows,
                            std::int64_t first_panel, std::int64_t last_panel, float* y,
                            std::int64_t y_stride, bool accumulate) {
    const auto done = static_cast<std::uint64_t>(std::min(last_panel * kPanelRows, weight.rows) -
                                                 std::min(first_panel * kPanelRows, weight.rows));
    meter.count(done * row_bytes(weight.type, weight.cols),
                done * static_cast<std::uint64_t>(weight.cols) * static_cast<std::uint64_t>(rows));
    const int piece = observer ? rows : rows_of_a_piece(weight, done);
    for (int from = 0; from < rows && (from == 0 || !step->stopped()); from += piece) {
        multiply(weight, index ? x : x.from(from), index ? index + from : nullptr,
                 std::min(piece, rows - from), first_panel, last_panel, with_first_row(y, -from * y_stride),
                 y_stride, accumulate, decoded);
    }
}

void ThreadContext::project(const Slice& weight, const float* x, std::int64_t x_stride, int rows, float* y,
                            std::int64_t y_stride) {
    Rows in{x, x_stride, nullptr, 0, false, observer};
    if (wants_integers(weight)) {
        in.integers_stride = i16_row_bytes(weight.cols);
        std::byte* quantized = integers.get<std::byte>(static_cast<std::size_t>(rows) * in.integers_stride);
        for (int r = 0; r < rows; ++r)
            quantize_i16(x + r * x_stride, weight.cols,
                         quantized + static_cast<std::size_t>(r) * in.integers_stride);
        in.integers = quantized;
    }
    product(weight, in, nullptr, rows, 0, panels(weight.rows), y, y_stride, false);
}

template <typename Self, typename Use>
void Shared::each(Self& self, const Use& use) {
    for (auto* b : {&self.normed, &self.quantized, &self.hidden, &self.hidden_integers, &self.router_logits,
                    &self.latent_queries, &self.latent_values, &self.piece_states, &self.index_scores})
        use(*b);
    for (auto& room : self.feed_forward)
        for (auto* b : {&room.chosen, &room.counts, &room.gates, &room.logits, &room.units, &room.unit_rows,
                        &room.unit_weights, &room.unit_places})
            use(*b);
    for (auto& b : self.values)
        use(b);
    for (auto& table : self.choices) {
        use(table.chosen);
        use(table.counts);
    }
    for (auto& r : self.ropes) {
        use(r.cosines);
        use(r.sines);
    }
}

std::size_t Shared::bytes() const {
    std::size_t sum = 0;
    each(*this, [&](const Buffer& b) { sum += b.bytes(); });
    return sum;
}

void Shared::only_measure() {
    each(*this, [](Buffer& b) { b.only_measure(); });
}

StepShape::StepShape(const Batch& batch_, const Plan& plan_, int threads_, bool exact_)
    : batch(batch_), plan(plan_), threads(threads_), exact(exact_), decompressed(false), mixed_bits(false),
      context(0) {
    for (const BatchRow& row : batch.rows) {
        decompressed = decompressed || row.decompressed;
        mixed_bits = mixed_bits || row.dials.activation_bits != 16;
        context = std::max(context, row.position + 1);
    }
}

namespace {

/// Sums in the same order whatever the instruction set.
template <typename Value>
float sum_of(int n, const Value& value) {
    float lanes[8] = {};
    for (int i = 0; i < n; ++i)
        lanes[i % 8] += value(i);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

} // namespace

void StepRun::normalise(const NormStep& norm, const float* x, int n, float* out) const {
    const float *gain = vector(norm.gain), *bias = vector(norm.bias);
    if (norm.plain()) {
        rms_norm(x, gain, norm.epsilon, n, out);
        return;
    }
    const auto count = static_cast<float>(n);
    const float mean = norm.centred ? sum_of(n, [&](int i) { return x[i]; }) / count : 0.0f;
    const float square = sum_of(n, [&](int i) { return (x[i] - mean) * (x[i] - mean); }) / count;
    const float factor = 1.0f / std::sqrt(square + norm.epsilon);
    for (int i = 0; i < n; ++i)
        out[i] = (x[i] - mean) * factor * (gain ? gain[i] : 1.0f) + (bias ? bias[i] : 0.0f);
}

/// Row `row` of a value: normed where `norm` is given, to `normed` where that is not null, and as integers to
/// `quantized` where that is not; those of 8 bits as words where `words`.
void StepRun::prepare_row(ValueId in, std::int64_t row, const NormStep* norm, float* normed,
                          std::byte* quantized, bool words) const {
    const int n = width(in);
    const float* x = value(in) + row * n;
    if (norm)
        normalise(*norm, x, n, normed);
    else if (normed)
        std::memcpy(normed, x, static_cast<std::size_t>(n) * sizeof(float));
    if (quantized)
        quantize_columns(bits_of(row), words, normed ? normed : x, 0, n, quantized);
}

Rows StepRun::prepare_rows(ThreadContext& w, ValueId in, const NormStep* norm, const InputForms& forms,
                           const std::int32_t* index, int count) {
    const int n = width(in);
    const bool words = forms.words(count);
    const std::size_t stride = forms.integers ? i16_row_bytes(n) : 0;
    float* normed =
        norm || (forms.f32 && index) ? w.f32.get<float>(static_cast<std::size_t>(count) * n) : nullptr;
    std::byte* quantized =
        forms.integers ? w.integers.get<std::byte>(static_cast<std::size_t>(count) * stride) : nullptr;
    for (int i = 0; i < count; ++i)
        prepare_row(in, index ? index[i] : i, norm, normed ? normed + std::int64_t{i} * n : nullptr,
                    quantized ? quantized + static_cast<std::size_t>(i) * stride : nullptr, words);
    return {normed ? normed : value(in), n, quantized, stride, words, product_observer, row_bits(), index};
}

Rows StepRun::prepare(ThreadContext& w, ValueId in, const NormStep* norm, const InputForms& forms) {
    if (few_rows())
        return prepare_rows(w, in, norm, forms, nullptr, rows());
    if (!norm && !forms.integers)
        return {value(in), width(in), nullptr, 0, false, product_observer};

    const int n = width(in);
    const bool words = forms.words(rows());
    const std::size_t stride = forms.integers ? i16_row_bytes(n) : 0;
    float* normed = norm ? shared.normed.data<float>() : nullptr;
    std::byte* quantized = forms.integers ? shared.quantized.data<std::byte>() : nullptr;
    parallel(w, rows(), [&](int r) {
        prepare_row(in, r, norm, normed ? normed + std::int64_t{r} * n : nullptr,
                    quantized ? quantized + static_cast<std::size_t>(r) * stride : nullptr, words);
    });
    meet(w);
    return {normed ? normed : value(in), n, quantized, stride, words, product_observer, row_bits()};
}

void reserve_prepared(const StepShape& shape, ValueId in, Shared& shared, ScratchSizes& sizes) {
    const int width = shape.width(in);
    const auto rows = static_cast<std::size_t>(shape.rows());
    sizes.hold_decoded(width);
    if (shape.few_rows())
        sizes.hold_rows(shape.rows(), width);
    shared.normed.reserve<float>(rows * static_cast<std::size_t>(width));
    shared.quantized.reserve<std::byte>(rows * i16_row_bytes(width));
}

std::int64_t panels_of_a_piece(const Slice& weight, int rows) {
    const auto a_panel =
        static_cast<std::uint64_t>(kPanelRows * std::max<std::int64_t>(weight.cols, 1) * std::max(rows, 1));
    return std::max<std::int64_t>(static_cast<std::int64_t>(macs_of_a_piece(weight) / a_panel), 1);
}

RangeLengths panel_ranges(int rows, const Slice& weight, int threads) {
    const std::int64_t panels = cpu::panels(weight.rows);
    const std::size_t panel_bytes = packed_bytes(weight.type, kPanelRows, weight.cols);
    constexpr std::size_t kStretch = 16 << 10; // bytes: shorter ones come at half the speed
    // Stay in a core's second-level cache over all rows of a batch, of whose columns kernels take so many.
    constexpr std::size_t kTaskBytes = 96 << 10;
    constexpr std::int64_t kTaskColumns = 1536;
    const std::size_t part_bytes = packed_bytes(weight.type, kPanelRows, std::min(weight.cols, kTaskColumns));
    const std::int64_t tasks = usual_tasks(threads);
    const std::int64_t some = std::max<std::int64_t>((panels + tasks - 1) / tasks, 1);
    if (rows <= StepShape::kStreamedRows) {
        const auto stretch = static_cast<std::int64_t>(kStretch / std::max<std::size_t>(panel_bytes, 1));
        const std::int64_t least = std::clamp<std::int64_t>(stretch, 1, some);
        return {least, std::max(least, panels_of_a_piece(weight, rows))};
    }
    const auto task = static_cast<std::int64_t>(kTaskBytes / std::max<std::size_t>(part_bytes, 1));
    const std::int64_t length = std::clamp<std::int64_t>(std::min(task, some), 1, 64);
    const std::int64_t even = length + length % 2; // kernels take panels in pairs
    return {even, even};
}

} // namespace switchyard::cpu
