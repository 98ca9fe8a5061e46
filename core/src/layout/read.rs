//! Layouts as a source.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::error::LayoutError;
use super::files::{LayoutFiles, OpenedBlob};
use super::folder::Folder;
use super::names::{EntryNames, REF_NAME, is_named, meaning, name_of};
use super::tar::TarFolder;
use super::{INDEX_FILE, LAYOUT_FILE};
use crate::nearness::nearest_first;
use crate::oci::descriptor::Annotations;
use crate::oci::manifest::{Document, MAXIMUM_LENGTH, ManifestError};
use crate::oci::media_type::{self, Announced, OCI_INDEX};
use crate::oci::{Descriptor, ImageIndex, ManifestBytes, Reference, Repository, Tag, referrers_tag};
use crate::place::InnerName;
use crate::tarball::Tarball;
use crate::transfer::{BlobContent, Checked, Source, SourceError};

/// How many of the names that a layout lists are shown where one is not found.
const MAXIMUM_LISTED: usize = 6;

/// The supported version of the layout.
const VERSION: &str = "1.0.0";

/// The most bytes of manifests that are read to see which of them refer to others: some 100,000 of a usual length.
pub(super) const MAXIMUM_LISTED_BYTES: u64 = 256 << 20;

/// Reads from one layout. References are looked up in its `index.json`; repositories make no difference, but that of two things with
/// one tag that is made from a digest, the one in the repository that is asked is meant.
pub struct LayoutSource {
    files: Box<dyn LayoutFiles>,
    index: ImageIndex,
    /// For each entry of the index, its place in `index.json`, counted from 0: entries that cannot be used have places too.
    places: Vec<usize>,
    names: EntryNames,
    /// The manifests that `index.json` lists, by subject; read when first needed.
    referrers: Mutex<Option<BTreeMap<Digest, Vec<Descriptor>>>>,
    /// What was passed over.
    passed_over: Mutex<Vec<OddEntry>>,
}

/// An entry of `index.json` that cannot be used. What is asked for may still be beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddEntry {
    /// Its digest, or `entry @N`, counted from 0, as entries are named.
    pub entry: String,
    /// Why it cannot be used.
    pub reason: String,
}

/// `index.json`, as far as it is read where not every entry is a descriptor.
#[derive(Deserialize)]
struct LooseIndex {
    #[expect(dead_code, reason = "it is read again, entry by entry")]
    manifests: IgnoredAny,
}

/// The entries of an `index.json` that are descriptors, each with its place, and those that are not.
#[derive(Default)]
struct SortedEntries {
    places: Vec<usize>,
    descriptors: Vec<Descriptor>,
    odd: Vec<OddEntry>,
}

fn sort_entries(content: &[u8]) -> Result<SortedEntries, JsonError> {
    // What is around the entries has one reading.
    strict_json::read::<LooseIndex>(content, Names::Folded)?;
    let mut index = strict_json::parse(content)?;
    let entries = index.get_mut("manifests").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let mut sorted = SortedEntries::default();
    for (place, entry) in entries.into_iter().enumerate() {
        let bytes = serde_json::to_vec(&entry).unwrap_or_default();
        match strict_json::read::<Descriptor>(&bytes, Names::Folded) {
            Ok(descriptor) => {
                sorted.places.push(place);
                sorted.descriptors.push(descriptor);
            }
            Err(error) => sorted.odd.push(OddEntry { entry: format!("entry @{place}"), reason: error.to_string() }),
        }
    }
    Ok(sorted)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayoutFile {
    image_layout_version: String,
}

impl LayoutSource {
    /// Opens the layout in a folder.
    ///
    /// # Errors
    /// [`LayoutError`] when the folder is not a layout, or its `index.json` is not usable.
    pub fn open(path: &Path) -> Result<Self, LayoutError> {
        Self::of(Box::new(Folder::open(path)?))
    }

    /// Opens the layout in a folder of a tar file. `prefix` is empty, or ends with `/`.
    ///
    /// # Errors
    /// As [`LayoutSource::open`].
    pub fn in_tarball(tarball: Arc<Tarball>, prefix: &str) -> Result<Self, LayoutError> {
        Self::of(Box::new(TarFolder::new(tarball, prefix)))
    }

    /// The reference by which to request the thing called `name`, which is called `entry` here. Without an entry it is the name; but if
    /// there is only one thing, and it has no name, it is its digest. Tools make such layouts when they save an image that has no name.
    ///
    /// # Errors
    /// [`LayoutError::NameNotFound`] and [`LayoutError::NameAmbiguous`], where `entry` is not a reference.
    pub fn reference_of(&self, name: &Reference, entry: Option<&InnerName>) -> Result<Reference, LayoutError> {
        // What an entry is called itself says where what hangs off it is.
        let by_digest = |entry: &Descriptor| {
            let called = name_of(entry).and_then(meaning);
            called.unwrap_or_else(|| name.clone()).with_digest(entry.digest.clone())
        };
        match (entry, self.index.manifests.as_slice()) {
            (None, [only]) if name.digest().is_none() && !is_named(only) => Ok(by_digest(only)),
            (None, _) => Ok(name.clone()),
            (Some(InnerName::Reference(reference)), _) => Ok(reference.clone()),
            (Some(InnerName::Text(text)), _) => self.only(self.names.written(text), text).map(by_digest),
            (Some(InnerName::Position(place)), _) => {
                let at: Vec<usize> = self.places.binary_search(place).into_iter().collect();
                self.only(&at, &format!("@{place}")).map(by_digest)
            }
        }
    }

    fn of(files: Box<dyn LayoutFiles>) -> Result<Self, LayoutError> {
        check_version(&*files)?;
        let folder = || files.path().to_owned();
        let not_usable =
            |error| LayoutError::Manifest { folder: folder(), name: INDEX_FILE.to_owned(), source: Box::new(error) };
        let content = files.read(INDEX_FILE, MAXIMUM_LENGTH)?;
        let content = content.ok_or_else(|| LayoutError::NoIndex { folder: folder() })?;
        let (index, places, odd) = match Document::parse(&content, OCI_INDEX) {
            Ok(Document::Index(index)) => {
                let places = (0..index.manifests.len()).collect();
                (*index, places, Vec::new())
            }
            Ok(Document::Image(_)) => return Err(not_usable(ManifestError::Ambiguous)),
            // One entry that is odd need not be the one that is asked for.
            Err(error) => match sort_entries(&content) {
                Ok(SortedEntries { places, descriptors: manifests, odd }) if !odd.is_empty() => {
                    let annotations = Annotations::default();
                    (ImageIndex { manifests, subject: None, artifact_type: None, annotations }, places, odd)
                }
                _ => return Err(not_usable(error)),
            },
        };
        let names = EntryNames::of(&index.manifests);
        Ok(Self { files, index, places, names, referrers: Mutex::new(None), passed_over: Mutex::new(odd) })
    }

    /// The entries that were passed over so far, because they cannot be used.
    pub fn passed_over(&self) -> Vec<OddEntry> {
        self.passed_over.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The layout's only entry, if there is exactly one.
    ///
    /// # Errors
    /// [`LayoutError::NameNotFound`], [`LayoutError::NameAmbiguous`], and errors of reading its manifest.
    pub fn only_entry(&self) -> Result<ManifestBytes, LayoutError> {
        let all: Vec<usize> = (0..self.index.manifests.len()).collect();
        self.read_manifest(self.only(&all, "")?)
    }

    /// The one entry among these of the index, or all of them if they are the same.
    fn only(&self, found: &[usize], name: &str) -> Result<&Descriptor, LayoutError> {
        let (folder, notation, name) = (self.files.path().to_owned(), self.files.notation(), name.to_owned());
        let entries: Vec<&Descriptor> = found.iter().filter_map(|at| self.index.manifests.get(*at)).collect();
        match entries.as_slice() {
            [] => {
                let all = self.places.iter().zip(&self.index.manifests);
                let named = |(place, entry): (&usize, &Descriptor)| {
                    entry.annotations.get(REF_NAME).map_or_else(|| format!("@{place}"), ToString::to_string)
                };
                let odd = self.passed_over().into_iter().take(MAXIMUM_LISTED).collect();
                let mut listed = nearest_first(&name, all.map(named).collect());
                listed.truncate(MAXIMUM_LISTED);
                Err(LayoutError::NameNotFound { folder, notation, name, listed, odd })
            }
            [first, others @ ..] if others.iter().all(|other| other.digest == first.digest) => Ok(first),
            _ => {
                let places = found.iter().filter_map(|at| self.places.get(*at));
                let listed: Vec<String> = places.take(MAXIMUM_LISTED).map(|place| format!("@{place}")).collect();
                let called = listed.iter().zip(&entries).map(|(at, entry)| match name_of(entry) {
                    Some(name) => format!("{at} is {name:?}, {}", entry.digest),
                    None => format!("{at} is {}", entry.digest),
                });
                let called = called.collect();
                Err(LayoutError::NameAmbiguous { folder, name, count: entries.len(), notation, listed, called })
            }
        }
    }

    fn read_manifest(&self, descriptor: &Descriptor) -> Result<ManifestBytes, LayoutError> {
        self.as_manifest(descriptor, self.read_blob(&descriptor.digest)?)
    }

    fn as_manifest(&self, descriptor: &Descriptor, bytes: Vec<u8>) -> Result<ManifestBytes, LayoutError> {
        ManifestBytes::new(descriptor.clone(), bytes).map_err(|source| self.not_usable(&descriptor.digest, source))
    }

    /// The content of a blob that is no longer than a manifest may be, unchecked.
    fn read_blob(&self, digest: &Digest) -> Result<Vec<u8>, LayoutError> {
        let (file, length) = self.open_blob(digest)?;
        if length > MAXIMUM_LENGTH {
            return Err(self.not_usable(digest, ManifestError::Length { length }));
        }
        let mut bytes = Vec::new();
        let read = std::io::Read::read_to_end(&mut std::io::Read::take(file, MAXIMUM_LENGTH), &mut bytes);
        read.map(|_| bytes).map_err(|source| LayoutError::Access { path: self.files.path().to_owned(), source })
    }

    fn open_blob(&self, digest: &Digest) -> Result<OpenedBlob<'_>, LayoutError> {
        let missing = || LayoutError::BlobNotFound { folder: self.files.path().to_owned(), digest: digest.clone() };
        self.files.blob(digest)?.ok_or_else(missing)
    }

    fn not_usable(&self, digest: &Digest, error: ManifestError) -> LayoutError {
        let (folder, name) = (self.files.path().to_owned(), digest.to_string());
        LayoutError::Manifest { folder, name, source: Box::new(error) }
    }

    /// What `index.json` lists, by subject. Anything that is not a manifest, or is of an unknown kind, is not a
    /// referrer.
    fn read_referrers(&self) -> Result<BTreeMap<Digest, Vec<Descriptor>>, LayoutError> {
        let mut referrers: BTreeMap<Digest, Vec<Descriptor>> = BTreeMap::new();
        let mut total = 0_u64;
        let is_manifest = |entry: &&Descriptor| match Announced::by(&entry.media_type) {
            Announced::Nothing => true,
            Announced::Type(named) => media_type::manifest(&named).is_some(),
        };
        for entry in self.index.manifests.iter().filter(is_manifest) {
            let read = self.read_blob(&entry.digest);
            // Whatever size is stated: what counts is what was read.
            total = total.saturating_add(read.as_ref().map_or(0, |bytes| bytes.len() as u64));
            if total > MAXIMUM_LISTED_BYTES {
                return Err(LayoutError::TooMuchListed { folder: self.files.path().to_owned() });
            }
            let manifest = match read.and_then(|bytes| self.as_manifest(entry, bytes)) {
                // What has a name of its own and cannot be read is somebody else's trouble. What has none may be a referrer.
                Err(error @ (LayoutError::Manifest { .. } | LayoutError::BlobNotFound { .. }))
                    if entry.annotations.get(REF_NAME).is_some() =>
                {
                    let reason =
                        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                    let odd = OddEntry { entry: entry.digest.to_string(), reason };
                    self.passed_over.lock().unwrap_or_else(PoisonError::into_inner).push(odd);
                    continue;
                }
                read => read?,
            };
            if let Some(subject) = manifest.document().subject() {
                referrers.entry(subject.digest.clone()).or_default().push(entry.clone());
            }
        }
        Ok(referrers)
    }

    /// The referrers that are listed in an index under the tag of a subject, in whatever repository: others write them so.
    fn referrers_by_tag(&self, subject: &Digest) -> Result<Vec<Descriptor>, LayoutError> {
        let tagged = referrers_tag(subject).map(|tag| self.names.tagged(&tag)).unwrap_or_default();
        let mut referrers = Vec::new();
        for entry in tagged.iter().filter_map(|at| self.index.manifests.get(*at)) {
            if let Document::Index(index) = self.read_manifest(entry)?.document() {
                referrers.extend(index.manifests.iter().filter(|_| entry.digest != *subject).cloned());
            }
        }
        Ok(referrers)
    }

    /// The manifest of a digest that `index.json` does not list, such as one inside an index.
    fn unlisted(&self, digest: &Digest) -> Result<ManifestBytes, LayoutError> {
        let bytes = self.read_blob(digest)?;
        ManifestBytes::describe(bytes, "", digest.clone()).map_err(|source| self.not_usable(digest, source))
    }
}

/// Checks that the files state that they are a layout of the supported version.
pub(super) fn check_version(files: &dyn LayoutFiles) -> Result<(), LayoutError> {
    let path = files.path().to_owned();
    let Some(content) = files.read(LAYOUT_FILE, MAXIMUM_LENGTH)? else {
        return Err(LayoutError::NotALayout { folder: path });
    };
    let file: LayoutFile = strict_json::parse_into(&content)
        .map_err(|source| LayoutError::Json { path: path.join(LAYOUT_FILE), source })?;
    if file.image_layout_version != VERSION {
        let version = file.image_layout_version.chars().take(40).collect();
        return Err(LayoutError::Version { folder: path, version });
    }
    Ok(())
}

impl Source for LayoutSource {
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        let found = self.names.matching(reference);
        match reference.digest() {
            Some(digest) if found.is_empty() => Ok(self.unlisted(digest)?),
            _ => Ok(self.read_manifest(self.only(&found, reference.as_given())?)?),
        }
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        let reference = Reference::new(repository.clone(), Some(tag.clone()), None);
        match self.names.matching(&reference) {
            found if found.is_empty() => Ok(None),
            found => Ok(Some(self.read_manifest(self.only(&found, reference.as_given())?)?)),
        }
    }

    fn manifest(&self, _: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        Ok(self.read_manifest(descriptor)?)
    }

    fn blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        let (file, found) = self.open_blob(&descriptor.digest)?;
        if found != descriptor.size {
            let (digest, expected) = (descriptor.digest.clone(), descriptor.size);
            return Err(LayoutError::Size { digest, expected, found }.into());
        }
        Ok(Box::new(Checked::new(file, descriptor)))
    }

    fn has_blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<bool, SourceError> {
        match self.open_blob(&descriptor.digest) {
            Ok((_, length)) => Ok(length == descriptor.size),
            Err(error) => {
                let error = SourceError::from(error);
                if error.is_missing() { Ok(false) } else { Err(error) }
            }
        }
    }

    /// The referrers that `index.json` lists, and those that an index under the subject's tag lists.
    fn referrers(&self, _: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        // Whoever comes first reads them, and the others wait.
        let mut read = self.referrers.lock().unwrap_or_else(PoisonError::into_inner);
        let referrers = match &mut *read {
            Some(referrers) => referrers,
            none => none.insert(self.read_referrers()?),
        };
        let mut listed = referrers.get(subject).cloned().unwrap_or_default();
        drop(read);
        let mut seen: HashSet<Digest> = listed.iter().map(|it| it.digest.clone()).collect();
        listed.extend(self.referrers_by_tag(subject)?.into_iter().filter(|it| seen.insert(it.digest.clone())));
        Ok(listed)
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        Ok(self.names.tags(repository))
    }
}
