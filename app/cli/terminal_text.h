// Text from files and models on its way to a terminal, which takes control characters for commands.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace switchyard {

/// One line: white space that breaks lines becomes a blank, other control characters (C0, C1, DEL, those that
/// turn the direction of text) a question mark, and what is no UTF-8 U+FFFD.
std::string one_line(std::string_view text);

/// Text as a model wrote it, valid UTF-8. Where stdout is a terminal, newlines and tabs are all that is left
/// of its control characters; a file or another program gets every byte.
std::string for_stdout(std::string_view text);

/// Writes "switchyard-cli: <note>" to stderr, in one line; nothing where the note is empty. What was printed
/// before it comes before it, also where both go to the same place.
void print_note(std::string_view note);
/// The same in the words for a person, without the program's name.
void print_remark(std::string_view remark);
/// A line on stderr that the next one replaces; "" or a note takes it away. Only where someone watches.
void print_progress(std::string_view line);
/// Says which files had the names of the new ones.
void print_replaced(std::span<const std::filesystem::path> files);

/// JSON with all control characters escaped, and U+FFFD for what is no UTF-8. `indent`: -1 for one line.
std::string json_text(const nlohmann::ordered_json& json, int indent = 2);

} // namespace switchyard
