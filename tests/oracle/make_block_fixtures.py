"""Writes tests/data/quant/blocks.gguf.xz: for each block type a tensor of random blocks, "<type>.blocks",
and what the gguf package decodes them to, "<type>.values" (F32).

Run: python tests/oracle/make_block_fixtures.py   (needs the packages gguf and numpy)
"""
import lzma
import pathlib
import tempfile

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = """F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q6_K Q2_K Q3_K Q5_K Q8_K IQ4_NL IQ4_XS IQ3_S IQ3_XXS IQ2_S
IQ2_XS IQ2_XXS IQ1_M IQ1_S TQ2_0 TQ1_0 MXFP4""".split()
VALUES, ROWS = 512, 4

# Where a block keeps its half-precision scales: random bytes there would often be NaN, so they are drawn.
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q6_K": [208],
          "Q2_K": [80, 82], "Q3_K": [108], "Q5_K": [0, 2], "IQ4_NL": [0], "IQ4_XS": [0], "IQ3_S": [0], "IQ3_XXS": [0],
          "IQ2_S": [0], "IQ2_XS": [0], "IQ2_XXS": [0], "IQ1_S": [0], "TQ2_0": [64], "TQ1_0": [52]}


def decode(data, kind):
    if kind == gguf.GGMLQuantizationType.Q8_K:  # not in the package: a float scale, 256 integers, sums of 16
        flat = data.reshape(-1, 292)
        return flat[:, :4].copy().view(np.float32) * flat[:, 4:260].view(np.int8).astype(np.float32)
    return gguf.quants.dequantize(data, kind)


def blocks(rng, name):
    kind = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    data = rng.integers(0, 256, (ROWS * VALUES // values, size), dtype=np.uint8)
    if name in ("F16", "BF16"):
        wide = rng.normal(size=ROWS * VALUES).astype(np.float32) * 10.0 ** rng.integers(-6, 5, ROWS * VALUES)
        wide = wide.astype(np.float32)
        data = wide.astype(np.float16).view(np.uint8) if name == "F16" else gguf.quants.quantize(wide, kind)
    for at in HALVES.get(name, []):
        d = (rng.normal(size=len(data)) * 10.0 ** rng.integers(-7, 3, len(data))).astype(np.float16)
        data[:, at:at + 2] = d.view(np.uint8).reshape(-1, 2)
    if name == "Q8_K":
        data[:, :4] = rng.normal(size=(len(data), 1)).astype(np.float32).view(np.uint8)
    if name == "IQ1_M":  # the top four bits of the last four 16-bit words are the scale; keep it finite
        data[:, 55] &= 0xbf
    if name == "MXFP4":
        data[:, 0] = np.arange(len(data)) * 4 % 250  # all scales, subnormal ones included
    return kind, data.reshape(ROWS, -1)


def main():
    rng = np.random.default_rng(7)
    target = ROOT / "tests/data/quant/blocks.gguf.xz"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "blocks.gguf"
        writer = gguf.GGUFWriter(path, "fixture")
        for name in TYPES:
            kind, data = blocks(rng, name)
            values = decode(data, kind).astype(np.float32).reshape(ROWS, VALUES)
            assert np.isfinite(values).all(), name
            writer.add_tensor(f"{name}.blocks", data, raw_dtype=kind)
            writer.add_tensor(f"{name}.values", values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        target.write_bytes(lzma.compress(path.read_bytes(), preset=9))
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main()
