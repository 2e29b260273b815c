// Markdown from anywhere, whole and streamed: the same document, laid out, without harm.
#include "tests/ui/markdown_look.h"

#include <QAbstractTextDocumentLayout>
#include <QGuiApplication>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace switchyard;

namespace {

void require(bool holds, const char* what) {
    if (holds)
        return;
    qCritical("%s", what);
    std::abort();
}

void requireSame(MarkdownDocument& streamed, MarkdownDocument& whole) {
    const QString one = described(streamed.document()), other = described(whole.document());
    if (one == other)
        return;
    qCritical("streamed:\n%s\nwhole:\n%s", qPrintable(one), qPrintable(other));
    std::abort();
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
    if (size > 20'000)
        return 0;
    // What reaches the window is text: invalid bytes have become U+FFFD.
    const std::string text =
        QString::fromUtf8(reinterpret_cast<const char*>(data), static_cast<qsizetype>(size)).toStdString();
    MarkdownDocument whole(plainStyle()), streamed(plainStyle());
    whole.document().setTextWidth(500);
    whole.append(text);
    whole.finish();
    whole.document().documentLayout()->documentSize();
    const std::size_t step = 1 + text.size() / 40;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(at + step, text.size());
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
            ++end;
        streamed.append(std::string_view(text).substr(at, end - at));
        at = end;
    }
    streamed.finish();
    requireSame(streamed, whole);
    const int last = whole.document().characterCount();
    for (std::size_t at = 0; at <= text.size(); at += 1 + text.size() / 16) {
        for (const int position : {whole.position(at), streamed.position(at)})
            require(position >= 0 && position < last, "a position outside the document");
    }
    return 0;
}
