"""Random small models from configurations in their publishers' form, computed by transformers and by this program, compared.

python tests/oracle/family_published.py CLI REFERENCES [--count N] [--seed S] [--family F ...] [--llama FOLDER] [--keep]

REFERENCES has a folder a family with a config.json as its publisher writes it. Its sizes and options are varied, weights drawn, and
logits on the exact path must agree to an NMSE of 1e-9 with the same best token everywhere: from the folder, and with llama.cpp's
folder from the file that its converter makes, where it takes the shape; and with the dial of experts, from a configuration that says
another number of them. Unlike family_differential.py, whose configurations
transformers writes in its own form, this holds the keys that published files have.
"""
import argparse
import json
import math
import pathlib
import random
import re
import shutil
import tempfile

import safetensors.torch
import torch
import transformers

from family_differential import Table, convert, logits, run_all

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def text_of(config):
    return config.get("text_config", config)


def attention(rng, c, fixed_heads=False):
    """Heads and widths, of a configuration with or without its own width of heads."""
    kv_heads = rng.choice([1, 2, 3])
    heads = kv_heads * (1 if fixed_heads else rng.choice([1, 2, 3]))
    width = rng.choice([8, 12, 16, 24])
    c.update(num_attention_heads=heads, num_key_value_heads=kv_heads)
    if "head_dim" in c:
        c.update(head_dim=width, hidden_size=rng.choice([48, 64, 80, 96]))
    else:
        c.update(hidden_size=heads * width)
    return width


def plain(rng, c):
    width = attention(rng, c)
    c.update(num_hidden_layers=rng.randrange(2, 6), intermediate_size=rng.choice([40, 72, 100]))
    return width


def experts(rng, c, count="num_experts", active="num_experts_per_tok", width="moe_intermediate_size"):
    total = rng.choice([4, 7, 8, 12])
    c.update({count: total, active: rng.randrange(1, 5), width: rng.choice([16, 24, 33])})


def grouped(rng, c, count="n_routed_experts"):
    groups = rng.choice([1, 1, 2])
    each = rng.choice([4, 5])
    c.update({count: groups * each, "n_group": groups, "topk_group": rng.randrange(1, groups + 1),
              "num_experts_per_tok": rng.randrange(1, 4), "moe_intermediate_size": rng.choice([16, 24, 33])})


def windows(rng, layers):
    return [rng.choice(["sliding_attention", "full_attention"]) for _ in range(layers)]


def afmoe(rng, c):
    plain(rng, c)
    experts(rng, c)
    c.update(num_dense_layers=rng.randrange(0, 3), num_shared_experts=rng.choice([1, 2]), route_scale=rng.choice([1.0, 2.448]),
             sliding_window=rng.choice([5, 24]), mup_enabled=rng.random() < 0.7, layer_types=windows(rng, c["num_hidden_layers"]))


def dots1(rng, c):
    plain(rng, c)
    c["num_key_value_heads"] = c["num_attention_heads"]
    grouped(rng, c)
    c.update(n_shared_experts=rng.choice([1, 2]), first_k_dense_replace=rng.randrange(0, 3), norm_topk_prob=rng.random() < 0.7,
             routed_scaling_factor=rng.choice([1.0, 2.5]), layer_types=["full_attention"] * c["num_hidden_layers"])


def ernie4_5_moe(rng, c):
    plain(rng, c)
    layers = c["num_hidden_layers"]
    experts(rng, c, "moe_num_experts", "moe_k")
    c.update(moe_num_shared_experts=rng.choice([0, 1, 2]), moe_layer_start_index=rng.randrange(0, 2), moe_layer_end_index=layers - 1,
             moe_layer_interval=rng.choice([1, 1, 2]), tie_word_embeddings=rng.random() < 0.5)


def exaone_moe(rng, c):
    plain(rng, c)
    grouped(rng, c, "num_experts")
    layers, dense = c["num_hidden_layers"], rng.randrange(0, 2)
    c.update(first_k_dense_replace=dense, mlp_layer_types=["dense"] * dense + ["sparse"] * (layers - dense), layer_types=windows(rng, layers),
             num_shared_experts=rng.choice([1, 2]), sliding_window=rng.choice([5, 24]), routed_scaling_factor=rng.choice([1.0, 2.5]))


def gemma3(rng, c):
    width = plain(rng, c)
    c["hidden_size"] = c["num_attention_heads"] * rng.choice([8, 12, 20])
    c.update(query_pre_attn_scalar=rng.choice([width, 24]), sliding_window=rng.choice([5, 12, 32]), num_hidden_layers=rng.choice([3, 6, 8]),
             rope_scaling=rng.choice([None, {"factor": 8.0, "rope_type": "linear"}]))


def glm4_moe(rng, c):
    width = plain(rng, c)
    grouped(rng, c)
    c.update(use_qk_norm=rng.random() < 0.5, attention_bias=rng.random() < 0.7, first_k_dense_replace=rng.randrange(0, 3),
             partial_rotary_factor=rng.choice([0.5, 1.0]) if width % 4 == 0 else 1.0, n_shared_experts=rng.choice([1, 2]),
             routed_scaling_factor=rng.choice([1.0, 2.5]), num_nextn_predict_layers=0)


def glm4_moe_lite(rng, c):
    heads = rng.choice([2, 3, 5])
    c.update(hidden_size=heads * rng.choice([12, 20]), num_attention_heads=heads, num_key_value_heads=heads, q_lora_rank=rng.choice([24, 40]),
             kv_lora_rank=rng.choice([24, 34]), qk_nope_head_dim=rng.choice([10, 16]), qk_rope_head_dim=rng.choice([8, 12]),
             v_head_dim=rng.choice([8, 20]), num_hidden_layers=rng.randrange(2, 5), num_nextn_predict_layers=0)
    c["qk_head_dim"] = c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
    grouped(rng, c)
    dense = rng.randrange(0, 2)
    c.update(mlp_layer_types=["dense"] * dense + ["sparse"] * (c["num_hidden_layers"] - dense), first_k_dense_replace=dense,
             n_shared_experts=rng.choice([1, 2]))


def granite(rng, c):
    plain(rng, c)
    c.update(attention_multiplier=rng.choice([0.0625, 0.2]), embedding_multiplier=rng.choice([12.0, 3.0]), logits_scaling=rng.choice([6.0, 1.0]),
             residual_multiplier=rng.choice([0.22, 1.0]), num_local_experts=rng.choice([4, 7]), num_experts_per_tok=rng.randrange(1, 4),
             tie_word_embeddings=rng.random() < 0.5)
    if "shared_intermediate_size" in c:
        c["shared_intermediate_size"] = rng.choice([24, 40])


def hunyuan_v1_moe(rng, c):
    width = plain(rng, c)
    layers = c["num_hidden_layers"]
    total, active, shared = rng.choice([4, 8]), rng.randrange(1, 4), 1
    c.update(attention_head_dim=width, moe_topk=[active] * layers, num_shared_expert=[shared] * layers, num_experts=total,
             moe_intermediate_size=[c["intermediate_size"]] * layers, tie_word_embeddings=rng.random() < 0.5)


def minimax_m2(rng, c):
    width = plain(rng, c)
    c.update(num_local_experts=rng.choice([4, 7]), num_experts_per_tok=rng.randrange(1, 4), rotary_dim=rng.choice([width, width // 2 // 2 * 2]))


def ministral3(rng, c):
    plain(rng, c)
    c["rope_parameters"].update(factor=rng.choice([4.0, 16.0]), original_max_position_embeddings=rng.choice([16, 32]),
                                llama_4_scaling_beta=rng.choice([0.1, 0.3]))
    c["tie_word_embeddings"] = rng.random() < 0.5


def olmo(rng, c):
    plain(rng, c)
    c["tie_word_embeddings"] = rng.random() < 0.3
    if "sliding_window" in c:
        c.update(layer_types=windows(rng, c["num_hidden_layers"]), sliding_window=rng.choice([5, 24]))


def smollm3(rng, c):
    plain(rng, c)
    layers = c["num_hidden_layers"]
    c.update(no_rope_layers=[rng.choice([0, 1]) for _ in range(layers)], layer_types=["full_attention"] * layers,
             tie_word_embeddings=rng.random() < 0.5, attention_bias=rng.random() < 0.2)


def lfm2(rng, c):
    attention(rng, c)
    layers = rng.randrange(2, 6)
    c.update(num_hidden_layers=layers, layer_types=["full_attention"] + [rng.choice(["conv", "full_attention"]) for _ in range(layers - 1)],
             conv_L_cache=rng.choice([3, 4]))
    if "num_experts" in c:
        experts(rng, c)
        c.update(num_dense_layers=rng.randrange(0, 3), routed_scaling_factor=rng.choice([1.0, 2.0]), norm_topk_prob=rng.random() < 0.7)
    else:
        c.update(block_auto_adjust_ff_dim=rng.random() < 0.5, block_multiple_of=rng.choice([8, 16]))


def qwen_linear(rng, c):
    attention(rng, c)
    c.update(head_dim=rng.choice([16, 24]))
    layers, keys, interval = rng.choice([3, 4, 6]), rng.choice([1, 2]), rng.choice([2, 3, 4])
    c.update(num_hidden_layers=layers, full_attention_interval=interval, linear_num_key_heads=keys, linear_conv_kernel_dim=rng.choice([3, 4]),
             linear_num_value_heads=keys * rng.choice([1, 2, 3]), linear_key_head_dim=rng.choice([16, 20]), linear_value_head_dim=rng.choice([16, 24]),
             mtp_num_hidden_layers=0, layer_types=["linear_attention" if (i + 1) % interval else "full_attention" for i in range(layers)])
    if "num_experts" in c:
        experts(rng, c)
        c["shared_expert_intermediate_size"] = rng.choice([24, 40])


def granite_hybrid(rng, c):
    c.update(embedding_multiplier=rng.choice([12.0, 3.0]), residual_multiplier=rng.choice([0.22, 0.5]), logits_scaling=rng.choice([6.0, 1.0]),
             mamba_conv_bias=rng.random() < 0.7, position_embedding_type=rng.choice(["rope", "nope"]))


def nemotron_h(rng, c):
    pattern = "M*E" + "".join(rng.choice("M*E-") for _ in range(5))
    c.update(num_hidden_layers=len(pattern), hybrid_override_pattern=pattern, n_group=rng.choice([1, 2]), topk_group=1,
             routed_scaling_factor=rng.choice([1.0, 2.5]), mamba_head_dim=rng.choice([8, 16]), ssm_state_size=rng.choice([8, 16, 20]))


def jamba(rng, c):
    attends, mixes = rng.choice([2, 3, 4]), rng.choice([1, 2])
    c.update(num_hidden_layers=rng.choice([4, 6]), attn_layer_period=attends, attn_layer_offset=rng.randrange(attends), expert_layer_period=mixes,
             expert_layer_offset=rng.randrange(mixes), num_experts=rng.choice([1, 4, 5]), mamba_d_state=rng.choice([4, 8, 16]),
             mamba_dt_rank=rng.choice(["auto", 5, 8]), mamba_expand=rng.choice([1, 2]), mamba_conv_bias=rng.random() < 0.7,
             mamba_d_conv=rng.choice([3, 4]), tie_word_embeddings=rng.random() < 0.3, num_attention_heads=4, num_key_value_heads=rng.choice([1, 2, 4]))


def falcon_h1(rng, c):
    heads = rng.choice([4, 6])
    factor = lambda: round(rng.uniform(0.3, 1.2), 3)
    c.update(num_hidden_layers=rng.choice([2, 4]), mamba_n_heads=heads, mamba_d_head=16, mamba_d_ssm=16 * heads, mamba_n_groups=rng.choice([1, 2]),
             mamba_d_state=rng.choice([8, 16]), head_dim=rng.choice([16, 24]), lm_head_multiplier=factor(), embedding_multiplier=rng.choice([5.65, 1.0]),
             key_multiplier=factor(), attention_in_multiplier=factor(), attention_out_multiplier=factor(), ssm_multipliers=[factor() for _ in range(5)],
             mlp_multipliers=[factor(), factor()], tie_word_embeddings=rng.random() < 0.3, mamba_rms_norm=rng.random() < 0.4,
             mamba_norm_before_gate=False, attention_bias=False, mamba_conv_bias=rng.random() < 0.7)


def kimi_linear(rng, c):
    layers, heads = rng.choice([4, 5, 7]), rng.choice([2, 4])
    full = sorted(rng.sample(range(1, layers + 1), 2))
    c.update(num_hidden_layers=layers, q_lora_rank=None, num_attention_heads=heads, num_key_value_heads=heads, kv_lora_rank=rng.choice([32, 40]),
             qk_nope_head_dim=rng.choice([16, 24]), qk_rope_head_dim=rng.choice([8, 12]), v_head_dim=rng.choice([16, 20]),
             num_experts=rng.choice([6, 8]), num_experts_per_token=rng.choice([2, 3]), num_shared_experts=rng.choice([1, 2]),
             first_k_dense_replace=rng.choice([0, 1, 2]), routed_scaling_factor=rng.choice([1.0, 2.446]))
    c["linear_attn_config"] = {"full_attn_layers": full, "kda_layers": [i for i in range(1, layers + 1) if i not in full],
                               "head_dim": rng.choice([16, 24]), "num_heads": heads, "short_conv_kernel_size": rng.choice([3, 4])}


def bailing_hybrid(rng, c):
    group, heads = rng.choice([2, 3]), rng.choice([2, 4])
    c.update(layer_group_size=group, num_hidden_layers=group * rng.choice([2, 3]), num_attention_heads=heads, num_key_value_heads=heads,
             kv_lora_rank=rng.choice([32, 40]), q_lora_rank=rng.choice([None, None, 40]), qk_nope_head_dim=rng.choice([16, 24]),
             v_head_dim=rng.choice([16, 24]), short_conv_kernel_size=rng.choice([3, 4]), kda_safe_gate=rng.random() < 0.6,
             kda_lower_bound=rng.choice([-5.0, -3.0]), num_shared_experts=rng.choice([1, 2]), head_dim=rng.choice([16, 24]),
             rope_theta=rng.choice([1e4, 6e6]), routed_scaling_factor=rng.choice([1.0, 2.5]))


def indexed(rng, c):
    layers, heads = rng.choice([3, 5]), rng.choice([2, 4])
    c.update(num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads, q_lora_rank=rng.choice([40, 48]),
             kv_lora_rank=rng.choice([32, 40]), qk_nope_head_dim=rng.choice([16, 24]), v_head_dim=rng.choice([16, 24]), index_n_heads=16,
             index_head_dim=64, index_topk=rng.choice([16, 24, 30]), first_k_dense_replace=rng.choice([0, 1, 2]), n_shared_experts=rng.choice([1, 2]))


def deepseek_v32(rng, c):
    indexed(rng, c)
    yarn = {"type": "yarn", "factor": 40.0, "original_max_position_embeddings": 32, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}
    c["rope_scaling"] = rng.choice([None, yarn])
    if c["rope_scaling"] is None:
        del c["rope_scaling"]


def glm_moe_dsa(rng, c):
    indexed(rng, c)
    c.update(n_group=rng.choice([1, 2]))
    kind = rng.randrange(3)
    c.pop("indexer_types", None)
    if kind == 0:
        c["indexer_types"] = ["full"] + [rng.choice(["full", "shared"]) for _ in range(c["num_hidden_layers"] - 1)]
    elif kind == 1:
        c.update(index_topk_freq=rng.choice([2, 3]), index_skip_topk_offset=rng.choice([1, 2]))


def minimax_m3(rng, c):
    layers, kv_heads, dense = rng.choice([3, 5]), rng.choice([1, 2]), rng.choice([0, 1, 2])
    c.update(num_hidden_layers=layers, num_attention_heads=kv_heads * rng.choice([2, 3]), num_key_value_heads=kv_heads,
             moe_layer_freq=[0] * dense + [1] * (layers - dense), num_experts_per_tok=rng.choice([2, 3]))
    c["sparse_attention_config"].update(sparse_attention_freq=[rng.choice([0, 1]) for _ in range(layers)], sparse_num_index_heads=kv_heads,
                                        sparse_block_size=rng.choice([4, 8, 16]), sparse_topk_blocks=rng.choice([2, 3, 4]),
                                        sparse_local_block=rng.choice([1, 2]))


def deepseek_v4(rng, c):
    layers = rng.choice([4, 6])
    c.update(num_hidden_layers=layers, num_attention_heads=rng.choice([2, 4]), q_lora_rank=rng.choice([32, 40]),
             compress_ratios=[rng.choice([0, 4, 4, 128]) for _ in range(layers)], num_hash_layers=rng.choice([0, 1, 2]),
             sliding_window=rng.choice([8, 24, 40]), index_n_heads=16, index_topk=rng.choice([4, 16]), o_lora_rank=rng.choice([16, 24]),
             hc_mult=rng.choice([2, 4]), hc_sinkhorn_iters=rng.choice([3, 20]), swiglu_limit=rng.choice([1.5, 10.0]),
             n_routed_experts=rng.choice([6, 8]), routed_scaling_factor=rng.choice([1.0, 1.5]), num_experts_per_tok=rng.choice([2, 3]))


VARIATIONS = {"afmoe": afmoe, "dots1": dots1, "ernie4_5_moe": ernie4_5_moe, "exaone_moe": exaone_moe, "gemma3": gemma3, "glm4_moe": glm4_moe,
              "glm4_moe_lite": glm4_moe_lite, "granitemoe": granite, "granitemoeshared": granite, "hunyuan_v1_moe": hunyuan_v1_moe,
              "minimax_m2": minimax_m2, "ministral3": ministral3, "olmo2": olmo, "olmo3": olmo, "smollm3": smollm3, "lfm2": lfm2, "lfm2_moe": lfm2,
              "qwen3_next": qwen_linear, "qwen3_5": qwen_linear, "qwen3_5_moe": qwen_linear, "granitemoehybrid": granite_hybrid,
              "granitehybrid_dense": granite_hybrid, "nemotron_h": nemotron_h, "jamba": jamba, "falcon_h1": falcon_h1, "kimi_linear": kimi_linear,
              "bailing_hybrid": bailing_hybrid, "deepseek_v32": deepseek_v32, "glm_moe_dsa": glm_moe_dsa, "minimax_m3": minimax_m3,
              "deepseek_v4": deepseek_v4}
CENTRED = ("gemma3", "minimax_m3", "qwen3_next", "qwen3_5", "qwen3_5_moe")  # gains of norms are 1 + what is kept


WITHIN = ("ministral3", "minimax_m3")  # parts of models that also see


def convertible(family, c):
    """Whether llama.cpp's files have room for all that a configuration says."""
    if family == "smollm3":
        return all(kept == ((i + 1) % 4 != 0) for i, kept in enumerate(c["no_rope_layers"]))
    if family == "afmoe":
        return c["mup_enabled"] and all((kind == "full_attention") == ((i + 1) % 4 == 0) for i, kind in enumerate(c["layer_types"]))
    if family == "lfm2_moe":
        return c["norm_topk_prob"] and c["routed_scaling_factor"] == 1.0
    if family == "falcon_h1":
        return not c["tie_word_embeddings"]
    return family != "granitehybrid_dense" or c["position_embedding_type"] == "nope"


def vary(family, config, rng):
    c = text_of(config)
    VARIATIONS[family](rng, c)
    c["vocab_size"] = rng.randrange(101, 260)
    epsilon = next(key for key in ("norm_eps", "rms_norm_eps", "layer_norm_epsilon") if key in c)
    c[epsilon] = rng.choice([1e-6, 1e-5])
    for part in (config, c):
        part["torch_dtype"] = "float32"
    return config


def weight(name, p, family, config, generator):
    """What a parameter or buffer is drawn as; None: it is computed, and stays."""
    normal = lambda: torch.randn(p.shape, generator=generator)
    if "inv_freq" in name or "mup_vector" in name or name.endswith("embed_scale"):
        return None
    if "tid2eid" in name:
        return torch.stack([torch.randperm(config.num_local_experts, generator=generator)[:p.shape[1]] for _ in range(p.shape[0])]).long()
    if name.endswith("e_score_correction_bias") or "expert_bias" in name:
        return normal() * 0.2
    if "A_log" in name:
        return torch.rand(p.shape, generator=generator) * 1.5
    if name.endswith(".D"):
        return 1 + normal() * 0.3
    if name.endswith("scale"):
        return 0.5 + torch.rand(p.shape, generator=generator)
    if name.endswith(("base", "bias", "sinks")):
        return normal() * 0.5
    if "norm" in name:
        return (0 if family in CENTRED and "linear_attn" not in name else 1) + normal() * 0.2
    if "embed" in name and p.dim() == 2:
        return normal()
    gain = 2.0 if "gate.weight" in name or "router" in name else 1.0 if "conv" in name else 1.2
    return normal() * gain / math.sqrt(p.shape[-1])


def model_of(family, folder, generator):
    config = transformers.AutoConfig.from_pretrained(folder)
    if family in WITHIN:
        config = config.text_config
    config._attn_implementation = config._experts_implementation = "eager"
    if family == "minimax_m3":
        model = transformers.models.minimax_m3_vl.modeling_minimax_m3_vl.MiniMaxM3VLForCausalLM(config)
    else:
        model = transformers.AutoModelForCausalLM.from_config(config)
    model = model.float().eval()
    for name, p in [*model.named_parameters(), *model.named_buffers()]:
        drawn = weight(name, p, family, model.config.get_text_config(), generator)
        if drawn is not None:
            p.data = drawn.to(torch.bfloat16).float() if drawn.is_floating_point() else drawn
    return model


def rename(family, folder):
    """Tensors as published, where transformers keeps its own names."""
    if family not in (*WITHIN, "deepseek_v4"):
        return
    renamed = {}
    for name, t in safetensors.torch.load_file(folder / "model.safetensors").items():
        if family in WITHIN:
            name = "language_model." + re.sub(r"self_attn\.indexer\.(q|k)_(proj|norm)", r"self_attn.index_\1_\2", name)
            if name.endswith(("mlp.shared_experts.gate_up_proj.weight", "mlp.gate_up_proj.weight")):
                for part, half in zip(("gate", "up"), t.chunk(2)):
                    renamed[name.replace("gate_up_proj", f"{part}_proj")] = half.contiguous()
                continue
        else:
            name = {"model.embed_tokens.weight": "embed.weight", "model.norm.weight": "norm.weight"}.get(name, name)
            for ours, theirs in (("model.hc_head.hc_", "hc_head_"), ("model.layers.", "layers."), (".attn.norm.weight", ".attn.kv_norm.weight"),
                                 ("compressor.position_bias", "compressor.ape"), ("compressor.kv_norm", "compressor.norm")):
                name = name.replace(ours, theirs)
        renamed[name] = t
    safetensors.torch.save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})


ACTIVE = ("num_experts_per_tok", "num_experts_per_token", "moe_k", "moe_topk")


def other_active(config, folder):
    """The folder's configuration with another number of active experts; returns the model's own, None where it has no experts."""
    other = json.loads(json.dumps(config))
    c = text_of(other)
    key = next((key for key in ACTIVE if c.get(key)), None)
    if key is None or c.get("num_experts") == 1 or c.get("num_hash_layers"):  # dense, or tables of as many experts as are chosen
        return None
    own = c[key][0] if isinstance(c[key], list) else c[key]
    changed = own - 1 if own > 1 else own + 1
    c[key] = [changed] * len(c[key]) if isinstance(c[key], list) else changed
    (folder / "config.json").write_text(json.dumps(other))
    return own


def run_shape(options, family, seed, table):
    rng = random.Random(f"{seed}:{family}")
    source = (pathlib.Path(options.references) / family / "config.json").read_text()
    config = vary(family, json.loads(source.replace("Infinity", "1e30")), rng)
    work = pathlib.Path(tempfile.mkdtemp(prefix=f"{family}-{seed}-"))
    folder = work / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    model = model_of(family, folder, torch.Generator().manual_seed(rng.randrange(1 << 30)))
    model.save_pretrained(folder)
    rename(family, folder)
    (folder / "config.json").write_text(json.dumps(config))
    tokens = rng.randrange(150, 300) if family == "deepseek_v4" else rng.randrange(60, 120)
    ids = [rng.randrange(text_of(config)["vocab_size"]) for _ in range(tokens)]
    with torch.no_grad():
        expected = model(torch.tensor([ids]), use_cache=False).logits[0].float().numpy()
    paths = [("folder", folder)]
    if options.llama and convertible(family, text_of(config)) and convert(f"{family} seed {seed}", options.llama, folder, work / "converted.gguf"):
        paths.append(("converted", work / "converted.gguf"))
    problems = []

    def hold(form, path, *dials):
        problem = table.add(family, form, logits(options.cli, path, ids, *dials), expected)
        if problem:
            problems.append(problem)
            print(f"{family} seed {seed} {form}: {problem}  {path}", flush=True)

    for form, path in paths:
        hold(form, path)
    active = other_active(config, folder)
    if active:  # as many by the dial as the model was computed with
        hold("folder --experts", folder, "--experts", str(active))
    if not (problems and options.keep):
        shutil.rmtree(work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cli")
    parser.add_argument("references")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", nargs="*", default=list(VARIATIONS))
    parser.add_argument("--llama", help="llama.cpp's folder, whose converter makes a file of each model")
    parser.add_argument("--keep", action="store_true", help="keep the files of failures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table()
    run_all(options.family, options.seed, options.count, table, lambda family, seed: run_shape(options, family, seed, table))


if __name__ == "__main__":
    main()
