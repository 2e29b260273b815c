// The states of layers that remember a fixed size: a sequence has those at its end, and some blocks keep
// those at theirs, so that others go on from there, and it goes back to there.
#include "engine/run/kv_cache.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace switchyard {

namespace {

/// Of a sequence under way: read, written by two steps, and those of the last block.
constexpr std::size_t kUnderWay = 4;

} // namespace

std::size_t SequenceBytes::most_states(std::size_t blocks) const { return blocks / spacing + kUnderWay; }

std::size_t SequenceBytes::of(int tokens) const {
    const std::size_t blocks = blocks_for(std::max(tokens, 0));
    return blocks * block + (states > 0 && blocks > 0 ? most_states(blocks) * states : 0);
}

/// States are kept by as many blocks as take what these take, but for no more than half a thousand tokens.
SequenceBytes KvCache::sequence_bytes(const Executor& executor, BlockType type) {
    constexpr std::size_t kMost = 16;
    const std::size_t block = std::max<std::size_t>(executor.kv_block_bytes(BlockType::F16), 1),
                      states = executor.state_bytes();
    return {executor.kv_block_bytes(type), states,
            std::clamp<std::size_t>((states + block - 1) / block, 1, kMost)};
}

/// Of those that most_states() counts.
std::size_t KvCache::states_of(const Sequence& sequence) const {
    std::size_t spaced = 0, others = (sequence.states_.there() ? 1 : 0) + sequence.pending_states_.size();
    for (std::size_t b = 0; b < sequence.blocks_.size(); ++b)
        if (sequence.blocks_[b]->states.there())
            ++((b + 1) % sizes_.spacing == 0 ? spaced : others);
    return spaced + std::min(others, kUnderWay);
}

// Memory.

LayerStates KvCache::allocate_states() {
    LayerStates states;
    states.id = allocate(sizes_.states, [&] { return executor_.allocate_state(); });
    used_ += sizes_.states;
    in_use_ += sizes_.states;
    return states;
}

/// What is saved comes back, for who computes with it; the copy is the caller's to drop.
void KvCache::load_states(LayerStates& states) {
    if (states.live() || states.saved.empty())
        return;
    states.id = allocate(sizes_.states, [&] { return executor_.load_state(states.saved); });
    used_ += sizes_.states;
    in_use_ += sizes_.states;
}

void KvCache::release_states(LayerStates& states, bool used) noexcept {
    if (!states.live())
        return;
    executor_.release_kv_block(std::exchange(states.id, kNoState));
    used_ -= sizes_.states;
    in_use_ -= used ? sizes_.states : 0;
}

/// A sequence's, but for those that its blocks keep.
void KvCache::release_own_states(Sequence& sequence) noexcept {
    release_states(sequence.states_, true);
    saved_ -= sequence.states_.saved.size();
    sequence.states_.saved = {};
    for (auto& [at, states] : sequence.pending_states_)
        release_states(states, true);
    sequence.pending_states_.clear();
}

// Going back.

void KvCache::cut_to_states(Match& match) const {
    if (!keeps_states())
        return;
    match.blocks.resize(static_cast<std::size_t>(match.tokens / kKvBlockTokens));
    while (!match.blocks.empty() && !match.blocks.back()->states.live())
        match.blocks.pop_back();
    match.tokens = static_cast<int>(match.blocks.size()) * kKvBlockTokens;
}

/// Shortens its tokens; the blocks behind them stay for the caller to cut.
void KvCache::cut_to_states(Sequence& sequence) noexcept {
    if (!keeps_states())
        return;
    auto blocks = static_cast<std::size_t>(sequence.size() / kKvBlockTokens);
    while (blocks > 0 && !sequence.blocks_[blocks - 1]->states.live())
        --blocks;
    sequence.tokens_.resize(blocks * kKvBlockTokens);
}

// Growing.

/// For what a step writes: the states behind its last row, those that blocks keep, and where its rows are
/// drafts, all.
void KvCache::reserve_states(Sequence& sequence, const RowsToCome& rows) {
    auto& pending = sequence.pending_states_;
    const int from = sequence.size() + rows.ahead, end = from + rows.count;
    while (!pending.empty() && pending.back().first > from) { // of a step that was not computed
        release_states(pending.back().second, true);
        pending.pop_back();
    }
    if (rows.ahead == 0 && from > 0 && sequence.states_now() == kNoState)
        throw std::logic_error("a sequence has lost its states");
    const int spaced = static_cast<int>(sizes_.spacing) * kKvBlockTokens,
              last_boundary = end / kKvBlockTokens * kKvBlockTokens;
    for (int at = from + 1; at <= end; ++at)
        if (rows.drafted || at == end || at == last_boundary || at % spaced == 0) {
            pending.reserve(pending.size() + 1);
            pending.emplace_back(at, allocate_states());
        }
}

/// What the step that is committed has written.
void KvCache::take_states(Sequence& sequence) noexcept {
    const int size = sequence.size();
    release_states(sequence.states_, true);
    auto& pending = sequence.pending_states_;
    auto taken = pending.begin();
    for (; taken != pending.end() && taken->first <= size; ++taken) {
        auto& [at, states] = *taken;
        const bool boundary = at % kKvBlockTokens == 0;
        const std::size_t index = static_cast<std::size_t>(at / kKvBlockTokens) - boundary;
        if (boundary && !sequence.blocks_[index]->states.there()) {
            sequence.blocks_[index]->states.id = std::exchange(states.id, kNoState);
            thin_states(sequence, index);
        } else if (!boundary && at == size) {
            sequence.states_.id = std::exchange(states.id, kNoState);
        }
        release_states(states, true);
    }
    pending.erase(pending.begin(), taken);
}

/// Between those that are kept for good only the newest stays.
void KvCache::thin_states(Sequence& sequence, std::size_t newest) noexcept {
    for (std::size_t index = newest; index-- > 0 && (index + 1) % sizes_.spacing != 0;) {
        KvBlock& block = *sequence.blocks_[index];
        if (block.holders == 1)
            release_states(block.states, true);
    }
}

} // namespace switchyard
