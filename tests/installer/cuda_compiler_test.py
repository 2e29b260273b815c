"""What installer/common.sh does about CUDA's compiler on machines with and without a card, a driver, a compiler."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIP = """#!/bin/bash
echo "$*" >>"$ASKED"
[ -z "$PIP_FAILS" ] || { echo "ERROR: no network" >&2; exit 1; }
ASKED_LINE=$*
while [ $# -gt 0 ]; do [ "$1" != --target ] || target=$2; shift; done
case $ASKED_LINE in
*nvidia-cublas*)
    [ -z "$CUBLAS_FAILS" ] || { echo "ERROR: no room" >&2; exit 1; }
    mkdir -p "$target/nvidia/cu13/lib" && : >"$target/nvidia/cu13/lib/libcublasLt.so.13" ;;
*)
    mkdir -p "$target/nvidia/cu13/bin" && printf '#!/bin/sh\\n' >"$target/nvidia/cu13/bin/nvcc"
    chmod +x "$target/nvidia/cu13/bin/nvcc" ;;
esac
"""
VERSION = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Wed\nGCC version: gcc 12.2.0 (Debian 12.2.0-14)\n"


class CudaCompiler(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.place = pathlib.Path(self.folder.name)
        (self.place / "bin").mkdir()
        for tool in ("bash", "cat", "chmod", "cp", "grep", "head", "mkdir", "mktemp", "mv", "paste", "rm", "sed", "sort"):
            (self.place / "bin" / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
        self.program("python3", PIP)

    def program(self, name, text):
        path = self.place / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def driver(self, version):
        (self.place / "proc").mkdir(exist_ok=True)
        (self.place / "proc" / "version").write_text(VERSION.format(version))

    def run_shell(self, command, **variables):
        environment = {"PATH": str(self.place / "bin"), "NVIDIA_PROC": str(self.place / "proc"),
                       "CUDA_HOME": str(self.place / "nowhere"), "ASKED": str(self.place / "asked"), **variables}
        done = subprocess.run(
            ["/bin/bash", "-c", f"set -euo pipefail; . {ROOT}/installer/common.sh; {command}"],
            cwd=self.place, env=environment, text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def asked(self):
        asked = self.place / "asked"
        return asked.read_text() if asked.exists() else ""

    def test_without_a_driver_nothing_is_fetched(self):
        self.assertEqual(self.run_shell("fetch_cuda_compiler"), "")
        self.assertEqual(self.asked(), "")

    def test_with_a_driver_it_is_fetched_once_and_said(self):
        self.driver("580.159.03")
        said = self.run_shell("fetch_cuda_compiler; find_nvcc && echo found")
        self.assertIn("271 MB", said)
        self.assertIn("600 MB", said)
        self.assertTrue(said.endswith("found\n"), said)
        self.assertIn("nvidia-nvvm==13.0.*", self.asked())
        self.assertIn("nvidia-cublas==13.0.*", self.asked())
        self.assertEqual(self.asked().count("=="), 6)
        self.assertTrue((self.place / "build/cuda-toolkit/nvidia/cu13/lib/libcublasLt.so.13").exists())
        self.assertEqual(self.run_shell("fetch_cuda_compiler"), "")
        self.assertEqual(self.asked().count("\n"), 2)

    def test_cublas_alone_is_tried_again(self):
        self.driver("580.159.03")
        said = self.run_shell("fetch_cuda_compiler; find_nvcc && echo found", CUBLAS_FAILS="1")
        self.assertIn("no room", said)
        self.assertIn("prompts are computed without it", said)
        self.assertTrue(said.endswith("found\n"), said)
        said = self.run_shell("fetch_cuda_compiler")
        self.assertIn("600 MB", said)
        self.assertNotIn("271 MB", said)
        self.assertEqual([path.name for path in (self.place / "build").iterdir()], ["cuda-toolkit"])

    def test_a_compiler_that_is_there_is_used(self):
        self.driver("580.159.03")
        self.program("nvcc", "#!/bin/bash\n")
        self.assertEqual(self.run_shell("fetch_cuda_compiler"), "")
        self.assertEqual(self.asked(), "")

    def test_an_old_driver_is_told_and_nothing_fetched(self):
        self.driver("535.247.01")
        said = self.run_shell("fetch_cuda_compiler")
        self.assertIn("535.247.01", said)
        self.assertIn("580", said)
        self.assertEqual(self.asked(), "")

    def test_without_a_network_the_cpu_computes(self):
        self.driver("580.159.03")
        said = self.run_shell("fetch_cuda_compiler", PIP_FAILS="1")
        self.assertIn("no network", said)
        self.assertIn("the CPU computes", said)
        self.assertEqual([path.name for path in (self.place / "build").iterdir()], [])

    def test_cards_are_named_as_cmake_names_them(self):
        self.assertEqual(self.run_shell("cards_here"), "")
        self.program("nvidia-smi", "#!/bin/bash\nprintf '9.0\\n8.6\\n9.0\\n[N/A]\\n'\n")
        self.assertEqual(self.run_shell("cards_here"), "86;90\n")
        self.program("nvidia-smi", "#!/bin/bash\necho 'No devices were found'; exit 6\n")
        self.assertEqual(self.run_shell("cards_here").strip(), "")


if __name__ == "__main__":
    unittest.main()
