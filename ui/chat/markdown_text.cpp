// How the writer puts text into the document, and remembers where in the source it stands.
#include "ui/chat/markdown_writer.h"

#include "ui/chat/html_entities.h"

#include <algorithm>

#include <md4c.h>

namespace switchyard {

/// Code inside a line that is written from right to left begins or ends: it keeps its own direction.
void MarkdownWriter::isolate(char16_t mark) {
    if (!right_to_left_ || in_head_)
        return;
    QTextCharFormat format = this->format();
    format.setProperty(isolateProperty, true);
    put(QString(QChar(mark)), format);
}

std::size_t MarkdownWriter::sourceOffset(const char* text) const {
    const char* begin = protected_.text.data();
    if (std::less<>()(text, begin) || std::less<>()(begin + protected_.text.size(), text))
        return std::string_view::npos;
    const auto offset = static_cast<std::size_t>(text - begin);
    return offset < head_ ? std::string_view::npos : piece_.begin + offset - head_;
}

/// Whether it belongs to what stands before the piece, as a table's header that is written already.
bool MarkdownWriter::beforePiece(const char* text) const {
    const char* begin = protected_.text.data();
    return in_head_ || (head_ > 0 && !std::less<>()(text, begin) && std::less<>()(text, begin + head_));
}

void MarkdownWriter::text(int type, const char* text, unsigned size) {
    const std::string_view piece(text, size);
    if (beforePiece(text))
        return;
    switch (type) {
    case MD_TEXT_BR:
    case MD_TEXT_SOFTBR: // a model's line breaks are meant
        if (!after_display_) {
            break_pending_ = true;
            break_format_ = format();
        }
        break;
    case MD_TEXT_ENTITY:
        putEntity(piece, format());
        break;
    default:
        putSource(piece, format());
    }
}

void MarkdownWriter::put(const QString& text, const QTextCharFormat& format) {
    if (in_code_) {
        code_ += text;
        return;
    }
    ensureBlock();
    long_text_.put(cursor_, text, format);
}

/// Text that stands in the source; of a formula and a footnote too, which the parser was given as something
/// else.
void MarkdownWriter::putSource(std::string_view text, const QTextCharFormat& format) {
    const std::size_t begin = sourceOffset(text.data());
    if (begin == std::string_view::npos) {
        put(utf16(text), format);
        return;
    }
    const std::size_t base = piece_.begin - head_, end = begin + text.size(); // `base` may wrap; so do sums
    auto span = std::partition_point(protected_.spans.begin(), protected_.spans.end(),
                                     [&](const ProtectedSpan& s) { return base + s.end <= begin; });
    for (std::size_t at = begin; at < end;) {
        const bool another = span != protected_.spans.end() && base + span->begin < end;
        const std::size_t plain = another ? std::max(at, base + span->begin) : end;
        if (plain > at)
            putRun(at, plain - at, format);
        at = plain;
        if (!another)
            break;
        const std::size_t close = std::min(base + span->end, end);
        if (at != base + span->begin || close != base + span->end)
            putRun(at, close - at, format);
        else if (span->kind == SpanKind::Note)
            putNote(at, close, format);
        else
            putFormula(at, close, span->kind == SpanKind::Display, format);
        at = close;
        ++span;
    }
}

/// One character, or two, for all of what stands in the source.
void MarkdownWriter::putEntity(std::string_view entity, const QTextCharFormat& format) {
    const QString shown = decodeEntity(entity);
    const std::size_t begin = sourceOffset(entity.data());
    if (begin == std::string_view::npos || in_code_) {
        put(shown, format);
        return;
    }
    putShown(begin, entity.size(), shown, format);
}

/// The mark of a footnote: its number in brackets, raised; another label as it was written, as "[^a-z]" may
/// be something else.
void MarkdownWriter::putNote(std::size_t begin, std::size_t end, const QTextCharFormat& format) {
    const std::string_view mark = source_.substr(begin, end - begin);
    const std::string_view label = mark.substr(2, mark.find(']') - 2);
    if (in_code_ || label.find_first_not_of("0123456789") != std::string_view::npos)
        return putRun(begin, end - begin, format);
    QTextCharFormat raised = format;
    raised.setVerticalAlignment(QTextCharFormat::AlignSuperScript);
    if (after_display_)
        startBlock(paragraphFormat(0.5));
    putShown(begin, end - begin, u'[' + utf16(label) + u']', raised);
}

/// Something shown in place of what stands in the source.
void MarkdownWriter::putShown(std::size_t begin, std::size_t size, const QString& shown,
                              const QTextCharFormat& format) {
    ensureBlock();
    runs_.push_back({begin, begin + size, cursor_.position(), static_cast<int>(shown.size())});
    long_text_.put(cursor_, shown, format, [&](qsizetype before) {
        if (before == 0)
            runs_.back().position = cursor_.position();
        else
            ++runs_.back().shown; // the joint
    });
}

void MarkdownWriter::putRun(std::size_t begin, std::size_t size, const QTextCharFormat& format) {
    if (after_display_ && !in_code_ && !goOnAfterDisplay(begin, size, format))
        return;
    const std::string_view source = source_.substr(begin, size);
    QString text = utf16(source);
    text.replace(QChar(QChar::Null), QChar(QChar::ReplacementCharacter));
    if (in_code_) {
        code_runs_.push_back({begin, begin + size, static_cast<int>(code_.size())});
        code_ += text;
        return;
    }
    ensureBlock();
    text.replace(u'\n', QChar::LineSeparator);
    runs_.push_back({begin, begin + size, cursor_.position()});
    long_text_.put(cursor_, text, format, [&](qsizetype before) {
        const std::size_t joint = begin + bytesOfUnits(source, before);
        runs_.back().end = joint;
        runs_.push_back({joint, begin + size, cursor_.position()});
    });
}

} // namespace switchyard
