"""Random small models of every family, computed by transformers and by this program, compared.

python tests/oracle/family_differential.py CLI [--count N] [--seed S] [--family F ...] [--tokens N]

CLI is the built switchyard-cli. Each model goes through its folder and through GGUF files in the forms found in the field; logits
on the exact path must agree to an NMSE of 1e-9 with the same best token everywhere. Failures are listed. Besides the families that
run by default there are deepseek_v2_deep and deepseek_v3_deep, with as many layers and experts as V2 and V3, and those of
family_later_shapes.py.
"""
import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import traceback

import numpy as np

import family_folders
import family_gguf
from family_later_shapes import convertible
from family_shapes import DEEP, FAMILIES, draw, reference_logits

LIMIT, DEEP_LIMIT = 1e-9, 1e-8  # sixty layers of random weights amplify what rounding leaves


def logits(cli, model, ids, *options):
    """What the program computes, or the sentence it says instead."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as out:
        done = subprocess.run([cli, "logits", str(model), "--ids", ",".join(map(str, ids)), "--out", out.name, "--exact", *options],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"exit {done.returncode}: {done.stderr.strip()}"
        return np.load(out.name)


def compare(got, expected):
    """NMSE, and at how many positions another token is best."""
    error = float(((got.astype(np.float64) - expected) ** 2).sum() / (expected.astype(np.float64) ** 2).sum())
    return error, int((got.argmax(-1) != expected.argmax(-1)).sum())


class Table:
    """Worst NMSE and failures by (family, form)."""

    def __init__(self):
        self.cells = {}

    def add(self, family, form, got, expected):
        worst, shapes, failures = self.cells.get((family, form), (0.0, 0, 0))
        if isinstance(got, str):
            self.cells[family, form] = (worst, shapes + 1, failures + 1)
            return got
        error, other = compare(got, expected)
        bad = not error < (DEEP_LIMIT if family in DEEP else LIMIT) or other > 0
        self.cells[family, form] = (max(worst, error), shapes + 1, failures + bad)
        return f"NMSE {error:.2e}, {other} other best tokens" if bad else None

    def show(self):
        for (family, form), (worst, shapes, failures) in sorted(self.cells.items()):
            print(f"{family:12} {form:22} worst {worst:.1e} of {shapes:4} shapes, {failures} failed")


def convert(name, llama, folder, out):
    """Whether the converter of llama.cpp's folder takes a model; it says where not."""
    script = pathlib.Path(__file__).parent / "family_converted.py"
    done = subprocess.run([sys.executable, script, llama, folder, out], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{name}: the converter refuses: {(done.stderr.strip().splitlines() or ['?'])[-1]}", flush=True)
    return done.returncode == 0


def run_all(families, seed, count, table, run):
    """run(family, seed) for each family and `count` seeds; the table, and the process's end."""
    broken = 0
    for i in range(count):
        for family in families:
            try:
                run(family, seed + i)
            except Exception:  # a shape that transformers refuses: seen and counted, not passed over
                broken += 1
                print(f"{family} seed {seed + i} was not compared:\n{traceback.format_exc(limit=-2)}", flush=True)
    table.show()
    print(f"{broken} shapes were not compared")
    sys.exit(broken > 0 or any(failures for _, _, failures in table.cells.values()))


def forms(shape, folder, rng, work, llama):
    """(form, path) of every file made of one model."""
    yield "folder" + (" old" if shape.old_style else " new"), folder
    if shape.family in family_gguf.ARCHITECTURES:
        yield from family_gguf.forms(shape, folder, rng, work)
    elif llama and convertible(shape.model.config) and convert(shape.family, llama, folder, work / "converted.gguf"):
        yield "converted", work / "converted.gguf"


def run_shape(cli, family, seed, table, keep, tokens, llama):
    rng = random.Random(f"{seed}:{family}")
    work = pathlib.Path(tempfile.mkdtemp(prefix=f"{family}-{seed}-"))
    shape = draw(family, rng)
    family_folders.save(shape, work / "model")
    ids = [rng.randrange(shape.model.config.vocab_size) for _ in range(tokens or shape.tokens)]
    failed = False
    paths = list(forms(shape, work / "model", rng, work, llama))
    for experts in (None, *family_gguf.expert_counts(shape, rng)):
        expected = reference_logits(shape, ids, experts)
        for form, path in paths:
            if experts and not form.startswith("folder"):
                continue
            options = ["--experts", str(experts)] if experts else []
            name = form.split()[0] + " --experts" if experts else form
            problem = table.add(family, name, logits(cli, path, ids, *options), expected)
            if problem:
                failed = True
                print(f"{family} seed {seed} {name} {' '.join(options)}: {problem}  {path}", flush=True)
    if not (failed and keep):
        shutil.rmtree(work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cli")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", nargs="*", default=FAMILIES)
    parser.add_argument("--keep", action="store_true", help="keep the files of failures")
    parser.add_argument("--tokens", type=int, help="length of the text, instead of 40 to 96")
    parser.add_argument("--llama", help="llama.cpp's folder: the families of family_later_shapes.py are converted by it, too")
    options = parser.parse_args()
    table = Table()
    run_all(options.family, options.seed, options.count, table,
            lambda family, seed: run_shape(options.cli, family, seed, table, options.keep, options.tokens, options.llama))


if __name__ == "__main__":
    main()
