//! Serving: the archives one after the other into a catalogue, and then the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use sealift_archive_format::PositionedInput;
use sealift_core::http::PemFile;
use sealift_core::import::ImportError;
use sealift_core::report::{AbsentSeen, Report};
use sealift_core::transfer::Workers;
use sealift_core::trust_store::RepositoryName;
use sealift_core::verify::{Judged, Selection, Transport};
use sealift_serve::{ArchiveServer, Gathering, ServeError, ServedArchive, ServerLimits, ServingTerms, TlsIdentity};
use serde::Serialize;

use super::ServeArguments;
use super::access_lines::AccessLines;
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, FilePurpose, NetworkError, Reason};
use crate::files::archive::{ArchiveArgument, ArchiveInput, InputSource};
use crate::files::input::read_file;
use crate::interruption;
use crate::terminal;
use crate::terminal::tags::{DeliveryReport, TagsOf};
use crate::terminal::text::{Text, json_line};
use crate::terminal::{report, tags};

/// The longest file of certificates, or of a key, in bytes.
const MAXIMUM_PEM: u64 = 1 << 20;

/// What is served, as `--json` shows it: one line, before the lines of requests.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServingReport<'a> {
    event: &'static str,
    url: String,
    archives: Vec<DeliveryReport<'a>>,
    /// From the name of each image to where it is.
    relocation: BTreeMap<&'a str, &'a str>,
    tuf_mirrors: Vec<ServedMirrorUrl<'a>>,
}

/// Where a TUF repository is served.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServedMirrorUrl<'a> {
    repository: &'a RepositoryName,
    url: String,
}

/// Verifies the archives, and serves them until the command is interrupted.
pub(crate) fn run(arguments: &ServeArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot serve at {}", arguments.listen);
    let trust = context.trust_store()?.load().attempt(attempt)?;
    trust.policy.require_as_strict(arguments.verdict.clock).attempt(attempt)?;
    // That there can be a server is known before the archives are verified, which may take long.
    let bound = ArchiveServer::bind(arguments.listen, arguments.identity()?, ServerLimits::default());
    let server = bound.map_err(NetworkError::from).attempt(attempt)?;
    let inputs = arguments.archives.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let kept = inputs.iter().map(kept_open).collect::<Result<Vec<_>, _>>().attempt(attempt)?;
    let domain = called(server.address());
    let (naming, limits) = (arguments.names.read()?, trust.policy.limits.tuf());
    let terms = ServingTerms { domain: domain.clone(), naming, limits };
    let mut judged = Vec::new();
    let mut sources = Vec::new();
    for (path, ArchiveInput { reader, source }) in arguments.archives.iter().zip(inputs) {
        let head = arguments.verdict.judge(reader, &trust, context, || refused(path));
        judged.push(head.map_err(|failure| failure.about(Some(path)))?);
        sources.push(source);
    }
    let selections = arguments.selection.selection().shared_out(&judged).map_err(ImportError::from);
    let selections = selections.map_err(ServeError::from).map_err(NetworkError::from).attempt(attempt)?;
    let mut gathering = Gathering::new(terms);
    let mut served = Vec::new();
    for ((path, judged), (selection, (source, file))) in
        arguments.archives.iter().zip(judged).zip(selections.into_iter().zip(sources.iter().zip(&kept)))
    {
        let added = add(judged, (path, &**file), selection, source, &mut gathering, context);
        served.push(added.map_err(|failure| failure.about(Some(path)))?);
    }
    let progress = context.progress();
    let catalogue = gathering.complete(&*progress).map_err(NetworkError::from).attempt(attempt)?;
    let stopper = server.stopper().map_err(Reason::Listening).attempt(attempt)?;
    interruption::stops(move || stopper.stop());
    tell(&served, &server, &domain, context)?;
    let log = AccessLines::begin(context).map_err(Reason::Listening).attempt(attempt)?;
    let outcome = server.run(&catalogue, &log);
    log.end();
    outcome.map_err(Reason::Listening).attempt(attempt)
}

impl ServeArguments {
    /// The certificate and its key, if there are any.
    fn identity(&self) -> Result<Option<TlsIdentity>, Failure> {
        let (Some(certificates), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let attempt = || "cannot serve with TLS".to_owned();
        let read = |path: &Path, purpose| read_file(path, purpose, MAXIMUM_PEM).map(|bytes| PemFile::new(path, bytes));
        let certificates = read(certificates, FilePurpose::Setting).attempt(attempt)?;
        let key = read(key, FilePurpose::Key).attempt(attempt)?;
        let identity = TlsIdentity::read(&certificates, &key);
        identity.map(Some).map_err(NetworkError::from).attempt(attempt)
    }
}

fn refused(path: &Path) -> String {
    format!("{} is refused", path.display())
}

/// Verifies an archive, and adds what is chosen of it to the others.
fn add<'f>(
    judged: Judged<Box<dyn Read>>,
    (path, file): (&Path, &'f dyn PositionedInput),
    selection: Selection,
    source: &InputSource,
    gathering: &mut Gathering<'f>,
    context: &Context,
) -> Result<ServedArchive, Failure> {
    let progress = context.progress();
    progress.begin("verifying", Some(judged.remaining_bytes()));
    let transport = Transport { workers: Workers::cores(), file: source.positioned(), progress: &*progress };
    let added = gathering.add(judged, (&path.display().to_string(), file), selection, &transport);
    progress.finish();
    let added = added.map_err(NetworkError::from).attempt(|| refused(path))?;
    let warnings = source.warnings();
    if !warnings.is_empty() {
        terminal::tell(&report::warnings(&warnings));
    }
    Ok(added)
}

/// Opens an archive. What is not a file cannot be read by position.
fn open(path: &Path) -> Result<ArchiveInput, Failure> {
    let archive = ArchiveArgument::named(path);
    let input = if archive.path().is_some() { Some(archive.open_files()?) } else { None };
    let not_a_file = || Reason::CommandLine("an archive is served from files, and not from a pipe".to_owned());
    input
        .filter(|input| !matches!(input.source, InputSource::Stream))
        .ok_or_else(not_a_file)
        .attempt(|| format!("cannot serve {}", archive.name()))
}

/// The same open files once more: they are never opened by their paths again.
fn kept_open(input: &ArchiveInput) -> Result<Box<dyn PositionedInput>, Reason> {
    let kept = input.source.kept_open().map_err(Reason::Listening)?;
    kept.ok_or_else(|| Reason::Listening(io::ErrorKind::InvalidInput.into()))
}

/// What clients on this machine call the registry.
fn called(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => format!("localhost:{}", address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("localhost:{}", address.port()),
        IpAddr::V4(_) | IpAddr::V6(_) => address.to_string(),
    }
}

/// Says what is served, where, and how to get it.
fn tell(served: &[ServedArchive], server: &ArchiveServer, domain: &str, context: &Context) -> Result<(), Failure> {
    let url = format!("{}://{domain}", if server.has_tls() { "https" } else { "http" });
    let mut reports: Vec<Report> = served.iter().map(|it| it.extracted.verified().report()).collect();
    reports.iter_mut().for_each(|report| report.saw(AbsentSeen::OtherArchives));
    let repositories: BTreeSet<&RepositoryName> = served.iter().flat_map(|it| &it.mirrors).collect();
    let of = |repository| ServedMirrorUrl { repository, url: format!("{url}/tuf/{repository}/") };
    let tuf_mirrors: Vec<ServedMirrorUrl<'_>> = repositories.into_iter().map(of).collect();
    if context.is_json() {
        let archives = served.iter().zip(&reports).map(|(ServedArchive { extracted, .. }, report)| {
            DeliveryReport::new(report, &extracted.tags, &extracted.attached, &extracted.left_behind)
        });
        let archives = archives.collect();
        let relocation = served.iter().flat_map(|it| it.extracted.relocation.iter()).collect();
        let serving = ServingReport { event: "serving", url, archives, relocation, tuf_mirrors };
        let failed = |error| Reason::StandardOutput(io::Error::other(error));
        let line = serde_json::to_value(&serving).map_err(failed).attempt(|| "cannot say what is served".to_owned())?;
        return context.print(json_line(&line));
    }
    let mut text = Text::default();
    for (ServedArchive { extracted, .. }, report) in served.iter().zip(&reports) {
        match context.is_quiet() {
            true => text.line(report::one_line(report)),
            false => {
                text.join(report::summary(report));
                text.join(tags::lines(&extracted.tags, &extracted.attached, TagsOf::NewPlace));
            }
        }
    }
    for ServedMirrorUrl { repository, url } in &tuf_mirrors {
        text.line(format_args!("TUF repository {repository}: {url}"));
    }
    text.line(format_args!("Listening on {url}; {}", example(served, server.has_tls())));
    context.print(text)
}

/// How the first image is pulled: by its own name, or, where it is in a bundle, by its digest.
fn example(served: &[ServedArchive], has_tls: bool) -> String {
    let option = if has_tls { "" } else { "--tls-verify=false " };
    let place = |it: &ServedArchive| it.extracted.relocation.iter().next().map(|(_, place)| place.to_owned());
    match (served.iter().find_map(place), served.iter().find_map(|it| it.extracted.tags.first())) {
        (Some(image), _) => format!("for example: podman pull {option}{image}"),
        (None, Some(file)) => format!("for example: skopeo inspect {option}docker://{}", file.reference),
        (None, None) => "nothing has a name".to_owned(),
    }
}
