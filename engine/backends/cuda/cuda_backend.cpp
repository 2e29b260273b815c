#include "engine/backends/cuda/cuda_backend.h"

#include "engine/backends/cuda/cuda_executor.h"
#include "engine/backends/cuda/feed_forward_stage.h"
#include "engine/backends/cuda/kv_store.h"
#include "engine/backends/cuda/self_check.h"
#include "engine/backends/cuda/weight_upload.h"
#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/quant/quant.h"
#include "kernels/cuda/matrix_tiles.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace switchyard {

namespace {

using namespace cuda;

/// A small part of the device's memory.
std::size_t stretch_bytes(const DeviceInfo& device) {
    return std::clamp(device.memory_bytes / 256, std::size_t{1} << 20, std::size_t{64} << 20);
}

/// Whether a step is one that CheckModel::Layers::WithStates stands for.
bool is_rare(const NormStep& s) { return s.add || s.kept || !s.plain(); }
bool is_rare(const GateStep&) { return true; }
bool is_rare(const AddStep&) { return true; }
bool is_rare(const ScaleStep&) { return true; }
bool is_rare(const AttentionStep& s) {
    return s.chunk > 0 || s.cap > 0 || s.cache != kNoLayer || s.value_scale != 1.0f ||
           s.temperature.scale != 0;
}
bool is_rare(const LatentAttentionStep& s) { return s.temperature.scale != 0; }
bool is_rare(const RouteStep& s) { return is_other_router(s); }
bool is_rare(const ExpertsStep& s) { return s.weigh_input || s.activation == Activation::LimitedSilu; }
bool is_rare(const HeadStep& s) { return s.scale != 1.0f || s.cap > 0; }
template <typename Other>
bool is_rare(const Other&) {
    return false;
}

bool asks_for_states(const Plan& plan) {
    return !plan.states.empty() || std::ranges::any_of(plan.steps, [](const Step& step) {
        return std::visit([](const auto& s) { return is_rare(s); }, step.operation);
    });
}

/// The same of CheckModel::Layers::WithChoices.
bool asks_for_choices(const Plan& plan) {
    return std::ranges::any_of(plan.steps, [](const Step& step) {
        return std::holds_alternative<IndexStep>(step.operation) ||
               std::holds_alternative<CompressedAttentionStep>(step.operation) ||
               std::holds_alternative<MixStreamsStep>(step.operation) ||
               std::holds_alternative<GroupedProjectStep>(step.operation);
    });
}

class CudaBackend : public Backend {
  public:
    CudaBackend(std::shared_ptr<Device> device, const CudaOptions& options)
        : device_(std::move(device)), options_(options),
          pool_(std::make_shared<DevicePool>(device_, stretch_bytes(device_->info()))),
          host_pool_(std::make_shared<DevicePool>(device_, std::size_t{256} << 20, DevicePool::Memory::Host)),
          upload_(pool_) {}

    std::string name() const override { return "cuda"; }
    std::string description() const override {
        const DeviceInfo& info = device_->info();
        return info.name + ", compute capability " + std::to_string(info.compute / 10) + "." +
               std::to_string(info.compute % 10);
    }
    bool exact() const override { return false; }
    int threads() const override { return options_.threads > 0 ? options_.threads : available_cores(); }
    bool batch_invariant() const override { return true; } // see kernels/README.md
    int arithmetic_version() const override { return 3; }

    /// Throws Error where the card must not be used. Types are asked about as they come.
    void check_with(std::unique_ptr<SelfCheck> check) {
        if (const std::string trouble = check->trouble(); !trouble.empty())
            throw Error(device_->info().name + " is not used: " + trouble);
        check_ = std::move(check);
    }
    /// Routed experts lie on the host, all of them, where the model is larger than the device's memory: those
    /// in use are kept on the device by recency.
    void expect(const std::vector<WeightSource>& sources) override {
        for (const WeightSource& source : sources)
            if (source.use != WeightUse::Vector)
                checked_type(source.tensor->type); // before there is little memory for it
        std::size_t always = 0, routed = 0;
        for (const WeightSource& source : sources)
            (is_routed_matrix(source) ? routed : always) +=
                static_cast<std::size_t>(source.tensor->matrices()) *
                placed_size(source, source.tensor->type).bytes;
        // For contexts, and for what steps work in.
        const std::size_t reserve = std::min(std::size_t{2} << 30, device_->info().memory_bytes / 8);
        const std::size_t free = device_->memory().free;
        offloads_ = routed > 0 && (options_.offload_experts || always + routed + reserve > free);
        // A quarter of what is left is for longer contexts.
        const std::size_t left = free > always + reserve ? free - always - reserve : 0;
        expert_cache_ = offloads_ ? std::min({routed, left / 4 * 3, options_.expert_cache}) : 0;
    }
    std::size_t expert_cache_bytes() const override { return std::min(expert_cache_, cache_limit_); }
    void limit_expert_cache(std::size_t bytes) override { cache_limit_ = bytes; }
    Slice place(const WeightSource& source, int matrix, const std::shared_ptr<const ModelFile>& file,
                const EncodeControl& control) const override {
        const BlockType own = source.tensor->type;
        if (source.use != WeightUse::Vector && checked_type(own) != own)
            return encode(source, matrix, own, file, control);
        return lay_out(source, own, matrix, file, control);
    }
    Slice encode(const WeightSource& source, int matrix, BlockType type,
                 const std::shared_ptr<const ModelFile>& file, const EncodeControl& control) const override {
        const BlockType placed = fallback_type(checked_type(type), source.tensor->cols());
        return lay_out(source, placed, matrix, file, control);
    }
    PlacedSize placed_size(const WeightSource& source, BlockType type) const override {
        const std::int64_t rows = source.tensor->rows(), cols = source.tensor->cols();
        if (source.use == WeightUse::Vector)
            return {static_cast<std::size_t>(rows * cols) * sizeof(float), false};
        return {tiled_bytes(placed_type(type), rows, cols), false, offloads_ && is_routed_matrix(source)};
    }
    bool holds_kv(BlockType type) const override { return keeps_cache(type, device_->info().compute); }
    BlockType nearest_weights(BlockType type) const override { return checked_type(type); }
    std::unique_ptr<Executor> compile(std::shared_ptr<const Plan> plan) override {
        if (check_ && ((asks_for_states(*plan) && !check_->serves_states()) ||
                       (asks_for_choices(*plan) && !check_->serves_choices())))
            throw Error(device_->info().name + " is not used for this model: its kernels compute layers of "
                                               "this kind otherwise than the CPU");
        const StepLaunches launches = tries_programs(options_.launches) && check_ && !check_->takes_programs()
                                          ? StepLaunches::Graphs
                                          : options_.launches;
        return make_cuda_executor(std::move(plan), pool_,
                                  {launches, offloads_, expert_cache_bytes(), options_.step_budget});
    }

    DeviceStatus device_status() const override {
        DeviceStatus status;
        status.taken = pool_->held_bytes();
        status.total = device_->info().memory_bytes;
        status.short_of_memory = pool_->short_of_memory();
        try {
            const cuda::MemoryUse memory = device_->memory();
            status.free = memory.free;
            status.total = memory.total;
        } catch (const DeviceError& error) {
            if (error.lost())
                status.lost = error.what();
        }
        return status;
    }

  private:
    static bool is_routed_matrix(const WeightSource& source) {
        return source.role == WeightRole::RoutedExpert && source.use != WeightUse::Vector;
    }
    /// What the kernels multiply with where a file has `type`: the first that serves of those that hold no
    /// less. `is_off`: of a type.
    template <typename IsOff>
    BlockType first_that_serves(BlockType type, const IsOff& is_off) const {
        const bool unknown =
            type == BlockType::BF16 && device_->info().compute < 80; // no product of it there
        const BlockType own = unknown ? BlockType::F32 : device_type(type);
        for (const BlockType other : {own, BlockType::Q8_0, BlockType::F16, BlockType::F32})
            if (!is_off(other))
                return other;
        return own;
    }
    /// As far as it was asked already: sizes are forecast of many types.
    BlockType placed_type(BlockType type) const {
        return first_that_serves(type, [&](BlockType one) { return check_ && check_->is_off(one); });
    }
    BlockType checked_type(BlockType type) const {
        return first_that_serves(type, [&](BlockType one) { return check_ && !check_->serves(one); });
    }
    /// A matrix in the device's memory, with blocks of `type`; vectors are floats.
    Slice lay_out(const WeightSource& source, BlockType type, int matrix,
                  const std::shared_ptr<const ModelFile>& file, const EncodeControl& control) const {
        const auto blocks = matrix_behind_gate(source, matrix, file, control);
        Slice slice;
        slice.rows = source.tensor->rows();
        slice.cols = source.tensor->cols();
        slice.bytes = placed_size(source, type).bytes;
        slice.place = {MemoryPlace::Kind::Device, device_->info().index};
        const FileMatrix from{source.tensor->type, slice.rows, slice.cols, blocks.get()};
        std::shared_ptr<std::byte> memory;
        if (source.use == WeightUse::Vector) {
            memory = upload_.floats(from);
        } else {
            slice.type = type;
            memory = upload_.tiles(type, from, control);
            if (offloads_ && is_routed_matrix(source)) {
                memory = on_host(memory, slice.bytes);
                slice.place = {MemoryPlace::Kind::Pinned, 0};
            }
        }
        slice.data = memory.get();
        slice.owner = std::move(memory);
        return slice;
    }

    /// A copy in memory of the host that the device reads at full speed.
    std::shared_ptr<std::byte> on_host(const std::shared_ptr<std::byte>& memory, std::size_t bytes) const {
        auto copy = host_pool_->allocate(bytes, "an expert");
        const auto stream = device_->make_stream();
        stream->copy_to_host(copy.get(), memory.get(), bytes);
        stream->synchronise();
        return copy;
    }

    std::shared_ptr<Device> device_;
    CudaOptions options_;
    std::shared_ptr<DevicePool> pool_, host_pool_;
    bool offloads_ = false;              ///< routed experts
    std::size_t expert_cache_ = 0;       ///< bytes for those in use
    std::size_t cache_limit_ = SIZE_MAX; ///< of that
    std::unique_ptr<SelfCheck> check_;   ///< null: whatever it computes is taken
    mutable WeightUpload upload_;
};

} // namespace

std::shared_ptr<Backend> make_cuda_backend(std::shared_ptr<Device> device, const CudaOptions& options) {
    auto backend = std::make_shared<CudaBackend>(device, options);
    if (options.check) {
        const DeviceInfo& info = device->info();
        // By backends of its own, whose memory goes with them.
        const auto make_trial = [device, options](StepLaunches launches) {
            CudaOptions own = options;
            own.launches = launches;
            return std::make_shared<CudaBackend>(device, own);
        };
        backend->check_with(std::make_unique<SelfCheck>(make_trial, CheckMemory(options.card_checks),
                                                        info.name + ", " + info.uuid + ", driver " +
                                                            info.driver_version + ", " + options.build));
    }
    return backend;
}

} // namespace switchyard
