#include "engine/run/controls.h"

#include "engine/base/error.h"
#include "engine/base/real_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace switchyard {
namespace {

/// A dial with the code that reads and writes it. `set` gets a value that is already in range.
struct Row {
    ControlSpec spec;
    ControlValue (*get)(const Tuning&);
    void (*set)(Tuning&, const ControlValue&);
};

double number(const ControlValue& value) { return std::get<double>(value); }
int integer(const ControlValue& value) { return static_cast<int>(number(value)); }

BlockType type_of(const ControlValue& value) {
    const std::string& name = std::get<std::string>(value);
    for (int i = 0; i < kBlockTypes; ++i)
        if (traits(static_cast<BlockType>(i)).name == name)
            return static_cast<BlockType>(i);
    throw Error(name + " is not a block type");
}

ControlValue name_of(BlockType type) { return std::string(traits(type).name); }

constexpr auto kNow = ControlActs::Now;
constexpr auto kReal = ControlKind::Real;
constexpr auto kInteger = ControlKind::Integer;
constexpr auto kChat = ControlScope::Chat;
constexpr auto kDynamic = ControlGroup::Dynamic;
/// Integers above this do not survive the way through a double (JSON, number boxes).
constexpr double kMaxSeed = 9007199254740991.0;

std::vector<Row> sampling_rows() {
    return {
        {{"temperature",
          "temperature",
          "--temp",
          "Temperature",
          "How freely the next token is drawn: 0 always takes the likeliest, higher values are more varied.",
          "",
          kReal,
          kChat,
          kNow,
          kDynamic,
          true,
          0,
          2,
          0.05,
          0.7,
          {}},
         [](const Tuning& t) -> ControlValue { return t.sequence.temperature; },
         [](Tuning& t, const ControlValue& v) {
             t.sequence.temperature = number(v) < kLeastTemperature ? 0 : number(v);
         }},
        {{"top_p",
          "top_p",
          "--top-p",
          "Top-p",
          "Draws from the likeliest tokens whose probabilities together reach this share. 1 turns it off.",
          "",
          kReal,
          kChat,
          kNow,
          kDynamic,
          true,
          0,
          1,
          0.01,
          0.95,
          {},
          {1, "off"}},
         [](const Tuning& t) -> ControlValue { return t.sequence.top_p; },
         [](Tuning& t, const ControlValue& v) { t.sequence.top_p = number(v); }},
        {{"top_k",
          "top_k",
          "--top-k",
          "Top-k",
          "Draws from this many of the likeliest tokens. 0 turns it off.",
          "tokens",
          kInteger,
          kChat,
          kNow,
          kDynamic,
          false,
          0,
          1000,
          1,
          40.0,
          {},
          {0, "off"}},
         [](const Tuning& t) -> ControlValue { return double(t.sequence.top_k); },
         [](Tuning& t, const ControlValue& v) { t.sequence.top_k = integer(v); }},
        {{"min_p",
          "min_p",
          "--min-p",
          "Min-p",
          "Leaves out tokens less likely than this share of the likeliest one. 0 turns it off.",
          "",
          kReal,
          kChat,
          kNow,
          kDynamic,
          false,
          0,
          1,
          0.01,
          0.0,
          {},
          {0, "off"}},
         [](const Tuning& t) -> ControlValue { return t.sequence.min_p; },
         [](Tuning& t, const ControlValue& v) { t.sequence.min_p = number(v); }},
        {{"repetition_penalty",
          "repetition_penalty",
          "--repetition-penalty",
          "Repetition penalty",
          "Makes tokens that occurred lately less likely. 1 turns it off.",
          "",
          kReal,
          kChat,
          kNow,
          kDynamic,
          false,
          0.5,
          2,
          0.01,
          1.1,
          {},
          {1, "off"}},
         [](const Tuning& t) -> ControlValue { return t.sequence.repetition_penalty; },
         [](Tuning& t, const ControlValue& v) { t.sequence.repetition_penalty = number(v); }},
        {{"repetition_window",
          "repetition_window",
          "--repetition-window",
          "Repetition window",
          "How many tokens back the repetition penalty looks.",
          "tokens",
          kInteger,
          kChat,
          kNow,
          kDynamic,
          false,
          0,
          4096,
          16,
          64.0,
          {}},
         [](const Tuning& t) -> ControlValue { return double(t.sequence.repetition_window); },
         [](Tuning& t, const ControlValue& v) { t.sequence.repetition_window = integer(v); }},
        {{"seed",
          "seed",
          "--seed",
          "Seed",
          "The same seed, prompt and dials give the same answer.",
          "",
          kInteger,
          kChat,
          kNow,
          kDynamic,
          false,
          0,
          kMaxSeed,
          1,
          0.0,
          {},
          {0, "random"}},
         [](const Tuning& t) -> ControlValue { return static_cast<double>(t.sequence.seed); },
         [](Tuning& t, const ControlValue& v) { t.sequence.seed = static_cast<std::uint64_t>(number(v)); }},
        {{"max_tokens",
          "max_tokens",
          "--max-tokens",
          "Maximum tokens",
          "The answer ends after this many tokens.",
          "tokens",
          kInteger,
          kChat,
          kNow,
          kDynamic,
          false,
          1,
          1048576,
          1,
          1024.0,
          {}},
         [](const Tuning& t) -> ControlValue { return double(t.sequence.max_tokens); },
         [](Tuning& t, const ControlValue& v) { t.sequence.max_tokens = integer(v); }},
    };
}

std::vector<Row> model_rows() {
    return {
        {{"experts",
          "experts_active",
          "--experts",
          "Active experts",
          "How many routed experts compute each token. Fewer are faster, more are better; 0 takes the "
          "model's own number.",
          "",
          kInteger,
          kChat,
          kNow,
          kDynamic,
          true,
          0,
          0,
          1,
          0.0,
          {}},
         [](const Tuning& t) -> ControlValue { return double(t.sequence.experts); },
         [](Tuning& t, const ControlValue& v) { t.sequence.experts = integer(v); }},
        {{"quant",
          "quant",
          "--quant",
          "Weights",
          "Precision of the weights. They are re-encoded in the background while the answer goes on.",
          "",
          ControlKind::Choice,
          ControlScope::Model,
          kNow,
          ControlGroup::Base,
          true,
          0,
          0,
          1,
          std::string("file"),
          {"file", "F16", "BF16", "FP8", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0",
           "Q3_K", "Q2_K"}},
         [](const Tuning& t) -> ControlValue {
             return t.model.weights ? name_of(*t.model.weights) : ControlValue(std::string("file"));
         },
         [](Tuning& t, const ControlValue& v) {
             t.model.weights.reset();
             if (std::get<std::string>(v) != "file")
                 t.model.weights = type_of(v);
         }},
        {{"kv",
          "kv",
          "--kv",
          "KV cache",
          "Precision of what the model remembers of the text so far. A change affects new blocks of tokens "
          "only.",
          "",
          ControlKind::Choice,
          kChat,
          kNow,
          ControlGroup::Base,
          true,
          0,
          0,
          1,
          std::string("F16"),
          {"F16", "Q8_0"}},
         [](const Tuning& t) { return name_of(t.sequence.kv); },
         [](Tuning& t, const ControlValue& v) { t.sequence.kv = type_of(v); }},
        {{"prefill_chunk",
          "prefill_chunk",
          "--prefill-chunk",
          "Prefill chunk",
          "How many tokens of the prompt are read at a time. It changes speed and memory, not the result.",
          "tokens",
          kInteger,
          kChat,
          ControlActs::NextMessage,
          ControlGroup::Base,
          false,
          1,
          4096,
          64,
          512.0,
          {}},
         [](const Tuning& t) -> ControlValue { return double(t.sequence.prefill_chunk); },
         [](Tuning& t, const ControlValue& v) { t.sequence.prefill_chunk = integer(v); }},
        {{"special_tokens",
          "special_tokens",
          "--special-tokens",
          "Control tokens in messages",
          "What a control token such as <|im_start|> means where it is written in a message or an attached "
          "file: text to read, or control, which lets the text begin turns in another's name.",
          "",
          ControlKind::Choice,
          kChat,
          ControlActs::NextMessage,
          ControlGroup::Base,
          false,
          0,
          0,
          1,
          std::string("text"),
          {"control", "text"}},
         [](const Tuning& t) -> ControlValue {
             return std::string(t.sequence.special_tokens ? "control" : "text");
         },
         [](Tuning& t, const ControlValue& v) {
             t.sequence.special_tokens = std::get<std::string>(v) == "control";
         }},
    };
}

const std::vector<Row>& rows() {
    static const std::vector<Row> table = [] {
        std::vector<Row> all = sampling_rows();
        std::ranges::move(model_rows(), std::back_inserter(all));
        return all;
    }();
    return table;
}

const Row& row_of(const ControlSpec& spec) {
    for (const Row& row : rows())
        if (row.spec.name == spec.name)
            return row;
    throw Error(std::string(spec.name) + " is not a dial of this program");
}

/// A whole number with all its digits, however many; else nine digits: sums of steps show as what they are
/// meant to be, 0.95 and not 0.9500000000000001.
std::string format_number(double value) {
    constexpr double kWhole = 1e21; // the digits of larger ones say nothing
    if (value == std::floor(value) && std::abs(value) < kWhole)
        return fixed_text(value, 0);
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 9);
    return error == std::errc{} ? std::string(text, end) : std::to_string(value);
}

/// The largest number the dial takes; where the model decides (experts), what an int can hold.
double upper_limit(const ControlSpec& spec) {
    return spec.maximum > spec.minimum ? spec.maximum : std::numeric_limits<int>::max();
}

std::string allowed(const ControlSpec& spec) {
    if (spec.kind == ControlKind::Choice) {
        std::string list;
        for (std::string_view choice : spec.choices)
            list += (list.empty() ? "" : ", ") + std::string(choice);
        return "one of " + list;
    }
    std::string text = spec.kind == ControlKind::Integer ? "a whole number" : "a number";
    if (spec.maximum > spec.minimum)
        return text + " from " + format_number(spec.minimum) + " to " + format_number(spec.maximum);
    return text + " from " + format_number(spec.minimum) + " to the model's number of experts";
}

[[noreturn]] void refuse(const ControlSpec& spec, std::string_view value) {
    throw Error(std::string(spec.name) + ": \"" + std::string(value) + "\" is not " + allowed(spec));
}

/// Whether a dial of numbers takes this one.
bool takes(const ControlSpec& spec, double value) {
    return value >= spec.minimum && value <= upper_limit(spec) &&
           (spec.kind == ControlKind::Real || value == std::floor(value));
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

} // namespace

std::span<const ControlSpec> controls() {
    static const std::vector<ControlSpec> specs = [] {
        std::vector<ControlSpec> all;
        for (const Row& row : rows())
            all.push_back(row.spec);
        return all;
    }();
    return specs;
}

const ControlSpec* find_control(std::string_view name) {
    // "--top-p", "top-p" and "top_p" are one.
    const auto plain = [](std::string_view text) {
        std::string word(text.starts_with("--") ? text.substr(2) : text);
        std::ranges::replace(word, '-', '_');
        return word;
    };
    const std::string wanted = plain(name);
    for (const ControlSpec& spec : controls())
        if (spec.name == wanted || spec.json_key == wanted || plain(spec.flag) == wanted)
            return &spec;
    return nullptr;
}

ControlValue control_value(const Tuning& tuning, const ControlSpec& spec) { return row_of(spec).get(tuning); }

Tuning with_control(Tuning tuning, const ControlSpec& spec, const ControlValue& value) {
    const Row& row = row_of(spec);
    if (spec.kind == ControlKind::Choice) {
        const auto* name = std::get_if<std::string>(&value);
        if (!name || std::ranges::find(spec.choices, *name) == spec.choices.end())
            refuse(spec, format_control(spec, value));
    } else {
        const auto* real = std::get_if<double>(&value);
        if (!real || !takes(spec, *real))
            refuse(spec, format_control(spec, value));
        row.set(tuning, *real + 0.0); // -0 is 0
        return tuning;
    }
    row.set(tuning, value);
    return tuning;
}

ControlValue parse_control(const ControlSpec& spec, std::string_view text) {
    if (spec.kind == ControlKind::Choice) {
        for (std::string_view choice : spec.choices)
            if (equal_ignoring_case(choice, text))
                return std::string(choice);
        refuse(spec, text);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !takes(spec, value))
        refuse(spec, text); // in the words that were written
    return value;
}

std::string format_control(const ControlSpec&, const ControlValue& value) {
    if (const auto* name = std::get_if<std::string>(&value))
        return *name;
    return format_number(std::get<double>(value));
}

Tuning checked_tuning(const Tuning& tuning) {
    Tuning checked = tuning;
    for (const ControlSpec& spec : controls()) {
        if (spec.name == "kv" && tuning.sequence.kv == BlockType::F32)
            continue; // the exact path's own
        checked = with_control(checked, spec, control_value(tuning, spec));
    }
    return checked;
}

} // namespace switchyard
