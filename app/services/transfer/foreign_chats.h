// Chats of other programs. What each of them writes is known by what is in it, not by the file's name. There
// are no records in them: how an answer was made is not known, and none of them is run again.
#pragma once

#include "app/services/whole_chat.h"

#include <nlohmann/json_fwd.hpp>

#include <array>

namespace switchyard {

struct ForeignKind {
    const char* program; ///< its name
    bool (*isOne)(const nlohmann::json& element);
    /// A chat with ids of its own; without messages where it has none. Throws TransferError where it is too
    /// large. PRECOND: isOne().
    WholeChat (*read)(const nlohmann::json& element);
};

bool isChatGptChat(const nlohmann::json& element);
WholeChat readChatGptChat(const nlohmann::json& element);
bool isOpenWebUiChat(const nlohmann::json& element);
WholeChat readOpenWebUiChat(const nlohmann::json& element);
bool isLmStudioChat(const nlohmann::json& element);
WholeChat readLmStudioChat(const nlohmann::json& element);

inline constexpr std::array kForeignKinds{ForeignKind{"ChatGPT", isChatGptChat, readChatGptChat},
                                          ForeignKind{"Open WebUI", isOpenWebUiChat, readOpenWebUiChat},
                                          ForeignKind{"LM Studio", isLmStudioChat, readLmStudioChat}};

/// Behind what is there already.
void addSystemPrompt(WholeChat& chat, const QList<MessagePart>& parts);
/// What all of them need at the end: a title, times, an id, and `source` of what it says.
/// PRECOND: its messages are there.
void finishForeignChat(WholeChat& chat, const char* program, const std::string& id);
/// A chat's fingerprint: equal where it says the same.
QByteArray sourceOf(const WholeChat& chat, const QByteArray& origin);

} // namespace switchyard
