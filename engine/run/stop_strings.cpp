#include "engine/run/stop_strings.h"

#include <algorithm>
#include <utility>

namespace switchyard {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    std::erase_if(strings_, [](const std::string& string) { return string.empty(); });
}

std::string StopStrings::push(std::string_view text) {
    if (found_)
        return "";
    held_ += text;
    std::size_t shown = held_.size();
    for (const std::string& string : strings_)
        if (const std::size_t at = held_.find(string); at != std::string::npos && at <= shown) {
            shown = at;
            found_ = true;
        }
    if (!found_)
        for (const std::string& string : strings_) {
            const std::size_t longest = std::min(string.size() - 1, held_.size());
            for (std::size_t length = longest; length > 0; --length)
                if (held_.ends_with(std::string_view(string).substr(0, length))) {
                    shown = std::min(shown, held_.size() - length);
                    break;
                }
        }
    std::string out = held_.substr(0, shown);
    held_.erase(0, shown);
    if (found_)
        held_.clear();
    return out;
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

} // namespace switchyard
