#include "engine/model/model_config.h"

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/model/architecture.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <variant>

namespace switchyard {

namespace {

// Reads "<architecture>.<key>", with bounds that keep every later product of sizes within 64 bits.
class ConfigReader {
  public:
    ConfigReader(const ModelFile& file, std::string architecture)
        : file_(file), prefix_(std::move(architecture) + ".") {}

    int count(std::string_view key, int fallback, int least, int most) const {
        const auto value = file_.metadata().uint(prefix_ + std::string(key));
        if (!value)
            return fallback;
        if (*value < static_cast<std::uint64_t>(least) || *value > static_cast<std::uint64_t>(most))
            fail(key, "is " + std::to_string(*value) + ", expected " + std::to_string(least) + " to " +
                          std::to_string(most));
        return static_cast<int>(*value);
    }
    int required(std::string_view key, int least, int most) const {
        if (!file_.metadata().has(prefix_ + std::string(key)))
            fail(key, "is missing");
        return count(key, 0, least, most);
    }
    bool has(std::string_view key) const { return file_.metadata().has(prefix_ + std::string(key)); }
    bool has_number(std::string_view key) const {
        const MetadataValue* value = file_.metadata().find(prefix_ + std::string(key));
        return value && (std::holds_alternative<std::uint64_t>(*value) ||
                         std::holds_alternative<std::int64_t>(*value));
    }
    float real(std::string_view key, float fallback) const {
        return static_cast<float>(file_.metadata().real(prefix_ + std::string(key)).value_or(fallback));
    }
    bool flag(std::string_view key, bool fallback) const {
        return file_.metadata().boolean(prefix_ + std::string(key)).value_or(fallback);
    }
    /// nullptr where the key is absent.
    const std::vector<bool>* flags(std::string_view key) const {
        const MetadataValue* value = file_.metadata().find(prefix_ + std::string(key));
        const auto* array = value ? std::get_if<std::vector<bool>>(value) : nullptr;
        if (value && !array)
            fail(key, "is not an array of true and false");
        return array;
    }
    /// An array of counts, one a layer; empty where the key is absent or one number.
    std::vector<int> counts(std::string_view key, int most) const {
        const MetadataValue* value = file_.metadata().find(prefix_ + std::string(key));
        const bool array = value && std::visit(
                                        [](const auto& v) {
                                            using V = std::remove_cvref_t<decltype(v)>;
                                            return requires { typename V::value_type; }
                                            &&!std::is_same_v<V, std::string>;
                                        },
                                        *value);
        const auto given = array ? file_.metadata().reals(prefix_ + std::string(key)) : std::nullopt;
        std::vector<int> all;
        for (std::size_t i = 0; given && i < given->size(); ++i) {
            const double one = (*given)[i];
            if (!(one >= 0 && one <= most) || one != std::floor(one))
                fail(key, "has a layer's number that is not 0 to " + std::to_string(most));
            all.push_back(static_cast<int>(one));
        }
        return all;
    }
    std::string text(std::string_view key) const {
        return file_.metadata().text(prefix_ + std::string(key)).value_or("");
    }
    [[noreturn]] void fail(std::string_view key, const std::string& what) const {
        throw Error(file_.path().string() + ": the key " + prefix_ + std::string(key) + " " + what);
    }

  private:
    const ModelFile& file_;
    std::string prefix_;
};

constexpr int kMostLayers = 1024, kMostWidth = 1 << 20, kMostHeads = 4096, kMostVocabulary = 1 << 22;

/// Keys' heads by layer: layers with none have no attention, and the others are alike.
void read_layers_of_heads(const ConfigReader& keys, const std::vector<int>& each, ModelConfig& c) {
    constexpr const char* kKey = "attention.head_count_kv";
    if (each.size() < static_cast<std::size_t>(c.layers))
        keys.fail(kKey, "does not say it of each layer");
    c.kv_heads = *std::ranges::max_element(each);
    if (c.kv_heads < 1)
        keys.fail(kKey, "leaves no layer with attention");
    for (int layer = 0; layer < c.layers; ++layer) {
        const int heads = each[static_cast<std::size_t>(layer)];
        if (heads != 0 && heads != c.kv_heads)
            keys.fail(kKey, "differs from layer to layer, which is not known");
        c.linear_layers.push_back(heads == 0);
    }
    if (std::ranges::find(c.linear_layers, true) == c.linear_layers.end())
        c.linear_layers.clear();
}

void read_attention(const ConfigReader& keys, ModelConfig& c) {
    c.heads = keys.required("attention.head_count", 1, kMostHeads);
    if (const std::vector<int> each = keys.counts("attention.head_count_kv", kMostHeads); !each.empty())
        read_layers_of_heads(keys, each, c);
    else
        c.kv_heads = keys.count("attention.head_count_kv", c.heads, 1, kMostHeads);
    c.head_dim = keys.count("attention.key_length", std::max(c.hidden / c.heads, 1), 1, 4096);
    c.value_dim = keys.count("attention.value_length", c.head_dim, 1, 4096);
    c.norm_epsilon = keys.real("attention.layer_norm_rms_epsilon", 1e-6f);
    if (keys.real("attention.clamp_kqv", 0.0f) != 0.0f)
        keys.fail("attention.clamp_kqv", "is set, which is not known");
    c.kv_lora_rank = keys.count("attention.kv_lora_rank", 0, 0, kMostWidth);
    if (c.latent()) { // key_length is then the cache's, but for older files, which have no keys of MLA's own
        c.q_lora_rank = keys.count("attention.q_lora_rank", 0, 0, kMostWidth);
        c.head_dim = keys.count("attention.key_length_mla", c.head_dim, 1, 4096);
        c.value_dim = keys.count("attention.value_length_mla", c.value_dim, 1, 4096);
        c.kv_heads = 1;
    }
    if (c.heads % c.kv_heads != 0)
        keys.fail("attention.head_count_kv", "does not divide the " + std::to_string(c.heads) + " heads");
}

// Which layers have a window: an array in the file says, or every n-th layer sees all.
void read_windows(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    const int window = keys.count("attention.sliding_window", 0, 0, 1 << 30);
    // An array, or how often a layer sees all.
    constexpr const char* kPattern = "attention.sliding_window_pattern";
    const bool number = keys.has_number(kPattern);
    const int period = number ? keys.count(kPattern, 0, 0, kMostLayers) : architecture.sliding_period;
    const std::vector<bool>* pattern = number ? nullptr : keys.flags(kPattern);
    if (window == 0 || (period == 0 && !pattern))
        return;
    if (pattern && pattern->size() < static_cast<std::size_t>(c.layers))
        keys.fail("attention.sliding_window_pattern", "is shorter than the layers");
    for (int layer = 0; layer < c.layers; ++layer) {
        const bool slides = pattern ? (*pattern)[static_cast<std::size_t>(layer)] : (layer + 1) % period != 0;
        c.windows.push_back(slides ? window : 0);
    }
}

// Which layers are rotated: an array in the file says (GGUF has no key for it), or the architecture.
void read_rotated(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                  ModelConfig& c) {
    constexpr const char* kKey = "switchyard.rotated_layers";
    const MetadataValue* value = file.metadata().find(kKey);
    if (value) {
        const auto* given = std::get_if<std::vector<bool>>(value);
        if (!given || given->size() < static_cast<std::size_t>(c.layers))
            throw Error(file.path().string() + ": the key " + kKey + " does not say it of each layer");
        c.rotated.assign(given->begin(), given->begin() + c.layers);
    } else if (architecture.never_rotated ||
               (architecture.state_space && !keys.flag("rope.scaling.finetuned", true))) {
        c.rotated.assign(static_cast<std::size_t>(c.layers), false);
    } else if (architecture.unrotated_period > 0) {
        for (int layer = 0; layer < c.layers; ++layer)
            c.rotated.push_back((layer + 1) % architecture.unrotated_period != 0);
    } else if (architecture.rotates_windows_only) {
        if (c.windows.empty())
            keys.fail("attention.sliding_window", "is missing: it says which layers are rotated");
        for (const int window : c.windows)
            c.rotated.push_back(window > 0);
    }
}

/// Keeps the sizes of a layer's states, which are `int`s, from overflowing. inner: values of all heads;
/// mixed: channels of the convolution.
void check_states(const ConfigReader& keys, std::int64_t inner, std::int64_t state_size, std::int64_t mixed,
                  int taps) {
    constexpr std::int64_t kMost = 1 << 28; // floats; the largest model known has 2^20
    if (inner * state_size > kMost || mixed * taps > kMost)
        keys.fail("ssm.state_size", "makes states larger than this program keeps");
}

/// The keys that state spaces and linear attention have in common; `groups` share a B and C, or a query and
/// key.
SpaceConfig read_states(const ConfigReader& keys, int groups) {
    SpaceConfig s;
    s.taps = keys.required("ssm.conv_kernel", 2, 64);
    s.state_size = keys.required("ssm.state_size", 1, 4096);
    s.groups = groups;
    s.heads = keys.required("ssm.time_step_rank", 1, kMostHeads);
    const int inner = keys.required("ssm.inner_size", 1, kMostWidth);
    if (inner % s.heads != 0 || s.heads % s.groups != 0)
        keys.fail("ssm.inner_size", "does not fit the heads");
    s.head_dim = inner / s.heads;
    check_states(keys, inner, s.state_size, inner + std::int64_t{2} * s.groups * s.state_size, s.taps);
    return s;
}

// Qwen3-Next's layers of linear attention, and LFM2's convolutions.
void read_linear(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                 ModelConfig& c) {
    if (architecture.short_convolutions) {
        c.short_taps = keys.required("shortconv.l_cache", 2, 64);
        return;
    }
    c.gated_queries = architecture.gated_queries;
    if (architecture.state_space) {
        c.single_mixers = architecture.single_mixers;
        c.space = read_states(keys, keys.count("ssm.group_count", 1, 1, kMostHeads));
        return;
    }
    if (architecture.attention_period == 0) {
        if (!c.linear_layers.empty())
            keys.fail("attention.head_count_kv", "has layers without heads, which are not known");
        return;
    }
    const int period = keys.count("full_attention_interval", architecture.attention_period, 1, kMostLayers);
    const std::vector<bool>* given = keys.flags("attention.recurrent_layers");
    if (given && given->size() < static_cast<std::size_t>(c.layers))
        keys.fail("attention.recurrent_layers", "does not say it of each layer");
    for (int layer = 0; layer < c.layers; ++layer)
        c.linear_layers.push_back(given ? (*given)[static_cast<std::size_t>(layer)]
                                        : (layer + 1) % period != 0);
    const SpaceConfig s = read_states(keys, keys.required("ssm.group_count", 1, kMostHeads));
    if (c.gated_queries && c.head_dim != c.value_dim)
        keys.fail("attention.value_length", "differs from attention.key_length, which gates do not fit");
    c.linear = {
        .key_heads = s.groups,
        .value_heads = s.heads,
        .key_dim = s.state_size,
        .value_dim = s.head_dim,
        .taps = s.taps,
        .neighbours =
            file.metadata().boolean("switchyard.value_heads_together").value_or(architecture.neighbours)};
}

// Granite's multipliers. GGUF has the divisor of logits as a scale.
void read_scales(const ConfigReader& keys, ModelConfig& c) {
    const auto positive = [&](std::string_view key, float& value) {
        const float given = keys.real(key, value);
        value = given == 0 ? value : given; // 0: not set, as llama.cpp has it
        if (!(value > 0) || std::isinf(value))
            keys.fail(key, "is no positive number");
    };
    positive("embedding_scale", c.embedding_scale);
    positive("residual_scale", c.residual_scale);
    positive("attention.scale", c.attention_scale);
    float divisor = 1.0f;
    positive("logit_scale", divisor);
    c.logit_scale = 1.0f / divisor;
}

// YaRN scales scores by the square of its magnitude. DeepSeek's code multiplies the score scale, by a
// magnitude of its own; the others multiply cos and sin.
void read_yarn(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
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
        r.magnitude *= 1.0f + 0.1f * log_factor;
    }
}

// As llama.cpp reads the keys (load_hparams and the context's constructor): a factor without a type is a
// linear one, scale_linear is its older name, 0 is none, and the type "none" leaves it out.
void read_scaling(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
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

void read_rope(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
               ModelConfig& c) {
    RopeConfig& r = c.rope;
    if (!c.rotated.empty() && std::ranges::find(c.rotated, true) == c.rotated.end()) {
        r.dims = 2; // of what is rotated nowhere
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
    if (architecture.window_theta != 0 && !c.windows.empty()) {
        c.window_rope = r;
        c.window_rope->theta = keys.real("rope.freq_base_swa", architecture.window_theta);
        if (!(c.window_rope->theta > 0) || std::isinf(c.window_rope->theta))
            keys.fail("rope.freq_base_swa", "is no positive number");
    } else if (keys.real("rope.freq_base_swa", r.theta) != r.theta) {
        keys.fail("rope.freq_base_swa", "gives layers with a window another base, which is not known");
    }
    read_scaling(keys, architecture, c);
    r.two_tables = file.find("rope_factors_short.weight") != nullptr;
    if (r.two_tables)
        c.context = std::min(c.context, keys.required("rope.scaling.original_context_length", 1, 1 << 30));
    r.query_temperature.scale = keys.real("attention.temperature_scale", 0.0f);
    if (r.query_temperature.scale == 0)
        return;
    r.query_temperature.length =
        keys.count("rope.scaling.original_context_length", r.query_temperature.length, 1, 1 << 30);
    if (r.dims != c.head_dim)
        keys.fail("attention.temperature_scale",
                  "is set where heads are rotated in part, which is not known");
}

// Many files of V2, V3 and R1 were made before the keys of the groups existed; these shapes tell.
void read_groups(const ConfigReader& keys, ModelConfig& c) {
    const bool v3 = c.latent() && c.layers == 61 && c.experts == 256,
               v2 = c.latent() && c.layers == 60 && c.experts == 160;
    c.expert_groups = keys.count("expert_group_count", v2 || v3 ? 8 : 1, 0, c.experts);
    c.expert_groups_kept = keys.count("expert_group_used_count",
                                      v3   ? 4
                                      : v2 ? 3
                                           : 1,
                                      0, std::max(c.expert_groups, 1));
    c.expert_groups = std::max(c.expert_groups, 1);
    c.expert_groups_kept = std::max(c.expert_groups_kept, 1);
    if (c.experts % c.expert_groups != 0)
        keys.fail("expert_group_count", "does not divide the " + std::to_string(c.experts) + " experts");
    if (c.experts_active > c.experts / c.expert_groups * c.expert_groups_kept)
        keys.fail("expert_used_count", "is more than the kept groups have");
}

/// Width of the shared experts together. Some converters write another into the key than their tensors have.
int shared_width(const ModelFile& file, const ConfigReader& keys, const ModelConfig& c) {
    for (int layer = 0; layer < c.layers; ++layer)
        if (const TensorView* up = file.find("blk." + std::to_string(layer) + ".ffn_up_shexp.weight");
            up && up->rows() >= 1 && up->rows() <= kMostWidth)
            return static_cast<int>(up->rows());
    return keys.count("expert_shared_feed_forward_length", c.experts_shared * c.expert_width, 0, kMostWidth);
}

void read_experts(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                  ModelConfig& c) {
    c.experts = keys.count("expert_count", 0, 0, 4096);
    if (c.experts == 0)
        return;
    c.experts_active = keys.required("expert_used_count", 1, c.experts);
    c.experts_shared = keys.count("expert_shared_count", 0, 0, 64);
    c.dense_layers = keys.count("leading_dense_block_count", 0, 0, c.layers);
    c.expert_width = keys.count("expert_feed_forward_length", c.feed_forward, 1, kMostWidth);
    c.shared_width = shared_width(file, keys, c);
    c.expert_scale = architecture.expert_scale_used ? keys.real("expert_weights_scale", 1.0f) : 1.0f;
    c.expert_normalise = keys.flag("expert_weights_norm", architecture.normalise_default);
    // Older files of V3's kind have no key: a bias for the choice comes with sigmoids alone there.
    const auto biased = [&](int layer) {
        return file.find("blk." + std::to_string(layer) + ".exp_probs_b.bias") != nullptr;
    };
    int usual = architecture.gate_default;
    for (int layer = 0; c.latent() && layer < c.layers; ++layer)
        usual = biased(layer) ? 2 : usual;
    c.expert_gate = keys.count("expert_gating_func", usual, 0, 4);
    if (c.expert_gate == 0)
        c.expert_gate = usual;
    c.clamped_silu = architecture.clamped_silu;
    read_groups(keys, c);
}

// What GGUF has no keys for.
void read_own_keys(const Metadata& metadata, ModelConfig& c) {
    if (metadata.boolean("switchyard.rope_half_split").value_or(false))
        c.rope.interleaved = false;
    c.rope.truncate = metadata.boolean("switchyard.yarn_truncate").value_or(c.rope.truncate);
    const auto real = [&](const char* key, float& value) {
        value = static_cast<float>(metadata.real(key).value_or(value));
    };
    real("switchyard.rope_magnitude", c.rope.magnitude);
    real("switchyard.swiglu_alpha", c.silu_clamp.alpha);
    real("switchyard.swiglu_limit", c.silu_clamp.limit);
}

// What a carved file keeps for this program: the layout has no place for router biases.
void read_carve(const ModelFile& file, const ConfigReader& keys, ModelConfig& c) {
    const auto bias = file.metadata().reals("switchyard.carve.router_bias");
    if (!bias || c.dense())
        return;
    if (bias->size() !=
        static_cast<std::size_t>(c.layers - c.dense_layers) * static_cast<std::size_t>(c.experts))
        keys.fail("expert_count", "does not fit the length of switchyard.carve.router_bias");
    c.router_bias.assign(bias->begin(), bias->end());
}

int vocabulary_size(const ModelFile& file, const ConfigReader& keys) {
    const TensorView* table = file.find("token_embd.weight");
    if (!table)
        throw Error(file.path().string() + ": the tensor token_embd.weight is missing");
    if (table->rows() < 1 || table->rows() > kMostVocabulary)
        keys.fail("vocab_size", "does not fit the tensor token_embd.weight");
    return static_cast<int>(table->rows());
}

} // namespace

ModelConfig read_config(const ModelFile& file) {
    const auto name = file.metadata().text("general.architecture");
    if (!name)
        throw Error(file.path().string() + ": the key general.architecture is missing: not a language model");
    const Architecture* architecture = find_architecture(*name);
    if (!architecture)
        throw Error(file.path().string() + ": the architecture " + in_quotes(*name) +
                    " is not known to this program" + unknown_parts(file));

    const ConfigReader keys(file, *name);
    ModelConfig c;
    c.architecture = *name;
    c.name = file.metadata().text("general.name").value_or(file.path().stem().string());
    c.layers = keys.required("block_count", 1, kMostLayers);
    c.layers -= keys.count("nextn_predict_layers", 0, 0, c.layers - 1); // layers that predict further tokens
    c.hidden = keys.required("embedding_length", 1, kMostWidth);
    const std::vector<int> widths = keys.counts("feed_forward_length", kMostWidth);
    c.feed_forward = widths.empty() ? keys.count("feed_forward_length", 0, 0, kMostWidth)
                                    : *std::ranges::max_element(widths);
    c.context = keys.count("context_length", 2048, 1, std::numeric_limits<int>::max() / 2);
    read_attention(keys, c);
    c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
    if (architecture->multipliers)
        read_scales(keys, c);
    if (architecture->embeds_scaled)
        c.embedding_scale = std::sqrt(static_cast<float>(c.hidden));
    c.gelu = architecture->gelu;
    for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
        if (keys.real(key, 0.0f) != 0.0f)
            keys.fail(key, "is set, which is not known");
    if (c.architecture == "gemma3") {
        // The key is this program's; files of the largest have none, and its width a head is not that of the
        // others' score scale.
        const float usual =
            c.layers == 62 ? 1.0f / std::sqrt(static_cast<float>(c.hidden / c.heads)) : c.attention_scale;
        c.attention_scale = keys.real("attention.scale", usual);
    }
    read_linear(file, keys, *architecture, c);
    read_windows(keys, *architecture, c);
    read_rotated(file, keys, *architecture, c);
    c.head_norm_last = architecture->head_norm_last;
    c.attention_gate = architecture->attention_gate;
    read_rope(file, keys, *architecture, c);
    read_experts(file, keys, *architecture, c);
    read_own_keys(file.metadata(), c);
    read_carve(file, keys, c);
    c.vocabulary = vocabulary_size(file, keys);
    c.chat_template = file.metadata().text("tokenizer.chat_template");
    return c;
}

} // namespace switchyard
