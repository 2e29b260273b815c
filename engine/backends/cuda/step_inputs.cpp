#include "engine/backends/cuda/step_inputs.h"

#include <algorithm>
#include <vector>

namespace switchyard::cuda {

namespace {

std::size_t aligned(std::size_t offset) { return (offset + 63) / 64 * 64; }

template <typename T>
T* part(std::byte* host, std::size_t offset) {
    return reinterpret_cast<T*>(host + offset);
}

/// Where each sequence's blocks begin in the step's table.
std::vector<std::int32_t> first_blocks_of(const Batch& batch) {
    std::vector<std::int32_t> first;
    std::int32_t blocks = 0;
    for (const BatchSequence& sequence : batch.sequences) {
        first.push_back(blocks);
        blocks += static_cast<std::int32_t>(sequence.blocks.size());
    }
    return first;
}

} // namespace

void StepInputs::want(const Room& room) {
    // A little more than now: a longer context should not move everything at each of its blocks.
    const auto grow = [](std::size_t& have, std::size_t wanted) {
        if (wanted > have)
            have = std::max(wanted, have * 2);
    };
    grow(room_.rows, room.rows);
    grow(room_.sequences, room.sequences);
    grow(room_.states, room.states);
    grow(room_.blocks, room.blocks);
    grow(room_.arrivals, room.arrivals);
    grow(room_.mask_words, room.mask_words);
    gather_ = aligned(room_.rows * sizeof(RowInput));
    sequences_ = aligned(gather_ + room_.rows * sizeof(std::int32_t));
    after_ = aligned(sequences_ + room_.sequences * sizeof(SequenceStates));
    arrivals_ = aligned(after_ + room_.states * sizeof(StateAfter));
    masks_ = aligned(arrivals_ + room_.arrivals * sizeof(std::uint32_t));
    blocks_ = aligned(masks_ + room_.mask_words * sizeof(std::uint32_t));
    memory_.want(blocks_ + room_.blocks * sizeof(KvBlockRef));
}

bool StepInputs::settle(DevicePool& pool) {
    const bool moved = memory_.settle(pool);
    for (HostBuffer& host : host_)
        host.reserve(memory_.bytes());
    return moved;
}

void StepInputs::find_decompressed(const Batch& batch) {
    decompressed_.clear();
    if (std::ranges::none_of(batch.rows, [&](const BatchRow& row) { return is_decompressed(row); }))
        return;
    const std::vector<std::int32_t> first_blocks = first_blocks_of(batch);
    const BatchRow* before = nullptr; // in that form
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
        const BatchRow& row = batch.rows[r];
        if (!is_decompressed(row)) {
            before = nullptr;
            continue;
        }
        if (!before || before->sequence != row.sequence)
            decompressed_.push_back(
                {static_cast<int>(r), 0, first_blocks[static_cast<std::size_t>(row.sequence)], 0});
        ++decompressed_.back().count;
        decompressed_.back().blocks = static_cast<int>(blocks_for(row.position + 1));
        before = &row;
    }
}

void StepInputs::write_rows(const StepWishes& wishes, int rows, std::byte* host) const {
    const Batch& batch = wishes.batch();
    const std::vector<std::int32_t> first_blocks = first_blocks_of(batch);
    auto* row = part<RowInput>(host, 0);
    for (const BatchRow& b : batch.rows)
        *row++ = {.token = std::max(b.token, 0), // below: not known yet
                  .position = b.position,
                  .first_block = first_blocks[static_cast<std::size_t>(b.sequence)],
                  .decompressed = is_decompressed(b),
                  .experts = b.dials.experts,
                  .gate_threshold = b.dials.gate_threshold,
                  .routing_mass = b.dials.routing_mass,
                  .pool = b.dials.pool,
                  .off_mask = b.dials.off_mask,
                  .window = b.dials.attention_window,
                  .prompt = b.prompt,
                  .in_long = batch.sequences[static_cast<std::size_t>(b.sequence)].long_text};
    auto* const end = part<RowInput>(host, 0) + rows;
    RowInput padding = {};
    padding.position = padding.off_mask = -1;
    padding.routing_mass = 1.0f;
    std::fill(row, end, padding);
    auto* gather = part<std::int32_t>(host, gather_);
    std::fill(std::ranges::copy(wishes.logit_rows(), gather).out, gather + rows, -1);
}

/// Block tables and states; where they end.
std::size_t StepInputs::write_sequences(const Batch& batch, const KvStore& kv, std::byte* host) const {
    auto* sequence = part<SequenceStates>(host, sequences_);
    auto* after = part<StateAfter>(host, after_);
    auto* block = part<KvBlockRef>(host, blocks_);
    std::int32_t kept = 0;
    for (std::size_t s = 0; s < batch.sequences.size(); ++s) {
        const BatchSequence& own = batch.sequences[s];
        for (const KvBlockId id : own.blocks)
            *block++ = kv.ref(id);
        const auto is_own = [&](const BatchRow& row) { return row.sequence == static_cast<std::int32_t>(s); };
        const auto first = std::ranges::find_if(batch.rows, is_own);
        *sequence++ = {.before = own.state == kNoState ? nullptr : kv.states(own.state),
                       .first_row = static_cast<std::int32_t>(first - batch.rows.begin()),
                       .rows = static_cast<std::int32_t>(std::ranges::count_if(batch.rows, is_own)),
                       .first_after = kept,
                       .after = static_cast<std::int32_t>(own.states_after.size())};
        for (const BatchSequence::StateAfter& one : own.states_after)
            *after++ = {kv.states(one.state), one.rows};
        kept += static_cast<std::int32_t>(own.states_after.size());
    }
    std::fill(sequence, part<SequenceStates>(host, sequences_) + room_.sequences, SequenceStates{});
    return static_cast<std::size_t>(reinterpret_cast<std::byte*>(block) - host);
}

void StepInputs::upload(const StepWishes& wishes, const KvStore& kv, int rows, int place, Stream& stream) {
    std::byte* host = host_[place].data();
    write_rows(wishes, rows, host);
    std::fill_n(part<std::uint32_t>(host, arrivals_), room_.arrivals, 0u);
    auto* masks = part<std::uint32_t>(host, masks_);
    for (const std::vector<std::uint32_t>& mask : wishes.batch().off_masks)
        masks = std::ranges::copy(mask, masks).out;
    const std::size_t end = write_sequences(wishes.batch(), kv, host);
    stream.copy_to_device(memory_.get<std::byte>(), host, end);
}

} // namespace switchyard::cuda
