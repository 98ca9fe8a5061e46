//! `sealift trust pin-root`: where trust in a publisher begins.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use sealift_archive_format::{Digest, DigestAlgorithm, DigestError};
use sealift_core::trust_store::{RepositoryName, TrustStoreError};
use sealift_proof::tuf::dialect::{
    DialectName, PinnedBy, RootCertificate, RootFingerprint, check_pin, root_certificates,
};
use sealift_proof::tuf::{Dialect, Gun, TrustAnchor};
use serde::Serialize;

use super::map::{silent, silent_text};
use super::{MAXIMUM_LENGTH, forgotten_text};
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, FilePurpose};
use crate::files::input::read_file;
use crate::terminal::shell::sealift;
use crate::terminal::text::Text;

/// Which root to pin.
#[derive(Debug, Args)]
pub(crate) struct PinRootArguments {
    /// A name for the repository
    name: RepositoryName,

    /// The root metadata
    #[arg(value_name = "ROOT.JSON")]
    file: PathBuf,

    /// The SHA-256 that the file must have, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<Digest>,

    /// The repository's name in Docker Content Trust (Notary v1), whose root this is, such as example.com/acme/web
    #[arg(long, value_name = "GUN")]
    notary: Option<Gun>,

    /// The SHA-256 of a certificate that signed the root, as `openssl x509 -fingerprint -sha256` shows it, or the key id that
    /// notary shows; may be given more than once, if the root needs several signatures
    #[arg(long, value_name = "HEX", requires = "notary")]
    certificate: Vec<RootFingerprint>,

    /// The certificate, in PEM, of the authority that made the root certificates
    #[arg(long, value_name = "CA.PEM", requires = "notary", conflicts_with = "certificate")]
    ca: Option<PathBuf>,

    /// Replace another root with that name, and forget what was accepted under it, unless this is the newest root that
    /// was accepted
    #[arg(long)]
    replace: bool,
}

/// Some systems print digests in capitals.
fn sha256(text: &str) -> Result<Digest, DigestError> {
    let text = text.to_ascii_lowercase();
    Digest::from_hex(DigestAlgorithm::Sha256, text.strip_prefix("sha256:").unwrap_or(&text))
}

/// Pins a root.
pub(super) fn pin(arguments: &PinRootArguments, context: &Context) -> Result<(), Failure> {
    let PinRootArguments { name, file, sha256, notary, replace, .. } = arguments;
    let attempt = || format!("cannot pin {} as the root of {name}", file.display());
    let root = read_file(file, FilePurpose::Trust, MAXIMUM_LENGTH).attempt(attempt)?;
    let dialect = notary.clone().map_or(Dialect::Tuf, Dialect::Notary);
    let anchor = TrustAnchor { root: &root, dialect: &dialect };
    // Also said by the store, but there it would not be known that a pin of Notary was asked for and not met.
    let vouched_for = match notary {
        Some(gun) if DialectName::stated_by(&root) != Some(DialectName::Tuf) => {
            require_vouched_for(arguments, gun, &root, context)?
        }
        _ => false,
    };
    let store = context.trust_store()?;
    let update = store.begin().attempt(attempt)?;
    let is_new = matches!(store.root(name), Err(TrustStoreError::UnknownRepository { .. }));
    let meant = store.meant(name).filter(|_| *replace && is_new);
    let pinned = if *replace {
        update.replace_root(name, anchor, sha256.as_ref())
    } else {
        update.pin_root(name, anchor, sha256.as_ref()).map(|digest| (digest, None))
    };
    let (pinned_root, forgotten) = pinned.attempt(attempt)?;
    let count = store.repositories().attempt(attempt)?.len();
    let map_needed = count > 1 && store.map().attempt(attempt)?.is_none();
    let root_certificates = match notary {
        Some(gun) => root_certificates(gun, &root)
            .map_err(|source| TrustStoreError::NotARoot { source: Box::new(source) })
            .attempt(attempt)?,
        None => Vec::new(),
    };
    let root_certificates = root_certificates.into_iter().map(RootCertificateReport::of).collect();
    let report =
        PinReport { name, pinned_root, notary: notary.as_ref().map(Gun::as_str), root_certificates, map_needed };
    context.result(&report, || {
        let of = notary.as_ref().map(|gun| format!(", {}", Dialect::Notary(gun.clone()))).unwrap_or_default();
        let mut text = Text::from(format_args!("Pinned the root of {name}{of}: {}", report.pinned_root));
        for RootCertificateReport { common_name, fingerprint, expires, .. } in &report.root_certificates {
            text.line(format_args!("Root certificate of {common_name}, valid until {expires}: {fingerprint}"));
        }
        text
    })?;
    if let Some(meant) = meant {
        context.remark(format_args!("There was no root of {name} to replace. The root of {meant} was left as it was."));
    }
    if let Some(forgotten) = &forgotten {
        context.remark(forgotten_text(name, Some(forgotten)));
    }
    if sha256.is_none() && !vouched_for {
        context.remark("Compare this digest with the publisher out of band.");
    }
    for RootCertificateReport { common_name, .. } in report.root_certificates.iter().filter(|it| it.is_shared) {
        context.remark(format_args!(
            "The certificate is for {common_name}, and so for other collections too: what is signed for one of them under the same root key can be taken for what is signed for this one. Pin it only if all of them may speak for each other, or ask the publisher for a certificate of this collection alone."
        ));
    }
    if silent(&store).attempt(attempt)?.contains(name) {
        context.remark(silent_text(name));
    }
    if map_needed {
        context.remark(format_args!(
            "Roots pinned: {count}. From now on a map must say which repository speaks for which names; without it nothing is accepted. For each: {}",
            sealift(format_args!("trust map add 'REGISTRY/PATH/*' {name}"))
        ));
    }
    Ok(())
}

/// Requires that the certificate or the authority that a person named vouches for a root of Notary; `false` if they named neither.
fn require_vouched_for(
    arguments: &PinRootArguments,
    gun: &Gun,
    root: &[u8],
    context: &Context,
) -> Result<bool, Failure> {
    let PinRootArguments { name, file, certificate, ca, .. } = arguments;
    let attempt = || format!("cannot pin {} as the root of {name}", file.display());
    let pinned_by = match (certificate.as_slice(), ca) {
        ([], None) => return Ok(false),
        ([], Some(ca)) => PinnedBy::Authority(read_file(ca, FilePurpose::Trust, MAXIMUM_LENGTH).attempt(attempt)?),
        (fingerprints, _) => PinnedBy::Certificates(fingerprints.to_vec()),
    };
    check_pin(gun, root, &pinned_by, context.now())
        .map_err(|source| TrustStoreError::NotVouchedFor { source })
        .attempt(attempt)?;
    Ok(true)
}

/// A root that was pinned, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PinReport<'a> {
    name: &'a RepositoryName,
    pinned_root: Digest,
    /// The repository's name in Notary.
    #[serde(skip_serializing_if = "Option::is_none")]
    notary: Option<&'a str>,
    /// The certificates that the root consists of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    root_certificates: Vec<RootCertificateReport>,
    /// Whether a map is needed and missing, because several roots are pinned.
    map_needed: bool,
}

/// A certificate of a root, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RootCertificateReport {
    key_id: String,
    fingerprint: Digest,
    common_name: String,
    /// Whether it is made out to other repositories as well.
    is_shared: bool,
    expires: Timestamp,
}

impl RootCertificateReport {
    fn of(certificate: RootCertificate) -> Self {
        let RootCertificate { key_id, fingerprint, common_name, is_shared, not_after: expires } = certificate;
        Self { key_id, fingerprint, common_name, is_shared, expires }
    }
}
