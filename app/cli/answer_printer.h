// Prints an answer as it comes, its thinking apart from what it says.
#pragma once

#include "engine/run/scheduler.h"
#include "engine/text/answer_reader.h"

#include <cstdio>

namespace switchyard {

class AnswerPrinter {
  public:
    /// What is said goes to `out`, what is thought, faintly, to `thoughts` where that is a terminal. Either
    /// may be nullptr.
    AnswerPrinter(const AnswerReading& reading, std::FILE* out, std::FILE* thoughts);

    /// False: it cannot be written any more.
    bool take(const SchedulerEvent& event);
    /// Nothing more comes.
    bool finish();

    /// What was read so far, neighbouring pieces of one part joined.
    const std::vector<AnswerPiece>& parts() const { return parts_; }
    std::string said() const;
    bool has_said() const;
    bool has_thought() const;

  private:
    bool print(const std::vector<AnswerPiece>& pieces);

    AnswerReader reader_;
    std::FILE *out_, *thoughts_;
    std::vector<AnswerPiece> parts_;
};

/// What to say of an answer that did not end by itself; empty: nothing. `how_on`: how to go on with it,
/// `how_raise`: how to raise the limit of tokens.
std::string ending_note(const RunRecord& record, const AnswerPrinter& answer, const std::string& how_on,
                        const std::string& how_raise);

} // namespace switchyard
