#!/usr/bin/env python3
"""A publisher of plain files, in the form in which Datadog publishes its wheels.

The files are TUF targets, signed by a delegated role; so are the links of how each was made. One layout is for all of
them, from the offline role, with parameters that the name of a wheel fills in; a developer signs the first step with an
OpenPGP key, the build signs the second one, and an inspection unpacks the wheel.

    python samples/file_publisher.py --out publisher [--version 1.4.0] [--sha512] [--superseded]

    publisher/tuf/metadata/, publisher/tuf/targets/          the TUF repository: serve it, or name the folder
    publisher/root.json                                      root version 1: give it to the other side by hand

Needs: gpg, and `pip install -r tests/requirements.txt`.
"""

import argparse
import io
import os
import subprocess
import zipfile
from pathlib import Path

from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.metadata import Metablock
from in_toto.runlib import in_toto_run
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

from publisher import Keys, canonical, in_days, publish_roots, save, sha256

SIMPLE = "simple/datadog-shop"
LAYOUT = "in-toto-metadata/1.root.layout"
NEXT_LAYOUT = "in-toto-metadata/2.root.layout"
WHEELS = "wheels-signer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where keys, metadata and files go")
    parser.add_argument("--version", default="1.4.0", help="the version of the wheel")
    parser.add_argument("--sha512", action="store_true", help="list no SHA-256 of the wheel")
    parser.add_argument("--expired", action="store_true", help="let the layout have expired")
    parser.add_argument("--other-key", action="store_true", help="let the build's key sign the developer's step")
    parser.add_argument("--superseded", action="store_true", help="let the wheel list a layout that another one has replaced")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    out, keys = arguments.out, Keys(arguments.out / "keys")
    developer = Developer(out / "gnupg")
    layout = make_layout(keys, developer, arguments.expired)
    wheel, source = make_wheel(arguments.version)
    name = f"datadog_shop-{arguments.version}-py3-none-any.whl"
    links = record(out / "stage", keys, developer, name, wheel, source, arguments.other_key)
    files = {
        f"{SIMPLE}/{name}": wheel,
        "policies/Export Policy.txt": b"Nothing leaves without a signature.\n",
    }
    layouts = {NEXT_LAYOUT: layout} if arguments.superseded else {}
    layouts[LAYOUT] = make_layout(keys, developer, True) if arguments.superseded else layout
    publish(out, keys, layouts, f"{SIMPLE}/{name}", files, links, ["sha512"] if arguments.sha512 else ["sha256"])
    for path, content in files.items():
        print(f"{path} sha256:{sha256(content)}")


class Developer:
    """An OpenPGP key in a keyring of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        if not self.home.exists():
            self.home.mkdir(mode=0o700, parents=True)
            self.gpg("--passphrase", "", "--quick-generate-key", "Developer <developer@example.com>", "rsa2048", "sign", "never")
        listed = self.gpg("--list-keys", "--with-colons").decode().splitlines()
        self.keyid = next(line.split(":")[9] for line in listed if line.startswith("fpr")).lower()

    def gpg(self, *arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def public(self) -> dict:
        from securesystemslib._gpg.functions import export_pubkey

        return export_pubkey(self.keyid, homedir=str(self.home))


def make_wheel(version: str) -> tuple[bytes, bytes]:
    """A wheel, which is a zip archive, and the one source file in it."""
    source = f'VERSION = "{version}"\n'.encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("datadog_checks/shop/__about__.py"), source)
        wheel.writestr(zipfile.ZipInfo(f"datadog_shop-{version}.dist-info/WHEEL"), b"Wheel-Version: 1.0\n")
    return archive.getvalue(), source


def make_layout(keys: Keys, developer: Developer, expired: bool) -> Metablock:
    layout = Layout(readme="Tagged by a developer, built by a machine.")
    layout.set_relative_expiration(months=3)
    if expired:
        layout.expires = "2020-01-01T00:00:00Z"
    builder = keys.signer("in-toto-builder").public_key
    layout.add_functionary_key({"keyid": builder.keyid, **builder.to_dict()})
    pgp = developer.public()
    layout.keys[pgp["keyid"]] = pgp
    tag, build = Step(name="tag"), Step(name="wheels-builder")
    tag.pubkeys, build.pubkeys = [pgp["keyid"]], [builder.keyid]
    tag.expected_materials = [["DISALLOW", "*"]]
    tag.expected_products = [["CREATE", "{package_github_dir}/*"], ["DISALLOW", "*"]]
    build.expected_materials = [["MATCH", "{package_github_dir}/*", "WITH", "PRODUCTS", "FROM", "tag"], ["DISALLOW", "*"]]
    wheel = "{wheel_distribution_name}-{package_version}-{python_tag}-none-any.whl"
    simple = "simple/{standard_distribution_name}/" + wheel
    build.expected_products = [["CREATE", simple], ["DISALLOW", "*"]]
    layout.steps = [tag, build]
    unpack = Inspection(name="unzip-wheel")
    unpack.set_run_from_string(f"unzip -q {wheel}")
    folder = ["IN", "datadog_checks/{package_github_dir}"]
    unpack.expected_materials = [
        ["MATCH", wheel, "WITH", "PRODUCTS", "IN", "simple/{standard_distribution_name}", "FROM", "wheels-builder"],
        ["DISALLOW", "*.whl"],
    ]
    unpack.expected_products = [
        ["MATCH", "*.py", *folder, "WITH", "PRODUCTS", "IN", "{package_github_dir}/datadog_checks/{package_github_dir}",
         "FROM", "tag"],
        ["DISALLOW", "*.py"],
    ]
    layout.inspect = [unpack]
    block = Metablock(signed=layout)
    block.create_signature(keys.signer("in-toto-owner"))
    return block


def record(folder: Path, keys: Keys, developer: Developer, name: str, wheel: bytes, source: bytes,
           other_key: bool) -> dict[str, bytes]:
    """Runs both steps; returns the links by their names."""
    sources = folder / "shop/datadog_checks/shop"
    simple = folder / SIMPLE
    for made in (sources, simple):
        made.mkdir(parents=True, exist_ok=True)
    (sources / "__about__.py").write_bytes(source)
    (simple / name).write_bytes(wheel)
    where = {"base_path": str(folder), "metadata_directory": str(folder)}
    tagged = ["shop/datadog_checks/shop/__about__.py"]
    builder = keys.signer("in-toto-builder")
    signed_by = {"signer": builder} if other_key else {"gpg_keyid": developer.keyid, "gpg_home": str(developer.home)}
    in_toto_run("tag", [], tagged, [], **signed_by, **where)
    in_toto_run("wheels-builder", tagged, [f"{SIMPLE}/{name}"], [], signer=builder, **where)
    first = builder.public_key.keyid if other_key else developer.keyid
    files = [folder / f"tag.{first[:8]}.link", folder / f"wheels-builder.{builder.public_key.keyid[:8]}.link"]
    links = {file.name: file.read_bytes() for file in files}
    if other_key:  # under the name that the layout's key calls for
        links[f"tag.{developer.keyid[:8]}.link"] = links.pop(files[0].name)
    for file in files:
        os.unlink(file)
    return links


def publish(out: Path, keys: Keys, layouts: dict[str, Metablock], wheel: str, files: dict[str, bytes], links: dict[str, bytes],
            algorithms: list[str]) -> None:
    """A new version of the repository, with the files of earlier versions."""
    metadata = out / "tuf/metadata"
    if not (out / "root.json").exists():
        publish_roots(out, keys)
    before = metadata / "timestamp.json"
    version = Metadata.from_file(str(before)).signed.version + 1 if before.exists() else 1
    targets = Targets(version=version, expires=in_days(90))
    owner = f"in-toto-pubkeys/{keys.signer('in-toto-owner').public_key.keyid}.pub"
    targets.targets[owner] = serve(out, owner, keys.public_pem("in-toto-owner"))
    for path, layout in layouts.items():
        targets.targets[path] = serve(out, path, canonical(layout.to_dict()), [owner])
    wheels = Targets(version=version, expires=in_days(30))
    if version > 1:
        wheels.targets = Metadata.from_file(str(metadata / f"{version - 1}.{WHEELS}.json")).signed.targets
    listed = [LAYOUT]
    for name, link in links.items():
        path = f"in-toto-metadata/{sha256(files[wheel])}/{name}"
        wheels.targets[path] = serve(out, path, link)
        listed.append(path)
    for path, content in files.items():
        wheels.targets[path] = serve(out, path, content, listed if path == wheel else [], algorithms)
    key = keys.signer(WHEELS).public_key
    paths = ["simple/*/*.whl", "policies/*", "in-toto-metadata/*/*.link"]
    role = DelegatedRole(WHEELS, [key.keyid], 1, True, paths=paths)
    targets.delegations = Delegations({key.keyid: key}, {WHEELS: role})
    snapshot = Snapshot(version=version, expires=in_days(7))
    snapshot.meta = {name: MetaFile(version) for name in ("targets.json", f"{WHEELS}.json")}
    timestamp = Timestamp(version=version, expires=in_days(1), snapshot_meta=MetaFile(version))
    save(out, f"{version}.{WHEELS}.json", wheels, [keys.signer(WHEELS)])
    save(out, f"{version}.targets.json", targets, [keys.signer(Targets.type)])
    save(out, f"{version}.snapshot.json", snapshot, [keys.signer(Snapshot.type)])
    save(out, "timestamp.json", timestamp, [keys.signer(Timestamp.type)])


def serve(out: Path, name: str, content: bytes, in_toto: list[str] = [], algorithms: list[str] = ["sha256"]) -> TargetFile:
    """Puts a target's bytes beside the metadata, under the name that consistent snapshots give it."""
    described = TargetFile.from_data(name, content, algorithms)
    if in_toto:
        described.unrecognized_fields["custom"] = {"in-toto": in_toto}
    folder, _, file_name = name.rpartition("/")
    path = out / "tuf/targets" / folder / f"{next(iter(described.hashes.values()))}.{file_name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return described


if __name__ == "__main__":
    main()
