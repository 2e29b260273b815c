"""Random tokenizer.json descriptions, used by the Hugging Face tokenizers package and by the program, compared.

  tokenizer_fuzz.py DRIVER [--count N] [--seed S] [--show N] [--corpus FILE]
  tokenizer_fuzz.py --fixture tests/data/tokenizers/random.json.xz [--count N] [--seed S]

DRIVER is the built tokenizer_driver. Ids must be equal, with and without special tokens, and so must the texts
that ids decode to. A description may be refused, but not computed otherwise. A fixture holds the answers of the
package for the unit tests. Needs tokenizers.
"""

import argparse
import collections
import functools
import json
import lzma
import pathlib
import random
import subprocess
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizer_texts import all_texts, random_text

CORPUS = ["The quick brown fox jumps over the lazy dog. It didn't stop; they'll see 12 or 345 of them, won't they?",
          "for (int i = 0; i < 10; ++i) { total += values[i]; } // sums HTTPServer and snake_case",
          "Ein schöner Tag, naïve Ångström, straße. Привет, мир! こんにちは、世界。漢字仮名交じり文。한국어 문장입니다.",
          "    indented\n\tTabbed\n\n\nlines\r\nand  double  spaces   here", "a b c d e f g h i j k l m n o p q r s t u v w x y z"]
WHITE = ["▁", " ", "_"]


def options(rng, **chances):
    return {name: rng.random() < chance for name, chance in chances.items()}


# ---- models


@functools.lru_cache(maxsize=None)
def vocabulary(alphabet, prefix, suffix):
    """(tokens, merges) of a small BPE model."""
    names = {"continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}
    given = {k: v for k, v in names.items() if v}
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **given))
    first = pre_tokenizers.ByteLevel.alphabet() if alphabet == "bytes" else []
    tokenizer.pre_tokenizer = (pre_tokenizers.ByteLevel(add_prefix_space=False) if alphabet == "bytes"
                               else pre_tokenizers.Metaspace() if not suffix else pre_tokenizers.WhitespaceSplit())
    trainer = trainers.BpeTrainer(vocab_size=620, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"],
                                  initial_alphabet=first, **given)
    tokenizer.train_from_iterator(CORPUS * 6, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], model["merges"]


def model(rng):
    alphabet = rng.choice(["bytes", "bytes", "chars", "chars", "chars"])
    prefix = rng.choice([None, None, None, "##"]) if alphabet == "chars" else None
    suffix = rng.choice([None, None, "</w>"]) if alphabet == "chars" else None
    tokens, merges = vocabulary(alphabet, prefix, suffix)
    tokens = dict(tokens)
    out = {"type": "BPE", "dropout": rng.choice([None, None, 0.0]), "unk_token": rng.choice(["<unk>", "<unk>", None]),
           "continuing_subword_prefix": prefix, "end_of_word_suffix": suffix,
           **options(rng, fuse_unk=0.5, byte_fallback=0.5, ignore_merges=0.4)}
    if out["byte_fallback"]:
        missing = rng.choice([0, 0, 0, 5])
        for byte in range(256 - missing):
            tokens.setdefault(f"<0x{byte:02X}>", len(tokens))
    out["vocab"] = tokens
    out["merges"] = [" ".join(m) for m in merges] if rng.random() < 0.5 else merges
    return out, alphabet


# ---- normalizers, pre-tokenizers, post-processors, decoders


def pattern(rng):
    if rng.random() < 0.4:
        return {"String": rng.choice([" ", "a", "▁", "  ", ".", "th", "\n"])}
    return {"Regex": rng.choice([
        r"\s+", r"\d", r"\w+", r"[^\s]+", r"\s", r"\p{L}+|\p{N}", r"(?i:THE|and)", r"[aeiou]", r"\s+(?!\S)|\s+",
        r"(?=(\d{3})+(?!\d))", r"\b", r"$", r"x*", r"\p{N}{1,3}", r"[\p{L}&&[^a-f]]+", r"\d{1,3}(?=(?:\d{3})*\b)",
        r" ?[^(\s|[.,!?…。，、।۔،])]+", r"[^\r\n\p{L}\p{N}]?\p{L}+", r"(?<=[a-z])(?=[A-Z])", r"\p{Han}+|\p{Lu}"])}


def sequence(rng, make, name, most=3):
    if rng.random() < 0.25:
        return None
    if rng.random() < 0.5:
        return make(rng)
    return {"type": "Sequence", name: [make(rng) for _ in range(rng.randint(0, most))]}


def normalizer(rng):
    kind = rng.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace", "Strip", "StripAccents",
                       "Replace", "ByteLevel", "BertNormalizer", "Nmt"])
    out = {"type": kind}
    if kind == "Prepend":
        out["prepend"] = rng.choice(WHITE)
    elif kind == "Replace":
        out |= {"pattern": pattern(rng), "content": rng.choice(["▁", " ", "", "xy", "é"])}
    elif kind == "Strip":
        out |= options(rng, strip_left=0.5, strip_right=0.5)
    elif kind == "BertNormalizer":
        out |= options(rng, clean_text=0.5, handle_chinese_chars=0.5, lowercase=0.5) | {
            "strip_accents": rng.choice([None, True, False])}
    return out


def pre_tokenizer(rng):
    kind = rng.choice(["Split", "Split", "Split", "Digits", "Punctuation", "Metaspace", "Metaspace", "ByteLevel", "Whitespace",
                       "WhitespaceSplit", "BertPreTokenizer", "CharDelimiterSplit", "UnicodeScripts", "FixedLength"])
    behaviors = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
    out = {"type": kind}
    if kind == "Split":
        out |= {"pattern": pattern(rng), "behavior": rng.choice(behaviors), "invert": rng.random() < 0.3}
    elif kind == "Digits":
        out |= options(rng, individual_digits=0.5)
    elif kind == "Punctuation":
        out["behavior"] = rng.choice(behaviors)
    elif kind == "Metaspace":
        out |= {"replacement": rng.choice(["▁", "▁", "▁", "_"]), "prepend_scheme": rng.choice(["always", "first", "never"]),
                **options(rng, split=0.6)}
    elif kind == "ByteLevel":
        out |= options(rng, add_prefix_space=0.4, trim_offsets=0.5, use_regex=0.6)
    elif kind == "CharDelimiterSplit":
        out["delimiter"] = rng.choice([" ", "-", "é"])
    elif kind == "FixedLength":
        out["length"] = rng.choice([1, 3, 7])
    return out


def post_processor(rng, tokens):
    def template():
        parts = [{"Sequence": {"id": "A", "type_id": 0}}]
        used = {}
        for place in (0, 1):
            for name in rng.sample(["<s>", "</s>"], rng.choice([0, 1, 1, 2])):
                parts.insert(0 if place == 0 else len(parts), {"SpecialToken": {"id": name, "type_id": 0}})
                used[name] = {"id": name, "ids": [tokens[name]], "tokens": [name]}
        return {"type": "TemplateProcessing", "single": parts, "pair": parts + [{"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": used}

    def one(r):
        kind = r.choice(["TemplateProcessing", "TemplateProcessing", "ByteLevel", "BertProcessing", "RobertaProcessing"])
        if kind == "TemplateProcessing":
            return template()
        out = {"type": kind}
        if kind == "ByteLevel":
            return out | options(r, add_prefix_space=0.5, trim_offsets=0.5, use_regex=0.5)
        out |= {"sep": ["</s>", tokens["</s>"]], "cls": ["<s>", tokens["<s>"]]}
        return out | options(r, trim_offsets=0.5, add_prefix_space=0.5) if kind == "RobertaProcessing" else out

    return sequence(rng, one, "processors", 2)


def decoder(rng):
    kind = rng.choice(["ByteLevel", "Metaspace", "Replace", "ByteFallback", "Fuse", "Strip", "BPEDecoder", "WordPiece", "CTC"])
    out = {"type": kind}
    if kind == "Metaspace":
        out |= {"replacement": "▁", "prepend_scheme": rng.choice(["always", "first", "never"]), "split": True}
    elif kind == "Replace":
        out |= {"pattern": rng.choice([{"String": "▁"}, {"String": "Ġ"}, {"Regex": "[▁_]"}]), "content": " "}
    elif kind == "Strip":
        out |= {"content": rng.choice([" ", " ", "▁"]), "start": rng.choice([0, 1, 1, 2]), "stop": rng.choice([0, 0, 0, 1])}
    elif kind == "BPEDecoder":
        out["suffix"] = "</w>"
    elif kind == "WordPiece":
        out |= {"prefix": "##", "cleanup": rng.random() < 0.5}
    elif kind == "CTC":
        out |= {"pad_token": "<s>", "word_delimiter_token": "|", "cleanup": rng.random() < 0.5}
    return out


def usual_decoder(rng, description, alphabet):
    """A decoder as models of this kind have it."""
    if alphabet == "bytes":
        return {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    if description["model"]["end_of_word_suffix"]:
        return {"type": "BPEDecoder", "suffix": "</w>"}
    if rng.random() < 0.4:
        return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": rng.choice(["always", "first", "never"]), "split": True}
    steps = [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    if rng.random() < 0.7:
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {"type": "Sequence", "decoders": steps}


def added_tokens(rng, tokens):
    """The special ones of the vocabulary, and new ones with every mark."""
    out = []
    for name in ("<unk>", "<s>", "</s>"):
        out.append({"content": name, "id": tokens[name], "special": True, "normalized": False, "single_word": False,
                    "lstrip": False, "rstrip": False})
    contents = ["<l>", "<R>", "word", "<lrx>", "<lr", "the", "Éa", "ﬁn", "▁x▁", "Ġq", " pad ", "漢", "\n\n", "<0x41>", "a", "é"]
    for content in rng.sample(contents, rng.choice([0, 0, 2, 4, 7])):
        if content in tokens:
            continue
        out.append({"content": content, "id": len(tokens) + len([t for t in out if t["content"] not in tokens]),
                    **options(rng, special=0.5, normalized=0.5, single_word=0.3, lstrip=0.4, rstrip=0.4)})
    return out


def description(rng):
    out = {"version": "1.0", "truncation": None, "padding": None}
    out["model"], alphabet = model(rng)
    tokens = out["model"]["vocab"]
    out["added_tokens"] = added_tokens(rng, tokens)
    out["normalizer"] = sequence(rng, normalizer, "normalizers")
    byte_level = {"type": "ByteLevel", "add_prefix_space": rng.random() < 0.2, "trim_offsets": True, "use_regex": rng.random() < 0.5}
    steps = sequence(rng, pre_tokenizer, "pretokenizers")
    if alphabet == "bytes" and rng.random() < 0.9:
        steps = {"type": "Sequence", "pretokenizers": ([steps] if steps else []) + [byte_level]}
    out["pre_tokenizer"] = steps
    out["post_processor"] = post_processor(rng, tokens)
    out["decoder"] = sequence(rng, decoder, "decoders", 4) if rng.random() < 0.4 else usual_decoder(rng, out, alphabet)
    return out


# ---- comparison


def texts_for(rng, tokenizer_json, count):
    specials = [t["content"] for t in tokenizer_json["added_tokens"]]
    pool = all_texts(rng.randrange(1 << 30), specials, 0, 0.1)
    return rng.sample(pool, min(len(pool), count)) + [random_text(rng, specials) for _ in range(count)]


def case(seed, texts):
    """A description with texts, ids and what they decode to by the package; None where it makes no sense there."""
    rng = random.Random(seed)
    described = description(rng)
    try:
        tokenizer = Tokenizer.from_str(json.dumps(described))
    except Exception:
        return None
    out = {"tokenizer": described, "texts": texts_for(rng, described, texts), "ids": [], "special_ids": [], "decoded": [],
           "some_ids": [[rng.randrange(len(described["model"]["vocab"])) for _ in range(rng.randint(1, 12))] for _ in range(texts)],
           "some_decoded": []}
    try:
        for text in out["texts"]:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out["ids"].append(ids)
            out["special_ids"].append(tokenizer.encode(text).ids)
            out["decoded"].append(tokenizer.decode(ids, skip_special_tokens=False))
        out["some_decoded"] = [tokenizer.decode(ids, skip_special_tokens=False) for ids in out["some_ids"]]
    except BaseException as error:  # the package panics on some descriptions
        if isinstance(error, KeyboardInterrupt):
            raise
        return None
    return out


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the driver ended with {self.process.wait()} on {json.dumps(request)[:3000]}")
        return json.loads(line)


def differences(driver, one):
    """(what, text or ids, expected, got) of all that differ; a text for a refusal."""
    files = {"tokenizer": one["tokenizer"]}
    plain = driver.ask({"files": files, "texts": one["texts"]})
    if "error" in plain:
        return plain["error"]
    marked = driver.ask({"texts": one["texts"], "special": True})
    some = driver.ask({"ids": one["some_ids"]})
    rows = []
    for what, inputs, want, got in (("ids", one["texts"], one["ids"], plain["ids"]),
                                    ("special ids", one["texts"], one["special_ids"], marked["ids"]),
                                    ("decoded", one["ids"], one["decoded"], plain["decoded"]),
                                    ("decoded", one["some_ids"], one["some_decoded"], some["decoded"])):
        rows += [(what, i, w, g) for i, w, g in zip(inputs, want, got) if w != g]
    return rows


def show(one, seed, rows):
    brief = {k: v for k, v in one["tokenizer"].items() if k not in ("version", "truncation", "padding", "post_processor")}
    brief["model"] = {k: v for k, v in brief["model"].items() if k not in ("vocab", "merges")}
    brief["added_tokens"] = [{k: v for k, v in t.items() if v} for t in brief["added_tokens"][3:]]
    print(f"{seed}: {json.dumps(brief, ensure_ascii=False)}")
    names = {v: k for k, v in one["tokenizer"]["model"]["vocab"].items()}
    names |= {t["id"]: t["content"] for t in one["tokenizer"]["added_tokens"]}
    spelled = lambda x: [names.get(i, i) for i in x] if isinstance(x, list) else x
    for what, given, want, got in rows[:2]:
        print(f"  {what} of {spelled(given)!r}\n    expected {spelled(want)!r}\n    got      {spelled(got)!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver", nargs="?")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--show", type=int, default=10)
    parser.add_argument("--fixture", type=pathlib.Path)
    arguments = parser.parse_args()
    cases = ((f"{arguments.seed}:{i}", case(f"{arguments.seed}:{i}", arguments.texts)) for i in range(arguments.count))
    cases = ((seed, one) for seed, one in cases if one)
    if arguments.fixture:
        rows = [one for _, one in cases]
        arguments.fixture.write_bytes(lzma.compress(json.dumps(rows).encode(), preset=9))
        print(len(rows), "descriptions,", arguments.fixture.stat().st_size, "bytes")
        return
    driver = Driver(arguments.driver)
    refused, wrong, compared, described = collections.Counter(), collections.Counter(), 0, 0
    bad = 0
    for seed, one in cases:
        described += 1
        rows = differences(driver, one)
        if isinstance(rows, str):
            refused[rows] += 1
            continue
        compared += len(one["texts"]) + len(one["some_ids"])
        wrong.update(what for what, *_ in rows)
        bad += bool(rows)
        if rows and bad <= arguments.show:
            show(one, seed, rows)
    for why, count in refused.most_common():
        print(f"  refused {count}: {why[:160]}")
    print(f"{described} descriptions, {sum(refused.values())} refused, {bad} wrong; {compared} texts compared, {dict(wrong)} wrong")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
