// How the parser of formulas works inside: what it reads from, and its parts.
#pragma once

#include "ui/math/math_node.h"
#include "ui/math/math_parser.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

class TexReader {
  public:
    explicit TexReader(std::u32string_view source) : source_(source) {}
    /// All of it.
    MathList read();

    /// The source is not one that can be set.
    struct Refused {};

  private:
    /// What ended a list.
    enum class End { Source, Brace, Bracket, Cell, Row, Right, Middle, Environment };

    // math_parser.cpp
    MathList list(End& end, bool in_brackets = false);
    bool element(MathList& out, End& end, bool in_brackets);
    void scripts(MathList& out);
    MathList primes();
    MathList argument();
    MathList group();
    MathList option();
    void infix(std::string_view name, MathList& out, End& end, bool in_brackets);
    void command(const std::string& name, MathList& out);

    // math_constructs.cpp: true where the command is one of them
    bool fractions(const std::string& name, MathList& out);
    bool decorations(const std::string& name, MathList& out);
    bool stacks(const std::string& name, MathList& out);
    bool frames(const std::string& name, MathList& out);
    bool notes(const std::string& name, MathList& out);
    bool modulo(const std::string& name, MathList& out);
    MathNode& put(MathList& out, MathKind kind, std::vector<MathList> parts,
                  MathClass type = MathClass::Ordinary);
    void space(MathList& out, double em);
    std::vector<MathList> two();

    // math_commands.cpp: the same
    bool classes(const std::string& name, MathList& out);
    bool spaces(const std::string& name, MathList& out);
    bool delimiters(const std::string& name, MathList& out);
    bool alphabets(const std::string& name, MathList& out);
    void words(MathAlphabet alphabet, MathList& out);
    char32_t delimiter();

    // math_environments.cpp
    void environment(MathList& out);
    MathNode arrayOf(const std::string& name, MathArray array);
    MathArray columnsOf(std::u32string_view description) const;
    void skipPlace();
    void substack(MathList& out);

    bool done() const { return at_ >= source_.size(); }
    char32_t peek() const { return done() ? 0 : source_[at_]; }
    void skipSpace();
    std::string name();
    std::u32string_view braced();
    double length(std::u32string_view text) const;
    std::optional<std::u32string_view> bracketed();
    MathNode& add(MathList& out, MathNode node);
    void countCells(std::size_t more);

    /// Counts a level of nesting as long as it lives.
    struct Deeper {
        explicit Deeper(TexReader& reader) : reader_(reader) {
            if (++reader_.depth_ > deepest_tex)
                throw Refused();
        }
        ~Deeper() { --reader_.depth_; }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;
        TexReader& reader_;
    };

    std::u32string_view source_;
    std::size_t at_ = 0, nodes_ = 0, cells_ = 0;
    int depth_ = 0, arrays_ = 0, fences_ = 0; ///< open ones
    MathAlphabet alphabet_ = MathAlphabet::Default;
    bool rule_next_ = false; ///< "\hline" was read
    std::string end_name_;   ///< of the environment that has ended
    double row_gap_ = 0;     ///< em, of the row that has ended
    char32_t middle_ = 0;    ///< the delimiter that ended a list
};

/// The value of a name in a table; nullptr: it is not there.
template <class Value, std::size_t count>
const Value* lookUp(const std::pair<std::string_view, Value> (&table)[count], std::string_view name) {
    for (const auto& [known, value] : table)
        if (known == name)
            return &value;
    return nullptr;
}

bool mathTakes(char32_t c);
/// Lists as the parts of a node. (Braces would copy each with all that is in it.)
template <class... Lists>
std::vector<MathList> mathParts(Lists&&... lists) {
    std::vector<MathList> parts;
    parts.reserve(sizeof...(lists));
    (parts.push_back(std::forward<Lists>(lists)), ...);
    return parts;
}

/// A node around lists.
MathNode mathNode(MathKind kind, std::vector<MathList> parts = {}, MathClass type = MathClass::Ordinary);

} // namespace switchyard
