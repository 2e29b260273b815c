#include "engine/text/chat_turns.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

std::string role_of(const Json& message) { return message.value("role", ""); }

bool is_plain(const Json& message) {
    return message.is_object() && message.contains("role") && message["role"].is_string() &&
           message.contains("content") && message["content"].is_string();
}

bool is_blank(const Json& message) {
    return message["content"].get<std::string>().find_first_not_of(" \t\r\n") == std::string::npos;
}

std::string joined(const Json& first, const Json& second) {
    return first["content"].get<std::string>() + "\n\n" + second["content"].get<std::string>();
}

void append(Json& messages, const Json& message) {
    if (!messages.empty() && role_of(messages.back()) == role_of(message))
        messages.back()["content"] = joined(messages.back(), message);
    else
        messages.push_back(message);
}

Json tidied(const Json& messages) {
    Json out = Json::array();
    for (const Json& message : messages)
        if (!is_blank(message))
            append(out, message);
    return out;
}

} // namespace

Json without_system(const Json& messages) {
    Json out = Json::array(), system;
    for (const Json& message : messages) {
        if (role_of(message) == "system") {
            system = message;
        } else if (!system.is_null() && role_of(message) == "user") {
            Json question = message;
            question["content"] = joined(system, message);
            append(out, question);
            system = nullptr;
        } else {
            append(out, message);
        }
    }
    if (!system.is_null()) { // nothing is asked after it
        system["role"] = "user";
        append(out, system);
    }
    return out;
}

std::vector<Json> plainer_conversations(const Json& messages) {
    std::vector<Json> others;
    if (!messages.is_array() || !std::ranges::all_of(messages, is_plain))
        return others;
    const auto offer = [&](Json other) {
        const Json& last = others.empty() ? messages : others.back();
        if (!other.empty() && other != last)
            others.push_back(std::move(other));
    };
    const Json tidy = tidied(messages);
    offer(tidy);
    Json asked = without_system(tidy);
    offer(asked);
    while (!asked.empty() && role_of(asked.front()) != "user")
        asked.erase(asked.begin());
    offer(asked);
    return others;
}

} // namespace switchyard
