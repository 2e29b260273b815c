// The % operator on texts.
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/number_text.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace switchyard::jinja {
namespace {

struct Conversion {
    bool left = false, plus = false, space = false, alternate = false, zero = false;
    std::int64_t width = 0, precision = -1;
    char type = 0;
};

class PercentFormatter {
  public:
    PercentFormatter(const Value& text, const Value& arguments)
        : source_(text.marked_text()), text_(source_.text), markup_(text.markup()), arguments_(arguments) {
        if (arguments.is(Kind::Tuple))
            values_ = arguments.items();
        else
            values_ = {arguments};
    }

    Value run() {
        while (pos_ < text_.size()) {
            if (text_[pos_] != '%') {
                out_.append(source_, {pos_, pos_ + 1});
                ++pos_;
                continue;
            }
            ++pos_;
            convert();
            check_text_size(out_.size());
        }
        if (!named_ && used_ < values_.size() && (arguments_.is(Kind::Tuple) || !takes_rest()))
            throw Failure("not all arguments of % are used");
        return Value::text(std::move(out_), markup_);
    }

  private:
    /// A single mapping or sequence may stay unused.
    bool takes_rest() const {
        return arguments_.is(Kind::Dict) || arguments_.is(Kind::List) || arguments_.is(Kind::View) ||
               arguments_.is(Kind::Range) || arguments_.is(Kind::Undefined);
    }

    char peek() const {
        if (pos_ >= text_.size())
            throw Failure("a % format ends too early");
        return text_[pos_];
    }

    Value next_value() {
        if (used_ >= values_.size())
            throw Failure("not enough arguments for %");
        return values_[used_++];
    }

    Value named_value() {
        ++pos_;
        std::size_t depth = 1;
        const std::size_t from = pos_;
        for (; pos_ < text_.size() && depth > 0; ++pos_)
            depth = text_[pos_] == '(' ? depth + 1 : text_[pos_] == ')' ? depth - 1 : depth;
        if (depth > 0)
            throw Failure("a name in a % format is never closed");
        if (!arguments_.is(Kind::Dict))
            throw Failure("a % format with names needs a dict");
        named_ = true;
        const Value* found = arguments_.dict().find(Value::text(text_.substr(from, pos_ - from - 1)));
        if (!found)
            throw Failure("the dict of a % format lacks '" + text_.substr(from, pos_ - from - 1) + "'");
        return *found;
    }

    std::int64_t number() {
        if (peek() == '*') {
            ++pos_;
            return to_index(next_value());
        }
        std::int64_t value = 0;
        while (peek() >= '0' && peek() <= '9') {
            value = value * 10 + (text_[pos_++] - '0');
            if (value > kMaxWidth)
                throw Failure("a width in a % format is too large");
        }
        return value;
    }

    void convert() {
        Conversion c;
        std::optional<Value> named;
        if (peek() == '(')
            named = named_value();
        for (bool flags = true; flags;) {
            switch (peek()) {
            case '-':
                c.left = true;
                break;
            case '+':
                c.plus = true;
                break;
            case ' ':
                c.space = true;
                break;
            case '#':
                c.alternate = true;
                break;
            case '0':
                c.zero = true;
                break;
            default:
                flags = false;
            }
            pos_ += flags ? 1 : 0;
        }
        c.width = number();
        if (c.width < 0) {
            c.left = true;
            c.width = -c.width;
        }
        if (peek() == '.') {
            ++pos_;
            c.precision = std::max<std::int64_t>(number(), 0);
        }
        if (c.width > kMaxWidth || c.precision > kMaxWidth)
            throw Failure("a width in a % format is too large");
        while (peek() == 'l' || peek() == 'h' || peek() == 'L')
            ++pos_;
        c.type = peek();
        ++pos_;
        if (c.type == '%') {
            out_.append(source_, {pos_ - 1, pos_});
            return;
        }
        write(c, named ? *named : next_value());
    }

    void write(const Conversion& c, const Value& value) {
        switch (c.type) {
        case 's':
        case 'r':
        case 'a':
            return write_text(c, value);
        case 'd':
        case 'i':
        case 'u':
            return write_integer(c, value, decimal(value), 10, "");
        case 'x':
        case 'X':
            return write_integer(c, value, to_index(value), 16, c.type == 'x' ? "0x" : "0X");
        case 'o':
            return write_integer(c, value, to_index(value), 8, "0o");
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G': {
            require_defined(value);
            if (!value.is_number())
                throw Failure("% needs a number, not '" + type_name(value) + "'");
            const double real = value.as_real();
            const int precision = c.precision < 0 ? 6 : static_cast<int>(c.precision);
            return pad(c, whole_text(sign(c, std::signbit(real) && !std::isnan(real)), value.outside()),
                       whole_text(print_real(real, c.type, precision, c.alternate), value.outside()),
                       std::isfinite(real));
        }
        case 'c':
            return write_character(c, value);
        default:
            throw Failure(std::string("unknown % format '") + c.type + "'");
        }
    }

    static std::int64_t decimal(const Value& value) {
        require_defined(value);
        return value.is(Kind::Float) ? truncated(value.as_real()) : to_index(value);
    }

    static std::string sign(const Conversion& c, bool negative) {
        return negative ? "-" : c.plus ? "+" : c.space ? " " : "";
    }

    void write_text(const Conversion& c, const Value& value) {
        MarkedText text = c.type == 's' ? to_text(value) : c.type == 'r' ? to_repr(value) : to_ascii(value);
        if (markup_ && !value.markup())
            text = escape_html(text);
        if (c.precision >= 0)
            text = first_characters(text, c.precision);
        pad(c, {}, text, false);
    }

    void write_character(const Conversion& c, const Value& value) {
        MarkedText text;
        if (value.is_text()) {
            if (value.text_object().length != 1)
                throw Failure("%c needs one character");
            text = value.marked_text();
        } else {
            const std::int64_t code = to_index(value);
            if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
                throw Failure("%c needs a character's number");
            std::string character;
            append_utf8(character, static_cast<char32_t>(code));
            text = whole_text(std::move(character), value.outside());
        }
        pad(c, {}, text, false);
    }

    void write_integer(const Conversion& c, const Value& from, std::int64_t value, int base,
                       const char* prefix) {
        std::string digits = integer_digits(value, base, c.type == 'X');
        if (static_cast<std::int64_t>(digits.size()) < c.precision)
            digits.insert(0, static_cast<std::size_t>(c.precision) - digits.size(), '0');
        pad(c, whole_text(sign(c, value < 0) + (c.alternate ? prefix : ""), from.outside()),
            whole_text(std::move(digits), from.outside()), true);
    }

    void pad(const Conversion& c, const MarkedText& lead, const MarkedText& body, bool zeros) {
        const auto length =
            static_cast<std::int64_t>(count_code_points(lead.text) + count_code_points(body.text));
        const std::int64_t gap = std::max<std::int64_t>(c.width - length, 0);
        const bool between = !c.left && c.zero && zeros;
        out_ += repeat_text(" ", c.left || between ? 0 : gap);
        out_ += lead;
        out_ += repeat_text("0", between ? gap : 0);
        out_ += body;
        out_ += repeat_text(" ", c.left ? gap : 0);
    }

    const MarkedText& source_;
    const std::string& text_;
    bool markup_;
    const Value& arguments_;
    std::vector<Value> values_;
    std::size_t used_ = 0, pos_ = 0;
    bool named_ = false;
    MarkedText out_;
};

} // namespace

Value percent_format(const Value& text, const Value& arguments) {
    return PercentFormatter(text, arguments).run();
}

} // namespace switchyard::jinja
