#include "app/services/transfer/json_bytes.h"

#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>

#include <optional>
#include <string_view>

namespace switchyard {

namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kLongestSequence = 12; ///< an escaped surrogate pair
constexpr std::string_view kUnknown = "\xEF\xBF\xBD";
constexpr std::string_view kUnknownEscaped = "\\ufffd";

/// Of the escape \uXXXX at the beginning; nothing: it is none.
std::optional<unsigned> unitOf(std::string_view text) {
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u')
        return {};
    unsigned unit = 0;
    for (const char c : text.substr(2, 4)) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return {};
        unit = unit * 16 + static_cast<unsigned>(digit);
    }
    return unit;
}

bool isHigh(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool isLow(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

/// Bytes of the UTF-8 sequence at the beginning; 0: it is none, though it may be the beginning of one.
std::size_t sequenceLength(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    }
    const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool beyond = (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
    return overlong || beyond ? 0 : length;
}

} // namespace

bool JsonBytes::fill() {
    while (!ended_) {
        const std::size_t kept = raw_.size();
        raw_.resize(kept + kPiece);
        const qint64 got = source_.read(raw_.data() + kept, static_cast<qint64>(kPiece));
        raw_.resize(kept + static_cast<std::size_t>(got));
        read_ += got;
        ended_ = got == 0;
        if (read_ > limits_.file)
            throw TransferError(QCoreApplication::translate("ChatTransfer", "it is larger than %1 GiB")
                                    .arg(limits_.file >> 30));
        look();
        clean(ended_);
        if (!clean_.empty()) {
            at_ = clean_.data();
            end_ = at_ + clean_.size();
            return true;
        }
    }
    return false;
}

void JsonBytes::count(std::size_t bytes) {
    string_ += static_cast<qint64>(bytes);
    if (string_ > limits_.string)
        throw TransferError(QCoreApplication::translate("ChatTransfer", "a text in it is longer than %1 MiB")
                                .arg(limits_.string >> 20));
}

/// Moves what is whole from raw_ to clean_.
void JsonBytes::clean(bool last) {
    clean_.clear();
    std::size_t at = 0;
    while (at < raw_.size()) {
        const auto c = static_cast<unsigned char>(raw_[at]);
        std::size_t taken = 0;
        if (c < 0x80 && c != '\\') {
            std::size_t end = at + 1; // the plain ones at once
            if (c == '"') {
                in_string_ = !in_string_;
                string_ = 0;
            } else {
                while (end < raw_.size() && static_cast<unsigned char>(raw_[end]) < 0x80 &&
                       raw_[end] != '\\' && raw_[end] != '"')
                    ++end;
            }
            clean_.append(raw_, at, end - at);
            taken = end - at;
        } else {
            taken = c == '\\' && in_string_ ? cleanEscape(at, last) : cleanWide(at, last);
        }
        if (taken == 0)
            break; // the rest of it is still to come
        if (in_string_)
            count(taken);
        at += taken;
    }
    raw_.erase(0, at);
}

/// How many bytes were taken; 0: more are needed to tell.
std::size_t JsonBytes::cleanEscape(std::size_t at, bool last) {
    const std::string_view text = std::string_view(raw_).substr(at, kLongestSequence);
    if (text.size() < kLongestSequence && !last)
        return 0;
    const std::optional<unsigned> unit = unitOf(text);
    if (!unit) { // of one letter, which may be a quotation mark
        const std::size_t length = std::min<std::size_t>(2, text.size());
        clean_.append(text.substr(0, length));
        return length;
    }
    if (isHigh(*unit)) {
        const std::optional<unsigned> next = unitOf(text.substr(6));
        if (next && isLow(*next)) {
            clean_.append(text.substr(0, 12));
            return 12;
        }
    }
    clean_.append(isHigh(*unit) || isLow(*unit) ? kUnknownEscaped : text.substr(0, 6));
    return 6;
}

std::size_t JsonBytes::cleanWide(std::size_t at, bool last) {
    const std::string_view text = std::string_view(raw_).substr(at, 4);
    if (text.size() < 4 && !last && text[0] != '\\')
        return 0;
    if (const std::size_t length = text[0] == '\\' ? 1 : sequenceLength(text); length > 0) {
        clean_.append(text.substr(0, length));
        return length;
    }
    // Outside of texts, as the mark of a file in UTF-16, it is left to the parser to refuse.
    if (in_string_)
        clean_.append(kUnknown);
    else
        clean_ += text[0];
    return 1;
}

} // namespace switchyard
