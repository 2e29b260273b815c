// Literal search and replacement in time linear in the text, whatever is looked for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// `text` with every occurrence of `from`, which is not empty, replaced by `to`, from left to right. Throws
/// Error where the result is longer than `limit` bytes.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to, std::size_t limit);

} // namespace switchyard
