#include "engine/text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace switchyard::jinja {
namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

/// Characters whose upper or title case is more than one character (Unicode's SpecialCasing, unconditional).
struct SpecialCase {
    char32_t c;
    std::u32string_view upper, title;
};

constexpr SpecialCase special_cases[] = {
    {0x00DF, U"\x53\x53", U"\x53\x73"},
    {0x0149, U"\x2BC\x4E", U"\x2BC\x4E"},
    {0x01F0, U"\x4A\x30C", U"\x4A\x30C"},
    {0x0390, U"\x399\x308\x301", U"\x399\x308\x301"},
    {0x03B0, U"\x3A5\x308\x301", U"\x3A5\x308\x301"},
    {0x0587, U"\x535\x552", U"\x535\x582"},
    {0x1E96, U"\x48\x331", U"\x48\x331"},
    {0x1E97, U"\x54\x308", U"\x54\x308"},
    {0x1E98, U"\x57\x30A", U"\x57\x30A"},
    {0x1E99, U"\x59\x30A", U"\x59\x30A"},
    {0x1E9A, U"\x41\x2BE", U"\x41\x2BE"},
    {0x1F50, U"\x3A5\x313", U"\x3A5\x313"},
    {0x1F52, U"\x3A5\x313\x300", U"\x3A5\x313\x300"},
    {0x1F54, U"\x3A5\x313\x301", U"\x3A5\x313\x301"},
    {0x1F56, U"\x3A5\x313\x342", U"\x3A5\x313\x342"},
    {0x1F80, U"\x1F08\x399", U"\x1F88"},
    {0x1F81, U"\x1F09\x399", U"\x1F89"},
    {0x1F82, U"\x1F0A\x399", U"\x1F8A"},
    {0x1F83, U"\x1F0B\x399", U"\x1F8B"},
    {0x1F84, U"\x1F0C\x399", U"\x1F8C"},
    {0x1F85, U"\x1F0D\x399", U"\x1F8D"},
    {0x1F86, U"\x1F0E\x399", U"\x1F8E"},
    {0x1F87, U"\x1F0F\x399", U"\x1F8F"},
    {0x1F88, U"\x1F08\x399", U"\x1F88"},
    {0x1F89, U"\x1F09\x399", U"\x1F89"},
    {0x1F8A, U"\x1F0A\x399", U"\x1F8A"},
    {0x1F8B, U"\x1F0B\x399", U"\x1F8B"},
    {0x1F8C, U"\x1F0C\x399", U"\x1F8C"},
    {0x1F8D, U"\x1F0D\x399", U"\x1F8D"},
    {0x1F8E, U"\x1F0E\x399", U"\x1F8E"},
    {0x1F8F, U"\x1F0F\x399", U"\x1F8F"},
    {0x1F90, U"\x1F28\x399", U"\x1F98"},
    {0x1F91, U"\x1F29\x399", U"\x1F99"},
    {0x1F92, U"\x1F2A\x399", U"\x1F9A"},
    {0x1F93, U"\x1F2B\x399", U"\x1F9B"},
    {0x1F94, U"\x1F2C\x399", U"\x1F9C"},
    {0x1F95, U"\x1F2D\x399", U"\x1F9D"},
    {0x1F96, U"\x1F2E\x399", U"\x1F9E"},
    {0x1F97, U"\x1F2F\x399", U"\x1F9F"},
    {0x1F98, U"\x1F28\x399", U"\x1F98"},
    {0x1F99, U"\x1F29\x399", U"\x1F99"},
    {0x1F9A, U"\x1F2A\x399", U"\x1F9A"},
    {0x1F9B, U"\x1F2B\x399", U"\x1F9B"},
    {0x1F9C, U"\x1F2C\x399", U"\x1F9C"},
    {0x1F9D, U"\x1F2D\x399", U"\x1F9D"},
    {0x1F9E, U"\x1F2E\x399", U"\x1F9E"},
    {0x1F9F, U"\x1F2F\x399", U"\x1F9F"},
    {0x1FA0, U"\x1F68\x399", U"\x1FA8"},
    {0x1FA1, U"\x1F69\x399", U"\x1FA9"},
    {0x1FA2, U"\x1F6A\x399", U"\x1FAA"},
    {0x1FA3, U"\x1F6B\x399", U"\x1FAB"},
    {0x1FA4, U"\x1F6C\x399", U"\x1FAC"},
    {0x1FA5, U"\x1F6D\x399", U"\x1FAD"},
    {0x1FA6, U"\x1F6E\x399", U"\x1FAE"},
    {0x1FA7, U"\x1F6F\x399", U"\x1FAF"},
    {0x1FA8, U"\x1F68\x399", U"\x1FA8"},
    {0x1FA9, U"\x1F69\x399", U"\x1FA9"},
    {0x1FAA, U"\x1F6A\x399", U"\x1FAA"},
    {0x1FAB, U"\x1F6B\x399", U"\x1FAB"},
    {0x1FAC, U"\x1F6C\x399", U"\x1FAC"},
    {0x1FAD, U"\x1F6D\x399", U"\x1FAD"},
    {0x1FAE, U"\x1F6E\x399", U"\x1FAE"},
    {0x1FAF, U"\x1F6F\x399", U"\x1FAF"},
    {0x1FB2, U"\x1FBA\x399", U"\x1FBA\x345"},
    {0x1FB3, U"\x391\x399", U"\x1FBC"},
    {0x1FB4, U"\x386\x399", U"\x386\x345"},
    {0x1FB6, U"\x391\x342", U"\x391\x342"},
    {0x1FB7, U"\x391\x342\x399", U"\x391\x342\x345"},
    {0x1FBC, U"\x391\x399", U"\x1FBC"},
    {0x1FC2, U"\x1FCA\x399", U"\x1FCA\x345"},
    {0x1FC3, U"\x397\x399", U"\x1FCC"},
    {0x1FC4, U"\x389\x399", U"\x389\x345"},
    {0x1FC6, U"\x397\x342", U"\x397\x342"},
    {0x1FC7, U"\x397\x342\x399", U"\x397\x342\x345"},
    {0x1FCC, U"\x397\x399", U"\x1FCC"},
    {0x1FD2, U"\x399\x308\x300", U"\x399\x308\x300"},
    {0x1FD3, U"\x399\x308\x301", U"\x399\x308\x301"},
    {0x1FD6, U"\x399\x342", U"\x399\x342"},
    {0x1FD7, U"\x399\x308\x342", U"\x399\x308\x342"},
    {0x1FE2, U"\x3A5\x308\x300", U"\x3A5\x308\x300"},
    {0x1FE3, U"\x3A5\x308\x301", U"\x3A5\x308\x301"},
    {0x1FE4, U"\x3A1\x313", U"\x3A1\x313"},
    {0x1FE6, U"\x3A5\x342", U"\x3A5\x342"},
    {0x1FE7, U"\x3A5\x308\x342", U"\x3A5\x308\x342"},
    {0x1FF2, U"\x1FFA\x399", U"\x1FFA\x345"},
    {0x1FF3, U"\x3A9\x399", U"\x1FFC"},
    {0x1FF4, U"\x38F\x399", U"\x38F\x345"},
    {0x1FF6, U"\x3A9\x342", U"\x3A9\x342"},
    {0x1FF7, U"\x3A9\x342\x399", U"\x3A9\x342\x345"},
    {0x1FFC, U"\x3A9\x399", U"\x1FFC"},
    {0xFB00, U"\x46\x46", U"\x46\x66"},
    {0xFB01, U"\x46\x49", U"\x46\x69"},
    {0xFB02, U"\x46\x4C", U"\x46\x6C"},
    {0xFB03, U"\x46\x46\x49", U"\x46\x66\x69"},
    {0xFB04, U"\x46\x46\x4C", U"\x46\x66\x6C"},
    {0xFB05, U"\x53\x54", U"\x53\x74"},
    {0xFB06, U"\x53\x54", U"\x53\x74"},
    {0xFB13, U"\x544\x546", U"\x544\x576"},
    {0xFB14, U"\x544\x535", U"\x544\x565"},
    {0xFB15, U"\x544\x53B", U"\x544\x56B"},
    {0xFB16, U"\x54E\x546", U"\x54E\x576"},
    {0xFB17, U"\x544\x53D", U"\x544\x56D"},
};

const SpecialCase* special_case(char32_t c) {
    const auto* const it =
        std::lower_bound(std::begin(special_cases), std::end(special_cases), c,
                         [](const SpecialCase& entry, char32_t value) { return entry.c < value; });
    return it != std::end(special_cases) && it->c == c ? it : nullptr;
}

void append_upper(std::u32string& out, char32_t c) {
    if (const SpecialCase* entry = special_case(c))
        out += entry->upper;
    else
        out += static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

void append_title(std::u32string& out, char32_t c) {
    if (const SpecialCase* entry = special_case(c))
        out += entry->title;
    else
        out += static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c)));
}

bool is_cased(char32_t c) { return is_lower(c) || is_upper(c) || is_title(c); }

bool is_case_ignorable(char32_t c) {
    static constexpr std::u32string_view marks = U"'.:^`\u00A8\u00AD\u00B7\u2018\u2019\u2024\u2027";
    const utf8proc_category_t kind = category(c);
    return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME || kind == UTF8PROC_CATEGORY_CF ||
           kind == UTF8PROC_CATEGORY_LM || kind == UTF8PROC_CATEGORY_SK ||
           marks.find(c) != std::u32string_view::npos;
}

/// Whether the capital sigma at i ends a word, and so becomes the final form.
bool is_final_sigma(std::u32string_view text, std::size_t i) {
    std::size_t before = i;
    while (before > 0 && is_case_ignorable(text[before - 1]))
        --before;
    if (before == 0 || !is_cased(text[before - 1]))
        return false;
    std::size_t after = i + 1;
    while (after < text.size() && is_case_ignorable(text[after]))
        ++after;
    return after == text.size() || !is_cased(text[after]);
}

void append_lower(std::u32string& out, std::u32string_view text, std::size_t i) {
    constexpr char32_t kCapitalSigma = 0x03A3, kCapitalDottedI = 0x0130;
    if (text[i] == kCapitalSigma)
        out += is_final_sigma(text, i) ? char32_t{0x03C2} : char32_t{0x03C3};
    else if (text[i] == kCapitalDottedI)
        out += U"i\u0307";
    else
        out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(text[i])));
}

} // namespace

char32_t decode_at(std::string_view text, std::size_t& pos) {
    const auto lead = static_cast<unsigned char>(text[pos]);
    if (lead < 0x80) {
        ++pos;
        return lead;
    }
    utf8proc_int32_t c = -1;
    const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + pos);
    const utf8proc_ssize_t size =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - pos), &c);
    if (size <= 0 || c < 0) {
        ++pos;
        return 0xFFFD;
    }
    pos += static_cast<std::size_t>(size);
    return static_cast<char32_t>(c);
}

void append_utf8(std::string& out, char32_t c) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

std::u32string to_utf32(std::string_view text) {
    std::u32string out;
    out.reserve(text.size());
    for (std::size_t pos = 0; pos < text.size();)
        out += decode_at(text, pos);
    return out;
}

std::string to_utf8(std::u32string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char32_t c : text)
        append_utf8(out, c);
    return out;
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t pos = 0; pos < text.size();)
        append_utf8(out, decode_at(text, pos));
    return out;
}

std::size_t count_code_points(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_space(char32_t c) {
    if (c < 0x80)
        return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    return c == 0x85 || c == 0xA0 || category(c) == UTF8PROC_CATEGORY_ZS || c == 0x2028 || c == 0x2029;
}

bool is_alpha(char32_t c) {
    const utf8proc_category_t kind = category(c);
    return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_digit(char32_t c) {
    const bool superscript = c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
                             (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089);
    const bool circled = (c >= 0x2460 && c <= 0x2468) || (c >= 0x2776 && c <= 0x277E);
    return is_decimal(c) || superscript || circled;
}

bool is_numeric(char32_t c) {
    const utf8proc_category_t kind = category(c);
    static constexpr std::u32string_view numerals = U"一二三四五六七八九十百千万亿零〇";
    return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO ||
           numerals.find(c) != std::u32string_view::npos;
}

bool is_printable(char32_t c) {
    if (c < 0x7F)
        return c >= 0x20;
    switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
        return false;
    default:
        return true;
    }
}

bool is_lower(char32_t c) { return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0; }
bool is_upper(char32_t c) { return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0; }
bool is_title(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }

bool is_word(char32_t c) {
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    return is_alpha(c) || is_numeric(c);
}

bool is_identifier_start(char32_t c) { return c == '_' || is_alpha(c); }

int decimal_value(char32_t c) {
    if (c >= '0' && c <= '9')
        return static_cast<int>(c - '0');
    if (c < 0x80 || !is_decimal(c))
        return -1;
    // Decimal digits come in runs of ten from zero to nine, nearly all of which start where this finds it.
    char32_t zero = c;
    while (c - zero < 9 && is_decimal(zero - 1))
        --zero;
    return static_cast<int>(c - zero) % 10;
}

std::u32string upper(std::u32string_view text) {
    std::u32string out;
    for (const char32_t c : text)
        append_upper(out, c);
    return out;
}

std::u32string lower(std::u32string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size(); ++i)
        append_lower(out, text, i);
    return out;
}

std::u32string title(std::u32string_view text) {
    std::u32string out;
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (inside)
            append_lower(out, text, i);
        else
            append_title(out, text[i]);
        inside = is_cased(text[i]);
    }
    return out;
}

std::u32string capitalize(std::u32string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (i == 0)
            append_title(out, text[0]);
        else
            append_lower(out, text, i);
    return out;
}

std::u32string swap_case(std::u32string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (is_upper(text[i]))
            append_lower(out, text, i);
        else if (is_lower(text[i]))
            append_upper(out, text[i]);
        else
            out += text[i];
    return out;
}

std::u32string case_fold(std::u32string_view text) {
    std::u32string out;
    for (const char32_t c : text) {
        utf8proc_int32_t folded[8];
        int last_class = 0;
        const utf8proc_ssize_t size = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 8,
                                                              UTF8PROC_CASEFOLD, &last_class);
        for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(size, 8); ++i)
            out += static_cast<char32_t>(folded[i]);
    }
    return out;
}

} // namespace switchyard::jinja
