"""Texts that try a tokenizer: every Unicode block, white space, numbers, contractions, code, special tokens."""

import random
import unicodedata

WINDOW = 128  # code points; no block that matters is smaller


def assigned_windows():
    """The assigned characters of every stretch of 128 code points, planes with none left out."""
    for start in range(0, 0x110000, WINDOW):
        if 0xD800 <= start < 0xE000 or 0xE1000 <= start < 0x10FF80:
            continue
        chars = [chr(c) for c in range(start, start + WINDOW) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
        if chars:
            yield chars


def block_texts(rng, per_window):
    glue = [" ", " ", " ", "  ", "\n", "\t", "'", "a", "Z", "1", "23", ".", "_", "\u00a0", "\u3000", "\u0301", "'s", "x'LL"]
    windows = list(assigned_windows())
    # The huge CJK and private planes are alike: a few windows of each stand for all.
    common = [w for w in windows if ord(w[0]) < 0x3400 or 0x9F00 < ord(w[0]) < 0xAC80 or 0xD780 < ord(w[0]) < 0x11000
              or 0x11000 <= ord(w[0]) < 0x20000 and not 0x12000 <= ord(w[0]) < 0x1B000]
    rare = [w for w in windows if w not in common]
    for window in common + rng.sample(rare, min(len(rare), 60)):
        for _ in range(per_window):
            text = []
            for _ in range(rng.randint(1, 14)):
                text.append(rng.choice(window) if rng.random() < 0.7 else rng.choice(glue))
            yield "".join(text)


def space_texts(rng, count):
    spaces = [" ", " ", " ", "\n", "\r\n", "\r", "\t", "\v", "\f", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028",
              "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff", "\u180e", "\x1c", "\x1f", "\x00"]
    words = ["a", "Word", "12", "!", "...", "é", "漢", "x_y", "'", "\u0301"]
    for _ in range(count):
        text = []
        for _ in range(rng.randint(1, 8)):
            text.append("".join(rng.choice(spaces) for _ in range(rng.randint(0, 4))))
            text.append(rng.choice(words))
        if rng.random() < 0.5:
            text.append("".join(rng.choice(spaces) for _ in range(rng.randint(1, 4))))
        yield "".join(text)


def word_texts(rng, count):
    words = ["the", "The", "THE", "don't", "DON'T", "I'll", "we'Ve", "it\u2019s", "they'RE", "'sup", "'\u017f", "x'\u017f",
             "HTTPServer", "camelCase", "snake_case", "1234567", "3.14159", "1,000,000", "½", "Ⅷ", "٣٤٥", "①②", "²³",
             "naïve", "Ångström", "a\u0308b", "straße", "ﬁn", "ǅ", "Ἀθῆναι", "Привет", "мир", "שלום", "مرحبا", "नमस्ते",
             "สวัสดี", "こんにちは", "カタカナ", "漢字", "한국어", "🦙", "👩‍👩‍👧‍👦", "🏳️‍🌈", "✅", "(x)", "[y]", "{z}", "->", "==", "!=",
             "/*", "*/", "//", "#include", "<stdio.h>", "foo();", "\"q\"", "`c`", "$5", "50%", "a@b.c", "http://x.y/z?w=1&v",
             "\u2581", "Ġ", "Ċ", "...", "!!!", "--", "—", "…", "，", "。", "「」", "\u0e33", "\u200d", "\ufe0f", "e\u0301"]
    for _ in range(count):
        text = []
        for _ in range(rng.randint(1, 12)):
            text.append(rng.choice(words))
            text.append(rng.choice([" ", " ", " ", "", "", "  ", "\n", "\n\n", "\t", "    "]))
        yield "".join(text)


def special_texts(rng, count, specials):
    words = ["hello", "Hi ", " there", "\n", "  ", "x", "12", "é", "<", "|", "<|", "▁"]
    for _ in range(count):
        text = []
        for _ in range(rng.randint(1, 6)):
            special = rng.choice(specials)
            if rng.random() < 0.15:
                special = special[: rng.randint(1, len(special))]
            text += [rng.choice(words), special, rng.choice(words) if rng.random() < 0.6 else ""]
        yield "".join(text)


def long_texts(rng):
    yield "a" * 700
    yield " " * 500
    yield "ab " * 300
    yield "\n" * 130 + "x"
    yield "漢字仮名交じり文" * 60
    yield "".join(chr(rng.randint(0x61, 0x7A)) for _ in range(900))
    yield "1234567890" * 40
    yield "🦙🚀" * 80


def all_texts(seed, specials, per_window=2, scale=1.0):
    rng = random.Random(seed)
    texts = ["", " ", "a"]
    texts += block_texts(rng, per_window)
    texts += space_texts(rng, int(400 * scale))
    texts += word_texts(rng, int(400 * scale))
    if specials:
        texts += special_texts(rng, int(200 * scale), specials)
    texts += long_texts(rng)
    return texts


def random_text(rng, specials):
    """A short text of everything: letters of all planes, white space, numbers, words, special tokens."""
    out = []
    for _ in range(rng.randint(0, 12)):
        kind = rng.randrange(7)
        if kind == 0:
            out.append(rng.choice([" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", "   "]))
        elif kind == 1:
            out.append(rng.choice(["the", "The", "don't", "WE'LL", "and", "HTTPServer", "x_y", "straße", "漢字", "한국어", "мир", "ﬁn"]))
        elif kind == 2:
            out.append(str(rng.randrange(10 ** rng.randint(1, 9))))
        elif kind == 3 and specials:
            out.append(rng.choice(specials))
        elif kind == 4:
            out.append(rng.choice(".,!?…。，、।()|[]-_$+<>'\"&"))
        elif kind == 5:
            code = rng.choice([rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x10000), rng.randrange(0x20000)])
            # The libraries disagree on what later versions of Unicode assigned.
            out.append(chr(code) if unicodedata.category(chr(code)) not in ("Cn", "Cs") else "\u0301")
        else:
            out.append(rng.choice(["a", "b", " c", "▁", "e\u0301", "Ġ", "é", "\u200d", "👩‍👩‍👧", "1", "½", "A"]))
    return "".join(out)
