"""GGUF files of a drawn model in the forms found in the field, written by the gguf package from the folder's own tensors."""
import re

import gguf
import numpy as np
import torch

import family_folders

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "mixtral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "qwen2_moe": "qwen2moe",
                 "qwen3_moe": "qwen3moe", "olmoe": "olmoe", "deepseek": "deepseek", "deepseek_v2": "deepseek2",
                 "deepseek_v3": "deepseek2", "gpt_oss": "gpt-oss"}
PERMUTED = ("llama", "deepseek")  # their converters interleave the halves of each head's rotation

NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm",
         "self_attn.q_b_proj": "attn_q_b", "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_b_proj": "attn_kv_b",
         "self_attn.kv_a_layernorm": "attn_kv_a_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "mlp.gate": "ffn_gate_inp", "mlp.router": "ffn_gate_inp", "block_sparse_moe.gate": "ffn_gate_inp",
         "mlp.shared_expert_gate": "ffn_gate_inp_shexp"}
SHARED = re.compile(r"mlp\.shared_experts?\.(gate|up|down)_proj")
EXPERT = re.compile(r"(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)")
EXPERT_NAMES = {"w1": "gate", "w3": "up", "w2": "down", "gate_proj": "gate", "up_proj": "up", "down_proj": "down"}


def permute(t, heads):
    """Rows of each head's two halves become pairs."""
    return t.reshape(heads, 2, t.shape[0] // heads // 2, *t.shape[1:]).swapaxes(1, 2).reshape(t.shape)


def gpt_oss_experts(part, t):
    """gpt-oss keeps all experts in one tensor, transposed, with gate and up rows taking turns."""
    kind = "bias" if part.endswith("bias") else "weight"
    if kind == "weight":
        t = t.transpose(1, 2)
    if part.startswith("down"):
        return {f"ffn_down_exps.{kind}": t}
    return {f"ffn_gate_exps.{kind}": t[:, ::2], f"ffn_up_exps.{kind}": t[:, 1::2]}


def layer_tensors(name, t, config, arch):
    """The GGUF tensors, without the layer's prefix, of one tensor of a folder; {} for an expert's own matrix."""
    base, kind = name.rsplit(".", 1)
    if base == "self_attn" and kind == "sinks":
        return {"attn_sinks.weight": t}
    if name == "mlp.gate.e_score_correction_bias":
        return {"exp_probs_b.bias": t}
    if base == "mlp.experts":
        return gpt_oss_experts(kind, t)
    shared = SHARED.fullmatch(base)
    if shared:
        return {f"ffn_{shared[1]}_shexp.{kind}": t}
    ours = NAMES[base]
    if ours == "ffn_norm" and arch == "gpt-oss":
        ours = "post_attention_norm"
    if arch in PERMUTED and ours in ("attn_q", "attn_k"):
        t = permute(t, config.num_attention_heads if ours == "attn_q" else config.num_key_value_heads)
    if ours == "ffn_gate_inp_shexp":
        t = t.reshape(-1)
    return {f"{ours}.{kind}": t}


def converted(shape, folder):
    """All tensors under GGUF's names, in its layout; attn_kv_b still in one piece."""
    arch, config, found, experts = ARCHITECTURES[shape.family], shape.model.config, {}, {}
    for name, t in family_folders.tensors(folder).items():
        layer = re.fullmatch(r"model\.layers\.(\d+)\.(.*)", name)
        if not layer:
            found[{"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
                   "lm_head.weight": "output.weight"}[name]] = t
            continue
        expert = EXPERT.match(layer[2])
        if expert and layer[2].endswith("weight"):
            experts.setdefault(f"blk.{layer[1]}.ffn_{EXPERT_NAMES[expert[2]]}_exps.weight", {})[int(expert[1])] = t
            continue
        for ours, value in layer_tensors(layer[2], t, config, arch).items():
            found[f"blk.{layer[1]}.{ours}"] = value
    for name, parts in experts.items():
        found[name] = torch.stack([parts[e] for e in range(len(parts))])
    if config.tie_word_embeddings:
        found.pop("output.weight", None)
    rope = config.rope_parameters
    if rope["rope_type"] == "llama3":
        plain = rope["rope_theta"] ** (-torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim)
        found["rope_freqs.weight"] = plain / shape.model.model.rotary_emb.inv_freq
    return found


def split_kv_b(tensors, config):
    """attn_kv_b as today's files have it: k transposed, a matrix a head."""
    nope, value = config.qk_nope_head_dim, config.v_head_dim
    for name in [n for n in tensors if n.endswith("attn_kv_b.weight")]:
        t = tensors.pop(name).reshape(config.num_attention_heads, nope + value, config.kv_lora_rank)
        tensors[name.replace("kv_b", "k_b")] = t[:, :nope].transpose(1, 2)
        tensors[name.replace("kv_b", "v_b")] = t[:, nope:]


def fuse_gate_up(tensors):
    for name in [n for n in tensors if "ffn_gate_exps" in n]:
        up = tensors.pop(name.replace("gate", "up"))
        tensors[name.replace("gate_exps", "gate_up_exps")] = torch.cat([tensors.pop(name), up], dim=1)


def unstack_experts(tensors):
    """Each expert a tensor of its own, as in the first files of Mixtral."""
    for name in [n for n in tensors if re.search(r"ffn_(gate|up|down)_exps\.weight", n)]:
        for e, t in enumerate(tensors.pop(name)):
            tensors[name.replace("_exps.weight", f".{e}.weight")] = t


def write_rope(writer, shape, key):
    config, rope = shape.model.config, shape.model.config.rope_parameters
    writer.add_float32(key("rope.freq_base"), rope["rope_theta"])
    if rope["rope_type"] not in ("yarn", "linear"):
        return True
    factor = rope["factor"]
    writer.add_string(key("rope.scaling.type"), rope["rope_type"])
    writer.add_float32(key("rope.scaling.factor"), factor)
    if rope["rope_type"] == "linear":
        return True
    writer.add_uint32(key("rope.scaling.original_context_length"), rope["original_max_position_embeddings"])
    for name in ("beta_fast", "beta_slow"):
        if name in rope:
            writer.add_float32(key(f"rope.scaling.yarn_{name}"), rope[name])
    latent = hasattr(config, "kv_lora_rank")
    if latent:
        if "mscale_all_dim" in rope:
            writer.add_float32(key("rope.scaling.yarn_log_multiplier"), 0.1 * rope["mscale_all_dim"])
        return rope.get("mscale_all_dim") == rope.get("mscale") and "mscale" in rope
    if "attention_factor" in rope:
        writer.add_float32(key("rope.scaling.attn_factor"), rope["attention_factor"] / (1 + 0.1 * np.log(factor)))
    return rope.get("truncate", True) == (shape.family != "gpt_oss")


def write_latent(writer, config, key, unsplit):
    rope, nope = config.qk_rope_head_dim, config.qk_nope_head_dim
    rank, heads = config.kv_lora_rank, config.num_attention_heads
    sizes = {"attention.kv_lora_rank": rank, "rope.dimension_count": rope, "attention.head_count_kv": heads if unsplit else 1,
             "attention.key_length": nope + rope if unsplit else rank + rope, "attention.value_length": config.v_head_dim if unsplit else rank}
    if not unsplit:
        sizes |= {"attention.key_length_mla": nope + rope, "attention.value_length_mla": config.v_head_dim}
    if config.q_lora_rank:
        sizes["attention.q_lora_rank"] = config.q_lora_rank
    for name, value in sizes.items():
        writer.add_uint32(key(name), value)


def write_experts(writer, shape, key, keyless):
    config, family = shape.model.config, shape.family
    if family == "deepseek":
        sizes = shape.model.deepseek
        experts, active, width = sizes["n_routed_experts"], sizes["num_experts_per_tok"], sizes["moe_intermediate_size"]
        config = type("Sizes", (), sizes)
    else:
        experts = next((getattr(config, k) for k in ("n_routed_experts", "num_experts", "num_local_experts") if hasattr(config, k)), 0)
        active = getattr(config, "num_experts_per_tok", 0)
        width = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
    if not experts:
        return True
    writer.add_uint32(key("expert_count"), experts)
    writer.add_uint32(key("expert_used_count"), active)
    writer.add_uint32(key("expert_feed_forward_length"), width)
    expected_norm = {"mixtral": True, "qwen3_moe": True}.get(family, False)
    norm = getattr(config, "norm_topk_prob", expected_norm)
    if norm != expected_norm or family == "deepseek_v3":
        writer.add_bool(key("expert_weights_norm"), bool(norm))
    if family == "qwen2_moe":
        writer.add_uint32(key("expert_shared_feed_forward_length"), config.shared_expert_intermediate_size)
    if family.startswith("deepseek"):
        writer.add_uint32(key("expert_shared_count"), config.n_shared_experts)
        writer.add_uint32(key("leading_dense_block_count"), config.first_k_dense_replace)
        writer.add_float32(key("expert_weights_scale"), getattr(config, "routed_scaling_factor", 1.0))
        if family == "deepseek_v3" or not keyless:
            writer.add_uint32(key("expert_gating_func"), 2 if family == "deepseek_v3" else 1)
        grouped = family == "deepseek_v3" or getattr(config, "topk_method", "") == "group_limited_greedy"
        if grouped and not keyless:
            writer.add_uint32(key("expert_group_count"), config.n_group)
            writer.add_uint32(key("expert_group_used_count"), config.topk_group)
        return not (grouped and keyless) or (config.n_group, config.topk_group) == {60: (8, 3), 61: (8, 4)}.get(
            shape.model.config.num_hidden_layers)
    if not keyless:
        writer.add_uint32(key("expert_gating_func"), 3 if family == "gpt_oss" else 1)
    return True


def write(shape, tensors, path, unsplit=False, keyless=False, parts=1, make_writer=gguf.GGUFWriter):
    """False where GGUF has no words for what this model asks for."""
    arch, config = ARCHITECTURES[shape.family], shape.model.config
    writer = make_writer(path, arch, split_max_tensors=0 if parts == 1 else -(-len(tensors) // parts))
    key = lambda name: f"{arch}.{name}"
    layers = config.num_hidden_layers
    counts = {"block_count": layers, "context_length": config.max_position_embeddings, "embedding_length": config.hidden_size,
              "feed_forward_length": config.intermediate_size, "attention.head_count": config.num_attention_heads}
    for name, value in counts.items():
        writer.add_uint32(key(name), value)
    writer.add_float32(key("attention.layer_norm_rms_epsilon"), config.rms_norm_eps)
    if hasattr(config, "kv_lora_rank"):
        write_latent(writer, config, key, unsplit)
    else:
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        writer.add_uint32(key("attention.head_count_kv"), config.num_key_value_heads)
        writer.add_uint32(key("attention.key_length"), dim)
        writer.add_uint32(key("attention.value_length"), dim)
        writer.add_uint32(key("rope.dimension_count"), dim)
    said = write_rope(writer, shape, key) and write_experts(writer, shape, key, keyless)
    if shape.family == "gpt_oss":
        writer.add_uint32(key("attention.sliding_window"), config.sliding_window)
        said &= config.layer_types == ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)]
    elif getattr(config, "sliding_window", None):
        kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * layers
        writer.add_uint32(key("attention.sliding_window"), config.sliding_window)
        writer.add_array(key("attention.sliding_window_pattern"), [k == "sliding_attention" for k in kinds])
    said &= getattr(config, "rope_interleave", True)
    for name, t in tensors.items():
        data = t.contiguous().numpy()
        wide = data.ndim == 1 or name.endswith("bias") or shape.dtype == torch.float32
        kind = gguf.GGMLQuantizationType.F32 if wide else gguf.GGMLQuantizationType.F16 if shape.dtype == torch.float16 \
            else gguf.GGMLQuantizationType.BF16
        writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return said


def forms(shape, folder, rng, work):
    """(form, path) for one ordinary file and for each unusual form that this family has."""
    latent, config = hasattr(shape.model.config, "kv_lora_rank"), shape.model.config
    wanted = ["gguf", "gguf in parts"] + (["gguf unsplit kv_b"] if latent else [])
    routed = "ffn_gate_exps" in " ".join(converted(shape, folder))
    if routed:
        wanted += ["gguf fused gate_up", "gguf keyless"] + (["gguf expert tensors"] if shape.family == "mixtral" else [])
    for form in wanted:
        tensors = converted(shape, folder)
        if latent and form != "gguf unsplit kv_b":
            split_kv_b(tensors, config)
        if form == "gguf fused gate_up":
            fuse_gate_up(tensors)
        if form == "gguf expert tensors":
            unstack_experts(tensors)
        parts = rng.choice([2, 3]) if form == "gguf in parts" else 1
        path = work / f"{form.replace(' ', '-')}.gguf"
        if write(shape, tensors, path, form == "gguf unsplit kv_b", form == "gguf keyless", parts):
            yield form, min(work.glob(path.stem + "-*-of-*.gguf")) if parts > 1 else path


def expert_counts(shape, rng):
    """Numbers of active experts to try instead of the model's own."""
    if shape.family not in ARCHITECTURES:
        return []  # not all of their routers' classes can be told
    config = shape.model.config
    sizes = shape.model.deepseek if shape.family == "deepseek" else vars(config)
    experts = next((sizes[k] for k in ("n_routed_experts", "num_experts", "num_local_experts") if sizes.get(k)), 0)
    if not experts:
        return []
    grouped = shape.family == "deepseek_v3" or sizes.get("topk_method") == "group_limited_greedy"
    most = experts // sizes["n_group"] * sizes["topk_group"] if grouped else experts
    return sorted({1, most, rng.randrange(1, most + 1)})
