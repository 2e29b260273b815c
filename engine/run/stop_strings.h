// Strings that end an answer where they appear in it, across the edges of tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// Takes an answer's text piece by piece and gives back what stands before the first of the strings. What may
/// become one is held back until it is known.
class StopStrings {
  public:
    /// Empty strings end nothing.
    explicit StopStrings(std::vector<std::string> strings);

    /// What may be shown now, often "".
    std::string push(std::string_view text);
    /// The rest, at the end of an answer that none of them has ended.
    std::string flush();
    bool found() const { return found_; }

  private:
    std::vector<std::string> strings_;
    std::string held_;
    bool found_ = false;
};

} // namespace switchyard
