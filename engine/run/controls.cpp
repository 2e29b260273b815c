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

constexpr auto kReal = ControlKind::Real;
constexpr auto kInteger = ControlKind::Integer;
/// Integers above this do not survive the way through a double (JSON, number boxes).
constexpr double kMaxSeed = 9007199254740991.0;

std::vector<Row> sampling_rows() {
    return {
        {.spec = {.name = "temperature",
                  .flag = "--temp",
                  .label = "Temperature",
                  .help = "How freely the next token is drawn: 0 always takes the likeliest, higher values "
                          "are more varied.",
                  .kind = kReal,
                  .primary = true,
                  .maximum = 2,
                  .step = 0.05,
                  .fallback = 0.7},
         .get = [](const Tuning& t) -> ControlValue { return t.sequence.temperature; },
         .set =
             [](Tuning& t, const ControlValue& v) {
                 t.sequence.temperature = number(v) < kLeastTemperature ? 0 : number(v);
             }},
        {.spec = {.name = "top_p",
                  .flag = "--top-p",
                  .label = "Top-p",
                  .help = "Draws from the likeliest tokens whose probabilities together reach this share. 1 "
                          "turns it off.",
                  .kind = kReal,
                  .primary = true,
                  .maximum = 1,
                  .step = 0.01,
                  .fallback = 0.95,
                  .named = {1, "off"}},
         .get = [](const Tuning& t) -> ControlValue { return t.sequence.top_p; },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.top_p = number(v); }},
        {.spec = {.name = "top_k",
                  .flag = "--top-k",
                  .label = "Top-k",
                  .help = "Draws from this many of the likeliest tokens. 0 turns it off.",
                  .unit = "tokens",
                  .kind = kInteger,
                  .maximum = 1000,
                  .fallback = 40.0,
                  .named = {0, "off"}},
         .get = [](const Tuning& t) -> ControlValue { return double(t.sequence.top_k); },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.top_k = integer(v); }},
        {.spec = {.name = "min_p",
                  .flag = "--min-p",
                  .label = "Min-p",
                  .help =
                      "Leaves out tokens less likely than this share of the likeliest one. 0 turns it off.",
                  .kind = kReal,
                  .maximum = 1,
                  .step = 0.01,
                  .fallback = 0.0,
                  .named = {0, "off"}},
         .get = [](const Tuning& t) -> ControlValue { return t.sequence.min_p; },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.min_p = number(v); }},
        {.spec = {.name = "repetition_penalty",
                  .flag = "--repetition-penalty",
                  .label = "Repetition penalty",
                  .help = "Makes tokens that occurred lately less likely. 1 turns it off.",
                  .kind = kReal,
                  .minimum = 0.5,
                  .maximum = 2,
                  .step = 0.01,
                  .fallback = 1.1,
                  .named = {1, "off"}},
         .get = [](const Tuning& t) -> ControlValue { return t.sequence.repetition_penalty; },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.repetition_penalty = number(v); }},
        {.spec = {.name = "repetition_window",
                  .flag = "--repetition-window",
                  .label = "Repetition window",
                  .help = "How many tokens back the repetition penalty looks.",
                  .unit = "tokens",
                  .kind = kInteger,
                  .maximum = 4096,
                  .step = 16,
                  .fallback = 64.0},
         .get = [](const Tuning& t) -> ControlValue { return double(t.sequence.repetition_window); },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.repetition_window = integer(v); }},
        {.spec = {.name = "seed",
                  .flag = "--seed",
                  .label = "Seed",
                  .help = "The same seed, prompt and dials give the same answer.",
                  .kind = kInteger,
                  .maximum = kMaxSeed,
                  .fallback = 0.0,
                  .named = {0, "random"}},
         .get = [](const Tuning& t) -> ControlValue { return static_cast<double>(t.sequence.seed); },
         .set = [](Tuning& t,
                   const ControlValue& v) { t.sequence.seed = static_cast<std::uint64_t>(number(v)); }},
        {.spec = {.name = "max_tokens",
                  .flag = "--max-tokens",
                  .label = "Maximum tokens",
                  .help = "The answer ends after this many tokens.",
                  .unit = "tokens",
                  .kind = kInteger,
                  .minimum = 1,
                  .maximum = 1048576,
                  .fallback = 1024.0},
         .get = [](const Tuning& t) -> ControlValue { return double(t.sequence.max_tokens); },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.max_tokens = integer(v); }},
    };
}

std::vector<Row> model_rows() {
    return {
        {.spec = {.name = "experts",
                  .json_key = "experts_active",
                  .flag = "--experts",
                  .label = "Active experts",
                  .help = "How many routed experts compute each token. Fewer are faster, more are better; 0 "
                          "takes the "
                          "model's own number.",
                  .kind = kInteger,
                  .primary = true,
                  .paces = true,
                  .fallback = 0.0},
         .get = [](const Tuning& t) -> ControlValue { return double(t.sequence.experts); },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.experts = integer(v); }},
        {.spec =
             {.name = "quant",
              .flag = "--quant",
              .label = "Weights",
              .help =
                  "Precision of the weights. They are re-encoded in the background while the answer goes on.",
              .kind = ControlKind::Choice,
              .scope = ControlScope::Model,
              .group = ControlGroup::Base,
              .primary = true,
              .paces = true,
              .fallback = std::string("file"),
              .choices = {"file", "F16", "BF16", "FP8", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K",
                          "Q4_1", "Q4_0", "Q3_K", "Q2_K"}},
         .get = [](const Tuning& t) -> ControlValue {
             return t.model.weights ? name_of(*t.model.weights) : ControlValue(std::string("file"));
         },
         .set =
             [](Tuning& t, const ControlValue& v) {
                 t.model.weights.reset();
                 if (std::get<std::string>(v) != "file")
                     t.model.weights = type_of(v);
             }},
        {.spec = {.name = "kv",
                  .flag = "--kv",
                  .label = "KV cache",
                  .help = "Precision of what the model remembers of the text so far. A change affects new "
                          "blocks of tokens "
                          "only. Q4_0 takes a quarter of the memory of F16, and some models answer much "
                          "worse with it. FP8 is for cards of compute capability 8.9 or more.",
                  .kind = ControlKind::Choice,
                  .group = ControlGroup::Base,
                  .primary = true,
                  .paces = true,
                  .fallback = std::string("F16"),
                  .choices = {"F16", "Q8_0", "FP8", "Q4_0"}},
         .get = [](const Tuning& t) { return name_of(t.sequence.kv); },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.kv = type_of(v); }},
        {.spec = {.name = "activations",
                  .flag = "--activations",
                  .label = "Activation bits",
                  .help = "Bits of what quantized weights are multiplied with, on the processor. 8 read "
                          "prompts up to 1.5 times as fast as 16 (of Q8_0 no faster) and cost some accuracy: "
                          "of two small models logits changed by an NMSE of 1e-4 and 5e-4, perplexity by 0.4 "
                          "% and 0.1 %.",
                  .kind = ControlKind::Choice,
                  .group = ControlGroup::Base,
                  .paces = true,
                  .fallback = std::string("16"),
                  .choices = {"16", "8"},
                  .costs = {"", "NMSE 1e-4 to 5e-4, perplexity +0.1 to 0.4 %"}},
         .get = [](const Tuning& t) -> ControlValue { return std::to_string(t.sequence.activation_bits); },
         .set =
             [](Tuning& t, const ControlValue& v) {
                 t.sequence.activation_bits = std::get<std::string>(v) == "8" ? 8 : 16;
             }},
        {.spec = {.name = "prefill_chunk",
                  .flag = "--prefill-chunk",
                  .label = "Prefill chunk",
                  .help = "How many tokens of the prompt are read at a time. It changes speed and memory, "
                          "not the result.",
                  .unit = "tokens",
                  .kind = kInteger,
                  .acts = ControlActs::NextMessage,
                  .group = ControlGroup::Base,
                  .minimum = 1,
                  .maximum = 4096,
                  .step = 64,
                  .fallback = 512.0},
         .get = [](const Tuning& t) -> ControlValue { return double(t.sequence.prefill_chunk); },
         .set = [](Tuning& t, const ControlValue& v) { t.sequence.prefill_chunk = integer(v); }},
        {.spec = {.name = "special_tokens",
                  .flag = "--special-tokens",
                  .label = "Control tokens in messages",
                  .help =
                      "What a control token such as <|im_start|> means where it is written in a message or "
                      "an attached "
                      "file: text to read, or control, which lets the text begin turns in another's name.",
                  .kind = ControlKind::Choice,
                  .acts = ControlActs::NextMessage,
                  .group = ControlGroup::Base,
                  .fallback = std::string("text"),
                  .choices = {"control", "text"}},
         .get = [](const Tuning& t) -> ControlValue {
             return std::string(t.sequence.special_tokens ? "control" : "text");
         },
         .set =
             [](Tuning& t, const ControlValue& v) {
                 t.sequence.special_tokens = std::get<std::string>(v) == "control";
             }},
    };
}

// Words of choices that are an enumeration, in its order.
constexpr std::string_view kThinkingWords[] = {"auto", "on", "off"};
constexpr std::string_view kEffortWords[] = {"auto", "low", "medium", "high"};
constexpr std::string_view kWhenFullWords[] = {"stop", "leave out"};

using Words = std::span<const std::string_view>;

template <typename Enum>
ControlValue word_of(Words words, Enum value) {
    return std::string(words[std::min(static_cast<std::size_t>(value), words.size() - 1)]);
}

template <typename Enum>
void set_word(Words words, const ControlValue& word, Enum& value) {
    value = static_cast<Enum>(std::ranges::find(words, std::get<std::string>(word)) - words.begin());
}

/// What a chat's prompt is made by.
std::vector<Row> prompt_rows() {
    return {
        {.spec = {.name = "thinking",
                  .flag = "--thinking",
                  .label = "Thinking",
                  .help = "Whether the model thinks before it answers. Auto: as its chat template has it. "
                          "For models whose template has a switch.",
                  .kind = ControlKind::Choice,
                  .acts = ControlActs::NextMessage,
                  .primary = true,
                  .fallback = std::string("auto"),
                  .choices = {"on", "off", "auto"}},
         .get = [](const Tuning& t) { return word_of(kThinkingWords, t.sequence.thinking); },
         .set = [](Tuning& t, const ControlValue& v) { set_word(kThinkingWords, v, t.sequence.thinking); }},
        {.spec = {.name = "thinking_effort",
                  .flag = "--thinking-effort",
                  .label = "Thinking effort",
                  .help = "How long the model thinks before it answers. Auto: as its chat template has it. "
                          "For models whose template takes a word for it.",
                  .kind = ControlKind::Choice,
                  .acts = ControlActs::NextMessage,
                  .primary = true,
                  .fallback = std::string("auto"),
                  .choices = {"high", "medium", "low", "auto"}},
         .get = [](const Tuning& t) { return word_of(kEffortWords, t.sequence.effort); },
         .set = [](Tuning& t, const ControlValue& v) { set_word(kEffortWords, v, t.sequence.effort); }},
        {.spec = {.name = "when_full",
                  .flag = "--when-full",
                  .label = "When the context is full",
                  .help = "What is done with a chat that is longer than the model's context: stop ends the "
                          "answer there; leave out takes the oldest questions and their answers out of "
                          "what the model reads, never the system prompt.",
                  .kind = ControlKind::Choice,
                  .acts = ControlActs::NextMessage,
                  .group = ControlGroup::Base,
                  .fallback = std::string("stop"),
                  .choices = {"leave out", "stop"}},
         .get = [](const Tuning& t) { return word_of(kWhenFullWords, t.sequence.when_full); },
         .set = [](Tuning& t, const ControlValue& v) { set_word(kWhenFullWords, v, t.sequence.when_full); }},
    };
}

const std::vector<Row>& rows() {
    static const std::vector<Row> table = [] {
        std::vector<Row> all = sampling_rows();
        std::ranges::move(model_rows(), std::back_inserter(all));
        std::ranges::move(prompt_rows(), std::back_inserter(all));
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
