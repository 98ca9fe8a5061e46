"""Carries a wheel of Datadog's over the gap, from the repository that Datadog signed, and prints what came of it.

    python tests/conformance/datadog.py REPOSITORY BROKEN [--command target/release/sealift]

REPOSITORY and BROKEN are folders with `metadata.staged/` and `targets/`: the unpacked `datadog-active-directory-1.10.0.zip` and
`datadog-active-directory-1.10.0-signature-wheels-signer-a.zip` of the tests of `datadog_checks_downloader`. Needs faketime, an interpreter with
tuf, and `python` below /usr, because the layout's inspection runs it. Everything happens a day before the timestamp expired.
"""

import argparse
import functools
import hashlib
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from tuf.ngclient import Updater

DAY = "2022-07-30 00:00:00"
SIMPLE = "simple/datadog-active-directory"
WHEEL = f"{SIMPLE}/datadog_active_directory-1.10.0-py2.py3-none-any.whl"
POLICY = """[[require]]
names = ["file:/simple/datadog-*/*.whl"]
level = "4"
vouched_by = ["datadog"]
layout = "in-toto-metadata/4.core.root.layout"
"""


class Walk:
    def __init__(self, command, folder):
        self.command, self.folder, self.wrong = command, folder, 0

    def sealift(self, *arguments):
        command = ["faketime", DAY, self.command, "--quiet", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        return done.returncode, done.stderr

    def expect(self, what, codes, *arguments):
        """Runs a command that must end with one of these codes."""
        code, said = self.sealift(*arguments)
        self.say(what, code in codes, f"exit {code}", said)

    def say(self, what, is_right, result, said=""):
        self.wrong += not is_right
        print(f"{'ok   ' if is_right else 'WRONG'} {what}: {result}")
        if not is_right:
            print(said)

    def export(self, repository, archive, trust="near"):
        locations = f"datadog={repository}/metadata.staged,{repository}/targets"
        (self.folder / f"{archive}.partial").unlink(missing_ok=True)
        return ["--trust", trust, "export", "--file", WHEEL, "--tuf", locations, "--key", "k.pem", "-o", archive,
                "--run-inspections"]


def serve(folder):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def by_ngclient(folder, mirror, root):
    """Has python-tuf's client find the wheel in a mirror; for this, this script is started again with another clock."""
    command = ["faketime", DAY, sys.executable, __file__, "ngclient", mirror, root, folder]
    return subprocess.run(command, capture_output=True, text=True)


def ngclient(mirror, root, folder):
    url = serve(mirror)
    for made in (folder, f"{folder}/targets"):
        os.makedirs(made)
    bootstrap = pathlib.Path(root).read_bytes()
    client = Updater(folder, f"{url}metadata/", f"{folder}/targets", f"{url}targets/", bootstrap=bootstrap)
    client.refresh()
    print(hashlib.sha256(pathlib.Path(client.download_target(client.get_targetinfo(WHEEL))).read_bytes()).hexdigest())


def flipped(repository, to, path):
    """A copy of the repository in which one byte of one file is another one: of metadata, a digit of the year in which it expires."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(repository, to)
    content = bytearray((to / path).read_bytes())
    expires = b'"expires": "'
    # Of three signatures, one may be wrong; so what is signed is changed.
    place = content.index(expires) + len(expires) if path.parts[0] == "metadata.staged" else len(content) // 2
    content[place] ^= 1
    (to / path).write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("broken", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--command", default="target/release/sealift", type=lambda path: pathlib.Path(path).resolve())
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    walk = Walk(arguments.command, folder)
    root = arguments.repository / "metadata.staged/3.root.json"
    digest = hashlib.sha256(root.read_bytes()).hexdigest()
    for trust in ("near", "far", "plain"):
        walk.expect(f"pin root 3 ({trust})", [0], "--trust", trust, "trust", "pin-root", "datadog", root, "--sha256", digest)
        if trust != "plain":
            (folder / trust / "policy.toml").write_text(POLICY)
    walk.expect("make a key", [0], "key", "generate", "--out", "k.pem")
    walk.expect("pin the exporter", [0], "--trust", "far", "trust", "add-exporter", "me", "k.pem.pub")

    good = arguments.repository
    walk.expect("export", [0], *walk.export(good, "a.sealift"))
    walk.expect("verify", [0], "--trust", "far", "verify", "a.sealift", "--run-inspections")
    walk.expect("verify without the inspection", [13], "--trust", "far", "verify", "a.sealift")
    walk.expect("import", [0], "--trust", "far", "import", "a.sealift", "--to-files", "out", "--tuf-mirror", "mirror",
                "--results", "results", "--run-inspections")
    wheel = next((good / "targets" / SIMPLE).glob("*.whl")).read_bytes()
    delivered = folder / "out" / WHEEL
    walk.say("the wheel is what Datadog published", delivered.is_file() and delivered.read_bytes() == wheel, "compared")
    found = by_ngclient(folder / "client", folder / "mirror/datadog", root)
    is_found = found.stdout.split()[-1:] == [hashlib.sha256(wheel).hexdigest()]
    walk.say("python-tuf finds it in the mirror", is_found, found.stdout.strip()[-16:], found.stderr)

    walk.expect("export by the layout that the wheel lists", [12], *walk.export(good, "b.sealift", "plain"))
    walk.expect("export of the repository with another signature of wheels-signer-a", [12],
                *walk.export(arguments.broken, "b.sealift"))
    used = [path.relative_to(folder / "mirror/datadog") for path in (folder / "mirror/datadog").rglob("*") if path.is_file()]
    count = 0
    for name in sorted(used):
        path = pathlib.Path("metadata.staged", *name.parts[1:]) if name.parts[0] == "metadata" else name
        if name.name in ("timestamp.json", "3.root.json") or not (good / path).is_file():
            continue
        flipped(good, folder / "twin", path)
        walk.expect(f"export with a byte changed in {path.name[-48:]}", [12, 16], *walk.export(folder / "twin", "b.sealift"))
        count += 1
    archive = (folder / "a.sealift").read_bytes()
    for place in range(len(archive) // 40, len(archive), len(archive) // 20):
        changed = bytearray(archive)
        changed[place] ^= 1
        (folder / "c.sealift").write_bytes(changed)
        walk.expect(f"verify with byte {place} of the archive changed", range(10, 20), "--trust", "far", "verify", "c.sealift",
                    "--run-inspections")
    walk.say("every file that the export reads was changed once", count >= 20, f"{count} files")
    print(f"{count} files of the repository were changed, one at a time; {walk.wrong} results were wrong")
    shutil.rmtree(folder)
    sys.exit(walk.wrong != 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["ngclient"]:
        ngclient(*sys.argv[2:])
    else:
        main()
