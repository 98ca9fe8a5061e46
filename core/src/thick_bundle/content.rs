//! What must be in a thick bundle that travels as it is, checked as the file passes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use sealift_archive_format::content::{BlobContent, Checked, Watched};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};

use super::{BUNDLE_FILE, CNAB_FILE, LAYOUT_FOLDER};
use crate::cnab::bundle;
use crate::remedy::{ExporterMatter, Remediable, Remedy};
use crate::tarball::{self, PassingFile, TarballError};

/// Why the content of a thick bundle is not what was judged.
#[derive(Debug, thiserror::Error)]
pub enum ThickContentError {
    /// The file cannot be read as a tar file.
    #[error("the thick bundle of {reference} cannot be read")]
    Tarball {
        /// The bundle.
        reference: String,
        /// What is wrong with it.
        source: TarballError,
    },
    /// It has no `bundle.json`, or more than one.
    #[error("the thick bundle of {reference} does not have exactly one {BUNDLE_FILE} or {CNAB_FILE}")]
    NotOneBundle {
        /// The bundle.
        reference: String,
    },
    /// Its `bundle.json` is not the one that was judged.
    #[error(
        "the {BUNDLE_FILE} in the thick bundle of {reference} has the digest {found}, and is not the one that came with it"
    )]
    OtherBundle {
        /// The bundle.
        reference: String,
        /// What its digest is.
        found: Digest,
    },
    /// It lacks a part of an image.
    #[error("the thick bundle of {reference} lacks {digest}, which belongs to one of its images")]
    Missing {
        /// The bundle.
        reference: String,
        /// The blob.
        digest: Digest,
    },
    /// Something in it is not what its name says.
    #[error("in the thick bundle of {reference}, the file named {digest} has other content")]
    Blob {
        /// The bundle.
        reference: String,
        /// The blob.
        digest: Digest,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The file does not have the second digest that was stated, by which it was judged.
    #[error("the thick bundle of {reference} has the digest {found}, and not {stated}")]
    Digest {
        /// The bundle.
        reference: String,
        /// The digest that it was judged by.
        stated: Digest,
        /// The digest that it has.
        found: Digest,
    },
}

impl Remediable for ThickContentError {
    fn remedy(&self) -> Remedy {
        Remedy::AskExporter { about: ExporterMatter::Archive }
    }
}

/// What a thick bundle must hold.
#[derive(Debug, Clone)]
pub(crate) struct ThickContent<'a> {
    /// The reference of the bundle.
    pub(crate) reference: &'a str,
    /// The SHA-512 of the file.
    pub(crate) sha512: &'a Digest,
    /// Its `bundle.json`, for each name that the file has.
    pub(crate) bundles: BTreeSet<&'a Digest>,
    /// The sizes in bytes of the blobs that must be in it: those that are nowhere else, and the manifests of its images.
    pub(crate) blobs: BTreeMap<&'a Digest, u64>,
    /// How much may come out of very few bytes, in bytes.
    pub(crate) free_expansion: u64,
}

/// Why a check ended before its end.
enum Ended<E> {
    Refused(ThickContentError),
    Tarball(TarballError),
    ByReceiver(E),
}

impl<E> From<TarballError> for Ended<E> {
    fn from(error: TarballError) -> Self {
        Self::Tarball(error)
    }
}

impl ThickContent<'_> {
    /// Reads a thick bundle of `length` bytes to its end. Each blob that must be in it goes to `receive` as it passes; what is in the file
    /// besides is passed over.
    ///
    /// # Errors
    /// [`ThickContentError`], and what `receive` returns.
    pub(crate) fn check<E: From<ThickContentError>>(
        &self,
        input: impl Read,
        length: u64,
        mut receive: impl FnMut(&EntryRecord, &mut dyn BlobContent) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut input = HashedInput { input, hasher: Hasher::new(DigestAlgorithm::Sha512) };
        let (mut missing, mut bundles) = (self.blobs.clone(), 0_usize);
        let path = Path::new(self.reference);
        let passed = tarball::pass(path, &mut input, (length, self.free_expansion), |file| {
            if [BUNDLE_FILE, CNAB_FILE].contains(&file.name.as_str()) {
                bundles += 1;
                return self.check_bundle(file).map_err(Ended::Refused);
            }
            let Some(digest) = blob_of(&file.name).filter(|digest| self.blobs.contains_key(digest)) else {
                return Ok(());
            };
            match missing.remove(&digest) {
                Some(size) => self.pass(file, &EntryRecord::blob(&digest, size), &mut receive),
                None => Err(Ended::Tarball(TarballError::Twice { path: path.to_owned(), name: file.name })),
            }
        });
        let refused = |error: ThickContentError| Err(E::from(error));
        let reference = || self.reference.to_owned();
        match passed.and_then(|()| io::copy(&mut input, &mut io::sink()).map_err(|error| self.unread(error))) {
            Err(Ended::ByReceiver(error)) => return Err(error),
            Err(Ended::Refused(error)) => return refused(error),
            Err(Ended::Tarball(source)) => {
                return refused(ThickContentError::Tarball { reference: reference(), source });
            }
            Ok(_) => {}
        }
        let found = input.hasher.finish();
        if found != *self.sha512 {
            return refused(ThickContentError::Digest { reference: reference(), stated: self.sha512.clone(), found });
        }
        if bundles != 1 {
            return refused(ThickContentError::NotOneBundle { reference: reference() });
        }
        match missing.keys().next() {
            None => Ok(()),
            Some(digest) => refused(ThickContentError::Missing { reference: reference(), digest: (*digest).clone() }),
        }
    }

    fn unread<E>(&self, source: io::Error) -> Ended<E> {
        Ended::Tarball(TarballError::Access { path: self.reference.into(), source })
    }

    /// The `bundle.json` in the file is the one that was judged, under each of its names.
    fn check_bundle(&self, file: PassingFile<'_>) -> Result<(), ThickContentError> {
        let limit = bundle::MAXIMUM_LENGTH as u64;
        let mut bytes = Vec::new();
        let read = file.content.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|source| {
            let source = TarballError::Access { path: self.reference.into(), source };
            ThickContentError::Tarball { reference: self.reference.to_owned(), source }
        })?;
        let found = Digest::sha256(&bytes);
        match self.bundles.iter().all(|expected| expected.matches(&bytes)) {
            true => Ok(()),
            false => Err(ThickContentError::OtherBundle { reference: self.reference.to_owned(), found }),
        }
    }

    fn pass<E>(
        &self,
        file: PassingFile<'_>,
        record: &EntryRecord,
        receive: &mut impl FnMut(&EntryRecord, &mut dyn BlobContent) -> Result<(), E>,
    ) -> Result<(), Ended<E>> {
        let mut content = Checked::new(file.content, record);
        let mut content = Watched::new(&mut content);
        let received = receive(record, &mut content);
        if received.is_ok() {
            // An error is the content's fault, which is looked at below.
            let _ = io::copy(&mut content, &mut io::sink());
        }
        match content.into_fault() {
            None => received.map_err(Ended::ByReceiver),
            Some(source) => {
                let (reference, digest) = (self.reference.to_owned(), record.digest.clone());
                Err(Ended::Refused(ThickContentError::Blob { reference, digest, source }))
            }
        }
    }
}

/// The blob whose file in the layout has this name.
fn blob_of(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix(LAYOUT_FOLDER)?.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// Hashes what is read.
struct HashedInput<R> {
    input: R,
    hasher: Hasher,
}

impl<R: Read> Read for HashedInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
