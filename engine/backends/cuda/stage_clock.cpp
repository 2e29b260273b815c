#include "engine/backends/cuda/stage_clock.h"

#include "kernels/cuda/kernel_list.h"

#include <numeric>

namespace switchyard::cuda {

void StageClock::begin(std::vector<StageKind> kinds) {
    kinds_ = std::move(kinds);
    constexpr std::size_t kBytes = kMost * sizeof(std::uint64_t);
    if (!times_) // before anything is recorded, which allocates nothing
        times_ = pool_->allocate(kBytes, "the clock of a step");
    host_.reserve(kBytes);
}

void StageClock::mark(Stream& stream) {
    auto* times = reinterpret_cast<std::uint64_t*>(times_.get());
    launch<Kernel::ReadClock>(stream, {1, 1}, {times + kinds_.size()});
}

void StageClock::enter(StageKind kind, Stream& stream) {
    if (kinds_.size() + 1 >= kMost)
        return;
    mark(stream);
    kinds_.push_back(kind);
}

const std::vector<StageKind>& StageClock::end(Stream& stream) {
    mark(stream);
    return kinds_;
}

void StageClock::fetch(Stream& stream) {
    stream.copy_to_host(host_.data(), times_.get(), (kinds_.size() + 1) * sizeof(std::uint64_t));
}

void StageClock::read() {
    const auto* times = reinterpret_cast<const std::uint64_t*>(host_.data());
    shares_ = {};
    for (std::size_t i = 0; i < kinds_.size(); ++i)
        shares_[static_cast<std::size_t>(kinds_[i])] += static_cast<double>(times[i + 1] - times[i]);
    const double all = std::accumulate(shares_.begin(), shares_.end(), 0.0);
    for (double& share : shares_)
        share = all > 0 ? share / all : 0;
}

void StageClock::share(double seconds, StageTable& table) const {
    for (std::size_t k = 0; k < kStageKinds; ++k)
        table.uses[k].seconds += shares_[k] * seconds;
}

} // namespace switchyard::cuda
