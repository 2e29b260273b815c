"""Saves a drawn model as its authors would: config.json in the new style or the old one, safetensors in one file or sharded."""
import copy
import json
import pathlib

import safetensors.torch
import torch

from family_shapes import Shape


def old_config(config):
    """The same configuration as files before `rope_parameters` have it."""
    config = dict(config)
    rope = dict(config.pop("rope_parameters", None) or {})
    config["rope_theta"] = rope.pop("rope_theta", 10000.0)
    kind = rope.pop("rope_type", "default")
    config["rope_scaling"] = None if kind == "default" else rope | {"type": kind}
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    if config["model_type"].startswith("qwen"):
        config.pop("layer_types", None)  # derived from the other keys in older files
    return config


def config_json(shape: Shape, folder: pathlib.Path):
    config = json.loads((folder / "config.json").read_text())
    if shape.family == "deepseek":
        config |= shape.model.deepseek | {"model_type": "deepseek", "architectures": ["DeepseekForCausalLM"]}
        config.pop("head_dim", None)
    if shape.family == "deepseek_v3":
        config |= {"scoring_func": "sigmoid", "topk_method": "noaux_tc"} if shape.old_style else {}
    if shape.family == "deepseek_v2" and shape.old_style:
        config["scoring_func"] = "softmax"
    return old_config(config) if shape.old_style else config


def save(shape: Shape, folder: pathlib.Path):
    rounded = copy.deepcopy(shape.model).to(shape.dtype)  # rounds the rotary frequencies too, which the reference must not
    rounded.save_pretrained(folder, max_shard_size=shape.shard_bytes)
    (folder / "config.json").write_text(json.dumps(config_json(shape, folder), indent=1))


def tensors(folder: pathlib.Path):
    """All tensors of a folder as float32, by name."""
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= {name: t.to(torch.float32) for name, t in safetensors.torch.load_file(file).items()}
    return found
