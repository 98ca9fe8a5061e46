#!/usr/bin/env bash
# Docker Content Trust across the gap, with Notary's own programs: a publisher signs tags with `notary`, Notary's server and signer
# keep them, `sealift` carries image and proof, and on the far side `notary` reads the mirror; and then everything that must not get
# across.
#
#     samples/content-trust.sh
#
# Needs Debian's notary (client, server and signer), docker-registry, skopeo, umoci, openssl, curl, and python3 with `pip install -r
# tests/requirements.txt`.
# Takes less than a minute, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
. samples/loopback.sh
work=$(mktemp -d)
trap finish EXIT
cd "$work"

gun=example.com/acme/web

say() { printf '\n== %s\n' "$*"; }
raw() { skopeo inspect --raw --tls-verify=false "docker://$1"; }
digest() { sha256sum | cut -d' ' -f1; }

# An elliptic key, and a certificate for it, which another certificate's key signs; or its own.
certificate() { # NAME SUBJECT EXTENSIONS [ISSUER]
    local issuer=(-key "$1.key")
    [ $# -lt 4 ] || issuer=(-CA "$4.pem" -CAkey "$4.key" -CAcreateserial)
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=${2//\//\\/}" -out "$1.csr"
    printf '%s\n' "$3" > "$1.extensions"
    openssl x509 -req -in "$1.csr" "${issuer[@]}" -days 400 -extfile "$1.extensions" -out "$1.pem" 2> "$1.log" || die "$(cat "$1.log")"
}

# Notary's signer and its server, each with what it keeps in memory. They speak TLS with each other, and know each other by it.
notary_service() { # PORT
    local signer; signer=$(free_port)
    local here="subjectAltName=DNS:localhost,IP:127.0.0.1"
    certificate ca "Authority of this sample" "basicConstraints=critical,CA:TRUE"
    certificate notary-signer notary-signer "$here" ca
    certificate notary-server notary-server "$here" ca
    cat > notary-signer.json <<CONFIG
{"server": {"grpc_addr": "127.0.0.1:$signer", "tls_cert_file": "$work/notary-signer.pem", "tls_key_file": "$work/notary-signer.key",
            "client_ca_file": "$work/ca.pem"},
 "storage": {"backend": "memory"}, "logging": {"level": "error"}}
CONFIG
    cat > notary-server.json <<CONFIG
{"server": {"http_addr": "127.0.0.1:$1", "tls_cert_file": "$work/notary-server.pem", "tls_key_file": "$work/notary-server.key"},
 "trust_service": {"type": "remote", "hostname": "localhost", "port": "$signer", "key_algorithm": "ecdsa", "tls_ca_file": "$work/ca.pem",
                   "tls_client_cert": "$work/notary-server.pem", "tls_client_key": "$work/notary-server.key"},
 "storage": {"backend": "memory"}, "logging": {"level": "error"}}
CONFIG
    notary-signer -config notary-signer.json > notary-signer.log 2>&1 &
    processes+=("$!")
    listens "$signer"
    notary-server -config notary-server.json > notary-server.log 2>&1 &
    processes+=("$!")
    listens "$1"
}

export NOTARY_ROOT_PASSPHRASE=not-secret NOTARY_TARGETS_PASSPHRASE=not-secret NOTARY_SNAPSHOT_PASSPHRASE=not-secret
export NOTARY_DELEGATION_PASSPHRASE=not-secret
trusted() { notary --server "https://localhost:$server" --tlscacert ca.pem --trustDir publisher "$@" > notary.log 2>&1 || die "notary $*: $(cat notary.log)"; }

# Makes an image, pushes it, and says its size and SHA-256 to Notary, as `docker trust sign` does.
release() { # TAG MORE…
    local tag=$1; shift
    date +%N > content
    umoci insert --rootless --image images:base --tag "$tag" content /content > umoci.log 2>&1 || die "$(cat umoci.log)"
    skopeo --insecure-policy copy --quiet --dest-tls-verify=false "oci:images:$tag" "docker://localhost:$near/acme/web:$tag"
    raw "localhost:$near/acme/web:$tag" > manifest.json
    trusted addhash --publish $gun "$tag" "$(stat -c %s manifest.json)" --sha256 "$(digest < manifest.json)" "$@"
}

export_tags() { # FROM TAG… -- MORE…
    local from=$1 items=(); shift
    while [ "$1" != -- ]; do items+=(--image "$gun:$1=localhost:$near/acme/web:$1"); shift; done; shift
    sealift --quiet export "${items[@]}" --notary "acme=$from" --ca ca.pem --key anna.pem "$@"
}
import_archive() { sealift --quiet --trust far-trust import --to-registry "localhost:$far/mirror" --results results "$@"; }

# What the server has of a collection, as files.
download() { # GUN FOLDER
    mkdir -p "$2/targets"
    local file
    for file in root timestamp snapshot targets targets/releases {1..9}.root; do
        curl --silent --fail --cacert ca.pem "https://localhost:$server/v2/$1/_trust/tuf/$file.json" -o "$2/$file.json" || true
    done
}

# What an exporter seals who checks nothing: these files, in the place of the right ones. The far side has accepted nothing yet.
dishonest() { # CODE FOLDER
    "$python" "$root/samples/dishonest_exporter.py" honest.sealift --notary "$2" --repository acme --key anna.pem -o dishonest.sealift
    refused "$1" sealift --quiet --trust fresh-trust import --to-registry "localhost:$far/fresh" dishonest.sealift
}

# What must not change when something is refused: the tags on the far side, and what both sides remember.
state() {
    find far-registry -path '*/_manifests/tags/*' | sort
    find near-trust far-trust fresh-trust mirrors -type f ! -name lock -exec sha256sum {} + | sort
}

# Runs a command that must be refused with this exit code, an error and a hint, and that must change nothing.
refused() { # CODE COMMAND…
    local expected=$1 code=0 before; shift
    before=$(state)
    "$@" > refused.out 2>&1 || code=$?
    sed 's/^/    /' refused.out
    [ "$code" -eq "$expected" ] || die "expected exit code $expected, got $code"
    grep -q '^error: ' refused.out || die "there is no error"
    grep -q '^  hint:  ' refused.out || die "there is no hint"
    [ "$before" = "$(state)" ] || die "a refusal left something behind"
}

near=$(free_port); far=$(free_port); server=$(free_port); web=$(free_port)
registry near-registry "$near"
registry far-registry "$far"
notary_service "$server"

say "A publisher signs a tag with Notary, and lets somebody else sign others (targets/releases)"
umoci init --layout images > /dev/null
umoci new --image images:base > /dev/null
trusted init --publish $gun
release 1.0
certificate releases $gun "basicConstraints=CA:FALSE"
trusted delegation add --publish $gun targets/releases --all-paths releases.pem
trusted key import releases.key --role targets/releases
release 1.1 --roles targets/releases
notary --server "https://localhost:$server" --tlscacert ca.pem --trustDir reader list $gun

say "Both sides pin the collection's root for its GUN; so does a third one, which accepts nothing"
curl --silent --fail --cacert ca.pem "https://localhost:$server/v2/$gun/_trust/tuf/1.root.json" -o root.json
export SEALIFT_TRUST=$work/near-trust
pinned=$(digest < root.json)
sealift key generate --out anna.pem
sealift trust pin-root acme root.json --notary $gun --sha256 "$pinned"
for side in far-trust fresh-trust; do
    sealift --trust $side trust pin-root acme root.json --notary $gun --sha256 "$pinned"
    sealift --trust $side trust add-exporter anna anna.pem.pub
done

say "   Two collections behind the server: one command pins both, and one option exports both"
second=example.com/acme/db
trusted init --publish $second
trusted addhash --publish $second 1.1 "$(stat -c %s manifest.json)" --sha256 "$(digest < manifest.json)"
download $gun collections/$gun
download $second collections/$second
root_key() { "$python" -c 'import json, sys; print(",".join(json.load(open(sys.argv[1]))["signed"]["roles"]["root"]["keyids"]))' "$1/root.json"; }
for side in pair-near pair-far; do
    sealift --trust $side trust pin-collections collections $gun="$(root_key collections/$gun)" $second="$(root_key collections/$second)"
    sealift --trust $side trust add-exporter anna anna.pem.pub
done
sealift --quiet --trust pair-near export --image "$gun:1.1=localhost:$near/acme/web:1.1" --image "$second:1.1=localhost:$near/acme/web:1.1" \
    --notary "https://localhost:$server" --ca ca.pem --key anna.pem -o pair.sealift
sealift --quiet --trust pair-far verify pair.sealift

say "1. Export, import, and a mirror that Notary's client reads from a plain web server"
export_tags "https://localhost:$server" 1.0 1.1 -- --whole-metadata -o first.sealift
import_archive first.sealift --tuf-mirror mirrors
for tag in 1.0 1.1; do
    [ "$(raw "localhost:$far/mirror/$gun:$tag" | digest)" = "$(raw "localhost:$near/acme/web:$tag" | digest)" ] || die "tag $tag differs"
done
"$python" -m http.server --bind 127.0.0.1 --directory mirrors/acme "$web" > web.log 2>&1 &
processes+=("$!")
answers "http://localhost:$web/v2/"
same_lists() {
    notary --server "https://localhost:$server" --tlscacert ca.pem --trustDir reader list $gun > there.txt
    notary --server "http://localhost:$web" --trustDir far-reader list $gun > here.txt
    cmp there.txt here.txt || die "the lists differ"
    cat here.txt
}
same_lists

say "2. The keys of root and snapshot change, the snapshot's goes to the server, and there is a new release"
download $gun before
trusted key rotate $gun root <<< yes
trusted key rotate $gun snapshot --server-managed
release 1.2
# Archives state the second of their export.
sleep 1.1
export_tags "https://localhost:$server" 1.0 1.1 1.2 -- --whole-metadata -o second.sealift
import_archive second.sealift --tuf-mirror mirrors
same_lists

say "   A supply chain within a target, as signy keeps it there: the tag reaches level 4, and the chain has to be that of this image"
release 1.3
"$python" "$root/samples/chain_in_target.py" manifest.json --out chain
with_chain() { trusted addhash --publish $gun 1.3 "$(stat -c %s manifest.json)" --sha256 "$(digest < manifest.json)" --custom "$1"; }
with_chain chain/custom.json
export_tags "https://localhost:$server" 1.3 -- -o chain.sealift
sealift --trust far-trust verify chain.sealift | grep -e "level 4" -e "in-toto: "
import_archive chain.sealift
"$python" -c 'import json; it = json.load(open("chain/custom.json")); it["links"].popitem(); json.dump(it, open("less.json", "w"))'
with_chain less.json
refused 13 export_tags "https://localhost:$server" 1.3 -- -o less.sealift
with_chain chain/custom.json
sleep 1.1

say "   … and from a folder of the same files comes the same archive"
download $gun after
SOURCE_DATE_EPOCH=$(date +%s)
export SOURCE_DATE_EPOCH
export_tags "https://localhost:$server" 1.2 -- -o one.sealift
export_tags after 1.2 -- -o two.sealift
unset SOURCE_DATE_EPOCH
cmp one.sealift two.sealift

say "   What was exported before the change comes late: what was accepted since vouches for it, and the mirror does not go back"
import_archive first.sealift --tuf-mirror mirrors
same_lists

say "3. What must not get across"

say "   What was exported before the change, after one of its tags was moved"
release 1.0
export_tags "https://localhost:$server" 1.0 -- -o third.sealift
import_archive third.sealift
refused 20 import_archive first.sealift
download $gun after

say "   The collection as it was before"
refused 20 export_tags before 1.1 -- -o old.sealift

say "   One byte flipped in any file: an honest exporter does not seal it, and from a dishonest one it is refused"
export_tags after 1.1 1.2 -- --whole-metadata -o honest.sealift
for file in $(cd after && find . -name '*.json' ! -name root.json ! -name 1.root.json | sort); do
    printf "    %s\n" "$file"
    rm -rf flipped && cp -r after flipped
    "$python" - "flipped/$file" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)
PYTHON
    refused 12 export_tags flipped 1.1 1.2 -- -o flipped.sealift
    dishonest 12 flipped
done

say "   A collection whose certificate is for another GUN: its root is not pinned for this one, and its files are not this one's"
trusted init --publish example.com/acme/other
trusted addhash --publish example.com/acme/other 1.2 "$(stat -c %s manifest.json)" --sha256 "$(digest < manifest.json)"
download example.com/acme/other other
refused 18 sealift trust pin-root other other/1.root.json --notary $gun
refused 12 export_tags other 1.2 -- -o other.sealift
dishonest 12 other

say "   A tag that another role moves: what targets says of it counts"
release 1.2 --roles targets/releases
notary --server "https://localhost:$server" --tlscacert ca.pem --trustDir reader lookup $gun 1.2
refused 12 export_tags "https://localhost:$server" 1.2 -- -o moved.sealift

say "   … and one that only a delegation signs, which may not sign it any more: nobody vouches for it, and the policy asks for more"
trusted delegation remove --publish $gun targets/releases --all-paths
trusted delegation add --publish $gun targets/releases --paths nightly-
download $gun fewer
refused 14 export_tags "https://localhost:$server" 1.1 -- -o fewer.sealift
dishonest 14 fewer

say "Everything that should get across did, and nothing else."
