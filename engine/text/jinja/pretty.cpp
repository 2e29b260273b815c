#include "engine/text/jinja/pretty.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>

namespace switchyard::jinja {
namespace {

using Entry = std::pair<Value, Value>;

/// Sorted by key; keys that do not compare, by type's name.
std::vector<Entry> sorted_entries(const DictObject& dict) {
    std::vector<Entry> entries = dict.entries;
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        const Value &x = a.first, &y = b.first;
        if ((x.is_text() && y.is_text()) || (x.is_number() && y.is_number()))
            return less(x, y);
        return type_name(x) < type_name(y);
    });
    return entries;
}

/// The value with every dict in it sorted.
Value sorted_value(const Value& value) {
    if (value.is(Kind::Dict)) {
        auto dict = make_dict();
        for (const auto& [key, item] : sorted_entries(value.dict()))
            dict->set(key, sorted_value(item));
        return Value::dict(std::move(dict));
    }
    if (!value.is_sequence())
        return value;
    std::vector<Value> items;
    for (const Value& item : value.items())
        items.push_back(sorted_value(item));
    return value.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

class PrettyWriter {
  public:
    std::string out;

    /// `indent`: the column the value starts at; `allowance`: closing brackets that follow on its last line.
    void write(const Value& value, std::int64_t indent, std::int64_t allowance) {
        const std::string flat = to_repr(value).text;
        const auto size = static_cast<std::int64_t>(count_code_points(flat));
        check_text_size(out.size() + flat.size());
        if (size <= kWidth - indent - allowance)
            out += flat;
        else if (value.is(Kind::Dict) && !value.dict().entries.empty())
            write_dict(value.dict(), indent, allowance);
        else if (value.is(Kind::List))
            write_items(value, "[", "]", indent, allowance);
        else if (value.is(Kind::Tuple))
            write_items(value, "(", value.items().size() == 1 ? ",)" : ")", indent, allowance);
        else if (value.is_text() && !value.str().empty() && !value.markup())
            write_text(value.str(), indent, allowance);
        else
            out += flat;
    }

  private:
    static constexpr std::int64_t kWidth = 80;

    void new_line(std::int64_t indent) { out += "\n" + repeat_text(" ", indent); }

    void write_dict(const DictObject& dict, std::int64_t indent, std::int64_t allowance) {
        out += "{";
        for (std::size_t i = 0; i < dict.entries.size(); ++i) {
            const std::string key = to_repr(dict.entries[i].first).text;
            const bool last = i + 1 == dict.entries.size();
            out += key + ": ";
            write(dict.entries[i].second, indent + static_cast<std::int64_t>(count_code_points(key)) + 3,
                  last ? allowance + 1 : 1);
            if (!last) {
                out += ",";
                new_line(indent + 1);
            }
        }
        out += "}";
    }

    void write_items(const Value& value, const char* open, const std::string& close, std::int64_t indent,
                     std::int64_t allowance) {
        out += open;
        const auto& items = value.items();
        for (std::size_t i = 0; i < items.size(); ++i) {
            const bool last = i + 1 == items.size();
            write(items[i], indent + 1, last ? allowance + static_cast<std::int64_t>(close.size()) : 1);
            if (!last) {
                out += ",";
                new_line(indent + 1);
            }
        }
        out += close;
    }

    /// A long text becomes several in a row, cut at line ends and behind white space.
    void write_text(const std::string& text, std::int64_t indent, std::int64_t allowance) {
        const std::vector<TextSpan> lines = split_lines(text, true);
        const bool top = out.empty();
        if (top) {
            ++indent;
            ++allowance;
        }
        std::vector<std::string> chunks;
        for (std::size_t i = 0; i < lines.size(); ++i)
            cut_line(text.substr(lines[i].begin, lines[i].end - lines[i].begin), i + 1 == lines.size(),
                     indent, allowance, chunks);
        if (chunks.size() == 1) {
            out += chunks[0];
            return;
        }
        out += top ? "(" : "";
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            if (i > 0)
                new_line(indent);
            out += chunks[i];
        }
        out += top ? ")" : "";
    }

    static void cut_line(const std::string& line, bool last_line, std::int64_t indent, std::int64_t allowance,
                         std::vector<std::string>& chunks) {
        const auto width = [](const std::string& text) {
            return static_cast<std::int64_t>(count_code_points(text));
        };
        const std::int64_t limit = kWidth - indent;
        const std::string whole = text_repr(plain_text(line)).text;
        if (width(whole) <= limit - (last_line ? allowance : 0)) {
            chunks.push_back(whole);
            return;
        }
        const std::vector<std::string> parts = words(line);
        std::string current;
        for (std::size_t j = 0; j < parts.size(); ++j) {
            const bool last = j + 1 == parts.size() && last_line;
            const std::string candidate = current + parts[j];
            if (width(text_repr(plain_text(candidate)).text) > limit - (last ? allowance : 0)) {
                if (!current.empty())
                    chunks.push_back(text_repr(plain_text(current)).text);
                current = parts[j];
            } else {
                current = candidate;
            }
        }
        if (!current.empty())
            chunks.push_back(text_repr(plain_text(current)).text);
    }

    /// Words, each with the white space behind it.
    static std::vector<std::string> words(const std::string& line) {
        std::vector<std::string> parts;
        std::size_t from = 0;
        bool space = false;
        for (std::size_t pos = 0; pos < line.size();) {
            const std::size_t at = pos;
            const bool now = is_space(decode_at(line, pos));
            if (!now && space) {
                parts.push_back(line.substr(from, at - from));
                from = at;
            }
            space = now;
        }
        parts.push_back(line.substr(from));
        return parts;
    }
};

} // namespace

MarkedText pretty_repr(const Value& value) {
    PrettyWriter writer;
    writer.write(sorted_value(value), 0, 0);
    // Written over several lines it is no longer known which byte came from where.
    const MarkedText flat = to_repr(sorted_value(value));
    if (flat.text == writer.out)
        return flat;
    return whole_text(std::move(writer.out), !flat.marks.empty());
}

} // namespace switchyard::jinja
