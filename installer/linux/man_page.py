"""Fills a manual page with what a program says of its options, so that the two cannot differ.
usage: man_page.py TEMPLATE.in PROGRAM VERSION DATE > PAGE.1

@OPTIONS@ stands for the options in `PROGRAM --help`, @COMMANDS@ for each of its subcommands with the options of
`PROGRAM COMMAND --help`.
"""
import os
import re
import subprocess
import sys

HEAD_WIDTH = 30  # where CLI11 begins a description; a longer head has a line of its own


def help_of(*command):
    """The help's sections, each a list of [head, description]."""
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    text = subprocess.run([*command, "--help"], check=True, capture_output=True, text=True, env=environment).stdout
    sections, entries = {}, []
    for line in text.splitlines():
        if title := re.fullmatch(r"(\w+):", line):
            entries = sections.setdefault(title[1], [])
        elif re.match(r"  \S", line):
            entries.append(split_entry(line))
        elif entries and line.startswith("   "):
            head, said = entries[-1]
            entries[-1] = [head, f"{said} {line.strip()}".strip()]
    return sections


def split_entry(line):
    if apart := re.fullmatch(r"  (\S.*?)  +(\S.*)", line):
        return [apart[1], apart[2]]
    # A head that ends just before the description's column has one space after it.
    if len(line) > HEAD_WIDTH and line[HEAD_WIDTH - 1] == " " and not re.search(r" (Excludes|Needs):", line):
        return [line[:HEAD_WIDTH].strip(), line[HEAD_WIDTH:]]
    return [line.strip(), ""]


def plain_head(head):
    """Without what only a parser wants to know: INT:INT in [1 - 1024], Excludes: ..."""
    head = re.sub(r" (Excludes|Needs):.*", "", head).replace(" REQUIRED", "")
    return re.sub(r"(\w):\S+( in \[[^]]*\])?", r"\1", head).replace(",--", ", --")


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def paragraphs(entries):
    for head, said in entries:
        yield f".TP\n.B {roff(plain_head(head))}\n{roff(said)}"


def commands(program):
    for name, said in help_of(program)["Subcommands"]:
        sections = help_of(program, name)
        arguments = " ".join(plain_head(head).split()[0] for head, _ in sections.get("Positionals", []))
        yield f".SS {roff(name)} {roff(arguments)}".rstrip()
        yield f"{roff(said)}."
        yield from paragraphs(sections.get("Positionals", []))
        yield from paragraphs(entry for entry in sections["Options"] if "--help" not in entry[0])


def main(template, program, version, date):
    with open(template, encoding="utf-8") as file:
        page = file.read()
    if "@OPTIONS@" in page:
        page = page.replace("@OPTIONS@", "\n".join(paragraphs(help_of(program)["Options"])))
    if "@COMMANDS@" in page:
        page = page.replace("@COMMANDS@", "\n".join(commands(program)))
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(page.replace("@VERSION@", version).replace("@DATE@", date))


main(*sys.argv[1:])
