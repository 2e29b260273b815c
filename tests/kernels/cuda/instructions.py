"""Counts what products of answers take a weight: instructions of a lane in the hot loop of each kind of unit.

usage: instructions.py [TYPE ...]    needs nvcc and nvdisasm (PyPI: nvidia-cuda-nvdisasm) on PATH
       instructions.py --check       of the types in tests/gpu/instruction_costs.cpp, fails where they take more
Compiles a kernel that knows one type alone, with the flags of the library, and reads the machine code for sm_90. Prints
rows as tests/gpu/instruction_costs.cpp has them: with one row, with up to eight, and for each further eight.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TABLE = ROOT / "tests/gpu/instruction_costs.cpp"
ROUNDED = 0.01  # figures of the table have two places
COMPILER = "release 13.0"  # that they were counted with
UNITS = {"F32": ("WideUnit", 64), "F16": ("PairUnit", 128), "BF16": ("PairUnit", 128), "FP8": ("PairUnit", 128)}
INTEGER_UNIT = ("IntegerUnit", 256)  # and its columns
TILE_ROWS, LANES = 16, 32
SINGLE = {"F32", "Q5_K", "Q6_K", "Q3_K", "Q2_K", "IQ4_XS"}  # of the others two tile rows go together with 32 rows
SOURCE = """
#include "kernels/cuda/device_code.h"
#include "kernels/cuda/product_targets.cuh"
namespace switchyard::cuda {{
template <class Unit, int kRows> __device__ void multiply_one_type(const ProductParams& p) {{
    TargetWork<kRows> work(p, p.in, shared_memory<ProductShared<kRows>>());
    auto start = [](BlockType) {{ let_next_start(); wait_for_previous(); }};
    int i = 0;
    if (TileItem item = work.item(0); item.data)
        multiply_run<Unit, kRows>(work, i, item, start);
}}
{kernels}
}}
"""
KERNEL = """__global__ void __launch_bounds__(kProductThreads, {blocks}) count_{type}_{rows}(const __grid_constant__ ProductParams p) {{
    multiply_one_type<{unit}<BlockType::{type}, {rows}>, {rows}>(p);
}}"""
MULTIPLIES = re.compile(r"\b(IMMA|HMMA|FFMA|FMUL)\b")


def unit_of(name):
    return UNITS.get(name, INTEGER_UNIT)


def hot_loop(code):
    """Instructions of the innermost loop with most products, out of a kernel's disassembly."""
    labels, instructions, loops = {}, [], []
    for line in code.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            labels[label[1]] = len(instructions)
        elif instruction := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?);", line):
            instructions.append(instruction[1])
            if (jump := re.search(r"\bBRA.*`\((\.L_x_\d+)\)", instruction[1])) and jump[1] in labels:
                if labels[jump[1]] < len(instructions) - 1:  # not the end of a kernel, which jumps to itself
                    loops.append((labels[jump[1]], len(instructions)))
    best, most = 0, 0
    for begin, end in loops:
        inner = [loop for loop in loops if begin <= loop[0] and loop[1] <= end and loop != (begin, end)]
        products = sum(bool(MULTIPLIES.search(one)) for one in instructions[begin:end])
        within = sum(bool(MULTIPLIES.search(one)) for a, b in inner for one in instructions[a:b])
        if products - within > most:
            best, most = end - begin, products - within
    return best


def count(types):
    """{(type, rows): instructions a weight and lane}"""
    kernels = "\n".join(KERNEL.format(unit=unit_of(name)[0], type=name, rows=rows, blocks=1 if rows == 32 else 2)
                        for name in types for rows in (1, 8, 32))
    with tempfile.TemporaryDirectory() as folder:
        source, cubin = pathlib.Path(folder, "count.cu"), pathlib.Path(folder, "count.cubin")
        source.write_text(SOURCE.format(kernels=kernels))
        subprocess.run(["nvcc", "-std=c++20", "-gencode=arch=compute_90,code=sm_90", "-fmad=false", f"-I{ROOT}", "-cubin",
                        str(source), "-o", str(cubin)], check=True)
        code = subprocess.run(["nvdisasm", "-c", str(cubin)], check=True, capture_output=True, text=True).stdout
    counts = {}
    for section in re.split(r"//-+ \.text\.", code)[1:]:
        if kernel := re.search(r"count_(\w+?)_(\d+)E", section):
            name, rows = kernel[1], int(kernel[2])
            together = 2 if rows == 32 and name not in SINGLE else 1
            counts[name, rows] = hot_loop(section) / (unit_of(name)[1] * TILE_ROWS * together / LANES)
    return counts


def committed():
    """{type: its three figures in the table}"""
    rows = re.findall(r'{"(\w+)", ([\d.]+), ([\d.]+), ([\d.]+)}', TABLE.read_text())
    return {name: [float(one) for one in figures] for name, *figures in rows}


def check(counted):
    """Whether no type takes more instructions than the table says; what differs is printed."""
    good = True
    for name, stated in committed().items():
        for what, now, then in zip(("one row", "up to eight", "each further eight"), counted[name], stated):
            if now > then + ROUNDED:
                print(f"{name}, {what}: {now:.2f} instructions a weight, {then:.2f} are in {TABLE.name}")
                good = False
    return good


def main(arguments):
    types = list(committed()) if arguments == ["--check"] else arguments or list(committed()) + ["F32"]
    for tool in ("nvcc", "nvdisasm"):
        if not shutil.which(tool):
            print(f"{tool} was not found: no instructions are counted")
            return 77
    if arguments == ["--check"]:
        version = subprocess.run(["nvcc", "--version"], check=True, capture_output=True, text=True).stdout
        if COMPILER not in version:
            print(f"the table was counted with nvcc of {COMPILER}, which this is not: no instructions are counted")
            return 77
    counts = count(types)
    figures = {}
    for name in types:
        one, few, many = (counts[name, rows] for rows in (1, 8, 32))
        figures[name] = [one, few, (many - few) / 3]
        print(f'    {{"{name}", {one:.2f}, {few:.2f}, {(many - few) / 3:.2f}}},')
    return 0 if arguments != ["--check"] or check(figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
