#include "engine/text/jinja/print.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace switchyard::jinja {
namespace {

/// `lead` and the number in so many hexadecimal digits.
void append_hex(MarkedText& out, char lead, int digits, char32_t c, bool marked) {
    static constexpr std::string_view hex = "0123456789abcdef";
    std::array<char, 10> buffer{'\\', lead};
    for (int i = 0; i < digits; ++i)
        buffer[static_cast<std::size_t>(2 + i)] = hex[(c >> 4 * (digits - 1 - i)) & 15];
    out.append(std::string_view(buffer.data(), static_cast<std::size_t>(2 + digits)), marked);
}

void append_python_escape(MarkedText& out, char32_t c, bool marked) {
    if (c < 0x100)
        append_hex(out, 'x', 2, c, marked);
    else
        append_hex(out, c < 0x10000 ? 'u' : 'U', c < 0x10000 ? 4 : 8, c, marked);
}

/// Digits d1d2d3... and the exponent of d1, shortest form.
std::pair<std::string, int> shortest_digits(double value) {
    std::array<char, 40> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
    const std::string text(buffer.data(), end.ptr);
    const std::size_t e = text.find('e');
    std::string digits = text.substr(0, e);
    std::erase(digits, '.');
    return {digits, std::atoi(text.c_str() + e + 1)};
}

class ReprWriter {
  public:
    MarkedText out;

    void write(const Value& value) {
        switch (value.kind()) {
        case Kind::Missing:
        case Kind::Undefined:
            out += "Undefined";
            break;
        case Kind::None:
            out.append("None", value.outside());
            break;
        case Kind::Bool:
            out.append(value.as_bool() ? "True" : "False", value.outside());
            break;
        case Kind::Int:
            out.append(std::to_string(value.as_int()), value.outside());
            break;
        case Kind::Float:
            out.append(float_repr(value.as_real()), value.outside());
            break;
        case Kind::String:
            out += value.markup() ? "Markup(" : "";
            out += text_repr(value.marked_text());
            out += value.markup() ? ")" : "";
            break;
        case Kind::List:
            write_items("[", value.items(), "]");
            break;
        case Kind::Tuple:
            write_items("(", value.items(), value.items().size() == 1 ? ",)" : ")");
            break;
        case Kind::Dict:
            write_dict(value.dict());
            break;
        case Kind::View:
            out += type_name(value) + "(";
            write_items("[", to_items(value), "]");
            out += ")";
            break;
        case Kind::Range:
            write_range(value.range());
            break;
        case Kind::Iterator:
            out += "<" + type_name(value) + " object>";
            break;
        case Kind::Native:
            out += value.native().repr();
            break;
        }
        check_text_size(out.size());
    }

  private:
    void write_items(const char* open, const std::vector<Value>& items, const char* close) {
        out += open;
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (i > 0)
                out += ", ";
            write(items[i]);
        }
        out += close;
    }

    void write_dict(const DictObject& dict) {
        out += "{";
        for (std::size_t i = 0; i < dict.entries.size(); ++i) {
            if (i > 0)
                out += ", ";
            write(dict.entries[i].first);
            out += ": ";
            write(dict.entries[i].second);
        }
        out += "}";
    }

    void write_range(const RangeObject& range) {
        out += "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
        if (range.step != 1)
            out += ", " + std::to_string(range.step);
        out += ")";
    }
};

class JsonWriter {
  public:
    explicit JsonWriter(const JsonStyle& style) : style_(style) {}
    MarkedText out;

    void write(const Value& value, int level) {
        switch (value.kind()) {
        case Kind::None:
            out.append("null", value.outside());
            break;
        case Kind::Bool:
            out.append(value.as_bool() ? "true" : "false", value.outside());
            break;
        case Kind::Int:
            out.append(std::to_string(value.as_int()), value.outside());
            break;
        case Kind::Float:
            out.append(number(value.as_real()), value.outside());
            break;
        case Kind::String:
            write_text(value.marked_text());
            break;
        case Kind::List:
        case Kind::Tuple:
            write_items(value.items(), level);
            break;
        case Kind::Dict:
            write_dict(value.dict(), level);
            break;
        default:
            throw Failure("a value of type " + type_name(value) + " cannot be written as JSON");
        }
        check_text_size(out.size());
    }

  private:
    static std::string number(double value) {
        if (std::isnan(value))
            return "NaN";
        if (std::isinf(value))
            return value < 0 ? "-Infinity" : "Infinity";
        return float_repr(value);
    }

    void new_line(int level) {
        if (!style_.indent)
            return;
        out += "\n";
        for (int i = 0; i < level; ++i) {
            out += *style_.indent;
            check_text_size(out.size());
        }
    }

    void write_items(const std::vector<Value>& items, int level) {
        if (items.empty()) {
            out += "[]";
            return;
        }
        out += "[";
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (i > 0)
                out += style_.item_separator;
            new_line(level + 1);
            write(items[i], level + 1);
        }
        new_line(level);
        out += "]";
    }

    void write_dict(const DictObject& dict, int level) {
        if (dict.entries.empty()) {
            out += "{}";
            return;
        }
        std::vector<const std::pair<Value, Value>*> entries;
        for (const auto& entry : dict.entries)
            entries.push_back(&entry);
        if (style_.sort_keys)
            std::stable_sort(entries.begin(), entries.end(),
                             [](const auto* a, const auto* b) { return less(a->first, b->first); });
        out += "{";
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (i > 0)
                out += style_.item_separator;
            new_line(level + 1);
            write_key(entries[i]->first);
            out += style_.key_separator;
            write(entries[i]->second, level + 1);
        }
        new_line(level);
        out += "}";
    }

    void write_key(const Value& key) {
        if (key.is_text())
            return write_text(key.marked_text());
        if (!key.is_number() && !key.is(Kind::None))
            throw Failure("a key of type " + type_name(key) + " cannot be written as JSON");
        out += "\"";
        write(key, 0);
        out += "\"";
    }

    void write_text(const MarkedText& text) {
        out += "\"";
        for (std::size_t pos = 0; pos < text.size();) {
            const std::size_t from = pos;
            const char32_t c = decode_at(text.text, pos);
            write_character(c, view_of(text.text, {from, pos}), text.marks.touches(from, pos));
            if (out.size() > kMaxText)
                break; // refused by the caller
        }
        out += "\"";
    }

    void write_character(char32_t c, std::string_view bytes, bool marked) {
        static constexpr std::string_view special = "\"\\\n\r\t\f\b";
        static constexpr std::string_view letters = "\"\\nrtfb";
        if (c < 0x80) {
            if (const auto at = special.find(static_cast<char>(c)); at != std::string_view::npos) {
                out.append("\\", marked);
                out.append(letters.substr(at, 1), marked);
                return;
            }
        }
        if (c < 0x20) {
            append_hex(out, 'u', 4, c, marked);
        } else if (style_.ascii && c >= 0x10000) {
            append_hex(out, 'u', 4, 0xD800 + ((c - 0x10000) >> 10), marked);
            append_hex(out, 'u', 4, 0xDC00 + ((c - 0x10000) & 0x3FF), marked);
        } else if (style_.ascii && c >= 0x80) {
            append_hex(out, 'u', 4, c, marked);
        } else {
            out.append(bytes, marked);
        }
    }

    const JsonStyle& style_;
};

Value from_json_at(const nlohmann::ordered_json& json, std::uint32_t depth, bool trusted) {
    if (depth > kMaxDepth)
        throw Failure("the messages or tools are nested too deeply");
    const auto scalar = [trusted](const Value& value) { return trusted ? value : value.from_outside(); };
    const auto text = [trusted](const std::string& bytes) {
        return Value::text(whole_text(valid_utf8(bytes), !trusted));
    };
    switch (json.type()) {
    case nlohmann::ordered_json::value_t::boolean:
        return scalar(Value::boolean(json.get<bool>()));
    case nlohmann::ordered_json::value_t::number_integer:
        return scalar(Value::integer(json.get<std::int64_t>()));
    case nlohmann::ordered_json::value_t::number_unsigned: {
        const auto number = json.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(INT64_MAX))
            throw Failure("the number " + std::to_string(number) + " is too large");
        return scalar(Value::integer(static_cast<std::int64_t>(number)));
    }
    case nlohmann::ordered_json::value_t::number_float:
        return scalar(Value::real(json.get<double>()));
    case nlohmann::ordered_json::value_t::string:
        return text(json.get_ref<const std::string&>());
    case nlohmann::ordered_json::value_t::array: {
        std::vector<Value> items;
        for (const auto& item : json)
            items.push_back(from_json_at(item, depth + 1, trusted));
        return Value::list(std::move(items));
    }
    case nlohmann::ordered_json::value_t::object: {
        auto dict = make_dict();
        for (const auto& [key, value] : json.items())
            dict->set(text(key), from_json_at(value, depth + 1, trusted));
        return Value::dict(std::move(dict));
    }
    default:
        return scalar(Value::none());
    }
}

} // namespace

std::string float_repr(double value) {
    if (std::isnan(value))
        return "nan";
    if (std::isinf(value))
        return value < 0 ? "-inf" : "inf";
    auto [digits, exponent] = shortest_digits(std::fabs(value));
    const std::string sign = std::signbit(value) ? "-" : "";
    if (exponent < -4 || exponent >= 16) {
        std::string mantissa = digits.substr(0, 1);
        if (digits.size() > 1)
            mantissa += "." + digits.substr(1);
        std::array<char, 16> tail{};
        std::snprintf(tail.data(), tail.size(), "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
        return sign + mantissa + tail.data();
    }
    if (exponent < 0)
        return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole)
        return sign + digits + std::string(whole - digits.size(), '0') + ".0";
    return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

MarkedText text_repr(const MarkedText& source) {
    const std::string_view text = source.text;
    const bool double_quotes =
        text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
    const char quote = double_quotes ? '"' : '\'';
    MarkedText out = plain_text(std::string(1, quote));
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t from = pos;
        const char32_t c = decode_at(text, pos);
        const bool marked = source.marks.touches(from, pos);
        if (c == static_cast<char32_t>(quote) || c == '\\') {
            out.append("\\", marked);
            out.append(text.substr(from, 1), marked);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            out.append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t", marked);
        } else if (is_printable(c)) {
            out.append(text.substr(from, pos - from), marked);
        } else {
            append_python_escape(out, c, marked);
        }
        check_text_size(out.size());
    }
    out += std::string_view(&quote, 1);
    return out;
}

MarkedText to_repr(const Value& value) {
    ReprWriter writer;
    writer.write(value);
    return std::move(writer.out);
}

MarkedText to_ascii(const Value& value) {
    const MarkedText repr = to_repr(value);
    MarkedText out;
    for (std::size_t pos = 0; pos < repr.size();) {
        const std::size_t from = pos;
        const char32_t c = decode_at(repr.text, pos);
        if (c < 0x80)
            out.append(repr, {from, pos});
        else
            append_python_escape(out, c, repr.marks.touches(from, pos));
        check_text_size(out.size());
    }
    return out;
}

MarkedText to_text(const Value& value) {
    if (value.is_text())
        return value.marked_text();
    if (value.is(Kind::Undefined) || value.is(Kind::Missing))
        return {};
    return to_repr(value);
}

MarkedText to_json(const Value& value, const JsonStyle& style) {
    JsonWriter writer(style);
    writer.write(value, 0);
    return std::move(writer.out);
}

Value from_json(const nlohmann::ordered_json& json, bool trusted) { return from_json_at(json, 0, trusted); }

} // namespace switchyard::jinja
