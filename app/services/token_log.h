// The tokens of an answer that grows, between who makes it and the store: the one appends, the other packs
// what its file does not have yet.
#pragma once

#include "engine/run/record.h"

#include <QByteArray>

#include <mutex>
#include <vector>

namespace switchyard {

/// A stretch of tokens, as in the table `run_tokens`.
struct TokenChunk {
    int first = 0, count = 0;
    QByteArray bytes; ///< packTokens()
};

/// May be used from several threads.
class TokenLog {
  public:
    static constexpr int kBlock = 256; ///< tokens of a full chunk

    TokenLog() = default;
    explicit TokenLog(const std::vector<TokenRecord>& tokens);
    void push(const TokenRecord& token);
    /// The last token's text was not whole. PRECOND: size() > 0.
    void setLastText(const std::string& text);
    int size() const;
    /// The chunks that hold the tokens from `first` up to `end`, without it; the first of them may begin
    /// earlier. Costs in proportion to these. PRECOND: 0 <= first <= end <= size().
    std::vector<TokenChunk> chunks(int first, int end);

  private:
    struct Block {
        std::vector<TokenRecord> tokens; ///< empty once packed
        QByteArray packed;               ///< of a full block
        int version = 0;                 ///< counts changes
    };
    void pushUnlocked(const TokenRecord& token);
    TokenChunk chunk(int block, int end);

    mutable std::mutex mutex_;
    std::vector<Block> blocks_; ///< guarded
    int size_ = 0;              ///< guarded
};

} // namespace switchyard
