"""Compares what ptxas said of every kernel with registers.txt: none may spill, or grow, beyond its row.

usage: registers_test.py FOLDER [--write]    FOLDER: where the CUDA library's objects and their .ptxas reports are
--write puts what is there now into registers.txt. Rows are of sm_90; other cards' kernels may not spill either.
"""
import pathlib
import re
import subprocess
import sys

TABLE = pathlib.Path(__file__).with_name("registers.txt")
TABLE_CARD = "sm_90"
HEAD = f"""# What kernels take on {TABLE_CARD}, by ptxas: registers a thread, bytes of stack a thread, static and constant bytes not counted.
# A fourth number is of bytes that ptxas spills, stores and loads in its code counted once; without it there are none. A
# test fails where a kernel takes more than here; registers_test.py FOLDER --write notes a change that is meant. How many blocks of a kernel fit a multiprocessor: 65536 registers over threads times registers.
# kernel registers stack [spilled]
"""


def read_reports(folder):
    """{(card, kernel): {"registers", "stack", "spill"}} of all .ptxas files under a folder."""
    kernels = {}
    for report in sorted(pathlib.Path(folder).rglob("*.ptxas")):
        if not report.with_suffix("").exists():
            continue  # of a source that is gone
        kernel = None
        for line in report.read_text().splitlines():
            if begin := re.search(r"Compiling entry function '(\w+)' for '(sm_\w+)'", line):
                kernel = kernels.setdefault((begin[2], begin[1]), {"registers": 0, "stack": 0, "spill": 0})
            elif begin := re.search(r"Function properties for (\S+)", line):
                own = begin[1]
            elif kernel is not None and (frame := re.search(
                    r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line)):
                kernel["spill"] += int(frame[2]) + int(frame[3])
                if not own.startswith("__internal"):
                    kernel["stack"] = max(kernel["stack"], int(frame[1]))
            elif kernel is not None and (used := re.search(r"Used (\d+) registers", line)):
                kernel["registers"] = max(kernel["registers"], int(used[1]))
    return kernels


def short_names(mangled):
    """{mangled: name without namespace and parameters}"""
    plain = subprocess.run(["c++filt"], input="\n".join(mangled), text=True, capture_output=True, check=True).stdout
    return {name: re.sub(r"^(?:void )?(?:switchyard::cuda::)?(?:\(anonymous namespace\)::)?", "", text).split("(")[0]
            .replace(" ", "") for name, text in zip(mangled, plain.splitlines())}


def read_table():
    rows = {}
    for line in TABLE.read_text().splitlines() if TABLE.exists() else []:
        if line and not line.startswith("#"):
            name, *numbers = line.split()
            rows[name] = tuple(int(number) for number in [*numbers, 0][:3])
    return rows


def main(folder, write):
    reports = read_reports(folder)
    if not reports:
        print(f"no reports of ptxas in {folder}: build the CUDA library first")
        return 1
    names = short_names([kernel for _, kernel in reports])
    here = {names[kernel]: (found["registers"], found["stack"], found["spill"])
            for (card, kernel), found in reports.items() if card == TABLE_CARD}
    if write:
        TABLE.write_text(HEAD + "".join(f"{name} {r} {s}{f' {spill}' * (spill > 0)}\n"
                                        for name, (r, s, spill) in sorted(here.items())))
    rows = read_table()
    wrong = [f"{names[kernel]} spills {found['spill']} bytes on {card}"
             for (card, kernel), found in sorted(reports.items())
             if found["spill"] > rows.get(names[kernel], (0, 0, 0))[2]]
    if here:
        for name, (registers, stack, _) in sorted(here.items()):
            if name not in rows:
                print(f"{name} has no row yet: it takes {registers} registers and {stack} bytes of stack")
            elif registers > rows[name][0] or stack > rows[name][1]:
                wrong.append(f"{name} takes {registers} registers and {stack} bytes of stack, its row says "
                             f"{rows[name][0]} and {rows[name][1]}")
        for name in sorted(rows.keys() - here.keys()):
            print(f"{name} has a row and is gone")
    print("\n".join(wrong) or f"{len(reports)} kernels, none is above its row")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--write" in sys.argv[2:]))
