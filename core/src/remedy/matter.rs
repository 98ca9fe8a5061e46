//! What a remedy is about, where that is one of a few things.

use serde::Serialize;

/// What to ask the publisher about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublisherMatter {
    /// Two targets whose names mean the same tag.
    TwoTargets,
    /// Repositories that must agree, and do not.
    Disagreement,
    /// A file that is not in the repository as it is listed.
    ListedFile,
    /// A file of metadata that is too long.
    LongFile,
    /// The root, whose digest is not the expected one.
    Root,
    /// A repository that cannot be published as files.
    UnpublishableRepository,
    /// An index that does not match its bundle.
    BundleIndex,
    /// An attestation that is not about what it is attached to.
    MisplacedAttestation,
    /// An attestation that is too long.
    LongAttestation,
    /// An attestation that takes too much work.
    CostlyAttestation,
    /// Something attached that is not an attestation.
    NotAnAttestation,
    /// A target that does not describe a supply chain.
    SupplyChain,
    /// Layouts and keys that the offline keys did not sign.
    OfflineKeys,
    /// A step that is missing or not authorised.
    Step,
}

/// What to ask the exporter about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExporterMatter {
    /// An archive that this program wrote.
    Archive,
    /// What was packed, because the archive is inconsistent.
    Content,
    /// The name that the publisher signed.
    SignedName,
    /// An attestation that could not be read.
    UnreadAttestation,
    /// The public key that seals.
    PublicKey,
}

/// What stopped an export that can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interrupter {
    /// The network.
    Network,
    /// The disk that is written to.
    Disk,
    /// The source, which failed or sent something else.
    Source,
}
