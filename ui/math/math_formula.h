// Formulas that are set: painted, and made from their source once.
#pragma once

#include "ui/math/math_box.h"

#include <QColor>
#include <QFont>
#include <QHash>
#include <QPointF>
#include <QStringList>

#include <memory>
#include <string_view>

class QPainter;

namespace switchyard {

class MathFormula {
  public:
    MathFormula(std::shared_ptr<const MathFont> font, MathBox box, QStringList words,
                const QFont& words_font);
    double width() const { return box_.width; }
    double ascent() const { return box_.ascent; }
    double descent() const { return box_.descent; }
    const std::vector<MathItem>& items() const { return box_.items; }
    /// With its baseline beginning at `origin`, in the painter's pen's colour.
    void paint(QPainter& painter, const QPointF& origin, double scale) const;

  private:
    std::shared_ptr<const MathFont> font_;
    MathBox box_;
    QStringList words_;
    QFont words_font_;
};

using MathFormulaPtr = std::shared_ptr<const MathFormula>;

/// Makes formulas from their source and remembers them. For one size of the window's text; loads its font
/// when the first formula comes.
class MathSetter {
  public:
    /// `text`: the font that the formulas stand beside. `families`: fonts for mathematics to choose from.
    explicit MathSetter(const QFont& text, const QStringList& families = MathFont::defaultFamilies());

    /// Set at this size of the text beside it (pixels), with the marks around it left out; nullptr where it
    /// is to be shown as it was written.
    MathFormulaPtr set(std::string_view source, bool display, double pixels);
    /// Formulas that were set, not remembered: for tests.
    int made() const { return made_; }

  private:
    MathFormulaPtr make(std::string_view source, bool display, double pixels) const;

    QFont text_;
    QStringList families_;
    std::shared_ptr<const MathFont> font_;
    double share_ = 1; ///< of the text's size
    QHash<QByteArray, MathFormulaPtr> known_;
    QHash<QByteArray, MathFormulaPtr> older_; ///< those that were not asked for lately: the next to go
    int made_ = 0;
};

} // namespace switchyard
