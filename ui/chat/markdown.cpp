#include "ui/chat/markdown.h"

#include "ui/math/math_object.h"

#include <QTextBlock>

#include <algorithm>

namespace switchyard {
namespace {

/// End of a piece without the line breaks after it, which no piece but an open code block shows.
std::size_t textEnd(const MarkdownPiece& piece, std::string_view source) {
    std::size_t end = piece.end;
    while (!piece.open_fence && end > piece.begin && source[end - 1] == '\n')
        --end;
    return end;
}

/// Whether a line so far could still become a fence, a list item, a heading, a rule or a table's rule.
bool is_undecided(std::string_view line) {
    if (line.size() > 12)
        return false;
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return true;
    const std::string_view rest = line.substr(first);
    if (rest.find_first_not_of("-=*_~`#+>|: ") == std::string_view::npos)
        return true;
    const std::size_t digits = rest.find_first_not_of("0123456789");
    return digits == std::string_view::npos ||
           (digits > 0 && rest.substr(digits).find_first_not_of(".) ") == std::string_view::npos);
}

/// What a byte may cost to show: lines, cells, stretches of another font, pictures of emoji, and characters
/// that fonts have to be searched for.
int cost_of(std::string_view text, std::size_t at) {
    if (is_emoji(text, at))
        return 24;
    switch (static_cast<unsigned char>(text[at])) {
    case '\n':
    case '|':
        return 8;
    case '`':
    case 0xE2: // among others: line separators, and what joins emoji
        return 4;
    default:
        return static_cast<unsigned char>(text[at]) >= 0xF0 ? 2 : 0;
    }
}

} // namespace

std::size_t comfortableStep(std::string_view text) {
    constexpr int dearest = 1024;
    std::size_t end = 0;
    for (int cost = 0; end < text.size() && end < longest_piece && cost < dearest; ++end)
        cost += cost_of(text, end);
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        ++end;
    return end;
}

MarkdownDocument::MarkdownDocument(const ChatStyle& style)
    : style_(style), document_(std::make_unique<QTextDocument>()) {
    document_->setUndoRedoEnabled(false);
    document_->setDocumentMargin(0);
    document_->setDefaultFont(style_.text);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document_->setDefaultTextOption(option);
    MathObject::install(*document_);
    clear();
}

MarkdownDocument::~MarkdownDocument() = default;

void MarkdownDocument::clear() {
    document_->clear();
    runs_.clear();
    code_blocks_.clear();
    writer_ = std::make_unique<MarkdownWriter>(*document_, style_, runs_, code_blocks_);
    splitter_.clear();
    references_.clear();
    marks_.clear();
    source_.clear();
    frozen_ = shown_ = 0;
    last_ = {};
    open_code_ = false;
    tail_ = mark();
    marks_.emplace(0, tail_);
}

void MarkdownDocument::append(std::string_view utf8) {
    source_ += utf8;
    splitter_.read(source_);
    render(false);
}

void MarkdownDocument::finish() { render(true); }

std::size_t MarkdownDocument::shownEnd() const {
    const std::size_t line = splitter_.lines_end();
    return is_undecided(std::string_view(source_).substr(line)) ? line : source_.size();
}

MarkdownDocument::Mark MarkdownDocument::mark() const {
    const QTextBlock block = document_->lastBlock();
    return {document_->characterCount() - 1,
            writer_->pending(),
            block.blockFormat(),
            block.charFormat(),
            runs_.size(),
            code_blocks_.size()};
}

void MarkdownDocument::render(bool finished) {
    // What was shown as finished stays in sight when the text goes on.
    const std::size_t end = finished ? source_.size() : std::max(shownEnd(), shown_);
    if (end == shown_ && !finished)
        return;
    const std::string_view shown = std::string_view(source_).substr(0, end);
    const std::vector<MarkdownPiece> tail = splitter_.tail(shown);
    if (tail.empty())
        return;
    const std::size_t complete = splitter_.pieces().size();
    const std::size_t first = complete > 0 ? complete - 1 : 0; // the piece that tail[0] is
    const std::size_t referring = references_.update(shown, std::span(splitter_.pieces()).first(first), tail,
                                                     finished ? end : splitter_.lines_end());
    const bool written_otherwise = referring != MarkdownReferences::none && shown_ > 0;
    if (end == shown_ && !open_code_ && !written_otherwise)
        return;
    const bool same_piece = frozen_ == first && tail.size() == 1;
    if (same_piece && open_code_ && tail[0].open_fence && appendToOpenCode(tail[0].begin, end)) {
        shown_ = end;
        last_ = tail[0];
        return;
    }
    const auto piece_at = [&](std::size_t i) -> const MarkdownPiece& {
        return i < first ? splitter_.pieces()[i] : tail[i - first];
    };
    QTextCursor batch(document_.get());
    batch.beginEditBlock();
    std::size_t from = frozen_;
    if (written_otherwise && referring < frozen_)
        from = goBack(referring);
    else if (shown_ > 0 && !written_otherwise &&
             (staysAsItIs(piece_at(from), shown) || closeLongCode(piece_at(from))))
        ++from; // what stands there is what would be written
    else
        takeBack(tail_);
    for (std::size_t i = from; i < first + tail.size(); ++i) {
        if (i == first) {
            tail_ = mark();
            frozen_ = first;
        }
        MarkdownPiece piece = piece_at(i);
        piece.end = textEnd(piece, shown); // what stays as it is must not depend on them
        const auto [definitions, refers] = references_.definitionsFor(shown, piece, i);
        if (refers)
            marks_.insert_or_assign(i, mark());
        writer_->write(shown, piece, definitions);
        ++rendered_;
    }
    batch.endEditBlock();
    shown_ = end;
    last_ = tail.back();
    last_.end = textEnd(last_, shown);
    open_code_ = tail.size() == 1 && tail[0].kind == PieceKind::Fence && tail[0].open_fence;
    code_end_ = end - (end > 0 && shown.back() == '\n');
}

/// Whether a piece is the one written last, with nothing but blank lines after it.
bool MarkdownDocument::staysAsItIs(MarkdownPiece piece, std::string_view shown) const {
    piece.end = textEnd(piece, shown);
    return piece == last_;
}

/// A long code block whose fence has closed now: it is not coloured, and only its end is missing.
bool MarkdownDocument::closeLongCode(const MarkdownPiece& piece) {
    if (!open_code_ || piece.open_fence || piece.kind != PieceKind::Fence || code_blocks_.empty() ||
        code_blocks_.back().code.size() <= longest_coloured_code)
        return false;
    const std::string_view text =
        std::string_view(source_).substr(piece.begin, textEnd(piece, source_) - piece.begin);
    const std::size_t line = text.rfind('\n'); // of the closing fence
    return line != std::string_view::npos && appendToOpenCode(piece.begin, piece.begin + line + 1);
}

/// Takes back what was written from this piece on, or from an earlier one, which it returns.
std::size_t MarkdownDocument::goBack(std::size_t piece) {
    const auto [index, before] = *std::prev(marks_.upper_bound(piece)); // there is one of the first
    takeBack(before);
    return index;
}

void MarkdownDocument::takeBack(const Mark& mark) {
    QTextCursor cursor(document_.get());
    cursor.setPosition(mark.position);
    cursor.movePosition(QTextCursor::End, QTextCursor::KeepAnchor);
    cursor.removeSelectedText();
    cursor.setBlockFormat(mark.block_format);
    cursor.setBlockCharFormat(mark.char_format);
    runs_.resize(mark.runs);
    code_blocks_.resize(mark.code_blocks);
    writer_->setPending(mark.pending);
}

/// The common case of a long code block: its new text goes straight to its end, line by line without the
/// indentation that the fence has, too, and with tabs before the text as spaces.
bool MarkdownDocument::appendToOpenCode(std::size_t begin, std::size_t end) {
    const std::size_t fence = std::min(source_.find_first_not_of(' ', begin), source_.size() - 1);
    if (code_blocks_.empty() || !code_blocks_.back().frame || fence - begin > 3 ||
        (source_[fence] != '`' && source_[fence] != '~'))
        return false;
    CodeBlock& block = code_blocks_.back();
    const std::size_t written = code_end_;
    // A carriage return at the end has been shown as a space, and may be half of a line break.
    if (block.code.isEmpty() || written > end || source_[written - 1] == '\r')
        return false;
    std::string_view delta = std::string_view(source_).substr(written, end - written);
    if (delta.ends_with('\n'))
        delta.remove_suffix(1);
    if (delta.find('\r') != std::string_view::npos || delta.find('\0') != std::string_view::npos)
        return false;
    const bool as_it_stands = fence == begin && delta.find('\t') == std::string_view::npos;
    const std::size_t stop = written + delta.size();
    QTextCursor cursor = block.frame->lastCursorPosition();
    LongText long_text;
    if (!delta.empty())
        long_text.resume(cursor);
    cursor.beginEditBlock(); // laid out once, not line by line
    for (std::size_t at = written; at < stop;) {
        std::size_t line_end = stop;
        if (!as_it_stands) {
            const auto [spaces, text_begin] = codeIndent(at, stop, static_cast<int>(fence - begin));
            const QString indent(spaces, u' ');
            long_text.put(cursor, indent, MarkdownWriter::codeFormat(style_));
            block.code += indent;
            at = text_begin;
            line_end = std::min(source_.find('\n', at), stop - 1) + 1;
        }
        const std::string_view line = std::string_view(source_).substr(at, line_end - at);
        const QString text = utf16(line);
        if (!line.empty())
            runs_.push_back({at, line_end, cursor.position()});
        long_text.put(cursor, text, MarkdownWriter::codeFormat(style_), [&](qsizetype units) {
            const std::size_t joint = at + bytesOfUnits(line, units);
            runs_.back().end = joint;
            runs_.push_back({joint, line_end, cursor.position()});
        });
        block.code += text;
        at = line_end;
    }
    cursor.endEditBlock();
    code_end_ = stop;
    return true;
}

/// Where `at` is in the white space at the head of a code line: the columns of it from there on that are
/// shown, without the fence's `taken`, and where it ends.
std::pair<int, std::size_t> MarkdownDocument::codeIndent(std::size_t at, std::size_t stop, int taken) const {
    const std::size_t newline = at == 0 ? std::string::npos : source_.rfind('\n', at - 1);
    int columns = 0, before = 0;
    std::size_t i = newline == std::string::npos ? 0 : newline + 1;
    for (; i < stop && (source_[i] == ' ' || source_[i] == '\t'); ++i) {
        columns += source_[i] == '\t' ? 4 - columns % 4 : 1;
        if (i < at)
            before = columns;
    }
    if (i <= at)
        return {0, at};
    return {std::max(0, columns - taken) - std::max(0, before - taken), i};
}

int MarkdownDocument::position(std::size_t source_offset) const {
    return shownPosition(runs_, source_, source_offset);
}

std::size_t MarkdownDocument::sourceOffset(int position) const {
    return switchyard::sourceOffset(runs_, source_, position);
}

} // namespace switchyard
