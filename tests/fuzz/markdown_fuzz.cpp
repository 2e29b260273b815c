// Markdown from anywhere, whole and streamed: the same document, laid out, without harm, each step within
// what a window can wait for, and in memory that the text's length bounds.
#include "tests/support/time_limit.h"
#include "tests/ui/markdown_look.h"
#include "tests/ui/stall_meter.h"

#include <QAbstractTextDocumentLayout>
#include <QGuiApplication>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include <sanitizer/allocator_interface.h>

using namespace switchyard;

namespace {

constexpr std::size_t longest_text = 20'000; ///< bytes
constexpr double longest_step = 16;          ///< milliseconds of this thread without a sanitizer
/// Bytes that a document laid out may take: for its fonts, and for each byte of the text.
constexpr std::size_t memory_of_any = 8u << 20, memory_of_byte = 2000;

double slowest = 0; ///< milliseconds of one step since it was set back

[[noreturn]] void fail(const std::string& what) {
    qCritical("%s", what.c_str());
    std::abort();
}

void requireSame(MarkdownDocument& streamed, MarkdownDocument& whole) {
    const QString one = described(streamed.document()), other = described(whole.document());
    bool same = one == other && streamed.codeBlocks().size() == whole.codeBlocks().size();
    for (std::size_t i = 0; same && i < whole.codeBlocks().size(); ++i)
        same = streamed.codeBlocks()[i].code == whole.codeBlocks()[i].code &&
               streamed.codeBlocks()[i].language == whole.codeBlocks()[i].language;
    if (!same)
        fail("streamed:\n" + one.toStdString() + "\nwhole:\n" + other.toStdString());
}

/// A document in the window: laid out after each step, which is timed.
class Shown {
  public:
    Shown() : document_(plainStyle()) { document_.document().setTextWidth(500); }
    MarkdownDocument& operator*() { return document_; }
    MarkdownDocument* operator->() { return &document_; }

    void append(std::string_view text) {
        step([&] { document_.append(text); });
    }
    void finish() {
        step([&] { document_.finish(); });
    }

  private:
    template <class Act>
    void step(Act act) {
        const double begin = threadTime();
        act();
        document_.document().documentLayout()->documentSize();
        slowest = std::max(slowest, threadTime() - begin);
    }

    MarkdownDocument document_;
};

/// Appends all of the text in steps of `size` bytes and more, never within a character; in the middle it is
/// finished once, as an answer that is continued later.
void stream(Shown& shown, std::string_view text, std::size_t size) {
    bool paused = false;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(at + size, text.size());
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
            ++end;
        shown.append(text.substr(at, end - at));
        at = end;
        if (!paused && at >= text.size() / 2) {
            paused = true;
            shown.finish();
            MarkdownDocument whole(plainStyle());
            whole.append(text.substr(0, at));
            whole.finish();
            requireSame(*shown, whole);
        }
    }
    shown.finish();
}

void requirePositions(MarkdownDocument& document, std::size_t size) {
    const int last = document.document().characterCount();
    for (std::size_t at = 0; at <= size; at += 1 + size / 16) {
        const int position = document.position(at);
        if (position < 0 || position >= last)
            fail("a position outside the document");
    }
}

void tryText(std::string_view text) {
    MarkdownDocument whole(plainStyle());
    whole.append(text);
    whole.finish();
    requirePositions(whole, text.size());
    const std::size_t before = __sanitizer_get_current_allocated_bytes();
    Shown opened; // as a stored message is
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = comfortableStep(text.substr(at));
        opened.append(text.substr(at, size));
        at += size;
    }
    opened.finish();
    const std::size_t taken = __sanitizer_get_current_allocated_bytes() - before;
    if (taken > memory_of_any + memory_of_byte * text.size())
        fail("a document of " + std::to_string(taken) + " bytes");
    requireSame(*opened, whole);
    // Token by token; how many there are, and so where they end, differs from text to text.
    const std::size_t steps = 8 + std::hash<std::string_view>()(text) % 113;
    Shown streamed;
    stream(streamed, text, 1 + text.size() / steps);
    requireSame(*streamed, whole);
    requirePositions(*streamed, text.size());
}

} // namespace

/// What Qt and its fonts keep until the end is no leak.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    qputenv("QT_LOGGING_RULES", "qt.*=false"); // that a font lacks a script
    new QGuiApplication(*count, *arguments);   // fonts need one; it lives as long as the process
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > longest_text)
        return -1;
    // What reaches the window is text: invalid bytes have become U+FFFD.
    const std::string text = utf16({reinterpret_cast<const char*>(data), size}).toStdString();
    // The first text in a script loads its fonts: only what is slow twice is slow.
    constexpr double limit = longest_step * test::kSanitizerSlowdown;
    for (int round = 0; round < 3; ++round) {
        slowest = 0;
        tryText(text);
        if (slowest <= limit)
            return 0;
    }
    fail("a step of " + std::to_string(slowest) + " ms");
}
