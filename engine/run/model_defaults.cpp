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
/// hold.
struct Advice {
    std::string_view name; ///< part of the model's name, in lower case without blanks and signs
    double temperature, top_p;
    int top_k; ///< 0: off
    double repetition_penalty;
    std::string_view but = {}; ///< a name with this in it is not meant
};
/// The first that fits counts, so the special stands before the general. Sources are the authors'
/// repositories on huggingface.co: "card" their README.md, "config" their generation_config.json.
constexpr std::array kAdvice{
    Advice{"deepseekr1", 0.6, 0.95, 0, 1.0},        // DeepSeek-R1 and its distills: card, config
    Advice{"deepseekv32", 1.0, 0.95, 0, 1.0},       // card, config
    Advice{"deepseekv31", 0.6, 0.95, 0, 1.0},       // config
    Advice{"deepseekv3", 0.3, 0.95, 0, 1.0},        // card: the API's 1.0 is 0.3 here
    Advice{"deepseekcoderv2", 0.3, 0.95, 0, 1.0},   // config
    Advice{"deepseekv2", 0.3, 0.95, 0, 1.0},        // config
    Advice{"deepseek", 0.7, 0.95, 0, 1.0, "coder"}, // deepseek-llm and deepseek-moe chat: config
    Advice{"qwen3coder", 0.7, 0.8, 20, 1.05},       // card, config
    Advice{"instruct2507", 0.7, 0.8, 20, 1.0},      // card of every size
    Advice{"qwen3nextinstruct", 0.7, 0.8, 20, 1.0}, // card
    Advice{"qwen3", 0.6, 0.95, 20, 1.0, "base"},    // card: thinking, as its template has it by default
    Advice{"qwq", 0.6, 0.95, 30, 1.0},              // card: top-k 20 to 40
    Advice{"qwen25coder05b", 0.7, 0.8, 20, 1.1},    // config: the smallest sizes
    Advice{"qwen25coder15b", 0.7, 0.8, 20, 1.1},    // config
    Advice{"qwen2505b", 0.7, 0.8, 20, 1.1},         // config
    Advice{"qwen2515b", 0.7, 0.8, 20, 1.1},         // config
    Advice{"qwen25", 0.7, 0.8, 20, 1.05},           // config of the others, Qwen2.5-Coder too
    Advice{"qwen15moe", 0.7, 0.8, 20, 1.05},        // config
    Advice{"qwen2", 0.7, 0.8, 20, 1.05},            // config
    Advice{"qwen1", 0.7, 0.8, 20, 1.05},            // config
    Advice{"llama4", 0.6, 0.9, 0, 1.0},             // config
    Advice{"llama3", 0.6, 0.9, 0, 1.0},             // config of 3, 3.1, 3.2 and 3.3
    Advice{"llama2", 0.6, 0.9, 0, 1.0},             // config
    Advice{"mixtral", 0.7, 1.0, 0, 1.0},            // the API's default for it
    Advice{"magistral", 0.7, 0.95, 0, 1.0},         // card
    Advice{"mistralsmall24b", 0.15, 1.0, 0, 1.0},   // card: 2501
    Advice{"mistralsmall3", 0.15, 1.0, 0, 1.0},     // card: 3.1, 3.2
    Advice{"mistralnemo", 0.3, 1.0, 0, 1.0},        // card: smaller than its predecessors'
    Advice{"mistral", 0.7, 1.0, 0, 1.0},            // the API's default for it
    Advice{"gemma3", 1.0, 0.95, 64, 1.0},           // config
    Advice{"phi4reasoning", 0.8, 0.95, 50, 1.0},    // card
    Advice{"phi4minireasoning", 0.8, 0.95, 0, 1.0}, // card
    Advice{"phi4mini", 0.0, 1.0, 0, 1.0},           // card: it does not sample
    Advice{"phi35", 0.0, 1.0, 0, 1.0},              // card, Phi-3.5-MoE too: it does not sample
    Advice{"phi3", 0.0, 1.0, 0, 1.0},               // card: it does not sample
    Advice{"gptoss", 1.0, 1.0, 0, 1.0},             // README of openai/gpt-oss
    Advice{"olmo3", 0.6, 0.95, 0, 1.0},             // card
    Advice{"smollm3", 0.6, 0.95, 0, 1.0},           // card
    Advice{"smollm2", 0.2, 0.9, 0, 1.1},            // card; without the penalty its smallest size loops
    Advice{"smollm", 0.2, 0.9, 0, 1.1},             // card
};

std::string plain(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (std::isalnum(static_cast<unsigned char>(c)))
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
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
    const std::string name = plain(config.name);
    const auto advice = std::ranges::find_if(kAdvice, [&](const Advice& a) {
        return name.find(a.name) != std::string::npos &&
               (a.but.empty() || name.find(a.but) == std::string::npos);
    });
    if (advice != kAdvice.end()) {
        set(tuning, "temperature", advice->temperature);
        set(tuning, "top_p", advice->top_p);
        set(tuning, "top_k", advice->top_k);
        set(tuning, "repetition_penalty", advice->repetition_penalty);
    }
    return tuning;
}

} // namespace switchyard
