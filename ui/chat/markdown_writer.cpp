#include "ui/chat/markdown_writer.h"

#include "ui/chat/code_highlighter.h"
#include "ui/chat/html_entities.h"
#include "ui/math/math_object.h"

#include <QFontMetricsF>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextTable>

#include <algorithm>

#include <md4c.h>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// Quotes and lists within each other beyond this are not moved further to the right.
constexpr int deepest_nesting = 8;

/// Whether it may have letters that are written from right to left: a byte that begins U+0580 to U+07FF or
/// U+F000 to U+FFFF.
bool mayTurn(std::string_view text) {
    return std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0xD6 && byte <= 0xDF) || byte == 0xEF;
    });
}

} // namespace

/// libmd4c's callbacks, handed on to the writer.
struct MarkdownEvents {
    static MarkdownWriter& of(void* user) { return *static_cast<MarkdownWriter*>(user); }
    static int enterBlock(MD_BLOCKTYPE type, void* detail, void* user) {
        of(user).enterBlock(type, detail);
        return 0;
    }
    static int leaveBlock(MD_BLOCKTYPE type, void*, void* user) {
        of(user).leaveBlock(type);
        return 0;
    }
    static int enterSpan(MD_SPANTYPE type, void* detail, void* user) {
        of(user).enterSpan(type, detail);
        return 0;
    }
    static int leaveSpan(MD_SPANTYPE type, void*, void* user) {
        of(user).leaveSpan(type);
        return 0;
    }
    static int text(MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* user) {
        of(user).text(type, text, size);
        return 0;
    }
};

MarkdownWriter::MarkdownWriter(QTextDocument& document, const ChatStyle& style, std::vector<SourceRun>& runs,
                               std::vector<CodeBlock>& code_blocks)
    : document_(document), style_(style), runs_(runs), code_blocks_(code_blocks), cursor_(&document) {}

/// Text beside the paragraphs, as an address; what the parser was not to read in it is as it was written.
QString MarkdownWriter::attribute(const void* detail) const {
    const auto& value = *static_cast<const MD_ATTRIBUTE*>(detail);
    QString out;
    for (unsigned i = 0; value.substr_offsets && value.substr_offsets[i] < value.size; ++i) {
        std::string part(value.text + value.substr_offsets[i],
                         value.substr_offsets[i + 1] - value.substr_offsets[i]);
        if (value.substr_types[i] == MD_TEXT_ENTITY) {
            out += decodeEntity(part);
            continue;
        }
        const std::size_t at = sourceOffset(value.text);
        if (at != std::string_view::npos && value.substr_offsets[i + 1] == value.size && i == 0)
            part = source_.substr(at, part.size());
        else
            std::replace(part.begin(), part.end(), filler, '~');
        out += utf16(part);
    }
    return out.replace(QChar(QChar::Null), QChar(QChar::ReplacementCharacter));
}

void MarkdownWriter::makeSpacer() {
    cursor_.movePosition(QTextCursor::End);
    QTextBlockFormat format;
    format.setLineHeight(1, QTextBlockFormat::FixedHeight);
    format.setProperty(spacerProperty, true);
    QTextCharFormat tiny;
    tiny.setFontPointSize(1);
    cursor_.setBlockFormat(format);
    cursor_.setBlockCharFormat(tiny);
}

void MarkdownWriter::write(std::string_view source, const MarkdownPiece& piece,
                           std::string_view definitions) {
    source_ = source;
    piece_ = piece;
    const std::string_view text = source.substr(piece.begin, piece.end - piece.begin);
    block_open_ = item_fresh_ = in_code_ = text_table_ = after_display_ = break_pending_ = false;
    first_ = true;
    right_to_left_ = mayTurn(text);
    quotes_ = 0;
    lists_.clear();
    formats_.assign(1, QTextCharFormat());
    table_ = nullptr;
    cursor_.movePosition(QTextCursor::End);
    const bool code = piece.kind == PieceKind::Fence || piece.kind == PieceKind::IndentedCode;
    if (piece.kind == PieceKind::Text || (!code && text.size() > 2 * longest_markdown)) {
        protected_ = {};
        writeText(text);
        return;
    }
    table_head_ = piece.rows_continue;
    std::string parsed(definitions);
    if (table_head_)
        parsed += source.substr(piece.table_begin, piece.table_body - piece.table_begin);
    head_ = parsed.size();
    parsed += text;
    std::replace(parsed.begin(), parsed.end(), '\0', filler);
    for (std::size_t i = 0; i + 1 < parsed.size(); ++i) { // a carriage return alone ends no line here
        if (parsed[i] == '\r' && parsed[i + 1] != '\n')
            parsed[i] = ' ';
    }
    protected_ = code ? ProtectedText{std::move(parsed), {}} : protect_math(parsed);
    parse();
}

void MarkdownWriter::parse() {
    MD_PARSER parser{};
    parser.flags = MD_DIALECT_GITHUB | MD_FLAG_NOHTML;
    parser.enter_block = MarkdownEvents::enterBlock;
    parser.leave_block = MarkdownEvents::leaveBlock;
    parser.enter_span = MarkdownEvents::enterSpan;
    parser.leave_span = MarkdownEvents::leaveSpan;
    parser.text = MarkdownEvents::text;
    md_parse(protected_.text.data(), static_cast<MD_SIZE>(protected_.text.size()), &parser, this);
}

/// What is too long to be read as Markdown, as it stands.
void MarkdownWriter::writeText(std::string_view text) {
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (piece_.joins && !pending_) {
        QTextBlockFormat format = cursor_.blockFormat();
        format.setTopMargin(0);
        format.setTextIndent(0);
        format.setProperty(joinedProperty, true);
        startBlock(format);
    } else {
        startBlock(paragraphFormat(0.3));
    }
    const std::size_t begin = static_cast<std::size_t>(text.data() - source_.data());
    putRun(begin, text.size(), format());
}

void MarkdownWriter::enterBlock(int type, void* detail) {
    switch (type) {
    case MD_BLOCK_QUOTE:
        endBlock();
        ++quotes_;
        break;
    case MD_BLOCK_UL:
    case MD_BLOCK_OL: {
        endBlock();
        ListLevel level;
        level.ordered = type == MD_BLOCK_OL;
        if (level.ordered)
            level.number = static_cast<int>(static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start);
        if (lists_.empty() && piece_.ordinal >= 0)
            level.number = piece_.ordinal;
        const QFontMetricsF metrics(style_.text);
        level.hang = std::max(style_.em() * 1.5,
                              metrics.horizontalAdvance(QString::number(level.number + 9) + u". "_s));
        level.indent = indent() + (lists_.size() < deepest_nesting ? level.hang : 0);
        lists_.push_back(level);
        break;
    }
    case MD_BLOCK_LI: {
        const auto* item = static_cast<MD_BLOCK_LI_DETAIL*>(detail);
        startItem(item->is_task, item->is_task && item->task_mark != ' ');
        break;
    }
    case MD_BLOCK_HR: {
        QTextBlockFormat format = paragraphFormat(0.5);
        format.setProperty(QTextFormat::BlockTrailingHorizontalRulerWidth,
                           QTextLength(QTextLength::PercentageLength, 100));
        startBlock(format);
        break;
    }
    case MD_BLOCK_H: {
        const int level = static_cast<int>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
        constexpr qreal sizes[] = {1.5, 1.3, 1.14, 1.05, 1.0, 1.0};
        QTextCharFormat heading;
        heading.setFontPointSize(style_.text.pointSizeF() * sizes[level - 1]);
        heading.setFontWeight(QFont::DemiBold);
        formats_.push_back(heading);
        QTextBlockFormat format = paragraphFormat(level <= 2 ? 1.3 : 1.0);
        format.setHeadingLevel(level);
        format.setLineHeight(125, QTextBlockFormat::ProportionalHeight);
        startBlock(format);
        break;
    }
    case MD_BLOCK_CODE:
        endBlock();
        language_ = attribute(&static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->lang);
        code_.clear();
        code_runs_.clear();
        in_code_ = true;
        break;
    case MD_BLOCK_P:
        if (!item_fresh_)
            startBlock(paragraphFormat(0.75));
        item_fresh_ = false;
        break;
    case MD_BLOCK_TABLE: {
        const auto* table = static_cast<MD_BLOCK_TABLE_DETAIL*>(detail);
        enterTable(static_cast<int>(table->col_count), static_cast<int>(table->head_row_count),
                   static_cast<int>(table->body_row_count));
        break;
    }
    case MD_BLOCK_THEAD:
        in_head_ = table_head_;
        break;
    case MD_BLOCK_TR:
        if (in_head_)
            break;
        ++row_;
        column_ = -1;
        if (text_table_)
            startBlock(paragraphFormat(0.1));
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        startCell(type == MD_BLOCK_TH, static_cast<MD_BLOCK_TD_DETAIL*>(detail)->align);
        break;
    default:
        break;
    }
}

void MarkdownWriter::leaveBlock(int type) {
    switch (type) {
    case MD_BLOCK_QUOTE:
        --quotes_;
        endBlock();
        break;
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        lists_.pop_back();
        endBlock();
        break;
    case MD_BLOCK_H:
        formats_.pop_back();
        endBlock();
        break;
    case MD_BLOCK_CODE:
        in_code_ = false;
        finishCode();
        break;
    case MD_BLOCK_TABLE:
        leaveTable();
        break;
    case MD_BLOCK_THEAD:
        in_head_ = false;
        break;
    case MD_BLOCK_TH:
        formats_.pop_back();
        break;
    case MD_BLOCK_LI:
    case MD_BLOCK_HR:
    case MD_BLOCK_P:
        endBlock();
        break;
    default:
        break;
    }
}

/// Gives a paragraph that is written from right to left its indentation on the right side. Code in it does
/// not decide.
void MarkdownWriter::turnBlock() {
    QTextBlock block = cursor_.block();
    while (block.blockFormat().boolProperty(joinedProperty) && block.previous().isValid())
        block = block.previous();
    QString text;
    for (auto it = block.begin(); !it.atEnd(); ++it) {
        if (!it.fragment().charFormat().fontFixedPitch())
            text += it.fragment().text();
    }
    if (!text.isRightToLeft())
        return;
    for (; block.isValid(); block = block.next()) {
        QTextBlockFormat format = block.blockFormat();
        format.setLayoutDirection(Qt::RightToLeft);
        format.setRightMargin(format.leftMargin());
        format.setLeftMargin(0);
        QList<QTextOption::Tab> tabs = format.tabPositions();
        for (QTextOption::Tab& tab : tabs) // where text goes on, counted from the right side
            tab.type = QTextOption::RightTab;
        format.setTabPositions(tabs);
        QTextCursor(block).setBlockFormat(format);
    }
}

void MarkdownWriter::endBlock() {
    if (block_open_ && right_to_left_ && !table_)
        turnBlock();
    block_open_ = item_fresh_ = after_display_ = break_pending_ = false;
}

qreal MarkdownWriter::indent() const {
    return lists_.empty() ? std::min(quotes_, deepest_nesting) * style_.em() * 1.2 : lists_.back().indent;
}

QTextBlockFormat MarkdownWriter::paragraphFormat(qreal top) const {
    QTextBlockFormat format;
    format.setLineHeight(142, QTextBlockFormat::ProportionalHeight);
    format.setLeftMargin(indent());
    const bool start = pending_ && cursor_.position() == 0;
    format.setTopMargin(start || (piece_.joins && first_) ? 0 : top * style_.em());
    if (quotes_ > 0)
        format.setProperty(quoteDepthProperty, std::min(quotes_, deepest_nesting));
    return format;
}

void MarkdownWriter::startBlock(QTextBlockFormat format) {
    cursor_.movePosition(QTextCursor::End);
    if (pending_) {
        cursor_.setBlockFormat(format);
        cursor_.setBlockCharFormat(QTextCharFormat());
    } else {
        cursor_.insertBlock(format, QTextCharFormat());
    }
    long_text_.restart();
    pending_ = false;
    block_open_ = true;
    item_fresh_ = after_display_ = break_pending_ = false;
    first_ = false;
}

void MarkdownWriter::startItem(bool task, bool done) {
    if (lists_.empty())
        return;
    ListLevel& level = lists_.back();
    const bool follows = (first_ && piece_.continues_list) || lists_.size() > 1 || !first_;
    QTextBlockFormat format = paragraphFormat(follows ? 0.3 : 0.6);
    format.setLeftMargin(level.indent);
    format.setTextIndent(-level.hang);
    format.setTabPositions({QTextOption::Tab(level.hang, QTextOption::LeftTab)});
    startBlock(format);
    QString marker = lists_.size() % 2 == 1 ? u"\u2022"_s : u"\u25E6"_s;
    if (level.ordered)
        marker = QString::number(level.number++) + u'.';
    if (task)
        marker = done ? u"\u2611"_s : u"\u2610"_s;
    QTextCharFormat muted;
    muted.setForeground(style_.muted);
    muted.setFontFamilies(style_.text.families().mid(0, 1)); // a box, not an emoji of one
    put(marker + u'\t', muted);
    item_fresh_ = true;
}

void MarkdownWriter::startCell(bool header, int align) {
    ++column_;
    if (header) {
        QTextCharFormat bold;
        bold.setFontWeight(QFont::DemiBold);
        formats_.push_back(bold);
    }
    if (text_table_ && !in_head_ && column_ > 0)
        put(u" | "_s, QTextCharFormat());
    if (!table_ || in_head_ || row_ >= table_->rows() || column_ >= table_->columns())
        return;
    QTextTableCell cell = table_->cellAt(row_, column_);
    if (header) {
        QTextTableCellFormat shaded = cell.format().toTableCellFormat();
        shaded.setBackground(style_.code);
        cell.setFormat(shaded);
    }
    cursor_ = cell.firstCursorPosition();
    QTextBlockFormat format;
    format.setLineHeight(130, QTextBlockFormat::ProportionalHeight);
    format.setAlignment(align == MD_ALIGN_RIGHT    ? Qt::AlignRight
                        : align == MD_ALIGN_CENTER ? Qt::AlignHCenter
                                                   : Qt::AlignLeft);
    cursor_.setBlockFormat(format);
    cursor_.setBlockCharFormat(QTextCharFormat());
    long_text_.restart();
    block_open_ = true;
}

void MarkdownWriter::ensureBlock() {
    if (!block_open_)
        startBlock(paragraphFormat(lists_.empty() ? 0.75 : 0.3));
    else if (after_display_)
        startBlock(paragraphFormat(0.5));
    item_fresh_ = false;
    if (std::exchange(break_pending_, false))
        long_text_.put(cursor_, QString(QChar::LineSeparator), break_format_);
}

void MarkdownWriter::enterSpan(int type, void* detail) {
    QTextCharFormat format = this->format();
    const auto link = [&](const MD_ATTRIBUTE& address) {
        format.setAnchor(true);
        format.setAnchorHref(attribute(&address));
        format.setForeground(style_.link);
        format.setFontUnderline(true);
    };
    switch (type) {
    case MD_SPAN_EM:
        format.setFontItalic(true);
        break;
    case MD_SPAN_STRONG:
        format.setFontWeight(QFont::Bold);
        break;
    case MD_SPAN_DEL:
        format.setFontStrikeOut(true);
        break;
    case MD_SPAN_CODE:
        format.setFontFamilies(style_.mono.families());
        format.setFontPointSize(style_.mono.pointSizeF());
        format.setFontFixedPitch(true);
        format.setBackground(style_.inline_code);
        isolate(u'\u2066');
        break;
    case MD_SPAN_A:
        link(static_cast<MD_SPAN_A_DETAIL*>(detail)->href);
        break;
    case MD_SPAN_IMG: // an image is its description, and never loaded
        link(static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src);
        break;
    default:
        break;
    }
    formats_.push_back(format);
}

void MarkdownWriter::leaveSpan(int type) {
    if (formats_.size() > 1)
        formats_.pop_back();
    if (type == MD_SPAN_CODE)
        isolate(u'\u2069');
}

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

/// Text that stands in the source; of a formula too, which the parser was given as something else.
void MarkdownWriter::putSource(std::string_view text, const QTextCharFormat& format) {
    const std::size_t begin = sourceOffset(text.data());
    if (begin == std::string_view::npos) {
        put(utf16(text), format);
        return;
    }
    const std::size_t base = piece_.begin - head_, end = begin + text.size(); // `base` may wrap; so do sums
    auto span = std::partition_point(protected_.spans.begin(), protected_.spans.end(),
                                     [&](const MathSpan& s) { return base + s.end <= begin; });
    for (std::size_t at = begin; at < end;) {
        const bool formulas = span != protected_.spans.end() && base + span->begin < end;
        const std::size_t plain = formulas ? std::max(at, base + span->begin) : end;
        if (plain > at)
            putRun(at, plain - at, format);
        at = plain;
        if (!formulas)
            break;
        const std::size_t close = std::min(base + span->end, end);
        if (at == base + span->begin && close == base + span->end)
            putFormula(at, close, span->display, format);
        else
            putRun(at, close - at, format);
        at = close;
        ++span;
    }
}

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
                       formulaFormat(format, style_.text, formula, utf16(source)));
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

/// One character, or two, for all of what stands in the source.
void MarkdownWriter::putEntity(std::string_view entity, const QTextCharFormat& format) {
    const QString shown = decodeEntity(entity);
    const std::size_t begin = sourceOffset(entity.data());
    if (begin == std::string_view::npos || in_code_) {
        put(shown, format);
        return;
    }
    ensureBlock();
    runs_.push_back({begin, begin + entity.size(), cursor_.position(), static_cast<int>(shown.size())});
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
