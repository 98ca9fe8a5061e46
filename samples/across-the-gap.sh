#!/usr/bin/env bash
# The whole story, with real programs: a publisher (samples/publisher.py), a registry on the connected side, an archive,
# a registry on the disconnected side; and then everything that must not get across.
#
#     pip install -r tests/requirements.txt      # python tuf and in-toto, for the publisher
#     samples/across-the-gap.sh
#
# Needs docker-registry, skopeo and python3. Takes less than a minute, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
python=${PYTHON:-python3}
cargo build --quiet --release --package sealift
export PATH="$root/target/release:$PATH"

work=$(mktemp -d)
processes=()
finish() {
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

say() { printf '\n== %s\n' "$*"; }
die() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers() {
    for _ in $(seq 100); do
        if "$python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1])' "$1" 2>/dev/null; then return; fi
        sleep 0.1
    done
    die "nothing answers at $1"
}

registry() { # FOLDER PORT
    cat > "$1.yml" <<CONFIG
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/$1}}
http: {addr: "127.0.0.1:$2"}
CONFIG
    docker-registry serve "$1.yml" > "$1.log" 2>&1 &
    processes+=("$!")
    answers "http://localhost:$2/v2/"
}
publish() { "$python" "$root/samples/publisher.py" --registry "localhost:$near" "$@"; }

# What must not change when an import is refused.
tags() { find far-registry -path '*/_manifests/tags/*' | sort; }
remembered() { find "$1" -type f ! -name lock -exec sha256sum {} + | sort; }

# Runs a command that must be refused with this exit code, and must change nothing on the far side.
refused() { # CODE COMMAND…
    local expected=$1 code=0; shift
    local before; before=$(tags; remembered far-trust)
    "$@" > refused.out 2>&1 || code=$?
    sed 's/^/    /' refused.out
    [ "$code" -eq "$expected" ] || die "expected exit code $expected, got $code"
    grep -q '^error: ' refused.out && grep -q '^  hint:  ' refused.out || die "no error or no hint"
    [ "$before" = "$(tags; remembered far-trust)" ] || die "a refusal left something behind"
}

near=$(free_port); far=$(free_port); web=$(free_port)
registry near-registry "$near"
registry far-registry "$far"

say "A publisher makes a bundle with two multi-platform images, and signs it with TUF and in-toto"
publish --out publisher --version 1.4
"$python" -m http.server --bind 127.0.0.1 --directory publisher/tuf "$web" > web.log 2>&1 &
processes+=("$!")
answers "http://localhost:$web/metadata/timestamp.json"
pinned=$(sha256sum publisher/root.json | cut -d' ' -f1)

say "Connected side: an exporter's key, and the publisher's root"
export SEALIFT_TRUST=$work/near-trust
sealift key generate --out anna.pem
sealift trust pin-root shop publisher/root.json --sha256 "$pinned"

say "Disconnected side: the same root, and the exporter's public key"
far_trust() { sealift --trust far-trust trust "$@"; }
far_trust pin-root shop publisher/root.json --sha256 "$pinned"
far_trust add-exporter anna anna.pem.pub

export_bundle() { # VERSION MORE…
    local version=$1; shift
    sealift --quiet export --bundle "localhost:$near/org/shop:$version" --plain-http \
        --target "example.com/org/shop:$version" --tuf "shop=http://localhost:$web" "$@"
}
import_archive() { sealift --quiet --trust far-trust import --plain-http --to-registry "localhost:$far/mirror" "$@"; }

say "Export, verify, import"
export_bundle 1.4 --key anna.pem -o shop-1.4.sealift
ls -l shop-1.4.sealift
sealift --trust far-trust verify shop-1.4.sealift
import_archive shop-1.4.sealift --relocation-mapping relocation-mapping.json
