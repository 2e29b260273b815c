#include "engine/text/literal_search.h"

#include "engine/text/unicode.h"

namespace switchyard {

namespace {

/// The places of `needle` in `text`. The C++ library compares anew at every place, which takes the product of
/// both lengths at worst: good for short needles only. Long ones are found as Knuth, Morris and Pratt do
/// (SIAM J. Comput. 6(2), 1977).
class LiteralSearch {
  public:
    explicit LiteralSearch(std::string_view needle) : needle_(needle) {
        if (needle_.size() <= kShort)
            return;
        borders_.resize(needle_.size());
        for (std::size_t i = 1, matched = 0; i < needle_.size(); ++i) {
            while (matched > 0 && needle_[i] != needle_[matched])
                matched = borders_[matched - 1];
            matched += needle_[i] == needle_[matched];
            borders_[i] = matched;
        }
    }

    /// npos: none at or after `from`.
    std::size_t find(std::string_view text, std::size_t from) const {
        if (borders_.empty())
            return text.find(needle_, from);
        std::size_t matched = 0;
        for (std::size_t at = from; at < text.size(); ++at) {
            while (matched > 0 && text[at] != needle_[matched])
                matched = borders_[matched - 1];
            matched += text[at] == needle_[matched];
            if (matched == needle_.size())
                return at + 1 - matched;
        }
        return std::string_view::npos;
    }

  private:
    static constexpr std::size_t kShort = 16;
    std::string_view needle_;
    std::vector<std::size_t> borders_; // of each beginning of the needle: its longest end that begins it, too
};

} // namespace

std::string replace_all(std::string_view text, std::string_view from, std::string_view to,
                        std::size_t limit) {
    const LiteralSearch search(from);
    std::string out;
    out.reserve(text.size());
    std::size_t done = 0;
    for (std::size_t at = search.find(text, 0); at != std::string_view::npos; at = search.find(text, done)) {
        out += text.substr(done, at - done);
        out += to;
        check_growth(out.size(), limit);
        done = at + from.size();
    }
    return out += text.substr(done);
}

} // namespace switchyard
