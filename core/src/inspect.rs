//! Inspect: what the head of an archive says about itself, with nothing verified.
//!
//! For people who want to look before they decide, and for scripts that want to know what is inside. The frame is checked
//! as far as it is read; the seal, TUF and in-toto are not. So what is held is bounded: the seal within
//! [`Inventory::parse_unverified`], and of metadata no more than is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::dsse::MAXIMUM_SIGNATURES;
use sealift_archive_format::inventory::{
    EntryRecord, ImageRecord, ImageRole, Inventory, ItemRecord, MadeFrom, ReferrerChoice,
};
use sealift_archive_format::strict_json::{self, Names};
use sealift_archive_format::{Digest, EntryPlace, FormatError, Reader, RepositoryName};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::cnab::{Bundle, CarriedBundle, bundle};
use crate::report::{self, Warning, WarningReport};
use crate::verify::documents::MAXIMUM_HELD;

/// The most bytes of one metadata file that are read.
const MAXIMUM_METADATA: u64 = 16 * 1024 * 1024;
/// The longest text of a metadata file that is shown, in bytes.
const MAXIMUM_SHOWN: usize = 1_024;

/// What an archive says about itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Overview {
    /// Always `false`: nothing here was verified.
    pub verified: bool,
    /// The version of the format.
    pub format_version: String,
    /// How the archive is compressed.
    pub compression: String,
    /// The export time that it states.
    pub exported_at: Timestamp,
    /// The program that it states as its writer.
    pub exporter: String,
    /// The fingerprints of the keys that claim to have sealed it.
    pub sealed_by: Vec<Digest>,
    /// The TUF repositories that it carries.
    pub repositories: Vec<InspectedRepository>,
    /// The bundles and images.
    pub items: Vec<InspectedItem>,
    /// What a person should know.
    pub warnings: Vec<WarningReport>,
    /// The sum of all entries, in bytes.
    pub bytes: u64,
    /// Every entry.
    pub entries: Vec<EntryRecord>,
}

/// A TUF repository in an archive.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InspectedRepository {
    /// Its name.
    pub name: RepositoryName,
    /// Its metadata files.
    pub files: Vec<InspectedMetadata>,
    /// The target files that it carries.
    pub targets: Vec<String>,
}

/// A metadata file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InspectedMetadata {
    /// Its name.
    pub name: String,
    /// The version that it states.
    pub version: Option<u64>,
    /// The expiry that it states, as written.
    pub expires: Option<String>,
    /// The key ids of its signatures, unverified.
    pub signed_by: Vec<String>,
}

/// A bundle, an image or a file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InspectedItem {
    /// `bundle`, `thickBundle` (one that travels as it is), `invocation` (an invocation image), `component`, `image` or `file`.
    pub kind: &'static str,
    /// Its reference.
    pub reference: String,
    /// Its digest.
    pub digest: Digest,
    /// The platforms that are carried.
    pub platforms: Vec<String>,
    /// How many platforms and foreign layers were left out on purpose.
    pub left_out: usize,
    /// What the exporter says that it made the manifest from, so that no registry has its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_from: Option<MadeFrom>,
    /// Which referrers were chosen when the archive was made.
    #[serde(skip_serializing_if = "ReferrerChoice::is_usual")]
    pub referrer_choice: ReferrerChoice,
    /// How many referrers are carried, those that tags of cosign's name among them.
    pub referrers: usize,
}

/// Reads the head of an archive.
///
/// # Errors
/// [`FormatError`] when it is not an archive.
pub fn inspect(input: impl Read) -> Result<Overview, FormatError> {
    let sealed = Reader::open(input)?;
    let sealed_by = sealed.seal().signatures().iter().map(|signature| signature.key.clone()).collect();
    let mut reader = sealed.read_inventory()?;
    let inventory = Arc::clone(reader.inventory());
    let mut repositories: BTreeMap<RepositoryName, InspectedRepository> = BTreeMap::new();
    for repository in &inventory.repositories {
        let (files, targets) = (Vec::new(), Vec::new());
        let name = repository.name.clone();
        repositories.insert(name.clone(), InspectedRepository { name, files, targets });
    }
    let mut bundles = StatedBundles::of(&inventory);
    while let Some(mut entry) = reader.next_entry()? {
        let (name, size) = (entry.name().clone(), entry.size());
        match name.place() {
            // Each bundle.json comes before all other blobs.
            EntryPlace::Blob(digest) => match bundles.wants(digest, size) {
                true => bundles.add(digest.clone(), entry.read_all()?),
                false => break,
            },
            EntryPlace::TufTarget { repository, path } => {
                if let Some(repository) = repositories.get_mut(repository) {
                    repository.targets.push(path.clone());
                }
            }
            EntryPlace::TufMetadata { repository, file } => {
                let bytes = if size > MAXIMUM_METADATA { Vec::new() } else { entry.read_all()? };
                if let Some(repository) = repositories.get_mut(repository) {
                    repository.files.push(metadata(file, &bytes));
                }
            }
            EntryPlace::Seal | EntryPlace::OciLayout | EntryPlace::OciIndex => {}
        }
    }
    Ok(Overview {
        verified: false,
        format_version: inventory.format_version.to_string(),
        compression: reader.compression().to_string(),
        exported_at: inventory.exported_at,
        exporter: format!("{} {}", inventory.exporter.name, inventory.exporter.version),
        sealed_by,
        repositories: repositories.into_values().collect(),
        items: items(&inventory),
        warnings: bundles.warnings(&inventory).into_iter().map(WarningReport::from).collect(),
        bytes: inventory.carried().map(|entry| entry.size).sum(),
        entries: inventory.entries.clone(),
    })
}

/// What each `bundle.json` states, as far as it can be read.
struct StatedBundles {
    /// The files that have not been read.
    unread: BTreeSet<Digest>,
    read: BTreeMap<Digest, (Bundle, Vec<u8>)>,
    /// How many more bytes are held.
    room: u64,
}

impl StatedBundles {
    fn of(inventory: &Inventory) -> Self {
        let unread = inventory.bundles().map(|bundle| bundle.descriptor.digest.clone()).collect();
        Self { unread, read: BTreeMap::new(), room: MAXIMUM_HELD }
    }

    fn wants(&self, digest: &Digest, size: u64) -> bool {
        self.unread.contains(digest) && size <= self.room.min(bundle::MAXIMUM_LENGTH as u64)
    }

    fn add(&mut self, digest: Digest, bytes: Vec<u8>) {
        self.unread.remove(&digest);
        self.room = self.room.saturating_sub(bytes.len() as u64);
        if let Ok(bundle) = Bundle::parse(&bytes) {
            self.read.insert(digest, (bundle, bytes));
        }
    }

    /// What should be known about them, and about where everything comes from.
    fn warnings(&self, inventory: &Inventory) -> Vec<Warning> {
        let carried = CarriedBundle::among(&inventory.items);
        let mut warnings = report::of_origin(&inventory.items);
        for record in inventory.bundles() {
            let Some((bundle, bytes)) = self.read.get(&record.descriptor.digest) else { continue };
            let images =
                record.images.iter().map(|image| (image.descriptor.media_type.as_str(), image.descriptor.size));
            warnings.extend(report::of_bundle(&record.reference, (bundle, bytes), images, &carried));
        }
        warnings
    }
}

/// What a metadata file states, as far as it can be read.
fn metadata(name: &str, bytes: &[u8]) -> InspectedMetadata {
    let Stated { signed, signatures: FirstSignatures(signatures) } =
        strict_json::read(bytes, Names::Exact).unwrap_or_default();
    InspectedMetadata {
        name: name.to_owned(),
        version: signed.version,
        expires: signed.expires.filter(|text| text.len() <= MAXIMUM_SHOWN),
        signed_by: signatures.into_iter().filter_map(|signature| signature.keyid).collect(),
    }
}

/// What is shown of a metadata file: nobody verified it, so nothing else of it is held.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stated {
    signed: StatedRole,
    signatures: FirstSignatures,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatedRole {
    version: Option<u64>,
    expires: Option<String>,
}

#[derive(Deserialize)]
struct StatedSignature {
    keyid: Option<String>,
}

/// The first of many signatures, without key ids too long to show.
#[derive(Default)]
struct FirstSignatures(Vec<StatedSignature>);

impl<'de> Deserialize<'de> for FirstSignatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = FirstSignatures;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of signatures")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<FirstSignatures, A::Error> {
                let mut first = Vec::new();
                while let Some(mut signature) = access.next_element::<StatedSignature>()? {
                    signature.keyid = signature.keyid.filter(|text| text.len() <= MAXIMUM_SHOWN);
                    if first.len() < MAXIMUM_SIGNATURES {
                        first.push(signature);
                    }
                }
                Ok(FirstSignatures(first))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

fn items(inventory: &Inventory) -> Vec<InspectedItem> {
    let mut items = Vec::new();
    for item in &inventory.items {
        if let ItemRecord::Bundle(bundle) = item {
            items.push(InspectedItem {
                kind: if bundle.thick_bundle.is_some() { "thickBundle" } else { "bundle" },
                reference: bundle.reference.clone(),
                digest: item.descriptor().digest.clone(),
                platforms: Vec::new(),
                left_out: 0,
                made_from: None,
                referrer_choice: bundle.referrer_choice.clone(),
                referrers: bundle.referrers.len().saturating_add(bundle.tagged.len()),
            });
        }
        if let ItemRecord::File(file) = item {
            items.push(InspectedItem {
                kind: "file",
                reference: file.name.to_string(),
                digest: file.descriptor.digest.clone(),
                platforms: Vec::new(),
                left_out: 0,
                made_from: None,
                referrer_choice: ReferrerChoice::default(),
                referrers: 0,
            });
        }
        items.extend(item.images().iter().map(image));
    }
    items
}

fn image(image: &ImageRecord) -> InspectedItem {
    InspectedItem {
        kind: match image.role {
            ImageRole::Invocation => "invocation",
            ImageRole::Component(_) => "component",
            ImageRole::StandAlone => "image",
        },
        reference: image.reference.clone(),
        digest: image.descriptor.digest.clone(),
        platforms: image.platforms.clone(),
        left_out: [image.left_out.platforms.len(), image.left_out.foreign_layers.len(), image.left_out.manifests.len()]
            .iter()
            .sum(),
        made_from: image.made_from,
        referrer_choice: image.referrer_choice.clone(),
        referrers: image.referrers.len().saturating_add(image.tagged.len()),
    }
}
