#include "ui/chat/markdown_writer.h"

#include "ui/chat/html_entities.h"

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

} // namespace switchyard
