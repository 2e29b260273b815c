// A block of the KV cache as the cache knows it: its tokens, what wrote them, and its place in a chain.
#pragma once

#include "engine/run/backend.h"
#include "engine/run/record.h"

#include <list>

namespace switchyard {

/// The dials that write KV contents.
struct CacheDials {
    int experts = 0; ///< active; 0: a dense model
    std::shared_ptr<const WeightsState> weights;
    bool decompressed = false, prompt = false; ///< as BatchRow's
    bool library = false;                      ///< prompts' dense products are a library's
    int activation_bits = 16;                  ///< as RowDials'
    bool long_text = false;                    ///< as BatchSequence's

    bool same(const CacheDials& other) const {
        return experts == other.experts && decompressed == other.decompressed && prompt == other.prompt &&
               library == other.library && activation_bits == other.activation_bits &&
               long_text == other.long_text && (weights == other.weights || *weights == *other.weights);
    }
};

/// What a sequence takes in the cache.
struct SequenceBytes {
    std::size_t block = 0;   ///< bytes of kKvBlockTokens tokens
    std::size_t states = 0;  ///< bytes of its layers' states at one position; 0: it has none
    std::size_t spacing = 1; ///< every so many blocks keep the states at their end for good

    /// States of a sequence of so many blocks that goes on.
    std::size_t most_states(std::size_t blocks) const;
    std::size_t of(int tokens) const;
};

/// One more value in a hash.
std::uint64_t hash_joined(std::uint64_t hash, std::uint64_t value);

/// What an empty chain hashes to. Contents that another backend, or another arithmetic, computed are in other
/// chains.
std::uint64_t chain_root(std::string_view backend, int arithmetic_version);

/// The states of a sequence's layers at one position, saved or in the executor's memory.
struct LayerStates {
    KvBlockId id = kNoState;
    std::vector<std::byte> saved;

    bool live() const { return id != kNoState; }
    bool there() const { return live() || !saved.empty(); }
};

struct KvBlock {
    struct Writer {
        int from; ///< the first of the block's tokens that it wrote; up to the next one's
        CacheDials dials;
    };

    KvBlockId id = -1; ///< -1: its contents are gone, or saved
    BlockType type = BlockType::F16;
    std::uint64_t serial = 0;            ///< no two blocks of a cache have the same
    std::uint64_t chain = 0, before = 0; ///< hash of all in front of it; serial of the block there, 0: none
    std::vector<std::int32_t> tokens;    ///< at most kKvBlockTokens
    std::vector<Writer> writers;
    int holders = 0; ///< sequences with it
    int users = 0;   ///< those of them that are computed now
    int keepers = 0; ///< those that go on later and need it saved until then
    bool indexed = false;
    bool anonymous = false; ///< kept for whoever comes, though no sequence has it
    std::vector<std::byte> saved;
    /// At its end, where its plan has such layers and it is one of those that keep them: a sequence can go on
    /// from there.
    LayerStates states;
    std::list<std::shared_ptr<KvBlock>>::iterator self; ///< where the cache lists it, while it is live

    bool live() const { return id >= 0; }
    bool full() const { return tokens.size() == static_cast<std::size_t>(kKvBlockTokens); }
    /// Of the chain up to its end.
    std::uint64_t hash() const;
    const CacheDials& writer_of(int token) const;
    /// How many of its first tokens are those of `wanted` and were written by `dials`.
    int common(std::span<const std::int32_t> wanted, const CacheDials& dials) const;
    bool equals(const KvBlock& other) const;
};

} // namespace switchyard
