"""This program's `bench` and llama.cpp's llama-bench on the same files, in turn, and the ratio of their speeds.

python tests/bench/peer.py CLI LLAMA_BENCH MODEL ... [--threads N] [--prompt-tokens N] [--gen-tokens N] [--rounds N] [--isa ISA]

CLI is the built switchyard-cli; LLAMA_BENCH one that you have built for this machine (nothing is built here). In each round both
run once, and who goes first changes from round to round, so that a machine that is busy for a while slows both. A prompt is read
and thrown away; an answer begins behind one token, as llama-bench has it. For each file: medians of both, the median of the
rounds' ratios, their least and their most. Where the machine is not idle the spread tells.
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys


def output_of(command, environment=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed with {done.returncode}: {done.stderr.strip()[-500:]}")
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        sys.exit(f"{command[0]} printed no JSON: {done.stdout[:200]!r}")


def speeds_of(program, read):
    """What `read` finds in a program's JSON; positive."""
    try:
        speeds = read()
    except (TypeError, KeyError, IndexError):
        speeds = ()
    if not speeds or not all(isinstance(speed, (int, float)) and speed > 0 for speed in speeds):
        sys.exit(f"{program} told no speeds of a prompt and an answer")
    return speeds


def own_speeds(options, model):
    """Tokens/s of (prompt, answer)."""
    environment = dict(os.environ, SWITCHYARD_ISA=options.isa) if options.isa else None
    command = [options.cli, "bench", model, "--device", "cpu", "--threads", str(options.threads), "--repeat", "1", "--json",
               *options.own]
    prompt = output_of([*command, "--prompt-tokens", str(options.prompt_tokens), "--gen-tokens", "2"], environment)
    answer = output_of([*command, "--prompt-tokens", "1", "--gen-tokens", str(options.gen_tokens)], environment)
    return speeds_of(options.cli, lambda: (prompt["prefill_tokens_per_second"], answer["decode_tokens_per_second"]))


def peer_speeds(options, model):
    tests = output_of([options.llama_bench, "-m", model, "-t", str(options.threads), "-p", str(options.prompt_tokens),
                       "-n", str(options.gen_tokens), "-r", "1", "-o", "json"])
    def read():
        speed = {test["n_gen"] > 0: test["avg_ts"] for test in tests}
        return speed[False], speed[True]
    return speeds_of(options.llama_bench, read)


def compare(options, model):
    """[(own, peer, ratio, least, most)] for prompt and answer."""
    measured = {own_speeds: [], peer_speeds: []}
    for turn in range(options.rounds):
        order = [own_speeds, peer_speeds]
        for side in order if turn % 2 == 0 else reversed(order):
            measured[side].append(side(options, model))
    results = []
    for which in (0, 1):
        own, peer = ([speeds[which] for speeds in measured[side]] for side in (own_speeds, peer_speeds))
        ratios = [a / b for a, b in zip(own, peer)]
        results.append((statistics.median(own), statistics.median(peer), statistics.median(ratios), min(ratios), max(ratios)))
    return results


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cli")
    parser.add_argument("llama_bench")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--prompt-tokens", type=positive, default=512)
    parser.add_argument("--gen-tokens", type=positive, default=128)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--isa", choices=("scalar", "avx2", "vnni"), help="of this program; the peer's was chosen when it was built")
    parser.add_argument("--own", type=shlex.split, default=[], metavar="'OPTIONS'",
                        help="further options of this program's bench, in one argument: --own='--activations 8 --kv Q8_0'")
    options = parser.parse_args()
    print(f"{'':<44}{'prompt ' + str(options.prompt_tokens):^44}{'answer ' + str(options.gen_tokens):^44}")
    print(f"{'tokens/s':<44}" + f"{'here':>9}{'peer':>9}{'ratio':>8}{'spread':>16}  " * 2)
    for model in options.models:
        row = f"{pathlib.Path(model).name[:42]:<44}"
        for own, peer, ratio, least, most in compare(options, model):
            row += f"{own:>9.1f}{peer:>9.1f}{ratio:>8.2f}{f'{least:.2f} .. {most:.2f}':>16}  "
        print(row, flush=True)


if __name__ == "__main__":
    main()
