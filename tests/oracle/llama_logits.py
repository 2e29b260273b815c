#!/usr/bin/env python3
"""Logits of a quantized `llama` GGUF by transformers, on the weights the gguf package decodes: the truth for that file.

usage: llama_logits.py MODEL.gguf IDS(comma-separated) OUT.npy        needs: torch transformers gguf numpy
"""
import sys

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from transformers import LlamaConfig, LlamaForCausalLM


def field(reader, name, default=None):
    f = reader.fields.get(name)
    return default if f is None else f.contents()


def unpermute(w, heads):
    """The converter interleaves each head's halves for rotation by pairs; transformers rotates halves."""
    rows, cols = w.shape
    return w.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def main():
    path, ids, out = sys.argv[1], [int(i) for i in sys.argv[2].split(",")], sys.argv[3]
    reader = GGUFReader(path)
    tensors = {t.name: torch.from_numpy(np.array(dequantize(t.data, t.tensor_type), dtype=np.float32)) for t in reader.tensors}
    heads = field(reader, "llama.attention.head_count")
    kv_heads = field(reader, "llama.attention.head_count_kv", heads)
    config = LlamaConfig(
        vocab_size=tensors["token_embd.weight"].shape[0], hidden_size=field(reader, "llama.embedding_length"),
        intermediate_size=field(reader, "llama.feed_forward_length"), num_hidden_layers=field(reader, "llama.block_count"),
        num_attention_heads=heads, num_key_value_heads=kv_heads, rms_norm_eps=field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_theta=field(reader, "llama.rope.freq_base"), tie_word_embeddings="output.weight" not in tensors,
        max_position_embeddings=field(reader, "llama.context_length"))
    config.rope_parameters = {"rope_type": "default", "rope_theta": field(reader, "llama.rope.freq_base")}
    state = {"model.embed_tokens.weight": tensors["token_embd.weight"], "model.norm.weight": tensors["output_norm.weight"],
             "lm_head.weight": tensors.get("output.weight", tensors["token_embd.weight"])}
    names = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
             "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    for layer in range(config.num_hidden_layers):
        for ours, theirs in names.items():
            w = tensors[f"blk.{layer}.{ours}.weight"]
            if ours in ("attn_q", "attn_k"):
                w = unpermute(w, heads if ours == "attn_q" else kv_heads)
            state[f"model.layers.{layer}.{theirs}.weight"] = w
    model = LlamaForCausalLM(config).to(torch.float32).eval()
    missing = model.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys, missing
    with torch.no_grad():
        np.save(out, model(torch.tensor([ids])).logits[0].numpy())


main()
