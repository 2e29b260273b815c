// A font for mathematics: its glyphs, their larger forms, and the measures that its designer gave, from its
// MATH table.
#pragma once

#include <QFont>
#include <QHash>
#include <QRawFont>
#include <QStringList>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace switchyard {

using MathGlyphId = std::uint32_t;

/// Lengths in em; y counts upwards from the baseline.
struct MathGlyph {
    MathGlyphId id = 0;
    double advance = 0, top = 0, bottom = 0, left = 0, right = 0; ///< of its ink
    double italic = 0;                                            ///< how far it leans over its advance
    double accent_x = 0;                                          ///< where an accent stands over it
};

/// The constants of the MATH table that the layout asks for.
enum class MathMeasure {
    AxisHeight,
    DelimitedSubFormulaMinHeight,
    DisplayOperatorMinHeight,
    AccentBaseHeight,
    SubscriptShiftDown,
    SubscriptTopMax,
    SubscriptBaselineDropMin,
    SuperscriptShiftUp,
    SuperscriptShiftUpCramped,
    SuperscriptBottomMin,
    SuperscriptBaselineDropMax,
    SubSuperscriptGapMin,
    SuperscriptBottomMaxWithSubscript,
    SpaceAfterScript,
    UpperLimitGapMin,
    UpperLimitBaselineRiseMin,
    LowerLimitGapMin,
    LowerLimitBaselineDropMin,
    StackTopShiftUp,
    StackTopDisplayStyleShiftUp,
    StackBottomShiftDown,
    StackBottomDisplayStyleShiftDown,
    StackGapMin,
    StackDisplayStyleGapMin,
    FractionNumeratorShiftUp,
    FractionNumeratorDisplayStyleShiftUp,
    FractionDenominatorShiftDown,
    FractionDenominatorDisplayStyleShiftDown,
    FractionNumeratorGapMin,
    FractionNumDisplayStyleGapMin,
    FractionRuleThickness,
    FractionDenominatorGapMin,
    FractionDenomDisplayStyleGapMin,
    OverbarVerticalGap,
    OverbarRuleThickness,
    UnderbarVerticalGap,
    UnderbarRuleThickness,
    RadicalVerticalGap,
    RadicalDisplayStyleVerticalGap,
    RadicalRuleThickness,
    RadicalExtraAscender,
    RadicalKernBeforeDegree,
    RadicalKernAfterDegree,
    Count
};

/// A form of a glyph that is as large as was asked for: one glyph, or several put together.
struct MathAssembly {
    struct Piece {
        MathGlyphId id = 0;
        double offset = 0; ///< em from the lower or left end to the piece's own
        double size = 0;   ///< em along the direction it grows
    };
    std::vector<Piece> pieces;
    double size = 0;   ///< em along the direction it grows
    bool whole = true; ///< one glyph
};

class MathFont {
  public:
    /// The first of these families that is there and has a MATH table; else not valid.
    explicit MathFont(const QStringList& families = defaultFamilies());
    ~MathFont();
    MathFont(const MathFont&) = delete;
    MathFont& operator=(const MathFont&) = delete;
    static QStringList defaultFamilies();

    bool valid() const { return hb_ != nullptr; }
    double measure(MathMeasure which) const { return measures_[static_cast<std::size_t>(which)]; }
    /// Sizes of scripts and of scripts of scripts, as shares of the text's.
    double scriptShare(int level) const {
        return level <= 0 ? 1 : level == 1 ? script_share_ : scriptscript_share_;
    }
    double radicalDegreeRaise() const { return degree_raise_; } ///< share of the radical's height
    double xHeight() const { return x_height_; }
    /// 0: the font does not have it.
    MathGlyphId glyphId(char32_t c) const;
    const MathGlyph& glyph(MathGlyphId id) const;
    /// At least `size` em high or wide, or as large as there is; `exact` wide: not larger than that.
    MathAssembly grown(MathGlyphId id, double size, bool vertical, bool not_larger = false) const;
    /// The font at a size in pixels.
    const QRawFont& raw(double pixels) const;

  private:
    struct HarfBuzz;
    void readMeasures();
    MathAssembly assembled(MathGlyphId id, double size, bool vertical) const;

    QRawFont raw_;
    std::unique_ptr<HarfBuzz> hb_;
    double em_ = 1000; ///< units
    double measures_[static_cast<std::size_t>(MathMeasure::Count)] = {};
    double script_share_ = 0.7, scriptscript_share_ = 0.5, degree_raise_ = 0.6, x_height_ = 0.45;
    mutable QHash<char32_t, MathGlyphId> ids_;
    mutable std::map<MathGlyphId, MathGlyph> glyphs_; ///< keeps its places
    mutable std::map<int, QRawFont> sizes_;           ///< by hundredths of a pixel
};

} // namespace switchyard
