"""Installs into a folder and looks whether a system and a user find there what they need."""
import configparser
import json
import re
import shutil
import struct
import xml.etree.ElementTree as xml

from support import BUILD, SOURCE, VERSION, WithPrefix, main, run, tool

PROGRAMS = ("switchyard", "switchyard-cli")


class Programs(WithPrefix):
    def test_they_start_where_they_were_put(self):
        moved = self.folder / "moved to another place"
        self.prefix.rename(moved)
        for name in PROGRAMS:
            said = run(moved / "bin" / name, "--version", env=self.bare(), cwd="/")
            self.assertEqual(said, f"{name} {VERSION}\n")

    def test_the_window_opens(self):
        picture = self.folder / "window.png"
        run(self.file("bin", "switchyard"), "--grab", picture, "--quit", env=self.bare(), cwd="/")
        width, height = struct.unpack(">II", picture.read_bytes()[16:24])
        self.assertGreater(width, 500)  # the screen that is none is 800 wide
        self.assertGreater(height, 300)

    def test_a_plan_that_is_installed_is_read(self):
        plans = list((self.prefix / "share" / "switchyard" / "carve").glob("*.plan"))
        table = json.loads((SOURCE / "resources" / "models.json").read_text(encoding="utf-8"))
        self.assertEqual({plan.name for plan in plans},
                         {model["carve_plan"] for model in table["models"] if "carve_plan" in model})

    def test_nothing_refers_to_the_folders_of_the_build(self):
        for path in self.prefix.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for place in (SOURCE, BUILD):
                    self.assertNotIn(str(place).encode(), content, f"{path} names {place}")

    def test_libraries_that_come_along_are_found_first(self):
        for name in PROGRAMS:
            said = run(tool("readelf"), "-d", self.file("bin", name))
            self.assertEqual(re.findall(r"\((RPATH|RUNPATH)\).*\[(.*)\]", said), [("RPATH", "$ORIGIN/../lib/switchyard")])


class Menu(WithPrefix):
    def entry(self):
        parser = configparser.ConfigParser(interpolation=None, delimiters="=")
        parser.optionxform = str
        parser.read(self.file("share", "applications", "switchyard.desktop"), encoding="utf-8")
        return parser["Desktop Entry"]

    def test_the_entry_is_valid(self):
        self.assertEqual(run(tool("desktop-file-validate"), self.file("share", "applications", "switchyard.desktop")), "")

    def test_what_it_names_is_installed(self):
        entry = self.entry()
        self.assertEqual(entry["Exec"], "switchyard %f")
        self.file("bin", entry["Exec"].split()[0])
        self.file("share", "icons", "hicolor", "scalable", "apps", entry["Icon"] + ".svg")
        kinds = xml.parse(self.file("share", "mime", "packages", "switchyard.xml")).getroot()
        self.assertEqual(entry["MimeType"], kinds[0].get("type") + ";")

    def test_it_speaks_chinese(self):
        entry = self.entry()
        for key in ("GenericName", "Comment", "Keywords"):
            self.assertRegex(entry[f"{key}[zh_CN]"], "[\u4e00-\u9fff]")

    def test_icons_have_the_sizes_of_their_folders(self):
        sizes = []
        for icon in (self.prefix / "share" / "icons" / "hicolor").glob("*x*/apps/switchyard.png"):
            head = icon.read_bytes()[:24]
            self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
            width, height = struct.unpack(">II", head[16:])
            self.assertEqual(f"{width}x{height}", icon.parts[-3])
            sizes.append(width)
        self.assertEqual(sorted(sizes), [16, 22, 24, 32, 48, 64, 128, 256, 512])


class Metadata(WithPrefix):
    def path(self):
        return self.file("share", "metainfo", "org.switchyard.switchyard.metainfo.xml")

    def test_it_is_valid(self):
        run(tool("appstreamcli"), "validate", "--no-net", "--pedantic", self.path())

    def test_it_is_of_this_version(self):
        releases = xml.parse(self.path()).getroot().findall("releases/release")
        self.assertEqual(releases[0].get("version"), VERSION)
        changes = (SOURCE / "CHANGELOG.md").read_text(encoding="utf-8")
        for release in releases:
            self.assertIn(f"## {release.get('version')} ({release.get('date')})", changes)

    def test_it_names_the_entry_and_what_is_installed(self):
        root = xml.parse(self.path()).getroot()
        self.file("share", "applications", root.findtext("launchable"))
        self.assertEqual(tuple(e.text for e in root.findall("provides/binary")), PROGRAMS)


class FileType(WithPrefix):
    def test_a_model_file_is_known_by_its_name_and_by_its_beginning(self):
        update, gio = tool("update-mime-database"), tool("gio")
        share = self.prefix / "share"
        run(update, share / "mime")
        named, unnamed = self.folder / "tiny.gguf", self.folder / "no name"
        named.write_bytes(b"not yet downloaded whole")
        unnamed.write_bytes(b"GGUF\x03\0\0\0" + bytes(100))
        environment = self.bare(XDG_DATA_HOME=str(self.folder / "data"), XDG_DATA_DIRS=str(share))
        for path in (named, unnamed):
            said = run(gio, "info", "-a", "standard::content-type", path, env=environment)
            self.assertIn("application/x-gguf", said)


class Pages(WithPrefix):
    def test_they_are_well_formed(self):
        lint = tool("mandoc")
        for name in PROGRAMS:
            run(lint, "-T", "lint", "-W", "warning", self.file("share", "man", "man1", f"{name}.1"))

    def test_they_have_what_the_programs_have(self):
        page = self.file("share", "man", "man1", "switchyard-cli.1").read_text(encoding="utf-8").replace("\\-", "-")
        self.assertIn(f'"Switchyard {VERSION}"', page)
        program = self.file("bin", "switchyard-cli")
        commands = re.findall(r"^  ([a-z]+) ", run(program, "--help").split("Subcommands:")[1], flags=re.M)
        self.assertIn("generate", commands)
        for command in commands:
            part = re.search(rf"(?ms)^\.SS {command}( [^\n]*)?\n(.*?)(?=^\.S[SH])", page)
            self.assertTrue(part, command)
            for option in re.findall(r"^  (--[a-z-]+)", run(program, command, "--help"), flags=re.M):
                self.assertRegex(part[2], rf"(?m)^\.B .*{option}\b", command)
        page = self.file("share", "man", "man1", "switchyard.1").read_text(encoding="utf-8").replace("\\-", "-")
        for option in re.findall(r"--[a-z-]+", run(self.file("bin", "switchyard"), "--help")):
            self.assertIn(option, page)


class Completions(WithPrefix):
    def complete(self, program, *words):
        """What bash offers for the last of the words."""
        script = self.file("share", "bash-completion", "completions", program)
        function = {"switchyard": "_switchyard", "switchyard-cli": "_switchyard_cli"}[program]
        ask = ('. "$1"; compopt() { :; }; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
               f'{function} "$1"; printf "%s\\n" "${{COMPREPLY[@]}}"')
        return run("bash", "-c", ask, "bash", script, self.file("bin", program), *words, cwd=self.folder).split()

    def test_commands(self):
        self.assertEqual(self.complete("switchyard-cli", "gen"), ["generate"])
        self.assertLessEqual({"carve", "quantize", "chat"}, set(self.complete("switchyard-cli", "")))

    def test_options_and_values(self):
        self.assertIn("--max-tokens", self.complete("switchyard-cli", "generate", "m.gguf", "--ma"))
        self.assertNotIn("--max-tokens", self.complete("switchyard-cli", "devices", "--"))
        self.assertEqual(self.complete("switchyard-cli", "chat", "--device", "c"), ["cpu", "cuda"])
        self.assertIn("--data-dir", self.complete("switchyard", "--d"))

    def test_model_files(self):
        (self.folder / "smol.gguf").touch()
        (self.folder / "small.txt").touch()
        self.assertEqual(self.complete("switchyard", "sm"), ["smol.gguf"])

    def test_zsh_reads_them(self):
        shell = tool("zsh")
        for path in (self.prefix / "share" / "zsh").rglob("_switchyard*"):
            run(shell, "-n", path)


class Archive(WithPrefix):
    """The script of the self-contained archive, from a folder whose name is no easy one."""

    def setUp(self):
        super().setUp()
        self.place = self.folder / 'a "place" with $signs, 100% `new`\\'
        self.prefix.rename(self.place)
        shutil.copy(SOURCE / "installer" / "archive" / "add-to-menu.sh", self.place)
        self.home = self.folder / "home"
        self.home.mkdir()

    def add(self, *words):
        return run(self.place / "add-to-menu.sh", *words, env=self.bare(HOME=str(self.home)))

    def test_the_menu_starts_it_and_forgets_it(self):
        self.add()
        entry = self.home / ".local" / "share" / "applications" / "switchyard.desktop"
        line = re.search('^Exec="(.*)" %f$', entry.read_text(encoding="utf-8"), flags=re.M)[1]
        # As desktops read it: first the escapes of any value, then those within quotes, then percent signs.
        value = line.replace("\\\\", "\\")
        path = re.sub(r'\\(["`$\\])', r"\1", value).replace("%%", "%")
        self.assertEqual(path, str(self.place / "bin" / "switchyard"))
        self.assertEqual(run(self.home / ".local" / "bin" / "switchyard", "--version", env=self.bare()),
                         f"switchyard {VERSION}\n")
        self.add()  # again: a folder that was moved
        self.add("--remove")
        left = [path for path in self.home.rglob("*switchyard*") if not path.is_dir()]
        self.assertEqual(left, [])

    def test_the_entry_is_valid(self):
        check = tool("desktop-file-validate")
        self.add()
        run(check, self.home / ".local" / "share" / "applications" / "switchyard.desktop")

    def test_what_is_not_its_own_stays(self):
        own = self.home / ".local" / "bin" / "switchyard"
        own.parent.mkdir(parents=True)
        own.write_text("somebody's own")
        self.add()
        self.add("--remove")
        self.assertEqual(own.read_text(), "somebody's own")


if __name__ == "__main__":
    main()
