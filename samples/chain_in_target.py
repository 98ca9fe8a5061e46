#!/usr/bin/env python3
"""The supply chain of one file, as signy keeps it within a target of Notary: the layout, its key and the links, in `custom`.

    python samples/chain_in_target.py manifest.json --out chain
    notary addhash --publish GUN TAG SIZE --sha256 HEX --custom chain/custom.json

    chain/custom.json                                 for Notary's client
    chain/root.layout, chain/root.pub, chain/links/   the same as files, for signy's `--layout`, `--layout-key` and `--links`

Needs: `pip install -r tests/requirements.txt`.
"""

import argparse
import base64
import json
from pathlib import Path

from publisher import Keys, SupplyChain, canonical


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="what was made, under the name that in-toto has for it")
    parser.add_argument("--out", type=Path, required=True, help="where keys and documents go")
    arguments = parser.parse_args()
    links_folder = arguments.out / "links"
    links_folder.mkdir(parents=True, exist_ok=True)
    keys = Keys(arguments.out / "keys")
    chain = SupplyChain(arguments.out / "in-toto", keys)
    links = chain.record(arguments.file.name, arguments.file.read_bytes(), stranger=False)
    layout, key = canonical(chain.layout.to_dict()), keys.public_pem(chain.owner)
    (arguments.out / "root.layout").write_bytes(layout)
    (arguments.out / "root.pub").write_bytes(key)
    for name, link in links.items():
        (links_folder / name).write_bytes(link)
    custom = {"key": encoded(key), "layout": encoded(layout), "links": {name: encoded(link) for name, link in links.items()}}
    (arguments.out / "custom.json").write_text(json.dumps(custom))


def encoded(document: bytes) -> str:
    return base64.b64encode(document).decode()


if __name__ == "__main__":
    main()
