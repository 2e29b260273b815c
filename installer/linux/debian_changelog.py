"""Prints CHANGELOG.md in the form of Debian's changelogs.
usage: debian_changelog.py CHANGELOG.md "NAME <ADDRESS>"
"""
import datetime
import email.utils
import re
import sys
import textwrap


def entries(text):
    """(version, date, [change, ...]) of each heading, as they come."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        version, date = re.match(r"([0-9.]+) \(([0-9-]+)\)\n", part).groups()
        changes = re.findall(r"^- (.*(?:\n  .*)*)", part, flags=re.M)
        yield version, date, [" ".join(change.split()) for change in changes]


def main(file, maintainer):
    with open(file, encoding="utf-8") as changelog:
        text = changelog.read()
    sys.stdout.reconfigure(encoding="utf-8")
    for version, date, changes in entries(text):
        noon = datetime.datetime.fromisoformat(f"{date}T12:00:00+00:00")
        print(f"switchyard ({version}) stable; urgency=medium\n")
        for change in changes:
            print(textwrap.fill(change, 78, initial_indent="  * ", subsequent_indent="    "))
        print(f"\n -- {maintainer}  {email.utils.format_datetime(noon)}\n")


main(*sys.argv[1:])
