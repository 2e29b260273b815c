"""Models with something wrong in them: each must end in exit 1 and one clear sentence, or in logits, and never in a crash.

python tests/oracle/family_faults.py CLI [--count N] [--seed S]

First named faults, whose sentence must name what is wrong; then N random changes of config.json and as many of GGUF metadata, under
a limit on memory and time.
"""
import argparse
import json
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile

import gguf
import safetensors.torch

import family_folders
import family_gguf
from family_shapes import FAMILIES, draw

MEMORY, SECONDS = 1 << 30, 20


def run(cli, path):
    """(exit status, stderr); a status below zero is a signal's."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.NamedTemporaryFile(suffix=".npy") as out:
        try:
            done = subprocess.run([cli, "logits", str(path), "--ids", "1,2,3", "--out", out.name], capture_output=True, text=True,
                                  errors="replace", check=False, preexec_fn=limit, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return -1000, f"not done in {SECONDS} seconds"
    return done.returncode, done.stderr


def complaint(status, said):
    """What is wrong with how the program ended; None where nothing is."""
    if status == 0:
        return None
    if status != 1:
        return f"exit {status}"
    if said.count("\n") != 1 or len(said) > 600 or any(word in said for word in ("bad_alloc", "json.exception", "std::", "basic_string")):
        return "no clear sentence"
    return None


class Base:
    """A good model to spoil: a folder and its GGUF."""

    def __init__(self, family, seed, work):
        self.shape = draw(family, random.Random(f"{seed}:{family}"))
        self.folder = work / family
        family_folders.save(self.shape, self.folder)

    def copy(self, to):
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return to


def change_config(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (config | changes).items() if v != "absent"}))


def change_tensor(folder, part, change):
    """`change` gets the tensors of a file and the name of the first that has `part` in it."""
    for file in sorted(folder.glob("*.safetensors")):
        tensors = safetensors.torch.load_file(file)
        name = next((n for n in tensors if part in n), None)
        if name:
            safetensors.torch.save_file(change(tensors, name), file)
            return
    raise ValueError(f"no tensor has {part} in its name")


def without(tensors, name):
    return {n: t for n, t in tensors.items() if n != name}


def cut(tensors, name):
    return tensors | {name: tensors[name][1:].contiguous()}


def named_faults(bases, work):
    """(what, folder or file, words that the sentence must have)"""
    def spoiled(family, **changes):
        folder = bases[family].copy(work / "spoiled")
        change_config(folder, **changes)
        return folder

    for unknown in ("mamba", "gemma3", "phi3", "some \"thing\"\n"):
        yield f"model_type {unknown}", spoiled("llama", model_type=unknown), ["model_type", unknown.split('"')[0].strip()]
        path = work / "unknown.gguf"
        writer = gguf.GGUFWriter(path, unknown)
        writer.add_uint32(f"{unknown}.block_count", 2)
        for name in ("token_embd.weight", "blk.0.ssm_a", "blk.0.attn_qkv.weight"):
            writer.add_tensor(name, family_folders.torch.zeros(8, 8).numpy())
        for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
            step()
        yield f"architecture {unknown}", path, ["architecture", unknown.split('"')[0].strip(), "ssm_a"]
    yield "no model_type", spoiled("llama", model_type="absent"), ["model_type"]
    heads = bases["llama"].shape.model.config.num_attention_heads
    yield "heads", spoiled("llama", num_key_value_heads=heads + 1), ["num_key_value_heads", "divide"]
    yield "no heads", spoiled("llama", num_attention_heads=0), ["num_attention_heads"]
    yield "hidden size", spoiled("llama", hidden_size=8), ["embd"]
    yield "vocabulary", spoiled("llama", num_hidden_layers=50), ["blk.", "missing"]
    yield "activation", spoiled("llama", hidden_act="gelu"), ["hidden_act", "gelu"]
    yield "text for a number", spoiled("llama", hidden_size="64"), ["hidden_size"]
    yield "many layers", spoiled("llama", num_hidden_layers=1 << 29), ["num_hidden_layers"]
    yield "head_dim", spoiled("qwen3", head_dim=1 << 29), ["head_dim"]
    yield "active", spoiled("mixtral", num_experts_per_tok=999), ["num_experts_per_tok", "999"]
    yield "experts", spoiled("mixtral", num_local_experts=1 << 29), ["num_local_experts"]
    yield "one expert more", spoiled("mixtral", num_local_experts=bases["mixtral"].shape.model.config.num_local_experts + 1), ["expert", "missing"]
    yield "groups", spoiled("deepseek_v3", n_group=7), ["n_group", "divide"]
    yield "groups kept", spoiled("deepseek_v3", topk_group=99), ["topk_group"]
    yield "latent", spoiled("deepseek_v2", v_head_dim=1), ["kv_b"]
    yield "rope type", spoiled("llama", rope_parameters={"rope_type": "longrope", "rope_theta": 1.0}, rope_scaling="absent"), ["longrope"]
    for family, part in (("llama", "q_proj.weight"), ("mixtral", "gate.weight"), ("deepseek_v2", "kv_b_proj"), ("gpt_oss", "router.weight"),
                         ("qwen2_moe", "shared_expert.up"), ("llama", "embed_tokens"), ("olmoe", "model.norm")):
        for what, change in (("without", without), ("cut", cut)):
            folder = bases[family].copy(work / "spoiled")
            change_tensor(folder, part, change)
            yield f"{family} {what} {part}", folder, []
    folder = bases["sharded"].copy(work / "spoiled")
    shard = sorted(folder.glob("*.safetensors"))[-1]
    shard.unlink()
    yield "missing shard", folder, [shard.name]
    folder = bases["sharded"].copy(work / "spoiled")
    index = folder / "model.safetensors.index.json"
    map_ = json.loads(index.read_text())
    name = next(iter(map_["weight_map"]))
    map_["weight_map"][name] = "nowhere.safetensors"
    index.write_text(json.dumps(map_))
    yield "index of nowhere", folder, ["nowhere.safetensors"]
    map_["weight_map"][name] = "../model.safetensors"
    index.write_text(json.dumps(map_))
    yield "index out of the folder", folder, ["weight_map"]


STRANGE = [0, 1, -1, 2, 3, 7, 255, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1, 0.5, -0.0, 1e-300, 1e300, True, False, None, "", "x",
           "silu", [], [1], {}, {"a": 1}, "yarn", "default"]


def change_somewhere(config, rng):
    """A random value of a JSON object, at any depth, becomes another or goes away."""
    key = rng.choice(list(config))
    if isinstance(config[key], dict) and config[key] and rng.random() < 0.8:
        return change_somewhere(config[key], rng)
    if rng.random() < 0.15:
        del config[key]
    elif isinstance(config[key], int) and rng.random() < 0.5:
        config[key] += rng.choice([-2, -1, 1, 2, 5])
    else:
        config[key] = rng.choice(STRANGE)


class SpoilingWriter(gguf.GGUFWriter):
    """Writes some numbers and texts otherwise than it is told."""

    def spoil(self, rng, share):
        self.rng, self.share = rng, share
        return self

    def add_uint32(self, key, val):
        if self.rng.random() < self.share:
            val = self.rng.choice([0, 1, 2, val + 1, max(val - 1, 0), val * 2, 1 << 16, (1 << 32) - 1])
        super().add_uint32(key, min(val, (1 << 32) - 1))

    def add_float32(self, key, val):
        super().add_float32(key, self.rng.choice([0.0, -1.0, 1e38, float("nan"), float("inf"), 1e-38]) if self.rng.random() < self.share else val)

    def add_string(self, key, val):
        if key != "general.architecture" and self.rng.random() < self.share:
            val = self.rng.choice(["", "none", "longrope", "linear", "\0", "é" * 300])
        super().add_string(key, val)


def random_faults(bases, work, rng, count):
    families = [f for f in FAMILIES if f in bases]
    for i in range(count):
        base = bases[rng.choice(families)]
        folder = base.copy(work / "spoiled")
        config = json.loads((folder / "config.json").read_text())
        for _ in range(rng.choice([1, 1, 2, 3])):
            change_somewhere(config, rng)
        (folder / "config.json").write_text(json.dumps(config))
        yield f"random folder {i}", folder
        path = work / "spoiled.gguf"
        tensors = family_gguf.converted(base.shape, base.folder)
        if hasattr(base.shape.model.config, "kv_lora_rank") and rng.random() < 0.5:
            family_gguf.split_kv_b(tensors, base.shape.model.config)
        make = lambda *args, **options: SpoilingWriter(*args, **options).spoil(rng, 0.08)
        family_gguf.write(base.shape, tensors, path, rng.random() < 0.5, rng.random() < 0.3, make_writer=make)
        yield f"random GGUF {i}", path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cli")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="faults-"))
    bases = {family: Base(family, options.seed, work) for family in FAMILIES}
    for seed in range(100):  # a model that is sharded
        base = Base("qwen2", seed, work / "sharded")
        if (base.folder / "model.safetensors.index.json").exists():
            bases["sharded"] = base
            break
    failures = tried = refused = 0
    for what, path, words in named_faults(bases, work):
        status, said = run(options.cli, path)
        problem = complaint(status, said) or (None if status == 1 else f"exit {status}")
        problem = problem or next((f"says nothing of {w!r}" for w in words if w not in said), None)
        tried += 1
        print(f"{'FAILED ' + problem if problem else 'ok'}: {what}: {said.strip()}")
        failures += problem is not None
    for what, path in random_faults(bases, work, random.Random(options.seed), options.count):
        status, said = run(options.cli, path)
        problem = complaint(status, said)
        tried += 1
        refused += status == 1
        if problem:
            failures += 1
            kept = pathlib.Path(tempfile.mkdtemp(prefix="fault-")) / path.name
            shutil.copytree(path, kept) if path.is_dir() else shutil.copy(path, kept)
            print(f"FAILED {problem}: {what} {kept}: {said.strip()[:500]}", flush=True)
    print(f"{tried} models, {refused} of the random ones refused, {failures} failures")
    shutil.rmtree(work)
    sys.exit(failures > 0)


main()
