// Tokens that are found in the text itself, before anything else looks at it: control tokens and added ones.
#pragma once

#include "engine/text/marked_text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

struct AddedToken {
    std::string text;
    std::int32_t id = -1;
    bool lstrip = false;      ///< takes the white space before it
    bool rstrip = false;      ///< takes the white space behind it
    bool single_word = false; ///< only where no word character touches it
    bool normalized = false;  ///< looked for in the normalized text
    bool special = false;
};

/// Finds tokens from left to right, at each place the longest.
class AddedTokenFinder {
  public:
    /// A later token with the same text replaces an earlier one. Texts that are empty or not
    /// UTF-8 are left out.
    explicit AddedTokenFinder(std::vector<AddedToken> tokens);

    struct Part {
        std::size_t begin, end;
        std::int32_t id; ///< -1: ordinary text
    };
    /// Cuts valid UTF-8 into tokens and the text between them (never empty). Special tokens are not found
    /// where a byte of theirs is marked.
    void split(std::string_view text, const Marks& marks, std::vector<Part>& parts) const;
    bool empty() const { return tokens_.empty(); }
    bool finds_special() const;

  private:
    /// Aho and Corasick's automaton of tokens read backwards (Comm. ACM 18(6), 1975). From a text's end to
    /// its beginning it knows at every place the longest token that begins there, in time linear in the text
    /// whatever the tokens are.
    class Automaton {
      public:
        Automaton() : nodes_(1) {}
        void add(std::string_view text, std::int32_t token);
        void link_ends();
        /// From the root, 0, on.
        std::int32_t step(std::int32_t node, unsigned char byte) const;
        std::int32_t token(std::int32_t node) const { return nodes_[node].token; }

      private:
        struct Node {
            std::int32_t child = -1, sibling = -1;
            std::int32_t shorter = 0; // the node of the longest proper end of this one's bytes
            std::int32_t token = -1;  // the longest token that these bytes end in, read backwards
            unsigned char byte = 0;
        };
        std::int32_t child_of(std::int32_t node, unsigned char byte) const;

        std::vector<Node> nodes_;              // 0 is the root
        std::array<std::int32_t, 256> ends_{}; // the root's children, 0: none
    };
    struct Found {
        std::size_t at;
        std::int32_t token; // index into tokens_
    };
    std::vector<Found> longest(std::string_view text, const Marks& marks) const;

    std::vector<AddedToken> tokens_;
    Automaton special_, others_;
};

} // namespace switchyard
