// Normal forms and case. Hugging Face's tokenizers normalizes by the tables of Unicode 9: to characters added
// since then nothing happens, and they part what is around them.
#include "engine/base/error.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utf8proc.h>
#include <vector>

namespace switchyard {

namespace {

// Characters added in Unicode 10 to 15 that are marks, decompose or compose.
struct CodeRange {
    char32_t first, last;
};
constexpr std::array<CodeRange, 85> newer = {
    {{0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xAFA, 0xAFF},
     {0xB55, 0xB55},     {0xC04, 0xC04},     {0xC3C, 0xC3C},     {0xCF3, 0xCF3},     {0xD00, 0xD00},
     {0xD3B, 0xD3C},     {0xD81, 0xD81},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x1715, 0x1715},
     {0x180F, 0x180F},   {0x1ABF, 0x1ACE},   {0x1CF7, 0x1CF7},   {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},
     {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xA8FF, 0xA8FF},   {0xAB69, 0xAB69},   {0x10781, 0x10785},
     {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
     {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x11073, 0x11074}, {0x110C2, 0x110C2},
     {0x11145, 0x11146}, {0x111C9, 0x111C9}, {0x111CE, 0x111CF}, {0x11241, 0x11241}, {0x1133B, 0x1133B},
     {0x1145E, 0x1145E}, {0x1182C, 0x1183A}, {0x11930, 0x11935}, {0x11937, 0x11938}, {0x1193B, 0x1193E},
     {0x11940, 0x11940}, {0x11942, 0x11943}, {0x119D1, 0x119D7}, {0x119DA, 0x119E0}, {0x119E4, 0x119E4},
     {0x11A01, 0x11A0A}, {0x11A33, 0x11A39}, {0x11A3B, 0x11A3E}, {0x11A47, 0x11A47}, {0x11A51, 0x11A5B},
     {0x11A8A, 0x11A99}, {0x11D31, 0x11D36}, {0x11D3A, 0x11D3A}, {0x11D3C, 0x11D3D}, {0x11D3F, 0x11D45},
     {0x11D47, 0x11D47}, {0x11D8A, 0x11D8E}, {0x11D90, 0x11D91}, {0x11D93, 0x11D97}, {0x11EF3, 0x11EF6},
     {0x11F00, 0x11F01}, {0x11F03, 0x11F03}, {0x11F34, 0x11F3A}, {0x11F3E, 0x11F42}, {0x13440, 0x13440},
     {0x13447, 0x13455}, {0x16F4F, 0x16F4F}, {0x16F7F, 0x16F87}, {0x16FE4, 0x16FE4}, {0x16FF0, 0x16FF1},
     {0x1CF00, 0x1CF2D}, {0x1CF30, 0x1CF46}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
     {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}}};

bool is_newer(char32_t code) {
    if (code < newer.front().first)
        return false;
    const auto after = std::upper_bound(newer.begin(), newer.end(), code,
                                        [](char32_t c, const CodeRange& range) { return c < range.first; });
    return code <= (after - 1)->last;
}

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
        const int order = code < 0x300 || is_newer(code)
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

bool is_accent(char32_t code) {
    if (code == 0x1CF2 || code == 0x1CF3) // letters since Unicode 12
        return true;
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME && !is_newer(code);
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
        if (is_newer(code)) {
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
            append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
    }
    return out;
}

} // namespace switchyard
