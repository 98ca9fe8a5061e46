# The quick half of CI (`.ci/run` is the whole), in the order that fails fastest.
check: format lint test doc samples clean-tree

format:
    cargo fmt --all --check
    cd tests/fuzz && cargo fmt --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, sources, wildcards and known vulnerabilities of everything that is linked in (needs cargo-deny and a network).
# `.ci/run` checks all but the vulnerabilities.
deny:
    cargo deny check

# The oldest compiler that this builds with (rust-version in Cargo.toml).
msrv:
    .ci/msrv

# Spelling (needs typos).
spell:
    typos

samples:
    cargo run --release -- demo

clean-tree:
    git diff --exit-code

# A short smoke of every fuzz target (needs cargo-fuzz).
fuzz seconds="20":
    cd tests/fuzz && for target in $(RUSTC_BOOTSTRAP=1 cargo fuzz list); do \
        RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" -- -max_total_time={{seconds}} -rss_limit_mb=1024 || exit 1; done
