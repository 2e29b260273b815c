// Who holds which KV blocks: chains of blocks that sequences share by their contents, rolled back for edits,
// saved for runs that make room for others, and dropped one by one when memory is short. Where a plan has
// layers with states of a fixed size, some blocks keep those at their end: a sequence goes on from there.
#pragma once

#include "engine/base/error.h"
#include "engine/run/kv_block.h"

#include <optional>
#include <unordered_map>

namespace switchyard {

enum class CacheReuse {
    Chat,  ///< the conversation's own blocks as they are, whatever dials wrote them; others' as with Equal
    Equal, ///< only what the present dials would write again
    None   ///< recompute all: an exact re-run
};

/// What a cache did, for tests and for who tunes it.
struct KvCounters {
    std::uint64_t shared_tokens = 0; ///< of prompts, that were found
    std::uint64_t joined_blocks = 0; ///< computed twice at the same time, and kept once
    std::uint64_t saved_blocks = 0, loaded_blocks = 0;
    std::uint64_t dropped_blocks = 0;    ///< for want of room
    std::uint64_t recomputed_tokens = 0; ///< of parked sequences, whose blocks were dropped
};

struct KvCacheOptions {
    std::size_t budget = 0;      ///< bytes that all blocks together may take
    std::size_t save_budget = 0; ///< bytes of blocks that are saved for parked sequences
    std::uint64_t root = 0;      ///< chain_root()
    bool invariant = true;       ///< Backend::batch_invariant: equal chains have equal bits
};

class KvCache {
    using BlockPtr = std::shared_ptr<KvBlock>;

  public:
    /// A row of tokens whose keys and values are in the cache.
    class Sequence {
      public:
        int size() const { return static_cast<int>(tokens_.size()); }
        std::span<const std::int32_t> tokens() const { return tokens_; }
        /// For the rows from `ahead` on behind its tokens, whose room is reserved; those between are computed
        /// by steps under way.
        BatchSequence batch_sequence(int ahead = 0) const;
        /// How the first `count` tokens were written.
        std::vector<ContextSpan> spans(int count) const;
        /// Whether its tokens were computed as those of a long text, where there are some.
        std::optional<bool> long_text() const;
        /// While it is parked: whether all of it comes back.
        bool saved() const { return keeps_; }

      private:
        friend class KvCache;
        KvBlockId states_now() const;
        enum class State { Computed, Parked, Idle };
        std::uint64_t conversation_ = 0;
        std::vector<std::int32_t> tokens_;
        std::vector<BlockPtr> blocks_;
        /// Where states are kept: that at its size, if its last block does not have it, and those that steps
        /// under way write, each with the size that the sequence has then.
        LayerStates states_;
        std::vector<std::pair<int, LayerStates>> pending_states_;
        State state_ = State::Computed;
        bool forgotten_ = false;
        // While it is parked:
        bool keeps_ = false; ///< its blocks are saved before they make room; else they are dropped
        std::size_t kept_bytes_ = 0;
    };
    using SequencePtr = std::shared_ptr<Sequence>;

    KvCache(Executor& executor, KvCacheOptions options);
    ~KvCache();
    KvCache(const KvCache&) = delete;
    KvCache& operator=(const KvCache&) = delete;

    /// A sequence for a prompt, with the longest prefix that is in the cache and may be used; never the whole
    /// prompt, as its last token has to be computed for its logits. `conversation` 0: none.
    SequencePtr open(std::uint64_t conversation, std::span<const std::int32_t> prompt,
                     const CacheDials& dials, BlockType type, CacheReuse reuse);
    /// Takes over what others have computed of the prompt since. Returns how many tokens.
    int extend(Sequence& sequence, std::span<const std::int32_t> prompt, const CacheDials& dials,
               BlockType type);
    /// Makes room for `count` more tokens; new blocks are of `type`. Drops what nobody computes with, the
    /// longest unused first, where the budget or the memory is short. Throws Error naming what was needed and
    /// what was there.
    void reserve(Sequence& sequence, int count, BlockType type) { reserve(sequence, {.count = count}, type); }
    struct RowsToCome {
        int count = 0;
        int ahead = 0;        ///< rows before them that steps under way compute
        bool drafted = false; ///< any number of them may be committed, not only all: for drafted tokens
    };
    void reserve(Sequence& sequence, RowsToCome rows, BlockType type);
    /// The tokens that were computed in the reserved room, or the first of them where rows are drafted.
    void commit(Sequence& sequence, std::span<const std::int32_t> tokens, const CacheDials& dials);
    /// Forgets all but the first `size` tokens; where states are kept, back to where some are.
    void roll_back(Sequence& sequence, int size);
    /// Gives up the blocks until resume(): where room is needed they are saved, or dropped if they are
    /// `recomputable` and nothing more may be saved. False where neither can be: it goes on then.
    bool park(Sequence& sequence, bool recomputable);
    /// Back again, as long as it still is: what was dropped has to be computed again. Throws Error where
    /// there is no room; it is parked then as before.
    void resume(Sequence& sequence);
    /// Ends the use of a sequence; with `keep` it stays for later prompts.
    void close(const SequencePtr& sequence, bool keep);
    /// Drops the sequences of a conversation; those under way when they are closed.
    void forget(std::uint64_t conversation);

    /// With new blocks of `type`.
    static SequenceBytes sequence_bytes(const Executor& executor, BlockType type);
    /// Bytes that `count` more tokens of a sequence take.
    std::size_t bytes_for(const Sequence& sequence, int count, BlockType type) const;
    /// Of the blocks it has.
    std::size_t bytes_of(const Sequence& sequence) const;
    /// Throws Error where so many more tokens never have room, even with nobody beside them.
    void check_possible(const Sequence& sequence, int count, BlockType type) const;
    std::size_t bytes() const { return used_; }
    std::size_t budget() const { return options_.budget; }
    /// Of the blocks that somebody computes with.
    std::size_t bytes_in_use() const { return in_use_; }
    std::size_t saved_bytes() const { return saved_; }
    std::size_t sequences() const { return sequences_.size(); }
    const KvCounters& counters() const { return counters_; }

  private:
    struct Match {
        std::vector<BlockPtr> blocks;
        int tokens = 0;
    };
    Match match_chain(Match match, std::span<const std::int32_t> prompt, const CacheDials& dials,
                      BlockType type) const;
    Match match_own(std::uint64_t conversation, std::span<const std::int32_t> prompt, SequencePtr& whole);
    void cut_to_states(Match& match) const;
    void cut_to_states(Sequence& sequence) noexcept;
    void reserve_states(Sequence& sequence, const RowsToCome& rows);
    void take_states(Sequence& sequence) noexcept;
    void thin_states(Sequence& sequence, std::size_t newest) noexcept;
    LayerStates allocate_states();
    void load_states(LayerStates& states);
    void release_states(LayerStates& states, bool used) noexcept;
    void release_own_states(Sequence& sequence) noexcept;
    std::size_t states_of(const Sequence& sequence) const;
    bool keeps_states() const { return sizes_.states > 0; }
    std::size_t bytes_of(const KvBlock& block) const;
    void take(Sequence& sequence, const Match& match, std::span<const std::int32_t> prompt);
    void let_go(const BlockPtr& block, bool used, bool kept) noexcept;
    void cut_blocks(Sequence& sequence, std::size_t count) noexcept;
    void cut_dead(Sequence& sequence) noexcept;
    void drop_needless(const Sequence& newer) noexcept;
    void add_user(KvBlock& block) noexcept;
    void remove_user(KvBlock& block) noexcept;
    BlockPtr make_block(KvBlockId id, BlockType type);
    void own_last(Sequence& sequence);
    static void link(const Sequence& sequence, std::size_t index, std::uint64_t root) noexcept;
    void join_equal(Sequence& sequence, std::size_t index) noexcept;
    void add_to_index(const BlockPtr& block) noexcept;
    void remove_from_index(KvBlock& block) noexcept;
    bool free_oldest();
    void save(KvBlock& block);
    void load(const BlockPtr& block);
    void unload(KvBlock& block) noexcept;
    void drop_saved(KvBlock& block) noexcept;
    void make_room(std::size_t bytes);
    [[noreturn]] void no_room(std::size_t needed) const;
    /// Room for `bytes`, and what `allocate_id` makes of it.
    template <typename Allocate>
    KvBlockId allocate(std::size_t bytes, Allocate&& allocate_id) {
        make_room(bytes);
        for (;;) {
            try {
                return allocate_id();
            } catch (const Error&) {
                if (!free_oldest())
                    throw;
            }
        }
    }

    Executor& executor_;
    KvCacheOptions options_;
    SequenceBytes sizes_; ///< of F16 blocks; states are the same for all types
    std::size_t used_ = 0, in_use_ = 0, kept_ = 0, saved_ = 0;
    std::uint64_t last_serial_ = 0;
    std::list<SequencePtr> sequences_;                                  ///< the longest unused first
    std::unordered_map<std::uint64_t, std::vector<BlockPtr>> children_; ///< by the chain in front of them
    std::list<BlockPtr> in_use_blocks_;
    /// That nobody computes with. The longest unused first, and what is deeper in a chain before what it
    /// hangs from, so that nothing is ever left that cannot be reached.
    std::list<BlockPtr> unused_;
    KvCounters counters_;
};

} // namespace switchyard
