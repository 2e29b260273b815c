#include "kernels/cuda/emulation/emulated_device.h"

#include "kernels/cuda/emulation/block.h"
#include "kernels/cuda/emulation/dense_product.h"
#include "kernels/cuda/emulation/device_memory.h"
#include "kernels/cuda/launcher_table.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace switchyard::cuda {

namespace emulation {

namespace {

class EmulatedDevice;

/// One thing a stream does.
struct Operation {
    enum class Kind : std::uint8_t { Launch, Copy, Fill, Record, Wait, Graph, Product } kind;
    // Launch
    Work work = {};
    std::vector<std::byte> params = {};
    bool dependent = false;
    // Copy, Fill
    std::byte* to = nullptr;
    const std::byte* from = nullptr;
    std::size_t bytes = 0;
    std::uint8_t value = 0;
    std::function<void()> then = nullptr; // Record, Wait, Graph, Product
};

struct EmulatedGraph : Graph {
    std::vector<Operation> operations;
};

class EmulatedStream;

struct EmulatedEvent : Event {
    EmulatedStream* stream = nullptr;
    std::uint64_t recorded = 0; ///< its number among the stream's operations; 0: never
    int asked = 0;              ///< since then, whether it was passed: not before many askings
    std::uint64_t nanoseconds = 0;
    void wait() override;
    bool passed() override;
    double seconds_since(const Event& earlier) const override {
        return static_cast<double>(nanoseconds - static_cast<const EmulatedEvent&>(earlier).nanoseconds) *
               1e-9;
    }
};

class EmulatedStream : public Stream {
  public:
    explicit EmulatedStream(EmulatedDevice& device) : device_(device) {}
    void launch(const Launch& launch) override;
    void copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes) override;
    void copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) override;
    void copy_within(std::byte* to, const std::byte* from, std::size_t bytes) override;
    void fill(std::byte* to, std::uint8_t value, std::size_t bytes) override;
    void record(Event& event) override;
    void wait_for(const Event& event) override;
    void synchronise() override { run_until(UINT64_MAX); }
    void begin_recording() override { recording_ = std::make_unique<EmulatedGraph>(); }
    std::unique_ptr<Graph> end_recording() override { return std::move(recording_); }
    void drop_recording() noexcept override { recording_.reset(); }
    void start(Graph& graph) override;

    void add(Operation operation);
    const PlantedFault& fault() const;
    void run_until(std::uint64_t operation);
    bool has_done(std::uint64_t operation);

  private:
    void copy(std::byte* to, const std::byte* from, std::size_t bytes);
    void run(const std::vector<const Operation*>& operations);

    EmulatedDevice& device_;
    std::deque<Operation> queue_;
    std::uint64_t issued_ = 0, done_ = 0;
    std::unique_ptr<EmulatedGraph> recording_;
};

/// In plain C++, each sum from the left.
class EmulatedProducts : public DenseProducts {
  public:
    explicit EmulatedProducts(EmulatedCounts& counts) : counts_(counts) {}
    std::string name() const override { return "emulated products"; }
    bool takes(std::int32_t rows, std::int32_t cols) override {
        const std::lock_guard lock(mutex_);
        asked_.emplace(rows, cols);
        counts_.shapes = asked_.size();
        return rows % 16 == 0 && cols % 64 == 0;
    }
    void multiply(Stream& stream, const DenseProduct& product) override {
        if (!takes(product.rows, product.cols) || product.tokens % kDenseTokens != 0)
            throw std::logic_error("a dense product of a shape that was not agreed upon");
        Operation o{.kind = Operation::Kind::Product};
        o.then = [product, this] {
            ++counts_.products;
            multiply_dense(product);
        };
        static_cast<EmulatedStream&>(stream).add(std::move(o));
    }

  private:
    EmulatedCounts& counts_;
    std::mutex mutex_;
    std::set<std::pair<std::int32_t, std::int32_t>> asked_;
};

class EmulatedDevice : public Device {
  public:
    explicit EmulatedDevice(const EmulatedOptions& options)
        : memory_(options.memory_bytes), options_(options), order_(options.seed) {
        info_ = {.name = "emulated device",
                 .compute = options.compute,
                 .multiprocessors = options.multiprocessors,
                 .memory_bytes = options.memory_bytes,
                 .l2_bytes = options.l2_bytes,
                 .shared_bytes = options.shared_bytes,
                 .driver = 13000,
                 .runtime = 13000};
    }
    const DeviceInfo& info() const override { return info_; }
    MemoryUse memory() override {
        const std::lock_guard lock(mutex_);
        return {memory_.free_bytes(), memory_.bytes(), memory_.bytes() - memory_.free_bytes()};
    }
    std::byte* allocate(std::size_t bytes) override {
        if (options_.may_allocate && !options_.may_allocate(bytes))
            return nullptr;
        const std::lock_guard lock(mutex_);
        return memory_.allocate(bytes);
    }
    void release(std::byte* memory) noexcept override {
        const std::lock_guard lock(mutex_);
        memory_.release(memory);
    }
    std::byte* allocate_host(std::size_t bytes) override {
        return static_cast<std::byte*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
    }
    void release_host(std::byte* memory) noexcept override { std::free(memory); }
    std::unique_ptr<Stream> make_stream(StreamUse) override {
        return std::make_unique<EmulatedStream>(*this);
    }
    std::unique_ptr<Event> make_event() override { return std::make_unique<EmulatedEvent>(); }
    /// A multiprocessor has what one block may have and a little more, of which each block costs the driver
    /// some.
    int resident_blocks(Kernel kernel, std::size_t more_shared) override {
        constexpr std::size_t kOfDriver = 1024;
        static constexpr struct {
            std::size_t shared;
            int blocks;
        } kKernels[] = {
#define SWITCHYARD_RESIDENT(name, function, Params, Shared, threads, blocks)                                 \
    {std::is_empty_v<Shared> ? 0 : sizeof(Shared), blocks},
            SWITCHYARD_CUDA_KERNELS(SWITCHYARD_RESIDENT)
#undef SWITCHYARD_RESIDENT
        };
        const auto& own = kKernels[static_cast<std::size_t>(kernel)];
        const auto by_shared =
            static_cast<int>((info_.shared_bytes + kOfDriver) / (own.shared + more_shared + kOfDriver));
        return std::min({own.blocks, by_shared, options_.resident_blocks});
    }
    DenseProducts* dense_products() override { return options_.dense_products ? &products_ : nullptr; }

    const EmulatedCounts& counts() const { return counts_; }
    EmulatedCounts& counts() { return counts_; }
    /// A launch under way: blocks that have begun, the numbers of those that have not.
    struct Begun {
        std::vector<std::unique_ptr<Block>> at_work = {};
        std::vector<unsigned> blocks = {};
        bool has_waited = false; ///< a block that has ended has, for the launch before
    };
    Begun begin(const Work& work) { return {.blocks = blocks_of(work)}; }
    /// Some of its blocks begin before the launch before it has run.
    Begun begin_early(const Work& work);
    void run(const Operation& launch, Begun begun);
    void check_alive();
    DeviceMemory& device_memory() { return memory_; }
    /// Streams of several threads take turns: one of them is what works.
    std::recursive_mutex& mutex() { return mutex_; }
    const EmulatedOptions& options() const { return options_; }

  private:
    std::vector<unsigned> blocks_of(const Work& work);
    /// Begins the next block of those that have not.
    void begin_next(const Work& work, Begun& begun);
    /// Runs a block that has begun; whether it has ended.
    bool run_on(std::unique_ptr<Block>& block, bool may_pass, Begun& begun);

    std::recursive_mutex mutex_;
    DeviceMemory memory_;
    EmulatedOptions options_;
    DeviceInfo info_;
    EmulatedCounts counts_;
    EmulatedProducts products_{counts_};
    std::minstd_rand order_;
    std::vector<std::unique_ptr<Block>> idle_; ///< their stacks serve again
    bool lost_ = false;
};

void EmulatedDevice::check_alive() {
    ++counts_.launches;
    lost_ |= options_.lost_at != 0 && counts_.launches >= options_.lost_at;
    if (lost_)
        throw DeviceError("the device does not answer any more", true);
}

std::vector<unsigned> EmulatedDevice::blocks_of(const Work& work) {
    std::vector<unsigned> blocks(std::size_t{work.grid.x} * work.grid.y);
    for (unsigned b = 0; b < blocks.size(); ++b)
        blocks[b] = b;
    if (work.fault && work.fault->kind == PlantedFault::Kind::LostBlock && work.fault->use < blocks.size())
        blocks.erase(blocks.begin() + work.fault->use);
    std::shuffle(blocks.begin(), blocks.end(), order_);
    return blocks;
}

void EmulatedDevice::begin_next(const Work& work, Begun& begun) {
    if (idle_.empty())
        idle_.push_back(std::make_unique<Block>());
    begun.at_work.push_back(std::move(idle_.back()));
    idle_.pop_back();
    const unsigned block = begun.blocks.back();
    begun.blocks.pop_back();
    begun.at_work.back()->begin(work, block % work.grid.x, block / work.grid.x);
}

bool EmulatedDevice::run_on(std::unique_ptr<Block>& block, bool may_pass, Begun& begun) {
    if (block->run(may_pass, order_) != Block::Outcome::Ended)
        return false;
    begun.has_waited |= block->has_waited();
    idle_.push_back(std::move(block));
    return true;
}

EmulatedDevice::Begun EmulatedDevice::begin_early(const Work& work) {
    Begun begun = begin(work);
    for (unsigned i = 0; i < options_.early_blocks && !begun.blocks.empty(); ++i) {
        begin_next(work, begun);
        if (run_on(begun.at_work.back(), false, begun))
            begun.at_work.pop_back();
    }
    return begun;
}

void EmulatedDevice::run(const Operation& launch, Begun begun) {
    constexpr int kMostRounds = 1'000'000; // of blocks that spin
    for (int round = 0; !begun.at_work.empty() || !begun.blocks.empty(); ++round) {
        if (round > kMostRounds)
            throw std::logic_error("blocks wait for each other and none comes");
        if (!begun.blocks.empty())
            begin_next(launch.work, begun);
        std::erase_if(begun.at_work,
                      [&](std::unique_ptr<Block>& block) { return run_on(block, true, begun); });
    }
    // Who waits for this launch relies on it for all that are in front.
    if (launch.dependent && !begun.has_waited)
        throw std::logic_error("a dependent launch may end before the one in front of it: it never waited");
}

const PlantedFault& EmulatedStream::fault() const { return device_.options().fault; }

void EmulatedStream::add(Operation operation) {
    const std::lock_guard lock(device_.mutex());
    if (recording_) {
        recording_->operations.push_back(std::move(operation));
        return;
    }
    queue_.push_back(std::move(operation));
    ++issued_;
}

/// Runs a stretch of operations; dependent launches begin before those in front of them.
void EmulatedStream::run(const std::vector<const Operation*>& operations) {
    const DeviceMemory::Open open(device_.device_memory());
    std::deque<EmulatedDevice::Begun> begun; // launches from operation i on
    const auto follows = [&](std::size_t i) {
        return i < operations.size() && operations[i]->kind == Operation::Kind::Launch &&
               operations[i]->dependent;
    };
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const Operation& o = *operations[i];
        switch (o.kind) {
        case Operation::Kind::Launch: {
            device_.check_alive();
            if (begun.empty())
                begun.push_back(device_.begin(o.work));
            for (std::size_t j = i + begun.size(); j <= i + device_.options().early_launches && follows(j);
                 ++j) {
                ++device_.counts().dependent;
                begun.push_back(device_.begin_early(operations[j]->work));
            }
            device_.run(o, std::move(begun.front()));
            begun.pop_front();
            break;
        }
        case Operation::Kind::Copy:
            if (o.bytes > 0) // else its ends may be null
                std::memcpy(o.to, o.from, o.bytes);
            break;
        case Operation::Kind::Fill:
            if (o.bytes > 0)
                std::memset(o.to, o.value, o.bytes);
            break;
        case Operation::Kind::Record:
        case Operation::Kind::Wait:
        case Operation::Kind::Graph:
        case Operation::Kind::Product:
            o.then();
            break;
        }
    }
}

void EmulatedStream::run_until(std::uint64_t operation) {
    const std::lock_guard lock(device_.mutex());
    std::deque<Operation> due;
    while (done_ < operation && !queue_.empty()) {
        due.push_back(std::move(queue_.front()));
        queue_.pop_front();
        ++done_;
    }
    std::vector<const Operation*> operations;
    for (const Operation& o : due)
        operations.push_back(&o);
    run(operations);
}

bool EmulatedStream::has_done(std::uint64_t operation) {
    const std::lock_guard lock(device_.mutex());
    return done_ >= operation;
}

void EmulatedStream::launch(const Launch& launch) {
    if (!device_.options().loses || !device_.options().loses(launch))
        launcher_of(launch)(this, launch);
}

void EmulatedStream::copy(std::byte* to, const std::byte* from, std::size_t bytes) {
    Operation o{.kind = Operation::Kind::Copy};
    o.to = to;
    o.from = from;
    o.bytes = bytes;
    add(std::move(o));
}
void EmulatedStream::copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy(to, from, bytes);
}
void EmulatedStream::copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy(to, from, bytes);
}
void EmulatedStream::copy_within(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy(to, from, bytes);
}
void EmulatedStream::fill(std::byte* to, std::uint8_t value, std::size_t bytes) {
    Operation o{.kind = Operation::Kind::Fill};
    o.to = to;
    o.value = value;
    o.bytes = bytes;
    add(std::move(o));
}
void EmulatedStream::record(Event& event) {
    auto& own = static_cast<EmulatedEvent&>(event);
    Operation o{.kind = Operation::Kind::Record};
    o.then = [&own] { own.nanoseconds = device_time(); };
    add(std::move(o));
    own.stream = this;
    own.recorded = issued_;
    own.asked = 0;
}
void EmulatedStream::wait_for(const Event& event) {
    const auto& own = static_cast<const EmulatedEvent&>(event);
    Operation o{.kind = Operation::Kind::Wait};
    o.then = [stream = own.stream, until = own.recorded, this] {
        if (stream && stream != this)
            stream->run_until(until);
    };
    add(std::move(o));
}
void EmulatedStream::start(Graph& graph) {
    Operation o{.kind = Operation::Kind::Graph};
    o.then = [this, &own = static_cast<EmulatedGraph&>(graph)] {
        ++device_.counts().graphs;
        std::vector<const Operation*> operations;
        for (const Operation& one : own.operations)
            operations.push_back(&one);
        run(operations);
    };
    add(std::move(o));
}

void EmulatedEvent::wait() {
    if (stream)
        stream->run_until(recorded);
}
bool EmulatedEvent::passed() {
    constexpr int kLate = 300;
    if (stream && ++asked < kLate && !stream->has_done(recorded))
        return false;
    wait();
    return true;
}

} // namespace

int enqueue(void* stream, const Launch& launch, int threads, std::size_t shared_bytes,
            std::size_t param_bytes, void (*kernel)(const void* params)) {
    Operation o{.kind = Operation::Kind::Launch};
    const auto* params = static_cast<const std::byte*>(launch.params);
    o.params.assign(params, params + param_bytes);
    auto& own = *static_cast<EmulatedStream*>(stream);
    const bool faulty = own.fault().kind != PlantedFault::Kind::None && own.fault().kernel == launch.kernel;
    o.work = {kernel,       o.params.data(),
              launch.grid,  static_cast<unsigned>(threads),
              shared_bytes, faulty ? &own.fault() : nullptr};
    o.dependent = launch.dependent;
    own.add(std::move(o)); // moving a vector keeps where its bytes are
    return 0;
}

} // namespace emulation

std::unique_ptr<Device> make_emulated_device(const EmulatedOptions& options) {
    return std::make_unique<emulation::EmulatedDevice>(options);
}

EmulatedCounts counts_of(const Device& device) {
    return static_cast<const emulation::EmulatedDevice&>(device).counts();
}

} // namespace switchyard::cuda
