"""Trains the routers of a carve plan, so that the carved model foretells what the dense one does with any number of its
experts. `switchyard-cli carve` fits each layer's router by itself, to the norms of the experts' outputs; here all of
them learn together from the difference (Kullback-Leibler) to the dense model's own predictions. Which neuron belongs to
which expert stays. The README beside this file says which plans were.

Run: python resources/carve/train_routers.py MODEL.gguf IN.plan OUT.plan TEXT.jsonl ... [--minutes 20]
TEXT.jsonl: a list of token ids a line, as `switchyard-cli carve --save-text` writes them.
Needs the packages torch, transformers, gguf and numpy; for dense models of the llama and qwen2 families.
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

MAGIC, EXACT = b"SWCARVE2", 254
MOST_PACKED = 14  # with so many experts at most, an owner takes four bits
TEXT_TOKENS, BATCH_TEXTS = 384, 8
SOFTNESS = 0.3  # of the choice in the backward pass, in standard deviations of a token's scores
LIKELY = 32  # tokens of the dense model's prediction at each place: what a batch's predictions are compared on


def read_plan(path):
    """The header and, for each layer behind the dense ones, owners [width], router [experts, hidden] and direction [hidden]."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == MAGIC, f"{path} is not a carve plan of this version"
    (length,) = struct.unpack_from("<I", data, 8)
    header, at, layers = json.loads(data[12:12 + length]), 12 + length, []

    def take(kind, count):
        nonlocal at
        values = np.frombuffer(data, kind, count, at)
        at += values.nbytes
        return values

    for _ in range(header["layers"]):
        owners = take(np.uint8, packed_bytes(header))
        if header["experts"] <= MOST_PACKED:
            owners = np.stack([owners & 15, owners >> 4], 1).ravel()[:header["width"]]
            owners = np.where(owners >= MOST_PACKED, owners + 240, owners).astype(np.uint8)
        router = take(np.float16, header["experts"] * header["hidden"]).astype(np.float32)
        layers.append((owners, router.reshape(header["experts"], -1), take(np.float16, header["hidden"])))
    return header, layers


def packed_bytes(header):
    return (header["width"] + 1) // 2 if header["experts"] <= MOST_PACKED else header["width"]


def write_plan(path, header, layers):
    def packed(owners):
        if header["experts"] > MOST_PACKED:
            return owners
        nibbles = np.zeros(2 * packed_bytes(header), np.uint8)
        nibbles[:len(owners)] = np.where(owners >= EXACT, owners - 240, owners)
        return nibbles[0::2] | nibbles[1::2] << 4

    text = json.dumps(header, separators=(",", ":")).encode()
    arrays = b"".join(packed(o).tobytes() + r.astype(np.float16).tobytes() + d.tobytes() for o, r, d in layers)
    pathlib.Path(path).write_bytes(MAGIC + struct.pack("<I", len(text)) + text + arrays)


class Carved:
    """The dense model, whose feed-forward blocks leave out what the routers do not choose. `active` [texts]: experts of
    each; None: dense."""

    def __init__(self, model, layers, experts):
        self.experts, self.active = experts, None
        self.routers, self.scales = [], []
        leading = len(model.model.layers) - len(layers)  # stay dense
        for block, (owners, router, _) in zip(model.model.layers[leading:], layers, strict=True):
            scale = float(np.sqrt((router**2).mean()))  # one learning rate then suits every layer
            self.scales.append(scale)
            self.routers.append(torch.nn.Parameter(torch.tensor(router / scale)))
            belongs = torch.tensor(owners[None, :] == np.arange(experts)[:, None]).to(torch.bfloat16)
            shared = torch.tensor(owners >= EXACT).to(torch.bfloat16)
            block.mlp.forward = self.forward_of(block.mlp, len(self.scales) - 1, belongs, shared)

    def forward_of(self, mlp, layer, belongs, shared):
        def forward(x):
            h = F.silu(mlp.gate_proj(x)) * mlp.up_proj(x)
            if self.active is not None:
                h = h * (self.choose(x.float(), layer).to(h.dtype) @ belongs + shared)
            return mlp.down_proj(h)
        return forward

    def choose(self, x, layer):
        """[texts, tokens, experts]: 1 for the chosen; backwards as if the choice were a soft one around the cut."""
        scores = x @ self.routers[layer].T
        fixed = scores.detach()
        best = fixed.sort(dim=-1, descending=True).values
        last = self.active[:, None, None].expand(-1, best.shape[1], 1)
        cut = (best.gather(-1, last - 1) + best.gather(-1, last)) / 2
        soft = torch.sigmoid((scores - cut) / (SOFTNESS * fixed.std(dim=-1, keepdim=True) + 1e-6))
        return (fixed > cut).float() + soft - soft.detach()

    def layers(self, old):
        return [(owners, (r.detach() * s).numpy(), direction)
                for (owners, _, direction), r, s in zip(old, self.routers, self.scales)]


def read_texts(paths):
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            ids = json.loads(line)
            yield from (ids[i:i + TEXT_TOKENS] for i in range(0, len(ids) - 16, TEXT_TOKENS))


def load_dense(path):
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.bfloat16,
                                                 quantization_config=GgufConfig(dequantize=True))
    return model.eval().requires_grad_(False)


def batches(texts, size):
    """Texts of like length together, the batches in random order."""
    ordered = sorted(texts, key=len)
    found = [ordered[i:i + size] for i in range(0, len(ordered), size)]
    random.shuffle(found)
    return found


class Teacher:
    """What the dense model foretells, computed once for each text."""

    def __init__(self, model, carved):
        self.model, self.carved, self.known = model, carved, {}

    def likely(self, batch):
        """For each text the log probabilities and ids [tokens, LIKELY] of the likeliest tokens."""
        new = [t for t in batch if id(t) not in self.known]
        if new:
            self.carved.active = None
            with torch.no_grad():
                hidden = self.model.model(padded(new)).last_hidden_state
                for text, h in zip(new, hidden):
                    best = self.model.lm_head(h[:len(text)]).float().log_softmax(-1).topk(LIKELY, dim=-1)
                    self.known[id(text)] = (best.values.half(), best.indices.int())
        return [self.known[id(t)] for t in batch]


def padded(batch):
    longest = max(map(len, batch))
    return torch.tensor([text + [0] * (longest - len(text)) for text in batch])


def divergences(model, carved, teacher, batch, active):
    """[texts]: the mean divergence over each text's tokens, with `active` [texts] experts. Only tokens that the dense
    model finds likely anywhere in the batch are compared: a small part of the output matrix does."""
    wanted = teacher.likely(batch)
    tokens, places = torch.cat([w[1].flatten() for w in wanted]).long().unique(return_inverse=True)
    head = model.lm_head.weight[tokens]
    carved.active = active
    hidden, found, at = model.model(padded(batch)).last_hidden_state, [], 0
    for text, (logs, _), h in zip(batch, wanted, hidden):
        got = (h[:len(text)] @ head.T).float().log_softmax(-1).gather(-1, places[at:at + logs.numel()].view(logs.shape))
        at += logs.numel()
        found.append((logs.float().exp() * (logs.float() - got)).sum(-1).mean())
    return torch.stack(found)


def train(model, carved, texts, minutes, rate):
    optimizer = torch.optim.Adam(carved.routers, lr=rate, betas=(0.9, 0.98))
    teacher, usual, steps = Teacher(model, carved), {}, 0  # usual divergence at each number: by it all count alike
    start, queue = time.time(), []
    while (share := (time.time() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * share))
        queue = queue or batches(texts, BATCH_TEXTS)
        batch = queue.pop()
        active = torch.tensor([random.randrange(1, carved.experts) for _ in batch])
        found = divergences(model, carved, teacher, batch, active)
        loss = 0
        for a, d in zip(active.tolist(), found):
            usual[a] = 0.95 * usual.get(a, d.item()) + 0.05 * d.item()
            loss = loss + d / usual[a] / len(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(carved.routers, 1.0)
        optimizer.step()
        steps += 1
        if steps % 10 == 0:
            print(f"{time.time() - start:.0f} s, {steps} steps, divergence", {k: round(v, 3) for k, v in sorted(usual.items())},
                  flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("plan")
    parser.add_argument("out")
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=0.02)
    options = parser.parse_args()
    random.seed(0)
    texts = list(read_texts(options.texts))
    header, layers = read_plan(options.plan)
    model = load_dense(options.model)
    carved = Carved(model, layers, header["experts"])
    train(model, carved, texts, options.minutes, options.rate)
    header["calibration"] = f"{sum(map(len, texts))} tokens of the model's own text"
    write_plan(options.out, header, carved.layers(layers))


if __name__ == "__main__":
    main()
