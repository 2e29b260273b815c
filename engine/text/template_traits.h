// What a chat template makes of the things it may be given, found out by asking it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <stop_token>
#include <string>

namespace switchyard {

class ChatTemplate;

enum class SystemRole {
    Heard,      ///< the template tells the model what the system says
    InQuestion, ///< it refuses a system's message: what that says goes before the first question
    Unheard     ///< it passes over a system's message in silence, so that goes there, too
};

struct TemplateTraits {
    SystemRole system = SystemRole::Heard;
    /// Variables by which the template is told whether the model is to think, and how much; "": it asks for
    /// none.
    std::string thinking, effort;
};

/// Renders a short conversation with and without a system's message, and with each of the template's free
/// variables whose name speaks of thinking: one that makes another prompt of true than of false is the
/// switch, one that makes another of "low" than of "high" the effort. `variables`: bos_token and the like.
/// Throws Error where `stop` is asked for.
TemplateTraits template_traits(const ChatTemplate& chat_template, const nlohmann::ordered_json& variables,
                               const std::stop_token& stop = {});

} // namespace switchyard
