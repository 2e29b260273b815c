// What Python writes into JSON files and JSON does not know.
#pragma once

#include <string>
#include <string_view>

namespace switchyard {

/// The text with null in place of the words for numbers without end, outside of strings.
std::string without_infinities(std::string_view text);

} // namespace switchyard
