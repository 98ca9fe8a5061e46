# The program, and registries on this machine, for the other scripts here. Source it in the project's folder, $root;
# then make a fresh folder $work, and `trap finish EXIT`.
# shellcheck shell=bash

# A release build, or what SEALIFT_BIN names.
[ -n "${SEALIFT_BIN:-}" ] || cargo build --quiet --release --package sealift
export PATH="${SEALIFT_BIN:-${CARGO_TARGET_DIR:-$root/target}/release}:$PATH"

python=${PYTHON:-python3}
processes=()

# Stops what was started, and removes what was made.
finish() {
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    rm -rf "$work"
}

die() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Waits until an http server answers.
answers() { # URL
    for _ in $(seq 100); do
        if "$python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1])' "$1" 2>/dev/null; then return; fi
        sleep 0.1
    done
    die "nothing answers at $1"
}

# Waits until something listens at a port.
listens() { # PORT
    for _ in $(seq 100); do
        if (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        sleep 0.1
    done
    die "nothing listens at port $1"
}

# Starts Debian's docker-registry.
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
