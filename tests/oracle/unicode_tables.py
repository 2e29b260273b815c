"""Character tables as the tokenizers package has them, by asking it for every code point.

  unicode_tables.py engine/text/unicode_tables.cpp tests/data/tokenizers/unicode_sweep.json

Its regular expressions (Oniguruma), its own predicates (Rust) and its normalizers each have a version of Unicode of
their own; so each table comes from the part that uses it. Needs tokenizers and fonttools (names of scripts).
"""

import functools
import json
import pathlib
import sys
import unicodedata

import fontTools.unicodedata.Scripts as scripts
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers



def blocks_of(codes):
    return ["".join(map(chr, codes[i:i + 8192])) for i in range(0, len(codes), 8192)]


def swept(pattern, blocks):
    """Code points that match a pattern of one character."""
    replace = normalizers.Replace(Regex(pattern), "")
    hits = set()
    for block in blocks:
        rest = set(replace.normalize_str(block))
        hits.update(ord(c) for c in block if c not in rest)
    return hits


EVERY = blocks_of([c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF])
UNASSIGNED, PRIVATE = swept(r"\p{Cn}", EVERY), swept(r"\p{Co}", EVERY)
# What is assigned: of the others no part of the library knows more than that.
ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and c not in UNASSIGNED and c not in PRIVATE]
BLOCKS = blocks_of(ALL)
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
              "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cs", "Cn"]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
COMPARED = [r"\p{%s}" % c for c in CATEGORIES if c not in ("Cs", "Cn", "Co")] + [
    r"\p{L}", r"\p{M}", r"\p{N}", r"\p{P}", r"\p{S}", r"\p{Z}", r"\p{C}", r"\s", r"\S", r"\w", r"\W", r"[\w]", r"\d", r"\h",
    r"[^\s\p{L}\p{N}]", r"[^\r\n\p{L}\p{N}]", r"[\p{L}&&[^\p{Han}]]", r"\p{^Han}", r"[^\S\n]"] + [
    f"[[:{n}:]]" for n in ("alpha", "alnum", "upper", "lower", "digit", "punct", "space", "cntrl", "word", "graph", "print")]


@functools.cache
def matched(pattern):
    return swept(pattern, BLOCKS)


def ranges(codes):
    out = []
    for code in sorted(codes):
        if out and (out[-1][1] == code - 1):
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def number(value):
    """Little end first, five bits a character, the sixth says that more follow."""
    out = ""
    while True:
        out += ALPHABET[(value & 31) | (32 if value > 31 else 0)]
        value >>= 5
        if value == 0:
            return out


def packed_set(codes):
    """Gap and length of each range."""
    out, at = "", 0
    for first, last in ranges(codes):
        out += number(first - at) + number(last - first)
        at = last + 1
    return out


def packed_runs(values):
    """Length and value of each run that covers all code points."""
    out, begin = "", 0
    for code in range(1, 0x110001):
        if code == 0x110000 or values[code] != values[begin]:
            out += number(code - begin) + number(values[begin])
            begin = code
    return out


def cut_by(step, code):
    """Whether the step treats the character as one of its own between letters."""
    return len(step.pre_tokenize_str("a" + chr(code) + "a")) > 1


def lower_moves():
    """(first, last, stride, delta) of characters with a lower case of one character."""
    lower = normalizers.Lowercase()
    moves = []
    for code in ALL:
        to = lower.normalize_str(chr(code))
        if to == chr(code) or len(to) != 1:
            continue
        delta = ord(to) - code
        last = moves[-1] if moves else None
        if last and last[3] == delta and (code - last[1] == last[2] or (last[0] == last[1] and code - last[1] <= 2)):
            last[2], last[1] = code - last[1], code
        else:
            moves.append([code, code, 1, delta])
    return moves


def packed_moves(moves):
    out, at = "", 0
    for first, last, stride, delta in moves:
        out += number(first - at) + number((last - first) // stride) + number(stride) + number(abs(delta) * 2 + (delta < 0))
        at = last
    return out


def not_inert():
    """Characters that a normal form changes, moves or joins with others."""
    nfd, nfc, nfkd = normalizers.NFD(), normalizers.NFC(), normalizers.NFKD()
    active = set(range(0xAC00, 0xD7A4)) | set(range(0x1100, 0x1176)) | set(range(0x11A7, 0x11C3))
    for code in ALL:
        c = chr(code)
        if nfkd.normalize_str(c) != c or nfc.normalize_str(c) != c:
            active.add(code)
            whole = nfd.normalize_str(c)
            active.update(map(ord, whole))
            active.update(ord(x) for end in range(1, len(whole)) for x in nfc.normalize_str(whole[:end]))
        elif nfd.normalize_str("a" + c + "\u0334") != "a" + c + "\u0334" or nfd.normalize_str("a\u0345" + c) != "a\u0345" + c:
            active.add(code)
    return active


def checksum(codes):
    """FNV-1a over the bounds of the ranges."""
    value = 0xCBF29CE484222325
    for bounds in ranges(codes):
        for bound in bounds:
            value = ((value ^ bound) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def literal(name, text, comment):
    lines = [text[i:i + 100] for i in range(0, len(text), 100)] or [""]
    body = "\n".join(f'    "{line}"' for line in lines)
    return f"/// {comment}\nextern const std::string_view {name} =\n{body};\n"


def main():
    category = [CATEGORIES.index("Cn")] * 0x110000
    for code in range(0xD800, 0xE000):
        category[code] = CATEGORIES.index("Cs")
    for index, name in enumerate(CATEGORIES):
        if name not in ("Cn", "Cs", "Co"):
            for code in matched(r"\p{%s}" % name):
                category[code] = index
    for code in PRIVATE:
        category[code] = CATEGORIES.index("Co")
    script, names = [0] * 0x110000, ["-"]
    for short, long in sorted(scripts.NAMES.items()):
        if short in ("Zzzz",):
            continue
        try:
            codes = matched(r"\p{%s}" % long)
        except Exception:
            continue
        for code in codes:
            script[code] = len(names)
        names.append(f"{long} {short}")
    changed = {c for c in ALL if unicodedata.category(chr(c)) != CATEGORIES[category[c]]}
    moved = [hex(c) for c in changed if unicodedata.category(chr(c)) != "Cn"]
    print("python has Unicode", unicodedata.unidata_version, "recategorised since:", moved)
    letters = {c for c in ALL if category[c] <= 4 or category[c] == 9}
    sets = {
        "kAlphabeticMarks": ({*matched("[[:alpha:]]")} - letters, "Alphabetic beside L* and Nl."),
        "kLowerBesideLl": (matched("[[:lower:]]") - {c for c in ALL if category[c] == 1}, "Lowercase beside Ll."),
        "kUpperBesideLu": (matched("[[:upper:]]") - {c for c in ALL if category[c] == 0}, "Uppercase beside Lu."),
        "kChanged": (changed, "Of another category than in Unicode 14."),
        "kNumeric": ({c for c in ALL if cut_by(pre_tokenizers.Digits(True), c)}, "What the step Digits takes."),
        "kPunctuation": ({c for c in ALL if cut_by(pre_tokenizers.Punctuation(), c)}, "What the step Punctuation takes."),
        "kWordCharacters": ({c for c in ALL if not cut_by(pre_tokenizers.Whitespace(), c)}, "Within words for the step Whitespace."),
        "kAccents": ({c for c in ALL if normalizers.StripAccents().normalize_str(chr(c)) == ""}, "What the step StripAccents takes."),
        "kNormalized": (not_inert(), "What normal forms change, move or join with others."),
    }
    space = {c for c in ALL if cut_by(pre_tokenizers.WhitespaceSplit(), c)}
    assert ranges(space) == ranges(matched(r"\s")), "white space differs"
    bert = {c for c in ALL if cut_by(pre_tokenizers.BertPreTokenizer(), c)}
    assert bert - space == sets["kPunctuation"][0], sorted(bert - space ^ sets["kPunctuation"][0])[:9]
    moves = lower_moves()
    version = tokenizers.__version__
    source = f"""// Made by tests/oracle/unicode_tables.py with tokenizers {version}: character tables derived from the Unicode
// Character Database, whose licence is in resources/unicode. How they are packed is told in unicode_tables.h.
#include "engine/text/unicode_tables.h"

namespace switchyard::unicode_tables {{

// clang-format off
"""
    source += literal("kCategories", packed_runs(category), "Runs of general categories, numbered as in Category.")
    source += literal("kScripts", packed_runs(script), "Runs of scripts, numbered as in kScriptNames; 0: none.")
    source += literal("kScriptNames", ",".join(names).replace('"', ""), "Long and short name of each script.")
    for name, (codes, comment) in sets.items():
        source += literal(name, packed_set(codes), comment)
    source += literal("kLowerCase", packed_moves(moves), "Moves to lower case.")
    source += "// clang-format on\n\n} // namespace switchyard::unicode_tables\n"
    pathlib.Path(sys.argv[1]).write_text(source)
    fixture = {"classes": {}, "lower": None, "version": version}
    for pattern in COMPARED + [r"\p{%s}" % n.split()[0] for n in names[1:]]:
        codes = matched(pattern)
        fixture["classes"][pattern] = [len(codes), str(checksum(codes))]
    steps = {"numeric": sets["kNumeric"][0], "punctuation": sets["kPunctuation"][0], "word": sets["kWordCharacters"][0],
             "accent": sets["kAccents"][0], "space": space}
    fixture["steps"] = {k: [len(v), str(checksum(v))] for k, v in steps.items()}
    forms = {"NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD(),
             "lower": normalizers.Lowercase()}
    fixture["forms"] = {}
    for name, form in forms.items():
        value = 0xCBF29CE484222325
        for code in ALL:
            for around in (chr(code), "a\u0345" + chr(code) + "\u0334"):
                for c in form.normalize_str(around):
                    value = ((value ^ ord(c)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        fixture["forms"][name] = str(value)
    pathlib.Path(sys.argv[2]).write_text(json.dumps(fixture, indent=0, ensure_ascii=False) + "\n")
    print(len(source), "characters of tables,", {k: len(ranges(v[0])) for k, v in sets.items()}, len(moves), "moves")


if __name__ == "__main__":
    main()
