// Where the time of a device's steps goes: now and then a step reads the device's clock between its stages.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/run/stage_use.h"

#include <array>
#include <memory>
#include <vector>

namespace switchyard::cuda {

class StageClock {
  public:
    explicit StageClock(std::shared_ptr<DevicePool> pool) : pool_(std::move(pool)), host_(pool_->device()) {}

    /// Whether the next step should be sampled: the first, and then one of many.
    bool due() { return steps_++ % kEvery == 0; }
    /// `kinds`: of readings that a recorded step brings along.
    void begin(std::vector<StageKind> kinds = {});
    /// What the stream does from here on belongs to `kind`.
    void enter(StageKind kind, Stream& stream);
    /// Notes the end; which kinds were entered.
    const std::vector<StageKind>& end(Stream& stream);
    /// Copies the times; before the stream is waited for.
    void fetch(Stream& stream);
    /// Reads them, once the stream has ended.
    void read();
    /// Shares out a step's time as the last sample's was.
    void share(double seconds, StageTable& table) const;

  private:
    static constexpr unsigned kEvery = 64, kMost = 4096;
    void mark(Stream& stream);

    std::shared_ptr<DevicePool> pool_;
    std::shared_ptr<std::byte> times_; ///< [kMost] nanoseconds
    HostBuffer host_;
    unsigned steps_ = 0;
    std::vector<StageKind> kinds_; ///< one a reading, but for the last
    std::array<double, kStageKinds> shares_ = {};
};

} // namespace switchyard::cuda
