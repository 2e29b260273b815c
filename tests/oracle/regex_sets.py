"""What the named sets of Oniguruma's patterns match, as the tokenizers package runs them, for the unit tests.

  regex_sets.py tests/data/tokenizers/regex_sets.json.xz

The file holds, for each pattern, the ranges of characters that it matches, and the ranges of all characters asked.
"""

import json
import lzma
import pathlib
import sys
import unicodedata

from tokenizers import Regex, pre_tokenizers

PATTERNS = [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\h", r"\H", r"[\W\d]", r"[^\S\n]", r"[^\W_]"]
PATTERNS += [f"[[:{name}:]]" for name in ("alpha", "alnum", "upper", "lower", "digit", "xdigit", "punct", "space", "blank", "cntrl",
                                          "word", "graph", "print", "^alpha")]
PATTERNS += [r"\p{%s}" % name for name in (
    "L", "N", "M", "P", "S", "Z", "C", "Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sc", "Sm", "Pd", "Zs", "Cf", "Han", "Latin",
    "Hiragana", "Katakana", "Hangul", "Arabic", "Cyrillic", "Greek", "Thai", "Alpha", "Alnum", "Upper", "Lower", "Punct", "Space",
    "Word", "Digit", "XDigit", "Graph", "Print", "Alphabetic", "Lowercase", "Uppercase", "White_Space", "^L", "Letter")]
PATTERNS += [r"\P{^Han}", r"\pL", r"\x{e9}", r"\u00e9", r"[\x41-\x5a]", r"[\p{L}&&[^\p{Han}]]", r"[^\r\n\p{L}\p{N}]", r"\Q", r".",
             r"(?i:s|k)", r"\O"]


def ranges(codes):
    out = []
    for code in codes:
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def main():
    # The huge private and CJK planes are alike, and later versions of Unicode assign what is unassigned here.
    codes = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co") and not 0x17020 < c < 0x18700
             and not 0x20010 < c < 0x2FA00 and not 0x30010 < c < 0x31340]
    text = "".join(map(chr, codes))
    matched = {}
    for pattern in PATTERNS:
        rest = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text)
        rest = set("".join(piece for piece, _ in rest))
        matched[pattern] = ranges([c for c in codes if chr(c) not in rest])
    document = {"asked": ranges(codes), "matched": matched}
    pathlib.Path(sys.argv[1]).write_bytes(lzma.compress(json.dumps(document).encode(), preset=9))
    print(len(codes), "characters,", len(PATTERNS), "patterns")


if __name__ == "__main__":
    main()
