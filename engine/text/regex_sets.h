// The sets of characters that Oniguruma's patterns name, spelled as contents of PCRE2's classes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

struct RegexSet {
    std::string contents;
    bool negated = false; ///< everything but the contents
};

/// \s, \w, \h, \d and their complements; nothing for another letter. Within a class \w is a little less.
std::optional<RegexSet> regex_escape_set(char letter, bool in_class);
/// [:name:].
std::optional<RegexSet> regex_posix_set(std::string_view name);
/// \p{name}: a general category, a script, a POSIX name or another property; whether PCRE2 knows the last is
/// for it to say.
RegexSet regex_property_set(std::string_view name);

} // namespace switchyard
