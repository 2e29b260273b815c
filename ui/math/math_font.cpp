#include "ui/math/math_font.h"

#include <QFontDatabase>

#include <algorithm>
#include <cmath>

#include <hb-ot.h>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// In the order of MathMeasure.
constexpr hb_ot_math_constant_t constants[] = {
    HB_OT_MATH_CONSTANT_AXIS_HEIGHT,
    HB_OT_MATH_CONSTANT_DELIMITED_SUB_FORMULA_MIN_HEIGHT,
    HB_OT_MATH_CONSTANT_DISPLAY_OPERATOR_MIN_HEIGHT,
    HB_OT_MATH_CONSTANT_ACCENT_BASE_HEIGHT,
    HB_OT_MATH_CONSTANT_SUBSCRIPT_SHIFT_DOWN,
    HB_OT_MATH_CONSTANT_SUBSCRIPT_TOP_MAX,
    HB_OT_MATH_CONSTANT_SUBSCRIPT_BASELINE_DROP_MIN,
    HB_OT_MATH_CONSTANT_SUPERSCRIPT_SHIFT_UP,
    HB_OT_MATH_CONSTANT_SUPERSCRIPT_SHIFT_UP_CRAMPED,
    HB_OT_MATH_CONSTANT_SUPERSCRIPT_BOTTOM_MIN,
    HB_OT_MATH_CONSTANT_SUPERSCRIPT_BASELINE_DROP_MAX,
    HB_OT_MATH_CONSTANT_SUB_SUPERSCRIPT_GAP_MIN,
    HB_OT_MATH_CONSTANT_SUPERSCRIPT_BOTTOM_MAX_WITH_SUBSCRIPT,
    HB_OT_MATH_CONSTANT_SPACE_AFTER_SCRIPT,
    HB_OT_MATH_CONSTANT_UPPER_LIMIT_GAP_MIN,
    HB_OT_MATH_CONSTANT_UPPER_LIMIT_BASELINE_RISE_MIN,
    HB_OT_MATH_CONSTANT_LOWER_LIMIT_GAP_MIN,
    HB_OT_MATH_CONSTANT_LOWER_LIMIT_BASELINE_DROP_MIN,
    HB_OT_MATH_CONSTANT_STACK_TOP_SHIFT_UP,
    HB_OT_MATH_CONSTANT_STACK_TOP_DISPLAY_STYLE_SHIFT_UP,
    HB_OT_MATH_CONSTANT_STACK_BOTTOM_SHIFT_DOWN,
    HB_OT_MATH_CONSTANT_STACK_BOTTOM_DISPLAY_STYLE_SHIFT_DOWN,
    HB_OT_MATH_CONSTANT_STACK_GAP_MIN,
    HB_OT_MATH_CONSTANT_STACK_DISPLAY_STYLE_GAP_MIN,
    HB_OT_MATH_CONSTANT_FRACTION_NUMERATOR_SHIFT_UP,
    HB_OT_MATH_CONSTANT_FRACTION_NUMERATOR_DISPLAY_STYLE_SHIFT_UP,
    HB_OT_MATH_CONSTANT_FRACTION_DENOMINATOR_SHIFT_DOWN,
    HB_OT_MATH_CONSTANT_FRACTION_DENOMINATOR_DISPLAY_STYLE_SHIFT_DOWN,
    HB_OT_MATH_CONSTANT_FRACTION_NUMERATOR_GAP_MIN,
    HB_OT_MATH_CONSTANT_FRACTION_NUM_DISPLAY_STYLE_GAP_MIN,
    HB_OT_MATH_CONSTANT_FRACTION_RULE_THICKNESS,
    HB_OT_MATH_CONSTANT_FRACTION_DENOMINATOR_GAP_MIN,
    HB_OT_MATH_CONSTANT_FRACTION_DENOM_DISPLAY_STYLE_GAP_MIN,
    HB_OT_MATH_CONSTANT_OVERBAR_VERTICAL_GAP,
    HB_OT_MATH_CONSTANT_OVERBAR_RULE_THICKNESS,
    HB_OT_MATH_CONSTANT_UNDERBAR_VERTICAL_GAP,
    HB_OT_MATH_CONSTANT_UNDERBAR_RULE_THICKNESS,
    HB_OT_MATH_CONSTANT_RADICAL_VERTICAL_GAP,
    HB_OT_MATH_CONSTANT_RADICAL_DISPLAY_STYLE_VERTICAL_GAP,
    HB_OT_MATH_CONSTANT_RADICAL_RULE_THICKNESS,
    HB_OT_MATH_CONSTANT_RADICAL_EXTRA_ASCENDER,
    HB_OT_MATH_CONSTANT_RADICAL_KERN_BEFORE_DEGREE,
    HB_OT_MATH_CONSTANT_RADICAL_KERN_AFTER_DEGREE,
};
static_assert(std::size(constants) == static_cast<std::size_t>(MathMeasure::Count));

hb_blob_t* tableOf(hb_face_t*, hb_tag_t tag, void* font) {
    char name[5] = {};
    hb_tag_to_string(tag, name);
    const QByteArray table = static_cast<const QRawFont*>(font)->fontTable(name);
    return table.isEmpty() ? nullptr
                           : hb_blob_create(table.constData(), static_cast<unsigned>(table.size()),
                                            HB_MEMORY_MODE_DUPLICATE, nullptr, nullptr);
}

hb_direction_t directionOf(bool vertical) { return vertical ? HB_DIRECTION_BTT : HB_DIRECTION_LTR; }

} // namespace

struct MathFont::HarfBuzz {
    explicit HarfBuzz(QRawFont& raw) {
        hb_face_t* face = hb_face_create_for_tables(tableOf, &raw, nullptr);
        font = hb_font_create(face);
        hb_face_destroy(face);
    }
    ~HarfBuzz() { hb_font_destroy(font); }
    HarfBuzz(const HarfBuzz&) = delete;
    HarfBuzz& operator=(const HarfBuzz&) = delete;
    hb_font_t* font = nullptr;
};

QStringList MathFont::defaultFamilies() {
    return {u"STIX Two Math"_s, u"STIX Math"_s,  u"Latin Modern Math"_s,   u"TeX Gyre Termes Math"_s,
            u"Cambria Math"_s,  u"Asana Math"_s, u"DejaVu Math TeX Gyre"_s};
}

MathFont::MathFont(const QStringList& families) {
    for (const QString& family : families) {
        if (!QFontDatabase::hasFamily(family))
            continue;
        QFont font(family);
        font.setPixelSize(100);
        font.setHintingPreference(QFont::PreferNoHinting);
        font.setStyleStrategy(QFont::NoFontMerging);
        raw_ = QRawFont::fromFont(font);
        if (!raw_.isValid() || raw_.fontTable("MATH").isEmpty())
            continue;
        hb_ = std::make_unique<HarfBuzz>(raw_);
        em_ = hb_face_get_upem(hb_font_get_face(hb_->font));
        readMeasures();
        return;
    }
}

MathFont::~MathFont() = default;

void MathFont::readMeasures() {
    for (std::size_t i = 0; i < std::size(constants); ++i)
        measures_[i] = hb_ot_math_get_constant(hb_->font, constants[i]) / em_;
    const auto share = [&](hb_ot_math_constant_t which, double usual) {
        const int percent = hb_ot_math_get_constant(hb_->font, which);
        return percent > 0 && percent <= 100 ? percent / 100.0 : usual;
    };
    script_share_ = share(HB_OT_MATH_CONSTANT_SCRIPT_PERCENT_SCALE_DOWN, 0.7);
    scriptscript_share_ = share(HB_OT_MATH_CONSTANT_SCRIPT_SCRIPT_PERCENT_SCALE_DOWN, 0.5);
    degree_raise_ = share(HB_OT_MATH_CONSTANT_RADICAL_DEGREE_BOTTOM_RAISE_PERCENT, 0.6);
    if (const MathGlyphId x = glyphId(U'x'))
        x_height_ = glyph(x).top;
}

MathGlyphId MathFont::glyphId(char32_t c) const {
    const auto known = ids_.constFind(c);
    if (known != ids_.cend())
        return *known;
    hb_codepoint_t id = 0;
    if (!hb_font_get_nominal_glyph(hb_->font, c, &id))
        id = 0;
    ids_.insert(c, id);
    return id;
}

const MathGlyph& MathFont::glyph(MathGlyphId id) const {
    const auto [it, is_new] = glyphs_.try_emplace(id);
    if (!is_new)
        return it->second;
    MathGlyph& glyph = it->second;
    glyph.id = id;
    glyph.advance = hb_font_get_glyph_h_advance(hb_->font, id) / em_;
    hb_glyph_extents_t ink{};
    if (hb_font_get_glyph_extents(hb_->font, id, &ink)) {
        glyph.top = ink.y_bearing / em_;
        glyph.bottom = (ink.y_bearing + ink.height) / em_;
        glyph.left = ink.x_bearing / em_;
        glyph.right = (ink.x_bearing + ink.width) / em_;
    }
    glyph.italic = hb_ot_math_get_glyph_italics_correction(hb_->font, id) / em_;
    if (glyph.advance > 0) // not every font tells of every letter how far it leans
        glyph.italic = std::max(glyph.italic, glyph.right - glyph.advance);
    glyph.accent_x = hb_ot_math_get_glyph_top_accent_attachment(hb_->font, id) / em_;
    return glyph;
}

MathAssembly MathFont::grown(MathGlyphId id, double size, bool vertical, bool not_larger) const {
    constexpr unsigned most = 32;
    hb_ot_math_glyph_variant_t variants[most];
    unsigned count = most;
    hb_ot_math_get_glyph_variants(hb_->font, id, directionOf(vertical), 0, &count, variants);
    const auto measured = [&](MathGlyphId form) {
        const MathGlyph& known = glyph(form);
        return vertical ? known.top - known.bottom : known.right - known.left;
    };
    MathAssembly best{{{id, 0, measured(id)}}, measured(id), true};
    for (unsigned i = 0; i < count; ++i) {
        const double reached = measured(variants[i].glyph);
        if (not_larger ? reached > size : best.size >= size)
            break;
        if (reached > best.size)
            best = {{{variants[i].glyph, 0, reached}}, reached, true};
    }
    if (best.size >= size || not_larger)
        return best;
    MathAssembly whole = assembled(id, size, vertical);
    return whole.size > best.size ? whole : best;
}

MathAssembly MathFont::assembled(MathGlyphId id, double size, bool vertical) const {
    constexpr unsigned most = 16;
    hb_ot_math_glyph_part_t parts[most];
    unsigned count = most;
    hb_ot_math_get_glyph_assembly(hb_->font, id, directionOf(vertical), 0, &count, parts, nullptr);
    MathAssembly out;
    out.whole = false;
    if (count == 0)
        return out;
    const double least_overlap = hb_ot_math_get_min_connector_overlap(hb_->font, directionOf(vertical)) / em_;
    double fixed = 0, extended = 0;
    int extenders = 0, others = 0;
    for (unsigned i = 0; i < count; ++i) {
        const bool extender = parts[i].flags & HB_OT_MATH_GLYPH_PART_FLAG_EXTENDER;
        (extender ? extended : fixed) += parts[i].full_advance / em_;
        ++(extender ? extenders : others);
    }
    int repeat = 0;
    const double step = extended - extenders * least_overlap;
    const double without = fixed - (others - 1) * least_overlap;
    if (extenders > 0 && step > 0 && size > without)
        repeat = std::min(200, static_cast<int>(std::ceil((size - without) / step)));
    std::vector<const hb_ot_math_glyph_part_t*> row;
    for (unsigned i = 0; i < count; ++i) {
        const bool extender = parts[i].flags & HB_OT_MATH_GLYPH_PART_FLAG_EXTENDER;
        row.insert(row.end(), static_cast<std::size_t>(extender ? repeat : 1), &parts[i]);
    }
    if (row.empty())
        return out;
    // What is too much is taken by overlaps, as far as the connectors allow.
    const double full = fixed + repeat * extended;
    const double joints = static_cast<double>(row.size()) - 1;
    const double wanted = joints > 0 ? (full - size) / joints : 0;
    double at = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) {
            const double room =
                std::min(row[i - 1]->end_connector_length, row[i]->start_connector_length) / em_;
            at -= std::clamp(wanted, least_overlap, std::max(room, least_overlap));
        }
        out.pieces.push_back({row[i]->glyph, at, row[i]->full_advance / em_});
        at += row[i]->full_advance / em_;
    }
    out.size = at;
    return out;
}

const QRawFont& MathFont::raw(double pixels) const {
    const int key = static_cast<int>(std::lround(pixels * 100));
    const auto it = sizes_.find(key);
    if (it != sizes_.end())
        return it->second;
    if (sizes_.size() > 64)
        sizes_.clear(); // sizes of windows long gone
    QRawFont sized = raw_;
    sized.setPixelSize(pixels);
    return sizes_.emplace(key, sized).first->second;
}

} // namespace switchyard
