// What authors, states and kinds of parts are called in a file of chats.
#pragma once

#include "app/services/message.h"

#include <array>
#include <optional>
#include <string_view>

namespace switchyard {

inline constexpr std::array<std::string_view, 3> kAuthorNames{"system", "user", "assistant"};
inline constexpr std::array<std::string_view, 5> kStateNames{"complete", "streaming", "interrupted",
                                                             "stopped", "failed"};
inline constexpr std::array<std::string_view, 5> kKindNames{"text", "thinking", "file", "tool_call",
                                                            "tool_result"};

constexpr std::string_view authorName(Author author) {
    return kAuthorNames[static_cast<std::size_t>(author)];
}
constexpr std::string_view stateName(MessageState state) {
    return kStateNames[static_cast<std::size_t>(state)];
}
constexpr std::string_view kindName(PartKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

/// The value of that name; nothing: there is none.
template <typename T, std::size_t N>
std::optional<T> named(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == name)
            return static_cast<T>(i);
    }
    return {};
}

} // namespace switchyard
