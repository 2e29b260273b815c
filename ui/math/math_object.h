// A formula as one character of a document.
#pragma once

#include "ui/math/math_formula.h"

#include <QObject>
#include <QTextCharFormat>
#include <QTextObjectInterface>

class QTextDocument;

namespace switchyard {

class MathObject : public QObject, public QTextObjectInterface {
    Q_OBJECT
    Q_INTERFACES(QTextObjectInterface)
  public:
    /// Shows the formulas of this document, which owns it.
    static void install(QTextDocument& document);

    QSizeF intrinsicSize(QTextDocument* document, int position, const QTextFormat& format) override;
    void drawObject(QPainter* painter, const QRectF& rect, QTextDocument* document, int position,
                    const QTextFormat& format) override;

  private:
    using QObject::QObject;
};

/// The format of the character that stands for a formula, from the format of the text beside it. `source`:
/// as it was written, with its marks. `alone`: it has a block of its own, and may be wider than the text;
/// others are made as small as they must be.
QTextCharFormat formulaFormat(const QTextCharFormat& beside, const QFont& text, const MathFormulaPtr& formula,
                              const QString& source, bool alone = false);
bool isFormula(const QTextCharFormat& format);
bool standsAlone(const QTextCharFormat& format); ///< a formula in a block of its own
/// Paints the formulas between two positions, and `back` behind them, over what a selection has left of them,
/// which is half of their colour; those above or below `clip` are left out, where that is not null.
/// Coordinates are the document's.
void paintSelectedFormulas(QPainter& painter, const QTextDocument& document, int from, int to,
                           const QColor& colour, const QBrush& back, const QRectF& clip);
double formulaWidth(const QTextCharFormat& format); ///< in its own size; 0: it is none
/// As it was written.
QString formulaSource(const QTextCharFormat& format);

} // namespace switchyard
