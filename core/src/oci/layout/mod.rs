//! OCI image layouts in a folder. OCI Image Specification 1.1, "Image Layout".
//!
//! Promise: what is read has the digest it is named by, symbolic links are not followed below the folder, and nothing but
//! regular files is opened. What is written is whole or absent: blobs first, `index.json` last, each by a rename.

mod error;
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
/// The file that lists what the layout is about.
const INDEX_FILE: &str = "index.json";
