// Commands of TeX that put something around, over or under what follows them.
#include "ui/math/math_reader.h"
#include "ui/math/math_symbols.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace switchyard {

MathNode& TexReader::put(MathList& out, MathKind kind, std::vector<MathList> parts, MathClass type) {
    return add(out, mathNode(kind, std::move(parts), type));
}

void TexReader::space(MathList& out, double em) { put(out, MathKind::Space, {}).amount = em; }

/// Two arguments.
std::vector<MathList> TexReader::two() {
    std::vector<MathList> parts;
    parts.push_back(argument());
    parts.push_back(argument());
    return parts;
}

bool TexReader::fractions(const std::string& name, MathList& out) {
    if (name == "frac" || name == "dfrac" || name == "tfrac" || name == "cfrac" || name == "binom" ||
        name == "dbinom" || name == "tbinom") {
        const bool binomial = name.ends_with("binom");
        MathNode& fraction =
            put(out, MathKind::Fraction, two(), binomial ? MathClass::Ordinary : MathClass::Inner);
        fraction.amount = binomial ? 0 : -1;
        fraction.character = binomial ? U'(' : 0;
        fraction.closing = binomial ? U')' : 0;
        fraction.number = name[0] == 'd' || name[0] == 'c' ? 0 : name[0] == 't' ? 1 : -1;
    } else if (name == "sqrt") {
        MathList index = option();
        std::vector<MathList> parts;
        parts.push_back(argument());
        parts.push_back(std::move(index));
        put(out, MathKind::Radical, std::move(parts));
    } else {
        return false;
    }
    return true;
}

bool TexReader::decorations(const std::string& name, MathList& out) {
    struct Across {
        char32_t character;
        bool above, labelled; ///< scripts stand over or under it
    };
    static constexpr std::pair<std::string_view, Across> across[] = {
        {"overbrace", {U'⏞', true, true}},           {"underbrace", {U'⏟', false, true}},
        {"overbracket", {U'⎴', true, true}},         {"underbracket", {U'⎵', false, true}},
        {"overrightarrow", {U'→', true, false}},     {"overleftarrow", {U'←', true, false}},
        {"overleftrightarrow", {U'↔', true, false}}, {"underrightarrow", {U'→', false, false}},
        {"underleftarrow", {U'←', false, false}}};
    if (const MathAccent accent = mathAccent(name); accent.character) {
        MathNode& node = put(out, MathKind::Accent, mathParts(argument()));
        node.character = accent.character;
        node.wide = accent.wide;
    } else if (name == "overline" || name == "underline") {
        put(out, MathKind::Line, mathParts(argument())).above = name[0] == 'o';
    } else if (const Across* kind = lookUp(across, name)) {
        MathNode& node = put(out, MathKind::Brace, mathParts(argument()),
                             kind->labelled ? MathClass::Operator : MathClass::Ordinary);
        node.character = kind->character;
        node.above = kind->above;
        node.limits = kind->labelled ? MathLimits::Above : MathLimits::Beside;
    } else {
        return false;
    }
    return true;
}

/// What stands above and below signs and arrows.
bool TexReader::stacks(const std::string& name, MathList& out) {
    if (name == "overset" || name == "stackrel" || name == "underset") {
        MathList script = argument();
        MathList base = argument();
        const MathClass type = name == "stackrel" ? MathClass::Relation
                               : base.size() == 1 ? base.front().type
                                                  : MathClass::Ordinary;
        MathNode& stack = put(out, MathKind::Stack, mathParts(std::move(base), MathList(), MathList()), type);
        stack.parts[name[0] == 'u' ? 2 : 1] = std::move(script);
    } else if (name == "xrightarrow" || name == "xleftarrow" || name == "xleftrightarrow" ||
               name == "xRightarrow" || name == "xLeftarrow" || name == "xmapsto") {
        MathList below = option();
        std::vector<MathList> parts;
        parts.push_back(argument());
        parts.push_back(std::move(below));
        put(out, MathKind::Arrow, std::move(parts), MathClass::Relation).character =
            mathSymbol(name.substr(1)).character;
    } else if (name == "substack") {
        substack(out);
    } else if (name == "begin") {
        environment(out);
    } else {
        return false;
    }
    return true;
}

bool TexReader::frames(const std::string& name, MathList& out) {
    if (name == "boxed") {
        put(out, MathKind::Boxed, mathParts(argument()));
    } else if (name == "fbox") {
        MathList inside;
        words(MathAlphabet::Upright, inside);
        put(out, MathKind::Boxed, mathParts(std::move(inside)));
    } else if (name == "phantom" || name == "hphantom" || name == "vphantom") {
        put(out, MathKind::Phantom, mathParts(argument())).number = name[0] == 'h'   ? 1
                                                                    : name[0] == 'v' ? 2
                                                                                     : 3;
    } else if (name == "not") {
        MathNode& struck = put(out, MathKind::Struck, mathParts(argument()));
        struck.character = 0x338;
        if (!struck.parts[0].empty())
            struck.type = struck.parts[0].front().type;
    } else if (name == "cancel" || name == "bcancel") {
        put(out, MathKind::Struck, mathParts(argument())).character = name[0] == 'c' ? U'/' : U'\\';
    } else {
        return false;
    }
    return true;
}

/// Colours, which are the window's own, and what an equation is called.
bool TexReader::notes(const std::string& name, MathList& out) {
    if (name == "color" || name == "label") {
        braced();
    } else if (name == "textcolor" || name == "colorbox") {
        braced();
        put(out, MathKind::Row, mathParts(argument()));
    } else if (name == "tag" || name == "tag*") {
        space(out, 2);
        MathList inside;
        words(MathAlphabet::Upright, inside);
        if (name == "tag") {
            MathNode opening, closing;
            opening.character = U'(';
            closing.character = U')';
            inside.insert(inside.begin(), std::move(opening));
            inside.push_back(std::move(closing));
        }
        put(out, MathKind::Row, mathParts(std::move(inside)));
    } else {
        return false;
    }
    return true;
}

bool TexReader::modulo(const std::string& name, MathList& out) {
    if (name != "pmod" && name != "pod" && name != "mod" && name != "bmod")
        return false;
    MathList inside;
    if (name != "pod") {
        MathNode& mod = put(inside, MathKind::Words, {});
        mod.text = U"mod";
        mod.alphabet = MathAlphabet::Upright;
        space(inside, name == "bmod" ? 0.22 : 0.33);
    }
    space(out, name == "bmod" ? 0.22 : name == "mod" ? 0.67 : 0.44);
    if (name == "bmod" || name == "mod") {
        std::move(inside.begin(), inside.end(), std::back_inserter(out));
        return true;
    }
    MathList number = argument();
    std::move(number.begin(), number.end(), std::back_inserter(inside));
    MathNode& fenced = put(out, MathKind::Fenced, mathParts(std::move(inside)));
    fenced.character = U'(';
    fenced.closing = U')';
    return true;
}

} // namespace switchyard
