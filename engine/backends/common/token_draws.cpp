#include "engine/backends/common/token_draws.h"

#include <atomic>

namespace switchyard {

struct TokenDraws::Task {
    std::size_t row; ///< among those with logits
    Drawn drawn;
};

bool TokenDraws::take_over(Batch& batch) {
    const bool known = take_drawn(batch, drawn_);
    drawn_.clear();
    return known;
}

std::vector<TokenDraws::Task> TokenDraws::tasks_of(const StepWishes& wishes) {
    std::vector<Task> tasks;
    const auto rows = wishes.logit_rows();
    for (std::size_t r = 0; r < rows.size(); ++r)
        if (wishes.batch().rows[static_cast<std::size_t>(rows[r])].wish == RowWish::Draw)
            tasks.push_back({r, {}});
    return tasks;
}

void TokenDraws::draw(const StepWishes& wishes, const RowLogits& logits, Task& task, RowDrawer& drawer) {
    const Batch& batch = wishes.batch();
    const BatchRow& row = batch.rows[static_cast<std::size_t>(wishes.logit_rows()[task.row])];
    const DrawWish& wish = batch.draw_wishes[static_cast<std::size_t>(row.draw)];
    std::optional<Drawn> drawn;
    if (const Sought* sought = wishes.for_draw(task.row))
        drawn = drawer.draw(sought->found, *sought->wish, wish);
    task.drawn = drawn ? *drawn : drawer.draw(logits(task.row), wish);
}

void TokenDraws::draw(const StepWishes& wishes, const RowLogits& logits, StepResult& result) {
    drawn_.assign(wishes.batch().rows.size(), -1);
    std::vector<Task> tasks = tasks_of(wishes);
    if (tasks.empty())
        return;
    drawers_.resize(static_cast<std::size_t>(threads_));
    for (RowDrawer& drawer : drawers_)
        drawer.reserve(vocabulary_);
    std::atomic<std::size_t> next{0};
    const auto work = [&](RowDrawer& drawer) {
        for (std::size_t i = next++; i < tasks.size(); i = next++)
            draw(wishes, logits, tasks[i], drawer);
    };
    if (tasks.size() == 1 || !share_)
        work(drawers_.front());
    else
        share_([&](int thread) { work(drawers_[static_cast<std::size_t>(thread)]); });
    for (const Task& task : tasks) {
        result.drawn.push_back(task.drawn);
        drawn_[static_cast<std::size_t>(wishes.logit_rows()[task.row])] = task.drawn.id;
    }
}

} // namespace switchyard
