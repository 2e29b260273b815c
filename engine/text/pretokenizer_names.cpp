// The pre-tokenizers that GGUF files name. Patterns as in the tokenizer.json of the models' authors.
#include "engine/text/pretokenizer.h"
#include "engine/text/unicode.h"

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
constexpr std::string_view qwen35_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view minicpm5_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view jais2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
    R"(\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|)"
    R"(\s{1,2}(?!\S)|\s{1})";
constexpr std::string_view seed_coder_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view bailing_pattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view exaone_moe_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
// Han is cut off from other letters first.
constexpr std::string_view kimi_k2_pattern =
    R"([\p{Han}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view bloom_pattern = R"( ?[^(\s|[.,!?…。，、।۔،])]+)";
constexpr std::string_view deepseek_v3_pattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Cased letters of the scripts that have case, as DeepSeek LLM lists them.
constexpr std::string_view deepseek_llm_letters =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕ)"
    R"(ἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ)"
    R"(\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲)"
    R"(𑢠-𑣟𞤀-𞥃]+)";
constexpr std::string_view cjk_pattern = R"([一-龥\x{800}-一가-\x{D7FF}]+)";

void add(PreTokenizer& steps, std::initializer_list<std::string_view> patterns) {
    for (const std::string_view pattern : patterns)
        steps.push_back(split_step(Regex(pattern), SplitBehavior::Isolated, false));
}

enum class Family : unsigned char {
    Gpt2,
    DigitsGpt2,
    Qwen2,
    Qwen35,
    Laguna,
    Llama3,
    MiniCpm5,
    Jais2,
    O200k,
    Tekken,
    KimiK2,
    SeedCoder,
    Bailing,
    ExaoneMoe,
    Bloom,
    Viking,
    SuperBpe,
    TinyAya,
    DeepSeekLlm,
    DeepSeekCoder,
    DeepSeekV3,
    Falcon,
    Default
};

enum Trait : unsigned char { None = 0, IgnoreMerges = 1, Nfc = 2, AddsBos = 4 };

struct Name {
    std::string_view name;
    Family family;
    int traits = None;
};

constexpr Name names[] = {
    {"gpt-2", Family::Gpt2},
    {"gpt2", Family::Gpt2},
    {"phi-2", Family::Gpt2},
    {"mpt", Family::Gpt2, Nfc},
    {"olmo", Family::Gpt2, Nfc},
    {"jais", Family::Gpt2},
    {"roberta-bpe", Family::Gpt2},
    {"gigachat", Family::Gpt2},
    {"a.x-4.0", Family::Gpt2},
    {"mellum", Family::Gpt2},
    {"exaone4", Family::Gpt2},
    {"trillion", Family::Gpt2},
    {"granite-docling", Family::Gpt2},
    {"smollm", Family::DigitsGpt2},
    {"starcoder", Family::DigitsGpt2},
    {"refact", Family::DigitsGpt2},
    {"command-r", Family::DigitsGpt2, Nfc},
    {"codeshell", Family::DigitsGpt2},
    {"exaone", Family::DigitsGpt2},
    {"minerva-7b", Family::DigitsGpt2},
    {"mellum2", Family::DigitsGpt2},
    {"qwen2", Family::Qwen2, Nfc},
    {"deepseek-r1-qwen", Family::Qwen2, Nfc},
    {"kormo", Family::Qwen2},
    {"megrez", Family::Qwen2},
    {"stablelm2", Family::Qwen2},
    {"hunyuan", Family::Qwen2},
    {"solar-open", Family::Qwen2},
    {"grok-2", Family::Qwen2},
    {"qwen35", Family::Qwen35},
    {"laguna", Family::Laguna},
    {"llama-bpe", Family::Llama3, IgnoreMerges | AddsBos},
    {"llama3", Family::Llama3, IgnoreMerges | AddsBos},
    {"llama-v3", Family::Llama3, IgnoreMerges | AddsBos},
    {"falcon3", Family::Llama3, IgnoreMerges | AddsBos},
    {"falcon-h1", Family::Llama3, IgnoreMerges | AddsBos},
    {"pixtral", Family::Llama3, IgnoreMerges | AddsBos},
    {"midm-2.0", Family::Llama3, IgnoreMerges | AddsBos},
    {"lfm2", Family::Llama3, IgnoreMerges | AddsBos},
    {"smaug-bpe", Family::Llama3},
    {"dbrx", Family::Llama3},
    {"chatglm-bpe", Family::Llama3},
    {"glm4", Family::Llama3, IgnoreMerges},
    {"glm5", Family::Llama3, IgnoreMerges},
    {"minicpm5", Family::MiniCpm5, IgnoreMerges},
    {"jais-2", Family::Jais2},
    {"gpt-4o", Family::O200k, IgnoreMerges},
    {"o200k", Family::O200k, IgnoreMerges},
    {"gpt-oss", Family::O200k, IgnoreMerges},
    {"llama4", Family::O200k, IgnoreMerges},
    {"kanana2", Family::O200k},
    {"minimax-m2", Family::O200k},
    {"tekken", Family::Tekken, IgnoreMerges | AddsBos},
    {"kimi-k2", Family::KimiK2, IgnoreMerges},
    {"seed-coder", Family::SeedCoder},
    {"bailingmoe", Family::Bailing},
    {"bailingmoe2", Family::Bailing},
    {"llada-moe", Family::Bailing},
    {"exaone-moe", Family::ExaoneMoe},
    {"bloom", Family::Bloom},
    {"poro-chat", Family::Bloom},
    {"gpt3-finnish", Family::Bloom},
    {"viking", Family::Viking},
    {"superbpe", Family::SuperBpe},
    {"tiny_aya", Family::TinyAya},
    {"cohere2moe", Family::TinyAya},
    {"deepseek-llm", Family::DeepSeekLlm},
    {"deepseek-coder", Family::DeepSeekCoder},
    {"deepseek-v3", Family::DeepSeekV3},
    {"hunyuan-dense", Family::DeepSeekV3},
    {"joyai-llm", Family::DeepSeekV3},
    {"falcon", Family::Falcon},
    {"default", Family::Default},
    {"", Family::Default},
};

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
    case Family::Qwen35:
        add(steps, {qwen35_pattern});
        break;
    case Family::Laguna: // lines first
        add(steps, {R"([^\n]+|[\n]+)", qwen2_pattern});
        break;
    case Family::Llama3:
        add(steps, {llama3_pattern});
        break;
    case Family::MiniCpm5:
        add(steps, {R"(\p{N}{1,3})", minicpm5_pattern});
        break;
    case Family::Jais2:
        add(steps, {jais2_pattern});
        break;
    case Family::O200k:
        add(steps, {o200k_pattern});
        break;
    case Family::Tekken:
        add(steps, {tekken_pattern});
        break;
    case Family::KimiK2:
        add(steps, {kimi_k2_pattern});
        break;
    case Family::SeedCoder:
        add(steps, {seed_coder_pattern});
        break;
    case Family::Bailing:
        add(steps, {bailing_pattern});
        break;
    case Family::ExaoneMoe:
        add(steps, {exaone_moe_pattern});
        break;
    case Family::Bloom:
        add(steps, {bloom_pattern});
        break;
    case Family::Viking:
        add(steps, {bloom_pattern});
        digits();
        break;
    case Family::SuperBpe:
        add(steps, {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"});
        break;
    case Family::TinyAya:
        add(steps, {R"(\d{1,3}(?=(?:\d{3})*\b))", o200k_pattern});
        break;
    case Family::DeepSeekLlm:
        add(steps,
            {R"([\r\n])", deepseek_llm_letters, R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)", R"(\s+$)", cjk_pattern});
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
        add(steps, {R"([\p{P}$+<=>^~|`]+)", gpt2_pattern, R"([0-9]+)", R"([0-9][0-9][0-9])"});
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
            return {steps_of(known.family), (known.traits & IgnoreMerges) != 0, (known.traits & Nfc) != 0,
                    (known.traits & AddsBos) != 0, true};
    return {steps_of(Family::Default), false, false, false, false};
}

} // namespace switchyard
