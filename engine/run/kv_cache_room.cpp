// What a full cache does: blocks are dropped, or saved for who comes back; and who holds which of them.
#include "engine/run/kv_cache.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <algorithm>
#include <new>
#include <utility>

namespace switchyard {

// Making room for others.

bool KvCache::park(Sequence& sequence, bool recomputable) {
    std::size_t bytes = 0;
    cut_blocks(sequence, blocks_for(sequence.size())); // reserved, but not written
    for (const BlockPtr& block : sequence.blocks_)
        if (block->keepers == 0) // else another has counted it
            bytes += bytes_of(*block);
    const bool keeps = kept_ + bytes + sizes_.states <= options_.save_budget;
    if (!keeps && !recomputable)
        return false;
    std::vector<std::byte> states;
    if (keeps && sequence.states_.live())
        states = executor_.save_kv_block(sequence.states_.id);
    bytes += states.size();
    release_own_states(sequence);
    saved_ += states.size();
    sequence.states_.saved = std::move(states);
    sequence.state_ = Sequence::State::Parked;
    sequence.keeps_ = keeps;
    sequence.kept_bytes_ = keeps ? bytes : 0;
    kept_ += sequence.kept_bytes_;
    for (auto block = sequence.blocks_.rbegin(); block != sequence.blocks_.rend(); ++block) {
        (*block)->keepers += keeps;
        remove_user(**block);
    }
    return true;
}

void KvCache::resume(Sequence& sequence) {
    const int before = sequence.size();
    if (!sequence.keeps_) {
        cut_dead(sequence);
        cut_to_states(sequence);
        cut_blocks(sequence, blocks_for(sequence.size()));
    }
    for (const BlockPtr& block : sequence.blocks_)
        add_user(*block);
    try {
        for (const BlockPtr& block : sequence.blocks_)
            if (!block->live())
                load(block);
        load_states(sequence.states_);
        saved_ -= sequence.states_.saved.size();
        sequence.states_.saved = {};
    } catch (...) {
        for (auto block = sequence.blocks_.rbegin(); block != sequence.blocks_.rend(); ++block)
            remove_user(**block);
        throw;
    }
    for (const BlockPtr& block : sequence.blocks_)
        block->keepers -= sequence.keeps_;
    kept_ -= std::exchange(sequence.kept_bytes_, 0);
    sequence.state_ = Sequence::State::Computed;
    counters_.recomputed_tokens += static_cast<std::uint64_t>(before - sequence.size());
}

/// Frees one block that nobody computes with. False: there is none.
bool KvCache::free_oldest() {
    if (unused_.empty())
        return false;
    KvBlock& block = *unused_.front();
    if (block.keepers > 0) {
        save(block);
    } else {
        ++counters_.dropped_blocks;
        unload(block);
    }
    return true;
}

void KvCache::save(KvBlock& block) {
    std::vector<std::byte> states;
    if (block.states.live())
        states = executor_.save_kv_block(block.states.id);
    block.saved = executor_.save_kv_block(block.id);
    block.states.saved = std::move(states);
    saved_ += block.saved.size() + block.states.saved.size();
    ++counters_.saved_blocks;
    unload(block);
}

void KvCache::load(const BlockPtr& block) {
    const std::size_t bytes = executor_.kv_block_bytes(block->type);
    const KvBlockId id = allocate(bytes, [&] { return executor_.load_kv_block(block->type, block->saved); });
    used_ += bytes;
    in_use_ += bytes;
    try {
        load_states(block->states);
        in_use_blocks_.push_back(block);
    } catch (...) {
        release_states(block->states, true);
        executor_.release_kv_block(id);
        used_ -= bytes;
        in_use_ -= bytes;
        throw;
    }
    block->self = std::prev(in_use_blocks_.end());
    block->id = id;
    drop_saved(*block);
    ++counters_.loaded_blocks;
    add_to_index(block);
}

void KvCache::drop_saved(KvBlock& block) noexcept {
    saved_ -= block.saved.size() + block.states.saved.size();
    block.saved = {};
    block.states.saved = {};
}

/// Takes a block's contents from the executor.
void KvCache::unload(KvBlock& block) noexcept {
    const std::size_t bytes = executor_.kv_block_bytes(block.type);
    used_ -= bytes;
    if (block.users > 0)
        in_use_ -= bytes;
    release_states(block.states, block.users > 0);
    remove_from_index(block);
    executor_.release_kv_block(std::exchange(block.id, -1));
    (block.users > 0 ? in_use_blocks_ : unused_).erase(block.self); // last: it may be the block's end
}

void KvCache::make_room(std::size_t bytes) {
    while (used_ + bytes > options_.budget)
        if (!free_oldest())
            no_room(in_use_ + bytes);
}

std::size_t KvCache::bytes_for(const Sequence& sequence, int count, BlockType type) const {
    const std::size_t wanted = blocks_for(sequence.size() + count), there = sequence.blocks_.size();
    std::size_t bytes = wanted <= there ? 0 : (wanted - there) * executor_.kv_block_bytes(type);
    if (keeps_states()) {
        const std::size_t states = sizes_.most_states(wanted), kept = states_of(sequence);
        bytes += states <= kept ? 0 : (states - kept) * sizes_.states;
    }
    return bytes;
}

std::size_t KvCache::bytes_of(const KvBlock& block) const {
    return executor_.kv_block_bytes(block.type) + (block.states.there() ? sizes_.states : 0);
}

std::size_t KvCache::bytes_of(const Sequence& sequence) const {
    std::size_t bytes = (sequence.states_.there() ? sizes_.states : 0);
    bytes += sequence.pending_states_.size() * sizes_.states;
    for (const BlockPtr& block : sequence.blocks_)
        bytes += bytes_of(*block);
    return bytes;
}

void KvCache::check_possible(const Sequence& sequence, int count, BlockType type) const {
    const std::size_t needed = bytes_of(sequence) + bytes_for(sequence, count, type);
    if (needed > options_.budget)
        no_room(needed);
}

void KvCache::no_room(std::size_t needed) const {
    throw Error("the KV cache needs " + format_bytes(needed) + " for the answers under way, " +
                format_bytes(options_.budget) +
                " are allowed: end another answer or choose Q8_0 or Q4_0 for the KV cache");
}

// Who holds what.

void KvCache::cut_blocks(Sequence& sequence, std::size_t count) noexcept {
    while (sequence.blocks_.size() > count) {
        let_go(sequence.blocks_.back(), sequence.state_ == Sequence::State::Computed,
               sequence.state_ == Sequence::State::Parked && sequence.keeps_);
        sequence.blocks_.pop_back();
    }
}

/// Of a sequence that nobody computes: what was dropped, and what stands behind it.
void KvCache::cut_dead(Sequence& sequence) noexcept {
    const auto dead =
        std::ranges::find_if(sequence.blocks_, [](const BlockPtr& block) { return !block->live(); });
    if (dead == sequence.blocks_.end())
        return;
    const auto count = static_cast<std::size_t>(dead - sequence.blocks_.begin());
    sequence.tokens_.resize(count * kKvBlockTokens);
    cut_blocks(sequence, count);
}

void KvCache::let_go(const BlockPtr& block, bool used, bool kept) noexcept {
    --block->holders;
    block->keepers -= kept;
    if (block->keepers == 0)
        drop_saved(*block);
    if (used)
        remove_user(*block);
    if (block->holders == 0 && block->live() && !block->anonymous)
        unload(*block);
}

void KvCache::add_user(KvBlock& block) noexcept {
    if (block.users++ > 0 || !block.live())
        return;
    in_use_ += bytes_of(block);
    in_use_blocks_.splice(in_use_blocks_.end(), unused_, block.self);
}

void KvCache::remove_user(KvBlock& block) noexcept {
    if (--block.users > 0 || !block.live())
        return;
    in_use_ -= bytes_of(block);
    unused_.splice(unused_.end(), in_use_blocks_, block.self);
}

// The index.

/// Where there is no memory for it, it is not shared.
void KvCache::add_to_index(const BlockPtr& block) noexcept {
    if (block->indexed)
        return;
    try {
        children_[block->chain].push_back(block);
        block->indexed = true;
    } catch (const std::bad_alloc&) {
        return;
    }
}

void KvCache::remove_from_index(KvBlock& block) noexcept {
    if (!std::exchange(block.indexed, false))
        return;
    const auto children = children_.find(block.chain);
    std::erase_if(children->second, [&](const BlockPtr& child) { return child.get() == &block; });
    if (children->second.empty())
        children_.erase(children);
}

} // namespace switchyard
