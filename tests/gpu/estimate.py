"""An estimate, nothing measured: what steps should reach by the bytes that they read, the instructions that kernels take
a weight, and the launches of a layer, each with what a hand-over between launches costs by published figures. One row by a
program hands over between as many stages: what that costs where no block asked for weights ahead is the last column but one.

usage: estimate.py [--tbs 4.3] [--tlanes 33.4] [--handover 1.3 2.2] [--meeting 1.3 1.6]
--tbs: TB/s that the card reads; --tlanes: 10^12 instructions of lanes a second (multiprocessors * 128 * clock).
"""
import argparse
import pathlib
import re

# Bytes a weight as files and cards hold them.
BYTES = {"BF16": 2, "Q8_0": 34 / 32, "Q4_K": 144 / 256, "Q5_0": 22 / 32}
# Weights of a layer's attention, of its shared or dense block, and of an expert's matrices; bytes of a token in a layer's
# cache; launches of a layer with one row and with 32, as the emulated device counted them.
SHAPES = {
    "DeepSeek-V2-Lite": dict(layers=27, hidden=2048, vocabulary=102400, attention=2048 * 3072 + 2048 * 576 + 512 * 16 * 256
                             + 2048 * 2048, shared=3 * 2048 * 2816, experts=64, active=6, gate_up=2 * 2048 * 1408,
                             down=2048 * 1408, dense_first=3 * 2048 * 10944, cache=2 * 576, launches=(6, 16)),
    "Llama-3-8B": dict(layers=32, hidden=4096, vocabulary=128256, attention=2 * 4096 * 4096 + 2 * 4096 * 1024,
                       shared=3 * 4096 * 14336, experts=0, active=0, gate_up=0, down=0, cache=2 * 2048, launches=(5, 10)),
    "Qwen3-30B-A3B": dict(layers=48, hidden=2048, vocabulary=151936, attention=2 * 2048 * 4096 + 2 * 2048 * 512, shared=0,
                          experts=128, active=8, gate_up=2 * 2048 * 768, down=2048 * 768, cache=2 * 1024, launches=(5, 12)),
}


def costs():
    """{type: (one row, up to eight, each further eight)}"""
    source = pathlib.Path(__file__).with_name("instruction_costs.cpp").read_text()
    return {name: tuple(float(number) for number in numbers.split(", "))
            for name, numbers in re.findall(r'\{"(\w+)", ([\d., ]+)\}', source)}


def parts(shape, kind, batch):
    """(weights, type, rows that meet each) of a step; experts that no row chose left out."""
    narrow = "Q5_0" if kind == "Q4_K" and shape["down"] and shape["down"] // shape["hidden"] % 256 else kind
    routed = shape["layers"] - (1 if "dense_first" in shape else 0)
    met = shape["experts"] * (1 - (1 - shape["active"] / shape["experts"]) ** batch) if shape["experts"] else 0
    rows = max(1, batch * shape["active"] / met) if met else 0
    yield shape["layers"] * shape["attention"] + shape["hidden"] * shape["vocabulary"], kind, batch
    yield routed * shape["shared"], kind, batch
    yield shape.get("dense_first", 0), kind, batch
    yield routed * met * shape["gate_up"], kind, rows
    yield routed * met * shape["down"], narrow, rows


def step(shape, kind, batch, context, rates):
    """(microseconds by bytes, by instructions)"""
    table, read, lanes = costs(), 0, 0
    for weights, name, rows in parts(shape, kind, batch):
        read += weights * BYTES[name]
        one, few, more = table[name]
        lanes += weights * (one if rows <= 1 else few + more * (-(-rows // 8) - 1))
    read += batch * context * shape["cache"] * shape["layers"]
    return read / rates.tbs / 1e6, lanes / rates.tlanes / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tbs", type=float, default=4.3)
    parser.add_argument("--tlanes", type=float, default=33.4)
    parser.add_argument("--handover", type=float, nargs=2, default=(1.3, 2.2), metavar="US")
    parser.add_argument("--meeting", type=float, nargs=2, default=(1.3, 1.6), metavar="US",
                        help="of all blocks between two stages of a program")
    rates = parser.parse_args()
    print("Estimate, not measured. us a step: by bytes / by instructions; share of the larger with hand-overs of "
          f"{rates.handover[0]} .. {rates.handover[1]} us between launches, {rates.meeting[0]} .. {rates.meeting[1]} us "
          "between stages of a program with nothing asked ahead; tokens/s over one sequence's.")
    print("| shape | weights | sequences | context | by bytes | by instructions | us lost a layer | share | by a program | "
          "over one |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, shape in SHAPES.items():
        for kind in ("BF16", "Q8_0", "Q4_K"):
            alone = None
            for batch, context in ((1, 128), (1, 8192), (32, 128)):
                by_bytes, by_lanes = step(shape, kind, batch, context, rates)
                limit, launches = max(by_bytes, by_lanes), shape["launches"][batch > 1]
                lost = [launches * one for one in rates.handover]
                taken = [limit + shape["layers"] * one for one in lost]
                alone = alone or taken
                program = " .. ".join(f"{launches * one:.0f}" for one in rates.meeting) if batch == 1 else ""
                gain = " .. ".join(f"{batch * a / t:.0f}x" for a, t in zip(alone, taken)) if batch > 1 else ""
                print(f"| {name} | {kind} | {batch} | {context} | {by_bytes:.0f} | {by_lanes:.0f} | {lost[0]:.0f} .. "
                      f"{lost[1]:.0f} | {100 * limit / taken[1]:.0f} .. {100 * limit / taken[0]:.0f} % | {program} | {gain} |")


if __name__ == "__main__":
    main()
