// How the writer puts formulas into the document.
#include "ui/chat/markdown_writer.h"

#include "ui/math/math_object.h"

#include <algorithm>

namespace switchyard {

/// A formula as it is set, or else as it was written.
void MarkdownWriter::putFormula(std::size_t begin, std::size_t end, bool display,
                                const QTextCharFormat& format) {
    std::string source(source_.substr(begin, end - begin));
    if (quotes_ > 0) { // the marks of the quote at the head of its lines are not of it
        for (std::size_t at = source.find('\n'); at != std::string::npos; at = source.find('\n', at + 1)) {
            const std::size_t text = std::min(source.find_first_not_of(" >", at + 1), source.size());
            source.erase(at + 1, text - at - 1);
        }
    }
    const qreal share = format.hasProperty(QTextFormat::FontPointSize)
                            ? format.fontPointSize() / style_.text.pointSizeF()
                            : 1;
    const bool may_stand = !in_code_ && style_.math;
    const MathFormulaPtr formula =
        may_stand ? style_.math->set(source, display, style_.em() * share) : nullptr;
    if (!formula) {
        QTextCharFormat written = format;
        written.setFontFamilies(style_.mono.families());
        written.setFontPointSize(style_.mono.pointSizeF());
        putRun(begin, end - begin, written);
        return;
    }
    const bool own_block = display && !table_ && !text_table_ && !item_fresh_;
    if (own_block)
        startDisplay();
    else
        ensureBlock();
    runs_.push_back({begin, end, cursor_.position(), 1});
    cursor_.insertText(QString(QChar::ObjectReplacementCharacter),
                       formulaFormat(format, style_.text, formula, utf16(source), own_block));
    long_text_.passObject();
    after_display_ = own_block;
}

/// A block in whose middle a formula stands.
void MarkdownWriter::startDisplay() {
    const bool empty = block_open_ && !after_display_ && cursor_.positionInBlock() == 0;
    QTextBlockFormat format = empty ? cursor_.blockFormat() : paragraphFormat(0.6);
    format.setAlignment(Qt::AlignHCenter);
    format.setLineHeight(100, QTextBlockFormat::ProportionalHeight);
    if (empty)
        cursor_.setBlockFormat(format);
    else
        startBlock(format);
}

/// Text behind a formula that has its own block: what ends its sentence stands beside it, the rest below.
/// False where nothing is left.
bool MarkdownWriter::goOnAfterDisplay(std::size_t& begin, std::size_t& size, const QTextCharFormat& format) {
    if (std::string_view(".,;:").find(source_[begin]) != std::string_view::npos) {
        after_display_ = false;
        putRun(begin, 1, format);
        after_display_ = true;
        ++begin;
        --size;
    }
    while (size > 0 && source_[begin] == ' ') {
        ++begin;
        --size;
    }
    return size > 0;
}

} // namespace switchyard
