// The pre-tokenizers that GGUF files name. Patterns as in the tokenizer.json of the models' authors.
#include "engine/base/error.h"
#include "engine/text/pretokenizer.h"
#include "engine/text/unicode.h"

#include <array>
#include <initializer_list>

namespace switchyard {

const std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view o200k_pattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view tekken_pattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view deepseek_v3_pattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Cased letters of the scripts that have case, as DeepSeek LLM lists them.
constexpr std::string_view deepseek_llm_letters =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕ)"
    R"(ἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ)"
    R"(\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲)"
    R"(𑢠-𑣟𞤀-𞥃]+)";
// \s+$, looked for only where a run of white space begins: it matches there or nowhere in the run.
constexpr std::string_view trailing_space = R"((?<!\s)\s+$)";
constexpr std::string_view cjk_pattern = R"([一-龥\x{800}-一가-\x{D7FF}]+)";

void add(PreTokenizer& steps, std::initializer_list<std::string_view> patterns) {
    for (const std::string_view pattern : patterns)
        steps.push_back(split_step(Regex(pattern), SplitBehavior::Isolated, false));
}

enum class Family : unsigned char {
    Gpt2,
    DigitsGpt2,
    Qwen2,
    Llama3,
    O200k,
    Tekken,
    DeepSeekLlm,
    DeepSeekCoder,
    DeepSeekV3,
    Falcon,
    Default
};

struct Name {
    std::string_view name;
    Family family;
    bool ignore_merges = false;
    bool nfc = false;
};

constexpr std::array<Name, 40> names = {{
    {"gpt-2", Family::Gpt2},
    {"gpt2", Family::Gpt2},
    {"phi-2", Family::Gpt2},
    {"mpt", Family::Gpt2},
    {"olmo", Family::Gpt2, false, true},
    {"jais", Family::Gpt2},
    {"roberta-bpe", Family::Gpt2},
    {"gigachat", Family::Gpt2},
    {"exaone4", Family::Gpt2},
    {"trillion", Family::Gpt2},
    {"granite-docling", Family::Gpt2},
    {"smollm", Family::DigitsGpt2},
    {"starcoder", Family::DigitsGpt2},
    {"refact", Family::DigitsGpt2},
    {"command-r", Family::DigitsGpt2, false, true},
    {"codeshell", Family::DigitsGpt2},
    {"exaone", Family::DigitsGpt2},
    {"minerva-7b", Family::DigitsGpt2},
    {"qwen2", Family::Qwen2, false, true},
    {"deepseek-r1-qwen", Family::Qwen2, false, true},
    {"megrez", Family::Qwen2},
    {"stablelm2", Family::Qwen2},
    {"hunyuan", Family::Qwen2},
    {"llama-bpe", Family::Llama3, true},
    {"llama3", Family::Llama3, true},
    {"llama-v3", Family::Llama3, true},
    {"smaug-bpe", Family::Llama3},
    {"dbrx", Family::Llama3},
    {"glm4", Family::Llama3},
    {"chatglm-bpe", Family::Llama3},
    {"gpt-4o", Family::O200k, true},
    {"llama4", Family::O200k, true},
    {"tekken", Family::Tekken, true},
    {"deepseek-llm", Family::DeepSeekLlm},
    {"deepseek-coder", Family::DeepSeekCoder},
    {"deepseek-v3", Family::DeepSeekV3},
    {"hunyuan-dense", Family::DeepSeekV3},
    {"falcon", Family::Falcon},
    {"default", Family::Default},
    {"", Family::Default},
}};

PreTokenizer steps_of(Family family) {
    PreTokenizer steps;
    const auto digits = [&] { steps.push_back(split_step(is_number, SplitBehavior::Isolated)); };
    switch (family) {
    case Family::DigitsGpt2:
        digits();
        [[fallthrough]];
    case Family::Gpt2:
        add(steps, {gpt2_pattern});
        break;
    case Family::Qwen2:
        add(steps, {qwen2_pattern});
        break;
    case Family::Llama3:
        add(steps, {llama3_pattern});
        break;
    case Family::O200k:
        add(steps, {o200k_pattern});
        break;
    case Family::Tekken:
        add(steps, {tekken_pattern});
        break;
    case Family::DeepSeekLlm:
        add(steps, {R"([\r\n])", deepseek_llm_letters, R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)", trailing_space,
                    cjk_pattern});
        digits();
        break;
    case Family::DeepSeekCoder:
        add(steps, {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", cjk_pattern});
        digits();
        break;
    case Family::DeepSeekV3:
        add(steps, {R"(\p{N}{1,3})", R"([一-龥\x{3040}-ゟ゠-ヿ]+)", deepseek_v3_pattern});
        break;
    case Family::Falcon:
        add(steps, {R"([\p{P}$+<=>^~|`]+)", gpt2_pattern, R"([0-9][0-9][0-9])"});
        break;
    case Family::Default:
        add(steps, {R"([\p{P}$+<=>^~|]+)", gpt2_pattern, R"(\p{N}+)", R"([0-9][0-9][0-9])"});
        break;
    }
    return steps;
}

} // namespace

NamedPreTokenizer pre_tokenizer_by_name(std::string_view name) {
    for (const Name& known : names)
        if (known.name == name)
            return {steps_of(known.family), known.ignore_merges, known.nfc};
    throw Error("Unknown pre-tokenizer '" + std::string(name) + "' (tokenizer.ggml.pre)");
}

} // namespace switchyard
