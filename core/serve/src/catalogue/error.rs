//! Why an archive is not served.

use std::io;

use sealift_archive_format::{Digest, FormatError};
use sealift_core::import::{ImportError, LackingBlob};
use sealift_core::remedy::{Remediable, Remedy};
use sealift_core::trust_store::RepositoryName;
use sealift_core::tuf_repository::mirror::MirrorError;

/// Why an archive is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It does not pass the verification, or what it holds cannot be delivered.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// It does not end as it should.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It is compressed, so that no part of it can be read by itself.
    #[error("the archive is compressed, so it cannot be read by position")]
    Compressed,
    /// A blob is in no entry of its own: it is in a thick bundle that travels as it is.
    #[error("blob {digest} ({size} bytes) is only inside a thick bundle, which cannot be read by position")]
    Packed {
        /// The blob.
        digest: Digest,
        /// Its size, in bytes.
        size: u64,
    },
    /// Layers that archives leave out are in none of the others.
    #[error("{} that {} out {} in none of the archives{}{}", LackingBlob::counted(.blobs), leave(.archives), if .blobs.len() == 1 { "is" } else { "are" }, LackingBlob::listed(.blobs), not_among(.unknown))]
    Lacking {
        /// The archives that leave them out, by their names.
        archives: Vec<String>,
        /// The layers.
        blobs: Vec<LackingBlob>,
        /// The archives that these rest on and that were not given, by their statement digests.
        unknown: Vec<Digest>,
    },
    /// A blob that another archive leaves out cannot be read once more, or is no longer what was verified.
    #[error("blob {digest}, which was verified, cannot be read once more")]
    Changed {
        /// The blob.
        digest: Digest,
        /// Why not.
        source: io::Error,
    },
    /// Two archives have different content for a tag.
    #[error("{tag} is {held} in one archive and {other} in another")]
    TagTaken {
        /// The tag, with its repository.
        tag: String,
        /// What it is in an archive that comes before.
        held: Digest,
        /// What it is in this one.
        other: Digest,
    },
    /// Two archives have different roots of a TUF repository.
    #[error("two archives have different files {root} of TUF repository {repository}")]
    OtherRoot {
        /// The repository.
        repository: RepositoryName,
        /// The file of the root.
        root: String,
    },
    /// What was carried of a TUF repository cannot be served.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
}

/// `one.sealift leaves`, or `one.sealift and two.sealift leave`.
fn leave(archives: &[String]) -> String {
    let leave = if archives.len() == 1 { "leaves" } else { "leave" };
    format!("{} {leave}", archives.join(" and "))
}

fn not_among(unknown: &[Digest]) -> String {
    match unknown {
        [] => String::new(),
        [first, more @ ..] => {
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            format!("; they rest on archive {first}{more}, which is not among them")
        }
    }
}

impl Remediable for ServeError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Import(error) => error.remedy(),
            Self::Format(error) => error.remedy(),
            Self::Compressed => Remedy::Decompress,
            Self::Packed { .. } => Remedy::ImportInstead,
            Self::Lacking { .. } => Remedy::ServeTogether,
            Self::Changed { .. } => Remedy::CarryAgain,
            Self::TagTaken { .. } => Remedy::ServeOneOfTwo,
            Self::OtherRoot { .. } => Remedy::ServeApart,
            Self::Mirror(error) => error.remedy(),
        }
    }
}
