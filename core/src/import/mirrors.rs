//! Publishing what was delivered of TUF, for the TUF clients of this side.

use std::path::{Path, PathBuf};

use super::Delivered;
use crate::trust::RepositoryEvidence;
use crate::trust_store::RepositoryName;
use crate::tuf::mirror::{Mirror, MirrorError, verified_metadata};
use crate::tuf::{Limits, TufError};
use crate::verify::Proof;

impl Delivered {
    /// Publishes what the archive carried of each repository that spoke as a TUF repository in a folder of its name, which
    /// any TUF client can use. `limits` are those that the archive was judged with.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn publish_mirrors(&self, folder: &Path, limits: &Limits) -> Result<Vec<PublishedMirror>, MirrorError> {
        let Proof { judgement, carried, closed, .. } = self.verified.proof();
        let documents = closed.documents();
        let mut mirrors = Vec::new();
        for evidence in &judgement.repositories {
            let Some(files) = carried.repositories.get(&evidence.name) else { continue };
            let RepositoryEvidence { name, roles, next_state, consistent_snapshots, judged_at, .. } = evidence;
            let verified =
                verified_metadata(&files.metadata, roles, next_state, *consistent_snapshots, *judged_at, limits)?;
            let mirror = Mirror::new(&folder.join(name.as_str()));
            mirror.require_follows(&verified.metadata)?;
            mirror.check_targets(&evidence.targets, *consistent_snapshots)?;
            mirrors.push((evidence, files, verified, mirror));
        }
        let mut published = Vec::new();
        for (evidence, files, verified, mirror) in mirrors {
            let mut served = files.targets.clone();
            for target in &evidence.targets {
                let served = target.fetch(&mut served, evidence.consistent_snapshots).ok();
                let document =
                    || target.hashes().iter().find_map(|digest| documents.get(digest)).map(|bytes| bytes.to_vec());
                if let Some(bytes) = served.or_else(document) {
                    mirror.write_target(target, &bytes, evidence.consistent_snapshots)?;
                }
            }
            mirror.write_metadata(&verified.metadata)?;
            let (repository, left_out) = (evidence.name.clone(), verified.left_out);
            published.push(PublishedMirror { folder: folder.join(repository.as_str()), repository, left_out });
        }
        Ok(published)
    }
}

/// A TUF repository that was published on this side.
#[derive(Debug)]
pub struct PublishedMirror {
    /// Its name in the trust store.
    pub repository: RepositoryName,
    /// The folder that a web server has to serve.
    pub folder: PathBuf,
    /// Why it has the roles that the archive needed, and not every role.
    pub left_out: Option<TufError>,
}
