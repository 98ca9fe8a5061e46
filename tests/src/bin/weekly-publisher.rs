//! Stands for the world around the weekly job, in the transcript `tests/commands/weekly.md`: `weekly-publisher WEEK` releases fourteen
//! images of acme into the layout `images` and the TUF repository `acme`, with one more image that nobody signs;
//! `weekly-publisher change NAME` has somebody put other content under a name.
//!
//! Its keys are always the same, and so is the first root.

#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, thread};

use jiff::{SignedDuration, Timestamp};
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::image::{Blobs, multi_platform_image};
use sealift_sample_publisher::tuf_repository::{Role, Target, TufRepository};
use serde_json::{Value, json};

/// How many images acme signs.
const SIGNED: u8 = 14;
/// The one that nobody signs.
const UNSIGNED: &str = "docker.io/library/redis:7";

fn role(seed: u8, version: u64, expires: Timestamp) -> Role {
    Role { keys: vec![SigningKey::from_seed(&[seed; 32])], threshold: 1, version, expires }
}

/// Its images: in the second week there is a new release of one of them.
fn names(week: u64) -> impl Iterator<Item = String> {
    (1..=SIGNED).map(move |number| {
        let version = if week > 1 && number == 7 { "1.1" } else { "1.0" };
        format!("registry.example.com/acme/app-{number:02}:{version}")
    })
}

fn repository(week: u64) -> Result<TufRepository, Box<dyn Error>> {
    let in_days = |days: i64| Timestamp::now() + SignedDuration::from_hours(24 * days);
    let mut repository = TufRepository {
        root: role(1, 1, "2100-01-01T00:00:00Z".parse()?),
        timestamp: role(2, week, in_days(1)),
        snapshot: role(3, week, in_days(7)),
        targets: role(4, 1, "2100-01-01T00:00:00Z".parse()?),
        releases: role(5, week, in_days(30)),
        release_paths: vec!["registry.example.com/acme/*:*".to_owned()],
        top_level: BTreeMap::new(),
        released: BTreeMap::new(),
        past_roots: Vec::new(),
    };
    repository.targets.version = 1;
    Ok(repository)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, bytes)?)
}

fn image(blobs: &mut Blobs, name: &str) -> Result<Value, Box<dyn Error>> {
    Ok(multi_platform_image(blobs, "app", format!("{name}\n").as_bytes(), &["amd64", "arm64"])?)
}

/// Adds images to the layout, each in the place of what had its name.
fn store(blobs: &Blobs, images: &[(String, Value)]) -> Result<(), Box<dyn Error>> {
    let layout = Path::new("images");
    for (digest, bytes) in blobs {
        write(&layout.join("blobs").join(digest.algorithm().name()).join(digest.hex()), bytes)?;
    }
    let index = layout.join("index.json");
    let mut known: Value = match fs::read(&index) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => json!({ "schemaVersion": 2, "manifests": [] }),
    };
    let listed = known["manifests"].as_array_mut().ok_or("no manifests")?;
    for (name, image) in images {
        let mut entry = image.clone();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        listed.retain(|other| other["annotations"] != entry["annotations"]);
        listed.push(entry);
    }
    write(&index, known.to_string().as_bytes())?;
    write(&layout.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)
}

fn release(week: u64) -> Result<(), Box<dyn Error>> {
    // Archives state their time in seconds, and no two weeks begin in the same one.
    if week > 1 {
        thread::sleep(Duration::from_millis(1_100));
    }
    let (mut repository, mut blobs) = (repository(week)?, Blobs::new());
    let mut images = vec![(UNSIGNED.to_owned(), image(&mut blobs, UNSIGNED)?)];
    for name in names(week) {
        let image = image(&mut blobs, &name)?;
        let digest = image["digest"].as_str().ok_or("no digest")?.parse()?;
        let length = image["size"].as_u64().ok_or("no size")?;
        repository.released.insert(name.clone(), Target { length, digest, custom: None, content: None });
        images.push((name, image));
    }
    store(&blobs, &images)?;
    for (path, bytes) in repository.files() {
        write(&Path::new("acme").join(path), &bytes)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [change, name] if change == "change" => {
            let mut blobs = Blobs::new();
            let other = image(&mut blobs, "other content")?;
            store(&blobs, &[(name.clone(), other)])
        }
        [week] => release(week.parse()?),
        _ => Err("give a week, or `change NAME`".into()),
    }
}
