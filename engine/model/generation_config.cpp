#include "engine/model/generation_config.h"

#include "engine/base/error.h"
#include "engine/files/json_file.h"

#include <nlohmann/json.hpp>

namespace switchyard {

void add_generation_config(const std::filesystem::path& folder, Metadata& metadata) {
    const auto path = folder / "generation_config.json";
    std::error_code missing;
    if (!std::filesystem::is_regular_file(path, missing)) {
        return;
    }
    nlohmann::json json;
    try {
        json = read_json(path, 1 << 20);
    } catch (const Error&) {
        return;
    }
    if (!json.is_object()) {
        return;
    }
    for (const auto& [name, key] :
         {std::pair{"temperature", "general.sampling.temp"}, std::pair{"top_k", "general.sampling.top_k"},
          std::pair{"top_p", "general.sampling.top_p"}, std::pair{"min_p", "general.sampling.min_p"},
          std::pair{"repetition_penalty", "general.sampling.penalty_repeat"}}) {
        const auto value = json.find(name);
        if (value != json.end() && value->is_number()) {
            metadata.set(key, value->get<double>());
        }
    }
    // The most likely token, whatever temperature stands beside it.
    if (const auto sample = json.find("do_sample");
        sample != json.end() && sample->is_boolean() && !*sample) {
        metadata.set("general.sampling.temp", 0.0);
    }
}

} // namespace switchyard
