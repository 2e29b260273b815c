// How the writer puts code blocks into the document.
#include "ui/chat/markdown_writer.h"

#include "ui/chat/code_highlighter.h"

#include <QTextDocument>

namespace switchyard {

QTextBlockFormat MarkdownWriter::codeLineFormat(const ChatStyle&) {
    QTextBlockFormat format;
    format.setLayoutDirection(Qt::LeftToRight);
    format.setLineHeight(130, QTextBlockFormat::ProportionalHeight);
    return format;
}

QTextCharFormat MarkdownWriter::codeFormat(const ChatStyle& style) {
    QTextCharFormat format;
    format.setFontFamilies(style.mono.families());
    format.setFontPointSize(style.mono.pointSizeF());
    format.setFontFixedPitch(true);
    return format;
}

void MarkdownWriter::finishCode() {
    if (code_.endsWith(u'\n'))
        code_.chop(1);
    cursor_.movePosition(QTextCursor::End);
    QTextFrameFormat format;
    format.setProperty(codeFrameProperty, true);
    format.setPadding(style_.em() * 0.8);
    format.setLeftMargin(indent());
    // The view draws the header (language, copy button) into the margin above the frame.
    // The layout ignores the top margin of a block after a frame: the frame brings the gap itself.
    format.setTopMargin((pending_ ? 0 : style_.em() * 0.8) + style_.codeHeader());
    format.setBottomMargin(style_.em() * 0.75);
    if (pending_)
        makeSpacer();
    QTextFrame* frame = cursor_.insertFrame(format);
    cursor_.setBlockFormat(codeLineFormat(style_));
    cursor_.setBlockCharFormat(codeFormat(style_));
    insertCode();
    code_blocks_.push_back({frame, language_, code_});
    makeSpacer();
    pending_ = true;
    first_ = false;
    endBlock();
}

void MarkdownWriter::insertCode() {
    std::string_view piece = source_.substr(piece_.begin, piece_.end - piece_.begin);
    piece = piece.substr(0, piece.find_last_not_of(" \t\r\n") + 1);
    const std::size_t end = code_runs_.empty() ? 0 : code_runs_.back().end;
    const bool open = piece_.open_fence && end >= piece_.begin + piece.size();
    const QTextCharFormat plain = codeFormat(style_);
    const int begin = cursor_.position();
    std::vector<qsizetype> joints; // units of the code before each
    qsizetype at = 0;
    long_text_.restart();
    const auto put = [&](qsizetype size, const QTextCharFormat& format) {
        long_text_.put(cursor_, code_.mid(at, size), format,
                       [&](qsizetype before) { joints.push_back(at + before); });
        at += size;
    };
    if (!open && code_.size() <= longest_coloured_code) {
        for (const CodeSpan& span : highlightCode(code_, language_)) {
            if (span.begin > at)
                put(span.begin - at, plain);
            QTextCharFormat coloured = plain;
            coloured.setForeground(style_.colour(span.kind));
            if (span.kind == CodeKind::Comment)
                coloured.setFontItalic(true);
            put(span.length, coloured);
        }
    }
    put(code_.size() - at, plain);
    placeCodeRuns(begin, joints);
}

/// The code's runs as runs of the document, which has a position more at each joint.
void MarkdownWriter::placeCodeRuns(int begin, const std::vector<qsizetype>& joints) {
    std::size_t passed = 0;
    for (const SourceRun& run : code_runs_) {
        const qsizetype size = utf16(source_.substr(run.begin, run.end - run.begin)).size();
        const qsizetype first = run.position;
        while (passed < joints.size() && joints[passed] <= first)
            ++passed;
        qsizetype from = 0;
        std::size_t source = run.begin;
        while (passed < joints.size() && joints[passed] < first + size) {
            const qsizetype stop = joints[passed] - first;
            const std::size_t bytes = bytesOfUnits(source_.substr(source, run.end - source), stop - from);
            runs_.push_back(
                {source, source + bytes, begin + static_cast<int>(first + from + qsizetype(passed))});
            source += bytes;
            from = stop;
            ++passed;
        }
        runs_.push_back({source, run.end, begin + static_cast<int>(first + from + qsizetype(passed))});
    }
}

} // namespace switchyard
