// Drafts of an answer's next tokens, looked up in the text so far ("prompt lookup decoding", A. Saxena,
// 2023): where the last tokens stood before, what came then may come again. Drafts are only ever checked, so
// they change no answer.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace switchyard {

/// Of one answer. Each call sees the same text, longer.
class DraftLookup {
  public:
    /// Up to `most` tokens that may follow: those behind the latest place where the last ones stood, and
    /// round again where that is near the end. None where drafts were wrong of late and few tokens agree.
    std::vector<std::int32_t> find(std::span<const std::int32_t> tokens, int most);
    /// How many of the tokens found were right.
    void note(int found, int right);

  private:
    static constexpr std::size_t kLength = 3;   ///< tokens that are looked up
    static constexpr std::size_t kLongest = 32; ///< tokens that are compared
    static std::uint64_t hash(std::span<const std::int32_t> tokens);
    std::size_t agreeing(std::span<const std::int32_t> tokens, std::size_t end) const;
    std::size_t wanted() const;

    std::unordered_map<std::uint64_t, std::size_t>
        behind_;            ///< by the hash of kLength tokens: the latest place
    std::size_t known_ = 0; ///< places so far
    double right_ = 0.5;    ///< share of the drafts of late
};

} // namespace switchyard
