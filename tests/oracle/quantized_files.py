#!/usr/bin/env python3
"""What `switchyard-cli quantize` writes, opened by others: the gguf package and llama.cpp.

usage: quantized_files.py switchyard-cli DENSE.gguf CARVED.gguf WORK_FOLDER
DENSE.gguf: a model of the llama family with its tokenizer; CARVED.gguf: what `carve` made of it.
A row each: what was asked, bytes, matrices by type, how far llama.cpp's logits are from ours on the same file and ours
from the source's (normalised mean square errors). Also from a file split in three and from a Hugging Face folder.
Needs: gguf llama-cpp-python numpy torch transformers safetensors. Ends with 1 where a file is refused.
"""
import collections
import json
import pathlib
import subprocess
import sys

import numpy as np
from gguf import GGUFReader, GGUFWriter

from family_differential import compare, logits

TEXT = ("The lighthouse keeper wrote every evening into a thick book: wind, weather and the ships that went by. One night "
        "a bottle lay between the rocks, and in it was a letter with his own name on it, dated forty years ahead.")
RECIPES = ["Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q3_K_L", "Q3_K_M", "Q3_K_S", "Q2_K", "Q4_0", "Q4_1",
           "Q5_0", "Q5_1", "IQ4_NL", "IQ4_XS", "F16", "BF16", "Q4_K --pure", "Q8_0 --pure"]
CARVED = ["Q8_0 --attention F16 --shared Q6_K --routed Q4_0", "Q4_K_M", "Q4_0 --pure"]


def our_logits(cli, model, ids):
    answer = logits(cli, model, ids)
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer


def their_logits(model, ids):
    from llama_cpp import Llama
    llama = Llama(str(model), n_ctx=256, n_threads=2, logits_all=True, verbose=False)
    llama.eval(ids)
    scores = np.array(llama.scores[:len(ids)])
    llama.close()
    return scores


def token_ids(cli, model):
    answer = subprocess.run([cli, "tokenize", model, "--text", TEXT, "--json"], check=True, stdout=subprocess.PIPE)
    return json.loads(answer.stdout)["ids"]


def copy_split(source, work):
    """The file in three parts, as the gguf package splits."""
    reader = GGUFReader(source)
    writer = GGUFWriter(work / "split.gguf", reader.fields["general.architecture"].contents(),
                        split_max_tensors=len(reader.tensors) // 3 + 1)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            kinds = field.types
            writer.add_key_value(name, field.contents(), kinds[0], kinds[1] if len(kinds) > 1 else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(work.glob("split-0*.gguf"))[0]


def as_folder(source, work):
    """The model as its authors would store it."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    out = work / "folder"
    place = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    model = AutoModelForCausalLM.from_pretrained(**place, quantization_config=GgufConfig(dequantize=True))
    model.bfloat16().save_pretrained(out, max_shard_size="100MB")
    AutoTokenizer.from_pretrained(**place).save_pretrained(out)
    return out


def main():
    cli, (dense, carved, work) = sys.argv[1], map(pathlib.Path, sys.argv[2:5])
    work.mkdir(parents=True, exist_ok=True)
    ids, failures = token_ids(cli, dense), 0
    split, folder = copy_split(dense, work), as_folder(dense, work)
    sources = [(dense, r) for r in RECIPES] + [(carved, r) for r in CARVED]
    sources += [(split, "Q8_0"), (split, "Q4_K_M"), (folder, "Q8_0"), (folder, "Q4_K_M"), (folder, "F16")]
    truths = {}
    for source, recipe in sources:
        if source not in truths:
            truths[source] = our_logits(cli, source, ids)
        out = work / "out.gguf"
        name = f"{source.name}  {recipe}"
        try:
            subprocess.run([cli, "quantize", source, out, "--type", *recipe.split()], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            types = collections.Counter(t.tensor_type.name for t in GGUFReader(out).tensors if len(t.shape) > 1)
            ours = our_logits(cli, out, ids)
            print(f"{name}: {out.stat().st_size:,} bytes, {dict(types)}, llama.cpp {compare(their_logits(out, ids), ours)[0]:.1e}, "
                  f"source {compare(ours, truths[source])[0]:.1e}", flush=True)
        except (subprocess.CalledProcessError, ValueError, RuntimeError) as error:
            failures += 1
            print(f"{name}: FAILED {error}", flush=True)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
