#include "engine/text/regex.h"

#include "engine/base/error.h"
#include "engine/text/unicode.h"

#include <cstdint>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace switchyard {

namespace {

constexpr std::size_t jit_stack_bytes = std::size_t{16} << 20;

std::string message_of(int code) {
    PCRE2_UCHAR buffer[256];
    pcre2_get_error_message(code, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
}

} // namespace

struct Regex::Code {
    pcre2_code* code = nullptr;
    bool jit = false;
    ~Code() { pcre2_code_free(code); }
};

Regex::Regex(std::string_view pattern) : code_(std::make_unique<Code>()) {
    // White space at a line's end matches from where its run begins, or nowhere in the run: looking for it
    // from every place in a long run would take quadratic time.
    const bool trailing_space = pattern == R"(\s+$)";
    const std::string translated = to_pcre2(trailing_space ? R"((?<!\s)\s+$)" : pattern);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                                &offset, nullptr);
    if (!code_->code)
        throw Error("Regular expression '" + std::string(pattern) + "': " + message_of(error));
    code_->jit = pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE) == 0;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

struct Regex::Scratch::State {
    const Code& code;
    pcre2_match_data* data;
    pcre2_match_context* context;
    pcre2_jit_stack* stack;

    explicit State(const Code& c)
        : code(c), data(pcre2_match_data_create_from_pattern(c.code, nullptr)),
          context(pcre2_match_context_create(nullptr)),
          stack(c.jit ? pcre2_jit_stack_create(32 * 1024, jit_stack_bytes, nullptr) : nullptr) {
        if (context && stack)
            pcre2_jit_stack_assign(context, nullptr, stack);
    }
    ~State() {
        pcre2_jit_stack_free(stack);
        pcre2_match_context_free(context);
        pcre2_match_data_free(data);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
};

Regex::Scratch::Scratch(const Regex& regex) : state_(std::make_unique<State>(*regex.code_)) {
    if (!state_->data || !state_->context)
        throw Error("Not enough memory to run a regular expression");
}

Regex::Scratch::~Scratch() = default;

bool Regex::Scratch::find(std::string_view text, std::size_t from, Match& match) {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
    const State& s = *state_;
    const int rc = s.code.jit ? pcre2_jit_match(s.code.code, subject, text.size(), from, 0, s.data, s.context)
                              : pcre2_match(s.code.code, subject, text.size(), from, PCRE2_NO_UTF_CHECK,
                                            s.data, s.context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return false;
    if (rc < 0)
        throw Error("Regular expression failed: " + message_of(rc));
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(s.data);
    match = {range[0], range[1]};
    return true;
}

bool RegexMatches::next(Regex::Match& match) {
    while (from_ <= text_.size() && scratch_.find(text_, from_, match)) {
        from_ = match.end;
        if (match.begin < match.end || match.end != last_end_) {
            last_end_ = match.end;
            return true;
        }
        from_ += match.end < text_.size() ? utf8_at(text_, match.end).length : 1;
    }
    return false;
}

} // namespace switchyard
