"""Nothing is sent anywhere: a whole session, from the start over a question and its answer to the end, opens no socket of the
internet."""
import os
import re
import sqlite3
import subprocess
import sys
import unittest

from support import BUILD, WithFolder, main, run, tool

INTERNET = re.compile(r"\bAF_INET6?\b|\bsin6?_addr\b")


class Session(WithFolder):
    def traced(self, *command, around=(), **more):
        """What a command asked the system of networks, with all its threads and children; `around` runs it untraced."""
        log = self.folder / "trace"
        run(*around, self.strace, "-f", "-qq", "-e", "trace=network", "-o", log, *command, env=self.bare(**more))
        return log.read_text(errors="replace")

    def setUp(self):
        super().setUp()
        self.strace = tool("strace")
        tried = subprocess.run([self.strace, "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            raise unittest.SkipTest(f"processes may not be traced here: {tried.stderr.strip()}")
        self.model = self.folder / "answers.gguf"
        run(BUILD / "tests" / "packaging" / "answering_model", self.model)

    def session(self, **more):
        data = self.folder / "data"
        trace = self.traced(BUILD / "app" / "desktop" / "switchyard", "--data-dir", data, self.model,
                            "--prompt", "What colour is the sky?", "--quit", **more)
        with sqlite3.connect(data / "chats.sqlite") as chats:
            texts = [row[0] for row in chats.execute("SELECT text FROM parts ORDER BY message, position")]
        self.assertEqual(texts, ["What colour is the sky?", "It is blue."])
        return trace

    def test_the_trace_would_show_it(self):
        program = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        self.assertRegex(self.traced(sys.executable, "-c", program), INTERNET)

    def test_a_session_without_a_display(self):
        self.assertNotRegex(self.session(), INTERNET)

    def test_a_session_on_a_display_with_a_bus(self):
        display, bus = tool("xvfb-run"), tool("dbus-run-session")
        trace = self.session(around=(bus, "--", display, "-a"), QT_QPA_PLATFORM="xcb", PATH=os.environ["PATH"])
        self.assertIn("AF_UNIX", trace)
        self.assertNotRegex(trace, INTERNET)

    def test_the_command_line(self):
        trace = self.traced(BUILD / "app" / "cli" / "switchyard-cli", "generate", self.model, "--prompt", "Hello")
        self.assertNotRegex(trace, INTERNET)


if __name__ == "__main__":
    main()
