#include "engine/model/folder_names.h"

#include <charconv>
#include <utility>

namespace switchyard {

namespace {

using Kind = FolderName::Kind;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr Pair kGlobal[] = {{"model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight"},
                            {"model.per_layer_model_projection.weight", "per_layer_model_proj.weight"},
                            {"model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight"},
                            {"model.norm.bias", "output_norm.bias"},
                            {"lm_head.bias", "output.bias"},
                            {"model.embed_tokens.weight", "token_embd.weight"},
                            {"model.word_embeddings.weight", "token_embd.weight"},
                            {"model.embeddings.weight", "token_embd.weight"},
                            {"model.norm_f.weight", "output_norm.weight"},
                            {"model.final_layernorm.weight", "output_norm.weight"},
                            {"model.norm.weight", "output_norm.weight"},
                            {"model.embedding_norm.weight", "token_embd_norm.weight"},
                            {"hc_head_fn", "output_hc_fn.weight"},
                            {"hc_head_base", "output_hc_base.weight"},
                            {"hc_head_scale", "output_hc_scale.weight"},
                            {"lm_head.weight", "output.weight"}};

/// Names within a layer.
constexpr Pair kLayer[] = {
    {"input_layernorm.weight", "attn_norm.weight"},
    {"post_attention_layernorm.weight", "ffn_norm.weight"},
    {"pre_feedforward_layernorm.weight", "ffn_norm.weight"},
    {"pre_mlp_layernorm.weight", "ffn_norm.weight"},
    {"post_feedforward_layernorm.weight", "post_ffw_norm.weight"},
    {"post_mlp_layernorm.weight", "post_ffw_norm.weight"},
    {"input_layernorm.bias", "attn_norm.bias"},
    {"post_attention_layernorm.bias", "ffn_norm.bias"},
    {"post_feedforward_layernorm_1.weight", "post_ffw_norm_1.weight"},
    {"post_feedforward_layernorm_2.weight", "post_ffw_norm_2.weight"},
    {"pre_feedforward_layernorm_2.weight", "pre_ffw_norm_2.weight"},
    {"layer_scalar", "layer_output_scale.weight"},
    {"router.proj.weight", "ffn_gate_inp.weight"},
    {"router.scale", "ffn_gate_inp.scale"},
    {"router.per_expert_scale", "ffn_down_exps.scale"},
    {"experts.down_proj", "ffn_down_exps.weight"},
    {"per_layer_input_gate.weight", "inp_gate.weight"},
    {"per_layer_projection.weight", "proj.weight"},
    {"post_per_layer_input_norm.weight", "post_norm.weight"},
    {"self_attn.attention_sink_bias", "attn_sinks.weight"},
    {"self_attn.g_proj.weight", "attn_gate.weight"}, // or ssm_g_a: FolderTensors::own_name()
    {"mlp.experts.e_score_correction_bias", "exp_probs_b.bias"},
    {"operator_norm.weight", "attn_norm.weight"},
    {"ffn_norm.weight", "ffn_norm.weight"},
    {"self_attn.gate_proj.weight", "attn_gate.weight"},
    {"self_attn.out_proj.weight", "attn_output.weight"},
    {"self_attn.q_layernorm.weight", "attn_q_norm.weight"},
    {"self_attn.k_layernorm.weight", "attn_k_norm.weight"},
    {"self_attn.wq_a.weight", "attn_q_a.weight"},
    {"self_attn.q_norm_a.weight", "attn_q_a_norm.weight"},
    {"self_attn.wq_b.weight", "attn_q_b.weight"},
    {"self_attn.wkv.weight", "attn_kv.weight"},
    {"self_attn.kv_norm.weight", "attn_kv_a_norm.weight"},
    {"self_attn.wo_a.weight", "attn_output_a.weight"},
    {"self_attn.wo_b.weight", "attn_output_b.weight"},
    {"self_attn.attn_sink", "attn_sinks.weight"},
    {"self_attn.compressor.ape", "attn_compressor_ape.weight"},
    {"self_attn.compressor.norm.weight", "attn_compressor_norm.weight"},
    {"self_attn.compressor.wgate.weight", "attn_compressor_gate.weight"},
    {"self_attn.compressor.wkv.weight", "attn_compressor_kv.weight"},
    {"self_attn.indexer.compressor.ape", "indexer_compressor_ape.weight"},
    {"self_attn.indexer.compressor.norm.weight", "indexer_compressor_norm.weight"},
    {"self_attn.indexer.compressor.wgate.weight", "indexer_compressor_gate.weight"},
    {"self_attn.indexer.compressor.wkv.weight", "indexer_compressor_kv.weight"},
    {"attn_norm.weight", "attn_norm.weight"},
    {"hc_attn_fn", "hc_attn_fn.weight"},
    {"hc_attn_base", "hc_attn_base.weight"},
    {"hc_attn_scale", "hc_attn_scale.weight"},
    {"hc_ffn_fn", "hc_ffn_fn.weight"},
    {"hc_ffn_base", "hc_ffn_base.weight"},
    {"hc_ffn_scale", "hc_ffn_scale.weight"},
    {"mlp.gate.bias", "exp_probs_b.bias"},
    {"mlp.gate.tid2eid", "ffn_gate_tid2eid.weight"},
    {"mlp.shared_experts.w1.weight", "ffn_gate_shexp.weight"},
    {"mlp.shared_experts.w3.weight", "ffn_up_shexp.weight"},
    {"mlp.shared_experts.w2.weight", "ffn_down_shexp.weight"},
    {"self_attn.indexer.wq_b.weight", "indexer.attn_q_b.weight"},
    {"self_attn.indexer.wk.weight", "indexer.attn_k.weight"},
    {"self_attn.indexer.weights_proj.weight", "indexer.proj.weight"},
    {"self_attn.indexer.k_norm.weight", "indexer.k_norm.weight"},
    {"self_attn.indexer.k_norm.bias", "indexer.k_norm.bias"},
    {"self_attn.index_q_proj.weight", "indexer.q_proj.weight"},
    {"self_attn.index_k_proj.weight", "indexer.k_proj.weight"},
    {"self_attn.index_q_norm.weight", "indexer.q_norm.weight"},
    {"self_attn.index_k_norm.weight", "indexer.k_norm.weight"},
    {"self_attn.A_log", "ssm_a"},
    {"self_attn.dt_bias", "ssm_dt.bias"},
    {"self_attn.b_proj.weight", "ssm_beta.weight"},
    {"self_attn.f_a_proj.weight", "ssm_f_a.weight"},
    {"self_attn.f_b_proj.weight", "ssm_f_b.weight"},
    {"self_attn.f_proj.weight", "ssm_f_a.weight"},
    {"self_attn.g_a_proj.weight", "ssm_g_a.weight"},
    {"self_attn.g_b_proj.weight", "ssm_g_b.weight"},
    {"self_attn.q_conv1d.weight", "ssm_conv1d_q.weight"},
    {"self_attn.k_conv1d.weight", "ssm_conv1d_k.weight"},
    {"self_attn.v_conv1d.weight", "ssm_conv1d_v.weight"},
    {"self_attn.o_norm.weight", "ssm_norm.weight"},
    {"linear_attn.in_proj_qkv.weight", "attn_qkv.weight"},
    {"linear_attn.in_proj_z.weight", "attn_gate.weight"},
    {"linear_attn.in_proj_a.weight", "ssm_alpha.weight"},
    {"linear_attn.in_proj_b.weight", "ssm_beta.weight"},
    {"linear_attn.in_proj_ba.weight", "ssm_ba.weight"},
    {"linear_attn.conv1d.weight", "ssm_conv1d.weight"},
    {"linear_attn.A_log", "ssm_a"},
    {"linear_attn.dt_bias", "ssm_dt.bias"},
    {"linear_attn.norm.weight", "ssm_norm.weight"},
    {"linear_attn.out_proj.weight", "ssm_out.weight"},
    {"norm.weight", "attn_norm.weight"},
    {"mixer.in_proj.weight", "ssm_in.weight"},
    {"mixer.conv1d.weight", "ssm_conv1d.weight"},
    {"mixer.conv1d.bias", "ssm_conv1d.bias"},
    {"mixer.A_log", "ssm_a"},
    {"mixer.D", "ssm_d"},
    {"mixer.dt_bias", "ssm_dt.bias"},
    {"mixer.norm.weight", "ssm_norm.weight"},
    {"mixer.out_proj.weight", "ssm_out.weight"},
    {"mixer.q_proj.weight", "attn_q.weight"},
    {"mixer.k_proj.weight", "attn_k.weight"},
    {"mixer.v_proj.weight", "attn_v.weight"},
    {"mixer.o_proj.weight", "attn_output.weight"},
    {"mixer.gate.weight", "ffn_gate_inp.weight"},
    {"mixer.gate.e_score_correction_bias", "exp_probs_b.bias"},
    {"mixer.shared_experts.up_proj.weight", "ffn_up_shexp.weight"},
    {"mixer.shared_experts.down_proj.weight", "ffn_down_shexp.weight"},
    {"mixer.up_proj.weight", "ffn_up.weight"},
    {"mixer.down_proj.weight", "ffn_down.weight"},
    {"mamba.in_proj.weight", "ssm_in.weight"},
    {"mamba.conv1d.weight", "ssm_conv1d.weight"},
    {"mamba.conv1d.bias", "ssm_conv1d.bias"},
    {"mamba.A_log", "ssm_a"},
    {"mamba.D", "ssm_d"},
    {"mamba.dt_bias", "ssm_dt.bias"},
    {"mamba.norm.weight", "ssm_norm.weight"},
    {"mamba.out_proj.weight", "ssm_out.weight"},
    {"conv.conv.weight", "shortconv.conv.weight"},
    {"conv.in_proj.weight", "shortconv.in_proj.weight"},
    {"conv.out_proj.weight", "shortconv.out_proj.weight"},
    {"mlp.w1.weight", "ffn_gate.weight"},
    {"mlp.w3.weight", "ffn_up.weight"},
    {"mlp.w2.weight", "ffn_down.weight"},
    {"pre_ff_layernorm.weight", "ffn_norm.weight"},
    {"mamba.x_proj.weight", "ssm_x.weight"},
    {"mamba.dt_proj.weight", "ssm_dt.weight"},
    {"mamba.dt_proj.bias", "ssm_dt.bias"},
    {"mamba.dt_layernorm.weight", "ssm_dt_norm.weight"},
    {"mamba.b_layernorm.weight", "ssm_b_norm.weight"},
    {"mamba.c_layernorm.weight", "ssm_c_norm.weight"},
    {"mamba.in_proj.bias", "ssm_in.bias"},
    {"mamba.out_proj.bias", "ssm_out.bias"},
    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},
    {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"},
    {"self_attn.q_proj.bias", "attn_q.bias"},
    {"self_attn.k_proj.bias", "attn_k.bias"},
    {"self_attn.v_proj.bias", "attn_v.bias"},
    {"self_attn.o_proj.bias", "attn_output.bias"},
    {"self_attn.q_norm.weight", "attn_q_norm.weight"},
    {"self_attn.k_norm.weight", "attn_k_norm.weight"},
    {"self_attn.query_layernorm.weight", "attn_q_norm.weight"},
    {"self_attn.key_layernorm.weight", "attn_k_norm.weight"},
    {"self_attn.dense.weight", "attn_output.weight"},
    {"self_attn.dense.bias", "attn_output.bias"},
    {"self_attn.sinks", "attn_sinks.weight"},
    {"self_attn.q_a_proj.weight", "attn_q_a.weight"},
    {"self_attn.q_a_layernorm.weight", "attn_q_a_norm.weight"},
    {"self_attn.q_a_proj.bias", "attn_q_a.bias"},
    {"self_attn.q_b_proj.weight", "attn_q_b.weight"},
    {"self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight"},
    {"self_attn.kv_a_proj_with_mqa.bias", "attn_kv_a_mqa.bias"},
    {"self_attn.kv_a_layernorm.weight", "attn_kv_a_norm.weight"},
    {"mlp.gate_proj.weight", "ffn_gate.weight"},
    {"mlp.up_proj.weight", "ffn_up.weight"},
    {"mlp.down_proj.weight", "ffn_down.weight"},
    {"mlp.gate_proj.bias", "ffn_gate.bias"},
    {"mlp.up_proj.bias", "ffn_up.bias"},
    {"mlp.down_proj.bias", "ffn_down.bias"},
    {"mlp.gate.weight", "ffn_gate_inp.weight"},
    {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
    {"mlp.gate.expert_bias", "exp_probs_b.bias"},
    {"mlp.expert_bias", "exp_probs_b.bias"},
    {"mlp.router.gate.weight", "ffn_gate_inp.weight"},
    {"mlp.gate.wg.weight", "ffn_gate_inp.weight"},
    {"mlp.e_score_correction_bias", "exp_probs_b.bias"},
    {"mlp.router.layer.weight", "ffn_gate_inp.weight"},
    {"mlp.output_linear.weight", "ffn_down_exps.weight"},
    {"mlp.moe_statics.e_score_correction_bias", "exp_probs_b.bias"},
    {"shared_mlp.output_linear.weight", "ffn_down_shexp.weight"},
    {"mlp.router.weight", "ffn_gate_inp.weight"},
    {"mlp.router.bias", "ffn_gate_inp.bias"},
    {"mlp.shared_experts.gate_proj.weight", "ffn_gate_shexp.weight"},
    {"mlp.shared_experts.up_proj.weight", "ffn_up_shexp.weight"},
    {"mlp.shared_experts.down_proj.weight", "ffn_down_shexp.weight"},
    {"mlp.shared_experts.gate_proj.bias", "ffn_gate_shexp.bias"},
    {"mlp.shared_experts.up_proj.bias", "ffn_up_shexp.bias"},
    {"mlp.shared_experts.down_proj.bias", "ffn_down_shexp.bias"},
    {"mlp.shared_mlp.gate_proj.weight", "ffn_gate_shexp.weight"},
    {"mlp.shared_mlp.up_proj.weight", "ffn_up_shexp.weight"},
    {"mlp.shared_mlp.down_proj.weight", "ffn_down_shexp.weight"},
    {"mlp.shared_expert.gate_proj.weight", "ffn_gate_shexp.weight"},
    {"mlp.shared_expert.up_proj.weight", "ffn_up_shexp.weight"},
    {"mlp.shared_expert.down_proj.weight", "ffn_down_shexp.weight"},
    {"mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp.weight"},
};

/// Names of tensors that are several, one behind the other in their rows.
constexpr Pair kJoined[] = {
    {"self_attn.query_key_value.weight", "attn_qkv.weight"},
    {"linear_attn.in_proj_qkvz.weight", "qkvz.weight"},
    {"mlp.experts.gate_up_proj", "ffn_gate_up_exps.weight"},
    {"experts.gate_up_proj", "ffn_gate_up_exps.weight"},
    {"self_attn.qkv_proj.weight", "attn_qkv.weight"},
    {"mlp.gate_up_proj.weight", "ffn_gate_up_shexp.weight"},
    {"self_attn.query_key_value.bias", "attn_qkv.bias"},
    {"mlp.input_linear.weight", "ffn_gate_up_exps.weight"},
    {"shared_mlp.input_linear.weight", "ffn_gate_up_shexp.weight"},
};

/// Names within one expert.
constexpr Pair kExpert[] = {
    {"gate_proj.weight", "ffn_gate_exps.weight"}, {"w1.weight", "ffn_gate_exps.weight"},
    {"up_proj.weight", "ffn_up_exps.weight"},     {"w3.weight", "ffn_up_exps.weight"},
    {"down_proj.weight", "ffn_down_exps.weight"}, {"w2.weight", "ffn_down_exps.weight"}};

template <std::size_t kSize>
std::string_view look_up(const Pair (&table)[kSize], std::string_view name) {
    for (const auto& [from, to] : table) {
        if (from == name) {
            return to;
        }
    }
    return {};
}

/// Takes "7." off the front; -1 where there is no number of 0 .. 99999.
int take_number(std::string_view& text) {
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || number < 0 || number > 99999 || digits >= text.size() ||
        text[digits] != '.') {
        return -1;
    }
    text.remove_prefix(digits + 1);
    return number;
}

/// A block's name with the word that most families have for it in front.
std::string usual_name(std::string_view rest) {
    constexpr Pair kBlocks[] = {{"attention.", "self_attn."},
                                {"block_sparse_moe.", "mlp."},
                                {"mixer.experts.", "mlp.experts."},
                                {"feed_forward.", "mlp."},
                                {"attn.q_norm.", "self_attn.q_norm_a."},
                                {"attn.", "self_attn."},
                                {"ffn.", "mlp."}};
    for (const auto& [own, usual] : kBlocks) {
        if (rest.starts_with(own)) {
            return std::string(usual) + std::string(rest.substr(own.size()));
        }
    }
    return std::string(rest);
}

FolderName layer_name(std::string_view own_name, std::string_view architecture, const std::string& prefix) {
    const std::string usual = usual_name(own_name);
    const std::string_view rest = usual;
    if (rest == "self_attn.kv_b_proj.weight") {
        return {.kind = Kind::KvB, .gguf = prefix, .part = ""};
    }
    // The same words mean a norm in front of the feed-forward block elsewhere.
    const bool behind = architecture == "gpt-oss" || architecture == "olmo2" ||
                        architecture.starts_with("gemma") || architecture == "afmoe";
    if (behind && rest == "post_attention_layernorm.weight") {
        return {.kind = Kind::Whole, .gguf = prefix + "post_attention_norm.weight", .part = ""};
    }
    if (const auto whole = look_up(kLayer, rest); !whole.empty()) {
        return {.kind = Kind::Whole, .gguf = prefix + std::string(whole), .part = ""};
    }
    const bool fused = architecture == "gpt-oss" || architecture == "llama4";
    if (!fused && rest == "mlp.experts.down_proj") {
        return {.kind = Kind::Whole, .gguf = prefix + "ffn_down_exps.weight", .part = ""};
    }
    if (const auto joined = look_up(kJoined, rest); !joined.empty() && !fused) {
        return {.kind = Kind::Joined, .gguf = prefix, .part = std::string(joined)};
    }
    constexpr std::string_view kExperts = "mlp.experts.";
    if (rest.starts_with(kExperts)) {
        std::string_view part = rest.substr(kExperts.size());
        const int expert = take_number(part);
        if (expert < 0 && (architecture == "gpt-oss" || architecture == "llama4")) {
            return {.kind = Kind::Fused, .gguf = prefix, .part = std::string(part)};
        }
        const auto matrix = look_up(kExpert, part);
        if (expert >= 0 && !matrix.empty()) {
            return {.kind = Kind::Expert, .gguf = prefix + std::string(matrix), .expert = expert, .part = ""};
        }
    }
    return {};
}

} // namespace

std::string language_name(std::string_view name) {
    if (name.starts_with("language_model.")) {
        name.remove_prefix(std::string_view("language_model.").size());
    } else if (name.starts_with("model.language_model.")) {
        return "model." + std::string(name.substr(std::string_view("model.language_model.").size()));
    }
    if (name.starts_with("backbone.")) { // Nemotron's word for the model
        return "model." + std::string(name.substr(std::string_view("backbone.").size()));
    }
    return std::string(name);
}

/// DeepSeek-V4's names in the words that the others use.
static std::string v4_name(std::string_view name) {
    constexpr Pair kOutside[] = {{"embed.weight", "model.embed_tokens.weight"},
                                 {"norm.weight", "model.norm.weight"},
                                 {"head.weight", "lm_head.weight"}};
    if (const auto usual = look_up(kOutside, name); !usual.empty()) {
        return std::string(usual);
    }
    return (name.starts_with("layers.") ? "model." : "") + std::string(name);
}

FolderName folder_name(std::string_view full_name, std::string_view architecture, int layers) {
    const bool v4 = architecture == "deepseek4";
    const std::string plain = v4 ? v4_name(full_name) : language_name(full_name);
    const std::string_view name = plain;
    if ((v4 && name.ends_with(".scale")) || name.ends_with(".weight_scale_inv") ||
        name.ends_with(".rotary_emb.inv_freq")) {
        return {.kind = Kind::Beside, .gguf = "", .part = ""};
    }
    if (const auto global = look_up(kGlobal, name); !global.empty()) {
        return {.kind = Kind::Whole, .gguf = std::string(global), .part = ""};
    }
    if (name.starts_with("mtp.")) {
        return {.kind = Kind::Further, .gguf = "", .part = ""};
    }
    constexpr std::string_view kStart = "model.layers.";
    if (!name.starts_with(kStart)) {
        return {};
    }
    std::string_view rest = name.substr(kStart.size());
    const int layer = take_number(rest);
    if (layer >= layers) {
        return {.kind = Kind::Further, .gguf = "", .part = ""};
    }
    return layer < 0 ? FolderName{} : layer_name(rest, architecture, "blk." + std::to_string(layer) + ".");
}

} // namespace switchyard
