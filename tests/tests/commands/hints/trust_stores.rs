//! Hints about the trust store.

use sealift_core::trust_store::TrustStore;
use sealift_proof::signature::SigningKey;
use sealift_tests::notary_repository::{CertificateWish, NotaryKey, NotaryRepository};

use super::*;

/// A side that has accepted the sample, and the archive that it accepted.
fn accepting() -> (Far, Sample, Vec<u8>) {
    let sample = sample();
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    far.import(&archive, &["--to-layout", "out"]).remarks("");
    fs::write(far.folder().join("root.json"), &sample.repository.past_roots[0]).unwrap();
    (far, sample, archive)
}

#[test]
fn what_is_lost_or_damaged() {
    let (far, _, archive) = accepting();
    let root = far.folder().join("far/roots/demo/root.json");
    let bytes = fs::read(&root).unwrap();
    fs::remove_file(&root).unwrap();
    far.run(&["trust", "list"]).hints(
        18,
        "the pinned root of repository demo is missing",
        "pin the root with that digest again; what was accepted under it is still known: sealift --trust far trust pin-root demo root.json",
    );
    far.run(&["trust", "pin-root", "demo", "root.json"]).remarks("");
    far.run(&["trust", "list"]).remarks("");
    fs::write(&root, [&bytes[..], b" "].concat()).unwrap();
    far.run(&["trust", "list"]).hints(
        18,
        "belongs to root",
        "find out who changed the pinned root; then pin the right one: sealift --trust far trust pin-root demo root.json --replace; or accept this one: sealift --trust far trust reset-state demo",
    );
    far.run(&["trust", "pin-root", "demo", "root.json", "--replace"]).remarks("");
    far.run(&["trust", "list"]).remarks("");
    fs::remove_file(far.folder().join("far/deliveries.json")).unwrap();
    far.import(&archive, &["--to-layout", "new"]).hints(
        18,
        "which tags were set here",
        "restore the trust store from a backup; or, accepting that a tag could then be replaced once by something with another name or of a lower level: sealift --trust far trust reset-deliveries",
    );
    far.run(&["trust", "reset-deliveries"]).remarks("");
    far.import(&archive, &["--to-layout", "new"]).remarks("");
    let state = far.folder().join("far/state/demo/state.json");
    let text = fs::read_to_string(&state).unwrap();
    fs::write(&state, text.replacen("\"version\": 1", "\"version\": 7", 1)).unwrap();
    far.run(&["trust", "list"]).hints(
        18,
        "is damaged",
        "restore the trust store from a backup; or, accepting that an older archive could then be imported once: sealift --trust far trust reset-state demo",
    );
    audited(&far, &archive, "is damaged");
    fs::remove_file(&state).unwrap();
    audited(&far, &archive, "is missing");
    far.run(&["trust", "reset-state", "demo"]).remarks("");
    // A root that somebody exchanged.
    fs::write(&root, [&bytes[..], b" "].concat()).unwrap();
    audited(&far, &archive, "belongs to root");
}

/// An audit asks nobody to forget anything, and what it asks for instead is a way.
#[track_caller]
fn audited(far: &Far, archive: &[u8], cause: &str) {
    fs::write(far.folder().join("audited.sealift"), archive).unwrap();
    far.run(&["verify", "--audit", "audited.sealift"]).hints(
        18,
        cause,
        "restore the trust store from a backup, or audit with a new one that knows the exporters and the same root, and from which nothing was accepted: sealift --trust DIR trust pin-root demo root.json",
    );
    let new = |arguments: &[&str]| run(&far.folder(), &[&["--trust", "auditor"], arguments].concat());
    new(&["trust", "pin-root", "demo", "root.json", "--replace"]).remarks("");
    fs::create_dir_all(far.folder().join("auditor/exporters")).unwrap();
    fs::copy(far.folder().join("far/exporters/carrier.pem"), far.folder().join("auditor/exporters/carrier.pem"))
        .unwrap();
    new(&["verify", "--audit", "audited.sealift"]).remarks("");
}

#[test]
fn a_name_that_is_much_like_one_that_is_known() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let pin = "write demo if you mean that; otherwise get the root from the publisher in a way that you trust, then: sealift --trust near trust pin-root dmeo root.json";
    let list = |name: &str| {
        format!(
            "write {name} if you mean that; otherwise list the names that are known: sealift --trust near trust list"
        )
    };
    let bundle = format!("--bundle={BUNDLE}=oci:layout");
    for place in ["--tuf=dmeo=tuf", "--notary=dmeo=https://notary.example"] {
        near.export(&[&bundle, place]).hints(18, "no root is pinned for repository dmeo", pin);
    }
    for command in [["trust", "show", "dmeo"], ["trust", "reset-state", "dmeo"]] {
        near.run(&command).hints(18, "no root is pinned for repository dmeo", &list("demo"));
    }
    near.run(&["trust", "remove", "root", "dmeo"]).hints(18, "no root is pinned for repository dmeo", &list("demo"));
    near.run(&["trust", "remove", "exporter", "carriers"]).hints(
        18,
        "no exporter is known as carriers",
        &list("carrier"),
    );
    near.run(&["trust", "add-attester", "scanner", "key.pub"]).remarks("");
    near.run(&["trust", "remove", "attester", "scanners"]).hints(
        18,
        "no attester is known as scanners",
        &list("scanner"),
    );
    near.run(&["trust", "map", "add", "example.com/demo/*", "dmeo"])
        .remarks("The map names dmeo, for which no root is pinned (demo is pinned)");
    near.run(&["trust", "map", "add", "example.com/demo/*", "dmeo"]).remarks("Nothing was changed");
    near.run(&["trust", "remove", "map"]).remarks("");
    near.run(&["trust", "map", "add", "example.com/demo/*", "dmeo"])
        .remarks("Write demo if you mean that: sealift --trust near trust map add 'example.com/demo/*' demo");
    near.export(&["--bundle", &format!("{BUNDLE}=oci:layout"), "--tuf", "demo=tuf"]).hints(
        18,
        "no root is pinned for repository dmeo",
        "write demo if you mean that; otherwise get the root from the publisher in a way that you trust, then: sealift --trust near trust pin-root dmeo root.json",
    );
    near.run(&["trust", "remove", "map"]).remarks("");
    let replacing = told(near.path(), &["--trust", "near", "trust", "pin-root", "dmeo", "root.json", "--replace"]);
    assert!(
        replacing.contains("There was no root of dmeo to replace. The root of demo was left as it was."),
        "{replacing}"
    );
    // What is unlike every known name is not taken for one.
    near.run(&["trust", "show", "acme"]).hints(
        18,
        "no root is pinned for repository acme",
        "list the names that are known: sealift --trust near trust list",
    );
}

#[test]
fn what_does_not_belong_there() {
    let (far, _, _) = accepting();
    let folder = far.folder().join("far");
    fs::write(folder.join("exporters/Anna B.pem"), "").unwrap();
    far.run(&["trust", "list"]).hints(
        18,
        "does not belong in a trust store",
        "move it out of the trust store, or give it a valid name",
    );
    fs::remove_file(folder.join("exporters/Anna B.pem")).unwrap();
    let map = folder.join("map.json");
    fs::write(&map, vec![b' '; 5 << 20]).unwrap();
    far.run(&["trust", "list"]).hints(18, "is longer than", "check that this is the file you meant");
    fs::write(&map, "{").unwrap();
    for command in [&["trust", "list"][..], &["verify", "shop.sealift"]] {
        far.run(command).hints(
            18,
            "the map in use, far/map.json, cannot be used",
            "restore far/map.json from a copy, or set a map again: sealift --trust far trust map map.json",
        );
    }
    fs::remove_file(&map).unwrap();
    fs::create_dir(&map).unwrap();
    far.run(&["trust", "list"]).hints(18, "map.json", "check the path far/map.json");
}

#[test]
fn roots_of_other_dialects() {
    let (far, _, _) = accepting();
    far.run(&["trust", "pin-root", "other", "root.json", "--notary", "example.com/acme/web"]).hints(
        18,
        "it is a root of TUF 1.0",
        "leave out --notary: this root is not from Docker Content Trust; it was not pinned",
    );
    fs::write(far.folder().join("note.txt"), "a note").unwrap();
    far.run(&["trust", "map", "note.txt"]).hints(
        18,
        "the map note.txt cannot be used",
        "give a map.json as described in TAP 4; the map in use was not changed",
    );
    let notary = NotaryRepository::new().newest_root();
    fs::write(far.folder().join("notary.json"), notary).unwrap();
    far.run(&["trust", "pin-root", "acme", "notary.json"]).hints(
        18,
        "it is a root of Notary",
        "name the repository that it belongs to in Docker Content Trust, for example --notary example.com/acme/web; it was not pinned",
    );
    far.run(&["trust", "pin-root", "acme", "notary.json", "--notary", "example.com/acme/web"]).remarks("");
    far.run(&["trust", "map", "add", "*", "demo"]).remarks("");
    let web = ["export", "--key", "key.pem", "-o", "x", "--image", "example.com/demo/web:1.0.0=oci:out"];
    let key = SigningKey::from_seed(&[7; 32]).to_pem(None).unwrap();
    fs::write(far.folder().join("key.pem"), key.as_bytes()).unwrap();
    far.run(&[&web[..], &["--tuf", "acme=out"]].concat()).hints(
        2,
        "its root is pinned as Notary v1",
        "name its server, or the folder of its files: --notary acme=LOCATION",
    );
    far.run(&[&web[..], &["--notary", "acme=nowhere"]].concat()).hints(
        16,
        "nowhere is not a folder",
        "name the URL of the server, or the folder that contains root.json and timestamp.json: --notary acme=LOCATION",
    );
    fs::write(far.folder().join("far/roots/acme/dialect.toml"), "notary = 1").unwrap();
    far.run(&["trust", "list"]).hints(
        18,
        "dialect.toml",
        "correct the file, which has to hold one line such as notary = \"example.com/acme/web\"; or pin the root again with --replace",
    );
}

#[test]
fn a_place_where_there_can_be_no_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("note"), "a note").unwrap();
    let hint = "name the folder of a trust store, or a new or empty folder, with --trust DIR or SEALIFT_TRUST";
    let list = |arguments: &[&str]| run(folder.path(), &[&["trust", "list"], arguments].concat());
    list(&["--trust", "note"]).hints(18, "there is no trust store at note: note is not a folder", hint);
    list(&["--trust", "note/x"]).hints(18, "there is no trust store at note/x: note is not a folder", hint);
    run(folder.path(), &["--trust", "note", "trust", "set-threshold", "1"]).hints(18, "note is not a folder", hint);
    let mut at_home = command(folder.path(), &["trust", "list"]);
    Said::of(&at_home.env("HOME", "/dev/null").output().unwrap()).hints(18, "/dev/null is not a folder", hint);
}

#[test]
fn a_store_that_another_process_changes() {
    let (far, _, _) = accepting();
    let held = TrustStore::at(far.folder().join("far")).update().unwrap();
    far.run(&["trust", "set-threshold", "1"]).hints(
        18,
        "is being changed by another process",
        "wait until the other process is done, then try again; the lock ends with that process, so do not remove the file lock",
    );
    drop(held);
}

/// Imports through a pipe, and does something before the last of the archive comes.
fn import_while(far: &Far, archive: &[u8], meanwhile: impl FnOnce()) -> Said {
    use std::io::Write as _;
    let folder = far.folder();
    let mut import =
        command(&folder, &["--trust", "far", "import", "-", "--to-layout", "late", "--results", "results"]);
    let mut import = import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut carrier = import.stdin.take().unwrap();
    carrier.write_all(&archive[..archive.len() - 2048]).unwrap();
    while !folder.join("late/blobs").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    meanwhile();
    carrier.write_all(&archive[archive.len() - 2048..]).unwrap();
    drop(carrier);
    Said::of(&import.wait_with_output().unwrap())
}

#[test]
fn what_changes_while_an_archive_comes() {
    let (far, _, archive) = accepting();
    import_while(&far, &archive, || far.side.policy("minimum_level = \"3b\"\n")).hints(
        18,
        "was changed in the meantime",
        "run the same command again: everything is judged again, by what is trusted now; what has arrived already is not sent again",
    );
}

/// What a certificate for several collections means is said when it is pinned, and by each verdict that rests on it.
#[test]
fn a_certificate_for_several_collections() {
    let shared =
        NotaryKey::certified(&CertificateWish { common_names: &["example.com/acme/*"], ..CertificateWish::default() });
    let mut repository = NotaryRepository::with_root_key(shared);
    let image = sealift_tests::images::Image::for_two_platforms("web");
    repository.add_tag("targets", "1", image.root().bytes());
    repository.expire_at("2099-01-01T00:00:00Z");
    let near = Near::pinning_nothing();
    let layout = sealift_core::layout::LayoutSink::open(&near.path().join("layout")).unwrap();
    image.push(&layout, &"example.com/acme/web:1".parse().unwrap()).unwrap();
    serve(&repository, &near);
    let pin = ["trust", "pin-root", "acme", "notary/root.json", "--notary", "example.com/acme/web"];
    near.run(&pin).remarks("example.com/acme/*");
    let web = ["--image", "example.com/acme/web:1=oci:layout", "--notary", "acme=notary"];
    near.export(&web).remarks("example.com/acme/*");
    near.run(&["verify", "out.sealift"]).remarks("example.com/acme/*");
}

/// Puts what is published where the exporting side reads it.
fn serve(repository: &NotaryRepository, near: &Near) {
    let files = near.path().join("notary");
    fs::create_dir(&files).unwrap();
    for (name, bytes) in &repository.files {
        fs::write(files.join(name), bytes).unwrap();
    }
    fs::write(files.join("root.json"), repository.newest_root()).unwrap();
}

#[test]
fn a_layout_of_the_policy_for_a_tag_that_has_one_within_it() {
    let mut repository = NotaryRepository::new();
    let image = sealift_tests::images::Image::for_two_platforms("web");
    repository.add_tag("targets", "1", image.root().bytes());
    repository.body("targets", "targets")["1"]["custom"] = serde_json::json!({ "key": "", "layout": "", "links": {} });
    repository.expire_at("2099-01-01T00:00:00Z");
    let near = Near::pinning_nothing();
    let layout = sealift_core::layout::LayoutSink::open(&near.path().join("layout")).unwrap();
    image.push(&layout, &"example.com/acme/web:1".parse().unwrap()).unwrap();
    serve(&repository, &near);
    near.run(&["trust", "pin-root", "acme", "notary/root.json", "--notary", "example.com/acme/web"]).remarks("");
    let policy = "[[require]]\nnames = [\"*\"]\nlevel = \"4\"\nlayout = \"root.layout\"\n";
    fs::write(near.path().join("near/policy.toml"), policy).unwrap();
    near.export(&["--image", "example.com/acme/web:1=oci:layout", "--notary", "acme=notary"]).hints(
        13,
        "the policy asks for layout root.layout, but target 1 has a layout within it",
        "give these names a [[require]] of their own in policy.toml, without layout",
    );
}
