// Who holds which KV blocks: a block table a sequence, blocks shared by prefix, rolled back for edits,
// dropped when memory is short.
#pragma once

#include "engine/run/backend.h"
#include "engine/run/record.h"

#include <list>

namespace switchyard {

/// The dials that write KV contents.
struct CacheDials {
    int experts = 0; ///< active; 0: a dense model
    std::shared_ptr<const WeightsState> weights;
    bool decompressed = false; ///< as BatchRow's

    bool same(const CacheDials& other) const {
        return experts == other.experts && decompressed == other.decompressed &&
               (weights == other.weights || *weights == *other.weights);
    }
};

enum class CacheReuse {
    Chat,  ///< the conversation's own blocks as they are, whatever dials wrote them; others' as with Equal
    Equal, ///< only what the present dials would write again
    None   ///< recompute all: an exact re-run
};

class KvCache {
    struct Block;

  public:
    /// A row of tokens whose keys and values are in the cache.
    class Sequence {
      public:
        int size() const { return static_cast<int>(tokens_.size()); }
        std::span<const std::int32_t> tokens() const { return tokens_; }
        BatchSequence batch_sequence() const;
        /// How the first `count` tokens were written.
        std::vector<ContextSpan> spans(int count) const;

      private:
        friend class KvCache;
        struct Span {
            int start;
            CacheDials dials;
        };
        std::uint64_t conversation_ = 0;
        std::vector<std::int32_t> tokens_;
        std::vector<std::shared_ptr<Block>> blocks_;
        std::vector<Span> spans_;
        bool idle_ = false;
    };
    using SequencePtr = std::shared_ptr<Sequence>;

    /// `budget`: bytes all blocks together may take.
    KvCache(Executor& executor, std::size_t budget);

    /// A sequence for a prompt, with the longest prefix that is in the cache and may be used; never the whole
    /// prompt, as its last token has to be computed for its logits. `conversation` 0: none.
    SequencePtr open(std::uint64_t conversation, std::span<const std::int32_t> prompt,
                     const CacheDials& dials, BlockType type, CacheReuse reuse);
    /// Makes room for `count` more tokens; new blocks are of `type`. Drops idle sequences, the longest unused
    /// first, where the budget or the memory is short. Throws Error naming what was needed and what was
    /// there.
    void reserve(Sequence& sequence, int count, BlockType type);
    /// The tokens that were computed in the reserved room.
    void commit(Sequence& sequence, std::span<const std::int32_t> tokens, const CacheDials& dials);
    /// Forgets all but the first `size` tokens.
    void roll_back(Sequence& sequence, int size);
    /// Ends the use of a sequence; with `keep` it stays for later prompts.
    void close(const SequencePtr& sequence, bool keep);
    /// Drops the idle sequences of a conversation.
    void forget(std::uint64_t conversation);

    std::size_t bytes() const { return *used_; }
    std::size_t budget() const { return budget_; }
    std::size_t sequences() const { return sequences_.size(); }

  private:
    int usable_prefix(const Sequence& sequence, std::uint64_t conversation,
                      std::span<const std::int32_t> prompt, const CacheDials& dials, BlockType type,
                      CacheReuse reuse) const;
    bool drop_oldest_idle();
    void move_to_back(const SequencePtr& sequence) noexcept;
    void make_room(std::size_t bytes);
    std::shared_ptr<Block> own(KvBlockId id, BlockType type);
    template <typename Allocate>
    std::shared_ptr<Block> allocate(BlockType type, Allocate&& allocate);

    Executor& executor_;
    std::size_t budget_;
    std::shared_ptr<std::size_t> used_ = std::make_shared<std::size_t>(0);
    std::list<SequencePtr> sequences_; ///< the longest unused first
};

} // namespace switchyard
