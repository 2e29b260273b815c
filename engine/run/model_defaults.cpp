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

/// What authors publish in their model cards and converted files do not hold.
struct Advice {
    std::string_view name; ///< part of the model's name, in lower case without blanks and signs
    double temperature, top_p;
    int top_k; ///< 0: off
    double repetition_penalty;
};
constexpr std::array kAdvice{
    Advice{"deepseekr1", 0.6, 0.95, 0, 1.0}, Advice{"deepseekv3", 0.3, 0.95, 0, 1.0},
    Advice{"qwen3", 0.6, 0.95, 20, 1.0},
    Advice{"smollm2", 0.2, 0.9, 0, 1.1}, // without the penalty its smallest size falls into loops
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
    const auto advice = std::ranges::find_if(
        kAdvice, [&](const Advice& a) { return name.find(a.name) != std::string::npos; });
    if (advice != kAdvice.end()) {
        set(tuning, "temperature", advice->temperature);
        set(tuning, "top_p", advice->top_p);
        set(tuning, "top_k", advice->top_k);
        set(tuning, "repetition_penalty", advice->repetition_penalty);
    }
    return tuning;
}

} // namespace switchyard
