// Markdown as a document, and a document's look as text, to compare two of them.
#pragma once

#include "ui/chat/markdown.h"
#include "ui/math/math_object.h"

#include <QPalette>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextTable>

#include <memory>

namespace switchyard {

inline ChatStyle plainStyle() { return ChatStyle::make(QPalette(), QFont(), 11); }

inline std::unique_ptr<MarkdownDocument> rendered(const QString& text) {
    auto document = std::make_unique<MarkdownDocument>(plainStyle());
    document->append(text.toStdString());
    document->finish();
    return document;
}

/// Its text, formulas as they were written.
inline QString readText(QTextDocument& document) {
    QStringList formulas;
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        for (auto it = block.begin(); !it.atEnd(); ++it) {
            for (int i = 0; isFormula(it.fragment().charFormat()) && i < it.fragment().length(); ++i)
                formulas += formulaSource(it.fragment().charFormat());
        }
    }
    QString text = document.toPlainText();
    for (const QString& formula : formulas)
        text.replace(text.indexOf(QChar::ObjectReplacementCharacter), 1, formula);
    return text;
}

/// Everything that can be seen of a document: text, block formats, and each fragment's format.
inline QString described(QTextDocument& document) {
    QString out;
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        const QTextBlockFormat format = block.blockFormat();
        out += QStringLiteral("[%1 %2 %3 %4 %5 %6 %7 %8 %9]")
                   .arg(format.leftMargin())
                   .arg(format.topMargin())
                   .arg(format.textIndent())
                   .arg(format.headingLevel())
                   .arg(format.intProperty(quoteDepthProperty))
                   .arg(format.lineHeight())
                   .arg(format.rightMargin())
                   .arg(static_cast<int>(format.layoutDirection()))
                   .arg(static_cast<int>(format.alignment()));
        QTextFrame* frame = QTextCursor(block).currentFrame();
        for (; frame && frame != document.rootFrame(); frame = frame->parentFrame())
            out += qobject_cast<QTextTable*>(frame) ? QChar(u'T') : QChar(u'F');
        for (auto it = block.begin(); !it.atEnd(); ++it) {
            const QTextCharFormat text = it.fragment().charFormat();
            out += QStringLiteral("{%1|%2|%3|%4|%5|%6}")
                       .arg(it.fragment().text(), text.foreground().color().name(),
                            text.background().color().name(), text.anchorHref())
                       .arg(text.fontWeight())
                       .arg(text.fontItalic() * 4 + text.fontStrikeOut() * 2 + text.fontUnderline());
            out += formulaSource(text);
        }
        out += u'\n';
    }
    return out;
}

/// Streams a text byte by byte; the first of its beginnings that looks otherwise than when it is rendered at
/// once; -1: none.
inline qsizetype firstDifference(MarkdownDocument& growing, const QByteArray& ascii) {
    for (qsizetype i = 0; i < ascii.size(); ++i) {
        growing.append(std::string_view(ascii.data() + i, 1));
        MarkdownDocument whole(plainStyle());
        whole.append(std::string_view(ascii.data(), static_cast<std::size_t>(i + 1)));
        bool same = described(growing.document()) == described(whole.document()) &&
                    growing.codeBlocks().size() == whole.codeBlocks().size();
        for (std::size_t at = 0; at <= static_cast<std::size_t>(i); at += 7)
            same = same && growing.position(at) == whole.position(at);
        if (!same)
            return i + 1;
    }
    return -1;
}

} // namespace switchyard
