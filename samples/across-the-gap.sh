#!/usr/bin/env bash
# The whole story, with real programs: a publisher (samples/publisher.py), a registry on the connected side, an archive,
# a registry on the far side; and then everything that must not get across.
#
#     pip install -r tests/requirements.txt      # python tuf and in-toto, for the publisher
#     samples/across-the-gap.sh
#
# Needs docker-registry, skopeo and python3. Takes less than a minute, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
. samples/loopback.sh
work=$(mktemp -d)
trap finish EXIT
cd "$work"

say() { printf '\n== %s\n' "$*"; }
publish() { "$python" "$root/samples/publisher.py" --registry "localhost:$near" --out publisher "$@"; }
export_bundle() { # VERSION TUF MORE…
    local version=$1 tuf=$2; shift 2
    sealift --quiet export --bundle "example.com/org/shop:$version=localhost:$near/org/shop:$version" --tuf "shop=$tuf" "$@"
}
import_archive() { sealift --quiet --trust far-trust import --to-registry "localhost:$far/mirror" "$@"; }
raw() { skopeo inspect --raw --tls-verify=false "docker://$1"; }
digest() { sha256sum | cut -d' ' -f1; }

# What must not change when something is refused: the tags on the far side, and what both sides remember.
state() {
    find far-registry -path '*/_manifests/tags/*' | sort
    find near-trust far-trust -type f ! -name lock -exec sha256sum {} + | sort
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

near=$(free_port); far=$(free_port); web=$(free_port)
registry near-registry "$near"
registry far-registry "$far"

say "A publisher makes a bundle with two multi-platform images, and signs it with TUF and in-toto"
publish --version 1.4
"$python" -m http.server --bind 127.0.0.1 --directory publisher/tuf "$web" > web.log 2>&1 &
processes+=("$!")
tuf=http://localhost:$web
answers "$tuf/metadata/timestamp.json"
pinned=$(digest < publisher/root.json)

say "Connected side: an exporter's key, and the publisher's root"
export SEALIFT_TRUST=$work/near-trust
sealift key generate --out anna.pem
sealift trust pin-root shop publisher/root.json --sha256 "$pinned"

say "Far side: the same root, and the exporter's public key"
sealift --trust far-trust trust pin-root shop publisher/root.json --sha256 "$pinned"
sealift --trust far-trust trust add-exporter anna anna.pem.pub

say "1. Export, verify, import"
export_bundle 1.4 "$tuf" --key anna.pem -o shop-1.4.sealift
sealift --quiet --trust far-trust verify shop-1.4.sealift
import_archive shop-1.4.sealift --results results

say "   … every manifest is the same on both sides"
same() { # NEAR-REFERENCE FAR-REFERENCE
    local one two
    one=$(raw "$1"); two=$(raw "$2")
    [ "$(digest <<< "$one")" = "$(digest <<< "$two")" ] || die "$1 and $2 differ"
    printf '    %s  %s\n' "$(printf %s "$two" | digest)" "$2"
    for below in $("$python" -c 'import json, sys; [print(m["digest"]) for m in json.load(sys.stdin).get("manifests", [])]' <<< "$one"); do
        same "localhost:$near/org/shop@$below" "${far_repository}@$below"
    done
}
far_repository=localhost:$far/mirror/example.com/org/shop # the name's own registry begins the path
same "localhost:$near/org/shop:1.4" "$far_repository:1.4"

say "   … and the relocation mapping names every image of the bundle"
cat results/relocation-mapping.json
"$python" - publisher/in-toto/*/stage/bundle.json <<'PYTHON'
import json, sys
bundle = json.load(open(sys.argv[1]))
mapping = json.load(open("results/relocation-mapping.json"))
images = [*bundle["invocationImages"], *bundle["images"].values()]
assert {image["image"] for image in images} == set(mapping), "the mapping is not complete"
assert all(mapping[image["image"]].endswith("@" + image["contentDigest"]) for image in images), "a digest changed"
PYTHON
for image in $("$python" -c 'import json; print(*json.load(open("results/relocation-mapping.json")).values())'); do
    [ "sha256:$(raw "$image" | digest)" = "${image#*@}" ] || die "$image is not there"
done

say "   … importing it again changes nothing"
before=$(state)
import_archive shop-1.4.sealift --results results > /dev/null
[ "$before" = "$(state)" ] || die "a second import changed something"

say "   … and other tools can read the archive"
skopeo inspect --raw "oci-archive:shop-1.4.sealift:example.com/org/shop:1.4" | digest

say "2. The same archive, made twice, is identical"
SOURCE_DATE_EPOCH=$(date +%s)
export SOURCE_DATE_EPOCH
export_bundle 1.4 "$tuf" --key anna.pem -o one.sealift
sleep 1.1
export_bundle 1.4 "$tuf" --key anna.pem -o two.sealift
unset SOURCE_DATE_EPOCH
cmp one.sealift two.sealift
sha256sum one.sealift two.sealift

say "3. The next release, through a pipe that is open before the archive is made"
cp -r publisher/tuf tuf-before
publish --version 1.5
(sleep 2; export_bundle 1.5 "$tuf" --key anna.pem -o -) | sealift --quiet --trust far-trust verify -
(sleep 2; export_bundle 1.5 "$tuf" --key anna.pem -o -) | import_archive - --results results
same "localhost:$near/org/shop:1.5" "$far_repository:1.5"

say "   … and what was carried is a TUF repository, in which python-tuf finds the bundle"
export_bundle 1.5 "$tuf" --whole-metadata --key anna.pem -o whole.sealift
import_archive whole.sealift --results results --tuf-mirror mirrors
found=$("$python" "$root/tests/tests/tuf/ngclient.py" mirrors/shop publisher/root.json ngclient example.com/org/shop:1.5)
sha256sum publisher/in-toto/*/stage/bundle.json | grep "^$found "

say "   … and a thick bundle for which its makers vouch as a file crosses byte for byte, with images that can be used"
sealift --quiet --trust far-trust extract whole.sealift example.com/org/shop:1.5 --to-thick-bundle shop-1.5.tgz
publish --version 1.5 --thick-bundle shop-1.5.tgz
sealift --quiet export --thick-bundle example.com/org/shop-thick:1.5=shop-1.5.tgz --tuf "shop=$tuf" --key anna.pem -o thick.sealift
import_archive thick.sealift --results results
sealift --quiet --trust far-trust extract thick.sealift example.com/org/shop-thick:1.5 --to-thick-bundle arrived.tgz
cmp shop-1.5.tgz arrived.tgz
for image in $("$python" -c 'import json; print(*json.load(open("results/relocation-mapping.json")).values())'); do
    [ "sha256:$(raw "$image" | digest)" = "${image#*@}" ] || die "$image is not there"
done

say "4. What must not get across"
sleep 1.1

say "   A root that this side did not pin"
"$python" "$root/samples/publisher.py" --only-root --out stranger
sealift --quiet --trust wrong-trust trust pin-root shop stranger/root.json
sealift --quiet --trust wrong-trust trust add-exporter anna anna.pem.pub
refused 12 sealift --quiet --trust wrong-trust import --to-registry "localhost:$far/wrong" shop-1.4.sealift

say "   A timestamp older than the last accepted one: the repository as it was, freshly exported"
sealift --quiet --trust replay-trust trust pin-root shop publisher/root.json
SEALIFT_TRUST=replay-trust export_bundle 1.4 tuf-before --key anna.pem -o replayed.sealift
refused 20 import_archive replayed.sealift

say "   An archive older than the last accepted one"
refused 20 import_archive shop-1.4.sealift

say "   An exporter that is not pinned here"
sealift --quiet key generate --out mallory.pem
export_bundle 1.5 "$tuf" --key mallory.pem -o unknown.sealift
refused 11 import_archive unknown.sealift

say "   One byte flipped in the last layer"
export_bundle 1.5 "$tuf" --key anna.pem -o shop-1.5.sealift
"$python" - shop-1.5.sealift flipped.sealift <<'PYTHON'
import sys, tarfile
archive = bytearray(open(sys.argv[1], "rb").read())
last = tarfile.open(sys.argv[1]).getmembers()[-1]
archive[last.offset_data + last.size // 2] ^= 1
open(sys.argv[2], "wb").write(archive)
PYTHON
refused 15 import_archive flipped.sealift

say "   The archive cut short"
head -c $(($(stat -c %s shop-1.5.sealift) * 3 / 4)) shop-1.5.sealift > cut.sealift
refused 10 import_archive cut.sealift

say "   A link in the supply chain signed by a key that may not sign it: an honest exporter does not seal this …"
publish --version 1.6 > /dev/null
export_bundle 1.6 "$tuf" --key anna.pem -o honest.sealift
reseal() { "$python" "$root/samples/dishonest_exporter.py" honest.sealift --tuf publisher/tuf --repository shop --key anna.pem -o "$1"; }
reseal same.sealift
cmp honest.sealift same.sealift # as yet, the dishonest exporter has nothing to hide
publish --version 1.6 --unauthorised-link > /dev/null
refused 13 export_bundle 1.6 "$tuf" --key anna.pem -o unauthorised.sealift
[ ! -e unauthorised.sealift ] || die "a refused export left an archive"

say "   … and from a dishonest one, whose seal is valid, it is refused"
reseal dishonest.sealift
refused 13 import_archive dishonest.sealift

say "Everything that should get across did, and nothing else."
