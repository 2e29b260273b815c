// The prompt of models that have no chat template, and the end of their answers: they go on with the next
// turn by themselves.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// "User: ...", "Assistant: ..." of messages with role and content, up to where the next answer begins.
std::string plain_prompt(const nlohmann::ordered_json& messages);

/// What begins a turn in plain_prompt(), at the beginning of a line.
const std::vector<std::string>& plain_roles();

/// Takes an answer's text piece by piece and gives back what can be shown of it: up to a line that begins
/// with a role. What may become such a line, and the white space before it, is held back until it is known.
class RoleStop {
  public:
    explicit RoleStop(std::vector<std::string> roles) : roles_(std::move(roles)) {}

    /// What may be shown now, often "".
    std::string push(std::string_view text);
    /// The rest, at the end of an answer that no role has ended.
    std::string flush();
    /// A role was found: the answer ended in front of it.
    bool found() const { return found_; }
    bool empty() const { return roles_.empty(); }

  private:
    std::vector<std::string> roles_;
    std::string held_;
    bool found_ = false;
};

} // namespace switchyard
