"""Generates the in-toto vectors: `cases/*.json`, each with the class of verdict expected, and the reference's own.

    python generate.py [--old-python PYTHON]

Needs in-toto 3.1 (and its `in-toto-verify` beside the interpreter); with `--old-python`, an interpreter that has
in-toto 2.2.0 (with securesystemslib 0.31 and cryptography below 43), whose cases are made by `generate_old.py`; and `gpg`, for the OpenPGP cases. Keys are fresh each time.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import cases
import openpgp_cases

HERE = pathlib.Path(__file__).parent
VERIFY = pathlib.Path(sys.executable).with_name("in-toto-verify")
# The command has no option for parameters, and reads no JSON keys; the library does.
LIBRARY = """
import json, sys
from in_toto.models._signer import load_public_key_from_file
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify
layout, links, parameters, *keys = sys.argv[1:]
def load(path):
    text = open(path).read()
    return json.loads(text) if text.startswith("{") else load_public_key_from_file(path)
keys = {key["keyid"]: key for key in map(load, keys)}
in_toto_verify(Metadata.load(layout), keys, links, json.loads(parameters) or None)
"""


def reference_verdict(case):
    """What the reference's command says: accept, refuse, or that it does not end."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder / "root.layout", case["layout"])
        keys = []
        for label, text in case["layout_keys"].items():
            write(folder / f"{label}.pub", text)
            keys.append(folder / f"{label}.pub")
        for file, text in case["links"].items():
            write(folder / "links" / file, text)
        (folder / "links").mkdir(exist_ok=True)
        for file, text in case["product"].items():
            write(folder / "product" / file, text)
        (folder / "product").mkdir(exist_ok=True)
        layout, links = folder / "root.layout", folder / "links"
        command = [VERIFY, "--layout", layout, "--verification-keys", *keys, "--link-dir", links]
        if case["parameters"] or any(text.startswith("{") for text in case["layout_keys"].values()):
            command = [sys.executable, "-c", LIBRARY, layout, links, json.dumps(case["parameters"]), *keys]
        try:
            done = subprocess.run(command, cwd=folder / "product", capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return "hangs"
        return "accept" if done.returncode == 0 else "refuse"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old-python")
    arguments = parser.parse_args()
    made = [vars(case) for case in cases.all_cases()]
    made += [vars(case) for case in openpgp_cases.all_cases()]
    if arguments.old_python:
        old = subprocess.run([arguments.old_python, HERE / "generate_old.py"], check=True, capture_output=True)
        made += json.loads(old.stdout)
    names = [case["name"] for case in made]
    assert len(names) == len(set(names)), "two cases of one name"
    shutil.rmtree(HERE / "cases", ignore_errors=True)
    counts = {}
    for case in made:
        case["reference"] = reference_verdict(case)
        ours = "accept" if (case["inspections"] or case["expect"]) == "accept" else "refuse"
        agree = "agree" if ours == case["reference"] else "differ"
        if agree == "differ" and not case["note"]:
            print(f"UNEXPLAINED {case['name']}: expected {case['expect']}, the reference: {case['reference']}")
        if agree == "agree" and case["note"]:
            print(f"note but no difference: {case['name']}")
        counts[agree] = counts.get(agree, 0) + 1
        write(HERE / "cases" / f"{case['name']}.json", json.dumps(case, indent=1, sort_keys=True) + "\n")
    print(len(made), "cases;", counts)


main()
