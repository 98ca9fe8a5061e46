//! What to tell the operator about where an archive is delivered to.

use std::io;

use sealift_core::import::{DeliveryError, DestinationError, ImportError};
use sealift_core::trust_store::TagError;
use sealift_core::tuf_repository::mirror::MirrorError;

use super::{Advice, advice, archive, judgement, trust_store};
use crate::exit_code::ExitCode;

pub(super) fn import(error: &ImportError) -> Advice {
    match error {
        ImportError::Destination(error) => destination(error),
        ImportError::Freshness(error) => judgement::looser_freshness(error),
        ImportError::Tag(error) => tag(error),
        ImportError::Receive(error) => archive::receive(error, delivery),
        ImportError::Delivery(error) => delivery(error),
        ImportError::Deliveries(error) | ImportError::NotRemembered(error) => trust_store::trust_store(error),
    }
}

fn destination(error: &DestinationError) -> Advice {
    let hint = match error {
        DestinationError::Reference { .. } | DestinationError::Repository { .. } => {
            "choose another --to-registry, for example registry.internal:5000/mirror"
        }
        DestinationError::Collision { .. } => {
            "import without --names flat, so that each name keeps its own registry in the path; or, if both names mean the same, export them in \
             separate archives; nothing was written"
        }
    };
    advice(ExitCode::Usage, hint)
}

fn tag(error: &TagError) -> Advice {
    match error {
        TagError::OtherName { tag, .. } => advice(
            ExitCode::Policy,
            format!(
                "find out why another name would take its place; to allow it, knowing what it means: --replace-tag {tag}; nothing was written"
            ),
        ),
        TagError::LowerLevel { tag, .. } => advice(
            ExitCode::Policy,
            format!(
                "ask the publisher to sign it as before; to accept it as it is, knowing what it means: --replace-tag {tag}; nothing was written"
            ),
        ),
        TagError::TooMany { .. } => advice(
            ExitCode::TrustStore,
            "forget the tags of a registry or layout that no longer exists: sealift trust reset-deliveries PLACE; nothing was written",
        ),
    }
}

fn delivery(error: &DeliveryError) -> Advice {
    match error {
        DeliveryError::Blob { .. }
        | DeliveryError::NotShared { .. }
        | DeliveryError::Manifest { .. }
        | DeliveryError::Tag { .. } => advice(
            ExitCode::Sink,
            "repair the registry or layout, or its credentials, and import again: nothing that is already there is sent twice",
        ),
    }
}

pub(super) fn mirror(error: &MirrorError) -> Advice {
    let hint = match error {
        MirrorError::Write { source, .. } if source.kind() == io::ErrorKind::InvalidFilename => {
            "this file system does not allow names this long: publish the mirror elsewhere; the import itself is done"
        }
        MirrorError::Read { .. } | MirrorError::Write { .. } => {
            "repair the folder of the mirror, and import the same archive again; the import itself is done"
        }
        MirrorError::Newer { .. } | MirrorError::Other { .. } => {
            "publish it in another folder, because the clients of this mirror would refuse it; nothing was written there"
        }
        MirrorError::Name(_) | MirrorError::Collision(..) | MirrorError::Mismatch { .. } | MirrorError::Tuf(_) => {
            "ask the publisher: this repository cannot be published as files; the import itself is done"
        }
    };
    advice(ExitCode::Sink, hint)
}
