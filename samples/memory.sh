#!/usr/bin/env bash
# How much memory and disk a large archive takes: export, verify and import of 2 GiB, each within 64 MiB of memory, and
# writing no file but the archive.
#
#     pip install -r tests/requirements.txt      # for the publisher
#     samples/memory.sh [MEBIBYTES]              # 2048 by default; takes twice that on the disk
#
# Needs docker-registry, skopeo and python3. The figures are what the kernel counted for each process: its peak
# resident memory, and the bytes that it caused to be written to a disk, including files that it removed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
. samples/loopback.sh
mebibytes=${1:-2048}

# Beside the sources, because /tmp may be in memory, where writes are not counted.
mkdir -p target
work=$(mktemp -d "$root/target/memory.XXXXXX")
trap finish EXIT
cd "$work"
export SEALIFT_TRUST=$work/trust TMPDIR=$work/tmp HOME=$work
mkdir "$TMPDIR"

# Runs a command, shows what it used, and fails if it used more than 64 MiB of memory, or wrote more mebibytes to the disk
# than allowed.
cat > measure.py <<'PYTHON'
import os, subprocess, sys, time
name, allowed, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
began = time.monotonic()
process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
seconds = time.monotonic() - began
counts = dict(line.split(": ") for line in open(f"/proc/{process.pid}/io").read().splitlines())
_, status, usage = os.wait4(process.pid, 0)
peak, written = usage.ru_maxrss / 1024, int(counts["write_bytes"]) / 2**20
print(f"{name:<20} {seconds:6.1f} s   peak memory {peak:6.1f} MiB   written to disk {written:8.1f} MiB", flush=True)
assert status == 0, f"{name} failed"
assert peak < 64, f"{name} took more than 64 MiB of memory"
assert written <= allowed + 4, f"{name} wrote more than {allowed} MiB"
PYTHON
measure() { "$python" measure.py "$@"; }

near=$(free_port); far=$(free_port)
registry near-registry "$near"
registry far-registry "$far"
# Two images for two platforms each: four layers.
"$python" "$root/samples/publisher.py" --registry "localhost:$near" --out publisher \
    --layer-size $((mebibytes * 1024 * 1024 / 4)) > /dev/null
rm -rf publisher/images
sealift --quiet key generate --out anna.pem > /dev/null
sealift --quiet trust pin-root shop publisher/root.json > /dev/null
sealift --quiet trust add-exporter anna anna.pem.pub > /dev/null

before=$(find . -path ./near-registry -prune -o -path ./far-registry -prune -o -path ./trust -prune -o -type f -print | sort)
measure export $((mebibytes + 1)) sealift --quiet export --key anna.pem -o shop.sealift \
    --bundle "example.com/org/shop:1.4=localhost:$near/org/shop:1.4" --tuf shop=publisher/tuf
printf '%-20s %d bytes\n' "the archive" "$(stat -c %s shop.sealift)"
rm -rf near-registry/docker
measure verify 0 sealift --quiet verify shop.sealift
measure "import (registry)" 0 sealift --quiet import shop.sealift --to-registry "localhost:$far/mirror" --results results
measure "import (again)" 0 sealift --quiet import shop.sealift --to-registry "localhost:$far/mirror" --results results
rm -rf far-registry/docker
measure "import (layout)" $((mebibytes + 1)) sealift --quiet import shop.sealift --to-layout layout --results results

after=$(find . -path ./near-registry -prune -o -path ./far-registry -prune -o -path ./trust -prune -o -path ./layout \
    -prune -o -path ./results -prune -o -type f -print | sort)
new=$(comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$after"))
[ "$new" = ./shop.sealift ] || die "more was written than the archive: $new"
echo "Only the archive and what was imported were written."
