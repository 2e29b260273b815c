// Tokens that are found in the text itself, before anything else looks at it: control tokens and added ones.
#pragma once

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
    /// Cuts valid UTF-8 into tokens and the text between them (never empty).
    void split(std::string_view text, std::vector<Part>& parts) const;
    bool empty() const { return tokens_.empty(); }

  private:
    struct Node {
        std::int32_t child = -1, sibling = -1;
        std::int32_t shorter = 0; // the node of the longest proper end of this one's bytes
        std::int32_t token = -1;  // the longest token that these bytes end in, read backwards
        unsigned char byte = 0;
    };
    struct Found {
        std::size_t at;
        std::int32_t token; // index into tokens_
    };
    void link_ends();
    std::int32_t child_of(std::int32_t node, unsigned char byte) const;
    std::int32_t step(std::int32_t node, unsigned char byte) const;
    std::vector<Found> longest(std::string_view text) const;

    std::vector<AddedToken> tokens_;
    // Aho and Corasick's automaton of the tokens read backwards (Comm. ACM 18(6), 1975); 0 is its root. From
    // a text's end to its beginning it knows at every place the longest token that begins there, in time
    // linear in the text whatever the tokens are.
    std::vector<Node> nodes_;
    std::array<std::int32_t, 256> ends_{}; // the root's children, 0: none
};

} // namespace switchyard
