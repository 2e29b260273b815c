#include "ui/math/math_parser.h"

#include "ui/math/math_reader.h"
#include "ui/math/math_symbols.h"

#include <QList>
#include <QString>

#include <algorithm>
#include <utility>

namespace switchyard {
namespace {

bool isSpace(char32_t c) { return c == U' ' || c == U'\n' || c == U'\t' || c == U'\r' || c == 0xA0; }
bool isLetter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }

} // namespace

MathNode mathNode(MathKind kind, std::vector<MathList> parts, MathClass type) {
    MathNode node;
    node.kind = kind;
    node.parts = std::move(parts);
    node.type = type;
    return node;
}

std::optional<MathList> parseTex(std::string_view utf8) {
    if (utf8.size() > longest_tex)
        return std::nullopt;
    const QList<uint> units = QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size())).toUcs4();
    const std::u32string source(units.begin(), units.end());
    try {
        MathList list = TexReader(source).read();
        if (list.empty())
            return std::nullopt;
        return list;
    } catch (const TexReader::Refused&) {
        return std::nullopt;
    }
}

MathList TexReader::read() {
    End end = End::Source;
    // "a \\ b" without an environment is rows below each other.
    const std::size_t breaks = source_.find(U"\\\\");
    if (breaks != std::u32string_view::npos) {
        try {
            MathArray array;
            array.align = "c";
            array.display = array.roomy = true;
            MathList rows;
            rows.push_back(arrayOf({}, array));
            return rows.front().parts.size() == 1 ? std::move(rows.front().parts.front()) : std::move(rows);
        } catch (const Refused&) {
            *this = TexReader(source_); // they stand inside something
        }
    }
    MathList out = list(end);
    if (end != End::Source)
        throw Refused();
    return out;
}

void TexReader::skipSpace() {
    while (!done() && isSpace(peek()))
        ++at_;
}

/// The name of the command behind a backslash.
std::string TexReader::name() {
    if (done())
        throw Refused();
    std::string name;
    if (!isLetter(peek())) {
        name = peek() < 0x80 ? std::string(1, static_cast<char>(peek())) : std::string();
        ++at_;
        return name;
    }
    while (!done() && isLetter(peek()))
        name += static_cast<char>(source_[at_++]);
    if (peek() == U'*' && (name == "operatorname" || name == "hspace" || name == "tag")) {
        name += '*';
        ++at_;
    }
    return name;
}

/// What stands between braces, as it was written.
std::u32string_view TexReader::braced() {
    skipSpace();
    if (peek() != U'{')
        throw Refused();
    const std::size_t begin = ++at_;
    for (int open = 1; !done(); ++at_) {
        if (peek() == U'\\')
            ++at_;
        else if (peek() == U'{')
            ++open;
        else if (peek() == U'}' && --open == 0)
            return source_.substr(begin, at_++ - begin);
    }
    throw Refused();
}

/// What stands between brackets, if they are next.
std::optional<std::u32string_view> TexReader::bracketed() {
    skipSpace();
    if (peek() != U'[')
        return std::nullopt;
    const std::size_t end = source_.find(U']', at_);
    if (end == std::u32string_view::npos)
        throw Refused();
    const std::u32string_view inside = source_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
}

/// A length as "2pt" or "1.5em", in em.
double TexReader::length(std::u32string_view text) const {
    std::string number, unit;
    for (const char32_t c : text) {
        if ((c >= U'0' && c <= U'9') || c == U'.' || c == U'-')
            number += static_cast<char>(c);
        else if (isLetter(c))
            unit += static_cast<char>(c);
        else if (!isSpace(c))
            throw Refused();
    }
    static constexpr std::pair<std::string_view, double> units[] = {
        {"em", 1}, {"ex", 0.45}, {"mu", 1 / 18.0}, {"pt", 0.1}, {"px", 0.07}, {"mm", 0.28}, {"cm", 2.8}};
    const double* em = lookUp(units, unit);
    bool read = false;
    const double value = QString::fromStdString(number).toDouble(&read);
    if (!em || !read || value * *em > 20 || value * *em < -20)
        throw Refused();
    return value * *em;
}

MathNode& TexReader::add(MathList& out, MathNode node) {
    if (++nodes_ > most_tex_nodes)
        throw Refused();
    out.push_back(std::move(node));
    return out.back();
}

void TexReader::countCells(std::size_t more) {
    cells_ += more;
    if (cells_ > most_tex_cells)
        throw Refused();
}

/// Up to what ends it, which is read too.
MathList TexReader::list(End& end, bool in_brackets) {
    const Deeper deeper(*this);
    const MathAlphabet outside = alphabet_;
    MathList out;
    while (element(out, end, in_brackets)) {
    }
    alphabet_ = outside;
    return out;
}

/// Characters that are not seen or mean nothing have no place in a formula.
bool mathTakes(char32_t c) {
    const QChar::Category kind = QChar::category(c);
    return kind != QChar::Other_Control && kind != QChar::Other_Format && kind != QChar::Other_Surrogate &&
           kind != QChar::Other_PrivateUse && kind != QChar::Other_NotAssigned && !QChar::isNonCharacter(c);
}

/// One element of a list; false where it ended.
bool TexReader::element(MathList& out, End& end, bool in_brackets) {
    skipSpace();
    if (done()) {
        end = End::Source;
        return false;
    }
    const char32_t c = source_[at_++];
    switch (c) {
    case U'{':
        --at_;
        add(out, mathNode(MathKind::Row, mathParts(group())));
        return true;
    case U'}':
        end = End::Brace;
        return false;
    case U'&':
        end = End::Cell;
        return false;
    case U'^':
    case U'_':
    case U'\'':
    case U'′':
        --at_;
        scripts(out);
        return true;
    case U'~': {
        MathNode space = mathNode(MathKind::Space);
        space.amount = 0.25;
        add(out, std::move(space));
        return true;
    }
    case U'$':
    case U'#':
        throw Refused();
    case U'\\':
        break;
    default:
        if (c == U']' && in_brackets) {
            end = End::Bracket;
            return false;
        }
        if (!mathTakes(c))
            throw Refused();
        const MathSymbol symbol = mathCharacter(c);
        MathNode node;
        node.character = symbol.character;
        node.type = symbol.type;
        node.takes_limits = symbol.takes_limits;
        node.alphabet = alphabet_;
        add(out, std::move(node));
        return true;
    }
    const std::string command_name = name();
    if (command_name == "\\" || command_name == "cr" || command_name == "newline") {
        const std::size_t at = at_;
        if (peek() == U'*')
            ++at_;
        row_gap_ = 0;
        skipSpace();
        if (peek() == U'[') { // a length, or the row's first bracket
            try {
                row_gap_ = length(*bracketed());
            } catch (const Refused&) {
                at_ = at;
            }
        }
        end = End::Row;
        return false;
    }
    if (command_name == "right" || command_name == "middle") {
        middle_ = delimiter();
        end = command_name == "right" ? End::Right : End::Middle;
        return false;
    }
    if (command_name == "end") {
        const std::u32string_view ended = braced();
        end_name_.assign(ended.begin(), ended.end());
        end = End::Environment;
        return false;
    }
    if (command_name == "over" || command_name == "choose" || command_name == "atop") {
        infix(command_name, out, end, in_brackets);
        return false;
    }
    command(command_name, out);
    return true;
}

/// "a \over b": all before it in the list, and all behind.
void TexReader::infix(std::string_view name, MathList& out, End& end, bool in_brackets) {
    MathList above = std::exchange(out, {});
    MathList below = list(end, in_brackets);
    MathNode fraction =
        mathNode(MathKind::Fraction, mathParts(std::move(above), std::move(below)), MathClass::Inner);
    fraction.number = -1;
    fraction.amount = name == "over" ? -1 : 0;
    if (name == "choose") {
        fraction.character = U'(';
        fraction.closing = U')';
    }
    add(out, std::move(fraction));
}

MathList TexReader::primes() {
    MathList marks;
    while (peek() == U'\'' || peek() == U'′') {
        ++at_;
        MathNode prime;
        prime.character = U'′';
        add(marks, std::move(prime));
        skipSpace();
    }
    return marks;
}

/// What stands above and below the last element.
void TexReader::scripts(MathList& out) {
    MathNode node = mathNode(MathKind::Scripts, mathParts(MathList(), MathList(), MathList()));
    if (!out.empty() && out.back().kind != MathKind::Space && out.back().kind != MathKind::Style) {
        node.type = out.back().type;
        node.parts[0].push_back(std::move(out.back()));
        out.pop_back();
    }
    bool above = false, below = false;
    for (skipSpace(); peek() == U'^' || peek() == U'_' || peek() == U'\'' || peek() == U'′'; skipSpace()) {
        if (peek() == U'\'' || peek() == U'′') {
            if (above)
                throw Refused();
            node.parts[1] = primes();
            above = peek() == U'^'; // goes on behind the primes
            if (above) {
                ++at_;
                MathList rest = argument();
                std::move(rest.begin(), rest.end(), std::back_inserter(node.parts[1]));
            }
            above = true;
            continue;
        }
        bool& taken = peek() == U'^' ? above : below;
        if (taken)
            throw Refused();
        taken = true;
        MathList& part = node.parts[peek() == U'^' ? 1 : 2];
        ++at_;
        part = argument();
    }
    add(out, std::move(node));
}

/// A group in braces.
MathList TexReader::group() {
    ++at_;
    End end = End::Source;
    MathList inside = list(end);
    if (end != End::Brace)
        throw Refused();
    return inside;
}

/// A list between brackets, if they are next.
MathList TexReader::option() {
    skipSpace();
    if (peek() != U'[')
        return {};
    ++at_;
    End end = End::Source;
    MathList inside = list(end, true);
    if (end != End::Bracket)
        throw Refused();
    return inside;
}

/// A group, or the next element alone.
MathList TexReader::argument() {
    skipSpace();
    if (done())
        throw Refused();
    if (peek() == U'{')
        return group();
    if (peek() == U'^' || peek() == U'_' || peek() == U'\'')
        throw Refused();
    const Deeper deeper(*this);
    MathList one;
    End end = End::Source;
    if (!element(one, end, false))
        throw Refused();
    return one;
}

void TexReader::command(const std::string& name, MathList& out) {
    for (const auto reads : {&TexReader::fractions, &TexReader::decorations, &TexReader::stacks,
                             &TexReader::frames, &TexReader::notes, &TexReader::modulo, &TexReader::spaces,
                             &TexReader::delimiters, &TexReader::alphabets, &TexReader::classes}) {
        if ((this->*reads)(name, out))
            return;
    }
    const MathSymbol symbol = mathSymbol(name);
    if (symbol.character) {
        MathNode node;
        node.character = symbol.character;
        node.type = symbol.type;
        node.takes_limits = symbol.takes_limits;
        node.alphabet = alphabet_;
        add(out, std::move(node));
        return;
    }
    const MathName words = mathName(name);
    if (words.text.empty())
        throw Refused();
    MathNode node = mathNode(MathKind::Words, {}, MathClass::Operator);
    node.text = words.text;
    node.takes_limits = words.takes_limits;
    node.alphabet = MathAlphabet::Upright;
    add(out, std::move(node));
}

} // namespace switchyard
