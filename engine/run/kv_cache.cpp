#include "engine/run/kv_cache.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <algorithm>
#include <new>
#include <utility>

namespace switchyard {
namespace {

/// A capacity that holds `size`, in steps that grow.
std::size_t grown(std::size_t capacity, std::size_t size) {
    return size <= capacity ? capacity : std::max(size, 2 * capacity);
}

std::size_t blocks_for(int tokens) {
    return static_cast<std::size_t>((tokens + kKvBlockTokens - 1) / kKvBlockTokens);
}

} // namespace

// Sequences.

BatchSequence KvCache::Sequence::batch_sequence() const {
    BatchSequence sequence;
    sequence.blocks.reserve(blocks_.size());
    for (const auto& block : blocks_)
        sequence.blocks.push_back(block->id);
    return sequence;
}

std::vector<ContextSpan> KvCache::Sequence::spans(int count) const {
    std::vector<ContextSpan> result;
    for (int at = 0; at < count;) {
        const int first = at / kKvBlockTokens * kKvBlockTokens;
        const KvBlock& block = *blocks_[static_cast<std::size_t>(at / kKvBlockTokens)];
        int end = std::min(count, first + kKvBlockTokens);
        for (const KvBlock::Writer& writer : block.writers)
            if (first + writer.from > at)
                end = std::min(end, first + writer.from);
        const CacheDials& dials = block.writer_of(at - first);
        ContextSpan span{end - at, dials.experts, block.type, *dials.weights, dials.decompressed};
        ContextSpan* last = result.empty() ? nullptr : &result.back();
        if (last && last->written_like(span))
            last->tokens += span.tokens;
        else
            result.push_back(std::move(span));
        at = end;
    }
    return result;
}

KvCache::KvCache(Executor& executor, KvCacheOptions options) : executor_(executor), options_(options) {}

KvCache::~KvCache() {
    for (auto* list : {&in_use_blocks_, &unused_})
        while (!list->empty())
            unload(*list->front());
}

// Reuse.

/// Goes on from what is matched, whose blocks are full.
KvCache::Match KvCache::match_chain(Match match, std::span<const std::int32_t> prompt,
                                    const CacheDials& dials, BlockType type) const {
    std::uint64_t chain = options_.root, before = 0;
    if (!match.blocks.empty()) {
        chain = match.blocks.back()->hash();
        before = match.blocks.back()->serial;
    }
    const int most = static_cast<int>(prompt.size()) - 1;
    while (match.tokens < most) {
        const auto children = children_.find(chain);
        if (children == children_.end())
            break;
        const auto wanted = prompt.subspan(static_cast<std::size_t>(match.tokens),
                                           static_cast<std::size_t>(most - match.tokens));
        const BlockPtr* best = nullptr;
        int common = 0;
        for (const BlockPtr& child : children->second)
            if (child->before == before && child->type == type)
                if (const int count = child->common(wanted, dials); count > common) {
                    best = &child;
                    common = count;
                }
        if (!best)
            break;
        match.blocks.push_back(*best);
        match.tokens += common;
        if (common < kKvBlockTokens)
            break;
        chain = (*best)->hash();
        before = (*best)->serial;
    }
    return match;
}

/// The longest prefix among the conversation's own; of equal ones the later: it was used last. `whole`: the
/// sequence that does nothing but go on.
KvCache::Match KvCache::match_own(std::uint64_t conversation, std::span<const std::int32_t> prompt,
                                  SequencePtr& whole) {
    Match match;
    if (conversation == 0)
        return match;
    SequencePtr best;
    for (const SequencePtr& sequence : sequences_) {
        if (sequence->conversation_ != conversation || sequence->state_ == Sequence::State::Parked)
            continue;
        if (sequence->state_ == Sequence::State::Idle)
            cut_dead(*sequence);
        const auto parting = std::ranges::mismatch(sequence->tokens_, prompt.first(prompt.size() - 1)).in1;
        const int common = static_cast<int>(parting - sequence->tokens_.begin());
        if (common > 0 && common >= match.tokens) {
            match.tokens = common;
            best = sequence;
        }
    }
    if (!best)
        return match;
    match.blocks.assign(best->blocks_.begin(),
                        best->blocks_.begin() + static_cast<std::ptrdiff_t>(blocks_for(match.tokens)));
    if (best->state_ == Sequence::State::Idle && match.tokens == best->size())
        whole = best;
    return match;
}

void KvCache::take(Sequence& sequence, const Match& match, std::span<const std::int32_t> prompt) {
    sequence.tokens_.assign(prompt.begin(), prompt.begin() + match.tokens);
    sequence.blocks_.reserve(match.blocks.size());
    for (std::size_t b = sequence.blocks_.size(); b < match.blocks.size(); ++b) {
        ++match.blocks[b]->holders;
        add_user(*match.blocks[b]);
        sequence.blocks_.push_back(match.blocks[b]);
    }
}

KvCache::SequencePtr KvCache::open(std::uint64_t conversation, std::span<const std::int32_t> prompt,
                                   const CacheDials& dials, BlockType type, CacheReuse reuse) {
    Match match;
    SequencePtr whole;
    if (reuse != CacheReuse::None) {
        if (reuse == CacheReuse::Chat)
            match = match_own(conversation, prompt, whole);
        Match others = match_chain({}, prompt, dials, type);
        if (others.tokens > match.tokens) {
            match = std::move(others);
            whole.reset();
        }
    }
    // A conversation that just goes on keeps its sequence; everything else branches off a shared prefix.
    if (whole) {
        for (const BlockPtr& block : whole->blocks_)
            add_user(*block);
        whole->state_ = Sequence::State::Computed;
        sequences_.splice(sequences_.end(), sequences_, std::ranges::find(sequences_, whole));
    } else {
        whole = std::make_shared<Sequence>();
        whole->conversation_ = conversation;
        sequences_.push_back(whole);
        try {
            take(*whole, match, prompt);
        } catch (...) {
            close(whole, false);
            throw;
        }
    }
    counters_.shared_tokens += static_cast<std::uint64_t>(match.tokens);
    return whole;
}

int KvCache::extend(Sequence& sequence, std::span<const std::int32_t> prompt, const CacheDials& dials,
                    BlockType type) {
    const int before = sequence.size();
    const std::size_t full = static_cast<std::size_t>(before / kKvBlockTokens);
    Match match{{sequence.blocks_.begin(), sequence.blocks_.begin() + static_cast<std::ptrdiff_t>(full)},
                static_cast<int>(full) * kKvBlockTokens};
    match = match_chain(std::move(match), prompt, dials, type);
    if (match.tokens <= before)
        return 0;
    sequence.blocks_.reserve(match.blocks.size()); // nothing fails from here on
    sequence.tokens_.reserve(static_cast<std::size_t>(match.tokens));
    for (const BlockPtr& block : match.blocks)
        ++block->holders; // while the sequence lets go of its own
    cut_blocks(sequence, full);
    take(sequence, match, prompt);
    for (const BlockPtr& block : match.blocks)
        --block->holders;
    counters_.shared_tokens += static_cast<std::uint64_t>(match.tokens - before);
    return match.tokens - before;
}

// Growing.

/// The block that is written next must be nobody else's, and end where the sequence does.
void KvCache::own_last(Sequence& sequence) {
    const std::size_t tokens = static_cast<std::size_t>(sequence.size() % kKvBlockTokens);
    if (tokens == 0)
        return;
    BlockPtr& last = sequence.blocks_[static_cast<std::size_t>(sequence.size() / kKvBlockTokens)];
    if (last->users == 1 && last->tokens.size() == tokens)
        return;
    BlockPtr mine = last;
    if (last->holders > 1 || last->full()) {
        const KvBlockId source = last->id;
        auto writers = last->writers;
        mine = make_block(allocate(last->type, [&] { return executor_.clone_kv_block(source); }), last->type);
        mine->chain = last->chain;
        mine->before = last->before;
        mine->tokens.assign(last->tokens.begin(), last->tokens.end());
        mine->writers = std::move(writers);
    }
    mine->tokens.resize(tokens);
    std::erase_if(mine->writers,
                  [&](const KvBlock::Writer& writer) { return writer.from >= static_cast<int>(tokens); });
    if (mine != last) {
        let_go(last, true, false);
        last = std::move(mine);
    }
}

void KvCache::reserve(Sequence& sequence, int count, BlockType type) {
    own_last(sequence);
    const std::size_t wanted = blocks_for(sequence.size() + count);
    sequence.blocks_.reserve(grown(sequence.blocks_.capacity(), wanted));
    while (sequence.blocks_.size() < wanted)
        sequence.blocks_.push_back(
            make_block(allocate(type, [&] { return executor_.allocate_kv_block(type); }), type));
}

template <typename Allocate>
KvBlockId KvCache::allocate(BlockType type, Allocate&& allocate_id) {
    make_room(executor_.kv_block_bytes(type));
    for (;;) {
        try {
            return allocate_id();
        } catch (const Error&) {
            if (!free_oldest())
                throw;
        }
    }
}

/// For one user.
KvCache::BlockPtr KvCache::make_block(KvBlockId id, BlockType type) {
    try {
        auto block = std::make_shared<KvBlock>();
        block->type = type;
        block->serial = ++last_serial_;
        block->tokens.reserve(kKvBlockTokens);
        in_use_blocks_.push_back(block);
        block->self = std::prev(in_use_blocks_.end());
        block->id = id;
        block->holders = block->users = 1;
        used_ += executor_.kv_block_bytes(type);
        in_use_ += executor_.kv_block_bytes(type);
        return block;
    } catch (...) {
        executor_.release_kv_block(id);
        throw;
    }
}

/// Where a block that gets its first token stands in the chain: behind a full one.
void KvCache::link(const Sequence& sequence, std::size_t index, std::uint64_t root) noexcept {
    KvBlock& block = *sequence.blocks_[index];
    block.chain = index == 0 ? root : sequence.blocks_[index - 1]->hash();
    block.before = index == 0 ? 0 : sequence.blocks_[index - 1]->serial;
}

void KvCache::commit(Sequence& sequence, std::span<const std::int32_t> tokens, const CacheDials& dials) {
    if (tokens.empty())
        return;
    const std::size_t begin = static_cast<std::size_t>(sequence.size()) / kKvBlockTokens,
                      end = blocks_for(sequence.size() + static_cast<int>(tokens.size()));
    // All that needs memory first.
    sequence.tokens_.reserve(grown(sequence.tokens_.capacity(), sequence.tokens_.size() + tokens.size()));
    for (std::size_t b = begin; b < end; ++b)
        sequence.blocks_[b]->writers.reserve(sequence.blocks_[b]->writers.size() + 1);
    for (const std::int32_t token : tokens) {
        const std::size_t index = sequence.tokens_.size() / kKvBlockTokens;
        KvBlock& block = *sequence.blocks_[index];
        if (block.tokens.empty())
            link(sequence, index, options_.root);
        if (block.writers.empty() || !block.writers.back().dials.same(dials))
            block.writers.push_back({static_cast<int>(block.tokens.size()), dials});
        block.tokens.push_back(token);
        sequence.tokens_.push_back(token);
        if (block.full())
            join_equal(sequence, index);
    }
    for (std::size_t b = begin; b < end; ++b)
        add_to_index(sequence.blocks_[b]);
}

/// Where somebody else has computed the same meanwhile, one of both is enough.
void KvCache::join_equal(Sequence& sequence, std::size_t index) noexcept {
    BlockPtr& block = sequence.blocks_[index];
    const auto children = children_.find(block->chain);
    if (!options_.invariant || children == children_.end())
        return;
    const auto equal = std::ranges::find_if(
        children->second, [&](const BlockPtr& other) { return other != block && other->equals(*block); });
    if (equal == children->second.end())
        return;
    const BlockPtr theirs = *equal;
    ++theirs->holders;
    add_user(*theirs);
    let_go(std::exchange(block, theirs), true, false);
    ++counters_.joined_blocks;
}

void KvCache::roll_back(Sequence& sequence, int size) {
    if (size >= sequence.size())
        return;
    sequence.tokens_.resize(static_cast<std::size_t>(size));
    cut_blocks(sequence, blocks_for(size));
}

// Making room for others.

bool KvCache::park(Sequence& sequence, bool recomputable) {
    std::size_t bytes = 0;
    cut_blocks(sequence, blocks_for(sequence.size())); // reserved, but not written
    for (const BlockPtr& block : sequence.blocks_)
        if (block->keepers == 0) // else another has counted it
            bytes += executor_.kv_block_bytes(block->type);
    const bool keeps = kept_ + bytes <= options_.save_budget;
    if (!keeps && !recomputable)
        return false;
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
    if (!sequence.keeps_)
        cut_dead(sequence);
    for (const BlockPtr& block : sequence.blocks_)
        add_user(*block);
    try {
        for (const BlockPtr& block : sequence.blocks_)
            if (!block->live())
                load(block);
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
    block.saved = executor_.save_kv_block(block.id);
    saved_ += block.saved.size();
    ++counters_.saved_blocks;
    unload(block);
}

void KvCache::load(const BlockPtr& block) {
    const KvBlockId id =
        allocate(block->type, [&] { return executor_.load_kv_block(block->type, block->saved); });
    try {
        in_use_blocks_.push_back(block);
    } catch (...) {
        executor_.release_kv_block(id);
        throw;
    }
    block->self = std::prev(in_use_blocks_.end());
    block->id = id;
    used_ += executor_.kv_block_bytes(block->type);
    in_use_ += executor_.kv_block_bytes(block->type);
    drop_saved(*block);
    ++counters_.loaded_blocks;
    add_to_index(block);
}

void KvCache::drop_saved(KvBlock& block) noexcept {
    saved_ -= block.saved.size();
    block.saved = {};
}

/// Takes a block's contents from the executor.
void KvCache::unload(KvBlock& block) noexcept {
    const std::size_t bytes = executor_.kv_block_bytes(block.type);
    used_ -= bytes;
    if (block.users > 0)
        in_use_ -= bytes;
    remove_from_index(block);
    executor_.release_kv_block(std::exchange(block.id, -1));
    (block.users > 0 ? in_use_blocks_ : unused_).erase(block.self); // last: it may be the block's end
}

void KvCache::make_room(std::size_t bytes) {
    while (used_ + bytes > options_.budget)
        if (!free_oldest())
            no_room(in_use_ + bytes);
}

// Ends.

void KvCache::close(const SequencePtr& sequence, bool keep) {
    drop_needless(*sequence);
    if (sequence->state_ == Sequence::State::Parked) { // what is saved is not brought back for later prompts
        cut_blocks(*sequence, 0);
        kept_ -= std::exchange(sequence->kept_bytes_, 0);
        sequence->tokens_.clear();
    } else if (!keep || sequence->forgotten_) {
        cut_blocks(*sequence, 0);
        sequence->tokens_.clear();
    } else if (sequence->conversation_ == 0) { // found by its contents alone
        cut_blocks(*sequence, blocks_for(sequence->size()));
        for (; !sequence->blocks_.empty(); sequence->blocks_.pop_back()) {
            --sequence->blocks_.back()->holders;
            sequence->blocks_.back()->anonymous = true;
            remove_user(*sequence->blocks_.back());
        }
    } else {
        cut_blocks(*sequence, blocks_for(sequence->size())); // reserved, but not written
        for (auto block = sequence->blocks_.rbegin(); block != sequence->blocks_.rend(); ++block)
            remove_user(**block);
    }
    sequence->state_ = Sequence::State::Idle;
    const auto at = std::ranges::find(sequences_, sequence);
    if (at == sequences_.end())
        return;
    if (sequence->blocks_.empty())
        sequences_.erase(at);
    else
        sequences_.splice(sequences_.end(), sequences_, at);
}

void KvCache::forget(std::uint64_t conversation) {
    std::erase_if(sequences_, [&](const SequencePtr& sequence) {
        if (sequence->conversation_ != conversation)
            return false;
        sequence->forgotten_ = true;
        if (sequence->state_ != Sequence::State::Idle)
            return false;
        cut_blocks(*sequence, 0);
        return true;
    });
}

/// Idle sequences of which nothing is left, or whose tokens are the beginning of `newer`'s.
void KvCache::drop_needless(const Sequence& newer) noexcept {
    std::erase_if(sequences_, [&](const SequencePtr& other) {
        if (other->state_ != Sequence::State::Idle || other.get() == &newer)
            return false;
        if (!other->blocks_.empty() && !other->blocks_.back()->live())
            cut_dead(*other);
        const std::size_t count = other->blocks_.size();
        const bool contained = count > 0 && other->conversation_ == newer.conversation_ &&
                               other->size() <= newer.size() && count <= newer.blocks_.size() &&
                               other->blocks_.back() == newer.blocks_[count - 1];
        if (contained)
            cut_blocks(*other, 0);
        return contained || count == 0;
    });
}

std::size_t KvCache::bytes_for(const Sequence& sequence, int count, BlockType type) const {
    const std::size_t wanted = blocks_for(sequence.size() + count);
    return wanted <= sequence.blocks_.size()
               ? 0
               : (wanted - sequence.blocks_.size()) * executor_.kv_block_bytes(type);
}

std::size_t KvCache::bytes_of(const Sequence& sequence) const {
    std::size_t bytes = 0;
    for (const BlockPtr& block : sequence.blocks_)
        bytes += executor_.kv_block_bytes(block->type);
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
                " are allowed: end another answer or choose Q8_0 for the KV cache");
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
    in_use_ += executor_.kv_block_bytes(block.type);
    in_use_blocks_.splice(in_use_blocks_.end(), unused_, block.self);
}

void KvCache::remove_user(KvBlock& block) noexcept {
    if (--block.users > 0 || !block.live())
        return;
    in_use_ -= executor_.kv_block_bytes(block.type);
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
