//! `sealift import`: verify, then deliver to a registry, a layout, or a file for another tool.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgGroup, Args, ValueEnum};
use sealift_archive_format::Digest;
use sealift_core::cnab::RelocationMapping;
use sealift_core::delivery_file::DeliveryFile;
use sealift_core::import::{
    self, Delivered, DeliveryWishes, Destination, Naming, PublishedMirror, ReplacedTag, Sparse, TargetProof,
};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::mirror_config::{self, ConfigFile, Relocated};
use sealift_core::receipt;
use sealift_core::report::{Warning, WarningReport};
use sealift_core::transfer::Source;
use sealift_core::trust_store::{RepositoryName, TrustStore};
use sealift_core::verify::{Judged, SelectedName, Selection, Transport};
use sealift_core::whole_file;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason, in_one_line};
use crate::files::archive::ArchiveArgument;
use crate::files::output::replace;
use crate::files::results::{MAPPING_FILE, REPORT_FILE, ResultsFolder};
use crate::interruption;
use crate::options::connections::ConnectionArguments;
use crate::options::naming::NamingArguments;
use crate::options::network::{self, NetworkArguments};
use crate::options::receipt::{ImportReceiptArguments, Site, WrittenReceipt};
use crate::options::registry_name::{self, RegistryName};
use crate::options::selection::SelectionArguments;
use crate::options::target::{FileTarget, IN_ORDER, NEW_FILES, OpenedTarget};
use crate::options::verdict::VerdictArguments;
use crate::terminal::shell::quoted_path;
use crate::terminal::tags::TagsOf;
use crate::terminal::text::Text;
use crate::terminal::{report, tags};

/// What to import, and where to.
#[derive(Debug, Args)]
#[command(
    mut_arg("connections", |argument| argument.conflicts_with_all(IN_ORDER)),
    mut_arg("names", |argument| argument.conflicts_with("FileTarget")),
    group = ArgGroup::new("where_to").args(["to_registry", "to_layout", "to_files"]).args(NEW_FILES).required(true),
    after_long_help = "Examples:\n  sealift import shop.sealift --to-registry registry.internal:5000/mirror\n  sealift import shop.sealift --to-registry registry.internal:5000 --names flat\n  sealift import shop.sealift --to-layout /srv/images\n  sealift import --from-drive /media/cdrom --to-layout /srv/images\n  sealift import shop.sealift --to-thick-bundle shop-1.4.tgz\n  sealift import app.sealift --to-docker-archive app.tar\n  sealift import wheel.sealift --to-files /srv/files\n\nA thick bundle is for porter publish --archive; a docker-archive is for docker load, podman load and ctr images import. A folder of files takes plain files alone.\n\nNothing is written until every check that trust depends on has passed. Blobs go first, then manifests, then tags; after that, the trusted state advances. A tag that was set here before does not move to another name or a lower level unless --replace-tag names it. Running it again does not repeat what is already done."
)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    archive: ArchiveArgument,

    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    selection: SelectionArguments,

    #[command(flatten)]
    names: NamingArguments,

    /// Let this tag, named as it is delivered, or this file (file:/NAME) move to another name or to a lower level; may be given more than
    /// once
    ///
    /// By default, a tag that was set here moves only to something with the same name that is proven at least as well. A tag of cosign's
    /// (sha256-….sig) moves only if it is named here: it may hold signatures that were made on this side. With --to-files, neither does a file
    /// that has other content, and was not delivered here.
    #[arg(long, value_name = "TAG", conflicts_with_all = NEW_FILES, help_heading = "Where to")]
    replace_tag: Vec<SelectedName>,

    /// What to do with the index of an image of which some platforms were left behind: refuse, keep or rebuild
    ///
    /// By default it is delivered as it is; if the registry refuses it because platforms are missing, each platform that is there is
    /// delivered under its own digest, and the tag is set on it, or, where there are several, on a new index that is made here.
    /// keep: deliver the index as it is, or fail. rebuild: do not try to. refuse: deliver nothing.
    #[arg(long, value_name = "HOW", hide_possible_values = true, help_heading = "Where to")]
    sparse: Option<SparseArgument>,

    /// The folder to write relocation-mapping.json and report.json to
    ///
    /// Default: a folder for this import, named after its time, in the current folder: for shop.sealift, wherever it lies,
    /// shop.imported/2026-11-25T131528Z, and shop.imported/latest leads to it; archive.imported for what comes through a pipe. It is made
    /// before anything is delivered.
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    results: Option<PathBuf>,

    /// Also write what a cluster needs to find the images under the names that they had: hosts.toml for containerd, registries.conf
    /// for podman and CRI-O, and mirror sets for OpenShift
    #[arg(long, value_name = "DIR", conflicts_with = "FileTarget", help_heading = "Results")]
    mirror_config: Option<PathBuf>,

    /// Also publish the TUF metadata and targets as repositories below this folder, for TUF clients on this side
    ///
    /// Only what was verified is published: the roles that the archive needed, or all of them if it was exported with
    /// --whole-metadata.
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    tuf_mirror: Option<PathBuf>,

    /// Also state the SHA-256 of the archive's file in the report, which ties the report to that file
    ///
    /// The file, which must be a regular one, is read once more for it. The digest of the statement, which every report states, ties it to what is in the file.
    #[arg(long, help_heading = "Results")]
    sha256: bool,

    /// Believe the registry that it holds what a delta leaves out, without reading it back
    #[arg(long, help_heading = "Proof")]
    trust_target: bool,

    #[command(flatten)]
    receipt: ImportReceiptArguments,

    #[command(flatten)]
    verdict: VerdictArguments,

    #[command(flatten)]
    connections: ConnectionArguments,

    #[command(flatten)]
    network: NetworkArguments,
}

impl ImportArguments {
    /// The file of the archive, if it is one.
    pub(crate) fn archive(&self) -> Option<&Path> {
        self.archive.path()
    }

    /// Writes a receipt of what was delivered, and of what was there before, if that is asked for.
    fn write_receipt(
        &self,
        site: &Site,
        delivered: &Delivered,
        destination: &Destination,
        store: &TrustStore,
        context: &Context,
    ) -> Result<WrittenReceipt, Failure> {
        let attempt = || format!("{} was imported, but its receipt was not written", self.archive.name());
        let place = destination.remembered().unwrap_or_default();
        if self.receipt.receipt_brief {
            return site.write_brief(store, &place, context.now());
        }
        let mut held = delivered.layers.clone();
        if self.receipt.inventory {
            let source: Arc<dyn Source> = match &self.target.file.to_layout {
                Some(folder) => Arc::new(LayoutSource::open(folder).attempt(attempt)?),
                None => {
                    let registry = self.target.to_registry.as_ref();
                    self.network.asked_registry(registry.and_then(|it| it.https_only.as_ref()))?
                }
            };
            let deliveries = store.deliveries().attempt(attempt)?;
            held.join(receipt::survey(&place, &deliveries, &*source).attempt(attempt)?);
        }
        site.write(store, &place, held, context.now())
    }
}

/// What to do with indexes of which platforms were left behind.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SparseArgument {
    Refuse,
    Keep,
    Rebuild,
}

impl From<SparseArgument> for Sparse {
    fn from(sparse: SparseArgument) -> Self {
        match sparse {
            SparseArgument::Refuse => Self::Refuse,
            SparseArgument::Keep => Self::Keep,
            SparseArgument::Rebuild => Self::Rebuild,
        }
    }
}

/// Where to deliver to.
#[derive(Debug, Args)]
struct Target {
    /// A registry, with a path to put before every repository
    #[arg(long, value_name = "HOST[/PREFIX]", value_parser = registry_name::target, help_heading = "Where to")]
    to_registry: Option<RegistryName>,

    #[command(flatten)]
    file: FileTarget,
}

impl Target {
    fn open<R: Read>(
        &self,
        naming: Naming,
        network: &NetworkArguments,
        judged: &mut Judged<R>,
        selection: &Selection,
    ) -> Result<OpenedTarget, Failure> {
        if let Some(opened) = self.file.open(judged, selection, LayoutSink::open)? {
            return Ok(opened);
        }
        let (name, https_only) = self.to_registry.as_ref().map_or(("", None), |it| (&*it.name, it.https_only.as_ref()));
        let (domain, prefix) = name.split_once('/').unwrap_or((name, ""));
        let destination = Destination::Registry { domain: domain.to_owned(), prefix: prefix.to_owned(), naming };
        Ok((destination, network.registry_sink(https_only)?))
    }
}

/// What was imported, as `--json` shows it and `report.json` keeps it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportReport<'a> {
    #[serde(flatten)]
    delivery: tags::DeliveryReport<'a>,
    tuf_mirrors: Vec<Mirrored<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a WrittenReceipt>,
}

/// A TUF repository that was published.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mirrored<'a> {
    repository: &'a RepositoryName,
    folder: String,
    every_role: bool,
}

impl<'a> Mirrored<'a> {
    fn of(mirror: &'a PublishedMirror) -> Self {
        let PublishedMirror { repository, folder, left_out } = mirror;
        Self { repository, folder: folder.display().to_string(), every_role: left_out.is_none() }
    }
}

/// Requires that a folder is there and takes files, or can be made.
fn require_folder(folder: &Path) -> Result<(), Reason> {
    let there = folder.ancestors().find(|it| it.symlink_metadata().is_ok());
    let there = there.filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| Reason::DeliveryFolder { path: there.to_owned(), source };
    if !there.is_dir() {
        return Err(failed(std::io::ErrorKind::NotADirectory.into()));
    }
    whole_file::check_folder(there).map_err(failed)
}

/// Verifies, delivers, remembers, and then publishes mirrors: what has been delivered is remembered, whatever happens
/// after it.
pub(crate) fn run(arguments: &ImportArguments, context: &Context) -> Result<(), Failure> {
    let name = arguments.archive.name();
    let attempt = || format!("cannot import {name}");
    let store = context.trust_store()?;
    // That it can be changed is shown before anything moves.
    let trust = store.update_soon().and_then(|update| update.trust()).attempt(attempt)?;
    // Said before the archive is waited for; the delivery asks again.
    trust.policy.require_as_strict(arguments.verdict.clock).attempt(attempt)?;
    let site = arguments.receipt.read()?;
    if let Some((path, _)) = arguments.target.file.new_file() {
        DeliveryFile::require_new(path).attempt(|| format!("cannot make {}", path.display()))?;
    }
    for folder in arguments.mirror_config.iter().chain(&arguments.tuf_mirror) {
        require_folder(folder).attempt(|| format!("cannot write to {}", folder.display()))?;
    }
    let (input, sha256) = arguments.archive.open_and_hash_if(arguments.sha256, context)?;
    let stem = arguments.archive.stem(&input).to_owned();
    let mut judged = arguments.verdict.judge(input.reader, &trust, context, attempt)?;
    let results = ResultsFolder::make(arguments.results.as_deref(), &stem, context.now())
        .attempt(|| format!("cannot import {name}: there is no place for its results"))?;
    let told = match arguments.target.file.new_file() {
        Some(_) => "no file was made; run the same command again",
        None => "run the same command again; what has arrived already is not sent again",
    };
    let unused = results.made().clone();
    interruption::leaves(move || {
        unused.remove();
        told.to_owned()
    });
    let naming = arguments.names.read()?;
    let selection = arguments.selection.selection();
    let (destination, sink) = arguments.target.open(naming, &arguments.network, &mut judged, &selection)?;
    let progress = context.progress();
    progress.begin("importing", Some(judged.remaining_bytes()));
    let transport =
        Transport { workers: arguments.connections.workers(), file: input.source.positioned(), progress: &*progress };
    let sparse = arguments.sparse.map_or_else(Sparse::default, Sparse::from);
    let (replace, mirror) = (arguments.replace_tag.as_slice(), arguments.tuf_mirror.as_deref());
    let proof = if arguments.trust_target { TargetProof::Present } else { TargetProof::ReadBack };
    let wishes = DeliveryWishes { selection, replace, sparse, mirror, proof };
    let delivered = import::deliver(judged, &destination, &wishes, &store, &*sink, &transport);
    progress.finish();
    let delivered = delivered.attempt(attempt)?;
    interruption::leaves(|| "everything was delivered, and is remembered; only the results may be missing".to_owned());
    context.remark(tags::left_behind_lines(&delivered.left_behind));
    for ReplacedTag { tag, held } in &delivered.replaced {
        context.remark(format!("Replaced as requested: {tag} held {} at level {}.", held.name, held.level));
    }
    let limits = trust.policy.limits.tuf();
    let mirrors =
        arguments.tuf_mirror.as_ref().map_or(Ok(Vec::new()), |folder| delivered.publish_mirrors(folder, &limits));
    let receipt =
        site.map(|site| arguments.write_receipt(&site, &delivered, &destination, &store, context)).transpose();
    let results = results.kept();
    let finished = finish(
        &delivered,
        (mirrors.as_deref().unwrap_or_default(), receipt.as_ref().ok().and_then(Option::as_ref)),
        &results,
        (sha256, input.source.warnings()),
        &arguments.archive.name(),
        if arguments.target.file.new_file().is_some() { TagsOf::NewPlace } else { TagsOf::Place },
        context,
    );
    if let (Err(_), Err(error)) = (&finished, &mirrors) {
        context.remark(format_args!("The TUF mirror was not written either: {}", in_one_line(error)));
    }
    finished?;
    if let Some(folder) = &arguments.mirror_config {
        write_mirror_config(&delivered, folder, arguments)
            .attempt(|| format!("{name} was imported, but the configuration of mirrors cannot be written"))?;
        let not_found: BTreeSet<String> = delivered.relocated.iter().filter_map(Relocated::not_found).collect();
        for line in not_found {
            context.remark(format_args!("warning: no configuration leads to the signed digest: {line}"));
        }
    }
    mirrors.map(drop).attempt(|| format!("{name} was imported, but its TUF mirror was not written"))?;
    receipt.map(drop)
}

/// Writes the results and shows the report.
fn finish(
    delivered: &Delivered,
    (mirrors, receipt): (&[PublishedMirror], Option<&WrittenReceipt>),
    results: &ResultsFolder,
    (sha256, about_volumes): (Option<Digest>, Vec<WarningReport>),
    name: &str,
    of: TagsOf,
    context: &Context,
) -> Result<(), Failure> {
    let attempt = || format!("{name} was imported, but its results cannot be written");
    let folder = results.folder();
    let mut report = delivered.verified().report();
    report.archive.sha256 = sha256;
    report.warnings.extend(about_volumes);
    report.warnings.extend(network::remarks().into_iter().map(|text| Warning::Source { text }.into()));
    let delivery = tags::DeliveryReport::new(&report, &delivered.tags, &delivered.attached, &delivered.left_behind);
    let tuf_mirrors = mirrors.iter().map(Mirrored::of).collect();
    let import_report = ImportReport { delivery, tuf_mirrors, receipt };
    replace(&folder.join(MAPPING_FILE), &delivered.relocation).attempt(attempt)?;
    let own_mappings = own_mappings(&delivered.bundles, &delivered.relocation);
    results.remove_bundles();
    for (bundle, mapping) in own_mappings {
        replace(&results.of_bundle(bundle).join(MAPPING_FILE), mapping).attempt(attempt)?;
    }
    replace(&folder.join(REPORT_FILE), &import_report).attempt(attempt)?;
    for left in results.point_to() {
        let left = quoted_path(left);
        context.remark(format_args!(
            "{left} was left as it is, and does not lead to these results: it is not a link that an import has made"
        ));
    }
    context.result(&import_report, || {
        let mut text = report::summary(&report);
        text.line("Delivered:");
        text.join(tags::lines(&delivered.tags, &delivered.attached, of));
        text.join(mirrors_text(mirrors));
        if !own_mappings.is_empty() {
            text.line(format_args!("The relocation mapping of each bundle: {}", quoted_path(results.bundles())));
        }
        text.line(format_args!("Relocation mapping and report: {}", quoted_path(folder)));
        receipt.into_iter().flat_map(WrittenReceipt::lines).for_each(|line| text.line(line));
        text
    })
}

/// The bundles that need a mapping of their own: what was delivered is more than exactly one bundle.
fn own_mappings<'b>(
    bundles: &'b [(String, RelocationMapping)],
    all: &RelocationMapping,
) -> &'b [(String, RelocationMapping)] {
    match bundles {
        [(_, only)] if only == all => &[],
        bundles => bundles,
    }
}

/// Writes what a cluster needs to find what was delivered.
fn write_mirror_config(delivered: &Delivered, folder: &Path, arguments: &ImportArguments) -> Result<(), Reason> {
    let registry = arguments.target.to_registry.as_ref();
    let name = registry.map_or("", |registry| &registry.name);
    let domain = name.split_once('/').map_or(name, |(domain, _)| domain);
    let is_https = registry.is_some_and(|registry| registry.https_only.is_some());
    let is_plain_http = !is_https && arguments.network.is_plain_http(domain);
    for ConfigFile { path, content } in mirror_config::files(delivered.relocated.iter().cloned(), is_plain_http) {
        let path = folder.join(path);
        let failed = |source| Reason::File { path: path.clone(), source };
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(failed)?;
        whole_file::replace(&path, content.as_bytes()).map_err(failed)?;
    }
    Ok(())
}

fn mirrors_text(mirrors: &[PublishedMirror]) -> Text {
    let mut text = Text::default();
    if !mirrors.is_empty() {
        text.line("TUF mirrors:");
    }
    for PublishedMirror { repository, folder, left_out } in mirrors {
        let extent = match left_out {
            None => "every role".to_owned(),
            Some(reason) => format!("only the roles that this archive needed, because {reason}"),
        };
        text.line(format_args!("  {repository}  {}  {extent}", folder.display()));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use clap::Parser;

    use super::*;

    #[test]
    fn the_schema_describes_the_mirrors_of_an_import_report() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../docs/schema/report.schema.json")).unwrap();
        let fields = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let repository = "shop".parse().unwrap();
        let mirrored = Mirrored { repository: &repository, folder: String::new(), every_role: true };
        let described = fields(&schema["$defs"]["tufMirror"]["properties"]);
        assert_eq!(fields(&serde_json::to_value(mirrored).unwrap()), described);
        assert_eq!(schema["properties"]["tufMirrors"]["items"]["$ref"], "#/$defs/tufMirror");
    }

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        import: ImportArguments,
    }

    fn parse(arguments: &[&str]) -> Result<ImportArguments, clap::Error> {
        Command::try_parse_from([&["sealift", "shop.sealift"], arguments].concat()).map(|command| command.import)
    }

    #[test]
    fn a_registry_has_names_of_its_own_and_other_places_keep_them() {
        assert!(parse(&["--to-registry", "r.inner", "--names", "flat"]).is_ok());
        assert!(parse(&["--to-layout", "folder"]).is_ok());
        assert!(parse(&["--to-layout", "folder", "--names", "flat"]).is_err(), "a layout keeps names as they are");
        for target in
            NEW_FILES.iter().map(|file| format!("--{}", file.replace('_', "-"))).chain(["--to-layout".to_owned()])
        {
            let refused = parse(&[&target, "there", "--mirror-config", "folder"]);
            assert!(refused.is_err(), "{target}: a cluster does not find images there");
        }
        assert!(parse(&["--to-registry", "r.inner", "--to-layout", "folder"]).is_err());
        assert!(parse(&[]).is_err(), "it goes somewhere");
    }

    #[test]
    fn a_bundle_has_a_mapping_of_its_own_unless_the_mapping_of_everything_is_just_that() {
        let mapping = |names: &[&str]| {
            let mut mapping = RelocationMapping::default();
            names.iter().for_each(|name| mapping.insert(*name, format!("r.inner/{name}")));
            mapping
        };
        let bundles = [("e.x/shop:1".to_owned(), mapping(&["e.x/a:1"]))];
        assert!(own_mappings(&bundles, &mapping(&["e.x/a:1"])).is_empty());
        assert_eq!(own_mappings(&bundles, &mapping(&["e.x/a:1", "e.x/b:1"])), bundles);
        assert!(own_mappings(&[], &mapping(&["e.x/b:1"])).is_empty());
    }

    #[test]
    fn what_would_do_nothing_for_a_new_file_is_refused() {
        let flag = |id: &str| format!("--{}", id.replace('_', "-"));
        for (option, refused) in
            [(["--replace-tag", "r.inner/app:1"], &NEW_FILES[..]), (["--connections", "2"], &IN_ORDER)]
        {
            for target in NEW_FILES {
                let parsed = parse(&[&[flag(target).as_str(), "file"], &option[..]].concat());
                let error = parsed.map(drop).err().map(|error| error.kind());
                let conflict = refused.contains(&target).then_some(clap::error::ErrorKind::ArgumentConflict);
                assert_eq!(error, conflict, "{target} {option:?}");
                parse(&[&flag(target), "file"]).unwrap();
            }
            for target in ["--to-layout", "--to-registry"] {
                parse(&[&[target, "r.inner"], &option[..]].concat()).unwrap();
            }
        }
    }
}
