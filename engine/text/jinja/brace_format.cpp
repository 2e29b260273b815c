// str.format.
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/print.h"

#include <algorithm>
#include <charconv>

namespace switchyard::jinja {
namespace {

class BraceFormatter {
  public:
    BraceFormatter(Evaluator& evaluator, const CallArguments& arguments, bool markup)
        : evaluator_(evaluator), arguments_(arguments), markup_(markup) {}

    /// `source`, from `span.begin` to `span.end`.
    MarkedText run(const MarkedText& source, TextSpan span, int depth) {
        if (depth > 2)
            throw Failure("format fields are nested too deeply");
        MarkedText out;
        const std::string_view text = std::string_view(source.text).substr(0, span.end);
        for (std::size_t i = span.begin; i < text.size();) {
            const char c = text[i++];
            if (c != '{' && c != '}') {
                out.append(source, {i - 1, i});
            } else if (i < text.size() && text[i] == c) {
                out.append(source, {i - 1, i});
                ++i;
            } else if (c == '}') {
                throw Failure("a single '}' stands in a format");
            } else {
                out += field(source, text, i, depth);
            }
            check_text_size(out.size());
        }
        return out;
    }

  private:
    /// The field that starts at i, behind its brace; i moves behind its end.
    MarkedText field(const MarkedText& source, std::string_view text, std::size_t& i, int depth) {
        const std::size_t from = i;
        std::size_t open = 1;
        for (; i < text.size() && open > 0; ++i)
            open = text[i] == '{' ? open + 1 : text[i] == '}' ? open - 1 : open;
        if (open > 0)
            throw Failure("a '{' in a format is never closed");
        const std::string_view inside = text.substr(from, i - from - 1);
        std::size_t end = 0;
        for (bool bracket = false; end < inside.size(); ++end) {
            bracket = inside[end] == '[' || (bracket && inside[end] != ']');
            if (!bracket && (inside[end] == ':' || inside[end] == '!'))
                break;
        }
        Value value = read(inside.substr(0, end));
        std::string_view rest = inside.substr(end);
        if (rest.starts_with('!')) {
            if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':'))
                throw Failure("a conversion in a format is wrong");
            if (rest[1] != 's' && rest[1] != 'r' && rest[1] != 'a')
                throw Failure(std::string("unknown conversion '!") + rest[1] + "' in a format");
            value = Value::text(rest[1] == 's'   ? to_text(value)
                                : rest[1] == 'r' ? to_repr(value)
                                                 : to_ascii(value));
            rest = rest.substr(2);
        }
        MarkedText spec;
        if (rest.starts_with(':'))
            spec = run(source, {i - rest.size(), i - 1}, depth + 1);
        MarkedText out = format_value(value, spec);
        return markup_ && !value.markup() ? escape_html(out) : out;
    }

    Value read(std::string_view name) {
        const std::size_t end = std::min(name.find_first_of(".["), name.size());
        Value value = first(name.substr(0, end), end == name.size());
        for (std::size_t i = end; i < name.size();) {
            if (name[i] == '.') {
                const std::size_t stop = std::min(name.find_first_of(".[", i + 1), name.size());
                if (stop == i + 1)
                    throw Failure("an attribute in a format is empty");
                value = evaluator_.attribute(value, std::string(name.substr(i + 1, stop - i - 1)));
                i = stop;
            } else if (name[i] == '[') {
                const std::size_t stop = name.find(']', i);
                if (stop == std::string_view::npos || stop == i + 1)
                    throw Failure("an index in a format is wrong");
                value = evaluator_.item(value, index(name.substr(i + 1, stop - i - 1)));
                i = stop + 1;
            } else {
                throw Failure("only '.' or '[' may follow ']' in a format");
            }
        }
        return value;
    }

    static Value index(std::string_view text) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool digits = error == std::errc() && end == text.data() + text.size() && text[0] != '-';
        return digits ? Value::integer(number) : Value::text(std::string(text));
    }

    /// The argument a field starts from. Fields without a name count on; `whole`: nothing follows the name.
    Value first(std::string_view name, bool whole) {
        const Value number = name.empty() ? Value::none() : index(name);
        if (name.empty() && !whole)
            throw Failure("a field in a format starts with no name");
        if (name.empty() || number.is(Kind::Int)) {
            const bool automatic = name.empty();
            if (automatic ? numbered_ : whole && counted_ > 0)
                throw Failure("a format numbers some of its fields and not others");
            numbered_ = numbered_ || (!automatic && whole);
            const std::size_t i = automatic ? counted_++ : static_cast<std::size_t>(number.as_int());
            if (i >= arguments_.positional.size())
                throw Failure("a format has too few arguments");
            return arguments_.positional[i];
        }
        evaluator_.charge(1 + arguments_.keywords.size() / 4);
        const Value* found = arguments_.keyword(name);
        if (!found)
            throw Failure("a format lacks the argument '" + std::string(name) + "'");
        return *found;
    }

    Evaluator& evaluator_;
    const CallArguments& arguments_;
    bool markup_;
    bool numbered_ = false;
    std::size_t counted_ = 0;
};

} // namespace

Value brace_format(Evaluator& evaluator, const Value& text, const CallArguments& arguments) {
    BraceFormatter formatter(evaluator, arguments, text.markup());
    return Value::text(formatter.run(text.marked_text(), {0, text.str().size()}, 0), text.markup());
}

} // namespace switchyard::jinja
