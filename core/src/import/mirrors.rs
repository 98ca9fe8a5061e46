//! Publishing the TUF metadata and targets that were delivered, for the TUF clients on this side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_proof::tuf::publication::verified_metadata;
use sealift_proof::tuf::{Limits, Measured, TufError};

use super::Delivered;
use crate::trust::RepositoryEvidence;
use crate::trust_store::RepositoryName;
use crate::tuf_repository::mirror::{Mirror, MirrorError};
use crate::verify::{Closed, Head};

impl Delivered {
    /// Publishes what the archive carried of each repository that spoke, in a folder of its name, as a TUF repository
    /// that any client can use. `limits` are those that the archive was judged with.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn publish_mirrors(&self, folder: &Path, limits: &Limits) -> Result<Vec<PublishedMirror>, MirrorError> {
        let Head { carried, closed, .. } = self.verified.head();
        let mut mirrors = Vec::new();
        for evidence in &self.verified.judgement().findings().repositories {
            let Some(files) = carried.repositories.get(&evidence.name) else { continue };
            let RepositoryEvidence { name, roles, next_state, consistent_snapshots, judged_at, dialect, .. } = evidence;
            let (metadata, consistent) = (&files.metadata, *consistent_snapshots);
            let verified = verified_metadata(dialect, metadata, roles, next_state, consistent, *judged_at, limits)?;
            let mirror = Mirror::new(&folder.join(name.as_str()), dialect);
            mirror.require_follows(&verified.metadata)?;
            mirror.check_targets(&evidence.targets, *consistent_snapshots)?;
            mirrors.push((evidence, files, verified, mirror));
        }
        let documents = by_every_digest(closed);
        let mut published = Vec::new();
        for (evidence, files, verified, mirror) in mirrors {
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
