//! OCI image layouts in a folder, or, to be read, in a tar file. OCI Image Specification 1.1, "Image Layout".
//!
//! Promise: what is read has the digest in its name, symbolic links are not followed below the folder, and only regular
//! files are opened. Every file that is written is complete or absent: blobs first, `index.json` last, each by a
//! rename.

mod error;
mod files;
mod folder;
mod names;
mod new_layout;
mod read;
mod tar;
mod write;

pub use error::LayoutError;
pub(crate) use names::{CONTAINERD_NAME, REF_NAME, entry_name};
pub use read::{LayoutSource, OddEntry};
pub use write::LayoutSink;

/// The file that says that a folder is a layout.
pub(crate) const LAYOUT_FILE: &str = "oci-layout";
/// Its content.
pub(crate) const LAYOUT_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The file that lists what the layout contains.
pub(crate) const INDEX_FILE: &str = "index.json";
