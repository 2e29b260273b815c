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

} // namespace

// Sequences.

BatchSequence KvCache::Sequence::batch_sequence(int ahead) const {
    BatchSequence sequence;
    sequence.blocks.reserve(blocks_.size());
    for (const auto& block : blocks_)
        sequence.blocks.push_back(block->id);
    const int from = size() + ahead;
    if (ahead == 0)
        sequence.state = states_now();
    for (const auto& [at, states] : pending_states_)
        if (at == from && ahead > 0)
            sequence.state = states.id;
        else if (at > from)
            sequence.states_after.push_back({at - from, states.id});
    return sequence;
}

/// Of an empty one, and where a plan has none: kNoState.
KvBlockId KvCache::Sequence::states_now() const {
    if (states_.live())
        return states_.id;
    return size() > 0 && size() % kKvBlockTokens == 0
               ? blocks_[static_cast<std::size_t>(size() / kKvBlockTokens) - 1]->states.id
               : kNoState;
}

std::optional<bool> KvCache::Sequence::long_text() const {
    return tokens_.empty() ? std::nullopt : std::optional(blocks_.front()->writer_of(0).long_text);
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
        ContextSpan span{end - at,           dials.experts, block.type,    *dials.weights,
                         dials.decompressed, dials.prompt,  dials.library, dials.activation_bits};
        ContextSpan* last = result.empty() ? nullptr : &result.back();
        if (last && last->written_like(span))
            last->tokens += span.tokens;
        else
            result.push_back(std::move(span));
        at = end;
    }
    return result;
}

KvCache::KvCache(Executor& executor, KvCacheOptions options)
    : executor_(executor), options_(options), sizes_(sequence_bytes(executor, BlockType::F16)) {}

KvCache::~KvCache() {
    for (const SequencePtr& sequence : sequences_)
        release_own_states(*sequence);
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
    cut_to_states(match);
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
    cut_to_states(match);
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
    release_own_states(sequence);
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
        mine = make_block(
            allocate(executor_.kv_block_bytes(last->type), [&] { return executor_.clone_kv_block(source); }),
            last->type);
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

void KvCache::reserve(Sequence& sequence, RowsToCome rows, BlockType type) {
    own_last(sequence);
    const std::size_t wanted = blocks_for(sequence.size() + rows.ahead + rows.count);
    sequence.blocks_.reserve(grown(sequence.blocks_.capacity(), wanted));
    while (sequence.blocks_.size() < wanted)
        sequence.blocks_.push_back(make_block(
            allocate(executor_.kv_block_bytes(type), [&] { return executor_.allocate_kv_block(type); }),
            type));
    if (keeps_states())
        reserve_states(sequence, rows);
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
    if (keeps_states())
        take_states(sequence);
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
    release_own_states(sequence);
    cut_to_states(sequence);
    cut_blocks(sequence, blocks_for(sequence.size()));
}

// Ends.

void KvCache::close(const SequencePtr& sequence, bool keep) {
    release_own_states(*sequence); // whoever goes on begins where a block keeps them
    if (keep && sequence->state_ == Sequence::State::Computed)
        cut_to_states(*sequence);
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

} // namespace switchyard
