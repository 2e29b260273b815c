"""Prints the error of every block format that `switchyard-cli quantize` writes, as the gguf package reads it: root mean
square relative to the weights, on normal rows of 256 and on heavy-tailed ones (Student's t, 4 degrees of freedom), and
what the gguf package's own quantizer reaches where it has one.

Run: python tests/oracle/block_formats.py build/release/app/cli/switchyard-cli   (needs the packages gguf and numpy)
"""
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np

TYPES = "F16 BF16 Q8_0 Q6_K Q5_K Q4_K Q3_K Q2_K Q5_1 Q5_0 Q4_1 Q4_0 IQ4_NL IQ4_XS MXFP4".split()
ROWS, COLS = 4000, 256


def write(path, weights):
    writer = gguf.GGUFWriter(path, "llama")
    for name, values in weights.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def error(values, decoded):
    return np.sqrt(((values - decoded).astype(np.float64) ** 2).sum() / (values.astype(np.float64) ** 2).sum())


def other(values, name):
    kind = gguf.GGMLQuantizationType[name]
    try:
        return error(values, gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind))
    except NotImplementedError:
        return float("nan")


def main():
    rng = np.random.default_rng(1)
    weights = {"blk.0.attn_q.weight": rng.normal(size=(ROWS, COLS)).astype(np.float32),
               "blk.0.attn_k.weight": rng.standard_t(4, size=(ROWS, COLS)).astype(np.float32)}
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "in.gguf", pathlib.Path(folder) / "out.gguf"
        write(source, weights)
        print("type    bits   normal  (gguf)   heavy  (gguf)")
        for name in TYPES:
            subprocess.run([sys.argv[1], "quantize", source, target, "--type", name, "--pure"], check=True,
                           stdout=subprocess.DEVNULL)
            tensors = {t.name: t for t in gguf.GGUFReader(target).tensors}
            row = f"{name:7}"
            for i, (key, values) in enumerate(weights.items()):
                tensor = tensors[key]
                assert tensor.tensor_type.name == name, (name, tensor.tensor_type.name)
                decoded = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
                if i == 0:
                    row += f"{8 * tensor.n_bytes / values.size:5.2f}"
                row += f"  {error(values, decoded):.4f} ({other(values, name):.4f})"
            print(row, flush=True)


if __name__ == "__main__":
    main()
