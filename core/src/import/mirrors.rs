//! Publishing the TUF metadata and targets that were delivered, for the TUF clients on this side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::FileRecord;
use sealift_proof::tuf::publication::{PublishableMetadata, PublishedState, verified_metadata};
use sealift_proof::tuf::{Limits, Measured, TufError};

use super::{Delivered, Extracted};
use crate::trust::{CarriedRepository, RepositoryEvidence};
use crate::trust_store::RepositoryName;
use crate::tuf_repository::mirror::{Mirror, MirrorError, TIMESTAMP};
use crate::verify::{Closed, Verified};

impl Delivered {
    /// Publishes what the archive carried of each repository that spoke, in a folder of its name, as a TUF repository
    /// that any client can use. `limits` are those that the archive was judged with.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn publish_mirrors(&self, folder: &Path, limits: &Limits) -> Result<Vec<PublishedMirror>, MirrorError> {
        let mut mirrors = Vec::new();
        for publishable in publishable(&self.verified, limits)? {
            let PublishableRepository { evidence, verified, .. } = &publishable;
            let mirror = Mirror::new(&folder.join(evidence.name.as_str()), &evidence.dialect);
            mirror.require_follows(&verified.metadata)?;
            mirror.check_targets(&evidence.targets, evidence.consistent_snapshots)?;
            mirrors.push((publishable, mirror));
        }
        let documents = by_every_digest(&self.verified.head().closed);
        let mut published = Vec::new();
        for (PublishableRepository { evidence, files, verified }, mirror) in mirrors {
            let mut served = files.targets.clone();
            for target in &evidence.targets {
                let served = target.fetch(&mut served, evidence.consistent_snapshots).ok();
                let document =
                    || target.hashes().iter().find_map(|digest| documents.get(digest)).map(|bytes| bytes.to_vec());
                if let Some(bytes) = served.or_else(document) {
                    mirror.write_target(target, &bytes, evidence.consistent_snapshots)?;
                    continue;
                }
                let kept = || target.hashes().iter().find_map(|digest| self.kept.open(digest).transpose()).transpose();
                mirror.copy_target(target, kept, evidence.consistent_snapshots)?;
            }
            mirror.write_metadata(&verified.metadata)?;
            let (repository, left_out) = (evidence.name.clone(), verified.left_out);
            published.push(PublishedMirror { folder: folder.join(repository.as_str()), repository, left_out });
        }
        Ok(published)
    }
}

impl Extracted {
    /// What the archive carried of each repository that spoke, as [`Delivered::publish_mirrors`] would publish it, and where a web server has
    /// to serve it. Nothing is written. `limits` are those that the archive was judged with.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn mirrors(&self, limits: &Limits) -> Result<Vec<MirrorInMemory>, MirrorError> {
        let closed = &self.verified.head().closed;
        let documents = by_every_digest(closed);
        let files = plain_files(closed);
        let mut mirrors = Vec::new();
        for PublishableRepository { evidence, files: carried, verified } in publishable(&self.verified, limits)? {
            let consistent = evidence.consistent_snapshots;
            let mirror = Mirror::new(Path::new(""), &evidence.dialect);
            mirror.check_targets(&evidence.targets, consistent)?;
            let (mut contents, mut served) = (BTreeMap::new(), carried.targets.clone());
            for target in &evidence.targets {
                let document = || target.hashes().iter().find_map(|digest| documents.get(digest));
                let bytes = target.fetch(&mut served, consistent).ok().or_else(|| Some(document()?.to_vec()));
                if let Some(bytes) = &bytes {
                    let path = target.path().to_owned();
                    target.check(bytes).map_err(|source| MirrorError::Mismatch { path, source })?;
                }
                let bytes = bytes.map(|bytes| MirrorContent::Bytes(bytes.into()));
                let file = || target.hashes().iter().find_map(|digest| files.get(digest).copied()).cloned();
                let Some(content) = bytes.or_else(|| file().map(MirrorContent::Blob)) else { continue };
                for place in mirror.places_of(target, consistent)? {
                    contents.insert(place, content.clone());
                }
            }
            let metadata = mirror.metadata_files(&verified.metadata)?;
            contents.extend(metadata.map(|(place, bytes)| (place, MirrorContent::Bytes(bytes.into()))));
            let names = verified.metadata.files().keys().cloned();
            let timestamp = verified.metadata.files().get(TIMESTAMP).map(Vec::as_slice);
            let state = PublishedState::of(&evidence.dialect, names, timestamp);
            let (repository, left_out) = (evidence.name.clone(), verified.left_out);
            mirrors.push(MirrorInMemory { repository, state, contents, left_out });
        }
        Ok(mirrors)
    }
}

/// A repository that spoke, and what of it may be published.
struct PublishableRepository<'a> {
    evidence: &'a RepositoryEvidence,
    files: &'a CarriedRepository,
    verified: PublishableMetadata,
}

fn publishable<'a>(verified: &'a Verified, limits: &Limits) -> Result<Vec<PublishableRepository<'a>>, TufError> {
    let mut publishable = Vec::new();
    for evidence in &verified.judgement().findings().repositories {
        let Some(files) = verified.head().carried.repositories.get(&evidence.name) else { continue };
        let RepositoryEvidence { roles, next_state, consistent_snapshots, judged_at, dialect, .. } = evidence;
        let (metadata, consistent) = (&files.metadata, *consistent_snapshots);
        let verified = verified_metadata(dialect, metadata, roles, next_state, consistent, *judged_at, limits)?;
        publishable.push(PublishableRepository { evidence, files, verified });
    }
    Ok(publishable)
}

/// The digest in the name of each plain file's entry, by every digest that is known of it.
fn plain_files(closed: &Closed) -> BTreeMap<&Digest, &Digest> {
    let mut known = BTreeMap::new();
    for FileRecord { descriptor, sha512, .. } in closed.files() {
        known.extend(std::iter::once(&descriptor.digest).chain(sha512).map(|digest| (digest, &descriptor.digest)));
    }
    known
}

/// The documents under each of their digests: an archive lists them under one, and a target may list another.
fn by_every_digest(closed: &Closed) -> BTreeMap<Digest, &[u8]> {
    let digests = |bytes: &[u8]| Measured::of(bytes).digests().to_vec();
    let documents = closed.documents();
    documents.into_values().flat_map(|bytes| digests(bytes).into_iter().map(move |digest| (digest, bytes))).collect()
}

/// A TUF repository that was published on this side.
#[derive(Debug)]
pub struct PublishedMirror {
    /// Its name in the trust store.
    pub repository: RepositoryName,
    /// The folder that a web server has to serve.
    pub folder: PathBuf,
    /// Why it has only the roles that the archive needed, and not every role.
    pub left_out: Option<TufError>,
}

/// A TUF repository that was carried, as a web server would serve it.
#[derive(Debug)]
pub struct MirrorInMemory {
    /// Its name in the trust store.
    pub repository: RepositoryName,
    /// How far it is.
    pub state: PublishedState,
    /// Its files, by their paths below the place of the repository. Clients begin with its roots and its timestamp.
    pub contents: BTreeMap<PathBuf, MirrorContent>,
    /// Why it has only the roles that the archive needed, and not every role.
    pub left_out: Option<TufError>,
}

/// What is in a file of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorContent {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// The blob of the archive that has this digest in its name.
    Blob(Digest),
}
