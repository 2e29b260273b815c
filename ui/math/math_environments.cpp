// Matrices, cases, equations below each other.
#include "ui/math/math_reader.h"

#include <algorithm>

namespace switchyard {
namespace {

constexpr int widest_array = 64;

struct Fences {
    std::string_view name;
    char32_t left, right;
};
constexpr Fences matrices[] = {{"matrix", 0, 0},        {"pmatrix", U'(', U')'}, {"bmatrix", U'[', U']'},
                               {"Bmatrix", U'{', U'}'}, {"vmatrix", U'|', U'|'}, {"Vmatrix", U'‖', U'‖'},
                               {"smallmatrix", 0, 0}};

/// "r l" pairs, as equations that are aligned at their relations.
MathArray pairs(int columns) {
    MathArray array;
    array.columns = columns;
    array.display = array.roomy = true;
    for (int i = 0; i < columns; ++i) {
        array.align += i % 2 == 0 ? 'r' : 'l';
        if (i > 0)
            array.gaps.push_back(i % 2 == 1 ? 0 : 2);
    }
    return array;
}

} // namespace

/// "{lc|r}"
MathArray TexReader::columnsOf(std::u32string_view description) const {
    MathArray array;
    for (const char32_t c : description) {
        if (c == U'l' || c == U'c' || c == U'r')
            array.align += static_cast<char>(c);
        else if (c == U'|')
            array.bars.push_back(static_cast<int>(array.align.size()));
        else if (c != U' ')
            throw Refused();
    }
    array.columns = static_cast<int>(array.align.size());
    if (array.columns == 0 || array.columns > widest_array)
        throw Refused();
    array.gaps.assign(array.align.size() - 1, 1);
    return array;
}

/// The rows up to the end of the environment `name`; an empty name: up to the end of all.
MathNode TexReader::arrayOf(const std::string& name, MathArray array) {
    std::vector<std::vector<MathList>> rows(1);
    End end = End::Cell;
    while (true) {
        skipSpace();
        while (source_.substr(at_).starts_with(U"\\hline")) {
            at_ += 6;
            array.rules.push_back(static_cast<int>(rows.size()) - 1);
            skipSpace();
        }
        countCells(1);
        rows.back().push_back(list(end));
        if (end == End::Cell) {
            if (static_cast<int>(rows.back().size()) >= widest_array)
                throw Refused();
            continue;
        }
        if (end == End::Row) {
            array.row_gap.push_back(row_gap_);
            rows.emplace_back();
            continue;
        }
        if (name.empty() ? end != End::Source : end != End::Environment || end_name_ != name)
            throw Refused();
        break;
    }
    if (rows.size() > 1 && rows.back().size() == 1 && rows.back().front().empty())
        rows.pop_back(); // "\\" behind the last one
    std::size_t columns = static_cast<std::size_t>(array.columns), read = 0;
    for (const auto& row : rows) {
        columns = std::max(columns, row.size());
        read += row.size();
    }
    if (name.empty() && columns > 1)
        throw Refused();
    countCells(columns * rows.size() - read); // rows that end early are filled up
    if (name.starts_with("align") || name == "split" || name == "alignat" || name.starts_with("eqnarray")) {
        MathArray aligned = pairs(static_cast<int>(columns));
        aligned.row_gap = array.row_gap;
        aligned.rules = array.rules;
        array = aligned;
    }
    const char rest = array.align.empty() ? 'c' : array.align.back();
    array.align.resize(columns, rest);
    array.gaps.resize(columns - 1, array.small ? 0.33 : 1);
    array.row_gap.resize(rows.size(), 0);
    array.columns = static_cast<int>(columns);
    MathNode node = mathNode(MathKind::Array);
    for (auto& row : rows) {
        row.resize(columns);
        std::move(row.begin(), row.end(), std::back_inserter(node.parts));
    }
    node.array = std::make_shared<const MathArray>(std::move(array));
    return node;
}

/// "[t]": where it stands beside the line, which is always in the middle.
void TexReader::skipPlace() {
    const auto place = bracketed();
    if (place && *place != U"t" && *place != U"b" && *place != U"c")
        throw Refused();
}

void TexReader::environment(MathList& out) {
    const Deeper deeper(*this);
    const std::u32string_view written = braced();
    const std::string name(written.begin(), written.end());
    const std::string plain = name.ends_with('*') ? name.substr(0, name.size() - 1) : name;
    const auto fenced = [&](char32_t left, char32_t right, MathNode inside) {
        if (!left && !right) {
            add(out, std::move(inside));
            return;
        }
        MathNode node = mathNode(MathKind::Fenced, {}, MathClass::Inner);
        node.parts.emplace_back().push_back(std::move(inside));
        node.character = left;
        node.closing = right;
        add(out, std::move(node));
    };
    MathArray array;
    for (const Fences& matrix : matrices) {
        if (matrix.name != plain)
            continue;
        array.align = "c";
        if (name != plain) {
            if (const auto side = bracketed())
                array.align = columnsOf(*side).align.substr(0, 1);
        }
        array.small = plain == "smallmatrix";
        fenced(matrix.left, matrix.right, arrayOf(name, array));
        return;
    }
    if (plain == "cases" || plain == "dcases" || plain == "rcases") {
        array.align = "l";
        array.display = plain == "dcases";
        MathNode inside = arrayOf(name, array);
        fenced(plain == "rcases" ? 0 : U'{', plain == "rcases" ? U'}' : 0, std::move(inside));
    } else if (plain == "array" || plain == "tabular") {
        skipPlace();
        add(out, arrayOf(name, columnsOf(braced())));
    } else if (plain == "aligned" || plain == "align" || plain == "split" || plain == "alignat" ||
               plain == "alignedat" || plain == "eqnarray" || plain == "flalign") {
        if (plain.ends_with("at"))
            braced();
        else if (plain == "aligned")
            skipPlace();
        if (plain == "flalign")
            throw Refused();
        add(out, arrayOf(name, array));
    } else if (plain == "gathered" || plain == "gather" || plain == "equation" || plain == "multline" ||
               plain == "displaymath" || plain == "math") {
        array.align = "c";
        array.display = array.roomy = true;
        add(out, arrayOf(name, array));
    } else {
        throw Refused();
    }
}

void TexReader::substack(MathList& out) {
    const Deeper deeper(*this);
    TexReader inner(braced());
    inner.depth_ = depth_;
    inner.nodes_ = nodes_;
    inner.cells_ = cells_;
    MathArray array;
    array.columns = 1;
    array.align = "c";
    MathNode rows = inner.arrayOf({}, array);
    nodes_ = inner.nodes_;
    cells_ = inner.cells_;
    MathArray set = *rows.array;
    set.small = true;
    rows.array = std::make_shared<const MathArray>(std::move(set));
    add(out, std::move(rows));
}

} // namespace switchyard
