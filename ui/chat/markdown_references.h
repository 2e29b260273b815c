// Link definitions ("[1]: https://...") of a text that is rendered in pieces: which of them each piece is
// read with, and which pieces read otherwise once a definition comes.
#pragma once

#include "ui/chat/markdown_splitter.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace switchyard {

/// A definition also counts for what stands before it if it is one of the first of a text that is not long:
/// what stands there is rendered again then, and that costs by its length.
inline constexpr std::size_t farthest_definition = 24'000; ///< bytes before it
inline constexpr std::size_t most_looking_back = 32;
/// Of the definitions that one piece is read with, in bytes.
inline constexpr std::size_t longest_definitions = 8192;

class MarkdownReferences {
  public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    void clear();
    /// Reads the definitions of all pieces: `settled` are those that grow no more, `growing` the others, of
    /// whose lines those before `lines_end` are complete. The first piece written before that has to be
    /// written again, or `none`.
    std::size_t update(std::string_view source, std::span<const MarkdownPiece> settled,
                       std::span<const MarkdownPiece> growing, std::size_t lines_end);
    struct Before {
        std::string definitions; ///< lines to be read before a piece; empty where it needs none
        bool refers = false;     ///< may refer to a definition, also to one that is still to come
    };
    /// What a piece that is written now is read with. Remembers what it refers to.
    Before definitionsFor(std::string_view source, const MarkdownPiece& piece, std::size_t index);

  private:
    struct Definition {
        std::string label;
        std::size_t begin = 0, end = 0; ///< of its line
        std::size_t piece = 0;
        bool looks_back = false;
        bool operator==(const Definition&) const = default;
    };
    void collect(std::string_view source, const MarkdownPiece& piece, std::size_t index,
                 std::size_t lines_end, std::vector<Definition>& out) const;
    const Definition* find(const std::string& label) const;
    void settle(Definition definition);

    std::unordered_map<std::string, Definition> settled_; ///< of pieces that grow no more
    std::size_t settled_pieces_ = 0;
    std::vector<Definition> growing_;                   ///< of the others, each label once
    std::unordered_map<std::string, std::size_t> used_; ///< by label, the first piece that has it in brackets
};

} // namespace switchyard
