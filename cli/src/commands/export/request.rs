//! From what is wanted to the one request that the core plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealift_archive_format::FileName;
use sealift_core::export::{Dependencies, ExportRequest, ItemOrigin, ItemRequest};
use sealift_core::measured_file::MeasuredFile;
use sealift_core::oci::{ForeignLayers, Platforms, ReferrerKind};
use sealift_core::plain_file::{FileSource, TargetFile};
use sealift_core::progress::Progress;
use sealift_core::trust::{self, LookedUpFile};
use sealift_core::trust_store::{RepositoryName, Trust};

use super::repositories::{LiveRepository, carriers, not_pinned};
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::options::place::NamedFile;
use crate::options::source::OpenedSources;
use crate::options::wanted::WantedArguments;

/// The files that are named: their content is in files of this machine, or among the targets of the repositories that list them.
pub(super) fn files(
    wanted: &WantedArguments,
    trust: &Trust,
    repositories: &mut BTreeMap<RepositoryName, LiveRepository>,
    progress: &dyn Progress,
    context: &Context,
) -> Result<Vec<ItemRequest>, Failure> {
    let listed: Vec<FileName> =
        wanted.file.iter().filter(|file| file.path.is_none()).map(|file| file.name.clone()).collect();
    progress.begin("looking files up", None);
    let found = trust::look_up(&listed, trust, carriers(repositories), context.now());
    progress.finish();
    let mut found = found.attempt(|| "cannot export".to_owned())?.into_iter();
    let mut items = Vec::new();
    for NamedFile { name, path } in &wanted.file {
        let attempt = || format!("cannot export file {}", name.path());
        let source = match (path, path.as_ref().map_or_else(|| found.next(), |_| None)) {
            (Some(path), _) => {
                let failed = |source| Reason::File { path: path.clone(), source };
                FileSource::Local(MeasuredFile::measure(path, progress).map_err(failed).attempt(attempt)?)
            }
            (None, Some(LookedUpFile { target, repository, has_consistent_snapshots })) => {
                let files = repositories.get(&repository).and_then(|live| live.files.clone());
                let files = files.ok_or_else(|| not_pinned(repository, trust)).attempt(attempt)?;
                let file = TargetFile::find(&target, has_consistent_snapshots, &files, progress);
                FileSource::Target(file.attempt(attempt)?)
            }
            (None, None) => continue,
        };
        items.push(ItemRequest { name: name.to_string(), origin: ItemOrigin::File(Arc::new(source)) });
    }
    Ok(items)
}

pub(super) fn request(
    wanted: &WantedArguments,
    opened: &mut OpenedSources<'_>,
    files: Vec<ItemRequest>,
) -> Result<ExportRequest, Failure> {
    let mut items = Vec::new();
    for named in &wanted.bundle {
        items.push(ItemRequest {
            name: named.name.clone(),
            origin: opened.bundle(named, wanted.images_from.as_deref())?,
        });
    }
    for named in &wanted.thick_bundle {
        items.push(ItemRequest { name: named.name.clone(), origin: opened.thick_bundle(named)? });
    }
    for named in &wanted.image {
        items.push(ItemRequest { name: named.name.clone(), origin: opened.image(named)? });
    }
    items.extend(files);
    let platforms = match wanted.platform.as_slice() {
        [] => Platforms::All,
        chosen => Platforms::Only(chosen.to_vec()),
    };
    let dependencies = match wanted.with_dependencies {
        true => Some(Dependencies(opened.registries(|| "cannot carry what bundles need".to_owned())?)),
        false => None,
    };
    let referrers = wanted.referrers.as_ref().map_or_else(ReferrerKind::usual, |referrers| referrers.0.clone());
    let foreign_layers = wanted.foreign_layers.map_or(ForeignLayers::Carry, ForeignLayers::from);
    Ok(ExportRequest { items, platforms, referrers, foreign_layers, dependencies })
}
