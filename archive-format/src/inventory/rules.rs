//! The rules that every inventory keeps, whoever wrote it (`docs/format.md`, "The inventory").

use std::collections::{HashMap, HashSet};

use super::forms::instant;
use super::{
    BaseRecord, DescriptorRecord, EntryRecord, FILE_MEDIA_TYPE, FileRecord, ImageRecord, ImageRole, Inventory,
    InventoryError, ItemRecord, LeftOutRecord, MAXIMUM_ENTRIES, MAXIMUM_FILES, MAXIMUM_LEFT_OUT,
    MAXIMUM_LEFT_OUT_BYTES, MAXIMUM_PLATFORMS, MAXIMUM_SIZE, MAXIMUM_TEXT_LENGTH, TaggedRecord, TargetRecord,
    ThickBundleRecord,
};
use crate::digest::{Digest, DigestAlgorithm};
use crate::entry_name::{EntryName, EntryPlace};
use crate::file_name::FileName;
use crate::tar_profile;

pub(super) fn check(inventory: &Inventory) -> Result<(), InventoryError> {
    if !instant::fits(&inventory.exported_at) {
        return Err(InventoryError::ExportTime { found: inventory.exported_at });
    }
    text("exporter name", &inventory.exporter.name)?;
    text("exporter version", &inventory.exporter.version)?;
    inventory.base.as_ref().map_or(Ok(()), BaseRecord::check)?;
    check_absent(inventory)?;
    check_references(inventory)?;
    check_images(inventory)?;
    check_thick_bundles(inventory)?;
    check_files(inventory)?;
    check_entries(inventory)?;
    check_repositories(inventory)?;
    check_descriptors(inventory)
}

fn text(what: &'static str, text: &str) -> Result<(), InventoryError> {
    if (1..=MAXIMUM_TEXT_LENGTH).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(InventoryError::Text { what, text: text.chars().take(80).collect() })
}

/// Only a blob can be absent, and only on somebody's word.
fn check_absent(inventory: &Inventory) -> Result<(), InventoryError> {
    let may_be = |entry: &&EntryRecord| inventory.base.is_some() && matches!(entry.name.place(), EntryPlace::Blob(_));
    match inventory.absent().find(|entry| !may_be(entry)) {
        None => Ok(()),
        Some(entry) => Err(InventoryError::Absent { entry: entry.name.clone() }),
    }
}

fn check_target(target: Option<&TargetRecord>) -> Result<(), InventoryError> {
    target.map_or(Ok(()), |target| text("target name", &target.name))
}

fn check_references(inventory: &Inventory) -> Result<(), InventoryError> {
    let mut seen = HashSet::new();
    for item in &inventory.items {
        let reference = item.reference();
        text("reference", reference)?;
        check_target(item.target())?;
        if !seen.insert(reference) {
            return Err(InventoryError::DuplicateReference { reference: reference.to_owned() });
        }
    }
    Ok(())
}

fn check_images(inventory: &Inventory) -> Result<(), InventoryError> {
    let left_out = inventory.all_images().flat_map(|image| &image.left_out.platforms);
    let (count, bytes) = left_out.fold((0, 0_usize), |(count, bytes), platform| (count + 1, bytes + platform.len()));
    if count > MAXIMUM_LEFT_OUT || bytes > MAXIMUM_LEFT_OUT_BYTES {
        return Err(InventoryError::TooManyLeftOut { count, bytes });
    }
    let misplaced = |image: &ImageRecord| InventoryError::MisplacedImage { reference: image.reference.clone() };
    for image in inventory.all_images() {
        text("reference", &image.reference)?;
        check_target(image.target.as_ref())?;
        if image.platforms.len() > MAXIMUM_PLATFORMS {
            let (reference, count) = (image.reference.clone(), image.platforms.len());
            return Err(InventoryError::TooManyPlatforms { reference, count });
        }
        image.platforms.iter().try_for_each(|platform| text("platform", platform))?;
        check_left_out(image)?;
        check_tagged(&image.tagged)?;
        image.referrer_choice.check(&image.reference, !(image.referrers.is_empty() && image.tagged.is_empty()))?;
        for platforms in [&image.platforms, &image.left_out.platforms] {
            if let Some(platform) = out_of_order(platforms.iter().map(String::as_str)) {
                let (reference, platform) = (image.reference.clone(), platform.to_owned());
                return Err(InventoryError::PlatformOrder { reference, platform });
            }
        }
    }
    for item in &inventory.items {
        let bundle = match item {
            ItemRecord::Image(image) if image.role != ImageRole::StandAlone => return Err(misplaced(image)),
            ItemRecord::Image(_) | ItemRecord::File(_) => continue,
            ItemRecord::Bundle(bundle) => bundle,
        };
        check_tagged(&bundle.tagged)?;
        bundle.referrer_choice.check(&bundle.reference, !(bundle.referrers.is_empty() && bundle.tagged.is_empty()))?;
        let mut components = HashSet::new();
        for image in &bundle.images {
            match &image.role {
                ImageRole::StandAlone => return Err(misplaced(image)),
                ImageRole::Invocation => {}
                ImageRole::Component(component) => {
                    text("component", component)?;
                    if !components.insert(component) {
                        let (reference, component) = (bundle.reference.clone(), component.clone());
                        return Err(InventoryError::DuplicateComponent { reference, component });
                    }
                }
            }
        }
    }
    Ok(())
}

/// A thick bundle is known by both of its digests, and one file has one of each.
fn check_thick_bundles(inventory: &Inventory) -> Result<(), InventoryError> {
    let mut known: HashMap<&Digest, &Digest> = HashMap::new();
    for bundle in inventory.bundles() {
        let Some(ThickBundleRecord { descriptor, sha512 }) = &bundle.thick_bundle else { continue };
        let algorithms = (descriptor.digest.algorithm(), sha512.algorithm());
        let is_known = known.entry(&descriptor.digest).or_insert(sha512);
        if algorithms != (DigestAlgorithm::Sha256, DigestAlgorithm::Sha512) || *is_known != sha512 {
            return Err(InventoryError::ThickBundleDigests { reference: bundle.reference.clone() });
        }
    }
    Ok(())
}

/// A file is known by its SHA-256, and where one content is named twice, its SHA-512s are the same. No two files lie in one place, or
/// one in a folder that is another file, wherever they are delivered together.
fn check_files(inventory: &Inventory) -> Result<(), InventoryError> {
    let count = inventory.files().count();
    if count > MAXIMUM_FILES {
        return Err(InventoryError::TooManyFiles { count });
    }
    let mut known: HashMap<&Digest, &Digest> = HashMap::new();
    for FileRecord { descriptor, name, sha512 } in inventory.files() {
        let is_sha512 = |sha512: &&Digest| sha512.algorithm() == DigestAlgorithm::Sha512;
        let is_known = |sha512: &Digest| known.get(&descriptor.digest).is_none_or(|known| *known == sha512);
        let fits = sha512.as_ref().is_none_or(|sha512| is_sha512(&sha512) && is_known(sha512));
        if !fits || descriptor.digest.algorithm() != DigestAlgorithm::Sha256 || descriptor.media_type != FILE_MEDIA_TYPE
        {
            return Err(InventoryError::FileForm { name: name.clone() });
        }
        known.extend(sha512.as_ref().map(|sha512| (&descriptor.digest, sha512)));
    }
    check_places(inventory.files().map(|file| &file.name))
}

/// No two files lie in one place, or one in a folder that is another file. Where paths sort part by part, what is in a folder follows it at
/// once.
fn check_places<'n>(names: impl Iterator<Item = &'n FileName>) -> Result<(), InventoryError> {
    let mut places: Vec<_> = names.map(|name| (name.folded(), name)).collect();
    places.sort_by(|(one, _), (other, _)| one.split('/').cmp(other.split('/')));
    let is_in = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut pairs = places.iter().zip(places.iter().skip(1));
    match pairs.find(|((first, _), (second, _))| is_in(second, first)) {
        Some(((_, first), (_, second))) => {
            Err(InventoryError::FilesCollide { first: (*first).clone(), second: (*second).clone() })
        }
        None => Ok(()),
    }
}

/// What was left behind is listed in one way.
fn check_left_out(image: &ImageRecord) -> Result<(), InventoryError> {
    let LeftOutRecord { foreign_layers, manifests, platforms } = &image.left_out;
    platforms.iter().try_for_each(|platform| text("platform", platform))?;
    let unsorted = [foreign_layers, manifests].into_iter().find_map(|digests| out_of_order(digests.iter()));
    unsorted.map_or(Ok(()), |digest| {
        let (reference, digest) = (image.reference.clone(), digest.clone());
        Err(InventoryError::LeftOutOrder { reference, digest })
    })
}

fn check_tagged(tagged: &[TaggedRecord]) -> Result<(), InventoryError> {
    match tagged.iter().find(|tagged| !is_cosign_tag(&tagged.tag)) {
        None => Ok(()),
        Some(TaggedRecord { tag, .. }) => Err(InventoryError::Tag { tag: tag.chars().take(200).collect() }),
    }
}

/// Whether a tag is made from a digest, as cosign makes it.
fn is_cosign_tag(tag: &str) -> bool {
    let parts = tag.strip_prefix("sha256-").and_then(|rest| rest.split_once('.'));
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    parts
        .is_some_and(|(hex, kind)| hex.len() == 64 && hex.bytes().all(is_hex) && matches!(kind, "att" | "sbom" | "sig"))
}

/// The first text that does not sort after the one before it, by their bytes.
fn out_of_order<T: Ord + Copy>(mut texts: impl Iterator<Item = T>) -> Option<T> {
    let mut previous = None;
    texts.find(|text| previous.replace(*text).is_some_and(|previous| previous >= *text))
}

/// First `oci-layout`, second `index.json`, then the TUF files by name, then the blobs; and the digests that names imply.
fn check_entries(inventory: &Inventory) -> Result<(), InventoryError> {
    let entries = &inventory.entries;
    if entries.len() > MAXIMUM_ENTRIES {
        return Err(InventoryError::TooManyEntries { count: entries.len() });
    }
    for required in [EntryName::oci_layout(), EntryName::oci_index()] {
        if !entries.iter().any(|entry| entry.name == required) {
            return Err(InventoryError::MissingEntry { entry: required });
        }
    }
    let mut seen = HashSet::new();
    let mut previous: Option<&EntryName> = None;
    let mut above = Vec::new();
    let mut total: u64 = 0;
    for entry in entries {
        let name = &entry.name;
        if !seen.insert(name) {
            return Err(InventoryError::DuplicateEntry { entry: name.clone() });
        }
        let in_order = match previous {
            None => class(name) == Class::OciLayout,
            Some(previous) if class(previous) == Class::Tuf && class(name) == Class::Tuf => previous < name,
            Some(previous) => class(previous) <= class(name),
        };
        if !in_order {
            return Err(InventoryError::WrongOrder { entry: name.clone() });
        }
        if class(name) == Class::Tuf {
            check_folders(&mut above, name)?;
        }
        let digest_fits = match name.place() {
            EntryPlace::Blob(digest) => *digest == entry.digest,
            _ => entry.digest.algorithm() == DigestAlgorithm::Sha256,
        };
        if !digest_fits {
            return Err(InventoryError::EntryDigest { entry: name.clone(), digest: entry.digest.clone() });
        }
        let length = tar_profile::length(name, entry.size).ok_or(InventoryError::TooLarge)?;
        total = total.checked_add(length).filter(|total| *total <= MAXIMUM_SIZE).ok_or(InventoryError::TooLarge)?;
        previous = Some(name);
    }
    Ok(())
}

/// Refuses a name below another name: when an archive is unpacked, one name cannot be both a file and a folder. Names
/// come sorted, and `above` holds those that the last one begins with, and the last one itself.
fn check_folders<'a>(above: &mut Vec<&'a EntryName>, name: &'a EntryName) -> Result<(), InventoryError> {
    while above.last().is_some_and(|last| !name.as_str().starts_with(last.as_str())) {
        above.pop();
    }
    let is_folder = |file: &&&EntryName| name.as_str().as_bytes().get(file.as_str().len()) == Some(&b'/');
    if let Some(file) = above.iter().find(is_folder) {
        return Err(InventoryError::FileAndFolder { file: (*file).clone(), below: name.clone() });
    }
    above.push(name);
    Ok(())
}

/// The classes of entries, in the order in which they come.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Seal,
    OciLayout,
    OciIndex,
    Tuf,
    Blob,
}

fn class(name: &EntryName) -> Class {
    match name.place() {
        EntryPlace::Seal => Class::Seal,
        EntryPlace::OciLayout => Class::OciLayout,
        EntryPlace::OciIndex => Class::OciIndex,
        EntryPlace::TufMetadata { .. } | EntryPlace::TufTarget { .. } => Class::Tuf,
        EntryPlace::Blob(_) => Class::Blob,
    }
}

fn check_repositories(inventory: &Inventory) -> Result<(), InventoryError> {
    let mut listed = HashSet::new();
    for repository in &inventory.repositories {
        if !listed.insert(&repository.name) {
            return Err(InventoryError::DuplicateRepository { name: repository.name.clone() });
        }
    }
    if let Some(name) = out_of_order(inventory.repositories.iter().map(|repository| &repository.name)) {
        return Err(InventoryError::RepositoryOrder { name: name.clone() });
    }
    let mut with_metadata = HashSet::new();
    for entry in &inventory.entries {
        let repository = match entry.name.place() {
            EntryPlace::TufMetadata { repository, .. } => {
                with_metadata.insert(repository);
                repository
            }
            EntryPlace::TufTarget { repository, .. } => repository,
            _ => continue,
        };
        if !listed.contains(repository) {
            return Err(InventoryError::UnlistedRepository { entry: entry.name.clone() });
        }
    }
    let empty = inventory.repositories.iter().find(|repository| !with_metadata.contains(&repository.name));
    empty.map_or(Ok(()), |repository| Err(InventoryError::EmptyRepository { name: repository.name.clone() }))
}

fn check_descriptors(inventory: &Inventory) -> Result<(), InventoryError> {
    let sizes: HashMap<&Digest, u64> = inventory
        .entries
        .iter()
        .filter(|entry| matches!(entry.name.place(), EntryPlace::Blob(_)))
        .map(|entry| (&entry.digest, entry.size))
        .collect();
    for DescriptorRecord { digest, media_type, size: described } in inventory.descriptors() {
        text("media type", media_type)?;
        match sizes.get(digest) {
            None => return Err(InventoryError::MissingBlob { digest: digest.clone() }),
            Some(listed) if listed == described => {}
            Some(&listed) => {
                return Err(InventoryError::DescriptorSize { digest: digest.clone(), described: *described, listed });
            }
        }
    }
    Ok(())
}
