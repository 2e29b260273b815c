"""Random templates over the whole language, rendered by jinja2 and by the C++ interpreter, compared.

python tests/oracle/jinja_differential.py DRIVER [--count N] [--seed S]
python tests/oracle/jinja_differential.py --fixture tests/data/templates/random.json.xz --count N
    writes jinja2's answers for the tests

DRIVER is the built template_driver. Texts must be equal; where jinja2 raises, the interpreter must too.
"""

import argparse
import json
import lzma
import pathlib
import random
import re
import subprocess
import warnings

import chat_jinja
from template_generator import Generator


def cases(seed, count):
    for i in range(count):
        yield Generator(random.Random(f"{seed}:{i}")).case()


def comparable(answer):
    """Addresses of Python objects, complex numbers and whole numbers beyond 64 bits are none of the language."""
    text = answer.get("text", answer.get("error", ""))
    strange = " at 0x|RecursionError|MemoryError|complex|[-+][0-9.e-]+j\\)|[0-9]{19}|<class '|<built-in|<bound method|<function"
    return re.search(strange, text, re.IGNORECASE) is None


def same(expected, got):
    if "text" in expected:
        return expected["text"] == got.get("text")
    return "error" in got


def run_driver(driver, batch):
    lines = "".join(json.dumps(case) + "\n" for case in batch)
    done = subprocess.run([driver], input=lines.encode(), stdout=subprocess.PIPE, check=False)
    answers = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    if len(answers) < len(batch):
        answers.append({"crash": done.returncode})
        answers += [{"crash": "not run"}] * (len(batch) - len(answers))
    return answers


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver", nargs="?")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--clip", type=int, default=1500)
    parser.add_argument("--show", type=int, default=10)
    parser.add_argument("--fixture", type=pathlib.Path)
    options = parser.parse_args()

    batch, expected = [], []
    for case in cases(options.seed, options.count):
        answer = chat_jinja.answer(case)
        if comparable(answer):
            batch.append(case)
            expected.append(answer)
    errors = sum("error" in answer for answer in expected)
    print(len(batch), "cases,", errors, "of them errors")
    if options.fixture:
        rows = [case | ({"text": a["text"]} if "text" in a else {"fails": True})
                for case, a in zip(batch, expected) if len(case["template"]) < 1500]
        options.fixture.write_bytes(lzma.compress(json.dumps(rows, ensure_ascii=False).encode("utf-8")))
        return
    wrong = 0
    for case, want, got in zip(batch, expected, run_driver(options.driver, batch)):
        if same(want, got):
            continue
        wrong += 1
        if wrong <= options.show:
            print("=" * 100)
            print(case["template"])
            print("--- jinja2:", json.dumps(want, ensure_ascii=False)[: options.clip])
            print("--- ours:  ", json.dumps(got, ensure_ascii=False)[: options.clip])
    print(wrong, "differ")


if __name__ == "__main__":
    main()
