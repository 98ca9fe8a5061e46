//! The client that the public TUF conformance suite drives: its protocol (`init`, `refresh`, `download`), thin over the
//! engine. It is for that suite alone: it keeps its state in plain files, which are neither locked nor written durably.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sealift_core::http::{HttpClient, HttpSettings};
use sealift_core::tuf_repository::HttpRepository;
use sealift_proof::tuf::{self, Limits, TrustedState};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    metadata_dir: PathBuf,
    #[arg(long)]
    metadata_url: Option<String>,
    #[arg(long)]
    target_name: Vec<String>,
    #[arg(long)]
    target_base_url: Option<String>,
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init { trusted_root: PathBuf },
    Refresh,
    Download,
}

fn main() {
    if let Err(error) = run(&Arguments::parse()) {
        let mut cause = Some(error.as_ref() as &dyn Error);
        while let Some(error) = cause {
            eprintln!("{error}");
            cause = error.source();
        }
        std::process::exit(1);
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    match &arguments.command {
        Command::Init { trusted_root } => {
            fs::copy(trusted_root, arguments.metadata_dir.join("root.json"))?;
            Ok(())
        }
        Command::Refresh => download(arguments, &[]),
        Command::Download => download(arguments, &arguments.target_name),
    }
}

/// Refreshes the metadata and then downloads these targets.
fn download(arguments: &Arguments, names: &[String]) -> Outcome<()> {
    let metadata_url = arguments.metadata_url.as_deref().ok_or("--metadata-url is needed")?.parse()?;
    let targets_url = arguments.target_base_url.as_deref().map(str::parse).transpose()?;
    let client = HttpClient::new(HttpSettings::default())?;
    let mut source = HttpRepository::new(client, &metadata_url, targets_url.as_ref().unwrap_or(&metadata_url));
    let (pinned, mut state) = load(&arguments.metadata_dir)?;
    let updated = tuf::advance(&pinned, &mut state, &mut source, Timestamp::now(), &Limits::default());
    save(&arguments.metadata_dir, &state)?;
    let mut repository = updated?;
    for name in names {
        let found = repository.resolve(&mut source, name);
        save(&arguments.metadata_dir, repository.state())?;
        let target = found?.ok_or_else(|| format!("the repository has no target {name:?}"))?;
        let folder = arguments.target_dir.as_deref().ok_or("--target-dir is needed")?;
        let place = folder.join(encoded(name));
        if fs::read(&place).is_ok_and(|bytes| target.check(&bytes).is_ok()) {
            continue;
        }
        fs::write(place, target.fetch(&mut source, repository.has_consistent_snapshots())?)?;
    }
    Ok(())
}

/// A name as one path segment.
fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

fn load(folder: &Path) -> Outcome<(Vec<u8>, TrustedState)> {
    let pinned = fs::read(folder.join("root.json"))?;
    let mut metadata = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a file name is not UTF-8")?;
        metadata.insert(percent_decode_str(name).decode_utf8()?.into_owned(), fs::read(&path)?);
    }
    Ok((pinned, TrustedState { metadata, last_export: None }))
}

fn save(folder: &Path, state: &TrustedState) -> Outcome<()> {
    for (name, bytes) in &state.metadata {
        fs::write(folder.join(format!("{}.json", encoded(name))), bytes)?;
    }
    for forgotten in ["timestamp", "snapshot"].iter().filter(|name| !state.metadata.contains_key(**name)) {
        let _ = fs::remove_file(folder.join(format!("{forgotten}.json")));
    }
    Ok(())
}
