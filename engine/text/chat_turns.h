// Conversations that a chat template refuses, told in a way it accepts.
#pragma once

#include <nlohmann/json.hpp>

#include <vector>

namespace switchyard {

/// Other ways to say a conversation ([{"role": ..., "content": ...}, ...]), each for templates that are
/// stricter than the one before: without empty messages and with neighbours of one role joined, for those
/// that want roles to alternate; then with the system prompt put before the first question, for those that
/// know no system; then without what stands before the first question. Only those that differ.
std::vector<nlohmann::ordered_json> plainer_conversations(const nlohmann::ordered_json& messages);

/// The conversation with what the system says put before the question that follows it.
nlohmann::ordered_json without_system(const nlohmann::ordered_json& messages);

} // namespace switchyard
