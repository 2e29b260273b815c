// Splits a template into tokens, white space control applied (trim_blocks and lstrip_blocks are on).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

enum class TokenType : std::uint8_t {
    Data,
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End
};

struct Token {
    TokenType type = TokenType::End;
    std::string text;         ///< name, operator, unescaped string, or template text
    std::int64_t integer = 0; ///< Integer
    double real = 0;          ///< Float
    int line = 1;
};

/// Tokens in order, the last of type End. Line ends of all kinds become "\n" and one at the very end is
/// dropped. Throws Error naming the line.
std::vector<Token> tokenize(std::string_view source);

/// How a token is called in messages.
std::string describe(const Token& token);

} // namespace switchyard::jinja
