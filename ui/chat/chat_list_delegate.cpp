#include "ui/chat/chat_list_delegate.h"

#include "app/services/search_words.h"
#include "ui/chat/chat_list_model.h"
#include "ui/emoji_font.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QLineEdit>
#include <QPainter>

#include <algorithm>
#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr char kGivenTitle[] = "givenTitle"; ///< of an editor: what it opened with
constexpr int kRounded = 2;                  ///< pixels: widths are rounded in different ways
} // namespace

QSize ChatListDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const int line = option.fontMetrics.height();
    if (index.data(ChatListModel::IsGroupRole).toBool())
        return {80, line + 18};
    return {80, index.data(ChatListModel::LineRole).toString().isEmpty() ? line + 16 : 2 * line + 20};
}

void ChatListDelegate::paintGroup(QPainter& painter, const QStyleOptionViewItem& option,
                                  const QModelIndex& index) const {
    const ThemeColours& colours = coloursOf(QApplication::palette());
    QFont font = option.font;
    font.setPointSizeF(font.pointSizeF() * 0.9);
    font.setWeight(QFont::DemiBold);
    painter.setFont(font);
    painter.setPen(colours.muted);
    const QRect rect = option.rect.adjusted(14, 6, -12, 0);
    const bool open = option.state & QStyle::State_Open;
    themedIcon(open ? u"chevron-down"_s : u"chevron-right"_s)
        .paint(&painter, QRect(rect.left() - 4, rect.center().y() - 6, 13, 13));
    QRect text = rect.adjusted(14, 0, 0, 0);
    if (index.data(ChatListModel::IsFolderRole).toBool()) {
        themedIcon(u"folder"_s).paint(&painter, QRect(text.left(), text.center().y() - 6, 14, 14));
        text.adjust(20, 0, 0, 0);
    }
    paintLine(painter, text, index.data(Qt::DisplayRole).toString(), {}, font, colours.muted, colours.muted);
    if (option.state & QStyle::State_HasFocus && option.state & QStyle::State_KeyboardFocusChange) {
        painter.setPen(QPen(colours.accent, 1.5));
        painter.drawRoundedRect(QRectF(option.rect).adjusted(8.5, 3.5, -8.5, -1.5), 7, 7);
    }
}

QString shownLine(const QString& line, const QString& query, const QFontMetrics& metrics, int width) {
    const Found found = findIn(line, query);
    QString shown = line;
    if (found.length > 0) {
        const QChar dots(0x2026);
        const QString end = found.begin + found.length < line.size() ? QString(dots) : QString();
        const auto fits = [&](qsizetype begin) {
            const QString words = line.mid(begin, found.begin + found.length - begin);
            return metrics.horizontalAdvance((begin > 0 ? dots + words : words) + end) <= width - kRounded;
        };
        qsizetype begin = 0;
        while (begin < found.begin && !fits(begin))
            begin = std::min(found.begin,
                             line.indexOf(u' ', begin) < 0 ? found.begin : line.indexOf(u' ', begin) + 1);
        shown = begin > 0 ? dots + line.mid(begin) : line;
    }
    return metrics.elidedText(shown, Qt::ElideRight, width);
}

/// In one line: what is found of `query` in bold, emoji in their font.
static QTextLine layOut(QTextLayout& layout, const QString& query, const QColor& found) {
    QList<QTextLayout::FormatRange> ranges;
    const auto add = [&ranges](qsizetype begin, qsizetype length, const QTextCharFormat& format) {
        ranges.append({static_cast<int>(begin), static_cast<int>(length), format});
    };
    QTextCharFormat bold, pictures;
    bold.setFontWeight(QFont::Bold);
    bold.setForeground(found);
    for (Found each = findIn(layout.text(), query); each.length > 0;
         each = findIn(layout.text(), query, each.begin + each.length))
        add(each.begin, each.length, bold);
    const QList<EmojiStretch> emoji = emojiStretches(layout.text());
    if (!emoji.isEmpty())
        putInEmojiFont(pictures);
    for (const EmojiStretch& stretch : emoji)
        add(stretch.begin, stretch.end - stretch.begin, pictures);
    layout.setFormats(ranges);
    layout.beginLayout();
    const QTextLine line = layout.createLine();
    layout.endLayout();
    return line;
}

void layOutLine(QTextLayout& layout, const QString& line, const QString& query, const QColor& found,
                int width) {
    // Measured without the pictures, and again with less room where these are wider.
    constexpr int kTries = 4;
    const QFontMetrics metrics(layout.font());
    int room = width;
    for (int i = 0; i < kTries; ++i) {
        layout.setText(shownLine(line, query, metrics, room));
        const QTextLine text = layOut(layout, query, found);
        const double over = text.isValid() ? text.naturalTextWidth() - width : 0;
        if (over <= kRounded)
            return;
        room -= static_cast<int>(std::ceil(over));
    }
}

void ChatListDelegate::paintLine(QPainter& painter, const QRect& rect, const QString& line,
                                 const QString& query, const QFont& font, const QColor& plain,
                                 const QColor& found) const {
    QTextLayout layout(QString(), font);
    layOutLine(layout, oneLine(line).simplified(), query, found, rect.width());
    if (layout.lineCount() == 0)
        return;
    painter.setPen(plain);
    layout.draw(&painter, QPointF(rect.left(), rect.center().y() - layout.lineAt(0).height() / 2));
}

void ChatListDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setClipRect(option.rect, Qt::IntersectClip); // marks can be stacked beyond all measure
    if (index.data(ChatListModel::IsGroupRole).toBool()) {
        paintGroup(*painter, option, index);
        painter->restore();
        return;
    }
    const ThemeColours& colours = coloursOf(QApplication::palette());
    const bool current = current_ != 0 && index.data(ChatListModel::IdRole).toLongLong() == current_;
    const QRectF box = QRectF(option.rect).adjusted(8, 1, -8, -1);
    if (current || option.state & QStyle::State_MouseOver) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(current ? colours.accentSoft : colours.hover);
        painter->drawRoundedRect(box, 7, 7);
    }
    if (current) { // a bar too, so that colour is not all there is
        painter->setBrush(colours.accent);
        painter->drawRoundedRect(QRectF(box.left(), box.top() + 7, 3, box.height() - 14), 1.5, 1.5);
    }
    if (option.state & QStyle::State_HasFocus && option.state & QStyle::State_KeyboardFocusChange) {
        painter->setPen(QPen(colours.accent, 1.5));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 7, 7);
    }
    QRect inside = option.rect.adjusted(22, 0, -18, 0);
    if (index.data(ChatListModel::GeneratingRole).toBool()) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(colours.accent);
        for (int i = 0; i < 3; ++i)
            painter->drawEllipse(
                QPointF(inside.right() - 3 - i * 6, option.rect.top() + option.rect.height() / 2.0), 2, 2);
        inside.adjust(0, 0, -24, 0);
    }
    const QString title = index.data(Qt::DisplayRole).toString(),
                  line = index.data(ChatListModel::LineRole).toString();
    QFont font = option.font;
    if (current)
        font.setWeight(QFont::DemiBold);
    if (line.isEmpty()) {
        paintLine(*painter, inside, title, query_, font, colours.text, colours.accent);
    } else {
        const int half = option.rect.height() / 2;
        paintLine(*painter, inside.adjusted(0, 4, 0, -half), title, query_, font, colours.text, colours.text);
        QFont small = option.font;
        small.setPointSizeF(small.pointSizeF() * 0.9);
        paintLine(*painter, inside.adjusted(0, half - 4, 0, -4), line, query_, small, colours.muted,
                  colours.accent);
    }
    painter->restore();
}

QWidget* ChatListDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                                        const QModelIndex& index) const {
    editor_ = QStyledItemDelegate::createEditor(parent, option, index);
    connect(editor_, &QObject::destroyed, this, [this] {
        editor_.clear();
        Q_EMIT renamingEnded();
    });
    return editor_;
}

void ChatListDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
    auto* line = qobject_cast<QLineEdit*>(editor);
    if (!line || line->property(kGivenTitle).isValid())
        return;
    line->setProperty(kGivenTitle, index.data(Qt::EditRole).toString());
    line->setText(index.data(Qt::EditRole).toString());
    line->selectAll();
}

void ChatListDelegate::setModelData(QWidget* editor, QAbstractItemModel* model,
                                    const QModelIndex& index) const {
    const auto* line = qobject_cast<const QLineEdit*>(editor);
    if (line && line->text() != line->property(kGivenTitle).toString())
        model->setData(index, line->text(), Qt::EditRole);
}

void ChatListDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                            const QModelIndex&) const {
    editor->setGeometry(option.rect.adjusted(10, 1, -10, -1));
}

} // namespace switchyard
