#include "engine/text/template_traits.h"

#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <algorithm>
#include <optional>

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

/// A question of one word takes thousands. A template that means harm takes all it may: of one prompt, and
/// of all together.
constexpr std::uint64_t kSteps = 2'000'000, kAllSteps = 4'000'000;
constexpr int kMostProbed = 6;

class Prober {
  public:
    Prober(const ChatTemplate& chat_template, const Json& variables, const std::stop_token& stop)
        : template_(chat_template), stop_(stop) {
        input_.variables = variables.is_object() ? variables : Json::object();
        input_.now = 0; // the same in each prompt
        input_.taken = &taken_;
    }

    SystemRole system_role() {
        static const std::string kWord = "zebra-crossing";
        const std::optional<std::string> prompt = rendered(&kWord);
        if (!prompt)
            return SystemRole::InQuestion;
        return prompt->find(kWord) == std::string::npos ? SystemRole::Unheard : SystemRole::Heard;
    }

    /// Whether the prompt of a question is another with one value of the variable than with the other.
    bool tells_apart(const std::string& name, const Json& one, const Json& other) {
        const Json given = input_.variables;
        const auto with = [&](const Json& value) {
            input_.variables[name] = value;
            return rendered();
        };
        const std::optional<std::string> first = with(one), second = with(other);
        input_.variables = given;
        return first && second && *first != *second;
    }

  private:
    /// A question, behind what a system says. nullopt: the template refuses it, or took all steps before.
    std::optional<std::string> rendered(const std::string* system = nullptr) {
        if (left_ == 0)
            return std::nullopt;
        input_.steps = std::min(kSteps, left_);
        input_.messages = Json::array();
        if (system)
            input_.messages.push_back({{"role", "system"}, {"content", *system}});
        input_.messages.push_back({{"role", "user"}, {"content", "Hello"}});
        try {
            std::optional<std::string> prompt = template_.render(input_, stop_);
            left_ -= std::min(left_, taken_);
            return prompt;
        } catch (const Error&) {
            left_ -= std::min(left_, taken_);
            if (stop_.stop_requested())
                throw;
            return std::nullopt;
        }
    }

    const ChatTemplate& template_;
    const std::stop_token& stop_;
    TemplateInput input_;
    std::uint64_t left_ = kAllSteps, taken_ = 0;
};

bool speaks_of_thinking(const std::string& name) {
    return name.find("think") != std::string::npos || name.find("reason") != std::string::npos;
}

} // namespace

TemplateTraits template_traits(const ChatTemplate& chat_template, const Json& variables,
                               const std::stop_token& stop) {
    Prober prober(chat_template, variables, stop);
    TemplateTraits traits;
    traits.system = prober.system_role();
    int probed = 0;
    for (const std::string& name : chat_template.free_variables()) {
        if (!speaks_of_thinking(name) || ++probed > kMostProbed)
            continue;
        if (prober.tells_apart(name, "low", "high")) { // a word goes further than yes and no
            if (traits.effort.empty())
                traits.effort = name;
        } else if (traits.thinking.empty() && prober.tells_apart(name, true, false)) {
            traits.thinking = name;
        }
    }
    return traits;
}

} // namespace switchyard
