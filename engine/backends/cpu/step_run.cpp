#include "engine/backends/cpu/step_run.h"

#include "engine/base/error.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace switchyard::cpu {

std::byte* Buffer::reserve(std::size_t bytes) {
    if (bytes > bytes_) {
        const std::size_t rounded = (bytes + 63) / 64 * 64;
        if (measuring_) {
            bytes_ = rounded;
            return nullptr;
        }
        data_.reset();
        data_ = allocate_aligned(rounded);
        bytes_ = data_ ? rounded : 0;
        if (!data_)
            throw Error("the step needs " + std::to_string(rounded >> 20) +
                        " MiB of scratch memory, which this machine does not have free");
    }
    return data_.get();
}

void Worker::project(const Slice& weight, const float* x, std::int64_t x_stride, int rows, float* y,
                     std::int64_t y_stride) {
    Rows in{x, x_stride, nullptr, 0, observer};
    if (wants_i16(weight)) {
        in.i16_stride = i16_row_bytes(weight.cols);
        std::byte* quantized = i16.get<std::byte>(static_cast<std::size_t>(rows) * in.i16_stride);
        for (int r = 0; r < rows; ++r)
            quantize_i16(x + r * x_stride, weight.cols,
                         quantized + static_cast<std::size_t>(r) * in.i16_stride);
        in.i16 = quantized;
    }
    multiply(weight, in, nullptr, rows, 0, panels(weight.rows), y, y_stride, false, decoded);
}

std::size_t Shared::bytes() const {
    std::size_t sum =
        normed.bytes() + quantized.bytes() + hidden.bytes() + hidden_i16.bytes() + router_logits.bytes();
    for (const Buffer& b : values)
        sum += b.bytes();
    for (const RopeTable& r : ropes)
        sum += r.cosines.bytes() + r.sines.bytes();
    return sum;
}

void Shared::only_measure() {
    for (Buffer* b : {&normed, &quantized, &hidden, &hidden_i16, &router_logits})
        b->only_measure();
    for (Buffer& b : values)
        b.only_measure();
    for (RopeTable& r : ropes)
        for (Buffer* b : {&r.cosines, &r.sines})
            b->only_measure();
}

void StepRun::prepare_row(const float* x, int width, const NormStep* norm, bool i16, float* normed,
                          std::byte* quantized) const {
    if (norm)
        rms_norm(x, vector(norm->gain), norm->epsilon, width, normed);
    else if (normed)
        std::memcpy(normed, x, static_cast<std::size_t>(width) * sizeof(float));
    if (i16)
        quantize_i16(normed ? normed : x, width, quantized);
}

Rows StepRun::prepare_rows(Worker& w, ValueId in, const NormStep* norm, bool f32, bool i16,
                           const std::int32_t* index, int count) {
    const int n = width(in);
    const std::size_t stride = i16 ? i16_row_bytes(n) : 0;
    float* normed = norm || (f32 && index) ? w.f32.get<float>(static_cast<std::size_t>(count) * n) : nullptr;
    std::byte* quantized = i16 ? w.i16.get<std::byte>(static_cast<std::size_t>(count) * stride) : nullptr;
    for (int i = 0; i < count; ++i)
        prepare_row(value(in) + std::int64_t{index ? index[i] : i} * n, n, norm, i16,
                    normed ? normed + std::int64_t{i} * n : nullptr,
                    quantized ? quantized + static_cast<std::size_t>(i) * stride : nullptr);
    return {normed ? normed : value(in), n, quantized, stride, product_observer};
}

Rows StepRun::prepare(Worker& w, ValueId in, const NormStep* norm, bool f32, bool i16) {
    if (few_rows())
        return prepare_rows(w, in, norm, f32, i16, nullptr, rows());
    if (!norm && !i16)
        return {value(in), width(in), nullptr, 0, product_observer};

    const int n = width(in);
    const std::size_t stride = i16 ? i16_row_bytes(n) : 0;
    float* normed = norm ? shared.normed.data<float>() : nullptr;
    std::byte* quantized = shared.quantized.data<std::byte>();
    parallel(w, rows(), [&](int r) {
        prepare_row(value(in) + std::int64_t{r} * n, n, norm, i16,
                    normed ? normed + std::int64_t{r} * n : nullptr,
                    quantized + static_cast<std::size_t>(r) * stride);
    });
    meet();
    return {normed ? normed : value(in), n, quantized, stride, product_observer};
}

int panels_per_task(std::int64_t panels, std::size_t panel_bytes) {
    constexpr std::size_t kTaskBytes = 96
                                       << 10; // stays in a core's second-level cache over all rows of a batch
    const auto by_size = static_cast<std::int64_t>(kTaskBytes / std::max<std::size_t>(panel_bytes, 1));
    const std::int64_t by_count =
        (panels + 15) / 16; // some sixteen tasks, for cores that are slowed down by others
    return static_cast<int>(std::clamp(std::min(by_size, by_count), std::int64_t{1}, std::int64_t{64}));
}

} // namespace switchyard::cpu
