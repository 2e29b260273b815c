"""Makes the routed experts of a carve plan narrower: from each, the neurons that matter most (mean |activation| times
the norm of their down column) become shared, so that fewer experts cost less quality and save less time. Train the
routers afterwards.

Run: python resources/carve/narrow_experts.py MODEL.gguf IN.plan OUT.plan WIDTH TOKENS.jsonl ... [--tokens 32000]
Needs what train_routers.py needs. A width that is a multiple of 32 keeps every block format possible.
"""
import argparse
import pathlib
import random

import numpy as np
import torch

from train_routers import SHARED, load_dense, read_plan, read_texts, write_plan


def importance(model, texts):
    """For each layer [width]: the sum of |activation| over the tokens, times the norm of the neuron's down column."""
    sums = [torch.zeros(block.mlp.down_proj.in_features) for block in model.model.layers]

    def add(sum_of_layer):
        def hook(_, inputs):
            sum_of_layer.add_(inputs[0].float().abs().sum((0, 1)))  # returns nothing: the input stays
        return hook

    for block, sum_of_layer in zip(model.model.layers, sums):
        block.mlp.down_proj.register_forward_pre_hook(add(sum_of_layer))
    with torch.no_grad():
        for ids in texts:
            model.model(torch.tensor([ids]))
    return [(s * block.mlp.down_proj.weight.float().norm(dim=0)).numpy() for block, s in zip(model.model.layers, sums)]


def narrow(owners, importance_of_layer, experts, width):
    owners = owners.copy()
    for expert in range(experts):
        own = np.flatnonzero(owners == expert)
        owners[own[np.argsort(-importance_of_layer[own], kind="stable")][: len(own) - width]] = SHARED
    return owners


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("plan")
    parser.add_argument("out")
    parser.add_argument("width", type=int)
    parser.add_argument("tokens_files", nargs="+")
    parser.add_argument("--tokens", type=int, default=32_000)
    options = parser.parse_args()
    header, layers = read_plan(options.plan)
    if not 0 < options.width < header["expert_width"] or header["width"] % options.width:
        parser.error(f"the width must divide {header['width']} and be under {header['expert_width']}")
    texts = list(read_texts(options.tokens_files))
    random.Random(0).shuffle(texts)
    enough = np.searchsorted(np.cumsum([len(t) for t in texts]), options.tokens) + 1
    ranks = importance(load_dense(options.model), texts[:enough])
    header["expert_width"] = options.width
    write_plan(options.out, header, [(narrow(owners, rank, header["experts"], options.width), router, intercept)
                                     for (owners, router, intercept), rank in zip(layers, ranks)])


if __name__ == "__main__":
    main()
