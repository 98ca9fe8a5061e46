# The quick half of CI (`.ci/run` is the whole), in the order that fails fastest.
check: format lint linked interface no-network test doc samples clean-tree

format:
    cargo fmt --all --check
    cd tests/fuzz && cargo fmt --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Which crates link no HTTP client and no TLS.
linked:
    .ci/linked

# Which crates the public interfaces of the libraries name.
interface:
    .ci/interface

# The command without the network: its lints, its tests, and the whole job between layouts.
no-network:
    cargo clippy -p sealift -p sealift-core --no-default-features --all-targets -- -D warnings
    cargo test -p sealift -p sealift-core --no-default-features
    cargo run --quiet -p sealift --no-default-features -- demo

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

# The guide and the reference as a book, in target/book (needs mdbook).
book:
    mdbook build docs

samples:
    cargo run --release -- demo

clean-tree:
    git diff --exit-code

# A short smoke of every fuzz target (needs cargo-fuzz).
fuzz seconds="20":
    cd tests/fuzz && for target in $(RUSTC_BOOTSTRAP=1 cargo fuzz list); do \
        RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" -- -max_total_time={{seconds}} -rss_limit_mb=1024 || exit 1; done

# Breaks the trust rules one small step at a time, and lists each step that no test notices (needs cargo-mutants, and hours).
# `just mutants --shard 0/100` breaks a hundredth of them, spread over all files, `--re NAME` those whose description has this name.
mutants *more:
    cargo mutants --workspace --test-workspace=true --no-shuffle --sharding round-robin \
        -f 'core/**/tuf/**' -f 'core/**/in_toto/**' -f 'core/**/signature/**' -f 'core/**/trust/**' -f 'core/**/trust_store/**' \
        -f 'core/**/verify/**' -f 'core/**/seal.rs' -f 'core/**/import/tags.rs' -e '**/tests/**' -e '**/tests.rs' {{more}}

# All that is published, in target/dist: static programs, packages, images, lists of components, SHA256SUMS (RELEASING.md).
dist *targets:
    .ci/dist {{targets}}

# Tries what `just dist` built: sums, installation in an empty root, the demo there (needs dpkg, rpm, umoci, skopeo, jq).
installed:
    .ci/installed

# Builds all that is published twice, in different folders, and compares every byte.
dist-twice *targets:
    .ci/dist-twice {{targets}}
