// What is selected in a thread, over any number of messages: by characters, words or lines.
#pragma once

#include "ui/chat/thread_row.h"

#include <memory>
#include <optional>
#include <utility>

namespace switchyard {

class SelectedText;

/// A position in the thread.
struct ThreadSpot {
    int row = -1; ///< -1: none
    LayoutPosition at;
    auto operator<=>(const ThreadSpot&) const = default;
};

class ThreadSelection {
  public:
    enum class Unit { Character, Word, Line };

    /// A press of the button: begins at `spot` with the whole unit around it.
    void press(const ThreadSpot& spot, Unit unit, const ThreadRows& rows);
    /// Goes on from where it began.
    void extend(const ThreadSpot& spot);
    /// The pointer was dragged there. True where something changed.
    bool drag(const ThreadSpot& spot, const ThreadRows& rows);
    void setRange(const ThreadSpot& from, const ThreadSpot& to);
    void selectAll(int rows);
    void clear() { *this = ThreadSelection(); }

    bool begun() const { return anchor_.row >= 0; }
    bool empty() const { return !begun() || anchor_ == cursor_; }
    std::pair<ThreadSpot, ThreadSpot> range() const; ///< in order
    /// Of one message; to be clamped to what it has.
    std::optional<LayoutRange> in(int row) const;

    /// For the clipboard.
    std::unique_ptr<SelectedText> text(const ThreadRows& rows, const ChatStyle& style) const;
    /// All that a message says, of what folds nothing.
    static std::unique_ptr<SelectedText> whole(const ThreadRow& row, const ChatStyle& style);
    /// A few words in one part of a message, as to look for them; else nothing.
    QString phrase(const ThreadRows& rows) const;

  private:
    std::pair<ThreadSpot, ThreadSpot> around(const ThreadSpot& spot, const ThreadRows& rows) const;

    Unit unit_ = Unit::Character;
    ThreadSpot anchor_, cursor_;
    ThreadSpot unit_begin_, unit_end_; ///< of the word or line that it began with
};

} // namespace switchyard
