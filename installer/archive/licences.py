"""Writes, for files of Debian packages that are passed on, each package's copyright file and where its source is.
usage: licences.py FOLDER < FILES        FILES: a path a line
"""
import pathlib
import shutil
import subprocess
import sys
import urllib.parse

HEAD = """The libraries in lib/switchyard are Debian's, unchanged. Their sources, as Debian has them, are at the addresses below for
as long as Debian's archive of snapshots is; apt-get source PACKAGE=VERSION fetches those that are current. What each is under
stands in the file `copyright` in a folder of the package's name here. Debian's files name licences by their place in
/usr/share/common-licenses: those texts are in common-licenses here.

"""


def package_of(path):
    """The package that a file belongs to, wherever / and /usr have become one."""
    for name in (path, path.removeprefix("/usr"), "/usr" + path):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.splitlines()[0].rsplit(": ", 1)[0].split(",")[0]
    sys.exit(f"licences.py: no package has {path}: its licence is not known")


def main(folder):
    folder = pathlib.Path(folder)
    packages = sorted({package_of(line.strip()) for line in sys.stdin if line.strip()})
    form = "${Package}\t${Version}\t${source:Package}\t${source:Version}\n"
    told = subprocess.run(["dpkg-query", "-W", "-f", form, *packages], check=True, capture_output=True, text=True).stdout
    lines = []
    for package, version, source, source_version in sorted(line.split("\t") for line in told.splitlines()):
        copyright_file = pathlib.Path("/usr/share/doc", package, "copyright")
        if not copyright_file.exists():
            sys.exit(f"licences.py: {package} has no copyright file in /usr/share/doc")
        (folder / package).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copyright_file, folder / package / "copyright")
        address = f"https://snapshot.debian.org/package/{source}/{urllib.parse.quote(source_version)}/"
        lines.append(f"{package} {version}\n    source: {source} {source_version}\n    {address}\n")
    shutil.copytree("/usr/share/common-licenses", folder / "common-licenses", dirs_exist_ok=True)
    (folder / "SOURCES.txt").write_text(HEAD + "".join(lines), encoding="utf-8")


main(*sys.argv[1:])
