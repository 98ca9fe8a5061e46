"""Makes supply chains with python in-toto whose artifacts are named by URIs (ITE-4) and whose documents are wrapped in either way
(ITE-5), has python in-toto verify each, and prints them, in the form of the vectors in tests/vectors/in_toto.

usage: made_here.py      (python needs the package in-toto, and in-toto-run beside it)
"""

import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vectors" / "in_toto"))

from chain import Case, Person, document, file_name, hashes, layout, link, rule, step  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from in_toto.models._signer import load_public_key_from_file  # noqa: E402
from in_toto.models.metadata import Metadata  # noqa: E402
from in_toto.verifylib import in_toto_verify  # noqa: E402

OWNER, ALICE, BOB, CAROL = Person(), Person("ecdsa-sha2-nistp256"), Person("rsassa-pss-sha256"), Person()
RUN = Path(sys.executable).with_name("in-toto-run")
FORMS = ("metablock", "dsse")
BUNDLE = '{"name":"shop"}'
PURL = "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64&distro=debian-12"
SOURCE = "git+https://example.com/org/shop@refs/tags/v1.0#deploy"
IMAGE = "oci://registry.example.com/org/base:1.0"
STOP = rule("DISALLOW *")
# What in-toto-run recorded, in each form.
PACKED = {}


def reference_verdict(case):
    """What python in-toto says: accept or refuse."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write = lambda name, text: Path(name).write_text(text)
        write("root.layout", case.layout)
        write("owner.pub", case.layout_keys["owner"])
        for name, text in (case.links | case.product).items():
            write(name, text)
        key = load_public_key_from_file("owner.pub")
        try:
            in_toto_verify(Metadata.load("root.layout"), {key["keyid"]: key}, ".")
        except Exception as error:
            return f"refuse: {type(error).__name__}"
        return "accept"


class Chain:
    """alice fetches what URIs name, bob builds a bundle of it, and carol runs a command on the bundle, which in-toto-run records."""

    def __init__(self, forms=("dsse", "dsse", "dsse", "dsse")):
        self.forms = dict(zip(("layout", "fetch", "build", "pack"), forms, strict=True))
        self.fetched = {PURL: "package", SOURCE: "commit", IMAGE: "image"}
        self.used = dict(self.fetched)
        self.fetch_rules = ["CREATE pkg:deb/debian/*", "CREATE git+https://example.com/org/*", "CREATE oci://registry.example.com/*"]
        self.build_rules = [
            "MATCH pkg:deb/*curl@?.??.* WITH PRODUCTS FROM fetch",
            "MATCH git+https://* WITH PRODUCTS FROM fetch",
            "MATCH *:1.[0-9] IN oci://registry.example.com/org WITH PRODUCTS IN oci://registry.example.com/org FROM fetch",
        ]
        self.change = lambda name, text: text

    def case(self, name):
        steps = [
            step("fetch", [ALICE], products=[*map(rule, self.fetch_rules), STOP]),
            step("build", [BOB], materials=[*map(rule, self.build_rules), STOP], products=[rule("CREATE bundle.json"), STOP]),
            step(
                "pack", [CAROL], materials=[rule("MATCH bundle.json WITH PRODUCTS FROM build"), STOP],
                products=[rule("CREATE file:bundle.json"), rule("CREATE dir:*"), rule("ALLOW bundle.json"), STOP],
            ),
        ]
        links = {
            file_name("fetch", ALICE): document(link("fetch", {}, self.fetched), [ALICE], self.forms["fetch"]),
            file_name("build", BOB): document(link("build", self.used, {"bundle.json": BUNDLE}), [BOB], self.forms["build"]),
            file_name("pack", CAROL): self.packed(),
        }
        signed = document(layout(steps, [ALICE, BOB, CAROL]), [OWNER], self.forms["layout"])
        links = {file: self.change(file.split(".")[0], text) for file, text in links.items()}
        case = Case(
            name=name, layout=self.change("layout", signed), layout_keys={"owner": OWNER.pem}, links=links,
            expect="", product={"bundle.json": BUNDLE},
        )
        return {**vars(case), "reference": reference_verdict(case)}

    def packed(self):
        if self.forms["pack"] not in PACKED:
            PACKED[self.forms["pack"]] = self.recorded()
        return PACKED[self.forms["pack"]]

    def recorded(self):
        """What in-toto-run records: a file, the same file by a URI, and a folder by one."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "bundle.json").write_text(BUNDLE)
            (folder / "source").mkdir()
            (folder / "source" / "a").write_text("a")
            pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            (folder / "key").write_bytes(CAROL.private.private_bytes(*pem))
            command = [RUN, "--step-name", "pack", "--signing-key", folder / "key", "--metadata-directory", folder, "--no-command"]
            command += ["--use-dsse"] if self.forms["pack"] == "dsse" else []
            command += ["--materials", "bundle.json", "--products", "bundle.json", "file:bundle.json", "dir:source"]
            subprocess.run(command, check=True, cwd=folder, capture_output=True)
            return next(folder.glob("pack.*.link")).read_text()


def renamed(artifacts, before, after):
    return {after if name == before else name: content for name, content in artifacts.items()}


def flipped(which):
    """One character of what is signed, or of the signature, is another."""
    def change(name, text):
        if name != which:
            return text
        place = len(text) * 2 // 3
        place += next(offset for offset, letter in enumerate(text[place:]) if letter.isalnum())
        return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1:]
    return change


def cases():
    for forms in itertools.product(FORMS, repeat=4):
        yield Chain(forms).case("forms/" + "-".join(forms))
    for forms in (FORMS * 2, FORMS[::-1] * 2):
        for which in ("layout", "fetch", "build", "pack"):
            broken = Chain(forms)
            broken.change = flipped(which)
            yield broken.case(f"broken/{which}-{broken.forms[which]}")
    for name, before, after in (
        ("another-version", PURL, PURL.replace("7.88", "7.89")),
        ("another-qualifier", PURL, PURL.replace("amd64", "arm64")),
        ("decoded", PURL, PURL.replace("%2B", "+")),
        ("another-fragment", SOURCE, SOURCE.replace("#deploy", "#other")),
        ("another-scheme", SOURCE, SOURCE.replace("git+https", "git+http")),
        ("two-slashes", IMAGE, IMAGE.replace("org/", "org//")),
        ("upper-case", IMAGE, IMAGE.replace("oci", "OCI")),
        ("a-parent", IMAGE, IMAGE.replace("org/", "org/x/../")),
    ):
        other = Chain()
        other.used = renamed(other.used, before, after)
        yield other.case(f"names/{name}")
        # Pattern and name are compared as they are written, so this one is allowed.
        other.build_rules.insert(0, f"ALLOW {after}")
        yield other.case(f"names/{name}-allowed")
    for uri in (PURL, SOURCE, IMAGE):
        other = Chain()
        other.used[uri] = "something else"
        yield other.case(f"content/{uri.split(':')[0]}")
    for index in range(3):
        fewer = Chain()
        del fewer.build_rules[index]
        yield fewer.case(f"rules/without-{index}")


if __name__ == "__main__":
    json.dump(list(cases()), sys.stdout)
