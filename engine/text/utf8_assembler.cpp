#include "engine/text/tokenizer.h"
#include "engine/text/unicode.h"

namespace switchyard {

std::string Utf8Assembler::push(std::string_view bytes) {
    held_ += bytes;
    std::string out;
    std::size_t at = 0;
    while (at < held_.size()) {
        const Utf8Piece piece = utf8_check(held_, at);
        if (piece.state == Utf8State::CutOff)
            break;
        if (piece.state == Utf8State::Whole)
            out.append(held_, at, piece.length);
        else
            append_utf8(out, 0xFFFD);
        at += piece.length;
    }
    held_.erase(0, at);
    return out;
}

std::string Utf8Assembler::flush() {
    std::string out = utf8_repaired(held_);
    held_.clear();
    return out;
}

} // namespace switchyard
