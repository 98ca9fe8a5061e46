//! A read-only OCI registry, and mirrors of TUF repositories, straight from archives that were verified.
//!
//! Promise: nothing is served that was not judged and verified first, by the same code that verifies and delivers everywhere else; and no
//! byte goes out that differs from what was verified, whatever becomes of the file in the meantime.
//!
//! | begin with | for |
//! |---|---|
//! | [`Gathering::add`], [`Gathering::complete`] | what archives have, under the names that an import into a registry would give it |
//! | [`ArchiveServer::bind`], [`ArchiveServer::run`] | serving it, until it is stopped |
//! | [`AccessLog`] | hearing what was asked for |
//!
//! How it keeps its promise: an archive is delivered into the [`Catalogue`] as it would be into a registry. The catalogue keeps the manifests
//! and the digest of every piece of every blob, as they pass the verification. When a blob is asked for, each piece is read by its
//! position from the descriptor that was verified, and compared before it is sent; where it differs, the connection is cut.
//!
//! Nothing of this reads the time of day, and nothing writes anything but answers. `docs/adr/0023-a-registry-from-the-archive.md` says why it is made so.

mod access;
mod answer;
mod catalogue;
mod http;
mod server;

pub use access::{AccessEntry, AccessLog, CutReason};
pub use catalogue::{Catalogue, Gathering, ServeError, ServedArchive, ServingTerms};
#[doc(hidden)]
pub use http::request::{MAXIMUM_HEAD, MAXIMUM_HEADERS, RequestFault, RequestHead};
#[doc(hidden)]
pub use http::route::Route;
pub use server::{ArchiveServer, ListenError, ServerLimits, Stopper, TlsIdentity};
