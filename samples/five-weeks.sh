#!/usr/bin/env bash
# Five weeks, two sites: one answers with receipts, the other one never answers. A disc is lost, another one is scratched, a receipt is forged
# and one is replayed, archives come late, and a registry loses a layer. A TUF repository vouches for every image, and both sites pin its root.
# After each week both sites have every digest that was released.
#
#     samples/five-weeks.sh
#
# Needs docker-registry, skopeo and python3 with the package tuf. Takes less than a minute, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
. samples/loopback.sh
work=$(mktemp -d)
trap finish EXIT
cd "$work"

# Of what a command says, what the story is about.
told() { awk '/left out:|volume|comes late|^Receipt|error:|cause:|hint:|Delivered/ { print "    " $0 }'; }
say() { printf '\n== %s\n' "$*"; }
weeks() { "$python" "$root/samples/five_weeks.py" "$@"; }
list=images.txt
export_for() { # OUTPUT MORE…
    local output=$1; shift
    # A second, so that no two archives were exported in the same one.
    sleep 1
    sealift --quiet --trust near export --from-file "$list" --tuf shop=tuf --key exporter.pem -o "$output" "$@" 2>&1 | told
}
to_plant() { # ARCHIVE
    sealift --quiet --trust plant import "$1" --to-registry "localhost:$inner/mirror" --names flat --results "results/plant-$week" \
        --receipt plant.receipt --receipt-key plant.pem --site plant 2>&1 | told
}
to_ship() { # ARCHIVE
    sealift --quiet --trust ship import "$1" --to-layout ship-layout --results "results/ship-$1" 2>&1 | told
}
refused() { # CODE WORDS COMMAND…
    local expected=$1 words=$2 code=0; shift 2
    ("$@") > refused.out 2>&1 || code=$?
    cat refused.out
    [ "$code" -eq "$expected" ] || die "expected exit code $expected, got $code"
    grep -q -- "$words" refused.out || die "it does not say: $words"
}
# What comes after a newer archive is delivered where the newer metadata still vouches for it.
late() { # ARCHIVE
    to_ship "$1" > late.out
    cat late.out
    grep -q "comes late" late.out || die "it does not say that it comes late"
}
bytes() { cat "$@" | wc -c; }
# What is released this week, in the registry of the connected side.
release() {
    weeks release "$week" "release-$week"
    for number in 0 1 2 3 4 5; do
        skopeo copy --quiet --dest-tls-verify=false "oci:release-$week:app-$number" "docker://localhost:$near/shop/app-$number:1"
    done
    weeks vouch "$week" "http://localhost:$near/shop" tuf
}
# Both sites have what was released.
arrived() {
    weeks compare "http://localhost:$near/shop" "http://localhost:$inner/mirror/shop"
    weeks compare "http://localhost:$near/shop" ship-layout
}
# What was carried, beside all of it, and beside what other tools would have carried.
carried() { # PLANT SHIP
    local full sync
    full=$(sealift --quiet --trust near export --from-file "$list" --tuf shop=tuf --key exporter.pem -o - | wc -c)
    rm -rf sync; mkdir sync
    for number in 0 1 2 3 4 5; do
        skopeo sync --scoped --src docker --dest dir --src-tls-verify=false "localhost:$near/shop/app-$number:1" sync > sync.log 2>&1
    done
    sync=$(tar -C sync -cf - . | wc -c)
    printf '%-5s %12s %12s %12s %18s\n' "$week" "$1" "$2" "$full" "$sync" >> table.txt
}

near=$(free_port); inner=$(free_port)
registry near-registry "$near"
registry plant-registry "$inner"
for key in exporter plant; do sealift --quiet key generate --out "$key.pem" > /dev/null; done
for trust in near plant ship; do
    sealift --quiet --trust "$trust" trust add-exporter exporter exporter.pem.pub > /dev/null
done
sealift --quiet --trust near trust add-receiver plant plant.pem.pub > /dev/null
for number in 0 1 2 3 4 5; do
    echo "example.com/shop/app-$number:1=localhost:$near/shop/app-$number:1"
done > "$list"
printf '%-5s %12s %12s %12s %18s\n' week plant ship "all of it" "skopeo sync, tar" > table.txt

say "Week 1: everything, to both sites, which pin the root of whoever releases"
week=1; release
for trust in near plant ship; do
    sealift --quiet --trust "$trust" trust pin-root shop tuf/metadata/1.root.json > /dev/null
done
export_for week-1.sealift
to_plant week-1.sealift
to_ship week-1.sealift
arrived; carried "$(bytes week-1.sealift)" "$(bytes week-1.sealift)"

say "Week 2: two images changed. The plant gets discs by its receipt, and one disc is lost; the ship gets what it was not sent before"
week=2; release
mkdir discs-2
export_for discs-2/plant --since plant.receipt --volume-size 200KB --parity 1
plant=$(bytes discs-2/*)
rm "$(find discs-2 -name '*.sealift-volume' | sort | head -n 1)"
cp plant.receipt week-1.receipt
to_plant discs-2
export_for ship-2.sealift --assume week-1.sealift
to_ship ship-2.sealift
arrived; carried "$plant" "$(bytes ship-2.sealift)"

say "Week 3: a disc of the plant is scratched; both archives for the ship are late"
week=3; release
mkdir discs-3
export_for discs-3/plant --since plant.receipt --volume-size 200KB --parity 1
plant=$(bytes discs-3/*)
printf 'scratch' | dd of="$(find discs-3 -name '*.sealift-volume' | sort | head -n 1)" bs=1 seek=100000 conv=notrunc status=none
to_plant discs-3
export_for ship-3.sealift --assume week-1.sealift --assume ship-2.sealift
head -n 1 "$list" > one.txt
sleep 1
sealift --quiet --trust near export --from-file one.txt --tuf shop=tuf --key exporter.pem -o one-3.sealift 2>&1 | told
weeks compare "http://localhost:$near/shop" "http://localhost:$inner/mirror/shop"
carried "$plant" "$(bytes ship-3.sealift)"

say "Week 4: a forged receipt and a replayed one are refused; for the ship, the late archive is missed, and then it comes"
week=4; release
weeks forge plant.receipt forged.receipt
refused 21 "the receipt was changed" export_for plant-4.sealift --since forged.receipt
refused 21 "used here before" export_for plant-4.sealift --since week-1.receipt
export_for plant-4.sealift --since plant.receipt
to_plant plant-4.sealift
export_for ship-4.sealift --assume week-1.sealift --assume ship-2.sealift --assume ship-3.sealift
refused 15 "never accepted here" to_ship ship-4.sealift
to_ship ship-3.sealift
to_ship ship-4.sealift
late one-3.sealift
arrived; carried "$(bytes plant-4.sealift)" "$(bytes ship-4.sealift)"

say "Week 5: the plant's registry has lost a layer; it is named, and sent again"
week=5; release
export_for plant-5.sealift --since plant.receipt
lost=$(weeks base "http://localhost:$inner/mirror/shop")
rm -rf "plant-registry/docker/registry/v2/blobs/sha256/${lost:7:2}/${lost:7}"
refused 15 "$lost" to_plant plant-5.sealift
export_for plant-5-more.sealift --assume plant-5.sealift --carry "$lost"
to_plant plant-5-more.sealift
export_for ship-5.sealift --assume week-1.sealift --assume ship-2.sealift --assume ship-3.sealift --assume ship-4.sealift
to_ship ship-5.sealift
refused 20 "does not vouch for all of it" to_ship ship-4.sealift
arrived; carried "$(bytes plant-5.sealift plant-5-more.sealift)" "$(bytes ship-5.sealift)"

say "What was carried, in bytes"
sed 's/^/    /' table.txt
sealift --trust near history --last 12 | awk '{ print "    " $1, $2, $3 }'
echo
echo "Both sites have what was released, every week, and no layer was carried that was there."
