// Normal forms and case. Hugging Face's tokenizers normalizes by the tables of an older Unicode: to
// characters added since then nothing happens, and they part what is around them. Which characters it knows
// our tables tell; what becomes of those no version of Unicode changes, so that any library may do it.
#include "engine/base/error.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utf8proc.h>
#include <vector>

namespace switchyard {

namespace {

void append_mapped(std::string& out, std::string_view text, utf8proc_option_t options) {
    if (text.empty())
        return;
    utf8proc_uint8_t* result = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &result, options);
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
    if (size < 0)
        throw Error(std::string("Unicode normalization failed: ") + utf8proc_errmsg(size));
    out.append(reinterpret_cast<const char*>(result), static_cast<std::size_t>(size));
}

// Puts long runs of marks into their canonical order, for which the library takes quadratic time.
std::string with_marks_in_order(std::string_view text) {
    constexpr std::size_t long_run = 32;
    struct Mark {
        int order;
        std::string_view spelling;
    };
    std::vector<Mark> run;
    std::string out;
    out.reserve(text.size());
    const auto flush = [&] {
        if (run.size() > long_run)
            std::stable_sort(run.begin(), run.end(),
                             [](const Mark& a, const Mark& b) { return a.order < b.order; });
        for (const Mark& mark : run)
            out += mark.spelling;
        run.clear();
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, length] = utf8_at(text, at);
        const int order = code < 0x300 || !is_normalized_otherwise(code)
                              ? 0
                              : utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->combining_class;
        if (order > 0) {
            run.push_back({order, text.substr(at, length)});
        } else {
            flush();
            out.append(text, at, length);
        }
        at += length;
    }
    flush();
    return out;
}

} // namespace

void check_growth(std::size_t bytes, std::size_t limit) {
    if (bytes > limit)
        throw Error("The tokenizer's steps make a text of more than " + std::to_string(limit) +
                    " bytes, which no sensible tokenizer does");
}

std::string normalize(std::string_view given, NormalForm form) {
    const std::string text_in_order = with_marks_in_order(given);
    const std::string_view text = text_in_order;
    int options = UTF8PROC_STABLE;
    options |= form == NormalForm::NFC || form == NormalForm::NFKC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    if (form == NormalForm::NFKC || form == NormalForm::NFKD)
        options |= UTF8PROC_COMPAT;
    std::string out;
    out.reserve(text.size());
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, length] = utf8_at(text, at);
        if (!is_normalized_otherwise(code)) {
            append_mapped(out, text.substr(done, at - done), static_cast<utf8proc_option_t>(options));
            out.append(text, at, length);
            done = at + length;
        }
        at += length;
    }
    append_mapped(out, text.substr(done), static_cast<utf8proc_option_t>(options));
    return out;
}

std::string lower_case(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, length] = utf8_at(text, at);
        at += length;
        if (code == 0x130) // the one character whose lower case is two
            out += "i\xCC\x87";
        else
            append_utf8(out, lower_of(code));
    }
    return out;
}

} // namespace switchyard
