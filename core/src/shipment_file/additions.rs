//! Adding images to a shipment, which is somebody's text: what stands there already stays as it is, remarks too.

use std::collections::BTreeSet;

use toml_edit::{Array, DocumentMut, Item, Value};

use super::{ShipmentFile, ShipmentFileError};
use crate::image_scan::meaning;

/// A shipment with more images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Additions {
    /// The text of the file.
    pub text: String,
    /// The names that were added.
    pub added: Vec<String>,
    /// Those that were there already, also under another spelling.
    pub present: Vec<String>,
}

/// Adds images to a shipment, each name once.
///
/// # Errors
/// [`ShipmentFileError`], where it cannot be read, or would have too many images.
pub fn add_images(shipment: &[u8], names: &[String]) -> Result<Additions, ShipmentFileError> {
    let file = ShipmentFile::parse(shipment)?;
    let shipment = std::str::from_utf8(shipment).map_err(|_| ShipmentFileError::NotUtf8)?;
    let known = file.images.iter().map(|image| image.text().split('=').next().unwrap_or_default());
    let mut known: BTreeSet<String> = known.map(|name| meaning(name).unwrap_or_else(|| name.to_owned())).collect();
    let is_new = |name: &&String| known.insert(meaning(name).unwrap_or_else(|| (*name).clone()));
    let (added, present): (Vec<_>, Vec<_>) = names.iter().partition(is_new);
    let mut document: DocumentMut = shipment.parse().map_err(|error: toml_edit::TomlError| {
        ShipmentFileError::NotToml { line: 1, text: String::new(), reason: error.message().to_owned() }
    })?;
    let images = document.entry("images").or_insert(Item::Value(Value::Array(Array::new())));
    if let Some(images) = images.as_array_mut() {
        added.iter().for_each(|name| append(images, name));
    }
    let text = document.to_string();
    ShipmentFile::parse(text.as_bytes())?;
    let owned = |names: Vec<&String>| names.into_iter().cloned().collect();
    Ok(Additions { text, added: owned(added), present: owned(present) })
}

/// Puts a text behind the others, in a line of its own.
fn append(images: &mut Array, name: &str) {
    // What stands behind the last one may be a remark.
    let before = images.trailing().as_str().unwrap_or_default().trim_end().to_owned();
    let mut value = Value::from(name);
    value.decor_mut().set_prefix(format!("{before}\n    "));
    images.push_formatted(value);
    images.set_trailing_comma(true);
    images.set_trailing("\n");
}
