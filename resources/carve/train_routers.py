"""Trains the routers of a carve plan, so that the carved model foretells what the dense one does with any number of its
experts. `switchyard-cli carve` fits each layer's router by itself, to the norms of the experts' outputs; here all of
them learn together from the difference (Kullback-Leibler) to the dense model's own predictions. Which neuron belongs to
which expert stays. The plan beside this file was made by both, then by narrow_experts.py, then by this again.

Run: python resources/carve/train_routers.py MODEL.gguf IN.plan OUT.plan TOKENS.jsonl ... [--minutes 20]
TOKENS.jsonl: a list of token ids a line; `switchyard-cli tokenize MODEL.gguf --file TEXT --json` prints ids.
Needs the packages torch, transformers, gguf and numpy; for dense models of the llama family.
"""
import argparse
import json
import math
import pathlib
import random
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, GgufConfig

MAGIC, SHARED = b"SWCARVE1", 255
TEXT_TOKENS, BATCH_TEXTS = 512, 4
SOFTNESS = 0.3  # of the choice in the backward pass, in standard deviations of a token's scores


def read_plan(path):
    """The header and, for each layer, owners [width], router [experts, hidden] and intercepts [experts]."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == MAGIC, f"{path} is not a carve plan"
    (length,) = struct.unpack_from("<I", data, 8)
    header, at, layers = json.loads(data[12:12 + length]), 12 + length, []

    def take(kind, count):
        nonlocal at
        values = np.frombuffer(data, kind, count, at)
        at += values.nbytes
        return values

    for _ in range(header["layers"]):
        owners = take(np.uint8, header["width"])
        router = take(np.float16, header["experts"] * header["hidden"]).astype(np.float32)
        layers.append((owners, router.reshape(header["experts"], -1), take(np.float16, header["experts"]).astype(np.float32)))
    return header, layers


def write_plan(path, header, layers):
    text = json.dumps(header, separators=(",", ":")).encode()
    arrays = b"".join(o.tobytes() + r.astype(np.float16).tobytes() + b.astype(np.float16).tobytes() for o, r, b in layers)
    pathlib.Path(path).write_bytes(MAGIC + struct.pack("<I", len(text)) + text + arrays)


class Carved:
    """The dense model, whose feed-forward blocks leave out what the routers do not choose. `active`: experts; None:
    dense."""

    def __init__(self, model, layers, experts):
        self.experts, self.active = experts, None
        self.routers, self.intercepts, self.scales = [], [], []
        for block, (owners, router, intercept) in zip(model.model.layers, layers, strict=True):
            scale = float(np.sqrt((router**2).mean()))  # one learning rate then suits every layer
            self.scales.append(scale)
            self.routers.append(torch.nn.Parameter(torch.tensor(router / scale)))
            self.intercepts.append(torch.nn.Parameter(torch.tensor(intercept / scale)))
            belongs = torch.tensor(owners[None, :] == np.arange(experts)[:, None]).float()
            shared = torch.tensor(owners == SHARED).float()
            block.mlp.forward = self.forward_of(block.mlp, len(self.scales) - 1, belongs, shared)

    def forward_of(self, mlp, layer, belongs, shared):
        def forward(x):
            h = F.silu(mlp.gate_proj(x)) * mlp.up_proj(x)
            if self.active is not None and self.active < self.experts:
                h = h * (self.choose(x.float(), layer) @ belongs + shared).to(h.dtype)
            return mlp.down_proj(h)
        return forward

    def choose(self, x, layer):
        """[tokens, experts]: 1 for the chosen; backwards as if the choice were a soft one around the cut."""
        scores = x @ self.routers[layer].T + self.intercepts[layer]
        fixed = scores.detach()
        best = fixed.topk(self.active + 1, dim=-1).values
        cut = (best[..., -1:] + best[..., -2:-1]) / 2
        soft = torch.sigmoid((scores - cut) / (SOFTNESS * fixed.std(dim=-1, keepdim=True) + 1e-6))
        return (fixed > cut).float() + soft - soft.detach()

    def layers(self, old):
        return [(owners, (r.detach() * s).numpy(), (b.detach() * s).numpy())
                for (owners, _, _), r, b, s in zip(old, self.routers, self.intercepts, self.scales)]


def read_texts(paths):
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            ids = json.loads(line)
            yield from (ids[i:i + TEXT_TOKENS] for i in range(0, len(ids) - 16, TEXT_TOKENS))


def load_dense(path):
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.bfloat16,
                                                 quantization_config=GgufConfig(dequantize=True))
    return model.eval().requires_grad_(False)


def train(model, carved, texts, minutes, rate):
    parameters = carved.routers + carved.intercepts
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.98))
    usual = {}  # the divergence at each number of experts: by it all numbers count alike
    start, steps = time.time(), 0
    while (share := (time.time() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * share))
        optimizer.zero_grad()
        for i in range(BATCH_TEXTS):
            ids = torch.tensor([texts[(steps * BATCH_TEXTS + i) % len(texts)]])
            active = random.randrange(2, carved.experts)
            with torch.no_grad():
                carved.active = None
                wanted = model(ids).logits[0].float().log_softmax(-1)
            carved.active = active
            divergence = (wanted.exp() * (wanted - model(ids).logits[0].float().log_softmax(-1))).sum(-1).mean()
            usual[active] = 0.95 * usual.get(active, divergence.item()) + 0.05 * divergence.item()
            (divergence / usual[active] / BATCH_TEXTS).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        steps += 1
        if steps % 10 == 0:
            print(steps, "steps, divergence", {k: round(v, 3) for k, v in sorted(usual.items())}, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("plan")
    parser.add_argument("out")
    parser.add_argument("tokens", nargs="+")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=0.02)
    options = parser.parse_args()
    random.seed(0)
    texts = list(read_texts(options.tokens))
    random.shuffle(texts)
    header, layers = read_plan(options.plan)
    model = load_dense(options.model)
    carved = Carved(model, layers, header["experts"])
    train(model, carved, texts, options.minutes, options.rate)
    header["calibration"] = f"{sum(map(len, texts))} tokens of given text and the model's own"
    write_plan(options.out, header, carved.layers(layers))


if __name__ == "__main__":
    main()
