// Where the tokens of an answer stand in its parts.
#pragma once

#include <compare>
#include <cstddef>
#include <vector>

namespace switchyard {

/// A place in a message.
struct TextPlace {
    int part = 0;           ///< index among the message's parts
    std::size_t offset = 0; ///< bytes of the part's text as UTF-8
    auto operator<=>(const TextPlace&) const = default;
};

/// Where each token of an answer begins. Found once, by what reads the answer (ThinkingSplitter); whatever
/// looks for a token in the text asks here.
class TokenPlaces {
  public:
    /// Tokens whose place is known: a mark's is that of what follows it, which may not be there yet.
    int size() const { return static_cast<int>(begins_.size()); }
    /// Of token `index`; of one that is not known, or after the last, the end of what was placed.
    TextPlace begin(int index) const;
    /// Takes over what `other`, which these are the beginning of, knows beyond.
    void follow(const TokenPlaces& other);

    void add(TextPlace begin) { begins_.push_back(begin); }
    void setEnd(TextPlace end) { end_ = end; }
    TextPlace end() const { return end_; }
    bool operator==(const TokenPlaces&) const = default;

  private:
    std::vector<TextPlace> begins_;
    TextPlace end_; ///< of the text that the tokens make
};

} // namespace switchyard
