// The CPU backend: places weights in panels, or leaves them as they are, for the exact path.
#include "engine/backends/cpu/cpu_executor.h"
#include "engine/backends/cpu/large_page_memory.h"
#include "engine/backends/cpu/product.h"

#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/base/give_back.h"
#include "engine/base/memory.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

using namespace cpu;

class CpuBackend : public Backend {
  public:
    explicit CpuBackend(const BackendOptions& options)
        : exact_(options.exact),
          pool_(std::make_shared<ThreadPool>(options.threads > 0 ? options.threads : available_cores())) {}

    std::string name() const override { return "cpu"; }
    std::string description() const override {
        return "CPU, " + std::string(table().name) + ", " + std::to_string(threads()) +
               (threads() == 1 ? " thread" : " threads") + (exact_ ? ", exact" : "");
    }
    bool exact() const override { return exact_; }
    int threads() const override { return pool_->size(); }
    // 1: attention in one piece, sinks first. 2: scales of grid types apart from the integer sums.
    int arithmetic_version() const override { return 3; }
    int nearest_activation_bits(int bits) const override { return exact_ ? 16 : bits; }
    bool batch_invariant() const override { return true; } // an element is one fixed sequence of operations

    Slice place(const WeightSource& source, int matrix, const std::shared_ptr<const ModelFile>& file,
                const EncodeControl& control) const override;
    Slice encode(const WeightSource& source, int matrix, BlockType type,
                 const std::shared_ptr<const ModelFile>& file, const EncodeControl& control) const override;
    PlacedSize placed_size(const WeightSource& source, BlockType type) const override;
    std::unique_ptr<Executor> compile(std::shared_ptr<const Plan> plan) override {
        return make_cpu_executor(std::move(plan), pool_);
    }

  private:
    Slice lay_out(const WeightSource& source, BlockType type, std::shared_ptr<const std::byte> blocks,
                  MemoryPlace place, const EncodeControl& control) const;
    std::shared_ptr<std::byte> memory_for(std::size_t bytes) const;

    bool exact_;
    std::shared_ptr<ThreadPool> pool_;
    std::unique_ptr<LargePageMemory> memory_ = std::make_unique<LargePageMemory>();
};

std::shared_ptr<std::byte> CpuBackend::memory_for(std::size_t bytes) const {
    std::shared_ptr<std::byte> memory = memory_->allocate(bytes);
    if (!memory)
        throw Error("a weight needs " + format_bytes(bytes) +
                    " of memory, which this machine does not have free");
    return memory;
}

PlacedSize CpuBackend::placed_size(const WeightSource& source, BlockType type) const {
    const WeightUse use = source.use;
    const std::int64_t rows = source.tensor->rows(), cols = source.tensor->cols();
    if (use == WeightUse::Vector)
        return {static_cast<std::size_t>(rows * cols) * sizeof(float), false};
    if (use == WeightUse::Table || exact_ || streamed(type))
        return {static_cast<std::size_t>(rows) * row_bytes(type, cols), true};
    return {packed_bytes(type, rows, cols), false};
}

Slice CpuBackend::place(const WeightSource& source, int matrix, const std::shared_ptr<const ModelFile>& file,
                        const EncodeControl& control) const {
    const MemoryPlace place{source.tensor->make ? MemoryPlace::Kind::Host : MemoryPlace::Kind::Mapped};
    return lay_out(source, source.tensor->type, matrix_behind_gate(source, matrix, file, control), place,
                   control);
}

Slice CpuBackend::encode(const WeightSource& source, int matrix, BlockType type,
                         const std::shared_ptr<const ModelFile>& file, const EncodeControl& control) const {
    auto blocks = reencode_matrix(source, matrix, type, file, control);
    Slice slice = lay_out(source, type, blocks, {}, control);
    if (blocks.use_count() == 1) { // packed: the slice is no part of it
        const WorkGate::Stay stay(control.gate, control.work);
        give_back_pages(blocks.get(), static_cast<std::size_t>(slice.rows) * row_bytes(type, slice.cols),
                        pause_point);
    }
    return slice;
}

/// A slice in this backend's layout from a matrix's blocks in file layout, which lie at `place`. Where that
/// layout serves as it is, the slice is those blocks.
Slice CpuBackend::lay_out(const WeightSource& source, BlockType type, std::shared_ptr<const std::byte> blocks,
                          MemoryPlace place, const EncodeControl& control) const {
    const WeightUse use = source.use;
    const std::int64_t rows = source.tensor->rows(), cols = source.tensor->cols();
    const PlacedSize size = placed_size(source, type);
    Slice slice;
    slice.rows = rows;
    slice.cols = cols;
    slice.bytes = size.bytes;
    if (use == WeightUse::Vector) {
        auto data = memory_for(size.bytes);
        auto* values = reinterpret_cast<float*>(data.get());
        for (std::int64_t r = 0; r < rows; ++r)
            decode_row(type, blocks.get() + static_cast<std::size_t>(r) * row_bytes(type, cols),
                       {values + r * cols, static_cast<std::size_t>(cols)});
        slice.data = data.get();
        slice.owner = std::move(data);
        return slice;
    }
    slice.type = type;
    set_layout(slice, use == WeightUse::Table || exact_ ? SliceLayout::Rows : SliceLayout::Panels);
    if (size.mapped) {
        slice.data = blocks.get();
        slice.place = place;
        slice.owner = std::move(blocks);
        return slice;
    }
    auto data = memory_for(slice.bytes);
    constexpr std::int64_t kWorthAThread = 1 << 18; // values: some 0.2 ms with the memory they take
    share_behind_gate(panels(rows), rows * cols / kWorthAThread, control,
                      [&](std::int64_t begin, std::int64_t end) {
                          for (std::int64_t p = begin; p < end; ++p) { // some 0.1 ms each
                              pause_point();
                              pack_panels(type, rows, cols, blocks.get(), data.get(), p, p + 1);
                          }
                      });
    slice.data = data.get();
    slice.owner = std::move(data);
    return slice;
}

} // namespace

std::shared_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
    return std::make_shared<CpuBackend>(options);
}

} // namespace switchyard
