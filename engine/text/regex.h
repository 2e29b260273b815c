// Regular expressions of tokenizer descriptions, run by PCRE2 (just in time where it can).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace switchyard {

/// A pattern in the Oniguruma or Rust dialect that tokenizer files use: \s, \w and \d are Unicode's, classes
/// may nest and intersect (&&), ^ and $ match at lines.
class Regex {
  public:
    /// Throws Error naming the pattern and the cause.
    explicit Regex(std::string_view pattern);
    ~Regex();
    Regex(Regex&&) noexcept;
    Regex& operator=(Regex&&) noexcept;

    struct Match {
        std::size_t begin = 0, end = 0;
    };
    /// Scratch memory of one search; not to be shared between threads.
    class Scratch {
      public:
        explicit Scratch(const Regex& regex);
        ~Scratch();
        Scratch(const Scratch&) = delete;
        Scratch& operator=(const Scratch&) = delete;
        /// The next match at or after `from` (a character boundary) of valid UTF-8.
        bool find(std::string_view text, std::size_t from, Match& match);

      private:
        struct State;
        std::unique_ptr<State> state_;
    };

  private:
    struct Code;
    std::unique_ptr<Code> code_;
};

/// The matches of a text in order, as the tokenizers library walks through them: an empty match counts, but
/// not where the match before it ended.
class RegexMatches {
  public:
    /// Both must outlive this. `text` is valid UTF-8.
    RegexMatches(Regex::Scratch& scratch, std::string_view text) : scratch_(scratch), text_(text) {}
    bool next(Regex::Match& match);

  private:
    Regex::Scratch& scratch_;
    std::string_view text_;
    std::size_t from_ = 0;
    std::size_t last_end_ = std::string_view::npos;
};

/// A pattern that matches just this text.
std::string literal_pattern(std::string_view text);

/// The same pattern as PCRE2 spells it. Throws Error for an unfinished class or escape.
std::string to_pcre2(std::string_view pattern);

} // namespace switchyard
