#include "engine/backends/common/step_wishes.h"

#include <algorithm>
#include <utility>

namespace switchyard {

void StepWishes::read(const Batch& batch) {
    batch_ = &batch;
    logit_rows_.clear();
    sought_.clear();
    for_draws_.clear();
    for (const DrawWish& wish : batch.draw_wishes)
        for_draws_.push_back(RowDrawer::candidates_for(wish));
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
        const BatchRow& row = batch.rows[r];
        if (row.wish == RowWish::Nothing)
            continue;
        const std::size_t number = logit_rows_.size();
        if (row.candidates >= 0)
            sought_.push_back(
                {number, &batch.candidate_wishes[static_cast<std::size_t>(row.candidates)], {}, true});
        if (row.wish == RowWish::Draw && for_draws_[static_cast<std::size_t>(row.draw)])
            sought_.push_back({number, &*for_draws_[static_cast<std::size_t>(row.draw)], {}, false});
        logit_rows_.push_back(static_cast<std::int32_t>(r));
    }
}

const DrawWish* StepWishes::draw_of(std::size_t row) const {
    const BatchRow& own = batch_->rows[static_cast<std::size_t>(logit_rows_[row])];
    return own.wish == RowWish::Draw ? &batch_->draw_wishes[static_cast<std::size_t>(own.draw)] : nullptr;
}

const Sought* StepWishes::for_draw(std::size_t row) const {
    const auto found =
        std::ranges::find_if(sought_, [&](const Sought& one) { return one.row == row && !one.told; });
    return found == sought_.end() ? nullptr : &*found;
}

bool StepWishes::tells_logits(std::size_t row) const {
    return batch_->rows[static_cast<std::size_t>(logit_rows_[row])].wish == RowWish::Logits;
}

bool StepWishes::tells_all_logits() const {
    for (std::size_t row = 0; row < logit_rows_.size(); ++row)
        if (!tells_logits(row))
            return false;
    return true;
}

void StepWishes::tell_candidates(StepResult& result) {
    for (Sought& sought : sought_)
        if (sought.told)
            result.candidates.push_back(std::move(sought.found));
}

void StepWishes::tell(StepResult& result, const RowLogits& logits) {
    tell_candidates(result);
    for (std::size_t row = 0; row < logit_rows_.size(); ++row)
        if (tells_logits(row)) {
            const std::span<const float> values = logits(row);
            result.logits.insert(result.logits.end(), values.begin(), values.end());
        }
}

void StepWishes::tell(StepResult& result, std::vector<float> logits) {
    if (tells_all_logits()) {
        tell_candidates(result);
        result.logits = std::move(logits);
        return;
    }
    tell(result,
         [&](std::size_t row) { return logits_of_row(logits, row, logits.size() / logit_rows_.size()); });
}

void shape_routing(const Batch& batch, const Plan& plan, RoutingTable& routing) {
    int rows = 0, most = 0;
    for (const BatchRow& row : batch.rows) {
        if (!row.routing)
            continue;
        ++rows;
        const int active = row.dials.experts > 0 ? row.dials.experts : plan.experts_active;
        most = std::max(most, std::min(active, plan.experts));
    }
    routing.shape(plan.routes, rows, most);
}

} // namespace switchyard
