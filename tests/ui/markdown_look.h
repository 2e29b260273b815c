// Markdown as a document, and a document's look as text, to compare two of them.
#pragma once

#include "ui/chat/markdown.h"

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

/// Everything that can be seen of a document: text, block formats, and each fragment's format.
inline QString described(QTextDocument& document) {
    QString out;
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        const QTextBlockFormat format = block.blockFormat();
        out += QStringLiteral("[%1 %2 %3 %4 %5 %6]")
                   .arg(format.leftMargin())
                   .arg(format.topMargin())
                   .arg(format.textIndent())
                   .arg(format.headingLevel())
                   .arg(format.intProperty(quoteDepthProperty))
                   .arg(format.lineHeight());
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
        }
        out += u'\n';
    }
    return out;
}

} // namespace switchyard
