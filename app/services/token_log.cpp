#include "app/services/token_log.h"

#include "app/services/token_chunk.h"

#include <algorithm>

namespace switchyard {

TokenLog::TokenLog(const std::vector<TokenRecord>& tokens) {
    for (const TokenRecord& token : tokens)
        pushUnlocked(token);
}

void TokenLog::push(const TokenRecord& token) {
    const std::lock_guard lock(mutex_);
    pushUnlocked(token);
}

void TokenLog::pushUnlocked(const TokenRecord& token) {
    if (size_ % kBlock == 0)
        blocks_.emplace_back().tokens.reserve(kBlock);
    blocks_.back().tokens.push_back(token);
    ++blocks_.back().version;
    ++size_;
}

void TokenLog::setLastText(const std::string& text) {
    const std::lock_guard lock(mutex_);
    Block& last = blocks_.back();
    if (last.tokens.empty())
        unpackTokens(std::exchange(last.packed, {}), kBlock, last.tokens);
    last.tokens.back().text = text;
    ++last.version;
}

int TokenLog::size() const {
    const std::lock_guard lock(mutex_);
    return size_;
}

std::vector<TokenChunk> TokenLog::chunks(int first, int end) {
    std::vector<TokenChunk> all;
    for (int block = first / kBlock; block * kBlock < end; ++block)
        all.push_back(chunk(block, end));
    return all;
}

TokenChunk TokenLog::chunk(int block, int end) {
    TokenChunk made{block * kBlock, std::min(kBlock, end - block * kBlock), {}};
    std::vector<TokenRecord> tokens;
    int version = 0;
    {
        const std::lock_guard lock(mutex_);
        const Block& found = blocks_[static_cast<std::size_t>(block)];
        if (found.tokens.empty() && made.count == kBlock) {
            made.bytes = found.packed;
            return made;
        }
        tokens = found.tokens;
        version = found.version;
        if (tokens.empty())
            unpackTokens(found.packed, kBlock, tokens);
    }
    // Packed outside of the lock: whoever appends does not wait for it.
    made.bytes = packTokens(std::span(tokens).first(static_cast<std::size_t>(made.count)));
    const std::lock_guard lock(mutex_);
    Block& found = blocks_[static_cast<std::size_t>(block)];
    if (made.count == kBlock && found.version == version) {
        found.packed = made.bytes;
        found.tokens = {};
    }
    return made;
}

} // namespace switchyard
