// The draws of a step's rows, and the tokens that the step behind it takes from them.
#pragma once

#include "engine/backends/common/step_wishes.h"

#include <functional>

namespace switchyard {

class TokenDraws {
  public:
    /// Calls work(thread) once on each of a backend's threads, 0 .. threads - 1, and returns when all have
    /// ended.
    using Share = std::function<void(const std::function<void(int thread)>& work)>;

    /// Without `share`, rows are drawn one after another on the thread that asks.
    explicit TokenDraws(int vocabulary, int threads = 1, Share share = nullptr)
        : vocabulary_(static_cast<std::size_t>(vocabulary)), threads_(share ? threads : 1),
          share_(std::move(share)) {}

    /// Puts the tokens that the step before drew into a batch, and forgets them: should the step that is
    /// computed now end early, it drew none. False: one is missing.
    bool take_over(Batch& batch);
    /// Draws for the rows that wish it, side by side: from candidates that were found, or from all logits
    /// where those do not prove what is kept. Shared draws ask for logits from several threads at once.
    void draw(const StepWishes& wishes, const RowLogits& logits, StepResult& result);

  private:
    struct Task;
    static std::vector<Task> tasks_of(const StepWishes& wishes);
    static void draw(const StepWishes& wishes, const RowLogits& logits, Task& task, RowDrawer& drawer);

    std::size_t vocabulary_;
    int threads_;
    Share share_;
    std::vector<RowDrawer> drawers_;  ///< one a thread, from the first draw on
    std::vector<std::int32_t> drawn_; ///< of the last step's rows; -1: none was
};

} // namespace switchyard
