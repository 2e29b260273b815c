"""What the tests of packaging share."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["SWITCHYARD_BUILD"])
VERSION = os.environ["SWITCHYARD_VERSION"]
SKIPPED = 77  # as CTest is told


def tool(name):
    """The path of a tool; the test is skipped where there is none."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise unittest.SkipTest(f"{name} is not installed here")
    return path


def run(*command, **options):
    """What a command says on both streams; an error with all of that where it fails."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 100, **options}
    result = subprocess.run([str(word) for word in command], **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stdout}")
    return result.stdout


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="switchyard "))
        self.addCleanup(shutil.rmtree, self.folder)

    def bare(self, **more):
        """The environment of a user who has just begun, without a display."""
        return {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen",
                "SWITCHYARD_CUDA_LIBRARY": "", "XDG_RUNTIME_DIR": str(self.folder), **more}


class WithPrefix(WithFolder):
    """All that `cmake --install` gives, in a folder of its own."""

    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "prefix"
        self.install(self.prefix)

    @staticmethod
    def install(prefix):
        run("cmake", "--install", BUILD, "--component", "desktop", "--prefix", prefix)

    def file(self, *name):
        path = self.prefix.joinpath(*name)
        self.assertTrue(path.is_file(), f"{path} was not installed")
        return path


def main():
    """Runs the class named on the command line; SKIPPED where nothing of it could be run."""
    result = unittest.main(argv=sys.argv[:2], verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped and len(result.skipped) == result.testsRun else 0)
