// Commands of TeX that only say how something is set: spaces, styles, alphabets, sizes of delimiters.
#include "ui/math/math_reader.h"
#include "ui/math/math_symbols.h"

#include <utility>

namespace switchyard {
bool TexReader::spaces(const std::string& name, MathList& out) {
    static constexpr std::pair<std::string_view, double> amounts[] = {{",", 3 / 18.0},
                                                                      {"thinspace", 3 / 18.0},
                                                                      {":", 4 / 18.0},
                                                                      {">", 4 / 18.0},
                                                                      {"medspace", 4 / 18.0},
                                                                      {";", 5 / 18.0},
                                                                      {"thickspace", 5 / 18.0},
                                                                      {"!", -3 / 18.0},
                                                                      {"negthinspace", -3 / 18.0},
                                                                      {" ", 0.25},
                                                                      {"\n", 0.25},
                                                                      {"space", 0.25},
                                                                      {"enspace", 0.5},
                                                                      {"quad", 1},
                                                                      {"qquad", 2}};
    const double* amount = lookUp(amounts, name);
    MathNode space = mathNode(MathKind::Space);
    if (amount) {
        space.amount = *amount;
    } else if (name == "hspace" || name == "hspace*" || name == "mspace") {
        space.amount = length(braced());
    } else {
        static constexpr std::string_view nothing[] = {"nonumber",   "notag",   "displaylimits",
                                                       "allowbreak", "nobreak", "hfill",
                                                       "null",       "relax",   "noindent"};
        for (const std::string_view known : nothing)
            if (known == name)
                return true;
        return false;
    }
    add(out, std::move(space));
    return true;
}

/// A delimiter after "\left" and the like; 0: none is drawn.
char32_t TexReader::delimiter() {
    skipSpace();
    if (done())
        throw Refused();
    const char32_t c = source_[at_++];
    if (c == U'.')
        return 0;
    if (c == U'<')
        return U'⟨';
    if (c == U'>')
        return U'⟩';
    if (c != U'\\') {
        if (std::u32string_view(U"()[]/|⟨⟩⌈⌉⌊⌋‖").find(c) == std::u32string_view::npos)
            throw Refused();
        return c;
    }
    const std::string known = name();
    const MathSymbol symbol = mathSymbol(known);
    const bool fits = symbol.type == MathClass::Opening || symbol.type == MathClass::Closing ||
                      known == "vert" || known == "Vert" || known == "|" || known == "backslash" ||
                      known.ends_with("arrow");
    if (!symbol.character || !fits)
        throw Refused();
    return symbol.character;
}

bool TexReader::delimiters(const std::string& name, MathList& out) {
    if (name == "left") {
        MathNode fenced = mathNode(MathKind::Fenced, {}, MathClass::Inner);
        fenced.character = delimiter();
        End end = End::Middle;
        while (end == End::Middle) {
            fenced.parts.push_back(list(end));
            if (end == End::Middle)
                fenced.middle.push_back(middle_);
        }
        if (end != End::Right)
            throw Refused();
        fenced.closing = middle_;
        add(out, std::move(fenced));
        return true;
    }
    static constexpr std::pair<std::string_view, int> sizes[] = {
        {"big", 1}, {"Big", 2}, {"bigg", 3}, {"Bigg", 4}};
    std::string_view plain = name;
    MathClass type = MathClass::Ordinary;
    const int* size = lookUp(sizes, plain);
    if (!size && plain.size() > 3) {
        const char side = plain.back();
        plain.remove_suffix(1);
        type = side == 'l' ? MathClass::Opening : side == 'r' ? MathClass::Closing : MathClass::Relation;
        size = side == 'l' || side == 'r' || side == 'm' ? lookUp(sizes, plain) : nullptr;
    }
    if (!size)
        return false;
    MathNode node = mathNode(MathKind::Delimiter, {}, type);
    node.character = delimiter();
    node.number = *size;
    add(out, std::move(node));
    return true;
}

bool TexReader::alphabets(const std::string& name, MathList& out) {
    using enum MathAlphabet;
    static constexpr std::pair<std::string_view, MathAlphabet> letters[] = {
        {"mathrm", Upright},       {"mathup", Upright},       {"mathnormal", Default},
        {"mathit", Italic},        {"mathbf", Bold},          {"boldsymbol", BoldItalic},
        {"bm", BoldItalic},        {"pmb", BoldItalic},       {"symbf", Bold},
        {"mathbb", Blackboard},    {"mathbbm", Blackboard},   {"mathds", Blackboard},
        {"mathcal", Calligraphic}, {"mathscr", Calligraphic}, {"mathfrak", Fraktur},
        {"mathsf", SansSerif},     {"mathtt", Typewriter}};
    static constexpr std::pair<std::string_view, MathAlphabet> texts[] = {
        {"text", Upright}, {"textrm", Upright},   {"textnormal", Upright}, {"textup", Upright},
        {"mbox", Upright}, {"hbox", Upright},     {"textbf", Bold},        {"textit", Italic},
        {"emph", Italic},  {"textsf", SansSerif}, {"texttt", Typewriter}};
    static constexpr std::pair<std::string_view, MathAlphabet> switches[] = {
        {"rm", Upright},       {"bf", Bold},      {"it", Italic},
        {"cal", Calligraphic}, {"sf", SansSerif}, {"tt", Typewriter}};
    static constexpr std::pair<std::string_view, int> styles[] = {
        {"displaystyle", 0}, {"textstyle", 1}, {"scriptstyle", 2}, {"scriptscriptstyle", 3}};
    if (const MathAlphabet* alphabet = lookUp(letters, name)) {
        const MathAlphabet outside = std::exchange(alphabet_, *alphabet);
        MathList inside = argument();
        alphabet_ = outside;
        const MathClass type = inside.size() == 1 ? inside.front().type : MathClass::Ordinary;
        add(out, mathNode(MathKind::Row, mathParts(std::move(inside)), type));
    } else if (const MathAlphabet* text = lookUp(texts, name)) {
        words(*text, out);
    } else if (const MathAlphabet* on = lookUp(switches, name)) {
        alphabet_ = *on;
    } else if (const int* style = lookUp(styles, name)) {
        add(out, mathNode(MathKind::Style)).number = *style;
    } else if (name == "operatorname" || name == "operatorname*") {
        const MathAlphabet outside = std::exchange(alphabet_, MathAlphabet::Upright);
        MathList inside = argument();
        alphabet_ = outside;
        MathNode& node = add(out, mathNode(MathKind::Row, mathParts(std::move(inside)), MathClass::Operator));
        node.takes_limits = name.ends_with('*');
    } else {
        return false;
    }
    return true;
}

/// Running text; a formula may stand in it between dollars.
void TexReader::words(MathAlphabet alphabet, MathList& out) {
    const Deeper deeper(*this);
    const std::u32string_view text = braced();
    std::u32string written;
    const auto flush = [&] {
        if (written.empty())
            return;
        MathNode& node = put(out, MathKind::Words, {});
        node.alphabet = alphabet;
        node.text = std::exchange(written, {});
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == U'$') {
            const std::size_t end = text.find(U'$', i + 1);
            if (end == std::u32string_view::npos)
                throw Refused();
            flush();
            TexReader inner(text.substr(i + 1, end - i - 1));
            inner.depth_ = depth_;
            inner.nodes_ = nodes_;
            inner.cells_ = cells_;
            End ended = End::Source;
            MathList inside = inner.list(ended);
            if (ended != End::Source)
                throw Refused();
            nodes_ = inner.nodes_;
            cells_ = inner.cells_;
            add(out, mathNode(MathKind::Row, mathParts(std::move(inside))));
            i = end;
        } else if (text[i] == U'\\') {
            const char32_t escaped = ++i < text.size() ? text[i] : U'\0';
            if (std::u32string_view(U"$%#&_{} ,;").find(escaped) == std::u32string_view::npos || !escaped)
                throw Refused();
            written += escaped == U',' || escaped == U';' ? U'\u2009' : escaped;
        } else if (text[i] == U'{' || text[i] == U'}') {
            // groups in text change nothing
        } else {
            const bool gap = text[i] == U'\n' || text[i] == U'\t' || text[i] == U'\r' || text[i] == U'~';
            if (!gap && !mathTakes(text[i]))
                throw Refused();
            written += gap ? U' ' : text[i];
        }
    }
    flush();
}

bool TexReader::classes(const std::string& name, MathList& out) {
    static constexpr std::pair<std::string_view, MathClass> types[] = {
        {"mathord", MathClass::Ordinary}, {"mathop", MathClass::Operator},
        {"mathbin", MathClass::Binary},   {"mathrel", MathClass::Relation},
        {"mathopen", MathClass::Opening}, {"mathclose", MathClass::Closing},
        {"mathinner", MathClass::Inner},  {"mathpunct", MathClass::Punctuation}};
    static constexpr std::pair<std::string_view, char32_t> turned[] = {
        {"iff", U'⟺'}, {"implies", U'⟹'}, {"impliedby", U'⟸'}};
    if (const MathClass* type = lookUp(types, name)) {
        MathNode& node = add(out, mathNode(MathKind::Row, mathParts(argument()), *type));
        node.takes_limits = *type == MathClass::Operator;
    } else if (const char32_t* arrow = lookUp(turned, name)) {
        MathNode node;
        node.character = *arrow;
        node.type = MathClass::Relation;
        space(out, 5 / 18.0);
        add(out, std::move(node));
        space(out, 5 / 18.0);
    } else if (name == "limits" || name == "nolimits") {
        if (out.empty())
            throw Refused();
        out.back().limits = name == "limits" ? MathLimits::Above : MathLimits::Beside;
    } else if (name == "bra" || name == "ket" || name == "braket") {
        MathNode fenced = mathNode(MathKind::Fenced, mathParts(argument()));
        fenced.character = name == "ket" ? U'|' : U'⟨';
        fenced.closing = name == "bra" ? U'|' : U'⟩';
        add(out, std::move(fenced));
    } else {
        return false;
    }
    return true;
}

} // namespace switchyard
