// How far a long step's launches run ahead of the device, so that it stops soon after it is asked to.
#pragma once

#include "engine/backends/common/step_queue.h"
#include "kernels/cuda/device.h"

#include <algorithm>

namespace switchyard::cuda {

/// Work is told in multiply-adds. At most about two budgets of it are under way; where one is full, a stop is
/// looked for.
class StepPace {
  public:
    /// Multiply-adds a multiprocessor: half a millisecond of the quickest cards' tensor units (7.5 TFLOPS
    /// each at best), 13 ms where one of a card with a tenth of that gets 0.3.
    static double budget_of(const DeviceInfo& device) { return 2e9 * device.multiprocessors; }

    struct Stopped {};

    /// `events`: two.
    StepPace(Stream& stream, std::unique_ptr<Event> (&events)[2], const StepStop& stop, double budget)
        : stream_(stream), events_(events), stop_(stop), budget_(budget) {}

    double budget() const { return budget_; }
    /// Rows of so much work each that fill a budget; whole tiles of them, so that tiles stay whole.
    int most_rows(double a_row) const {
        constexpr int kTile = 128;
        return kTile * static_cast<int>(std::clamp(budget_ / (a_row * kTile), 1.0, 1e6));
    }
    /// Something was launched. Throws Stopped.
    void add(double work) {
        under_way_ += work;
        if (under_way_ < budget_)
            return;
        under_way_ = 0;
        stream_.record(*events_[turn_]);
        turn_ = 1 - turn_;
        if (waits_)
            events_[turn_]->wait();
        waits_ = true;
        if (stop_.requested())
            throw Stopped();
    }

  private:
    Stream& stream_;
    std::unique_ptr<Event> (&events_)[2];
    const StepStop& stop_;
    double budget_, under_way_ = 0;
    int turn_ = 0;
    bool waits_ = false;
};

} // namespace switchyard::cuda
