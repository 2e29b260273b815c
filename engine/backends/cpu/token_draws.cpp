#include "engine/backends/cpu/token_draws.h"

#include <algorithm>

namespace switchyard::cpu {

struct TokenDraws::Task {
    std::size_t row, wished; ///< in the batch; among those that wish something
    const StepRun::Sought* sought;
    Drawn drawn;
};

std::vector<TokenDraws::Task> TokenDraws::tasks_of(const StepRun& run) const {
    std::vector<Task> tasks;
    std::size_t wished = 0;
    for (std::size_t r = 0; r < run.batch.rows.size(); ++r) {
        const RowWish wish = run.batch.rows[r].wish;
        if (wish == RowWish::Draw) {
            const auto sought = std::ranges::find_if(
                run.sought, [&](const StepRun::Sought& one) { return one.row == wished && !one.told; });
            tasks.push_back({r, wished, sought == run.sought.end() ? nullptr : &*sought, {}});
        }
        wished += wish != RowWish::Nothing;
    }
    return tasks;
}

void TokenDraws::draw(const StepRun& run, Task& task, RowDrawer& drawer) const {
    const DrawWish& wish = run.batch.draw_wishes[static_cast<std::size_t>(run.batch.rows[task.row].draw)];
    std::optional<Drawn> drawn;
    if (task.sought)
        drawn = drawer.draw(task.sought->found, *task.sought->wish, wish);
    const auto logits = std::span<const float>(run.logits).subspan(task.wished * vocabulary_, vocabulary_);
    task.drawn = drawn ? *drawn : drawer.draw(logits, wish);
}

void TokenDraws::draw(StepRun& run, ThreadPool& pool) {
    drawn_.assign(run.batch.rows.size(), -1);
    std::vector<Task> tasks = tasks_of(run);
    if (tasks.empty())
        return;
    drawers_.resize(static_cast<std::size_t>(pool.size()));
    for (RowDrawer& drawer : drawers_)
        drawer.reserve(vocabulary_);
    std::atomic<std::size_t> next{0};
    const auto work = [&](RowDrawer& drawer) {
        for (std::size_t i = next++; i < tasks.size(); i = next++)
            draw(run, tasks[i], drawer);
    };
    if (tasks.size() == 1)
        work(drawers_.front());
    else
        pool.run([&](int thread) { work(drawers_[static_cast<std::size_t>(thread)]); });
    for (const Task& task : tasks) {
        run.result.drawn.push_back(task.drawn);
        drawn_[task.row] = task.drawn.id;
    }
}

} // namespace switchyard::cpu
