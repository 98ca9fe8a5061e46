//! `sealift trust pin-collections`: the roots of several collections of Notary at once, each with its line in the map.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use sealift_core::trust_store::{NamePattern, RepositoryName, TrustStoreError, Update};
use sealift_proof::tuf::dialect::{FingerprintError, PinnedBy, RootFingerprint, check_pin};
use sealift_proof::tuf::{Dialect, Gun, TrustAnchor};

use super::MAXIMUM_LENGTH;
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::input::read_file;

/// Which roots to pin.
#[derive(Debug, Args)]
pub(crate) struct PinCollectionsArguments {
    /// The folder that has the root of each collection as GUN/root.json or, as clients keep it, GUN/metadata/root.json
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// The names of the collections in Docker Content Trust, such as example.com/acme/web; without --ca, each with the SHA-256 of the
    /// certificate that signed its root, or the key id that notary shows, or several if its root needs several signatures
    #[arg(value_name = "GUN[=HEX[,HEX…]]", required = true)]
    collections: Vec<NamedCollection>,

    /// The certificate, in PEM, of the authority that made the root certificates
    #[arg(long, value_name = "CA.PEM")]
    ca: Option<PathBuf>,
}

/// A collection, and what a person knows of its root.
#[derive(Debug, Clone)]
struct NamedCollection {
    gun: Gun,
    certificates: Vec<RootFingerprint>,
}

impl FromStr for NamedCollection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (gun, certificates) = text.split_once('=').map_or((text, None), |(gun, rest)| (gun, Some(rest)));
        let certificates = certificates.into_iter().flat_map(|list| list.split(',')).map(str::parse);
        let certificates = certificates.collect::<Result<_, FingerprintError>>().map_err(|error| error.to_string())?;
        Ok(Self { gun: gun.parse::<Gun>().map_err(|error| error.to_string())?, certificates })
    }
}

/// A collection whose root has been vouched for.
struct Collection {
    name: RepositoryName,
    pattern: NamePattern,
    root: Vec<u8>,
    dialect: Dialect,
}

/// Pins the roots. All of them are looked at before the first is pinned.
pub(super) fn pin(arguments: &PinCollectionsArguments, context: &Context) -> Result<(), Failure> {
    let PinCollectionsArguments { folder, collections, ca } = arguments;
    let attempt = || "cannot pin the collections".to_owned();
    let authority = ca.as_ref().map(|ca| read_file(ca, FilePurpose::Trust, MAXIMUM_LENGTH)).transpose();
    let authority = authority.attempt(attempt)?;
    let collections = collections.iter().map(|NamedCollection { gun, certificates }| {
        let pinned_by = match (&authority, certificates.as_slice()) {
            (Some(authority), []) => PinnedBy::Authority(authority.clone()),
            (None, [_, ..]) => PinnedBy::Certificates(certificates.clone()),
            (Some(_), [_, ..]) | (None, []) => {
                let why = format!("{} needs either --ca or, behind =, the SHA-256 of its certificate", gun.as_str());
                return Err(Reason::CommandLine(why)).attempt(attempt);
            }
        };
        let path = folder_of(folder, gun).join("root.json");
        let attempt = || format!("cannot pin {} as the root of {}", path.display(), gun.as_str());
        let root = read_file(&path, FilePurpose::Trust, MAXIMUM_LENGTH).attempt(attempt)?;
        check_pin(gun, &root, &pinned_by, context.now())
            .map_err(|source| TrustStoreError::NotVouchedFor { source })
            .attempt(attempt)?;
        let name = gun.as_str().replace(['/', ':'], "-").parse().attempt(attempt)?;
        let pattern = NamePattern::new(gun.as_str()).map_err(|error| Reason::CommandLine(error.to_string()));
        Ok(Collection { name, pattern: pattern.attempt(attempt)?, root, dialect: Dialect::Notary(gun.clone()) })
    });
    let collections: Vec<Collection> = collections.collect::<Result<_, Failure>>()?;
    let names: BTreeSet<&RepositoryName> = collections.iter().map(|collection| &collection.name).collect();
    if names.len() < collections.len() {
        let why = "two of these collections would have the same name here: pin one of them with pin-root";
        return Err(Reason::CommandLine(why.to_owned())).attempt(attempt);
    }
    let store = context.trust_store()?;
    let update = store.begin().attempt(attempt)?;
    let known: BTreeSet<RepositoryName> = store.repositories().attempt(attempt)?.into_iter().collect();
    // Where a root cannot be pinned because another one has its name, nothing has been changed.
    let (there, new): (Vec<_>, Vec<_>) = collections.iter().partition(|collection| known.contains(&collection.name));
    there.iter().try_for_each(|collection| pin_one(&update, collection)).attempt(attempt)?;
    // A map begins before a second root is pinned, so that the only repository that was there keeps what it speaks for.
    for Collection { name, pattern, .. } in &collections {
        update.add_mapping(pattern, std::slice::from_ref(name)).attempt(attempt)?;
    }
    new.iter().try_for_each(|collection| pin_one(&update, collection)).attempt(attempt)?;
    let pinned = collections.iter().map(|Collection { name, pattern, dialect, .. }| {
        format!("Pinned the root of {name}, {dialect}; it speaks for {}.", pattern.as_str())
    });
    context.done("pin-collections", pinned.collect())
}

fn pin_one(update: &Update, Collection { name, root, dialect, .. }: &Collection) -> Result<(), TrustStoreError> {
    update.pin_root(name, TrustAnchor { root, dialect }, None).map(drop)
}

/// The folder of a collection's files, in one of many collections: as a server names them, or as a client keeps them.
pub(crate) fn folder_of(folder: &Path, gun: &Gun) -> PathBuf {
    let own = folder.join(gun.as_str());
    let kept = own.join("metadata");
    if kept.is_dir() { kept } else { own }
}
