"""An estimate, nothing measured: what steps should reach by the bytes that they read, the instructions that kernels take
a weight, what blocks read from the second-level cache, and the launches of a layer, each with what a hand-over between
launches costs by published figures. One row by a program hands over between as many stages: what that costs where no block
asked for weights ahead is the last column but one.

usage: estimate.py [--tbs 4.3] [--tlanes 33.4] [--cache-tbs 5.5] [--blocks 132] [--handover 1.3 2.2] [--meeting 1.3 1.6]
--tbs: TB/s that the card reads; --tlanes: 10^12 instructions of lanes a second (multiprocessors * 128 * clock);
--cache-tbs: TB/s of the second-level cache, some 24 bytes a clock and multiprocessor; --blocks: multiprocessors.
"""
import argparse
import pathlib
import re

# Bytes a weight as files and cards hold them.
BYTES = {"BF16": 2, "Q8_0": 34 / 32, "Q4_K": 144 / 256, "Q5_0": 22 / 32}
# Bytes a value of a prepared row: two planes of bytes and their scales, or two 16-bit floats.
INPUTS = {"BF16": 4, "Q8_0": 2.5, "Q4_K": 2.5, "Q5_0": 2.5}
# (rows, columns) of the matrices that each launch of a layer's attention multiplies with, hidden neurons of its shared or
# dense block and of an expert; bytes of a token in a layer's cache; launches of a layer with one row and with 32, as the emulated device counted them.
SHAPES = {
    "DeepSeek-V2-Lite": dict(layers=27, hidden=2048, vocabulary=102400,
                             attention=((3648, 2048), (8192, 128), (2048, 512), (2048, 2048)), shared=2816, experts=64,
                             active=6, expert=1408, dense_first=10944, cache=2 * 576, launches=(6, 16)),
    "Llama-3-8B": dict(layers=32, hidden=4096, vocabulary=128256, attention=((6144, 4096), (4096, 4096)), shared=14336,
                       experts=0, active=0, expert=0, cache=2 * 2048, launches=(5, 10)),
    "Qwen3-30B-A3B": dict(layers=48, hidden=2048, vocabulary=151936, attention=((5120, 2048), (2048, 4096)), shared=0,
                          experts=128, active=8, expert=768, cache=2 * 1024, launches=(5, 12)),
}


def costs():
    """{type: (one row, up to eight, each further eight)}"""
    source = pathlib.Path(__file__).with_name("instruction_costs.cpp").read_text()
    return {name: tuple(float(number) for number in numbers.split(", "))
            for name, numbers in re.findall(r'\{"(\w+)", ([\d., ]+)\}', source)}


def parts(shape, kind, batch, blocks):
    """(weights, type, rows that meet each, tile rows that read their inputs once) of a step; experts that no row chose left
    out."""
    hidden, width = shape["hidden"], shape["expert"]
    routed = shape["layers"] - (1 if "dense_first" in shape else 0)
    met = shape["experts"] * (1 - (1 - shape["active"] / shape["experts"]) ** batch) if shape["experts"] else 0
    rows = max(1, batch * shape["active"] / met) if met else 0

    def together(outputs):
        """As the kernels for more than eight rows decide it, which leave no multiprocessors idle for it."""
        return 2 if batch > 8 and 8 * (outputs // 32) >= 7 * blocks else 1

    for outputs, columns in shape["attention"]:
        yield shape["layers"] * outputs * columns, kind, batch, together(outputs)
    yield hidden * shape["vocabulary"], kind, batch, together(shape["vocabulary"])
    for count, neurons, met_by in ((routed, shape["shared"], batch), (1, shape.get("dense_first", 0), batch),
                                   (routed * met, width, rows)):
        narrow = "Q5_0" if kind == "Q4_K" and neurons % 256 else kind
        yield 2 * count * hidden * neurons, kind, met_by, 2
        yield count * hidden * neurons, narrow, met_by, 1


def step(shape, kind, batch, context, rates):
    """(microseconds by bytes, by instructions, by the second-level cache)"""
    table, read, lanes, inputs = costs(), 0, 0, 0
    for weights, name, rows, together in parts(shape, kind, batch, rates.blocks):
        read += weights * BYTES[name]
        if batch > 1:  # a single row's stay in shared memory
            inputs += weights * INPUTS[name] * -(-rows // 8) * 8 / 16 / together
        one, few, more = table[name]
        lanes += weights * (one if rows <= 1 else few + more * (-(-rows // 8) - 1))
    read += batch * context * shape["cache"] * shape["layers"]
    return read / rates.tbs / 1e6, lanes / rates.tlanes / 1e6, (read + inputs) / rates.cache_tbs / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tbs", type=float, default=4.3)
    parser.add_argument("--tlanes", type=float, default=33.4)
    parser.add_argument("--cache-tbs", type=float, default=5.5)
    parser.add_argument("--blocks", type=int, default=132)
    parser.add_argument("--handover", type=float, nargs=2, default=(1.3, 2.2), metavar="US")
    parser.add_argument("--meeting", type=float, nargs=2, default=(1.3, 1.6), metavar="US",
                        help="of all blocks between two stages of a program")
    rates = parser.parse_args()
    print("Estimate, not measured. us a step: by bytes / by instructions / by the second-level cache; share of the largest "
          f"with hand-overs of {rates.handover[0]} .. {rates.handover[1]} us between launches, {rates.meeting[0]} .. "
          f"{rates.meeting[1]} us between stages of a program with nothing asked ahead; tokens/s over one sequence's.")
    print("| shape | weights | sequences | context | by bytes | by instructions | by the cache | us lost a layer | share | "
          "by a program | over one |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, shape in SHAPES.items():
        for kind in ("BF16", "Q8_0", "Q4_K"):
            alone = None
            for batch, context in ((1, 128), (1, 8192), (32, 128)):
                by_bytes, by_lanes, by_cache = step(shape, kind, batch, context, rates)
                limit, launches = max(by_bytes, by_lanes, by_cache), shape["launches"][batch > 1]
                lost = [launches * one for one in rates.handover]
                taken = [limit + shape["layers"] * one for one in lost]
                alone = alone or taken
                program = " .. ".join(f"{launches * one:.0f}" for one in rates.meeting) if batch == 1 else ""
                gain = " .. ".join(f"{batch * a / t:.0f}x" for a, t in zip(alone, taken)) if batch > 1 else ""
                print(f"| {name} | {kind} | {batch} | {context} | {by_bytes:.0f} | {by_lanes:.0f} | {by_cache:.0f} | "
                      f"{lost[0]:.0f} .. {lost[1]:.0f} | {100 * limit / taken[1]:.0f} .. {100 * limit / taken[0]:.0f} % | "
                      f"{program} | {gain} |")


if __name__ == "__main__":
    main()
