//! OCI image layouts in a folder. OCI Image Specification 1.1, "Image Layout".
//!
//! Promise: what is read has the digest in its name, symbolic links are not followed below the folder, and only regular
//! files are opened. Every file that is written is complete or absent: blobs first, `index.json` last, each by a
//! rename.

mod error;
mod files;
mod folder;
mod names;
mod read;
mod write;

pub use error::LayoutError;
pub use read::LayoutSource;
pub use write::LayoutSink;

/// The file that says that a folder is a layout.
const LAYOUT_FILE: &str = "oci-layout";
/// Its content.
const LAYOUT_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The file that lists what the layout contains.
const INDEX_FILE: &str = "index.json";
