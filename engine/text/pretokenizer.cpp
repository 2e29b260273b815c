#include "engine/text/pretokenizer.h"

#include "engine/text/unicode.h"

#include <utility>

namespace switchyard {

namespace {

// Gathers the pieces of one range by behaviour, from matches and the gaps between them in order.
class Gatherer {
  public:
    Gatherer(SplitBehavior behavior, std::vector<Pieces::Range>& out) : behavior_(behavior), out_(out) {}

    void begin_range() {
        previous_matched_ = false;
        fresh_ = true;
    }

    // A match may be empty: what is around it is parted all the same.
    void add(std::size_t begin, std::size_t end, bool matched) {
        bool join = false;
        switch (behavior_) {
        case SplitBehavior::Isolated:
            break;
        case SplitBehavior::Removed:
            if (matched)
                return;
            break;
        case SplitBehavior::MergedWithPrevious:
            join = !fresh_ && matched && !previous_matched_;
            break;
        case SplitBehavior::MergedWithNext:
            join = !fresh_ && !matched && previous_matched_;
            break;
        case SplitBehavior::Contiguous:
            join = !fresh_ && matched == previous_matched_;
            break;
        }
        if (join)
            out_.back().end = end;
        else
            out_.push_back({begin, end});
        previous_matched_ = matched;
        fresh_ = false;
    }

  private:
    SplitBehavior behavior_;
    std::vector<Pieces::Range>& out_;
    bool previous_matched_ = false;
    bool fresh_ = true;
};

// The pieces of a split, the empty ones left out.
void take(Pieces& pieces, std::vector<Pieces::Range>&& ranges) {
    std::erase_if(ranges, [](Pieces::Range range) { return range.begin == range.end; });
    if (ranges.empty() || ranges.front().begin > 0)
        pieces.at_start = false;
    pieces.ranges = std::move(ranges);
}

class RegexSplit : public PreTokenizerStep {
  public:
    RegexSplit(Regex regex, SplitBehavior behavior, bool invert)
        : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}

    void apply(Pieces& pieces) const override {
        std::vector<Pieces::Range> out;
        out.reserve(pieces.ranges.size() + pieces.text.size() / 6);
        Gatherer gatherer(behavior_, out);
        Regex::Scratch scratch(regex_);
        for (const Pieces::Range range : pieces.ranges) {
            gatherer.begin_range();
            split(pieces.view(range), range.begin, scratch, gatherer);
        }
        take(pieces, std::move(out));
    }

  private:
    void split(std::string_view text, std::size_t base, Regex::Scratch& scratch, Gatherer& gatherer) const {
        std::size_t done = 0;
        RegexMatches matches(scratch, text);
        Regex::Match match;
        while (matches.next(match)) {
            if (done < match.begin)
                gatherer.add(base + done, base + match.begin, invert_);
            gatherer.add(base + match.begin, base + match.end, !invert_);
            done = match.end;
        }
        if (done < text.size())
            gatherer.add(base + done, base + text.size(), invert_);
    }

    Regex regex_;
    SplitBehavior behavior_;
    bool invert_;
};

class CharacterSplit : public PreTokenizerStep {
  public:
    CharacterSplit(bool (*matches)(char32_t), SplitBehavior behavior)
        : matches_(matches), behavior_(behavior) {
        for (char32_t code = 0; code < 128; ++code)
            ascii_[code] = matches(code);
    }

    void apply(Pieces& pieces) const override {
        std::vector<Pieces::Range> out;
        out.reserve(pieces.ranges.size() + pieces.text.size() / 6);
        Gatherer gatherer(behavior_, out);
        for (const Pieces::Range range : pieces.ranges) {
            gatherer.begin_range();
            std::size_t done = range.begin;
            for (std::size_t at = range.begin; at < range.end;) {
                const auto [code, length] = utf8_at(pieces.text, at);
                if (code < 128 ? ascii_[code] : matches_(code)) {
                    if (done < at)
                        gatherer.add(done, at, false);
                    gatherer.add(at, at + length, true);
                    done = at + length;
                }
                at += length;
            }
            if (done < range.end)
                gatherer.add(done, range.end, false);
        }
        take(pieces, std::move(out));
    }

  private:
    bool (*matches_)(char32_t);
    SplitBehavior behavior_;
    bool ascii_[128];
};

// Rewrites every piece by a function that appends to a new text.
template <typename Rewrite>
void rewrite(Pieces& pieces, Rewrite&& append) {
    std::string text;
    text.reserve(pieces.text.size() + pieces.text.size() / 4);
    for (Pieces::Range& range : pieces.ranges) {
        const std::size_t begin = text.size();
        append(text, pieces.view(range));
        check_growth(text.size(), pieces.limit);
        range = {begin, text.size()};
    }
    pieces.text = std::move(text);
}

class PrefixSpace : public PreTokenizerStep {
  public:
    void apply(Pieces& pieces) const override {
        rewrite(pieces, [](std::string& out, std::string_view piece) {
            if (!piece.empty() && piece[0] != ' ')
                out += ' ';
            out += piece;
        });
    }
};

class SpaceMark : public PreTokenizerStep {
  public:
    SpaceMark(std::string mark, bool always, bool at_start)
        : mark_(std::move(mark)), always_(always), at_start_(at_start) {}

    void apply(Pieces& pieces) const override {
        bool first = pieces.at_start;
        rewrite(pieces, [&](std::string& out, std::string_view piece) {
            const bool wanted = always_ || (at_start_ && first);
            first = false;
            if (wanted && !piece.empty() && !piece.starts_with(' ') && !piece.starts_with(mark_))
                out += mark_;
            for (const char c : piece)
                if (c == ' ')
                    out += mark_;
                else
                    out += c;
        });
    }

  private:
    std::string mark_;
    bool always_, at_start_;
};

class ToByteAlphabet : public PreTokenizerStep {
  public:
    void apply(Pieces& pieces) const override {
        rewrite(pieces, [this](std::string& out, std::string_view piece) {
            for (const char byte : piece)
                out += alphabet_.spelling(static_cast<unsigned char>(byte));
        });
    }

  private:
    ByteAlphabet alphabet_;
};

} // namespace

std::unique_ptr<PreTokenizerStep> split_step(Regex regex, SplitBehavior behavior, bool invert) {
    return std::make_unique<RegexSplit>(std::move(regex), behavior, invert);
}

std::unique_ptr<PreTokenizerStep> split_step(bool (*matches)(char32_t), SplitBehavior behavior) {
    return std::make_unique<CharacterSplit>(matches, behavior);
}

std::unique_ptr<PreTokenizerStep> prefix_space_step() { return std::make_unique<PrefixSpace>(); }

std::unique_ptr<PreTokenizerStep> space_mark_step(std::string mark, bool always, bool at_start) {
    return std::make_unique<SpaceMark>(std::move(mark), always, at_start);
}

std::unique_ptr<PreTokenizerStep> byte_alphabet_step() { return std::make_unique<ToByteAlphabet>(); }

} // namespace switchyard
