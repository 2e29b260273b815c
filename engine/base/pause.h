// Long computations that can be made to wait in between.
#pragma once

#include <functional>

namespace switchyard {

/// As long as it lives, pause_point() on this thread calls `pause`, which may wait there for a while.
class PauseHere {
  public:
    explicit PauseHere(std::function<void()> pause) : pause_(std::move(pause)) { slot() = &pause_; }
    ~PauseHere() { slot() = nullptr; }
    PauseHere(const PauseHere&) = delete;
    PauseHere& operator=(const PauseHere&) = delete;

  private:
    friend void pause_point();
    static const std::function<void()>*& slot() {
        static thread_local const std::function<void()>* pause = nullptr;
        return pause;
    }
    std::function<void()> pause_;
};

/// Called between the parts of a long computation, some milliseconds apart at most.
inline void pause_point() {
    if (const auto* pause = PauseHere::slot())
        (*pause)();
}

} // namespace switchyard
