// The draws of a step's rows, and the tokens that the step behind it takes from them.
#pragma once

#include "engine/backends/cpu/step_run.h"

namespace switchyard::cpu {

class TokenDraws {
  public:
    explicit TokenDraws(int vocabulary) : vocabulary_(static_cast<std::size_t>(vocabulary)) {}

    /// Puts the tokens that the step before drew into a batch. False: it drew none there.
    bool fill_in(Batch& batch) const { return take_drawn(batch, drawn_); }
    void forget() { drawn_.clear(); }
    /// Draws for the rows that wish it, side by side: from candidates, or from all logits where those do not
    /// prove what is kept.
    void draw(StepRun& run, ThreadPool& pool);

  private:
    struct Task;
    std::vector<Task> tasks_of(const StepRun& run) const;
    void draw(const StepRun& run, Task& task, RowDrawer& drawer) const;

    std::size_t vocabulary_;
    std::vector<RowDrawer> drawers_;  ///< one a thread, from the first draw on
    std::vector<std::int32_t> drawn_; ///< of the last step's rows; -1: none was
};

} // namespace switchyard::cpu
