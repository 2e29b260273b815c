#include "engine/model/folder_rope.h"

#include "engine/files/mapped_file.h"
#include "engine/model/architecture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace switchyard {

namespace {

/// Tokens the model was trained on before scaling: in the scaling's own object, in the model's, or as many as
/// its context holds, as transformers looks for them.
std::uint64_t original_context(const Keys& keys, const Keys& rope) {
    const char* key = "original_max_position_embeddings";
    const std::uint64_t context = keys.count("max_position_embeddings").value_or(2048);
    const std::uint64_t original = rope.count(key).value_or(keys.count(key).value_or(context));
    if (original == 0)
        rope.fail(key, "is 0");
    return original;
}

/// Llama 3.1's frequency divisors (the model code of transformers, rope type "llama3").
std::vector<float> llama3_factors(const Keys& keys, const Keys& rope, double theta, std::uint64_t dims) {
    const double factor = rope.real("factor").value_or(8.0), low = rope.real("low_freq_factor").value_or(1.0);
    const double high = rope.real("high_freq_factor").value_or(4.0);
    const double original = static_cast<double>(original_context(keys, rope));
    std::vector<float> factors;
    for (std::uint64_t i = 0; i < dims; i += 2) {
        const double frequency = std::pow(theta, -static_cast<double>(i) / static_cast<double>(dims));
        const double turns = original * frequency / (2.0 * std::numbers::pi); // within the original context
        const double smooth = (turns - low) / (high - low);
        const double divisor = turns > high  ? 1.0
                               : turns < low ? factor
                                             : 1.0 / ((1.0 - smooth) / factor + smooth);
        factors.push_back(static_cast<float>(divisor));
    }
    return factors;
}

/// YaRN's factor for attention at `scale` (arXiv 2309.00071).
double yarn_magnitude(double scale, double multiplier) {
    return scale <= 1.0 ? 1.0 : 1.0 + 0.1 * multiplier * std::log(scale);
}

/// What cos and sin are multiplied by (transformers' rope type "yarn").
double attention_factor(const Keys& rope, double factor) {
    if (const auto given = rope.real("attention_factor")) {
        return *given;
    }
    const double mscale = rope.real("mscale").value_or(0), all_dim = rope.real("mscale_all_dim").value_or(0);
    return mscale != 0 && all_dim != 0 ? yarn_magnitude(factor, mscale) / yarn_magnitude(factor, all_dim)
                                       : yarn_magnitude(factor, 1.0);
}

void read_yarn(const Keys& keys, const Keys& rope, bool latent, Target& out, Metadata& metadata) {
    const std::uint64_t context = keys.count("max_position_embeddings").value_or(2048);
    const std::uint64_t original = original_context(keys, rope);
    const double factor =
        rope.real("factor").value_or(static_cast<double>(context) / static_cast<double>(original));
    out.set("rope.scaling.factor", factor);
    out.set("rope.scaling.original_context_length", original);
    out.set("rope.scaling.yarn_beta_fast", rope.real("beta_fast").value_or(32.0));
    out.set("rope.scaling.yarn_beta_slow", rope.real("beta_slow").value_or(1.0));
    if (const auto truncate = rope.flag("truncate")) {
        metadata.set("switchyard.yarn_truncate", *truncate);
    }
    const double magnitude = attention_factor(rope, factor);
    if (const auto temperature = rope.real("llama_4_scaling_beta")) {
        out.set("attention.temperature_scale", *temperature);
        if (!latent && *temperature != 0) { // YaRN keeps the magnitude there
            if (magnitude != 1.0) {
                rope.fail("llama_4_scaling_beta",
                          "is set beside a magnitude of YaRN's, which is not known here");
            }
            return;
        }
    }
    if (!latent) {
        out.set("rope.scaling.attn_factor", magnitude / yarn_magnitude(factor, 1.0));
        return;
    }
    // DeepSeek's scores have a factor of their own besides, and GGUF has no key for that of cos and sin.
    out.set("rope.scaling.yarn_log_multiplier", 0.1 * rope.real("mscale_all_dim").value_or(0));
    if (magnitude != 1.0) {
        metadata.set("switchyard.rope_magnitude", magnitude);
    }
}

/// The parameters may be given by kind of layer. Throws Error where the kinds differ and the architecture has
/// no other rotations for layers with a window.
Keys one_for_all_layers(const Keys& keys, const Keys& parameters, const FolderShape& shape, Target& out) {
    const std::string& architecture = shape.architecture;
    const nlohmann::json* full = parameters.find("full_attention");
    const nlohmann::json* sliding = parameters.find("sliding_attention");
    const Architecture* known = find_architecture(architecture);
    if (known && known->window_theta != 0) {
        const Keys window = sliding ? parameters.object("sliding_attention") : keys;
        if (sliding && window.has("rope_type") && window.text("rope_type") != "default") {
            window.fail("rope_type", "scales layers with a window, which is not known here");
        }
        const double theta = keys.real("rope_theta").value_or(known->window_theta);
        const bool own = architecture != "olmo2" && architecture != "afmoe"; // whatever others' base is
        out.set("rope.freq_base_swa", window
                                          .real(sliding                   ? "rope_theta"
                                                : architecture == "mimo2" ? "swa_rope_theta"
                                                                          : "rope_local_base_freq")
                                          .value_or(own ? known->window_theta : theta));
        if (sliding && architecture == "laguna") { // full layers' part of a head is not theirs
            const double part = window.real("partial_rotary_factor").value_or(1.0);
            out.set("rope.dimension_count_swa",
                    static_cast<std::uint64_t>(std::max(part, 0.0) * shape.head_dim));
        }
    } else if (full && sliding && *full != *sliding) {
        parameters.fail("rope_parameters", "differ by kind of layer, which is not known here");
    }
    return full || sliding ? parameters.object(full ? "full_attention" : "sliding_attention") : parameters;
}

/// One of LongRoPE's tables of divisors.
std::vector<float> long_factors(const Keys& rope, const char* key, std::uint64_t dims) {
    const nlohmann::json* given = rope.find(key);
    if (!given || !given->is_array() || given->size() != dims / 2) {
        rope.fail(key, "is no number for each pair of rotated values");
    }
    std::vector<float> factors;
    for (const nlohmann::json& factor : *given) {
        if (!factor.is_number() || !(factor.get<double>() > 0)) {
            rope.fail(key, "has one that is no positive number");
        }
        factors.push_back(factor.get<float>());
    }
    return factors;
}

/// LongRoPE's two tables (RopeConfig::two_tables), and what cos and sin are multiplied by with each.
void read_long(const Keys& keys, const Keys& rope, std::uint64_t dims, Target& out, Metadata& metadata,
               FolderShape& shape) {
    shape.rope_factors = long_factors(rope, "short_factor", dims);
    shape.long_rope_factors = long_factors(rope, "long_factor", dims);
    const double original = static_cast<double>(original_context(keys, rope)),
                 context = static_cast<double>(keys.count("max_position_embeddings").value_or(2048)),
                 factor = rope.real("factor").value_or(context / original);
    const double usual =
        factor <= 1 || original <= 1 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original));
    const double magnitude = rope.real("attention_factor").value_or(usual);
    out.set("rope.scaling.original_context_length", static_cast<std::uint64_t>(original));
    out.set("rope.scaling.attn_factor", rope.real("short_mscale").value_or(magnitude));
    metadata.set("switchyard.long_rope_magnitude", rope.real("long_mscale").value_or(magnitude));
}

/// Gemma 4's: pairs over the whole head, of which the first turn and the others have a frequency of 0.
void read_proportional(const Keys& rope, std::uint64_t dims, Target& out, FolderShape& shape) {
    constexpr float kStill = 1e30f; // divisor, as converters write it
    const double part = rope.real("partial_rotary_factor").value_or(1.0);
    if (!(part >= 0) || part > 1) {
        rope.fail("partial_rotary_factor", "is no part of a head");
    }
    const auto turning = static_cast<std::size_t>(part * static_cast<double>(dims) / 2);
    shape.rope_factors.assign(dims / 2, kStill);
    std::fill_n(shape.rope_factors.begin(), std::min<std::size_t>(turning, dims / 2), 1.0f);
    if (const double factor = rope.real("factor").value_or(1.0); factor != 1.0) {
        out.set("rope.scaling.type", std::string("linear"));
        out.set("rope.scaling.factor", factor);
    }
}

/// Of families whose code has parameters by kind of layer, where config.json has none; else nothing.
nlohmann::json usual_parameters(const Keys& keys, const std::string& architecture) {
    if (keys.has("rope_parameters") || keys.has("rope_scaling") ||
        (architecture != "gemma4" && architecture != "laguna")) {
        return nlohmann::json::object();
    }
    const bool gemma = architecture == "gemma4";
    return {{"full_attention",
             {{"rope_type", gemma ? "proportional" : "default"},
              {"partial_rotary_factor", gemma ? 0.25 : 0.5},
              {"rope_theta", gemma ? 1e6 : 5e5}}},
            {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}};
}

/// How much of each head is rotated.
void read_part(const Keys& keys, const Keys& parameters, const FolderShape& shape, Target& out) {
    for (const Keys& place : {keys, parameters}) {
        const auto part = place.real("partial_rotary_factor");
        if (!part || *part == 1.0) {
            continue;
        }
        const double dims = *part * shape.head_dim;
        if (!(dims >= 2) || dims > shape.head_dim) {
            place.fail("partial_rotary_factor", "leaves no part of a head to rotate");
        }
        out.set("rope.dimension_count", static_cast<std::uint64_t>(dims));
        return;
    }
    constexpr double kUsual = 0.334; // MiMo's
    if (shape.architecture == "mimo2" && !keys.has("partial_rotary_factor") &&
        !parameters.has("partial_rotary_factor")) {
        out.set("rope.dimension_count", static_cast<std::uint64_t>(kUsual * shape.head_dim));
    }
}

/// Hunyuan's "dynamic" scaling has a factor of its own for the base, once for all lengths.
double stretched_base(const Keys& parameters, double theta, std::uint64_t dims) {
    const double alpha = parameters.real("alpha").value_or(0);
    if (alpha == 0 || dims <= 2) {
        return theta;
    }
    if (alpha < 0) {
        parameters.fail("alpha", "is negative");
    }
    return theta * std::pow(alpha, static_cast<double>(dims) / static_cast<double>(dims - 2));
}

} // namespace

void read_folder_rope(const Keys& keys, Target& out, Metadata& metadata, FolderShape& shape) {
    const nlohmann::json usual = usual_parameters(keys, shape.architecture);
    const Keys given = keys.object(keys.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
    const Keys parameters =
        one_for_all_layers(keys, usual.empty() ? given : Keys(usual, keys.name()), shape, out);
    if (shape.architecture == "deepseek4" && parameters.has("compress")) { // which alone is scaled
        const Keys whole = keys.object("rope_parameters"), scaled = whole.object("compress");
        out.set("rope.freq_base", whole.object("main").real("rope_theta").value_or(10000.0));
        if (scaled.text("rope_type") == "yarn") {
            out.set("rope.scaling.type", std::string("yarn"));
            read_yarn(keys, scaled, false, out, metadata);
        }
        return;
    }
    const double usual_theta = shape.architecture == "mimo2"    ? 5e6
                               : shape.architecture == "llama4" ? 5e5
                                                                : 1e4;
    const double theta =
        parameters.real("rope_theta").value_or(keys.real("rope_theta").value_or(usual_theta));
    if (!(theta > 0)) {
        keys.fail("rope_theta", "is not positive");
    }
    const std::string named = parameters.text("rope_type");
    const std::string type = named.empty() ? parameters.text("type") : named;
    const bool whole = shape.architecture == "gemma4"; // heads, whatever their proportion
    if (!whole && shape.head_dim > 0) {                // latents' have a key of their own
        read_part(keys, parameters, shape, out);
    }
    const std::uint64_t dims = metadata.uint(shape.architecture + ".rope.dimension_count").value_or(0);
    out.set("rope.freq_base", type == "dynamic" ? stretched_base(parameters, theta, dims) : theta);
    if (!keys.flag("rope_interleave").value_or(true)) {
        metadata.set("switchyard.rope_half_split", true);
    }
    if (type.empty() || type == "default") {
        return;
    }
    // Dynamic scaling begins where the context that this program gives a model ends.
    if (type == "dynamic") {
        return;
    }
    if (type == "proportional" && whole) {
        return read_proportional(parameters, dims, out, shape);
    }
    if (type == "llama3") {
        shape.rope_factors = llama3_factors(keys, parameters, theta, dims);
        return;
    }
    if (type == "longrope" || type == "su") {
        return read_long(keys, parameters, dims, out, metadata, shape);
    }
    if (type != "yarn" && type != "linear") {
        parameters.fail("rope_type", "is " + in_quotes(type) + ", which is not known");
    }
    out.set("rope.scaling.type", type);
    if (type == "yarn") {
        read_yarn(keys, parameters, keys.has("kv_lora_rank"), out, metadata);
    } else {
        out.set("rope.scaling.factor", parameters.real("factor").value_or(1.0));
    }
}

} // namespace switchyard
