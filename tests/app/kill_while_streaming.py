#!/usr/bin/env python3
"""Kills a program that streams answers into a data folder, again and again, and looks at what it left.

usage: kill_while_streaming.py WRITER [--kills N] [--limit SECONDS] [--seed N]
WRITER is the program store_writer of the tests. Each time another answer streams at 300 tokens/s into the same
folder until it is killed (SIGKILL) at some moment of its first four seconds. Then the file must be whole, have
all chats of before, and lack at most what came in the last `limit` seconds. Prints the most that was missing.
"""
import argparse
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def stream_and_kill(writer: str, folder: Path, seconds: float) -> tuple[list[tuple[float, int]], float]:
    """(when, how many tokens were there) as the writer told, and when it was killed; seconds, monotonic."""
    told: list[tuple[float, int]] = []
    process = subprocess.Popen([writer, str(folder), "--count"], stdout=subprocess.PIPE, text=True)
    first = threading.Event()

    def listen() -> None:
        for line in process.stdout:
            told.append((time.monotonic(), int(line)))
            first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        if not first.wait(30):
            raise SystemExit("the writer did not stream within 30 s")
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        process.wait()
        listener.join()
    return told, killed


def look(folder: Path) -> tuple[int, int, str]:
    """Chats, stored tokens of the newest answer, and what SQLite says of the file."""
    with sqlite3.connect(folder / "chats.sqlite") as db:
        whole = db.execute("PRAGMA integrity_check").fetchone()[0]
        chats = db.execute("SELECT count(*) FROM conversations").fetchone()[0]
        tokens = db.execute(
            "SELECT coalesce(sum(count), 0) FROM run_tokens WHERE kind = 0 AND run ="
            " (SELECT id FROM runs WHERE message = (SELECT max(id) FROM messages WHERE author = 2))"
        ).fetchone()[0]
    return chats, tokens, whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("writer")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--limit", type=float, default=1.0, help="seconds that may be missing")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    worst, failures = 0.0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kill in range(1, arguments.kills + 1):
            told, killed = stream_and_kill(arguments.writer, folder, chance.uniform(0, 4))
            chats, stored, whole = look(folder)
            lost = [when for when, tokens in told if tokens > stored]
            missing = killed - lost[0] if lost else 0.0
            worst = max(worst, missing)
            if whole != "ok" or chats != kill or missing > arguments.limit:
                failures += 1
                print(f"kill {kill}: file {whole}, {chats} chats, {missing:.2f} s missing", file=sys.stderr)
    print(f"{arguments.kills} kills, {failures} failures, at most {worst:.2f} s missing")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
