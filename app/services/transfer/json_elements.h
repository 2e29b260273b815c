// What a JSON file of chats is made of, one chat after the other: only one of them is in memory, and of our
// own form only one message.
#pragma once

#include "app/services/transfer/json_bytes.h"

#include <nlohmann/json.hpp>

namespace switchyard {

class ElementSink {
  public:
    using Json = nlohmann::json;
    virtual ~ElementSink() = default;
    /// An element of a list, or the file's one object: of whichever program.
    virtual void takeElement(Json element) = 0;
    // Of our own form:
    /// What stands before the chats: "format" first.
    virtual void takeHead(const std::string& key, const Json& value) = 0;
    virtual void takeMessage(const Json& message) = 0;
    /// All of a chat but its messages, which came before.
    virtual void takeChat(const Json& chat) = 0;
};

/// Reads all of it. Throws TransferError where it is no JSON, or beyond a limit; what was given until then
/// stands.
void readElements(JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink);

} // namespace switchyard
