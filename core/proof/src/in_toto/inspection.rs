//! Inspections: what the workflow asks of their runner (in-toto 1.0 §4.3.2, §5.2).
//!
//! An inspection is an arbitrary command from the layout. This module only states the question and the answer; the
//! sandbox that runs it lives in its own room, and nothing here runs anything.

use std::path::Path;

use sealift_archive_format::Digest;

use super::artifact::Artifacts;

/// A file of the final product, put into the inspection's working directory under its name.
#[derive(Debug, Clone)]
pub struct ProductFile<'a> {
    /// The file's name there: `bundle.json`, `bundle.tgz` for a thick bundle, or `manifest.json` for an image.
    pub name: String,
    /// Its digests; they have been verified before (TUF binds them).
    pub digests: Vec<Digest>,
    /// Where its bytes are.
    pub content: ProductContent<'a>,
}

/// Where the bytes of a file of the final product are.
#[derive(Debug, Clone, Copy)]
pub enum ProductContent<'a> {
    /// In memory.
    Bytes(&'a [u8]),
    /// In a file that this process may read.
    File(&'a Path),
    /// Not there yet: known by its digests alone, so no inspection can look at it.
    Later,
}

/// One inspection to run.
#[derive(Debug, Clone, Copy)]
pub struct InspectionRequest<'a> {
    /// The inspection's name in the layout.
    pub name: &'a str,
    /// The command and its arguments, parameters substituted. Never empty.
    pub command: &'a [String],
    /// Everything in the working directory.
    pub product: &'a [ProductFile<'a>],
}

/// What an inspection did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectionOutcome {
    /// The command's exit status; 0 is success (§4.3.2.1).
    pub exit_status: i32,
    /// The files in the working directory before the command ran.
    pub materials: Artifacts,
    /// The files in the working directory after it ended.
    pub products: Artifacts,
}

/// Why an inspection could not be run to its end: no sandbox, a limit, a signal.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InspectionError(Box<dyn std::error::Error + Send + Sync>);

impl InspectionError {
    /// Wraps the runner's own error.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Runs inspections, each in a fresh working directory that holds the final product and nothing else.
pub trait InspectionRunner {
    /// Runs one inspection to its end.
    ///
    /// # Errors
    /// [`InspectionError`] when it cannot be run, or is stopped at a limit. A non-zero exit status is an outcome.
    fn run(&self, request: &InspectionRequest<'_>) -> Result<InspectionOutcome, InspectionError>;
}

/// Whether inspections are run.
#[derive(Clone, Copy)]
pub enum Inspections<'a> {
    /// They are not run. The verdict then names them, and its reader must decide whether that is good enough.
    NotRun,
    /// They are run, by this runner.
    Run(&'a dyn InspectionRunner),
}
