#include "engine/text/normalizer.h"

#include "engine/text/literal_search.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

// A step made of a function from text to text.
template <typename Function>
class FunctionStep : public NormalizerStep {
  public:
    explicit FunctionStep(Function function) : function_(std::move(function)) {}
    std::string apply(std::string text, std::size_t limit) const override {
        std::string out = function_(std::move(text), limit);
        check_growth(out.size(), limit);
        return out;
    }

  private:
    Function function_;
};

template <typename Function>
std::unique_ptr<NormalizerStep> step(Function function) {
    return std::make_unique<FunctionStep<Function>>(std::move(function));
}

/// Something in front of a text that is not empty.
class Prepend : public NormalizerStep {
  public:
    explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
    std::string apply(std::string text, std::size_t limit) const override {
        if (!text.empty())
            text.insert(0, prefix_);
        check_growth(text.size(), limit);
        return text;
    }
    MarkedText apply_marked(MarkedText text, std::size_t limit) const override {
        MarkedText out = plain_text(text.empty() ? "" : prefix_);
        out += text;
        check_growth(out.size(), limit);
        return out;
    }

  private:
    std::string prefix_;
};

/// White space off the ends.
class Strip : public NormalizerStep {
  public:
    Strip(bool left, bool right) : left_(left), right_(right) {}
    std::string apply(std::string text, std::size_t) const override {
        const TextSpan inside = strip(text);
        return text.substr(inside.begin, inside.end - inside.begin);
    }
    MarkedText apply_marked(MarkedText text, std::size_t) const override {
        return text.part(strip(text.text));
    }

  private:
    TextSpan strip(std::string_view text) const {
        std::size_t begin = 0, end = text.size();
        while (left_ && begin < end && is_white_space(utf8_at(text, begin).code))
            begin += utf8_at(text, begin).length;
        while (right_ && end > begin && is_white_space(utf8_before(text, end).code))
            end -= utf8_before(text, end).length;
        return {begin, end};
    }

    bool left_, right_;
};

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

class RegexReplace : public NormalizerStep {
  public:
    RegexReplace(Regex pattern, std::string to) : pattern_(std::move(pattern)), to_(std::move(to)) {}

    std::string apply(std::string text, std::size_t limit) const override {
        return apply_marked(plain_text(std::move(text)), limit).text;
    }

    MarkedText apply_marked(MarkedText text, std::size_t limit) const override {
        MarkedText out;
        std::size_t done = 0;
        Regex::Scratch scratch(pattern_);
        RegexMatches matches(scratch, text.text);
        Regex::Match match;
        while (matches.next(match)) {
            out.append(text, {done, match.begin});
            out.append(to_, text.marks.touches(match.begin, match.end));
            check_growth(out.size(), limit);
            done = match.end;
        }
        out.append(text, {done, text.size()});
        return out;
    }

  private:
    Regex pattern_;
    std::string to_;
};

} // namespace

std::string normalize(const Normalizer& steps, std::string text) {
    const std::size_t limit = growth_limit(text.size());
    for (const auto& one : steps)
        text = one->apply(std::move(text), limit);
    return text;
}

MarkedText normalize(const Normalizer& steps, MarkedText text) {
    const std::size_t limit = growth_limit(text.size());
    for (const auto& one : steps)
        text = one->apply_marked(std::move(text), limit);
    return text;
}

MarkedText NormalizerStep::apply_marked(MarkedText text, std::size_t limit) const {
    return mapped_text(text, [&](std::string_view part) { return apply(std::string(part), limit); });
}

std::unique_ptr<NormalizerStep> normal_form_step(NormalForm form) {
    return step([form](std::string text, std::size_t) {
        return is_ascii(text) ? std::move(text) : normalize(text, form);
    });
}

std::unique_ptr<NormalizerStep> prepend_step(std::string prefix) {
    return std::make_unique<Prepend>(std::move(prefix));
}

std::unique_ptr<NormalizerStep> replace_step(std::string from, std::string to) {
    return step([from = std::move(from), to = std::move(to)](std::string text, std::size_t limit) {
        if (from.empty())
            return text;
        return replace_all(text, from, to, limit);
    });
}

std::unique_ptr<NormalizerStep> replace_step(Regex pattern, std::string to) {
    return std::make_unique<RegexReplace>(std::move(pattern), std::move(to));
}

std::unique_ptr<NormalizerStep> strip_step(bool left, bool right) {
    return std::make_unique<Strip>(left, right);
}

std::unique_ptr<NormalizerStep> byte_alphabet_normalizer_step() {
    return step([alphabet = ByteAlphabet()](std::string text, std::size_t) {
        std::string out;
        for (const char byte : text)
            out += alphabet.spelling(static_cast<unsigned char>(byte));
        return out;
    });
}

std::unique_ptr<NormalizerStep> lower_case_step() {
    return step([](std::string text, std::size_t) { return lower_case(text); });
}

std::unique_ptr<NormalizerStep> strip_accents_step() {
    return step([](std::string text, std::size_t) {
        std::string out;
        for (std::size_t at = 0; at < text.size();) {
            const auto [code, length] = utf8_at(text, at);
            if (!is_accent(code))
                out.append(text, at, length);
            at += length;
        }
        return out;
    });
}

} // namespace switchyard
