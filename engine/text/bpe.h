// Byte pair encoding: merges the symbols of a piece until no merge applies. Two ways to say which pairs
// merge: a list of merges in order of rank (byte-level BPE), or scores of the merged tokens (SentencePiece).
#pragma once

#include "engine/text/pretokenizer.h"
#include "engine/text/string_table.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

/// The byte that <0x00> .. <0xFF> stands for, -1 for any other token.
int byte_of_token(std::string_view token);

struct BpeOptions {
    bool bytes_are_symbols = false; ///< else characters are
    bool ignore_merges = false;     ///< a piece that is a token is that token
    bool byte_fallback = false; ///< an unknown character becomes the tokens <0x00> .. <0xFF> of its bytes,
                                ///< where there is one for each
    bool fuse_unknown = false;  ///< a run of unknown characters is one unknown token
    std::int32_t unknown = -1;  ///< -1: unknown characters are dropped
    std::string word_begin;     ///< joined in front of every symbol but a piece's first one ("##")
    std::string word_end;       ///< joined behind a piece's last symbol ("</w>")
};

class BpeModel {
  public:
    /// By merges of rank = position. `tokens` as the pieces spell them (bytes, if bytes are symbols); an
    /// entry may be empty: no token. Merges of or into unknown tokens are left out.
    BpeModel(std::vector<std::string> tokens,
             const std::vector<std::pair<std::string_view, std::string_view>>& merges, BpeOptions options);
    /// By score: the pair whose concatenation is the token of the highest score merges first. `usable` says
    /// which tokens text can turn into.
    BpeModel(std::vector<std::string> tokens, const std::vector<float>& scores,
             const std::vector<bool>& usable, BpeOptions options);

    BpeModel(const BpeModel&) = delete;
    BpeModel& operator=(const BpeModel&) = delete;

    /// `barred`: ids that must not come out, by id; nullptr: none.
    void encode(const Pieces& pieces, std::vector<std::int32_t>& ids,
                const std::vector<bool>* barred = nullptr) const;

  private:
    struct Merge {
        std::uint64_t pair; // left << 32 | right
        std::uint32_t rank;
        std::int32_t id;
    };
    struct Symbol {
        std::int32_t id; // -1: not a token (scores only)
        // By scores: the bytes of the word. By merges: which of the first symbols (one may stand for no
        // byte).
        std::uint32_t begin, end;
    };
    struct Found {
        std::uint32_t rank;
        std::int32_t id;
    };
    struct Workspace;

    static constexpr std::uint32_t no_rank = 0xFFFFFFFFu;

    void find_byte_tokens();
    void find_joints();
    void add_merge(Merge merge);
    static bool is_barred(std::int32_t id, const Workspace& work);
    Found find_merge(std::string_view word, const Symbol& left, const Symbol& right,
                     const Workspace& work) const;
    bool may_cut(std::string_view piece, std::size_t at) const;
    void encode_piece(std::string_view piece, Workspace& work, std::vector<std::int32_t>& ids) const;
    void encode_word(std::string_view word, Workspace& work, std::vector<std::int32_t>& ids) const;
    void split_symbols(std::string_view word, Workspace& work) const;
    bool has_byte_tokens(std::string_view text) const;
    void add_unknown(std::string_view text, bool& pending, std::vector<Symbol>& symbols) const;
    void merge_short(std::string_view word, Workspace& work) const;
    void merge_long(std::string_view word, Workspace& work) const;
    void emit(std::string_view word, const std::vector<Symbol>& symbols,
              std::vector<std::int32_t>& ids) const;

    BpeOptions options_;
    std::vector<std::string> tokens_;
    StringTable by_text_;
    std::array<std::int32_t, 256> byte_tokens_; // symbols of bytes, or <0x..> tokens
    std::vector<Merge> merges_;                 // open addressing; empty where scores decide
    std::vector<std::uint32_t> score_ranks_;    // by token
    bool cuts_ = false;                         // pieces may be cut in front of U+2581
    std::vector<char32_t> joints_;              // ... but not behind these characters
};

} // namespace switchyard
