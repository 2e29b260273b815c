// The tokens of an answer's record in columns, as a file of chats has them: a fifth of the room that one
// object a token takes, and no less is said.
#pragma once

#include "engine/run/record.h"

#include <nlohmann/json_fwd.hpp>

#include <vector>

namespace switchyard {

/// {"ids": [...], "texts": [...], "latency_ms": [...], "probability": [...], "control": [[token, text] ...],
/// "drafted": [token ...], "changes": [{"token": 0, ...} ...]}: a change has what is otherwise than at the
/// token before of all else that a token's record says.
nlohmann::ordered_json tokenColumns(const std::vector<TokenRecord>& tokens);

/// Throws Error where the JSON is not that, or says what no token can have.
std::vector<TokenRecord> tokensFromColumns(const nlohmann::ordered_json& columns);

} // namespace switchyard
