#include "ui/chat/message_layout.h"

#include "ui/chat/field_text.h"

#include <QCoreApplication>
#include <QLocale>
#include <QPainterPath>
#include <QTextBlock>
#include <QTextTable>

#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr qreal top_padding = 14, bubble_padding_x = 16, bubble_padding_y = 11, tools_height = 28;
constexpr qreal thinking_indent = 14, chip_height = 26;

QSizeF sizeOf(QTextDocument& document) { return document.documentLayout()->documentSize(); }

std::unique_ptr<QTextDocument> makePlain(const QFont& font) {
    auto document = std::make_unique<QTextDocument>();
    document->setUndoRedoEnabled(false);
    document->setDocumentMargin(0);
    document->setDefaultFont(font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document->setDefaultTextOption(option);
    return document;
}

/// A letter or digit of a script that puts spaces between words.
bool ofSpacedWord(QChar c) {
    switch (c.script()) {
    case QChar::Script_Han:
    case QChar::Script_Hiragana:
    case QChar::Script_Katakana:
    case QChar::Script_Bopomofo:
    case QChar::Script_Thai:
    case QChar::Script_Lao:
    case QChar::Script_Khmer:
    case QChar::Script_Myanmar:
        return false;
    default:
        return c.isLetterOrNumber() || c.isMark() || c == u'_';
    }
}

/// Where the word begins that `position` is inside of; `position` itself where it is in none. Tokens end
/// anywhere, and a sign between two letters would be read as one.
int beforeWord(const QTextDocument& document, int position) {
    constexpr int far = 200; // characters: what is longer is no word
    int begin = position;
    if (document.characterAt(begin).isLowSurrogate())
        --begin;
    const int least = std::max(0, begin - far);
    if (!ofSpacedWord(document.characterAt(begin)))
        return begin;
    while (begin > least && ofSpacedWord(document.characterAt(begin - 1)))
        --begin;
    return begin > least || least == 0 ? begin : position;
}

bool isBlank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

/// Why an answer ends where it does, if the model has not ended it there or has said nothing.
QString endingText(const MessageContent& content) {
    const bool only_thought = isBlank(content.text) && !isBlank(content.thinking);
    if (content.cut_short && content.finish == FinishReason::MaxTokens) {
        const int tokens = content.limit;
        const ControlSpec* spec = find_control("max_tokens");
        const QString dial = QCoreApplication::translate("Controls", std::string(spec->label).c_str());
        const QString text =
            only_thought
                ? MessageLayout::tr("The limit of %n tokens was used up by thinking, before the answer. "
                                    "Continue goes on from here; \u201c%1\u201d in the Tune column "
                                    "sets the limit.",
                                    nullptr, tokens)
                : MessageLayout::tr("Cut at the limit of %n tokens. Continue goes on from here; "
                                    "\u201c%1\u201d in the Tune column sets the limit.",
                                    nullptr, tokens);
        return text.arg(dial);
    }
    if (content.cut_short) {
        return only_thought
                   ? MessageLayout::tr(
                         "The context was full before the answer: thinking used it up. Start a new "
                         "chat, or choose a model with a larger context and continue with that.")
                   : MessageLayout::tr("Cut because the context is full. Start a new chat, or choose a model "
                                       "with a larger context and continue with that.");
    }
    if (!content.ran || !isBlank(content.text))
        return {};
    return only_thought
               ? MessageLayout::tr("The model ended after its thinking, without an answer: ask again.")
               : MessageLayout::tr("The model ended without a word: ask again, or in other words.");
}

} // namespace

QString noticeText(const MessageContent& content) {
    switch (content.state) {
    case MessageState::Failed:
        return content.error.isEmpty() ? MessageLayout::tr("The answer failed.") : content.error;
    case MessageState::Stopped:
        return MessageLayout::tr("Stopped. What is there is kept.");
    case MessageState::Interrupted:
        return MessageLayout::tr(
            "Interrupted: the program ended while this was being written. Continue goes on from here.");
    case MessageState::Streaming:
    case MessageState::Complete:
        break;
    }
    return content.author == Author::Assistant && content.state == MessageState::Complete
               ? endingText(content)
               : QString();
}

PlainTextReader::PlainTextReader(const TextStretch& stretch)
    : from_(stretch.from), to_(stretch.to), block_(stretch.document->findBlock(stretch.from)) {}

bool PlainTextReader::read(QString& out, int most) {
    for (; most > 0 && block_.isValid() && block_.position() <= to_; block_ = block_.next(), --most) {
        if (block_.blockFormat().boolProperty(spacerProperty))
            continue;
        QTextTable* inside = QTextCursor(block_).currentTable();
        const int inside_row = inside ? inside->cellAt(block_.position()).row() : -1;
        if (!first_ && !block_.blockFormat().boolProperty(joinedProperty))
            out += inside && inside == table_ && inside_row == row_ ? u'\t' : u'\n';
        first_ = false;
        table_ = inside;
        row_ = inside_row;
        const int begin = std::max(from_ - block_.position(), 0);
        const int end = std::min(to_ - block_.position(), block_.length() - 1);
        if (end <= begin)
            continue;
        QString text = block_.text().mid(begin, end - begin);
        text.replace(QChar::LineSeparator, u'\n');
        text.replace(QChar::Nbsp, u' ');
        out += text;
    }
    return !block_.isValid() || block_.position() > to_;
}

MessageLayout::MessageLayout(const MessageContent& content, const ChatStyle& style)
    : style_(style), thinking_style_(style) {
    thinking_style_.text.setPointSizeF(style.text.pointSizeF() * 0.94);
    thinking_style_.mono.setPointSizeF(style.mono.pointSizeF() * 0.94);
    sync(content, true);
}

MessageLayout::~MessageLayout() = default;

const std::vector<CodeBlock>& MessageLayout::codeBlocks() const {
    static const std::vector<CodeBlock> none;
    return body_.markdown ? body_.markdown->codeBlocks() : none;
}

void MessageLayout::sync(const MessageContent& content, bool rewritten) {
    if (content.author != Author::Assistant) {
        if (!body_.plain)
            body_.plain = makePlain(style_.text);
        if (rewritten)
            fillQuestion(content.text);
        return;
    }
    complete_ = true;
    const auto grow = [&](Part& part, const std::string& text, const ChatStyle& style, bool finished) {
        if (!part.markdown)
            part.markdown = std::make_unique<MarkdownDocument>(style);
        if (rewritten || text.size() < part.markdown->source().size())
            part.markdown->clear();
        const std::string_view rest = std::string_view(text).substr(part.markdown->source().size());
        const std::size_t step = comfortableStep(rest);
        if (step > 0)
            part.markdown->append(rest.substr(0, step));
        if (step < rest.size())
            complete_ = false;
        else if (finished)
            part.markdown->finish();
    };
    grow(body_, content.text, style_, !content.streaming());
    if (!content.thinking.empty() || thinking_.markdown)
        grow(thinking_, content.thinking, thinking_style_, !content.streaming() || !content.text.empty());
}

void MessageLayout::completeNow(const MessageContent& content) {
    while (!complete_)
        sync(content, false);
}

/// A question is shown as it was typed; of a very long one the beginning.
void MessageLayout::fillQuestion(const std::string& text) {
    constexpr PageLimits most{16'000, 400, 16'000};
    const QString whole = utf16(text);
    const qsizetype page = fieldPage(whole, most);
    const std::size_t shown = bytesOfUnits(text, page);
    folded_ = page < whole.size() ? whole : QString();
    body_.plain->clear();
    QTextCursor cursor(body_.plain.get());
    LongText().put(cursor, whole.left(page), QTextCharFormat());
    if (folded_.isEmpty())
        return;
    QTextCharFormat note;
    note.setForeground(style_.muted);
    note.setFontItalic(true);
    cursor.insertBlock(QTextBlockFormat());
    cursor.insertText(tr("%1 more are not shown here. Copying the message takes all of it.")
                          .arg(QLocale().formattedDataSize(static_cast<qint64>(text.size() - shown), 0)),
                      note);
}

void MessageLayout::arrange(const MessageContent& content, const Options& options) {
    width_ = options.width;
    slots_ = {};
    files_.clear();
    thinking_.rect = bubble_ = QRectF();
    qreal y = top_padding;
    if (content.author == Author::Assistant)
        arrangeAnswer(content, options, y);
    else
        arrangeQuestion(content, options, y);
    arrangeNotice(content, options, y);
    const bool question = content.author != Author::Assistant;
    slots_.tools = QRectF(0, y + (question ? 1 : 4), width_, tools_height);
    height_ = std::ceil(slots_.tools.bottom() + (question ? 0 : 8));
}

void MessageLayout::arrangeQuestion(const MessageContent& content, const Options& options, qreal& y) {
    const qreal caption = QFontMetricsF(style_.caption()).height();
    name_ = QRectF(0, y, width_, caption);
    y += caption + 6;
    if (options.editor_height >= 0) {
        slots_.editor = QRectF(0, y, width_, options.editor_height);
        y += options.editor_height;
        return;
    }
    const qreal widest = width_ * 0.86 - 2 * bubble_padding_x;
    body_.plain->setTextWidth(widest);
    const qreal chips = static_cast<qreal>(content.files.size()) * (chip_height + 6);
    qreal ideal = content.text.empty() ? 0 : std::ceil(body_.plain->idealWidth()) + 1;
    const QFontMetricsF metrics(style_.caption());
    for (const AttachedFile& file : content.files)
        ideal = std::max(ideal, metrics.horizontalAdvance(file.name) + 44);
    const qreal text_width = std::min(widest, ideal);
    body_.plain->setTextWidth(text_width);
    const qreal text_height = content.text.empty() ? 0 : sizeOf(*body_.plain).height();
    const qreal height = text_height + chips + 2 * bubble_padding_y - (content.text.empty() ? 6 : 0);
    bubble_ =
        QRectF(width_ - text_width - 2 * bubble_padding_x, y, text_width + 2 * bubble_padding_x, height);
    qreal inside = y + bubble_padding_y;
    for (std::size_t i = 0; i < content.files.size(); ++i, inside += chip_height + 6)
        files_.push_back(QRectF(bubble_.left() + bubble_padding_x, inside, text_width, chip_height));
    body_.rect = QRectF(bubble_.left() + bubble_padding_x, inside, text_width, text_height);
    y += height;
}

void MessageLayout::arrangeAnswer(const MessageContent& content, const Options& options, qreal& y) {
    const qreal caption = QFontMetricsF(style_.caption()).height();
    name_ = QRectF(0, y, width_, caption);
    y += caption + 8;
    if (thinking_.markdown) {
        slots_.thinking = QRectF(0, y, width_, 28);
        y += 34;
        if (options.thinking_open) {
            thinking_.markdown->document().setTextWidth(width_ - thinking_indent);
            thinking_.rect = QRectF(thinking_indent, y, width_ - thinking_indent,
                                    sizeOf(thinking_.markdown->document()).height());
            y = thinking_.rect.bottom() + 12;
        }
    }
    if (options.editor_height >= 0) {
        slots_.editor = QRectF(0, y, width_, options.editor_height);
        y += options.editor_height;
        return;
    }
    QTextDocument& document = body_.markdown->document();
    if (document.textWidth() != width_)
        document.setTextWidth(width_);
    const bool empty = content.text.empty() && !content.streaming();
    body_.rect = QRectF(0, y, width_, empty ? 0 : sizeOf(document).height());
    y = body_.rect.bottom();
    placeCodeHeaders();
}

void MessageLayout::placeCodeHeaders() {
    for (const CodeBlock& block : body_.markdown->codeBlocks()) {
        if (!block.frame) {
            slots_.code_headers.push_back({});
            continue;
        }
        const QRectF frame = body_.markdown->document().documentLayout()->frameBoundingRect(block.frame);
        const QTextFrameFormat format = block.frame->frameFormat();
        const qreal header = style_.codeHeader();
        slots_.code_headers.push_back(QRectF(body_.rect.left() + format.leftMargin(),
                                             body_.rect.top() + frame.top() + format.topMargin() - header,
                                             width_ - format.leftMargin(), header));
    }
}

void MessageLayout::arrangeNotice(const MessageContent& content, const Options& options, qreal& y) {
    QString text = noticeText(content);
    if (text.isEmpty() && content.streaming() && content.text.empty() && content.thinking.empty())
        text = options.progress;
    if (text.isEmpty()) {
        notice_.reset();
        return;
    }
    if (!notice_) {
        QFont font = style_.text;
        font.setPointSizeF(font.pointSizeF() * 0.92);
        notice_ = makePlain(font);
    }
    const bool beside_caret = content.streaming();
    notice_->setPlainText(text);
    notice_->setTextWidth(width_ - 30);
    const qreal height = sizeOf(*notice_).height();
    if (beside_caret) {
        notice_rect_ = QRectF(14, body_.rect.top() + 2, width_ - 30, height);
        y = std::max(y, notice_rect_.bottom());
        return;
    }
    notice_rect_ = QRectF(26, y + 12, width_ - 30, height);
    y = notice_rect_.bottom() + 6;
}

QRectF MessageLayout::caretRect(const Part& part, int position) const {
    QTextDocument* document = part.document();
    QTextBlock block = document->findBlock(position);
    if (block.blockFormat().boolProperty(spacerProperty) && block.previous().isValid())
        block = block.previous(); // after a code block: at its end
    const QTextLayout* layout = block.layout();
    const int in_block = std::clamp(position - block.position(), 0, block.length() - 1);
    const QTextLine line = layout->lineForTextPosition(in_block);
    const QRectF rect = document->documentLayout()->blockBoundingRect(block);
    const qreal x = line.isValid() ? line.cursorToX(in_block) : 0;
    const qreal y = line.isValid() ? line.y() + line.height() - line.descent() - line.ascent() : 0;
    const qreal height = style_.em() * 1.15;
    const qreal baseline = line.isValid() ? line.y() + line.ascent() : height;
    Q_UNUSED(y);
    return QRectF(part.rect.left() + rect.left() + x + 2,
                  part.rect.top() + rect.top() + baseline - style_.em() * 0.92, 7, height);
}

LayoutPosition MessageLayout::tokenPosition(const MessageContent& content, int token) const {
    const TextPlace place = content.tokens.begin(token, content.text.size(), !content.thinking.empty());
    const Part& where = part(place.part);
    return {place.part, where.markdown ? where.markdown->position(place.offset) : 0};
}

QRectF MessageLayout::tokenRect(const MessageContent& content, int token) const {
    return positionRect(tokenPosition(content, token));
}

QRectF MessageLayout::positionRect(LayoutPosition position) const {
    const Part& where = part(position.part);
    return where.document() && !where.rect.isNull() ? caretRect(where, position.position) : name_;
}

QRectF MessageLayout::markRect(const MessageContent& content, const DialMark& mark) const {
    if (content.needsTokens())
        return {};
    const LayoutPosition at = tokenPosition(content, mark.token);
    const Part& where = part(at.part);
    if (!where.document() || where.rect.isNull())
        return {};
    const QRectF caret = caretRect(where, beforeWord(*where.document(), at.position));
    return QRectF(caret.left() - 6, caret.top() - 5, 9, caret.height() + 6);
}

LayoutHit MessageLayout::hit(const MessageContent& content, const QPointF& point) const {
    LayoutHit hit;
    const bool above_body = thinkingShown() && point.y() < thinking_.rect.bottom() + 6;
    const Part& where = above_body ? thinking_ : body_;
    hit.position.part = above_body ? MessagePlace::Thinking : MessagePlace::Body;
    for (std::size_t i = 0; i < content.marks.size(); ++i) {
        if (markRect(content, content.marks[i]).adjusted(-2, -2, 2, 2).contains(point))
            hit.mark = static_cast<int>(i);
    }
    QTextDocument* document = where.document();
    if (!document || !slots_.editor.isNull())
        return hit;
    const QPointF inside = point - where.rect.topLeft();
    if (inside.y() < 0) {
        hit.position.position = 0;
        return hit;
    }
    if (inside.y() > where.rect.height()) {
        hit.position.position = document->characterCount() - 1;
        return hit;
    }
    hit.position.position = std::max(0, document->documentLayout()->hitTest(inside, Qt::FuzzyHit));
    hit.on_text = document->documentLayout()->hitTest(inside, Qt::ExactHit) >= 0;
    if (hit.on_text)
        hit.link = document->documentLayout()->anchorAt(inside);
    return hit;
}

LayoutPosition MessageLayout::first() const {
    return {thinkingShown() ? MessagePlace::Thinking : MessagePlace::Body, 0};
}

LayoutPosition MessageLayout::last() const {
    return {MessagePlace::Body, body_.document() ? body_.document()->characterCount() - 1 : 0};
}

LayoutPosition MessageLayout::wordBegin(LayoutPosition position, bool line) const {
    QTextCursor cursor(part(position.part).document());
    cursor.setPosition(position.position);
    cursor.movePosition(line ? QTextCursor::StartOfBlock : QTextCursor::StartOfWord);
    return {position.part, cursor.position()};
}

LayoutPosition MessageLayout::wordEnd(LayoutPosition position, bool line) const {
    QTextCursor cursor(part(position.part).document());
    cursor.setPosition(position.position);
    cursor.movePosition(line ? QTextCursor::EndOfBlock : QTextCursor::EndOfWord);
    return {position.part, cursor.position()};
}

std::vector<TextStretch> MessageLayout::stretches(LayoutPosition from, LayoutPosition to,
                                                  bool thinking) const {
    std::vector<TextStretch> all;
    for (const MessagePlace place : {MessagePlace::Thinking, MessagePlace::Body}) {
        const QTextDocument* document = part(place).document();
        if (!document || (place == MessagePlace::Thinking && !thinking) || from.part > place ||
            to.part < place)
            continue;
        const int last = document->characterCount() - 1;
        const int begin = from.part < place ? 0 : std::clamp(from.position, 0, last);
        const int end = to.part > place ? last : std::clamp(to.position, 0, last);
        const bool whole = begin == 0 && end == last;
        all.push_back({document, begin, end, whole ? folded_ : QString()});
    }
    return all;
}

bool MessageLayout::reaches(std::size_t offset) const {
    return complete_ || !body_.markdown || body_.markdown->source().size() >= offset;
}

std::optional<std::pair<LayoutPosition, LayoutPosition>> MessageLayout::find(const QString& query, int nth,
                                                                             std::size_t offset) const {
    const auto range = [](const QTextCursor& at) {
        return std::pair{LayoutPosition{MessagePlace::Body, at.selectionStart()},
                         LayoutPosition{MessagePlace::Body, at.selectionEnd()}};
    };
    QTextDocument& document = *body_.document();
    if (body_.markdown) {
        const int from = body_.markdown->position(offset);
        QTextCursor at = document.find(query, from);
        if (at.isNull())
            at = document.find(query, from, QTextDocument::FindBackward);
        return at.isNull() ? std::nullopt : std::optional(range(at));
    }
    std::optional<std::pair<LayoutPosition, LayoutPosition>> last;
    QTextCursor at(&document);
    for (int i = 0; i <= nth; ++i) {
        at = document.find(query, at);
        if (at.isNull())
            break;
        last = range(at);
    }
    return last;
}

} // namespace switchyard
