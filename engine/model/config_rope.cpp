// Rotations and their scaling.
#include "engine/model/config_reader.h"

#include <algorithm>
#include <limits>

namespace switchyard {

// YaRN scales scores by the square of its magnitude. DeepSeek's code multiplies the score scale, by a
// magnitude of its own; the others multiply cos and sin.
static void read_yarn(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    RopeConfig& r = c.rope;
    r.scaling = RopeScaling::Yarn;
    r.original_context = keys.count("rope.scaling.original_context_length", c.context, 0, 1 << 30);
    if (r.original_context == 0)
        r.original_context = c.context;
    r.beta_fast = keys.real("rope.scaling.yarn_beta_fast", 32.0f);
    r.beta_slow = keys.real("rope.scaling.yarn_beta_slow", 1.0f);
    const float log_factor = std::log(std::max(r.factor, 1.0f));
    if (c.latent()) {
        const float m = 1.0f + keys.real("rope.scaling.yarn_log_multiplier", 0.0f) * log_factor;
        c.attention_scale *= m * m;
    } else if (!architecture.yarn_keeps_magnitude) {
        // Where the authors' attention_factor is given, it is all of it.
        r.magnitude *= keys.real("rope.scaling.yarn_attn_factor", 1.0f + 0.1f * log_factor);
    }
}

// As llama.cpp reads the keys (load_hparams and the context's constructor): a factor without a type is a
// linear one, scale_linear is its older name, 0 is none, and the type "none" leaves it out.
static void read_scaling(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    RopeConfig& r = c.rope;
    const char* factor = keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
    r.factor = keys.real(factor, 0.0f);
    if (r.factor == 0)
        r.factor = 1;
    if (!(r.factor > 0) || std::isinf(r.factor))
        keys.fail(factor, "is no positive number");
    const std::string type = keys.text("rope.scaling.type");
    if (type == "none")
        r.factor = 1;
    else if (!type.empty() && type != "linear" && type != "yarn")
        keys.fail("rope.scaling.type", "is " + in_quotes(type) + ", which is not known");
    if (!c.latent())
        r.magnitude = keys.real("rope.scaling.attn_factor", 1.0f);
    const float mix = keys.real("rope.scaling.yarn_ext_factor", -1.0f); // below 0: as the type has it
    const bool yarn = mix < 0 ? type == "yarn" : mix > 0;
    if (yarn) {
        r.yarn_mix = mix < 0 ? 1.0f : mix;
        read_yarn(keys, architecture, c);
    } else {
        r.magnitude *= c.latent() ? 1.0f : keys.real("rope.scaling.yarn_attn_factor", 1.0f);
        r.scaling = r.factor == 1 ? RopeScaling::None : RopeScaling::Linear;
    }
}

// Layers with a window may have rotations of their own, which nothing scales.
static void read_window_rope(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    constexpr const char *kBase = "rope.freq_base_swa", *kDims = "rope.dimension_count_swa";
    if (c.windows.empty() || (architecture.window_theta == 0 && !keys.has(kBase) && !keys.has(kDims)))
        return;
    RopeConfig own = c.rope;
    own.stored_factors = false;
    own.theta = keys.real(kBase, architecture.window_theta != 0 ? architecture.window_theta : own.theta);
    if (!(own.theta > 0) || std::isinf(own.theta))
        keys.fail(kBase, "is no positive number");
    const auto slides = static_cast<int>(
        std::ranges::find_if(c.windows, [](int window) { return window > 0; }) - c.windows.begin());
    const int width = slides < c.layers ? c.heads_of(slides).head_dim : c.head_dim;
    own.dims = keys.count(kDims, std::min(own.dims, width), 2, width);
    if (own.dims % 2 != 0)
        keys.fail(kDims, "is odd");
    c.window_rope = own;
}

static void read_long(const ModelFile& file, const ConfigReader& keys, ModelConfig& c) {
    RopeConfig& r = c.rope;
    r.original_context = keys.required("rope.scaling.original_context_length", 1, 1 << 30);
    r.long_table = file.find("rope_factors_long.weight") != nullptr && c.context > r.original_context;
    if (!r.long_table)
        c.context = std::min(c.context, r.original_context);
    // All published models of Phi-3.5-MoE's kind have this factor, and their files another formula's.
    constexpr float kPhiMoe = 1.243163121016122f;
    const Metadata& metadata = file.metadata();
    if (c.architecture == "phimoe" && r.original_context == 4096 &&
        !metadata.has("switchyard.long_rope_magnitude"))
        r.magnitude = kPhiMoe;
    r.long_magnitude =
        static_cast<float>(metadata.real("switchyard.long_rope_magnitude").value_or(r.magnitude));
}

void read_rope(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
               ModelConfig& c) {
    RopeConfig& r = c.rope;
    if (!c.latent() && !c.rotated.empty() && std::ranges::find(c.rotated, true) == c.rotated.end()) {
        r.dims = 2; // of what is rotated nowhere
        r.stored_factors = false;
        return;
    }
    r.interleaved = architecture.rope_interleaved;
    r.truncate = architecture.yarn_truncate;
    r.dims = keys.count("rope.dimension_count", c.head_dim, 2, c.head_dim);
    if (r.dims % 2 != 0)
        keys.fail("rope.dimension_count", "is odd");
    if (c.latent() && r.dims >= c.head_dim)
        keys.fail("rope.dimension_count", "leaves nothing of a head without position");
    r.theta = keys.real("rope.freq_base", 10000.0f);
    if (!(r.theta > 0) || std::isinf(r.theta))
        keys.fail("rope.freq_base", "is no positive number");
    read_window_rope(keys, architecture, c);
    read_scaling(keys, architecture, c);
    if (architecture.compressed) { // the scaling is theirs alone
        c.compressed.rope = r;
        c.compressed.rope.theta = keys.real("attention.compress_rope_freq_base", r.theta);
        if (!(c.compressed.rope.theta > 0) || std::isinf(c.compressed.rope.theta))
            keys.fail("attention.compress_rope_freq_base", "is no positive number");
        r.scaling = RopeScaling::None;
        r.factor = 1;
    }
    r.two_tables = file.find("rope_factors_short.weight") != nullptr;
    if (r.two_tables)
        read_long(file, keys, c);
    if (architecture.temperature.scale != 0)
        return; // Llama 4's: read_chunks()
    // Files of Mistral 4 have no key for what all of its kind have.
    c.temperature.scale =
        keys.real("attention.temperature_scale", architecture.name == "mistral4" ? 0.1f : 0.0f);
    if (c.temperature.scale == 0)
        return;
    c.temperature.length =
        keys.count(keys.has("attention.temperature_length") ? "attention.temperature_length"
                                                            : "rope.scaling.original_context_length",
                   c.temperature.length, 1, 1 << 30);
}

} // namespace switchyard
