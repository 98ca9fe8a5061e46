//! The TUF repositories and the collections of Notary that something is proven with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sealift_archive_format::inventory::ItemRecord;
use sealift_core::export::{Plan, PrepareError};
use sealift_core::oci::Reference;
use sealift_core::transfer::Source;
use sealift_core::trust::Carrier;
use sealift_core::trust_store::{RepositoryName, Trust};
use sealift_core::tuf_repository::{NotaryRepository, RepositoryFolder, TargetFiles};
use sealift_proof::tuf::provider::CarriedTargets;
use sealift_proof::tuf::{Dialect, Gun, MetadataProvider, TargetProvider};

use crate::commands::trust::folder_of;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::options::network::{MirrorArguments, NetworkArguments, Web};
use crate::options::place::{Location, NotaryPlace, TufPlace};
use crate::options::wanted::WantedArguments;

/// How servers are reached.
pub(crate) struct Servers<'a> {
    /// Web servers.
    pub(crate) web: &'a Web,
    /// With which settings.
    pub(crate) network: &'a NetworkArguments,
    /// Where registries are mirrored.
    pub(crate) mirrors: &'a MirrorArguments,
}

impl Servers<'_> {
    /// Registries; `None` where there is no network.
    pub(super) fn registry_source(&self, wanted: &WantedArguments) -> Result<Option<Arc<dyn Source>>, Failure> {
        self.network.registry_source(self.mirrors, wanted.https_only())
    }
}

/// A live repository: its metadata and its target files.
pub(crate) struct LiveRepository {
    metadata: Box<dyn MetadataProvider>,
    targets: Box<dyn TargetProvider>,
    /// The same files as streams. Notary has none.
    pub(super) files: Option<Arc<dyn TargetFiles>>,
}

pub(crate) fn carriers(
    repositories: &mut BTreeMap<RepositoryName, LiveRepository>,
) -> BTreeMap<RepositoryName, Carrier<'_>> {
    let mut carriers = BTreeMap::new();
    for (name, LiveRepository { metadata, targets, .. }) in repositories {
        carriers.insert(name.clone(), Carrier { metadata: &mut **metadata, targets: &mut **targets });
    }
    carriers
}

/// The repositories that are named. Each is read in the dialect with which its root was pinned.
pub(super) fn live_repositories(
    wanted: &WantedArguments,
    trust: &Trust,
    servers: &Servers<'_>,
) -> Result<BTreeMap<RepositoryName, LiveRepository>, Failure> {
    let mut repositories = BTreeMap::new();
    for place @ TufPlace { repository, metadata, targets } in &wanted.tuf {
        let attempt = || format!("cannot use the TUF repository {repository}");
        let name: RepositoryName = repository.parse().attempt(attempt)?;
        match trust.repositories.get(&name).map(|pinned| &pinned.root.dialect) {
            // A missing root is reported later, when everything that needs one is known.
            None | Some(Dialect::Tuf) => {}
            Some(other @ Dialect::Notary(_)) => {
                return Err(Reason::OtherDialect { repository: repository.clone(), dialect: other.clone() })
                    .attempt(attempt);
            }
        }
        let metadata: Box<dyn MetadataProvider> = match metadata {
            Location::Web(location) => Box::new(servers.web.repository(location)),
            Location::Folder(folder) if folder.is_dir() => Box::new(RepositoryFolder::new(folder, folder)),
            Location::Folder(folder) => {
                let meant = place.meant();
                return Err(Reason::NoTufFolder { repository: repository.clone(), metadata: folder.clone(), meant })
                    .attempt(attempt);
            }
        };
        // A repository need not have target files of its own.
        let (targets, files): (Box<dyn TargetProvider>, Arc<dyn TargetFiles>) = match targets {
            Location::Web(location) => {
                (Box::new(servers.web.repository(location)), Arc::new(servers.web.repository(location)))
            }
            Location::Folder(folder) => {
                let repository = RepositoryFolder::new(folder, folder);
                (Box::new(repository.clone()), Arc::new(repository))
            }
        };
        let live = LiveRepository { metadata, targets, files: Some(files) };
        if repositories.insert(name, live).is_some() {
            return Err(Reason::TufTwice).attempt(attempt);
        }
    }
    for NotaryPlace { repository, files } in &wanted.notary {
        let Some(repository) = repository else { continue };
        let attempt = || format!("cannot use the collection {repository}");
        let name: RepositoryName = repository.parse().attempt(attempt)?;
        let pinned = trust.repositories.get(&name);
        let pinned = pinned.ok_or_else(|| not_pinned(name.clone(), trust)).attempt(attempt)?;
        let Dialect::Notary(gun) = &pinned.root.dialect else {
            return Err(Reason::OtherDialect { repository: repository.clone(), dialect: pinned.root.dialect.clone() })
                .attempt(attempt);
        };
        let collection = collection(servers, files, (&name, gun))?;
        if repositories.insert(name, collection).is_some() {
            return Err(Reason::TufTwice).attempt(attempt);
        }
    }
    Ok(repositories)
}

pub(super) fn not_pinned(name: RepositoryName, trust: &Trust) -> PrepareError {
    PrepareError::NotPinned { meant: trust.meant(&name), name }
}

/// Adds the collections of Notary that something exported belongs to, where a place was named for all of them.
pub(super) fn add_needed_collections(
    repositories: &mut BTreeMap<RepositoryName, LiveRepository>,
    plan: &Plan,
    wanted: &WantedArguments,
    trust: &Trust,
    servers: &Servers<'_>,
) -> Result<(), Failure> {
    let exported = exported_repositories(plan);
    for NotaryPlace { files, .. } in wanted.notary.iter().filter(|place| place.repository.is_none()) {
        let mut has_any = false;
        for (name, pinned) in &trust.repositories {
            let Dialect::Notary(gun) = &pinned.root.dialect else { continue };
            if !exported.contains(gun.as_str()) {
                continue;
            }
            has_any = true;
            if repositories.contains_key(name) {
                continue;
            }
            let files = match files {
                Location::Folder(folder) => &Location::Folder(folder_of(folder, gun)),
                Location::Web(_) => files,
            };
            repositories.insert(name.clone(), collection(servers, files, (name, gun))?);
        }
        if !has_any {
            let why = "no collection of Notary that is pinned here has the name of anything that is exported";
            return Err(Reason::CommandLine(why.to_owned())).attempt(|| "cannot use --notary".to_owned());
        }
    }
    Ok(())
}

/// The files of a collection of Notary.
fn collection(
    servers: &Servers<'_>,
    files: &Location,
    (name, gun): (&RepositoryName, &Gun),
) -> Result<LiveRepository, Failure> {
    let metadata = match files {
        Location::Web(location) => servers.network.notary(servers.web, location, gun)?,
        Location::Folder(folder) if folder.is_dir() => NotaryRepository::in_folder(folder),
        Location::Folder(folder) => {
            return Err(Reason::NoNotaryFolder { repository: name.to_string(), folder: folder.clone() })
                .attempt(|| format!("cannot use the collection {name}"));
        }
    };
    // The content that its targets describe is in registries.
    let targets = Box::new(CarriedTargets::default());
    Ok(LiveRepository { metadata: Box::new(metadata), targets, files: None })
}

/// The repositories that the names of what is exported are in, parts of bundles too.
fn exported_repositories(plan: &Plan) -> BTreeSet<String> {
    let parts = plan.items.iter().flat_map(ItemRecord::images).map(|image| image.reference.as_str());
    let names = plan.items.iter().map(ItemRecord::reference).chain(parts);
    names.filter_map(|name| Some(name.parse::<Reference>().ok()?.repository().to_string())).collect()
}
