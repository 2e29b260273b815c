#include "engine/run/model_defaults.h"

#include "engine/base/error.h"
#include "engine/base/real_text.h"
#include "engine/run/controls.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace switchyard {

namespace {

/// Keys as llama.cpp's converter writes them from generation_config.json.
constexpr std::pair<std::string_view, std::string_view> kKeys[] = {
    {"general.sampling.temp", "temperature"},
    {"general.sampling.top_k", "top_k"},
    {"general.sampling.top_p", "top_p"},
    {"general.sampling.min_p", "min_p"},
    {"general.sampling.penalty_repeat", "repetition_penalty"},
    {"general.sampling.penalty_last_n", "repetition_window"},
};

/// What authors publish in their model cards and generation_config.json, and converted files often do not
/// hold. What they do not name is off.
struct Advice {
    std::string_view name;          ///< part of the model's name, in lower case without blanks and signs
    std::string_view architectures; ///< the name means these, with a blank after each
    std::string_view with = {}, but = {}; ///< what else stands in the name, and what does not
    double temperature = 0, top_p = 1;
    int top_k = 0; ///< 0: off
    double repetition_penalty = 1;
    std::string_view source; ///< file of the authors' repository on huggingface.co, or elsewhere
};

constexpr std::string_view kLlama = "llama deepseek ", kQwen2 = "qwen2 qwen2moe ", kQwen3 = "qwen3 qwen3moe ";
constexpr std::string_view kLatent = "deepseek2 ", kAny = "";

/// The first that fits counts, so the special stands before the general.
constexpr std::array kAdvice{
    Advice{.name = "deepseekr1",
           .architectures = kAny,
           .temperature = 0.6,
           .top_p = 0.95,
           .source = "deepseek-ai/DeepSeek-R1, its distills too: README.md and generation_config.json"},
    Advice{.name = "deepseekv30324",
           .architectures = kLatent,
           .temperature = 0.3,
           .source = "deepseek-ai/DeepSeek-V3-0324: README.md (the API's 1.0 is 0.3 here)"},
    Advice{.name = "deepseekv2",
           .architectures = kLatent,
           .temperature = 0.3,
           .top_p = 0.95,
           .source = "deepseek-ai/DeepSeek-V2, -V2-Lite, -V2.5: generation_config.json"},
    Advice{.name = "deepseekllm",
           .architectures = kLlama,
           .with = "chat",
           .temperature = 0.7,
           .top_p = 0.95,
           .source = "deepseek-ai/deepseek-llm-7b-chat, -67b-chat: generation_config.json"},
    Advice{.name = "kimik2instruct",
           .architectures = kLatent,
           .temperature = 0.6,
           .source = "moonshotai/Kimi-K2-Instruct: README.md"},
    Advice{.name = "qwen3coder",
           .architectures = kQwen3,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.05,
           .source = "Qwen/Qwen3-Coder-480B-A35B-Instruct, -30B-A3B-Instruct: README.md"},
    Advice{.name = "instruct2507",
           .architectures = kQwen3,
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .source = "Qwen/Qwen3-30B-A3B-Instruct-2507 and its sizes: README.md"},
    // As its template has it by default: thinking.
    Advice{.name = "qwen3",
           .architectures = kQwen3,
           .but = "base",
           .temperature = 0.6,
           .top_p = 0.95,
           .top_k = 20,
           .source = "Qwen/Qwen3-32B and all sizes: README.md and generation_config.json"},
    Advice{.name = "qwq",
           .architectures = kQwen2,
           .but = "preview",
           .temperature = 0.6,
           .top_p = 0.95,
           .top_k = 20,
           .source = "Qwen/QwQ-32B: README.md (top-k 20 to 40)"},
    Advice{.name = "qwen25coder15b",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.1,
           .source = "Qwen/Qwen2.5-Coder-1.5B-Instruct: generation_config.json"},
    Advice{.name = "qwen25coder7b",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.1,
           .source = "Qwen/Qwen2.5-Coder-7B-Instruct: generation_config.json"},
    Advice{.name = "qwen2505b",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.1,
           .source = "Qwen/Qwen2.5-0.5B-Instruct: generation_config.json"},
    Advice{.name = "qwen2515b",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.1,
           .source = "Qwen/Qwen2.5-1.5B-Instruct: generation_config.json"},
    Advice{.name = "qwen25",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.05,
           .source = "Qwen/Qwen2.5-3B-Instruct, -7B-Instruct, -Coder-32B-Instruct: generation_config.json"},
    Advice{.name = "qwen205b",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.1,
           .source = "Qwen/Qwen2-0.5B-Instruct: generation_config.json"},
    Advice{.name = "qwen215b",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.1,
           .source = "Qwen/Qwen2-1.5B-Instruct: generation_config.json"},
    Advice{.name = "qwen2",
           .architectures = kQwen2,
           .with = "instruct",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.05,
           .source = "Qwen/Qwen2-7B-Instruct: generation_config.json"},
    Advice{.name = "qwen15moe",
           .architectures = kQwen2,
           .with = "chat",
           .temperature = 0.7,
           .top_p = 0.8,
           .top_k = 20,
           .repetition_penalty = 1.05,
           .source = "Qwen/Qwen1.5-MoE-A2.7B-Chat: generation_config.json"},
    Advice{.name = "llama3",
           .architectures = kLlama,
           .temperature = 0.6,
           .top_p = 0.9,
           .source = "meta-llama/Llama-3.3-70B-Instruct, also 3, 3.1 and 3.2: generation_config.json"},
    Advice{.name = "llama2",
           .architectures = kLlama,
           .with = "chat",
           .temperature = 0.6,
           .top_p = 0.9,
           .source = "meta-llama/Llama-2-7b-chat-hf: generation_config.json"},
    Advice{.name = "magistralsmall",
           .architectures = kLlama,
           .temperature = 0.7,
           .top_p = 0.95,
           .source = "mistralai/Magistral-Small-2506: README.md"},
    Advice{.name = "mistralsmall24b",
           .architectures = kLlama,
           .with = "instruct",
           .temperature = 0.15,
           .source = "mistralai/Mistral-Small-24B-Instruct-2501: README.md"},
    Advice{.name = "mistralsmall3",
           .architectures = kLlama,
           .with = "instruct",
           .temperature = 0.15,
           .source = "mistralai/Mistral-Small-3.1-24B-Instruct-2503, -3.2-...-2506: README.md"},
    Advice{.name = "mistralnemo",
           .architectures = kLlama,
           .with = "instruct",
           .temperature = 0.3,
           .source = "mistralai/Mistral-Nemo-Instruct-2407: README.md"},
    Advice{.name = "gptoss",
           .architectures = "gpt-oss ",
           .temperature = 1,
           .source = "github.com/openai/gpt-oss: README.md, recommended sampling parameters"},
    // The penalty is this program's own: without it the smallest size loops.
    Advice{.name = "smollm2",
           .architectures = kLlama,
           .temperature = 0.2,
           .top_p = 0.9,
           .repetition_penalty = SequenceTuning{}.repetition_penalty,
           .source = "HuggingFaceTB/SmolLM2-1.7B-Instruct, -360M-, -135M-Instruct: README.md"},
};

/// A name in lower case without blanks and signs, and where its words and numbers begin.
struct PlainName {
    explicit PlainName(std::string_view name) {
        char before = ' ';
        for (const char c : name) {
            const auto byte = static_cast<unsigned char>(c);
            if (std::isalnum(byte)) {
                const auto last = static_cast<unsigned char>(before);
                const bool same = std::isalnum(last) && !std::isdigit(last) == !std::isdigit(byte);
                begins += same ? '-' : '^';
                text += static_cast<char>(std::tolower(byte));
            }
            before = c;
        }
        begins += '^';
    }
    /// Whether `part` stands in it as whole words and numbers: "llama3" in "Meta-Llama-3.1", not in
    /// "TinyLlama-31M".
    bool has(std::string_view part) const {
        for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            if (begins[at] == '^' && begins[at + part.size()] == '^')
                return true;
        return false;
    }
    std::string text, begins;
};

/// What the file calls itself: its name, and what converters keep of the original's.
PlainName name_of(const ModelFile& file, const ModelConfig& config) {
    std::string name = config.name;
    for (const char* key : {"general.basename", "general.size_label", "general.finetune"}) {
        const MetadataValue* value = file.metadata().find(key);
        const auto* text = value ? std::get_if<std::string>(value) : nullptr; // of another type: not a name
        name += text ? " " + *text : "";
    }
    return PlainName(name);
}

bool fits(const Advice& advice, const PlainName& name, const std::string& architecture) {
    return name.has(advice.name) && (advice.with.empty() || name.has(advice.with)) &&
           (advice.but.empty() || !name.has(advice.but)) &&
           (advice.architectures.empty() ||
            advice.architectures.find(architecture + " ") != std::string_view::npos);
}

void set(Tuning& tuning, std::string_view dial, double value) {
    tuning = with_control(std::move(tuning), *find_control(dial), value);
}

/// A value stored in 32 bits as people write it: 0.9, not 0.8999999762.
double as_written(double stored) {
    return real_of(real_text(stored, std::chars_format::general, 6)).value_or(stored);
}

bool apply_keys(const Metadata& metadata, Tuning& tuning) {
    const bool any = std::ranges::any_of(kKeys, [&](const auto& key) { return metadata.has(key.first); });
    if (!any)
        return false;
    set(tuning, "repetition_penalty", 1); // authors who give values name it where they want it
    for (const auto& [key, dial] : kKeys) {
        try {
            if (const auto value = metadata.real(key))
                set(tuning, dial, as_written(*value));
        } catch (const Error&) {
            // No number, or outside the dial's range: what is there stays.
        }
    }
    return true;
}

} // namespace

bool model_decides(std::string_view dial) {
    return std::ranges::any_of(kKeys, [&](const auto& key) { return key.second == dial; });
}

Tuning default_tuning(const ModelFile& file, const ModelConfig& config) {
    Tuning tuning;
    if (apply_keys(file.metadata(), tuning))
        return tuning;
    const PlainName name = name_of(file, config);
    const auto* advice =
        std::ranges::find_if(kAdvice, [&](const Advice& a) { return fits(a, name, config.architecture); });
    if (advice != kAdvice.end()) {
        set(tuning, "temperature", advice->temperature);
        set(tuning, "top_p", advice->top_p);
        set(tuning, "top_k", advice->top_k);
        set(tuning, "repetition_penalty", advice->repetition_penalty);
    }
    return tuning;
}

} // namespace switchyard
