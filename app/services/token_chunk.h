// A stretch of an answer's tokens as it lies in the database.
#pragma once

#include "engine/run/record.h"

#include <QByteArray>

#include <span>

namespace switchyard {

/// A byte for the version, then token after token, what did not change since the one before left out; all of
/// it compressed (qCompress).
QByteArray packTokens(std::span<const TokenRecord> tokens);
/// Appends what packTokens() wrote to `tokens`. Throws Error where the bytes are not `count` tokens.
void unpackTokens(const QByteArray& bytes, int count, std::vector<TokenRecord>& tokens);

} // namespace switchyard
