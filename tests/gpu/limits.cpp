#include "tests/gpu/limits.h"

#include "engine/backends/cuda/device_pool.h"
#include "kernels/cuda/kernel_list.h"
#include "kernels/splitmix.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace switchyard::cuda {

namespace {

using Json = nlohmann::ordered_json;

/// A stretch of the device's memory.
class Memory {
  public:
    Memory(Device& device, std::size_t bytes) : device_(device), data_(device.allocate(bytes)) {
        if (!data_)
            throw std::runtime_error("the device has no " + std::to_string(bytes >> 20) + " MiB free");
    }
    ~Memory() { device_.release(data_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    std::byte* get() const { return data_; }

  private:
    Device& device_;
    std::byte* data_;
};

/// Seconds of what `work` puts into a stream, by the device's own events, the shortest first. The first runs
/// are not counted: they wake the card.
class Timer {
  public:
    Timer(Device& device, bool small)
        : device_(device), runs_(small ? 2 : 12), stream_(device.make_stream()) {}
    Stream& stream() { return *stream_; }

    std::vector<double> time(const std::function<void(Stream&)>& work) {
        constexpr int kWarm = 2;
        std::vector<double> seconds;
        for (int run = -kWarm; run < runs_; ++run) {
            const auto begin = device_.make_event(), end = device_.make_event();
            stream_->record(*begin);
            work(*stream_);
            stream_->record(*end);
            end->wait();
            if (run >= 0)
                seconds.push_back(end->seconds_since(*begin));
        }
        std::ranges::sort(seconds);
        return seconds;
    }

  private:
    Device& device_;
    int runs_;
    std::unique_ptr<Stream> stream_;
};

Json rate(const std::vector<double>& seconds, double amount) {
    return {{"best", amount / seconds.front()}, {"median", amount / seconds[seconds.size() / 2]}};
}

Json microseconds(const std::vector<double>& seconds, int count) {
    return {{"best", seconds.front() * 1e6 / count}, {"median", seconds[seconds.size() / 2] * 1e6 / count}};
}

void measure_memory(Device& device, bool small, Timer& timer, Json& json) {
    // Several times the cache, so that it does not answer.
    const std::size_t bytes =
        small ? std::size_t{1} << 20
              : std::min<std::size_t>(std::size_t{4} << 30, device.memory().free / 4 / 4096 * 4096);
    const Memory from(device, bytes), to(device, bytes);
    const unsigned blocks = small ? 2 : 4 * static_cast<unsigned>(device.info().multiprocessors);
    const Memory out(device, std::size_t{blocks} * kLimitThreads * sizeof(float));
    // Not zeros: some cards read those faster.
    for (std::size_t piece = 0; piece < 16; ++piece)
        timer.stream().fill(from.get() + piece * (bytes / 16), static_cast<std::uint8_t>(37 * piece + 11),
                            bytes / 16);
    const ReadMemoryParams read{from.get(), bytes / 16, reinterpret_cast<std::uint32_t*>(out.get())};
    json["read_bytes_per_second"] = rate(timer.time([&](Stream& s) {
        launch<Kernel::ReadMemory>(s, {blocks, 1}, read);
    }),
                                         static_cast<double>(bytes));
    json["copy_bytes_per_second"] =
        rate(timer.time([&](Stream& s) { s.copy_within(to.get(), from.get(), bytes); }),
             2.0 * static_cast<double>(bytes));
    json["buffer_bytes"] = bytes;
}

template <Kernel kKernel>
Json mma_rate(Device& device, bool small, Timer& timer, double operations) {
    const unsigned blocks = small ? 1 : 4 * static_cast<unsigned>(device.info().multiprocessors);
    const Memory out(device, std::size_t{blocks} * kLimitThreads * sizeof(float));
    const MmaRateParams params{small ? 2 : 20000, reinterpret_cast<float*>(out.get())};
    const double warps = blocks * (kLimitThreads / 32.0);
    return rate(timer.time([&](Stream& s) {
        launch<kKernel>(s, {blocks, 1}, params);
    }),
                warps * params.rounds * kMmaChains * operations);
}

/// Instructions that all threads start in a second: each is one of a lane.
Json issue_rate(Device& device, bool small, Timer& timer) {
    const unsigned blocks = small ? 1 : 8 * static_cast<unsigned>(device.info().multiprocessors);
    const Memory out(device, std::size_t{blocks} * kLimitThreads * sizeof(float));
    const IssueRateParams params{small ? 2 : 4000, reinterpret_cast<float*>(out.get())};
    return rate(timer.time([&](Stream& s) {
        launch<Kernel::IssueRate>(s, {blocks, 1}, params);
    }),
                double{1} * blocks * kLimitThreads * params.rounds * kIssueChains * kIssueSteps);
}

/// A large product by the maker's library; its bytes are random, so that multipliers draw what real ones
/// draw.
void measure_dense_products(Device& device, bool small, Timer& timer, Json& json) {
    DenseProducts* products = device.dense_products();
    const int size = small ? kDenseTokens : 8192;
    if (!products || !products->takes(size, size))
        return;
    const std::size_t bytes = static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 2;
    const Memory weights(device, bytes), in(device, bytes), out(device, 2 * bytes);
    HostBuffer host(device);
    auto* halves = reinterpret_cast<std::uint16_t*>(host.reserve(bytes));
    for (std::size_t i = 0; i < bytes / 2; ++i) { // magnitudes from 0.5 to 2, and signs
        const std::uint64_t drawn = splitmix(i);
        halves[i] = static_cast<std::uint16_t>((drawn & 0x83ffu) | 0x3800u | (drawn >> 20 & 0x0400u));
    }
    for (const Memory* to : {&weights, &in})
        timer.stream().copy_to_device(to->get(), host.data(), bytes);
    timer.stream().synchronise();
    const DenseProduct product{reinterpret_cast<const std::uint16_t*>(weights.get()),
                               reinterpret_cast<const std::uint16_t*>(in.get()),
                               reinterpret_cast<float*>(out.get()),
                               size,
                               size,
                               size};
    json["half_product_flops_per_second"] =
        rate(timer.time([&](Stream& s) { products->multiply(s, product); }), 2.0 * size * size * size);
    json["half_product_by"] = products->name();
}

void measure_launches(Device& device, bool small, Timer& timer, Json& json) {
    const int count = small ? 8 : 400;
    const Memory out(device, sizeof(std::uint64_t));
    const ReadClockParams params{reinterpret_cast<std::uint64_t*>(out.get())};
    const auto launch_all = [&](Stream& stream, bool dependent) {
        for (int i = 0; i < count; ++i)
            launch<Kernel::ReadClock>(stream, {1, 1}, params, dependent);
    };
    const auto in_graph = [&](bool dependent) {
        timer.stream().begin_recording();
        launch_all(timer.stream(), dependent);
        const auto graph = timer.stream().end_recording();
        auto seconds = timer.time([&](Stream& s) { s.start(*graph); });
        timer.stream().synchronise(); // before the graph goes
        return microseconds(seconds, count);
    };
    json["launch_us"] = microseconds(timer.time([&](Stream& s) { launch_all(s, false); }), count);
    json["graph_launch_us"] = in_graph(false);
    json["graph_dependent_us"] = in_graph(true);
}

} // namespace

Json measure_limits(Device& device, const LimitsOptions& options) {
    Json json;
    Timer timer(device, options.small);
    measure_memory(device, options.small, timer, json);
    json["half_mma_flops_per_second"] =
        mma_rate<Kernel::MmaHalfRate>(device, options.small, timer, kHalfTileFlops);
    measure_dense_products(device, options.small, timer, json);
    json["byte_mma_ops_per_second"] =
        mma_rate<Kernel::MmaBytesRate>(device, options.small, timer, kByteTileOps);
    json["instructions_per_second"] = issue_rate(device, options.small, timer);
    measure_launches(device, options.small, timer, json);
    return json;
}

Json check_memory(Device& device, const LimitsOptions& options) {
    const int shift = options.small ? 10 : 0;
    Json rows = Json::array();
    bool exact = true;
    for (const std::size_t mib : {3ul, 64ul, 1000ul, 2500ul}) {
        const std::size_t bytes = ((mib << 20) + 12345) >> shift;
        const MemoryUse before = device.memory();
        const Memory memory(device, bytes);
        const MemoryUse after = device.memory();
        const std::size_t counted = after.taken - before.taken, driver = before.free - after.free;
        exact = exact && counted == driver;
        rows.push_back({{"asked", bytes}, {"counted", counted}, {"driver", driver}});
    }
    return {{"exact", exact}, {"allocations", rows}};
}

} // namespace switchyard::cuda
