#include "engine/carve/carve_layout.h"

namespace switchyard {

CarveLayout carve_layout(const ModelConfig& dense, int experts) {
    if (dense.architecture == "qwen2")
        return {.architecture = "qwen2moe",
                .shared_factor = 2,
                .routed_factor = static_cast<float>(experts),
                .shared_gate = true,
                .own_output = true,
                .biases = true};
    return {.architecture = "deepseek", .whole_shared = true, .dense_layers = true, .interleaved = true};
}

std::string layout_lacks(const ModelConfig& dense) {
    if (!dense.linear_layers.empty() || dense.single_mixers || dense.gated_queries)
        return "layers that are not attention alone";
    if (!dense.rotated.empty())
        return "layers without rotation";
    if (dense.embedding_scale != 1.0f || dense.residual_scale != 1.0f || dense.logit_scale != 1.0f)
        return "multipliers of its own";
    if (dense.gelu)
        return "another activation than SiLU";
    if (dense.rope.two_tables)
        return "rotations that depend on a text's length";
    if (dense.temperature.scale != 0)
        return "an attention temperature";
    if (!dense.layer_heads.empty() || dense.shared_kv_layers > 0 || !dense.feed_forward_widths.empty())
        return "layers of other shapes than the rest";
    if (dense.attention_cap > 0 || dense.logit_cap > 0)
        return "limits of scores or logits";
    if (dense.head_norm_last || dense.attention_gate || dense.centred_norms || dense.parallel_blocks ||
        dense.architecture == "olmo2")
        return "norms or gates at other places";
    return "";
}

} // namespace switchyard
