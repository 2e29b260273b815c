#include "ui/chat/message_text_accessible.h"

#include <algorithm>

namespace switchyard {

void MessageTextAccessible::selection(int, int* start, int* end) const { *start = *end = 0; }

int MessageTextAccessible::cursorPosition() const { return std::min(caret_, characterCount()); }

void MessageTextAccessible::setCursorPosition(int position) {
    caret_ = std::clamp(position, 0, characterCount());
    source_.reveal();
}

QString MessageTextAccessible::text(int start, int end) const {
    const QString whole = source_.text();
    const auto size = static_cast<int>(whole.size());
    const int from = std::clamp(start, 0, size);
    return whole.mid(from, std::clamp(end, from, size) - from);
}

int MessageTextAccessible::characterCount() const { return static_cast<int>(source_.text().size()); }

QRect MessageTextAccessible::characterRect(int) const { return source_.rect(); }

int MessageTextAccessible::offsetAtPoint(const QPoint& point) const {
    return source_.rect().contains(point) ? 0 : -1;
}

void MessageTextAccessible::scrollToSubstring(int, int) { source_.reveal(); }

QString MessageTextAccessible::attributes(int, int* start, int* end) const {
    *start = 0; // none: all of it is alike
    *end = characterCount();
    return {};
}

} // namespace switchyard
