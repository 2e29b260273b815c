#include "ui/chat/thread_find.h"

#include "ui/chat/long_text.h"

#include <algorithm>

namespace switchyard {

void ThreadFind::search(const ThreadRows& rows, int from) {
    matches_.clear();
    current_ = -1;
    if (query_.isEmpty())
        return;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        const std::vector<ContentPart>& parts = rows[row]->content.parts;
        for (std::size_t part = 0; part < parts.size(); ++part) {
            if (parts[part].kind == PartKind::Text)
                searchPart(static_cast<int>(row), static_cast<int>(part), parts[part].text);
        }
    }
    const auto nearest = std::ranges::lower_bound(matches_, from, {}, &Match::row);
    current_ = nearest != matches_.end() ? static_cast<int>(nearest - matches_.begin())
               : matches_.empty()        ? -1
                                         : 0;
}

void ThreadFind::searchPart(int row, int part, const std::string& source) {
    const QString text = QString::fromStdString(source);
    std::size_t bytes = 0; // before the match
    qsizetype units = 0;
    int nth = 0;
    for (qsizetype at = 0; (at = text.indexOf(query_, at, Qt::CaseInsensitive)) >= 0; at += query_.size()) {
        bytes += bytesOfUnits(std::string_view(source).substr(bytes), at - units);
        units = at;
        matches_.push_back({row, nth++, {part, bytes}});
    }
}

void ThreadFind::step(int by) {
    if (total() > 0)
        current_ = (current_ + by + total()) % total();
}

const ThreadFind::Match* ThreadFind::current() const {
    return current_ >= 0 ? &matches_[static_cast<std::size_t>(current_)] : nullptr;
}

} // namespace switchyard
