// Text in fields that are typed into. Their layout does a line (a paragraph) at once, so a field takes as
// much text as it can lay out between two pictures; of more, a page.
#pragma once

#include <QString>
#include <QStringView>
#include <QTextDocument>

namespace switchyard {

/// UTF-16 units that a field takes at most.
inline constexpr qsizetype longest_field = 32'000;

/// What is laid out within a turn of the event loop: UTF-16 units, lines, units of one line, and emoji: these
/// are pictures, unpacked whenever their line is laid out.
struct PageLimits {
    qsizetype units = longest_field, lines = 2000, line = 6000, pictures = 100;
};

/// Units from the text's beginning within the limits, and within what stacked marks and emoji cost: whole
/// lines where there are some, never half a character.
qsizetype fieldPage(QStringView text, const PageLimits& limits = {});

/// Whether a field can take all of it.
inline bool fitsField(QStringView text) { return fieldPage(text) == text.size(); }

/// What was typed, as it was: line breaks as '\n', and spaces that do not break stay so.
QString fieldText(const QTextDocument& document);

/// Bounds every one-line field that the application shows from now on; those that bound themselves stay so.
void boundLineFields();

} // namespace switchyard
