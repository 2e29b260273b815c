// Fonts, colours and measures of the thread, from the palette in force.
#pragma once

#include "ui/chat/code_highlighter.h"

#include <QColor>
#include <QFont>
#include <QPalette>

#include <memory>

namespace switchyard {

class MathSetter;

struct ChatStyle {
    QFont text, mono;
    QColor ink, muted, link, accent, danger, border;
    QColor code;        ///< background of code blocks
    QColor inline_code; ///< background of code inside a line
    QColor bubble;      ///< background of a question
    QColor selection, selection_ink;
    QColor light_up; ///< background of a highlighted token
    // Syntax colours, each at least 4.5:1 on `code`.
    QColor keyword, string, number, comment, type, function;
    std::shared_ptr<MathSetter> math; ///< sets formulas beside this text

    /// `points`: size of the text.
    static ChatStyle make(const QPalette& palette, const QFont& font, qreal points);
    /// Pixels of one em of the text.
    qreal em() const;
    /// Of names above messages and code blocks.
    QFont caption() const;
    /// Height of the strip above a code block that holds its language and its copy button.
    qreal codeHeader() const;
    /// Height of the buttons under a message and of what unfolds a part of it: they have the window's font.
    static int toolsHeight();
    const QColor& colour(CodeKind kind) const;
};

} // namespace switchyard
