//! Hints about receipts, and about the history that they confirm.

use flate2::read::GzDecoder;
use sealift_tests::registry::Registry;

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

/// A near side that has pinned the site, and a list of what it exports; and the site, with a receipt of the first week.
pub(super) fn after_a_week(sample: &Sample) -> (Near, Far) {
    let (near, far) = (Near::pinning(sample), site(sample));
    let key = |from: &Path| fs::copy(from.join("plant-7.pem.pub"), near.path().join("plant-7.pem.pub")).unwrap();
    key(&far.folder());
    near.run(&["trust", "add-receiver", "plant-7", "plant-7.pem.pub"]).remarks("plant-7");
    export(&near, &[], "first.sealift").remarks("");
    let receipt = ["--receipt", "r", "--receipt-key", "plant-7.pem", "--site", "plant-7"];
    let first = fs::read(near.path().join("first.sealift")).unwrap();
    far.import(&first, &[&["--to-layout", "out"][..], &receipt].concat()).remarks("");
    fs::copy(far.folder().join("r"), near.path().join("r")).unwrap();
    (near, far)
}

fn export(near: &Near, base: &[&str], output: &str) -> Said {
    let image = format!("{WEB}=oci:layout");
    let what = ["export", "--image", &image, "--tuf", "demo=tuf", "--key", "key.pem", "-o", output];
    near.run(&[&what[..], base].concat())
}

#[test]
fn receipts_that_are_not_used() {
    let sample = sample();
    let (near, far) = after_a_week(&sample);
    let since = |receipt: &str, more: &[&str]| {
        let _ = fs::remove_file(near.path().join("w.sealift"));
        export(&near, &[&["--since", receipt][..], more].concat(), "w.sealift")
    };
    fs::write(near.path().join("none"), "{}").unwrap();
    since("none", &[]).hints(
        21,
        "not a receipt that can be read",
        "give a file that `sealift receipt` or `sealift import --receipt` wrote; nothing was written",
    );
    let receipt = fs::File::open(near.path().join("r")).unwrap();
    let mut forged: Value = serde_json::from_reader(GzDecoder::new(receipt)).unwrap();
    let payload = forged["payload"].as_str().unwrap().replacen("ey", "fy", 1);
    forged["payload"] = payload.into();
    fs::write(near.path().join("forged"), forged.to_string()).unwrap();
    since("forged", &[]).hints(
        21,
        "the signature of plant-7 does not verify: the receipt was changed",
        "have a new receipt made on the far side, with `sealift receipt`, and carried back; nothing was written",
    );
    since("r", &["--receiver", "plant-8"]).hints(
        21,
        "it is the receipt of site plant-7, not of plant-8",
        "give the receipt of plant-8; or, if plant-7 is the site that you mean, add its key under that name: sealift --trust near trust add-receiver plant-7 KEY.pub; nothing was written",
    );
    // A receipt states seconds, and the same one may be used again.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let newer = ["receipt", "--layout", "out", "--site", "plant-7", "--key", "plant-7.pem", "-o", "newer"];
    far.run(&newer).remarks("");
    fs::copy(far.folder().join("newer"), near.path().join("newer")).unwrap();
    near.run(&["plan", "--image", &format!("{WEB}=oci:layout"), "--tuf", "demo=tuf", "--since", "newer"])
        .remarks("alreadyThere");
    since("newer", &["--receiver", "plant-7"]).remarks("absent");
    since("r", &[]).hints(
        21,
        "and one that was made at",
        "have a new receipt made on the far side, with `sealift receipt`, and carried back; nothing was written",
    );
    near.run(&["trust", "remove", "receiver", "plant-7"]).remarks("no longer count");
    since("newer", &[]).hints(
        21,
        "none of these keys belongs to a pinned receiver",
        "if you expect this receiver, compare the fingerprint out of band, then: sealift --trust near trust add-receiver NAME KEY.pub; nothing was written",
    );
}

#[test]
fn a_receipt_in_one_line() {
    let sample = sample();
    let (near, far) = after_a_week(&sample);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    far.run(&[&["receipt", "--layout", "out", "--brief", "-o", "line"], &SITE[..]].concat())
        .remarks("sealift:receipt/v1,");
    let line = fs::read_to_string(far.folder().join("line")).unwrap();
    fs::write(near.path().join("line"), &line).unwrap();
    let confirmed = line.split(',').nth(4).unwrap();
    let hint = format!(
        "find the export of {confirmed}, which the receipt confirms: sealift --trust near history; then give that file with --assume; nothing was written"
    );
    export(&near, &["--since", "line"], "second.sealift").hints(
        21,
        "which confirms an archive and lists no layers",
        &hint,
    );
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    export(&near, &[], "other.sealift").remarks("");
    export(&near, &["--since", "line", "--assume", "other.sealift"], "second.sealift").hints(
        21,
        "the receipt of plant-7 does not confirm its statement",
        &hint,
    );
    let plan = ["plan", "--image", &format!("{WEB}=oci:layout"), "--tuf", "demo=tuf", "--since", "line"];
    near.run(&[&plan[..], &["--assume", "first.sealift"]].concat()).remarks("alreadyThere");
    export(&near, &["--since", "line", "--assume", "first.sealift"], "second.sealift").remarks("absent");
    let second = fs::read(near.path().join("second.sealift")).unwrap();
    let receipt = ["--receipt", "line", "--receipt-brief", "--receipt-key", "plant-7.pem", "--site", "plant-7"];
    far.import(&second, &[&["--to-layout", "out"][..], &receipt].concat()).remarks("sealift:receipt/v1,");
    fs::write(near.path().join("unknown"), line.replacen("plant-7", "plant-8", 1)).unwrap();
    export(&near, &["--since", "unknown"], "third.sealift").hints(
        21,
        "it is the receipt of site plant-8, and no receiver of that name is pinned",
        "if you expect this receiver, compare the fingerprint out of band, then: sealift --trust near trust add-receiver NAME KEY.pub; nothing was written",
    );
}

#[test]
fn what_a_delta_leaves_out() {
    let sample = sample();
    let (near, far) = after_a_week(&sample);
    export(&near, &["--since", "r"], "second.sealift").remarks("absent");
    let second = fs::read(near.path().join("second.sealift")).unwrap();
    far.verify(&second).remarks("nobody has looked here");
    assert!(told(&far.folder(), &["--trust", "far", "verify", "shop.sealift"]).contains(
        "`sealift import` looks before it sets a tag; to look now: `sealift verify ARCHIVE --target HOST/PREFIX`, or `--target oci:DIR`"
    ));
    far.run(&["verify", "shop.sealift", "--target", "oci:out"]).remarks("read-back");
    far.run(&["verify", "shop.sealift", "--target", "oci:nowhere"]).hints(1, "nowhere", "check the path nowhere");
    assert!(!far.folder().join("nowhere").exists());
    // In a registry, names may be others.
    let first = fs::read(near.path().join("first.sealift")).unwrap();
    let registry = Registry::start();
    let domain = registry.domain();
    far.import(&first, &["--to-registry", &domain, "--names", "flat", "--plain-http", &domain]).remarks("");
    far.verify(&second).remarks("nobody has looked here");
    let look = ["verify", "shop.sealift", "--target", &domain, "--plain-http", &domain, "--names", "flat"];
    far.run(&look).remarks("read-back");
    far.run(&["extract", "shop.sealift", WEB, "--to-layout", "taken"]).hints(
        15,
        "a new place has nothing of what was delivered before",
        "import it, with `sealift import`, into the registry or layout that has what it leaves out; nothing was written",
    );
    // Nor is it served, unless another archive has what it leaves out.
    far.run(&["serve", "shop.sealift", "--listen", "127.0.0.1:0"]).hints(
        15,
        "that shop.sealift leaves out are in none of the archives: sha256:",
        "name the archives that have them too, in any order; `sealift history` lists what was imported here, each archive by its digest; nothing was served",
    );
    let inventory: Value = serde_json::from_str(&far.run(&["inspect", "shop.sealift"]).all).unwrap();
    let entries = inventory["entries"].as_array().unwrap();
    let absent = entries.iter().find(|entry| entry["absent"] == true).unwrap()["digest"].as_str().unwrap();
    fs::remove_file(far.folder().join("out/blobs/sha256").join(&absent["sha256:".len()..])).unwrap();
    let hint = format!(
        "what has arrived is kept; on the connected side, send just what is lacking: sealift export --image {WEB} --assume shop.sealift --carry {absent} --key KEY -o ARCHIVE; nothing was tagged"
    );
    far.run(&["verify", "shop.sealift", "--target", "oci:out"]).hints(15, "a layer that the archive leaves out", &hint);
    far.import(&second, &["--to-layout", "out"]).hints(15, "a layer that the archive leaves out is not there", &hint);
    export(&near, &["--assume", "second.sealift", "--carry", absent], "third.sealift").remarks("absent");
    let third = fs::read(near.path().join("third.sealift")).unwrap();
    far.import(&third, &["--to-layout", "out"]).remarks("");
}
