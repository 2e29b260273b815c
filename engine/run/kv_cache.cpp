#include "engine/run/kv_cache.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <algorithm>

namespace switchyard {

/// Released when the last sequence that holds it lets go.
struct KvCache::Block {
    Block(Executor& executor_, KvBlockId id_, BlockType type_, std::shared_ptr<std::size_t> used_)
        : executor(executor_), id(id_), type(type_), used(std::move(used_)) {
        *used += executor.kv_block_bytes(type);
    }
    ~Block() {
        *used -= executor.kv_block_bytes(type);
        executor.release_kv_block(id);
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    Executor& executor;
    KvBlockId id;
    BlockType type;
    std::shared_ptr<std::size_t> used;
};

namespace {

/// A capacity that holds `size`, in steps that grow.
std::size_t grown(std::size_t capacity, std::size_t size) {
    return size <= capacity ? capacity : std::max(size, 2 * capacity);
}

std::size_t blocks_for(int tokens) {
    return static_cast<std::size_t>((tokens + kKvBlockTokens - 1) / kKvBlockTokens);
}

} // namespace

BatchSequence KvCache::Sequence::batch_sequence() const {
    BatchSequence sequence;
    sequence.blocks.reserve(blocks_.size());
    for (const auto& block : blocks_)
        sequence.blocks.push_back(block->id);
    return sequence;
}

std::vector<ContextSpan> KvCache::Sequence::spans(int count) const {
    std::vector<ContextSpan> result;
    for (std::size_t s = 0; s < spans_.size() && spans_[s].start < count; ++s) {
        const int end = s + 1 < spans_.size() ? std::min(spans_[s + 1].start, count) : count;
        for (int at = spans_[s].start; at < end;) {
            const int block = at / kKvBlockTokens;
            const int next = std::min(end, (block + 1) * kKvBlockTokens);
            ContextSpan span{next - at, spans_[s].dials.experts,
                             blocks_[static_cast<std::size_t>(block)]->type, *spans_[s].dials.weights,
                             spans_[s].dials.decompressed};
            ContextSpan* last = result.empty() ? nullptr : &result.back();
            if (last && last->experts_active == span.experts_active && last->kv == span.kv &&
                last->weights == span.weights && last->decompressed == span.decompressed)
                last->tokens += span.tokens;
            else
                result.push_back(std::move(span));
            at = next;
        }
    }
    return result;
}

KvCache::KvCache(Executor& executor, std::size_t budget) : executor_(executor), budget_(budget) {}

int KvCache::usable_prefix(const Sequence& sequence, std::uint64_t conversation,
                           std::span<const std::int32_t> prompt, const CacheDials& dials, BlockType type,
                           CacheReuse reuse) const {
    const int most = std::min(sequence.size(), static_cast<int>(prompt.size()) - 1);
    int common = 0;
    while (common < most &&
           sequence.tokens_[static_cast<std::size_t>(common)] == prompt[static_cast<std::size_t>(common)])
        ++common;
    if (reuse == CacheReuse::Chat && conversation != 0 && sequence.conversation_ == conversation)
        return common;
    for (const Sequence::Span& span : sequence.spans_)
        if (span.start < common && !span.dials.same(dials))
            common = span.start;
    for (std::size_t block = 0; block < blocks_for(common); ++block)
        if (sequence.blocks_[block]->type != type)
            common = static_cast<int>(block) * kKvBlockTokens;
    return std::max(common, 0);
}

KvCache::SequencePtr KvCache::open(std::uint64_t conversation, std::span<const std::int32_t> prompt,
                                   const CacheDials& dials, BlockType type, CacheReuse reuse) {
    SequencePtr best;
    int kept = 0;
    if (reuse != CacheReuse::None)
        for (const SequencePtr& candidate : sequences_) {
            const int prefix = usable_prefix(*candidate, conversation, prompt, dials, type, reuse);
            // Of equal prefixes the later one: it was used last.
            if (prefix > 0 && prefix >= kept) {
                kept = prefix;
                best = candidate;
            }
        }
    // A conversation that just goes on keeps its sequence; everything else branches off a shared prefix.
    if (best && best->idle_ && best->conversation_ == conversation && conversation != 0 &&
        kept == best->size()) {
        move_to_back(best);
    } else {
        auto branch = std::make_shared<Sequence>();
        branch->conversation_ = conversation;
        if (best) {
            branch->tokens_.assign(prompt.begin(), prompt.begin() + kept);
            branch->blocks_.assign(best->blocks_.begin(),
                                   best->blocks_.begin() + static_cast<std::ptrdiff_t>(blocks_for(kept)));
            for (const Sequence::Span& span : best->spans_)
                if (span.start < kept)
                    branch->spans_.push_back(span);
        }
        best = std::move(branch);
        sequences_.push_back(best);
    }
    best->idle_ = false;
    return best;
}

void KvCache::reserve(Sequence& sequence, int count, BlockType type) {
    const int begin = sequence.size();
    // The block that is written next must be nobody else's.
    if (begin % kKvBlockTokens != 0) {
        std::shared_ptr<Block>& last = sequence.blocks_[static_cast<std::size_t>(begin / kKvBlockTokens)];
        if (last.use_count() > 1) {
            const KvBlockId source = last->id;
            last = allocate(last->type, [&] { return executor_.clone_kv_block(source); });
        }
    }
    const std::size_t wanted = blocks_for(begin + count);
    while (sequence.blocks_.size() < wanted)
        sequence.blocks_.push_back(allocate(type, [&] { return executor_.allocate_kv_block(type); }));
}

template <typename Allocate>
std::shared_ptr<KvCache::Block> KvCache::allocate(BlockType type, Allocate&& allocate) {
    make_room(executor_.kv_block_bytes(type));
    for (;;) {
        try {
            return own(allocate(), type);
        } catch (const Error&) {
            if (!drop_oldest_idle())
                throw;
        }
    }
}

std::shared_ptr<KvCache::Block> KvCache::own(KvBlockId id, BlockType type) {
    try {
        return std::make_shared<Block>(executor_, id, type, used_);
    } catch (...) {
        executor_.release_kv_block(id);
        throw;
    }
}

void KvCache::commit(Sequence& sequence, std::span<const std::int32_t> tokens, const CacheDials& dials) {
    if (tokens.empty())
        return;
    // Both have room before either changes.
    sequence.tokens_.reserve(grown(sequence.tokens_.capacity(), sequence.tokens_.size() + tokens.size()));
    if (sequence.spans_.empty() || !sequence.spans_.back().dials.same(dials))
        sequence.spans_.push_back({sequence.size(), dials});
    sequence.tokens_.insert(sequence.tokens_.end(), tokens.begin(), tokens.end());
}

void KvCache::roll_back(Sequence& sequence, int size) {
    if (size >= sequence.size())
        return;
    sequence.tokens_.resize(static_cast<std::size_t>(size));
    sequence.blocks_.resize(blocks_for(size));
    while (!sequence.spans_.empty() && sequence.spans_.back().start >= size)
        sequence.spans_.pop_back();
}

void KvCache::close(const SequencePtr& sequence, bool keep) {
    if (!keep || sequence->size() == 0) {
        sequences_.remove(sequence);
        return;
    }
    sequence->blocks_.resize(blocks_for(sequence->size())); // reserved, but not written
    sequence->idle_ = true;
    move_to_back(sequence);
}

void KvCache::forget(std::uint64_t conversation) {
    sequences_.remove_if([&](const SequencePtr& s) { return s->idle_ && s->conversation_ == conversation; });
}

/// Needs no memory, so that nothing is lost on the way.
void KvCache::move_to_back(const SequencePtr& sequence) noexcept {
    const auto at = std::ranges::find(sequences_, sequence);
    if (at != sequences_.end())
        sequences_.splice(sequences_.end(), sequences_, at);
}

bool KvCache::drop_oldest_idle() {
    const auto oldest = std::ranges::find_if(sequences_, [](const SequencePtr& s) { return s->idle_; });
    if (oldest == sequences_.end())
        return false;
    sequences_.erase(oldest);
    return true;
}

void KvCache::make_room(std::size_t bytes) {
    while (*used_ + bytes > budget_)
        if (!drop_oldest_idle())
            throw Error("the KV cache needs " + format_bytes(*used_ + bytes) +
                        " for the answers under way, " + format_bytes(budget_) +
                        " are allowed: end another answer or choose Q8_0 for the KV cache");
}

} // namespace switchyard
