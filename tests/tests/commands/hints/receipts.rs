//! Hints about receipts, and about the history that they confirm.

use super::*;

const SITE: [&str; 4] = ["--site", "plant-7", "--key", "plant-7.pem"];

/// A far side with a key of its own.
fn site(sample: &Sample) -> Far {
    let far = Far::trusting(sample);
    run(&far.folder(), &["key", "generate", "--out", "plant-7.pem"]).remarks("");
    far
}

#[test]
fn nothing_to_confirm() {
    let sample = sample();
    let far = site(&sample);
    far.run(&[&["receipt", "--layout", ".", "-o", "r"], &SITE[..]].concat()).hints(
        16,
        "oci-layout",
        "give a folder, or a tar file, that holds an OCI image layout",
    );
    far.import(&packed(&sample).archive(), &["--to-layout", "out"]).remarks("");
    fs::rename(far.side.trust().join("history.jsonl"), far.folder().join("kept")).unwrap();
    far.run(&[&["receipt", "--layout", "out", "-o", "r"], &SITE[..]].concat()).hints(
        21,
        "nothing was accepted here yet",
        "import an archive first",
    );
    fs::rename(far.folder().join("kept"), far.side.trust().join("history.jsonl")).unwrap();
    far.run(&[&["receipt", "--layout", "out", "-o", "r"], &SITE[..]].concat()).remarks("plant-7");
}

#[test]
fn a_history_that_was_changed() {
    let sample = sample();
    let far = site(&sample);
    far.import(&packed(&sample).archive(), &["--to-layout", "out"]).remarks("");
    far.run(&["history"]).remarks("import");
    let path = far.side.trust().join("history.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("sha256:e3b0c442", "sha256:e3b0c443")).unwrap();
    far.run(&["history"]).hints(
        18,
        "line 1 of far/history.jsonl does not continue the lines before it",
        "restore the trust store from a backup; or move far/history.jsonl away and keep it: the next import or export begins a new one",
    );
}
