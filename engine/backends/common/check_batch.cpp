#include "engine/backends/common/check_batch.h"

#include "engine/base/error.h"

#include <algorithm>
#include <functional>
#include <string>

namespace switchyard {
namespace {

template <auto Member>
void keep_dial(RowDials& of, const RowDials& from) {
    of.*Member = from.*Member;
}

struct RowDialEntry {
    std::string_view words;
    void (*keep)(RowDials& of, const RowDials& from);
};

constexpr RowDialEntry kRowDials[] = {
    {"its active experts", keep_dial<&RowDials::experts>},
    {"its gate threshold", keep_dial<&RowDials::gate_threshold>},
    {"its routing mass", keep_dial<&RowDials::routing_mass>},
    {"its pool of experts", keep_dial<&RowDials::pool>},
    {"the experts switched off", keep_dial<&RowDials::off_mask>},
    {"its attention window", keep_dial<&RowDials::attention_window>},
    {"its adapter", keep_dial<&RowDials::adapter>},
    {"the bits of its activations", keep_dial<&RowDials::activation_bits>},
};
static_assert(sizeof(RowDials) == std::size(kRowDials) * sizeof(std::int32_t), "a dial has no entry");

const RowDialEntry& entry_of(RowDial dial) { return kRowDials[static_cast<std::size_t>(dial)]; }

/// "the CPU moves no dial of a row but its active experts"
std::string refused_dial(const ObeyedDials& obeyed) {
    std::string text = std::string(obeyed.backend) + " moves no dial of a row";
    for (std::size_t i = 0; i < obeyed.dials.size(); ++i) {
        text += i == 0 ? " but " : i + 1 < obeyed.dials.size() ? ", " : " and ";
        text += entry_of(obeyed.dials[i]).words;
    }
    return text;
}

void check_dials(const RowDials& dials, const ObeyedDials& obeyed) {
    RowDials kept;
    for (const RowDial dial : obeyed.dials)
        entry_of(dial).keep(kept, dials);
    if (dials != kept)
        throw Error(refused_dial(obeyed));
}

void check_wish(const BatchRow& row, const Batch& batch) {
    const bool wishes = row.wish == RowWish::Candidates || row.candidates >= 0;
    if (wishes && static_cast<std::size_t>(row.candidates) >= batch.candidate_wishes.size())
        throw Error("a row of the batch wishes candidates and does not say which");
    if (row.candidates >= 0 && row.wish != RowWish::Candidates && row.wish != RowWish::Draw)
        throw Error("a row of the batch says which candidates and does not wish any");
    if (row.wish == RowWish::Draw && static_cast<std::size_t>(row.draw) >= batch.draw_wishes.size())
        throw Error("a row of the batch wishes a draw and does not say which");
}

/// That a sequence has memory for its rows, and goes on from where it stands.
void check_sequence(const BatchSequence& sequence, std::span<const BatchRow> rows, const Plan& plan) {
    const int first = rows.front().position, count = static_cast<int>(rows.size());
    if (first < 0 || sequence.blocks.size() < blocks_for(first + count))
        throw Error("a row of the batch has no block for its position");
    for (int r = 0; r < count; ++r)
        if (rows[static_cast<std::size_t>(r)].position != first + r)
            throw Error("the rows of a sequence do not stand in order");
    if (plan.states.empty())
        return;
    if ((sequence.state == kNoState) != (first == 0))
        throw Error("a sequence of the batch does not say which states it goes on from");
    for (int before = 0; const BatchSequence::StateAfter& after : sequence.states_after) {
        if (after.rows <= before || after.rows > count)
            throw Error("a sequence of the batch keeps states of no row of its own");
        before = after.rows;
    }
}

} // namespace

void check_batch(const Batch& batch, const Plan& plan, const ObeyedDials& obeyed) {
    for (auto row = batch.rows.begin(); row != batch.rows.end();) {
        if (static_cast<std::size_t>(row->sequence) >= batch.sequences.size())
            throw Error("a row of the batch is of no sequence");
        const auto end = std::find_if(row, batch.rows.end(),
                                      [&](const BatchRow& other) { return other.sequence != row->sequence; });
        check_sequence(batch.sequences[static_cast<std::size_t>(row->sequence)], {row, end}, plan);
        row = end;
    }
    if (!std::ranges::is_partitioned(batch.rows, std::logical_not(), &BatchRow::prompt))
        throw Error("a row of the batch on the path for prompts stands before one that is not");
    const auto by_library = [](const BatchRow& row) { return row.prompt && !row.own_products; };
    if (!std::ranges::is_partitioned(batch.rows, std::not_fn(by_library)))
        throw Error("a row of the batch with a library's products stands before one without");
    const std::size_t mask_words = static_cast<std::size_t>(plan.routes) * expert_set_words(plan.experts);
    for (const std::vector<std::uint32_t>& mask : batch.off_masks)
        if (mask.size() != mask_words)
            throw Error("experts that the batch switches off are of another number than the plan's");
    for (const BatchRow& row : batch.rows) {
        if (row.drawn_by < 0 && (row.token < 0 || row.token >= plan.vocabulary))
            throw Error("the token " + std::to_string(row.token) + " is outside the vocabulary of " +
                        std::to_string(plan.vocabulary));
        check_wish(row, batch);
        check_dials(row.dials, obeyed);
        if (row.dials.off_mask >= std::ssize(batch.off_masks))
            throw Error("a row of the batch switches experts off and does not say which");
    }
}

} // namespace switchyard
