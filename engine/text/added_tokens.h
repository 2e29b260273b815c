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
        std::int32_t token = -1;
        unsigned char byte = 0;
    };
    std::int32_t child_of(std::int32_t node, unsigned char byte) const;
    std::int32_t longest_at(std::string_view text, std::size_t at) const;

    std::vector<AddedToken> tokens_;
    std::vector<Node> nodes_; // a trie of bytes; 0 is its root
    std::array<bool, 256> begins_{};
};

} // namespace switchyard
