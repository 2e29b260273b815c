"""Holds the program's tokenizers against the Hugging Face tokenizers package.

  tokenizer_oracle.py compare DRIVER DIR [--seed N] [--scale X] [--model SMOLLM.gguf] [--only NAME]
      builds the tokenizers below in DIR, tokenizes generated texts with both and prints the differences. DRIVER
      is the built tokenizer_driver.
  tokenizer_oracle.py fixture DIR OUT
      writes what the unit tests read: OUT/vectors.json.xz (texts, and ids by each tokenizer whose vocabulary
      lies in tests/data) and OUT/described.json.xz (small tokenizer.json descriptions with texts and ids).

Needs tokenizers, gguf, and numpy. DIR gets folders with tokenizer.json and GGUF vocabularies.
"""

import argparse
import json
import lzma
import pathlib
import sys

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizer_fuzz import Driver
from tokenizer_texts import all_texts

REFERENCE = pathlib.Path(__file__).parent.parent / "data" / "reference" / "tokenizers"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]%s[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]%s(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
KIMI = "|".join([r"[\p{Han}]+", CASED % ("*", "+"), CASED % ("+", "*"), r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+",
                 r"\s+(?!\S)", r"\s+"])
JAIS2 = LLAMA3.replace(r"\s+(?!\S)|\s+", "|".join([r"\s{%d}(?!\S)" % n for n in (512, 256, 128, 64, 32, 16, 8, 4)] +
                                                [r"\s{1,2}(?!\S)|\s{1}"]))
BAILING = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
EXAONE_MOE = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|"
              r"\s*[\r\n]|\s+(?!\S)|\s+")
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"


def splits(*patterns):
    return [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]


BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
GPT2_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
DIGITS = pre_tokenizers.Digits(individual_digits=True)
NAMED = {
    "gpt-2": [GPT2_BYTES],
    "smollm": [DIGITS, GPT2_BYTES],
    "llama-bpe": splits(LLAMA3) + [BYTES],
    "gpt-4o": splits(O200K) + [BYTES],
    "qwen35": splits(QWEN2.replace(r"]?\p{L}+", r"]?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")) + [BYTES],
    "minicpm5": splits(r"\p{N}{1,3}", LLAMA3.replace("{1,3}", "+")) + [BYTES],
    "tekken": splits(TEKKEN) + [BYTES],
    "kimi-k2": splits(KIMI) + [BYTES],
    "jais-2": splits(JAIS2) + [BYTES],
    "seed-coder": splits(QWEN2.replace(r"[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}\r\n]+")) + [BYTES],
    "bailingmoe": splits(BAILING) + [BYTES],
    "exaone-moe": splits(EXAONE_MOE) + [BYTES],
    "bloom": splits(BLOOM) + [BYTES],
    "viking": splits(BLOOM) + [DIGITS, BYTES],
    "superbpe": splits(r"\p{N}+", r"(?=(\d{3})+(?!\d))") + [BYTES],
    "tiny_aya": splits(r"\d{1,3}(?=(?:\d{3})*\b)", O200K) + [BYTES],
    "deepseek-coder": splits(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+") + [DIGITS, BYTES],
}
IGNORES_MERGES = {"llama-bpe", "gpt-4o", "minicpm5", "tekken", "kimi-k2"}


def unpacked(directory, path):
    """A packed reference file, unpacked once."""
    out = directory / path.relative_to(REFERENCE).with_suffix("")
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(lzma.decompress(path.read_bytes()))
    return out


def gguf_field(reader, key):
    field = reader.fields.get(key)
    return field.contents() if field else None


def byte_level_from_gguf(path, steps, **options):
    """The tokenizer that a GGUF vocabulary came from."""
    reader = gguf.GGUFReader(path)
    tokens = gguf_field(reader, "tokenizer.ggml.tokens")
    kinds = gguf_field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(m.split(" ", 1)) for m in gguf_field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, **options))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, normalized=False, special=True) for t, k in zip(tokens, kinds) if k in (3, 4)]
    tokenizer.add_special_tokens(special)
    return tokenizer, [t.content for t in special]


def write_gguf(path, pre, tokens, kinds, merges):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def sentencepiece_as_json(path):
    """The SentencePiece vocabulary as Llama 2's tokenizer.json has it: merges in order of score."""
    reader = gguf.GGUFReader(path)
    tokens = gguf_field(reader, "tokenizer.ggml.tokens")
    scores = gguf_field(reader, "tokenizer.ggml.scores")
    kinds = gguf_field(reader, "tokenizer.ggml.token_type")
    ids = {t: i for i, t in enumerate(tokens)}
    merges = []
    for token in tokens:
        if kinds[ids[token]] != 1:
            continue
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ids and right in ids and kinds[ids[left]] == 1 and kinds[ids[right]] == 1:
                merges.append((-scores[ids[token]], ids[token], left, right))
    merges.sort(key=lambda m: m[:2])
    model = models.BPE(vocab=ids, merges=[m[2:] for m in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    return model, [AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")]


def small_model(corpus, alphabet, **options):
    """A BPE model trained on a few sentences, to try descriptions that no reference file has."""
    tokenizer = Tokenizer(models.BPE(**options))
    if alphabet == "bytes":
        tokenizer.pre_tokenizer = GPT2_BYTES
        trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                      show_progress=False, special_tokens=["<unk>"],
                                      **{k: v for k, v in options.items() if k.endswith("prefix") or k.endswith("suffix")})
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=600, show_progress=False, special_tokens=["<unk>"],
                                      **{k: v for k, v in options.items() if k.endswith("prefix") or k.endswith("suffix")})
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


MARKS = [AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=False),
         AddedToken("<lr>", lstrip=True, rstrip=True, normalized=False), AddedToken("word", single_word=True, normalized=False),
         AddedToken("<Norm>", normalized=True), AddedToken("<lrx>", normalized=False), AddedToken("<sp>", special=True, normalized=False)]


def described():
    """Descriptions by name: (tokenizer, spellings to try)."""
    corpus = [t for t in all_texts(7, [], 1, 0.5)] + ["The quick brown fox jumps over the lazy dog. " * 3] * 20
    P, N = pre_tokenizers, normalizers
    plans = {
        "marks": ("bytes", None, GPT2_BYTES, MARKS),
        "marks_lower": ("bytes", N.Lowercase(), GPT2_BYTES, MARKS),
        "prefix_space": ("bytes", None, P.ByteLevel(add_prefix_space=True), MARKS[-1:]),
        "nfkc": ("bytes", N.Sequence([N.NFKC(), N.Replace(Regex(r"\s{2,}"), " ")]), GPT2_BYTES, []),
        "nfd": ("bytes", N.Sequence([N.NFD(), N.StripAccents(), N.Strip()]), GPT2_BYTES, []),
        "digits": ("bytes", None, P.Sequence([P.Digits(), P.Punctuation(), BYTES]), []),
        "removed": ("bytes", None, P.Sequence([P.Split(" ", "removed"), P.Split(Regex(r"\d"), "merged_with_previous"), BYTES]), []),
        "next": ("bytes", None, P.Sequence([P.Split(Regex(r"[aeiou ]"), "merged_with_next"), BYTES]), []),
        "contiguous": ("bytes", None, P.Sequence([P.Split(Regex(r"[\w&&[^\d]]"), "contiguous"), BYTES]), []),
        "inverted": ("bytes", None, P.Sequence([P.Split(Regex(r"\w+|[^\w\s]"), "removed", invert=True), BYTES]), []),
        "whitespace": ("bytes", None, P.Sequence([P.Whitespace(), BYTES]), []),
        "bert": ("bytes", None, P.Sequence([P.BertPreTokenizer(), BYTES]), []),
        "interval": ("bytes", None, P.Sequence([P.Split(Regex(r"\p{N}{1,2}+|\h{4}|(?m:x.)|[^\s[a-f]]+"), "isolated"), BYTES]), []),
        "mapped": ("bytes", None, P.Sequence([BYTES, P.Split("Ġ", "isolated")]), []),
        "metaspace": ("chars", None, P.Metaspace(), MARKS[-1:]),
        "metaspace_first": ("chars", None, P.Metaspace(prepend_scheme="first", split=False), MARKS[-1:]),
        "metaspace_never": ("chars", N.Replace(Regex(" +"), " "), P.Metaspace(prepend_scheme="never"), MARKS[-1:]),
        "prepend": ("chars", N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, MARKS),
        "split_words": ("chars", None, P.WhitespaceSplit(), []),
    }
    base = {kind: small_model(corpus, kind, unk_token="<unk>", fuse_unk=True) for kind in ("bytes", "chars")}
    for name, (kind, normalizer, pre, added) in plans.items():
        tokenizer = Tokenizer.from_str(base[kind].to_str())
        if normalizer:
            tokenizer.normalizer = normalizer
        if pre:
            tokenizer.pre_tokenizer = pre
        elif kind == "chars":
            description = json.loads(tokenizer.to_str())
            description["pre_tokenizer"] = None
            tokenizer = Tokenizer.from_str(json.dumps(description))
        tokenizer.decoder = decoders.ByteLevel() if kind == "bytes" else decoders.Metaspace()
        tokenizer.add_tokens(added)
        yield name, tokenizer, [a.content for a in added]
    suffixed = small_model(corpus, "chars", unk_token="<unk>", end_of_word_suffix="</w>")
    suffixed.pre_tokenizer = P.WhitespaceSplit()
    suffixed.decoder = decoders.BPEDecoder()
    yield "suffixed", suffixed, []


def all_cases(directory, smollm):
    """(name, what the program opens, reference tokenizer, spellings of special tokens)"""
    for name in ("qwen3", "deepseek_v3"):
        path = unpacked(directory, REFERENCE / name / "tokenizer.json.xz")
        (path.parent / "tokenizer_config.json").write_bytes((REFERENCE / name / "tokenizer_config.json").read_bytes())
        tokenizer = Tokenizer.from_file(str(path))
        yield name, path.parent, tokenizer, [t["content"] for t in json.loads(path.read_text())["added_tokens"]][:40]
    if smollm:
        yield ("smollm2", smollm, *byte_level_from_gguf(smollm, [DIGITS, GPT2_BYTES]))
    qwen = json.loads((directory / "qwen3" / "tokenizer.json").read_text())["model"]
    tokens = sorted(qwen["vocab"], key=qwen["vocab"].get)
    merges = [" ".join(m) if isinstance(m, list) else m for m in qwen["merges"]]
    for pre, steps in NAMED.items():
        path = directory / f"{pre}.gguf"
        if not path.exists():
            write_gguf(path, pre, tokens + ["<|end|>"], [1] * len(tokens) + [3], merges)
        tokenizer, special = byte_level_from_gguf(path, steps, **({"ignore_merges": True} if pre in IGNORES_MERGES else {}))
        yield pre, path, tokenizer, special
    spm = unpacked(directory, REFERENCE / "llama-spm.gguf.xz")
    model, special = sentencepiece_as_json(spm)
    llama = Tokenizer(model)
    llama.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    llama.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                       decoders.Strip(" ", 1, 0)])
    llama.add_special_tokens(special)
    yield "llama_gguf", spm, llama, ["<s>", "</s>", "<unk>"]
    yield "llama_json", saved(directory, "llama_json", llama), llama, ["<s>", "</s>", "<unk>"]
    for name, tokenizer, spellings in described():
        yield name, saved(directory, name, tokenizer), tokenizer, spellings


def saved(directory, name, tokenizer):
    folder = directory / name
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def differences(driver, model, tokenizer, texts):
    """(what, text, expected, got): ids, the text they decode to, and whether a stream of them loses a byte."""
    ours = driver.ask({"model": str(model), "texts": texts})
    if "error" in ours:
        return [("error", "", "", ours["error"])]
    rows = []
    for text, ids, decoded, streamed in zip(texts, ours["ids"], ours["decoded"], ours["streamed"]):
        expected = tokenizer.encode(text, add_special_tokens=False)
        if ids != expected.ids:
            rows.append(("ids", text, expected.tokens, [tokenizer.id_to_token(i) for i in ids]))
            continue
        whole = tokenizer.decode(ids, skip_special_tokens=False)
        if decoded != whole and decoded != text:
            rows.append(("decoded", text, whole, decoded))
        # A stream does not know that the space of the first word, or of the last one's end, is to be left out.
        if whole == text and streamed not in (text, " " + text, text + " "):
            rows.append(("streamed", text, text, streamed))
    return rows


def compare(arguments):
    directory = pathlib.Path(arguments.directory)
    directory.mkdir(parents=True, exist_ok=True)
    driver = Driver(arguments.driver)
    total = wrong = 0
    for name, model, tokenizer, specials in all_cases(directory, arguments.model):
        if arguments.only and name != arguments.only:
            continue
        texts = all_texts(arguments.seed, specials, arguments.per_window, arguments.scale)
        rows = differences(driver, model, tokenizer, texts)
        for what, text, expected, got in rows[: arguments.show]:
            print(f"  {name}: {what} of {text!r}\n    expected {expected}\n    got      {got}")
        print(f"{name}: {len(texts)} texts, {len(rows)} wrong", flush=True)
        total, wrong = total + len(texts), wrong + len(rows)
    print(f"all: {total} texts, {wrong} wrong")
    return wrong != 0


def pack(path, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    path.write_bytes(lzma.compress(text.encode(), preset=9))
    print(path, path.stat().st_size)


def answers(tokenizer, texts):
    """Ids, and whether decoding them gives the text back."""
    ids = [tokenizer.encode(t, add_special_tokens=False).ids for t in texts]
    back = [tokenizer.decode(i, skip_special_tokens=False) == t for i, t in zip(ids, texts)]
    return {"ids": ids, "round_trip": back}


def fixture(arguments):
    directory, out = pathlib.Path(arguments.directory), pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    specials = ["<|im_start|>", "<|end|>", "<｜begin▁of▁sentence｜>", "<s>", "</s>", "<tool_call>"]
    vectors = {"texts": all_texts(11, specials, 1, 0.4), "answers": {}}
    described_cases = {}
    for name, model, tokenizer, spellings in all_cases(directory, None):
        if name == "llama_json":
            continue  # its vocabulary is llama_gguf's
        if name == "llama_gguf" or name in NAMED or model.name in ("qwen3", "deepseek_v3"):
            vectors["answers"][name] = answers(tokenizer, vectors["texts"])
        else:
            texts = all_texts(12, spellings, 0, 0.2)
            described_cases[name] = {"file": json.loads(tokenizer.to_str()), "texts": texts, **answers(tokenizer, texts)}
    pack(out / "vectors.json.xz", vectors)
    pack(out / "described.json.xz", described_cases)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("compare")
    one.add_argument("driver")
    one.add_argument("directory")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--scale", type=float, default=1.0)
    one.add_argument("--per-window", type=int, default=2)
    one.add_argument("--model", help="a GGUF file whose pre-tokenizer is smollm")
    one.add_argument("--only")
    one.add_argument("--show", type=int, default=5)
    one.set_defaults(run=compare)
    two = commands.add_parser("fixture")
    two.add_argument("directory")
    two.add_argument("out")
    two.set_defaults(run=fixture)
    arguments = parser.parse_args()
    sys.exit(arguments.run(arguments))


if __name__ == "__main__":
    main()
