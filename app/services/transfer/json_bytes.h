// The bytes of a JSON text on their way into its parser: bounded, and mended where other programs write what
// JSON does not allow (halves of surrogate pairs, broken UTF-8), so that one character does not cost a file.
#pragma once

#include "app/services/transfer/byte_source.h"

#include <cstddef>
#include <functional>
#include <iterator>
#include <string>

namespace switchyard {

struct JsonLimits {
    qint64 file = qint64{8} << 30;    ///< bytes
    qint64 chat = qint64{256} << 20;  ///< bytes of one of its chats
    qint64 string = qint64{64} << 20; ///< bytes of one text or name
    int depth = 64;
    qint64 values = 6'000'000; ///< of one chat, or of one message where they come one by one
};

class JsonBytes {
  public:
    /// `looked` is called with the bytes so far, now and then; what it throws ends the reading.
    JsonBytes(ByteSource& source, const JsonLimits& limits, std::function<void(qint64)> looked = {})
        : source_(source), limits_(limits), looked_(std::move(looked)) {}

    /// For a parser that takes a pair of iterators.
    class Iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = char;
        using difference_type = std::ptrdiff_t;
        using pointer = const char*;
        using reference = const char&;
        explicit Iterator(JsonBytes* bytes = nullptr) : bytes_(bytes) {}
        reference operator*() const { return *bytes_->at_; }
        Iterator& operator++() {
            ++bytes_->at_;
            return *this;
        }
        Iterator operator++(int) { return ++*this; }
        /// Only of use against the end.
        bool operator==(const Iterator& other) const { return atEnd() == other.atEnd(); }
        bool operator!=(const Iterator& other) const { return !(*this == other); }

      private:
        bool atEnd() const { return !bytes_ || (bytes_->at_ == bytes_->end_ && !bytes_->fill()); }
        JsonBytes* bytes_;
    };
    Iterator begin() { return Iterator(this); }
    static Iterator end() { return Iterator(); }
    qint64 bytesRead() const { return read_; }
    /// Calls `looked`, for a parser that has much to do with few bytes.
    void look() const {
        if (looked_)
            looked_(read_);
    }

  private:
    bool fill();
    void clean(bool last);
    std::size_t cleanEscape(std::size_t at, bool last);
    std::size_t cleanWide(std::size_t at, bool last);
    void count(std::size_t bytes);

    ByteSource& source_;
    const JsonLimits limits_;
    const std::function<void(qint64)> looked_;
    std::string raw_;   ///< as it was read; what was taken is removed
    std::string clean_; ///< as it is given
    const char *at_ = nullptr, *end_ = nullptr;
    qint64 read_ = 0;
    qint64 string_ = 0; ///< bytes of the text that is open
    bool in_string_ = false, ended_ = false;
};

} // namespace switchyard
