"""Configurations of the families of 2025 and 2026 with odd sizes, for family_shapes.py: what their transformers classes take."""
import math

import torch
import transformers as T

LATER = ("gemma2", "gemma4", "gemma4_e", "llama4", "phi3", "phimoe", "mistral4", "mimo_v2_flash", "cohere2", "cohere2_moe", "laguna")


def base(rng, heads_by=(1, 2, 3)):
    kv_heads = rng.choice([1, 2, 3])
    heads = kv_heads * rng.choice(heads_by)
    return dict(vocab_size=rng.randrange(61, 203), hidden_size=heads * rng.choice([8, 12, 20, 24]), num_attention_heads=heads,
                intermediate_size=rng.choice([40, 72, 99, 128]), num_hidden_layers=rng.randrange(2, 7), num_key_value_heads=kv_heads,
                max_position_embeddings=2048, bos_token_id=0, eos_token_id=1, pad_token_id=None)


def kinds(rng, layers, names=("sliding_attention", "full_attention"), last=None):
    types = [rng.choice(names) for _ in range(layers)]
    if last:
        types[-1] = last
    return types


def gemma2(rng):
    c = base(rng)
    dim = rng.choice([8, 12, 20])
    return T.Gemma2Config(**c, head_dim=dim, query_pre_attn_scalar=rng.choice([dim, dim, 24]), sliding_window=rng.choice([5, 12, 32]),
                          attn_logit_softcapping=rng.choice([None, 1.5, 50.0]), final_logit_softcapping=rng.choice([None, 4.0, 30.0]),
                          layer_types=rng.choice([None, kinds(rng, c["num_hidden_layers"])]), attention_bias=rng.random() < 0.3,
                          tie_word_embeddings=rng.random() < 0.7)


def gemma4(rng, small=False):
    c = base(rng)
    layers = c["num_hidden_layers"] = rng.randrange(4, 8)
    types = kinds(rng, layers, last="full_attention")
    shared = 0
    if small:
        shared = rng.randrange(0, layers - 2)
        types[0], types[1] = "sliding_attention", "full_attention"
        if layers - shared < 2:
            shared = layers - 2
    moe = not small and rng.random() < 0.7
    experts = rng.choice([5, 8, 11])
    same = rng.random() < 0.5
    config = T.Gemma4TextConfig(
        **c, head_dim=rng.choice([8, 12, 16]), global_head_dim=rng.choice([16, 24, 40]), layer_types=types, sliding_window=rng.choice([5, 12, 32]),
        attention_k_eq_v=same, num_global_key_value_heads=rng.choice([None, 1]) if same else None, num_kv_shared_layers=shared,
        use_double_wide_mlp=small and rng.random() < 0.6, hidden_size_per_layer_input=rng.choice([8, 12, 20]) if small else 0,
        vocab_size_per_layer_input=c["vocab_size"], enable_moe_block=moe, num_experts=experts if moe else None,
        top_k_experts=rng.randrange(1, 5) if moe else None, moe_intermediate_size=rng.choice([16, 24, 33]) if moe else None,
        final_logit_softcapping=rng.choice([None, 5.0, 30.0]), rms_norm_eps=rng.choice([1e-6, 1e-5]), attention_bias=rng.random() < 0.2,
        rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": rng.choice([10000.0, 7777.0])},
                         "full_attention": {"rope_type": "proportional", "partial_rotary_factor": rng.choice([0.25, 0.5, 1.0]),
                                            "rope_theta": rng.choice([1e6, 50000.0])}})
    return config


def llama4(rng):
    c = base(rng)
    layers = c["num_hidden_layers"]
    rope = rng.choice([{"rope_type": "default", "rope_theta": 500000.0},
                       {"rope_type": "llama3", "rope_theta": 50000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 32}])
    return T.Llama4TextConfig(**c, intermediate_size_mlp=rng.choice([56, 80]), head_dim=rng.choice([8, 12, 20]), rope_parameters=rope,
                              num_local_experts=rng.choice([3, 4, 7]), num_experts_per_tok=rng.choice([1, 1, 2]),
                              interleave_moe_layer_step=rng.choice([1, 2]), use_qk_norm=rng.random() < 0.5,
                              attention_chunk_size=rng.choice([None, 7, 16, 32]), floor_scale=rng.choice([5, 12, 8192]),
                              attn_scale=rng.choice([0.1, 0.4]), attn_temperature_tuning=rng.random() < 0.8,
                              no_rope_layer_interval=rng.choice([2, 3, 4]), attention_bias=rng.random() < 0.3,
                              no_rope_layers=rng.choice([None, [rng.choice([0, 1]) for _ in range(layers)]]), tie_word_embeddings=rng.random() < 0.3)


def long_rope(rng, dims, original, scales=False):
    steps = dims // 2
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1 + 0.02 * i for i in range(steps)],
            "long_factor": [1 + 0.3 * i + 0.05 * i * i for i in range(steps)], "original_max_position_embeddings": original}
    if scales:
        rope |= {"short_mscale": rng.choice([1.0, 1.17]), "long_mscale": rng.choice([1.0, 1.24])}
    return rope


def phi3(rng):
    c = base(rng)
    heads = c["num_attention_heads"]
    width = rng.choice([8, 16, 24])
    c["hidden_size"] = heads * width
    part = rng.choice([1.0, 0.75, 0.5])
    original = rng.choice([16, 4096])  # texts are longer, or shorter
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": part}
    if rng.random() < 0.7:
        rope = long_rope(rng, int(width * part), original) | {"partial_rotary_factor": part}
    c["max_position_embeddings"] = 8192
    return T.Phi3Config(**c, original_max_position_embeddings=original, rope_parameters=rope, sliding_window=rng.choice([None, None, 9]),
                        tie_word_embeddings=rng.random() < 0.5)


def phimoe(rng):
    c = base(rng)
    width = rng.choice([8, 12, 20])
    c["hidden_size"] = c["num_attention_heads"] * width
    rope = rng.choice([{"rope_type": "default", "rope_theta": 10000.0}, long_rope(rng, width, 4096, True)])
    return T.PhimoeConfig(**c, rope_parameters=rope, num_local_experts=rng.choice([4, 6, 9]), num_experts_per_tok=2,
                          router_jitter_noise=rng.choice([0.01, 0.2]), attention_bias=rng.random() < 0.6, lm_head_bias=rng.random() < 0.6,
                          sliding_window=rng.choice([None, 11]))


def mistral4(rng):
    c = base(rng)
    heads = c["num_key_value_heads"] = c["num_attention_heads"]
    nope, rope = rng.choice([8, 10, 16]), rng.choice([8, 12])
    c["hidden_size"] = heads * rng.choice([12, 20])
    groups = rng.choice([1, 2])
    experts = groups * rng.choice([4, 5])
    parameters = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": rng.choice([4.0, 16.0]), "original_max_position_embeddings": rng.choice([16, 24]),
                  "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": rng.choice([0.1, 0.3]),
                  "max_position_embeddings": 2048, "partial_rotary_factor": rope / (nope + rope)}
    return T.Mistral4Config(**c, kv_lora_rank=rng.choice([24, 34]), q_lora_rank=rng.choice([None, 28]), qk_rope_head_dim=rope, qk_nope_head_dim=nope,
                            v_head_dim=rng.choice([8, 20]), n_routed_experts=experts, num_experts_per_tok=rng.randrange(1, 4), n_group=groups,
                            topk_group=rng.randrange(1, groups + 1), n_shared_experts=rng.choice([1, 2]), moe_intermediate_size=rng.choice([16, 33]),
                            first_k_dense_replace=rng.randrange(0, 2), norm_topk_prob=rng.random() < 0.7, routed_scaling_factor=rng.choice([1.0, 1.7]),
                            rope_parameters=parameters, rope_interleave=rng.random() < 0.8)


def mimo_v2_flash(rng):
    c = base(rng, (2, 4))
    layers, part = c["num_hidden_layers"], rng.choice([0.334, 0.5])
    c["num_attention_heads"] = c["num_key_value_heads"] * rng.choice([2, 4])
    theta = lambda t: {"rope_type": "default", "rope_theta": t, "partial_rotary_factor": part}
    return T.MiMoV2FlashConfig(**c, head_dim=rng.choice([12, 24]), v_head_dim=rng.choice([8, 16]), moe_intermediate_size=rng.choice([16, 33]),
                               n_routed_experts=rng.choice([6, 8]), num_experts_per_tok=rng.randrange(1, 4), sliding_window=rng.choice([5, 13]),
                               layer_types=rng.choice([None, kinds(rng, layers)]), attention_value_scale=rng.choice([None, 0.707, 1.3]),
                               rope_parameters={"full_attention": theta(5e6), "sliding_attention": theta(rng.choice([10000.0, 500.0]))},
                               mlp_layer_types=rng.choice([None, kinds(rng, layers, ("dense", "sparse"))]), attention_bias=rng.random() < 0.3,
                               norm_topk_prob=rng.random() < 0.7, routed_scaling_factor=rng.choice([1.0, 2.0]), n_group=1, topk_group=1)


def cohere2(rng):
    c = base(rng)
    return T.Cohere2Config(**c, sliding_window=rng.choice([5, 12]), layer_types=rng.choice([None, kinds(rng, c["num_hidden_layers"])]),
                           logit_scale=rng.choice([0.0625, 0.5]), layer_norm_eps=rng.choice([1e-5, 1e-6]), attention_bias=rng.random() < 0.4,
                           rope_parameters={"rope_type": "default", "rope_theta": 50000.0}, tie_word_embeddings=True)


def cohere2_moe(rng):
    c = base(rng)
    layers, dense = c["num_hidden_layers"], rng.randrange(0, 2)
    return T.Cohere2MoeConfig(**c, head_dim=rng.choice([8, 12, 20]), sliding_window=rng.choice([5, 12]), logit_scale=rng.choice([0.0625, 0.5]),
                              layer_types=rng.choice([None, kinds(rng, layers)]), mlp_layer_types=["dense"] * dense + ["sparse"] * (layers - dense),
                              num_experts=rng.choice([5, 8]), num_experts_per_tok=rng.randrange(1, 4), num_shared_experts=rng.choice([0, 1, 2]),
                              shared_expert_combination_strategy=rng.choice(["average", "sum"]), expert_selection_fn=rng.choice(["sigmoid", "softmax"]),
                              norm_topk_prob=rng.random() < 0.6, prefix_dense_intermediate_size=rng.choice([48, 64]),
                              prefix_dense_sliding_window_pattern=rng.choice([1, 4]), rms_norm_eps=rng.choice([None, 1e-5]), rope_theta=50000.0,
                              attention_bias=rng.random() < 0.3)


def laguna(rng):
    c = base(rng)
    layers, kv_heads = c["num_hidden_layers"], c["num_key_value_heads"]
    types = kinds(rng, layers)
    yarn = {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 8.0, "original_max_position_embeddings": 24, "beta_fast": 32.0, "beta_slow": 1.0,
            "partial_rotary_factor": rng.choice([0.5, 1.0])}
    if rng.random() < 0.7:
        yarn["attention_factor"] = rng.choice([1.0, 1.3])
    full = rng.choice([yarn, {"rope_type": "default", "rope_theta": 500000.0, "partial_rotary_factor": 0.5}])
    return T.LagunaConfig(**c, head_dim=rng.choice([8, 16]), layer_types=types, sliding_window=rng.choice([5, 12]),
                          num_attention_heads_per_layer=rng.choice([None, [kv_heads * rng.choice([1, 2, 3]) for _ in range(layers)]]),
                          gating=rng.choice([True, "per-head", "per-element"]), num_experts=rng.choice([5, 8]), num_experts_per_tok=rng.randrange(1, 4),
                          moe_intermediate_size=rng.choice([16, 33]), shared_expert_intermediate_size=rng.choice([24, 40]),
                          mlp_layer_types=rng.choice([None, kinds(rng, layers, ("dense", "sparse"))]), moe_routed_scaling_factor=rng.choice([1.0, 2.5]),
                          moe_router_logit_softcapping=rng.choice([0.0, 0.8]), rope_parameters={
                              "full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0,
                                                                            "partial_rotary_factor": rng.choice([1.0, 0.5])}},
                          attention_bias=rng.random() < 0.3, tie_word_embeddings=rng.random() < 0.3)


def later_config(family, rng):
    return gemma4(rng, True) if family == "gemma4_e" else globals()[family](rng)


def convertible(config):
    """Whether llama.cpp's files have room for all that a configuration says."""
    if config.model_type == "gemma2":
        return config.query_pre_attn_scalar == config.head_dim and config.attn_logit_softcapping and config.final_logit_softcapping
    if config.model_type == "cohere2_moe":
        return config.shared_expert_combination_strategy == "average"
    return config.model_type == "phi3"


def special_weight(name, p, config, normal):
    """Weights that are neither norms nor matrices as all have them; None: as the others."""
    if name.endswith(("layer_scalar", "router.scale", "per_expert_scale")):
        return 1 + normal(p) * 0.2
    if config.model_type == "gemma4_text" and name.endswith(("q_norm.weight", "k_norm.weight")):
        return (1 + normal(p) * 0.2) / p.shape[0] ** 0.25  # their scores have no divisor
    if config.model_type == "llama4_text" and ".experts." in name:  # the other way round
        return normal(p) * (4.0 if "gate_up" in name else 1.2) / math.sqrt(p.shape[1])
    if name.endswith(("embed_tokens_per_layer.weight", "embed_tokens.weight")):
        return normal(p) * (0.5 if "per_layer" in name else 1.0)
    return None
