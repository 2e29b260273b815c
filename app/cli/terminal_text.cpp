#include "app/cli/terminal_text.h"

#include "engine/text/unicode.h"

#include <cstdio>
#include <unistd.h>

namespace switchyard {
namespace {

bool turns_direction(char32_t code) {
    return code == 0x61C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}
bool is_command(char32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

/// `replace` says what stands for a character, nullptr: itself.
template <typename Replace>
std::string replaced_characters(std::string_view text, Replace&& replace) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, length] = utf8_at(text, at);
        if (const char* instead = replace(code))
            out += instead;
        else
            out.append(text, at, length);
        at += length;
    }
    return out;
}

/// Whether the last line of stderr is one that stays for the moment only.
bool progress_stands = false;

} // namespace

std::string one_line(std::string_view text) {
    return replaced_characters(utf8_repaired(text), [](char32_t code) -> const char* {
        const bool breaks = (code >= 0x9 && code <= 0xD) || code == 0x85 || code == 0x2028 || code == 0x2029;
        return breaks ? " " : is_command(code) || turns_direction(code) ? "?" : nullptr;
    });
}

std::string for_stdout(std::string_view text) {
    static const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    if (!terminal)
        return std::string(text);
    return replaced_characters(utf8_repaired(text), [](char32_t code) -> const char* {
        if (code == '\r') // of a line end; alone it would write over the line
            return "";
        return is_command(code) && code != '\n' && code != '\t' ? "?" : nullptr;
    });
}

void print_progress(std::string_view line) {
    static const bool terminal = ::isatty(STDERR_FILENO) != 0;
    if (terminal && (progress_stands || !line.empty()))
        std::fprintf(stderr, "\r\033[K%s", one_line(line).c_str());
    progress_stands = terminal && !line.empty();
}

void print_remark(std::string_view remark) {
    if (remark.empty())
        return;
    print_progress("");
    std::fflush(stdout); // a failure stays known to the stream
    std::fprintf(stderr, "%s\n", one_line(remark).c_str());
}

void print_note(std::string_view note) {
    if (!note.empty())
        print_remark("switchyard-cli: " + std::string(note));
}

void print_replaced(std::span<const std::filesystem::path> files) {
    for (const std::filesystem::path& file : files)
        print_note(file.string() + " existed and was replaced");
}

std::string json_text(const nlohmann::ordered_json& json, int indent) {
    const std::string plain = json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::string out;
    for (std::size_t at = 0; at < plain.size();) {
        const auto [code, length] = utf8_at(plain, at);
        if (turns_direction(code) || (code >= 0x7F && code < 0xA0)) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(code));
            out += escape;
        } else {
            out.append(plain, at, length);
        }
        at += length;
    }
    return out;
}

} // namespace switchyard
