"""Random small models of every family, for family_differential.py: transformers' classes with odd sizes and drawn weights.

`draw(family, rng)` gives a Shape. DeepSeek's first model has no class in transformers; its layers are put together here from the
paper and its authors' description: Llama's attention, and experts chosen by a softmax whose weights stay as they are.
"""
import dataclasses
import math

import torch
import transformers
from torch.nn import functional

from family_later_shapes import LATER, later_config, special_weight

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

FAMILIES = ("llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "olmoe", "deepseek", "deepseek_v2",
            "deepseek_v3", "gpt_oss")
# The layers and experts of V2 and V3, all else small: files without the keys of groups are known by these numbers.
DEEP = {"deepseek_v2_deep": dict(num_hidden_layers=60, n_routed_experts=160, n_group=8, topk_group=3, num_experts_per_tok=6),
        "deepseek_v3_deep": dict(num_hidden_layers=61, n_routed_experts=256, n_group=8, topk_group=4, num_experts_per_tok=8)}


@dataclasses.dataclass
class Shape:
    family: str
    model: torch.nn.Module
    dtype: torch.dtype
    tokens: int
    old_style: bool  # config.json with rope_scaling instead of rope_parameters
    shard_bytes: int  # most bytes of a safetensors file


class DeepseekExperts(torch.nn.Module):
    """A layer of DeepSeek's first mixture of experts."""

    def __init__(self, config, sizes):
        super().__init__()
        mlp = transformers.models.llama.modeling_llama.LlamaMLP
        self.sizes = sizes
        self.gate = torch.nn.Linear(config.hidden_size, sizes["n_routed_experts"], bias=False)
        block = lambda width: mlp(transformers.LlamaConfig(hidden_size=config.hidden_size, intermediate_size=width,
                                                           num_attention_heads=1))
        self.experts = torch.nn.ModuleList(block(sizes["moe_intermediate_size"]) for _ in range(sizes["n_routed_experts"]))
        self.shared_experts = block(sizes["moe_intermediate_size"] * sizes["n_shared_experts"])

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        weights, chosen = torch.topk(self.gate(rows).softmax(-1), self.sizes["num_experts_per_tok"])
        if self.sizes["norm_topk_prob"]:
            weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
        out = torch.zeros_like(rows)
        for e, expert in enumerate(self.experts):
            at, place = torch.where(chosen == e)
            out[at] += expert(rows[at]) * weights[at, place, None]
        return (out + self.shared_experts(rows)).view_as(x)


def rope_parameters(rng, family, theta=None):
    theta = theta or rng.choice([10000.0, 500000.0, 1000000.0, 7777.0])
    original, factor = rng.choice([16, 24, 32]), rng.choice([2.0, 4.0, 10.5, 40.0])
    plain = {"rope_type": "default", "rope_theta": theta}
    yarn = {"rope_type": "yarn", "rope_theta": theta, "factor": factor, "original_max_position_embeddings": original}
    if rng.random() < 0.4:
        yarn |= {"beta_fast": rng.choice([32.0, 16.0, 4.0]), "beta_slow": rng.choice([1.0, 2.0])}
    if family == "gpt_oss":
        return yarn | {"truncate": rng.random() < 0.3}
    if family in ("deepseek_v2", "deepseek_v3"):
        kind = rng.randrange(4)
        if kind == 0:
            return plain
        if kind == 1:
            return yarn
        all_dim = rng.choice([1.0, 0.707])
        return yarn | {"mscale_all_dim": all_dim, "mscale": all_dim if kind == 2 else rng.choice([0.5, 1.3])}
    kind = rng.randrange(4)
    if kind == 0 or family in ("olmoe", "mixtral", "deepseek") and kind < 2:
        return plain
    if kind == 1:
        return {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    if kind == 2 and family in ("llama", "mistral"):
        return {"rope_type": "llama3", "rope_theta": theta, "factor": factor, "low_freq_factor": 1.0,
                "high_freq_factor": rng.choice([2.0, 4.0]), "original_max_position_embeddings": original}
    if rng.random() < 0.3:
        yarn["attention_factor"] = rng.choice([0.9, 1.25])
    if rng.random() < 0.3:
        yarn["truncate"] = False
    return yarn


def common(rng, family):
    kv_heads = rng.choice([1, 2, 3])
    heads = kv_heads * rng.choice([1, 2, 3])
    return dict(vocab_size=rng.randrange(61, 203), hidden_size=heads * rng.choice([8, 12, 20, 24]), num_attention_heads=heads,
                intermediate_size=rng.choice([40, 72, 99, 128]), num_hidden_layers=rng.randrange(2, 6), num_key_value_heads=kv_heads,
                max_position_embeddings=2048, rms_norm_eps=rng.choice([1e-6, 1e-5]), tie_word_embeddings=rng.random() < 0.3,
                head_dim=rng.choice([8, 12, 16, 20, 34]), rope_parameters=rope_parameters(rng, family), bos_token_id=0, eos_token_id=1)


def expert_counts(rng, family):
    experts = rng.choice([5, 8, 11, 16])
    return dict(num_experts=experts, num_experts_per_tok=rng.randrange(1, min(experts, 7)),
                moe_intermediate_size=rng.choice([16, 24, 33, 40]), norm_topk_prob=rng.random() < 0.5)


def windows(rng, layers, sliding_key=True):
    """The keys of sliding windows shorter than the text, or none."""
    if rng.random() < 0.5:
        return {}
    keys = dict(sliding_window=rng.choice([5, 12, 32]), use_sliding_window=True)
    return keys | (dict(max_window_layers=rng.randrange(0, layers + 1)) if sliding_key else {})


def sparse_layers(rng, layers):
    kind = rng.randrange(3)
    if kind == 0:
        return {}
    if kind == 1:
        return dict(decoder_sparse_step=2)
    return dict(mlp_only_layers=sorted(rng.sample(range(layers), rng.randrange(1, layers))))


def latent_sizes(rng):
    heads = rng.choice([2, 3, 4])
    return dict(num_attention_heads=heads, num_key_value_heads=heads, hidden_size=heads * rng.choice([12, 20, 24]),
                kv_lora_rank=rng.choice([24, 34, 48]), q_lora_rank=rng.choice([None, 28, 40]), qk_rope_head_dim=rng.choice([8, 12]),
                qk_nope_head_dim=rng.choice([10, 16, 24]), v_head_dim=rng.choice([8, 15, 20]), attention_bias=rng.random() < 0.3)


def deepseek_experts(rng, layers):
    groups = rng.choice([2, 3, 4])
    experts = groups * rng.choice([3, 4, 5])
    kept = rng.randrange(1, groups + 1)
    return dict(n_routed_experts=experts, n_group=groups, topk_group=kept,
                num_experts_per_tok=rng.randrange(1, min(6, experts // groups * kept) + 1), n_shared_experts=rng.choice([1, 2, 3]),
                moe_intermediate_size=rng.choice([16, 24, 33]), first_k_dense_replace=rng.randrange(0, layers),
                routed_scaling_factor=rng.choice([1.0, 2.5, 16.0]))


def config_of(family, rng):
    if family in LATER:
        return later_config(family, rng)
    c = common(rng, family)
    layers = c["num_hidden_layers"]
    T = transformers
    if family == "llama":
        return T.LlamaConfig(**c, attention_bias=rng.random() < 0.4, mlp_bias=rng.random() < 0.3)
    if family == "mistral":
        return T.MistralConfig(**c, sliding_window=rng.choice([None, 7, 20]))
    if family == "mixtral":
        e = expert_counts(rng, family)
        return T.MixtralConfig(**c, num_local_experts=e["num_experts"], num_experts_per_tok=e["num_experts_per_tok"],
                               sliding_window=rng.choice([None, 9]))
    if family == "qwen2":
        return T.Qwen2Config(**c, **windows(rng, layers))
    if family == "qwen3":
        return T.Qwen3Config(**c, **windows(rng, layers), attention_bias=rng.random() < 0.4)
    if family == "qwen2_moe":
        return T.Qwen2MoeConfig(**c, **expert_counts(rng, family), **windows(rng, layers), **sparse_layers(rng, layers),
                                shared_expert_intermediate_size=rng.choice([24, 56]), qkv_bias=rng.random() < 0.7)
    if family == "qwen3_moe":
        return T.Qwen3MoeConfig(**c, **expert_counts(rng, family), **windows(rng, layers, False), **sparse_layers(rng, layers),
                                attention_bias=rng.random() < 0.4)
    if family == "olmoe":
        e = expert_counts(rng, family)
        c["intermediate_size"] = e.pop("moe_intermediate_size")
        del c["head_dim"]
        c["hidden_size"] = c["num_attention_heads"] * rng.choice([8, 12, 20])
        return T.OlmoeConfig(**c, **e, attention_bias=rng.random() < 0.4)
    if family == "gpt_oss":
        c["intermediate_size"] = rng.choice([32, 40, 66])
        types = {}
        if rng.random() < 0.4:
            types = dict(layer_types=[rng.choice(["sliding_attention", "full_attention"]) for _ in range(layers)])
        return T.GptOssConfig(**c, **types, num_local_experts=rng.choice([4, 7]), num_experts_per_tok=rng.randrange(1, 5),
                              sliding_window=rng.choice([5, 12, 32]), attention_bias=rng.random() < 0.7)
    c |= latent_sizes(rng)
    del c["head_dim"]
    e, deep = deepseek_experts(rng, layers), DEEP.get(family)
    if deep:
        c |= dict(num_hidden_layers=deep["num_hidden_layers"], rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
        e |= deep | dict(moe_intermediate_size=8, first_k_dense_replace=1, routed_scaling_factor=1.0)
        del e["num_hidden_layers"]
    if family.startswith("deepseek_v3"):
        return T.DeepseekV3Config(**c, **e, norm_topk_prob=rng.random() < 0.7, rope_interleave=bool(deep) or rng.random() < 0.8,
                                  num_mtp_layers=0)
    method = "group_limited_greedy" if deep else rng.choice(["greedy", "group_limited_greedy"])
    return T.DeepseekV2Config(**c, **e, norm_topk_prob=False, topk_method=method, mlp_bias=False)


def deepseek_model(rng):
    """DeepSeek's first: a Llama whose later layers hold experts."""
    c = common(rng, "deepseek")
    del c["head_dim"]
    layers = c["num_hidden_layers"]
    config = transformers.LlamaConfig(**c, attention_bias=rng.random() < 0.3)
    e = deepseek_experts(rng, layers)
    for key in ("n_group", "topk_group", "routed_scaling_factor"):
        del e[key]
    e |= dict(norm_topk_prob=rng.random() < 0.3, moe_layer_freq=rng.choice([1, 1, 2]), scoring_func="softmax")
    model = transformers.LlamaForCausalLM(config)
    for i, layer in enumerate(model.model.layers):
        if i >= e["first_k_dense_replace"] and i % e["moe_layer_freq"] == 0:
            layer.mlp = DeepseekExperts(config, e)
    model.deepseek = e
    return model


def draw_weights(model, generator):
    """Scores of attention and logits of routers with about unit deviation: flat ones would hide errors."""
    normal = lambda p: torch.randn(p.shape, generator=generator)
    for name, p in [*model.named_parameters(), *model.named_buffers()]:
        if "inv_freq" in name or name.endswith("embed_scale"):
            continue
        special = special_weight(name, p, model.config, normal) if model.config.model_type not in ("gpt_oss",) else None
        if special is not None:
            p.data = special
            continue
        if name.endswith(("e_score_correction_bias",)):
            p.data = normal(p) * 0.2
        elif name.endswith("bias") or name.endswith("sinks"):
            p.data = normal(p) * 0.5
        elif "norm" in name:
            p.data = 1 + normal(p) * 0.2
        elif "embed_tokens" in name:
            p.data = normal(p)
        else:
            fan_in = p.shape[1] if model.config.model_type == "gpt_oss" and p.dim() == 3 else p.shape[-1]
            gain = 2.0 if "gate.weight" in name or "router" in name else 4.0 if "gate_up" in name and p.shape[1] == fan_in else 1.2
            p.data = normal(p) * gain / math.sqrt(fan_in)


def draw(family, rng):
    """A model of `family` with its values already rounded to the type it is saved in."""
    model = deepseek_model(rng) if family == "deepseek" else None
    if model is None:
        config = config_of(family, rng)
        config._experts_implementation = "eager"  # the grouped product wants widths of 4
        direct = getattr(transformers, type(config).__name__.removesuffix("Config") + "ForCausalLM", None) if family in LATER else None
        model = direct(config) if direct else transformers.AutoModelForCausalLM.from_config(config)
    model.config._attn_implementation = "eager"
    draw_weights(model, torch.Generator().manual_seed(rng.randrange(1 << 30)))
    dtype = rng.choice([torch.float32, torch.float16, torch.bfloat16])
    with torch.no_grad():
        for p in [*model.parameters(), *[b for n, b in model.named_buffers() if "inv_freq" not in n and not n.endswith("embed_scale")]]:
            p.data = p.data.to(dtype).float()
    return Shape(family.removesuffix("_deep"), model.float().eval(), dtype, rng.randrange(40, 97), rng.random() < 0.5 and family not in LATER,
                 rng.choice([1 << 30, 60_000]))


def reference_logits(shape, ids, experts=None):
    """float32 [tokens, vocabulary] by transformers; `experts`: the number of active ones instead of the model's own."""
    model = shape.model
    if experts:
        for module in model.modules():
            if hasattr(module, "top_k"):
                module.top_k = experts
            if isinstance(module, DeepseekExperts):
                module.sizes = module.sizes | {"num_experts_per_tok": experts}
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()
