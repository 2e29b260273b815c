// What a model thinks and what it says, told apart in the stream of its tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

/// How a model marks its thinking: <think> ... </think>. Some mark the reply that follows as well.
struct ThinkingMarks {
    std::string open, close;
    std::string reply_open, reply_close; ///< empty: the reply is what follows

    bool operator==(const ThinkingMarks&) const = default;
};

/// Marks that are known without asking the model; the first is the usual one.
std::span<const ThinkingMarks> known_thinking_marks();

/// What an answer's reader has to know beforehand.
struct AnswerReading {
    std::string opened;               ///< what the prompt had begun of the answer: "<think>"; mostly empty
    std::vector<ThinkingMarks> marks; ///< the model's own, beside the known ones

    bool operator==(const AnswerReading&) const = default;
};

enum class AnswerPart : std::uint8_t { Text, Thinking };

/// A piece of an answer for the reader's eyes.
struct AnswerPiece {
    AnswerPart part = AnswerPart::Text;
    std::string text;
    std::size_t source = 0; ///< where it begins in all that was pushed, in bytes
    /// Bytes of `text` in front that the model did not write: the space between two messages of one part.
    std::size_t added = 0;
};

/// Reads one answer, token by token: thinking between marks, and the channels of the harmony format (analysis
/// and commentary are thinking, final is text). Marks may come as one token or as several. An answer thinks
/// only where it begins with a mark or a control token stands for one; one that speaks of a mark does not.
/// How the answer is cut into tokens makes no difference.
class AnswerReader {
  public:
    explicit AnswerReader(const AnswerReading& reading = {});
    /// An answer that goes on after a text of part `part`.
    AnswerReader(const AnswerReading& reading, AnswerPart part);

    /// A token: what it adds to the text (UTF-8), and the spelling of a control token, which has no text.
    void push(std::string_view text, std::string_view control, std::vector<AnswerPiece>& pieces);
    /// Nothing more comes: what was held back as the possible beginning of a mark is text.
    void finish(std::vector<AnswerPiece>& pieces);
    /// The part that what comes next belongs to, as far as is known.
    AnswerPart part() const { return part_; }

  private:
    enum class State { Start, Thinking, ReplyStart, Body, Header };
    struct Found {
        std::size_t at = std::string::npos, size = 0;
    };

    bool step(bool last, std::vector<AnswerPiece>& pieces);
    bool start(bool last);
    bool thinking(bool last, std::vector<AnswerPiece>& pieces);
    bool reply_start(bool last);
    bool body(bool last, std::vector<AnswerPiece>& pieces);
    bool header(bool last);
    void open_header();
    void close_header(std::string_view channel);
    bool stands_at(std::string_view mark, std::size_t at) const;
    bool may_stand_at(std::string_view mark, std::size_t at) const;
    bool control_begins(std::size_t at) const;
    std::size_t kept_for(std::string_view mark) const;
    std::size_t skip_space() const;
    void emit(std::size_t size, std::vector<AnswerPiece>& pieces);
    void drop(std::size_t size);
    const ThinkingMarks* opening(std::size_t at, bool& more) const;

    std::vector<ThinkingMarks> marks_;
    ThinkingMarks now_; ///< in force: of the thinking, or of the reply after it
    State state_ = State::Start;
    AnswerPart part_ = AnswerPart::Text;
    bool channels_ = false, spelled_ = false; ///< harmony; its marks come as plain text
    std::string channel_;                     ///< "analysis", while a header is read
    bool in_channel_ = false;
    std::size_t header_size_ = 0;
    // By part: something was given out; a message has ended since.
    std::array<bool, 2> written_{}, gap_{};
    std::string held_;
    std::vector<std::pair<std::size_t, std::size_t>> controls_; ///< [from, to) in held_
    std::size_t dropped_ = 0;                                   ///< bytes that were pushed before held_
};

} // namespace switchyard
