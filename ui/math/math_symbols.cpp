#include "ui/math/math_symbols.h"

#include <array>
#include <unordered_map>

namespace switchyard {
namespace {

/// "name character ..." of one kind, by spaces.
struct Kind {
    MathClass type;
    bool takes_limits;
    const char32_t* text;
};

constexpr Kind kinds[] = {
    {MathClass::Ordinary, false,
     U"alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ "
     U"varkappa ϰ lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ "
     U"upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ "
     U"Upsilon Υ "
     U"Phi Φ Psi Ψ Omega Ω digamma ϝ infty ∞ partial ∂ nabla ∇ hbar ℏ hslash ℏ ell ℓ wp ℘ Re ℜ Im ℑ aleph ℵ "
     U"beth ℶ gimel ℷ daleth ℸ forall ∀ exists ∃ nexists ∄ neg ¬ lnot ¬ emptyset ∅ varnothing ∅ angle ∠ "
     U"measuredangle ∡ sphericalangle ∢ triangle △ triangledown ▽ square □ Box □ Diamond ◊ lozenge ◊ "
     U"blacksquare ■ "
     U"blacktriangle ▴ bigstar ★ clubsuit ♣ diamondsuit ♢ heartsuit ♡ spadesuit ♠ sharp ♯ flat ♭ natural ♮ "
     U"top ⊤ bot ⊥ imath ı jmath ȷ eth ð prime ′ backprime ‵ backslash \\ surd √ complement ∁ mho ℧ Finv Ⅎ "
     U"circledR ® circledS Ⓢ checkmark ✓ maltese ✠ S § P ¶ copyright © pounds £ yen ¥ degree ° ldots … "
     U"vdots ⋮ dag † ddag ‡ $ $ % % # # & & _ _ Bbbk 𝕜 diagup ╱ diagdown ╲"},
    {MathClass::Operator, true,
     U"sum ∑ prod ∏ coprod ∐ bigcup ⋃ bigcap ⋂ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus "
     U"⨄ "
     U"bigsqcup ⨆"},
    {MathClass::Operator, false, U"int ∫ iint ∬ iiint ∭ iiiint ⨌ oint ∮ oiint ∯ oiiint ∰ smallint ∫"},
    {MathClass::Binary, false,
     U"pm ± mp ∓ times × div ÷ cdot ⋅ ast ∗ star ⋆ circ ∘ bullet ∙ cap ∩ cup ∪ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨ "
     U"lor ∨ wedge ∧ land ∧ setminus ∖ smallsetminus ∖ wr ≀ diamond ⋄ bigtriangleup △ bigtriangledown ▽ "
     U"triangleleft ◁ triangleright ▷ oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙ bigcirc ◯ dagger † ddagger ‡ "
     U"amalg ⨿ ltimes ⋉ rtimes ⋊ bowtie ⋈ boxplus ⊞ boxminus ⊟ boxtimes ⊠ boxdot ⊡ dotplus ∔ divideontimes ⋇ "
     U"veebar ⊻ barwedge ⊼ curlyvee ⋎ curlywedge ⋏ Cap ⋒ Cup ⋓ intercal ⊺ centerdot ⋅ circledast ⊛ "
     U"circledcirc ⊚ "
     U"circleddash ⊝ lhd ⊲ rhd ⊳ unlhd ⊴ unrhd ⊵"},
    {MathClass::Relation, false,
     U"leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ approxeq ≊ cong ≅ ncong ≇ asymp ≍ "
     U"doteq ≐ "
     U"propto ∝ varpropto ∝ prec ≺ succ ≻ preceq ⪯ succeq ⪰ ll ≪ gg ≫ lll ⋘ ggg ⋙ subset ⊂ supset ⊃ subseteq "
     U"⊆ "
     U"supseteq ⊇ subsetneq ⊊ supsetneq ⊋ nsubseteq ⊈ nsupseteq ⊉ sqsubset ⊏ sqsupset ⊐ sqsubseteq ⊑ "
     U"sqsupseteq ⊒ in ∈ ni ∋ owns ∋ notin ∉ vdash ⊢ dashv ⊣ models ⊨ vDash ⊨ Vdash ⊩ nvdash ⊬ nvDash ⊭ perp "
     U"⟂ "
     U"mid ∣ nmid ∤ parallel ∥ nparallel ∦ smile ⌣ frown ⌢ leqslant ⩽ geqslant ⩾ lesssim ≲ gtrsim ≳ lessgtr "
     U"≶ "
     U"gtrless ≷ leqq ≦ geqq ≧ nless ≮ ngtr ≯ nleq ≰ ngeq ≱ lneq ⪇ gneq ⪈ triangleq ≜ eqcirc ≖ circeq ≗ "
     U"coloneqq ≔ coloneq ≔ eqqcolon ≕ Coloneqq ⩴ trianglelefteq ⊴ trianglerighteq ⊵ vartriangle △ "
     U"vartriangleleft ⊲ vartriangleright ⊳ between ≬ pitchfork ⋔ backsim ∽ thicksim ∼ thickapprox ≈ "
     U"therefore ∴ "
     U"because ∵ Subset ⋐ Supset ⋑ multimap ⊸ leftarrow ← gets ← rightarrow → to → leftrightarrow ↔ uparrow "
     U"↑ "
     U"downarrow ↓ updownarrow ↕ Leftarrow ⇐ Rightarrow ⇒ Leftrightarrow ⇔ Uparrow ⇑ Downarrow ⇓ Updownarrow "
     U"⇕ "
     U"mapsto ↦ longmapsto ⟼ longleftarrow ⟵ longrightarrow ⟶ longleftrightarrow ⟷ Longleftarrow ⟸ "
     U"Longrightarrow ⟹ Longleftrightarrow ⟺ hookleftarrow ↩ hookrightarrow ↪ leftharpoonup ↼ "
     U"leftharpoondown ↽ "
     U"rightharpoonup ⇀ rightharpoondown ⇁ rightleftharpoons ⇌ leftrightharpoons ⇋ nearrow ↗ searrow ↘ "
     U"swarrow ↙ "
     U"nwarrow ↖ leadsto ⇝ rightsquigarrow ⇝ twoheadrightarrow ↠ twoheadleftarrow ↞ rightarrowtail ↣ "
     U"leftarrowtail ↢ rightrightarrows ⇉ leftleftarrows ⇇ rightleftarrows ⇄ leftrightarrows ⇆ upuparrows ⇈ "
     U"downdownarrows ⇊ nrightarrow ↛ nleftarrow ↚ nRightarrow ⇏ nLeftarrow ⇍ nleftrightarrow ↮ "
     U"nLeftrightarrow ⇎ circlearrowleft ↺ circlearrowright ↻ curvearrowleft ↶ curvearrowright ↷ restriction "
     U"↾ "
     U"upharpoonright ↾ colon :"},
    {MathClass::Opening, false,
     U"{ { lbrace { lbrack [ lparen ( langle ⟨ lceil ⌈ lfloor ⌊ lvert | lVert ‖ lgroup ⟮ llbracket ⟦ "
     U"lmoustache ⎰ ulcorner ⌜ llcorner ⌞"},
    {MathClass::Closing, false,
     U"} } rbrace } rbrack ] rparen ) rangle ⟩ rceil ⌉ rfloor ⌋ rvert | rVert ‖ rgroup ⟯ rrbracket ⟧ "
     U"rmoustache ⎱ urcorner ⌝ lrcorner ⌟"},
    {MathClass::Ordinary, false, U"vert | Vert ‖ | ‖"},
    {MathClass::Inner, false,
     U"cdots ⋯ dots … dotsc … dotsb ⋯ dotsm ⋯ dotsi ⋯ dotso … ddots ⋱ adots ⋰ iddots ⋰"},
};

std::string narrow(std::u32string_view text) {
    std::string out;
    for (const char32_t c : text)
        out += static_cast<char>(c);
    return out;
}

std::unordered_map<std::string, MathSymbol> readSymbols() {
    std::unordered_map<std::string, MathSymbol> symbols;
    for (const Kind& kind : kinds) {
        std::u32string_view rest = kind.text;
        while (!rest.empty()) {
            const std::size_t gap = rest.find(U' ');
            symbols.emplace(narrow(rest.substr(0, gap)),
                            MathSymbol{rest[gap + 1], kind.type, kind.takes_limits});
            rest.remove_prefix(std::min(gap + 3, rest.size()));
        }
    }
    return symbols;
}

/// Letters that Unicode had before it had alphabets for mathematics.
char32_t earlierLetter(char32_t c, MathAlphabet alphabet) {
    struct Entry {
        MathAlphabet alphabet;
        std::u32string_view letters, instead;
    };
    static constexpr Entry entries[] = {
        {MathAlphabet::Italic, U"h", U"ℎ"},
        {MathAlphabet::Blackboard, U"CHNPQRZ", U"ℂℍℕℙℚℝℤ"},
        {MathAlphabet::Calligraphic, U"BEFHILMRego", U"ℬℰℱℋℐℒℳℛℯℊℴ"},
        {MathAlphabet::Fraktur, U"CHIRZ", U"ℭℌℑℜℨ"},
    };
    for (const Entry& entry : entries) {
        if (entry.alphabet != alphabet)
            continue;
        if (const std::size_t at = entry.letters.find(c); at != std::u32string_view::npos)
            return entry.instead[at];
    }
    return 0;
}

/// Where an alphabet's capital letters, small letters, digits, capital and small Greek letters begin; 0:
/// none.
struct Beginnings {
    char32_t capital = 0, small = 0, digit = 0, greek_capital = 0, greek_small = 0;
};

Beginnings beginnings(MathAlphabet alphabet) {
    switch (alphabet) {
    case MathAlphabet::Default:
    case MathAlphabet::Upright:
        return {};
    case MathAlphabet::Italic:
        return {0x1D434, 0x1D44E, 0, 0x1D6E2, 0x1D6FC};
    case MathAlphabet::Bold:
        return {0x1D400, 0x1D41A, 0x1D7CE, 0x1D6A8, 0x1D6C2};
    case MathAlphabet::BoldItalic:
        return {0x1D468, 0x1D482, 0x1D7CE, 0x1D71C, 0x1D736};
    case MathAlphabet::Blackboard:
        return {0x1D538, 0x1D552, 0x1D7D8, 0, 0};
    case MathAlphabet::Calligraphic:
        return {0x1D49C, 0x1D4B6, 0, 0, 0};
    case MathAlphabet::Fraktur:
        return {0x1D504, 0x1D51E, 0, 0, 0};
    case MathAlphabet::SansSerif:
        return {0x1D5A0, 0x1D5BA, 0x1D7E2, 0, 0};
    case MathAlphabet::Typewriter:
        return {0x1D670, 0x1D68A, 0x1D7F6, 0, 0};
    }
    return {};
}

/// Greek letters that stand after omega in each alphabet.
constexpr std::u32string_view late_greek = U"∂ϵϑϰϕϱϖ";

} // namespace

MathSymbol mathSymbol(std::string_view name) {
    static const std::unordered_map<std::string, MathSymbol> symbols = readSymbols();
    const auto it = symbols.find(std::string(name));
    return it == symbols.end() ? MathSymbol() : it->second;
}

MathSymbol mathCharacter(char32_t c) {
    switch (c) {
    case U'-':
        return {U'−', MathClass::Binary};
    case U'*':
        return {U'∗', MathClass::Binary};
    case U'+':
        return {c, MathClass::Binary};
    case U'=':
    case U'<':
    case U'>':
    case U':':
        return {c, MathClass::Relation};
    case U'(':
    case U'[':
        return {c, MathClass::Opening};
    case U')':
    case U']':
    case U'!':
    case U'?':
        return {c, MathClass::Closing};
    case U',':
    case U';':
        return {c, MathClass::Punctuation};
    default:
        break;
    }
    static const std::unordered_map<char32_t, MathSymbol> known = [] {
        std::unordered_map<char32_t, MathSymbol> symbols;
        for (const Kind& kind : kinds) {
            const std::u32string_view text = kind.text;
            for (std::size_t gap = text.find(U' '); gap < text.size(); gap = text.find(U' ', gap + 3))
                if (text[gap + 1] > 0x7F)
                    symbols.emplace(text[gap + 1], MathSymbol{text[gap + 1], kind.type, kind.takes_limits});
        }
        return symbols;
    }();
    const auto it = known.find(c);
    return it == known.end() ? MathSymbol{c, MathClass::Ordinary} : it->second;
}

MathName mathName(std::string_view name) {
    static constexpr std::string_view plain[] = {
        "sin",    "cos",    "tan",    "cot",  "sec",  "csc", "arcsin", "arccos", "arctan", "sinh", "cosh",
        "tanh",   "coth",   "log",    "ln",   "lg",   "exp", "arg",    "deg",    "dim",    "hom",  "ker",
        "arccot", "arcsec", "arccsc", "sech", "csch", "erf", "tr",     "Tr",     "rank",   "sgn",  "diag"};
    static constexpr std::string_view with_limits[] = {"lim", "max", "min", "sup", "inf",
                                                       "det", "gcd", "Pr",  "lcm"};
    for (const std::string_view known : plain)
        if (known == name)
            return {std::u32string(name.begin(), name.end()), false};
    for (const std::string_view known : with_limits)
        if (known == name)
            return {std::u32string(name.begin(), name.end()), true};
    if (name == "argmax" || name == "argmin")
        return {U"arg\u2009" + std::u32string(name.begin() + 3, name.end()), true};
    if (name == "limsup" || name == "liminf")
        return {U"lim\u2009" + std::u32string(name.begin() + 3, name.end()), true};
    return {};
}

MathAccent mathAccent(std::string_view name) {
    static constexpr std::pair<std::string_view, MathAccent> accents[] = {
        {"hat", {0x302, false}},      {"widehat", {0x302, true}},  {"tilde", {0x303, false}},
        {"widetilde", {0x303, true}}, {"bar", {0x304, false}},     {"vec", {0x20D7, false}},
        {"dot", {0x307, false}},      {"ddot", {0x308, false}},    {"dddot", {0x20DB, false}},
        {"acute", {0x301, false}},    {"grave", {0x300, false}},   {"breve", {0x306, false}},
        {"check", {0x30C, false}},    {"mathring", {0x30A, false}}};
    for (const auto& [known, accent] : accents)
        if (known == name)
            return accent;
    return {};
}

char32_t mathLetter(char32_t c, MathAlphabet alphabet) {
    const bool latin = (c >= U'A' && c <= U'Z') || (c >= U'a' && c <= U'z');
    const bool small_greek = (c >= 0x3B1 && c <= 0x3C9);
    const std::size_t late = late_greek.find(c);
    if (alphabet == MathAlphabet::Default) {
        // By default capital Greek letters stand upright.
        if (latin || small_greek || (late != std::u32string_view::npos && c != U'∂'))
            alphabet = MathAlphabet::Italic;
        else if (c == U'ı' || c == U'ȷ')
            return c == U'ı' ? 0x1D6A4 : 0x1D6A5;
        else
            return c;
    }
    if (const char32_t earlier = earlierLetter(c, alphabet))
        return earlier;
    const Beginnings from = beginnings(alphabet);
    if (c >= U'A' && c <= U'Z' && from.capital)
        return from.capital + (c - U'A');
    if (c >= U'a' && c <= U'z' && from.small)
        return from.small + (c - U'a');
    if (c >= U'0' && c <= U'9' && from.digit)
        return from.digit + (c - U'0');
    if (c >= 0x391 && c <= 0x3A9 && from.greek_capital)
        return from.greek_capital + (c - 0x391);
    if (small_greek && from.greek_small)
        return from.greek_small + (c - 0x3B1);
    if (late != std::u32string_view::npos && from.greek_small)
        return from.greek_small + 25 + static_cast<char32_t>(late);
    return c;
}

} // namespace switchyard
