"""What in the sources belongs to packages: one version everywhere, scripts, notes on licences."""
import re
import unittest

from support import SOURCE, VERSION, main, run, tool

LINUX = SOURCE / "installer" / "linux"


class Versions(unittest.TestCase):
    def test_the_newest_change_is_of_the_version_that_is_built(self):
        headings = re.findall(r"^## (.*)$", (SOURCE / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
        for heading in headings:
            self.assertRegex(heading, r"^\d+\.\d+\.\d+ \(\d{4}-\d{2}-\d{2}\)$")
        self.assertEqual(headings[0].split()[0], VERSION)
        numbers = [tuple(map(int, heading.split()[0].split("."))) for heading in headings]
        self.assertEqual(numbers, sorted(numbers, reverse=True))

    def test_no_other_file_says_a_version_of_its_own(self):
        for file in LINUX.rglob("*"):
            if file.is_file():
                self.assertNotIn(VERSION, file.read_text(encoding="utf-8"), file)

    def test_debian_reads_the_changes(self):
        log = run("python3", LINUX / "debian_changelog.py", SOURCE / "CHANGELOG.md", "A Name <a@name.example>")
        said = run(tool("dpkg-parsechangelog"), "-l", "-", input=log)
        self.assertIn(f"\nVersion: {VERSION}\n", said)
        self.assertNotIn("warning", said)
        self.assertLess(max(map(len, log.splitlines())), 81)


class Dependencies(unittest.TestCase):
    def test_what_nothing_links_is_named_by_the_package(self):
        listed = (SOURCE / "installer" / "packages.txt").read_text(encoding="utf-8")
        opened = re.findall(r"^(?:fonts-|libqt6|qt6-translations|[a-z0-9-]+-data$).*", listed, flags=re.M)
        self.assertIn("libqt6sql6-sqlite", opened)
        named = re.findall(r"[a-z0-9.+-]+", (SOURCE / "cmake" / "SwitchyardPackage.cmake").read_text(encoding="utf-8"))
        self.assertEqual(set(opened) - set(named), set())


class Scripts(unittest.TestCase):
    def test_shell_scripts_have_no_faults_that_can_be_seen(self):
        check = tool("shellcheck")
        run(check, "-x", "installer/package.sh", "installer/archive/add-to-menu.sh", "tests/packaging/bare_root.sh", cwd=SOURCE)
        run(check, "-s", "bash", LINUX / "completions" / "switchyard", LINUX / "completions" / "switchyard-cli")


class Copyrights(unittest.TestCase):
    def test_each_licence_that_is_named_is_there(self):
        for name in ("copyright", "copyright-cuda"):
            text = (LINUX / name).read_text(encoding="utf-8")
            paragraphs = text.split("\n\n")
            named = {m[1] for p in paragraphs if p.startswith("Files:") for m in [re.search(r"^License: (.*)$", p, re.M)]}
            told = {m[1] for p in paragraphs for m in [re.search(r"^License: (.*)\n .", p, re.M)] if m}
            self.assertTrue(named)
            self.assertEqual(named - told, set(), name)

    def test_the_runtime_of_cuda_may_be_linked(self):
        for text in ((LINUX / "copyright").read_text(), (LINUX / "copyright-cuda").read_text(), (SOURCE / "README.md").read_text()):
            self.assertRegex(" ".join(text.split()), "section 7 .*CUDA runtime")

    def test_the_tables_licence_is_whole(self):
        words = (SOURCE / "resources" / "unicode" / "LICENSE").read_text(encoding="utf-8").split()
        given = " ".join(word for word in (LINUX / "copyright").read_text(encoding="utf-8").split() if word != ".")
        self.assertIn(" ".join(words), given)


if __name__ == "__main__":
    main()
