#include "ui/chat/markdown_references.h"

#include <algorithm>
#include <utility>

namespace switchyard {
namespace {

constexpr std::size_t longest_label = 200; ///< bytes
constexpr std::size_t most_of_piece = 256; ///< definitions: looking for one among them costs by their number

bool is_gap(char c) { return c == ' ' || c == '\t'; }

/// As labels are compared: of one case, with single spaces.
std::string labelOf(std::string_view text) {
    std::string label;
    for (const char c : text) {
        if (is_gap(c) || c == '\n' || c == '\r') {
            if (!label.empty() && label.back() != ' ')
                label += ' ';
        } else {
            label += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    if (label.ends_with(' '))
        label.pop_back();
    return label;
}

/// Bytes of the address at the beginning of `text`; 0: none that every reader takes for one.
std::size_t addressSize(std::string_view text) {
    if (text.starts_with('<')) {
        const std::size_t end = text.find_first_of(">\\<", 1);
        return end == std::string_view::npos || text[end] != '>' ? 0 : end + 1;
    }
    int open = 0;
    std::size_t size = 0;
    for (; size < text.size() && !is_gap(text[size]); ++size) {
        const auto byte = static_cast<unsigned char>(text[size]);
        open += text[size] == '(' ? 1 : text[size] == ')' ? -1 : 0;
        if (byte < 0x20 || byte == 0x7F || text[size] == '\\' || text[size] == '<' || open < 0 || open > 8)
            return 0;
    }
    return open == 0 ? size : 0;
}

/// Whether this is all of a title, or nothing.
bool isTitle(std::string_view text) {
    while (!text.empty() && is_gap(text.back()))
        text.remove_suffix(1);
    if (text.empty())
        return true;
    const char close = text[0] == '(' ? ')' : text[0];
    if ((close != '"' && close != '\'' && close != ')') || text.size() < 2 || text.back() != close)
        return false;
    text = text.substr(1, text.size() - 2);
    return text.find_first_of("`$~\\()\"'") == std::string_view::npos;
}

/// The label of the definition that a line is; empty: it is none. Stricter than Markdown, so that nothing is
/// taken for one that would be shown.
std::string definedLabel(std::string_view line) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    const std::size_t open = line.find_first_not_of(' ');
    if (open == std::string_view::npos || open > 3 || line[open] != '[' || line.substr(open + 1, 1) == "^")
        return {}; // a footnote, perhaps
    const std::size_t close = line.find_first_of("[]`$\\\r", open + 1);
    if (close == std::string_view::npos || line[close] != ']' || close - open > longest_label ||
        line.substr(close + 1, 1) != ":" || line.find('\0') != std::string_view::npos)
        return {};
    std::string_view rest = line.substr(close + 2);
    if (rest.empty() || !is_gap(rest[0])) // without a gap no address is looked for in it
        return {};
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::size_t size = addressSize(rest);
    if (size == 0 || size > 2000)
        return {};
    rest.remove_prefix(size);
    if (!rest.empty() && !isTitle(rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()))))
        return {};
    return labelOf(line.substr(open + 1, close - open - 1));
}

} // namespace

void MarkdownReferences::clear() { *this = MarkdownReferences(); }

/// Definitions stand at the head of a paragraph, one a line.
void MarkdownReferences::collect(std::string_view source, const MarkdownPiece& piece, std::size_t index,
                                 std::size_t lines_end, std::vector<Definition>& out) const {
    if (piece.kind != PieceKind::Other || piece.joins || piece.rows_continue)
        return;
    for (std::size_t at = piece.begin; at < piece.end;) {
        const std::size_t newline = source.find('\n', at);
        const std::size_t end = std::min({newline, piece.end, source.size()});
        std::string label = end <= lines_end ? definedLabel(source.substr(at, end - at)) : std::string();
        if (label.empty() || out.size() >= most_of_piece)
            return;
        const bool known =
            settled_.contains(label) || std::ranges::find(out, label, &Definition::label) != out.end();
        if (!known) {
            const std::size_t before = settled_.size() + out.size();
            const bool looks_back = at < farthest_definition && before < most_looking_back;
            out.push_back({std::move(label), at, end, index, looks_back});
        }
        at = end + 1;
    }
}

const MarkdownReferences::Definition* MarkdownReferences::find(const std::string& label) const {
    if (const auto it = settled_.find(label); it != settled_.end())
        return &it->second;
    const auto it = std::ranges::find(growing_, label, &Definition::label);
    return it == growing_.end() ? nullptr : &*it;
}

std::size_t MarkdownReferences::update(std::string_view source, std::span<const MarkdownPiece> settled,
                                       std::span<const MarkdownPiece> growing, std::size_t lines_end) {
    const std::vector<Definition> before = std::exchange(growing_, {});
    std::vector<Definition> fresh; // of pieces that grow no more since this call
    for (; settled_pieces_ < settled.size(); ++settled_pieces_) {
        std::vector<Definition> found;
        collect(source, settled[settled_pieces_], settled_pieces_, source.size(), found);
        for (Definition& definition : found) {
            fresh.push_back(definition);
            std::string label = definition.label;
            settled_.emplace(std::move(label), std::move(definition));
        }
    }
    for (std::size_t i = 0; i < growing.size(); ++i)
        collect(source, growing[i], settled.size() + i, lines_end, growing_);
    std::size_t first = none;
    const auto compare = [&](const std::vector<Definition>& some, const std::vector<Definition>& others) {
        for (const Definition& one : some) {
            const auto other = std::ranges::find(others, one.label, &Definition::label);
            const Definition* now = other == others.end() ? nullptr : &*other;
            if (now && now->begin == one.begin && now->end == one.end)
                continue;
            if (const auto use = used_.find(one.label);
                use != used_.end() && (one.looks_back || (now && now->looks_back) || use->second > one.piece))
                first = std::min(first, use->second);
        }
    };
    std::vector<Definition> after = std::move(fresh);
    after.insert(after.end(), growing_.begin(), growing_.end());
    compare(before, after);
    compare(after, before);
    return first;
}

MarkdownReferences::Before MarkdownReferences::definitionsFor(std::string_view source,
                                                              const MarkdownPiece& piece, std::size_t index) {
    Before before;
    std::string& lines = before.definitions;
    if (piece.kind == PieceKind::Fence || piece.kind == PieceKind::IndentedCode ||
        piece.kind == PieceKind::Text)
        return before;
    std::vector<const Definition*> taken;
    std::size_t open = none; // of the last bracket
    for (std::size_t at = piece.begin; at < piece.end; ++at) {
        if (source[at] == '[')
            open = at + 1;
        if (source[at] != ']' || open == none)
            continue;
        const std::string_view text = source.substr(open, at - open);
        open = none;
        if (text.empty() || text.size() > longest_label)
            continue;
        const std::string label = labelOf(text);
        used_.emplace(label, index);
        before.refers = true;
        const Definition* found = find(label);
        if (!found || found->piece == index || (found->piece > index && !found->looks_back) ||
            lines.size() + (found->end - found->begin) > longest_definitions ||
            std::ranges::find(taken, found) != taken.end())
            continue;
        taken.push_back(found);
        lines += source.substr(found->begin, found->end - found->begin);
        if (lines.ends_with('\r'))
            lines.pop_back();
        lines += '\n';
    }
    if (!lines.empty())
        lines += '\n'; // what follows is a paragraph of its own
    return before;
}

} // namespace switchyard
