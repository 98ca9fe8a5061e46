//! Hints about an archive that arrives: its form, its seal, its documents, and what TUF says of it.

use sealift_archive_format::inventory::{EntryRecord, ImageRole, TargetRecord};
use sealift_archive_format::{EntryName, UnverifiedSeal, tar_profile};
use sealift_core::seal;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::TrustedState;
use sealift_sample_publisher::image::{multi_platform_image, store};
use sealift_sample_publisher::tuf_repository::{Target, TufRepository};
use sealift_tests::malicious_exporter::{Forger, blobs, digest, document, image_record, record, sealed};
use sealift_tests::outside_programs;
use serde_json::{Value, json};

use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

#[test]
fn what_cannot_be_read() {
    let sample = sample();
    let far = Far::trusting(&sample);
    far.run(&["verify", "/proc/self/mem"]).hints(1, "input/output error", "check /proc/self/mem and the disk it is on");
    let archive = packed(&sample).archive();
    let other = replaced(&archive, "application/vnd.in-toto+json", "application/vnd.example+json");
    far.verify(&other).hints(
        11,
        "application/vnd.example+json",
        "give an archive that `sealift export` wrote: this file is a signed statement of another kind",
    );
    far.verify(&archive[..archive.len() - 2048]).hints(
        10,
        "it was cut short",
        "carry the archive again, and compare its SHA-256 on both sides; if they are equal, ask the exporter",
    );
}

#[test]
fn a_medium_that_fails() {
    let Some(python) = outside_programs::find("python3") else { return };
    let sample = sample();
    let far = Far::trusting(&sample);
    far.put(&packed(&sample).archive());
    // A terminal whose other end is gone, after it has given the first bytes of the archive, fails as a medium does.
    let script = "import os,pty,subprocess,sys,tty\n\
        ours, theirs = pty.openpty()\n\
        tty.setraw(theirs)\n\
        os.write(theirs, open('shop.sealift', 'rb').read(2000))\n\
        os.close(theirs)\n\
        sys.exit(subprocess.run(sys.argv[1:], stdin=ours).returncode)";
    let mut verify = Command::new(python);
    verify.args(["-c", script]).arg(&*SEALIFT).args(["--json", "--trust", "far", "verify", "-"]);
    Said::of(&verify.current_dir(far.folder()).output().unwrap()).hints(
        1,
        "input/output error",
        "check the medium that the archive is on, and try again",
    );
}

/// A seal alone, for entries that never come.
fn seal_alone(sample: &Sample, change: impl FnOnce(&mut Vec<EntryRecord>)) -> Vec<u8> {
    let (mut inventory, _) = packed(sample).pack();
    change(&mut inventory.entries);
    let seal = sealed(inventory, &[exporter_key()]);
    [tar_profile::header(&EntryName::seal(), seal.bytes().length()), seal.bytes().to_bytes()].concat()
}

#[test]
fn what_no_sealift_wrote() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let vast = seal_alone(&sample, |entries| {
        entries.iter_mut().find(|entry| entry.name.as_str().ends_with("timestamp.json")).unwrap().size = 1 << 40;
    });
    far.verify(&vast).hints(10, "metadata", "ask the exporter for an archive that Sealift wrote; nothing was imported");
    // The version of the format is in the statement, which is signed as it is.
    let (inventory, _) = packed(&sample).pack();
    let statement = String::from_utf8(inventory.to_statement().unwrap()).unwrap();
    let newer = statement.replacen("\"formatVersion\":\"1", "\"formatVersion\":\"9", 1);
    assert_ne!(newer, statement);
    let signature = seal::sign(newer.as_bytes(), &exporter_key()).unwrap();
    let seal = UnverifiedSeal::new(newer.as_bytes(), vec![signature]).unwrap();
    far.verify(&[tar_profile::header(&EntryName::seal(), seal.length()), seal.to_bytes()].concat()).hints(
        11,
        "a newer release is needed",
        "a newer release of Sealift wrote this archive: carry a newer release across too",
    );
}

#[test]
fn seals() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    far.side.policy("exporter_threshold = 2\n");
    far.verify(&archive).hints(
        11,
        "1 of the 2 required signatures",
        "ask the other exporters to add their signatures: sealift --trust far sign shop.sealift --key KEY; nothing was imported",
    );
    far.side.policy("");
    // A signature that was interrupted while it was written.
    let two = packed(&sample).sealed_by(&[exporter_key(), SigningKey::from_seed(&[8; 32])]);
    let mut torn = two.clone();
    let fingerprint = SigningKey::from_seed(&[8; 32]).public_key().unwrap().fingerprint().unwrap().hex().to_owned();
    let at = torn.windows(64).position(|window| window == fingerprint.as_bytes()).unwrap();
    torn[at + 40..at + 64].fill(b' ');
    far.verify(&torn).hints(11, "", "sign it again with the key whose signing was interrupted");
    let many: Vec<SigningKey> =
        std::iter::once(exporter_key()).chain((100..115).map(|seed| SigningKey::from_seed(&[seed; 32]))).collect();
    far.put(&packed(&sample).sealed_by(&many));
    let key = SigningKey::from_seed(&[8; 32]).to_pem(None).unwrap();
    fs::write(far.folder().join("bert.pem"), key.as_bytes()).unwrap();
    far.run(&["sign", "shop.sealift", "--key", "bert.pem"]).hints(
        11,
        "",
        "export again, and seal with fewer keys; nothing was written",
    );
    // An archive that cannot be written to, whoever runs this: no byte of a file may be written.
    far.put(&archive);
    let sign = format!(
        "trap '' XFSZ; ulimit -f 0; exec '{}' --json --quiet --trust far sign shop.sealift --key bert.pem",
        SEALIFT.display()
    );
    let output = Command::new("bash").args(["-c", &sign]).current_dir(far.folder()).output().unwrap();
    Said::of(&output).hints(1, "file too large", "check who may write the archive, and the disk it is on");
}

#[test]
fn the_key_of_an_exporter_that_cannot_seal() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let ecdsa = include_bytes!("../trust.in/ecdsa.pub");
    fs::write(far.folder().join("far/exporters/builder.pem"), ecdsa).unwrap();
    far.verify(&packed(&sample).archive()).hints(
        18,
        "builder",
        "replace that exporter's key: sealift --trust far trust remove exporter builder, then sealift --trust far trust add-exporter builder KEY.pub",
    );
    fs::write(far.folder().join("far/exporters/builder.pem"), "not a key").unwrap();
    far.verify(&packed(&sample).archive()).hints(
        18,
        "builder.pem",
        "remove that file, and add the exporter again from a key you have compared",
    );
}

/// What the honest index of a bundle leads to, with another index.
fn with_index(sample: &mut Sample, change: impl FnOnce(&mut Value)) -> Consignment {
    let mut consignment = packed(sample);
    let mut index = document(&sample.blobs, &sample.references[0].1);
    change(&mut index);
    let index = store(&mut sample.blobs, INDEX, index.to_string().into_bytes());
    let bundle = &mut consignment.bundles[0];
    bundle.index = Some(record(&index));
    let bundle_json = json!({ "digest": bundle.descriptor.digest });
    consignment.blobs = blobs(&sample.blobs, &[&bundle_json], &[&index]);
    consignment
}

#[test]
fn documents() {
    let mut sample = sample();
    let far = Far::trusting(&sample);
    let consignment = with_index(&mut sample, |index| {
        index["manifests"][2]["annotations"]["io.cnab.component.name"] = "api".into();
    });
    far.verify(&consignment.archive()).hints(
        15,
        BUNDLE,
        "ask the bundle's publisher to push it again: its index in the source does not match the bundle",
    );
    let far = Far::taking_everything();
    let mut image = |name: &str| multi_platform_image(&mut sample.blobs, "app", name.as_bytes(), &["amd64"]).unwrap();
    let (right, other) = (image("right"), image("other"));
    let images = |images: &[(&str, &Value)]| Consignment::of_images(&sample, images, now());
    let mut without = images(&[("example.com/org/app:1", &right)]);
    without.blobs.remove(3);
    far.verify(&without.archive()).hints(
        15,
        "",
        "ask the exporter what was packed: the archive is complete, but inconsistent",
    );
    far.verify(&images(&[("example.com/Org/web:1", &right)]).archive()).hints(
        15,
        "example.com/Org/web:1",
        "use a name of the form DOMAIN/PATH:TAG, and export again",
    );
    let promised = format!("example.com/org/web@{}", right["digest"].as_str().unwrap());
    far.verify(&images(&[(&promised, &other)]).archive()).hints(
        15,
        &promised,
        "export from a source that has the right content, or correct the name: it promises other content",
    );
    far.verify(&images(&[("ubuntu:1", &right), ("library/ubuntu:1", &other)]).archive()).hints(
        15,
        "mean the same",
        "run `sealift export` once for library/ubuntu:1 and once for ubuntu:1, each with an -o of its own; or give one of them another name",
    );
}

#[test]
fn what_tuf_says_of_it() {
    let released = sample();
    let far = Far::trusting(&released);
    let with = |change: &dyn Fn(&mut Consignment)| {
        let mut consignment = packed(&released);
        change(&mut consignment);
        far.verify(&consignment.archive())
    };
    with(&|consignment| drop(consignment.tuf().remove("metadata/timestamp.json"))).hints(
        12,
        "timestamp",
        "ask the exporter what was packed: the archive is complete, but inconsistent",
    );
    with(&|consignment| consignment.tuf().retain(|path, _| !path.ends_with(".link"))).hints(
        12,
        ".link",
        "ask the exporter what was packed: the archive is complete, but inconsistent",
    );
    with(&|consignment| Forger::new(&released, consignment.tuf()).replace("targets", b"{}".to_vec())).hints(
        12,
        "targets metadata is malformed",
        "ask the exporter what was packed: the archive is complete, but inconsistent; nothing was written",
    );
    with(&|consignment| {
        let mut snapshot = consignment.tuf()["metadata/1.snapshot.json"].clone();
        let last = snapshot.len() - 3;
        snapshot[last] ^= 1;
        consignment.tuf().insert("metadata/1.snapshot.json".to_owned(), snapshot);
    })
    .hints(
        12,
        "snapshot",
        "export again, in case the repository was being updated, or ask the publisher: it is inconsistent; nothing was written",
    );
    with(&|consignment| {
        let forge = |signed: &mut Value| signed["padding"] = json!("0".repeat(64 * 1024));
        Forger::new(&released, consignment.tuf()).edit("timestamp", forge);
    })
    .hints(
        12,
        "timestamp.json",
        "ask the exporter what was packed: the archive is complete, but inconsistent; nothing was written",
    );
    with(&|consignment| {
        consignment.bundles[0].target = Some(TargetRecord { name: "example.com/demo/other:1.0.0".to_owned() });
    })
    .hints(12, "", "ask the exporter to pack it under the name that its publisher signed; nothing was written");
    let mut image = Consignment::of_image(&released, 2, now());
    image.images[0].descriptor.media_type = "application/vnd.oci.image.config.v1+json".to_owned();
    far.verify(&image.archive()).hints(
        12,
        WEB,
        "export again: what the publisher signed is not in the archive; nothing was written",
    );
    let stranger = Far::trusting(&sample());
    stranger.verify(&packed(&released).archive()).hints(
        12,
        "root",
        "if the role is root, the pinned root might not be the publisher's: compare its SHA-256; otherwise ask the publisher",
    );
}

#[test]
fn what_is_old() {
    let mut sample = Sample::new(hours_ago(25)).unwrap();
    let far = Far::trusting(&sample);
    far.verify(&packed(&sample).archive()).hints(
        12,
        "expired at",
        "export again from the publisher's repository; if that is expired too, ask the publisher to renew it",
    );
    let as_of_export = "name a time at which nothing of it had expired with --freshness, for example that of its export: sealift --trust far verify --audit --freshness at-export shop.sealift";
    far.run(&["verify", "--audit", "shop.sealift"]).hints(12, "expired at", as_of_export);
    sample = super::sample();
    let (far, exported_at) = (Far::trusting(&sample), hours_ago(3));
    far.side.policy("maximum_transit = \"1h\"\n");
    far.verify(&Consignment::of(&sample, exported_at).archive()).hints(
        14,
        "has been in transit for 3 hours",
        &format!(
            "export again and carry it faster; or, knowing what it means, raise maximum_transit in policy.toml; to look at it as of its export, without accepting it: sealift --trust far verify --audit --freshness {exported_at} shop.sealift"
        ),
    );
    let later = (now() + SignedDuration::from_hours(24 * 365 * 5)).to_string();
    for clock in [&later, "now"] {
        let said = far.run(&["verify", "--audit", "--freshness", clock, "shop.sealift"]);
        let remedy = &said.failure["remedy"]["kind"];
        assert!(
            said.code == Some(0) || said.failure["hint"] == as_of_export && remedy == "audit-as-of-export",
            "{}",
            said.all
        );
        assert!(!said.all.contains("import it") && !said.all.contains("export again"), "{}", said.all);
    }
    for _ in 0..5 {
        sample.repository.renew_root();
    }
    let far = Far::trusting(&sample);
    far.side.policy("[limits]\nroot_versions = 5\n");
    far.verify(&packed(&sample).archive()).hints(
        12,
        "5",
        "pin a newer root of this publisher, or raise root_versions in policy.toml; nothing was written",
    );
    let mut sample = super::sample();
    sample.repository.timestamp.version = 2;
    let far = Far::trusting(&sample);
    far.import(&packed(&sample).archive(), &["--to-layout", "out"]).remarks("");
    let accepted = packed(&sample);
    sample.repository.timestamp.version = 1;
    let consignment = packed(&sample);
    sample.repository.timestamp.version = 2;
    far.verify(&consignment.archive()).hints(
        20,
        "older than version 2",
        "export again from the publisher's own repository: someone might be replaying old metadata",
    );
    let (name, store) = ("demo".parse().unwrap(), far.side.store());
    let later =
        TrustedState { last_export: Some(now() + SignedDuration::from_hours(1)), ..store.state(&name).unwrap() };
    store.update().unwrap().commit(&[(name, later)].into()).unwrap();
    far.verify(&accepted.archive()).hints(
        14,
        "is behind the last accepted export",
        "set this side's clock, then run the same command again; if the clock was wrong when that export was accepted: sealift --trust far trust reset-state demo --export-time",
    );
    far.run(&["trust", "reset-state", "demo", "--export-time"]).remarks("");
    far.verify(&packed(&sample).archive()).remarks("");
}

#[test]
fn what_comes_late() {
    let mut sample = super::sample();
    let far = Far::trusting(&sample);
    let late = Consignment::of(&sample, now() - SignedDuration::from_hours(1)).archive();
    let versions = |repository: &mut TufRepository| {
        for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.releases] {
            role.version += 1;
        }
    };
    versions(&mut sample.repository);
    far.import(&Consignment::of_image(&sample, 1, now()).archive(), &["--to-layout", "out"]).remarks("");
    far.verify(&late).remarks("it comes late: an export of ");
    versions(&mut sample.repository);
    sample.repository.released.remove(BUNDLE);
    far.import(&Consignment::of_image(&sample, 1, now()).archive(), &["--to-layout", "out"]).remarks("");
    far.verify(&late).hints(
        20,
        "and the metadata that was accepted since does not vouch for all of it",
        "export again what is still needed of it: after a later export, only what the publisher still vouches for is accepted; to look at this one, without accepting it: sealift --trust far verify --audit shop.sealift",
    );
    far.run(&["verify", "--audit", "shop.sealift"]).remarks("");
}

#[test]
fn two_targets_for_one_name() {
    let mut sample = sample();
    let image = sample.references[2].1.clone();
    let spellings = ["nginx:1", "docker.io/library/nginx:1"].map(str::to_owned);
    sample.repository.release_paths.extend(spellings.clone());
    for (name, content) in spellings.iter().zip([b"one", b"two"]) {
        let target = Target { content: None, ..Target::served(content.to_vec()) };
        sample.repository.released.insert(name.clone(), target);
    }
    let repositories = packed(&sample).repositories;
    let mut consignment =
        Consignment { repositories, ..Consignment::of_images(&sample, &[("nginx:1", &image)], now()) };
    consignment.images[0].platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    Far::trusting(&sample).verify(&consignment.archive()).hints(
        12,
        "nginx:1",
        "ask the publisher to withdraw one of the two targets, because both names mean the same tag; nothing was written",
    );
}

#[test]
fn one_supply_chain_that_many_names_list() {
    let mut sample = sample();
    let place = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    let image = sample.references[place].1.clone();
    let folder = format!("example.com/demo/shop/in-toto-metadata/{}", digest(&image).hex());
    let padding = format!("{folder}/nothing.00000000.link");
    sample.repository.released.insert(padding.clone(), Target::served(vec![b' '; 4 << 20]));
    let names: Vec<String> =
        (0..130).map(|number| format!("example.com/demo/web:2.0.{number}")).chain([WEB.to_owned()]).collect();
    for name in &names {
        sample.release(name, "manifest.json", &digest(&image), image["size"].as_u64().unwrap());
        let listed = sample.repository.released.get_mut(name).unwrap().custom.as_mut().unwrap();
        listed["in-toto"].as_array_mut().unwrap().push(json!(padding));
    }
    let mut consignment = Consignment::of_image(&sample, place, now());
    consignment.images = names.iter().map(|name| image_record(name, &image, ImageRole::StandAlone)).collect();
    Far::trusting(&sample).verify(&consignment.archive()).hints(
        13,
        "",
        "export fewer bundles and images at once; if a single one takes too much, ask its publisher; nothing was written",
    );
}
