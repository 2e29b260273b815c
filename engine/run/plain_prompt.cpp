#include "engine/run/plain_prompt.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

constexpr std::string_view kBlanks = " \t", kSpace = " \t\r\n";

/// Where the white space that ends at `end` begins.
std::size_t without_space(std::string_view text, std::size_t end) {
    const std::size_t last = end == 0 ? text.npos : text.find_last_not_of(kSpace, end - 1);
    return last == text.npos ? 0 : last + 1;
}

} // namespace

std::string plain_prompt(const nlohmann::ordered_json& messages) {
    std::string text;
    for (const auto& message : messages) {
        const std::string role = message.value("role", "");
        if (role != "system")
            text += plain_roles()[role == "user" ? 0 : 1] + " ";
        text += message.value("content", "") + "\n\n";
    }
    return text + plain_roles()[1];
}

const std::vector<std::string>& plain_roles() {
    static const std::vector<std::string> roles{"User:", "Assistant:"};
    return roles;
}

std::string RoleStop::push(std::string_view text) {
    if (roles_.empty())
        return std::string(text);
    if (found_)
        return "";
    held_ += text;
    std::size_t shown = held_.size();
    for (std::size_t line = held_.find('\n'); line != std::string::npos; line = held_.find('\n', line + 1)) {
        const std::size_t begin = std::min(held_.find_first_not_of(kBlanks, line + 1), held_.size());
        const std::string_view rest = std::string_view(held_).substr(begin);
        found_ = std::ranges::any_of(roles_, [&](const std::string& r) { return rest.starts_with(r); });
        if (found_ ||
            std::ranges::any_of(roles_, [&](const std::string& r) { return r.starts_with(rest); })) {
            shown = line;
            break;
        }
    }
    shown = without_space(held_, shown);
    std::string out = held_.substr(0, shown);
    held_.erase(0, shown);
    if (found_)
        held_.clear();
    return out;
}

std::string RoleStop::flush() { return std::exchange(held_, {}); }

} // namespace switchyard
