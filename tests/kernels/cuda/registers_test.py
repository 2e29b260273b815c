"""Compares what ptxas said of every kernel with registers.txt: none may spill, or grow, beyond its row.

usage: registers_test.py FOLDER [--write]    FOLDER: where the CUDA library's objects and their .ptxas reports are
--write puts what is there now into registers.txt. Rows are of sm_90; of other cards they say what kernels spill there.
"""
import pathlib
import re
import subprocess
import sys
import typing

TABLE = pathlib.Path(__file__).with_name("registers.txt")
TABLE_CARD = "sm_90"
HEAD = f"""# What kernels take on {TABLE_CARD}, by ptxas: registers a thread, bytes of stack a thread, static and constant bytes not counted.
# A fourth number is of bytes that ptxas spills, stores and loads in its code counted once; without it there are none. A
# fifth is that of the other card that packages are built for where it spills most; without it none spills more. A
# test fails where a kernel takes more than here; registers_test.py FOLDER --write notes a change that is meant, of the
# cards that the library in FOLDER was built for. How many blocks of a kernel fit a multiprocessor: 65536 registers over threads times registers.
# kernel registers stack [spilled [elsewhere]]
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


class Row(typing.NamedTuple):
    """What a kernel takes: registers, bytes of stack and of spills on TABLE_CARD, and the most bytes of spills on another."""
    registers: int = 0
    stack: int = 0
    spill: int = 0
    elsewhere: int = 0

    def spill_on(self, card):
        return self.spill if card == TABLE_CARD else max(self.spill, self.elsewhere)

    def line(self, name):
        spills = f" {self.spill} {self.elsewhere}" if self.elsewhere > self.spill else f" {self.spill}" if self.spill else ""
        return f"{name} {self.registers} {self.stack}{spills}\n"


def read_table():
    rows = {}
    for line in TABLE.read_text().splitlines() if TABLE.exists() else []:
        if line and not line.startswith("#"):
            name, *numbers = line.split()
            rows[name] = Row(*map(int, numbers))
    return rows


def write_table(here, elsewhere, rows):
    """`elsewhere`: {name: bytes} of the other cards in the reports; empty where there are none, and rows keep what they say."""
    TABLE.write_text(HEAD + "".join(
        row._replace(elsewhere=elsewhere.get(name, 0) if elsewhere else rows.get(name, Row()).elsewhere).line(name)
        for name, row in sorted(here.items())))


def main(folder, write):
    reports = read_reports(folder)
    if not reports:
        print(f"no reports of ptxas in {folder}: build the CUDA library first")
        return 1
    names = short_names([kernel for _, kernel in reports])
    here = {names[kernel]: Row(found["registers"], found["stack"], found["spill"])
            for (card, kernel), found in reports.items() if card == TABLE_CARD}
    elsewhere = {}
    for (card, kernel), found in reports.items():
        if card != TABLE_CARD:
            elsewhere[names[kernel]] = max(elsewhere.get(names[kernel], 0), found["spill"])
    rows = read_table()
    if write and not here:
        print(f"no reports of {TABLE_CARD} in {folder}, of which the table is")
        return 1
    if write:
        write_table(here, elsewhere, rows)
        rows = read_table()
    wrong = [f"{names[kernel]} spills {found['spill']} bytes on {card}"
             for (card, kernel), found in sorted(reports.items())
             if found["spill"] > rows.get(names[kernel], Row()).spill_on(card)]
    if here:
        for name, (registers, stack, *_) in sorted(here.items()):
            if name not in rows:
                print(f"{name} has no row yet: it takes {registers} registers and {stack} bytes of stack")
            elif registers > rows[name].registers or stack > rows[name].stack:
                wrong.append(f"{name} takes {registers} registers and {stack} bytes of stack, its row says "
                             f"{rows[name].registers} and {rows[name].stack}")
        for name in sorted(rows.keys() - here.keys()):
            print(f"{name} has a row and is gone")
    print("\n".join(wrong) or f"{len(reports)} kernels, none is above its row")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--write" in sys.argv[2:]))
