//! `shipment.toml`: what is to be exported, as a file that is kept and changed; and lists of names, one in a line.
//!
//! Promise: each key stands for one option of an export, and its texts are in the notation of that option. A key that is not known is an
//! error, because otherwise a misspelt key would silently leave something out. Every list has a limit, and an error names line and key.
//! Nothing is opened or looked up here.

mod additions;
mod error;
mod reader;
mod rules;
mod template;
mod written;

pub use additions::{Additions, add_images};
pub use error::ShipmentFileError;
pub use rules::WrittenTagRule;
pub use template::TEMPLATE;
pub use written::{WrittenAt, WrittenText};

use reader::TomlReader;

/// The longest file that is read, in bytes.
pub const MAXIMUM_LENGTH: u64 = 4 << 20;
/// The most entries of one list.
pub const MAXIMUM_ENTRIES: usize = 10_000;
/// The longest text of an entry, in bytes.
pub const MAXIMUM_TEXT: usize = 4_096;

/// Every key.
pub(crate) const KEYS: [&str; 14] = [
    "bundles",
    "files",
    "foreign_layers",
    "images",
    "images_from",
    "notary",
    "platforms",
    "referrers",
    "tags",
    "thick_bundles",
    "tuf",
    "valid_for",
    "whole_metadata",
    "with_dependencies",
];

/// What is to be exported. What is not said is as without the option.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShipmentFile {
    /// Bundles, each `NAME` or `NAME=WHERE`.
    pub bundles: Vec<WrittenText>,
    /// Thick bundles that travel as they are, each `NAME=FILE.tgz`.
    pub thick_bundles: Vec<WrittenText>,
    /// Images that belong to no bundle, each `NAME` or `NAME=WHERE`.
    pub images: Vec<WrittenText>,
    /// Images and bundles whose tags are chosen by rules.
    pub tags: Vec<WrittenTagRule>,
    /// Plain files, each `NAME` or `NAME=PATH`.
    pub files: Vec<WrittenText>,
    /// Where the images of thin bundles are.
    pub images_from: Option<WrittenText>,
    /// Whether bundles that bundles need are carried.
    pub with_dependencies: bool,
    /// The platforms of images; empty for all.
    pub platforms: Vec<WrittenText>,
    /// The kinds of referrers, with commas between them; or `all`, or `none`.
    pub referrers: Option<WrittenText>,
    /// What becomes of foreign layers.
    pub foreign_layers: Option<WrittenText>,
    /// TUF repositories, each `REPOSITORY=LOCATION` or `REPOSITORY=METADATA,TARGETS`.
    pub tuf: Vec<WrittenText>,
    /// Collections of Notary, each `REPOSITORY=LOCATION`, or `LOCATION` for all that are needed.
    pub notary: Vec<WrittenText>,
    /// For how long from now everything that proves the items has to be valid.
    pub valid_for: Option<WrittenText>,
    /// Whether the metadata of every role is carried.
    pub whole_metadata: bool,
}

impl ShipmentFile {
    /// Reads `shipment.toml`.
    ///
    /// # Errors
    /// [`ShipmentFileError`], which names the line and the key.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShipmentFileError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ShipmentFileError::NotUtf8)?;
        let reader = TomlReader::of(text);
        let mut file = Self::default();
        for value in reader.document()? {
            match value.key() {
                "bundles" => file.bundles = value.texts()?,
                "thick_bundles" => file.thick_bundles = value.texts()?,
                "images" => file.images = value.texts()?,
                "tags" => file.tags = value.tag_rules()?,
                "files" => file.files = value.texts()?,
                "images_from" => file.images_from = Some(value.text()?),
                "with_dependencies" => file.with_dependencies = value.truth()?,
                "platforms" => file.platforms = value.texts()?,
                "referrers" => file.referrers = Some(value.kinds()?),
                "foreign_layers" => file.foreign_layers = Some(value.text()?),
                "tuf" => file.tuf = value.places()?,
                "notary" => file.notary = value.places()?,
                "valid_for" => file.valid_for = Some(value.text()?),
                "whole_metadata" => file.whole_metadata = value.truth()?,
                _ => return Err(value.unknown("of a shipment", &KEYS)),
            }
        }
        Ok(file)
    }
}

/// Reads a list of names: one in a line, in the notation of an option. What follows a `#` at the beginning of a line or after a space is a
/// comment.
///
/// # Errors
/// [`ShipmentFileError`], which names the line.
pub fn parse_list(bytes: &[u8]) -> Result<Vec<WrittenText>, ShipmentFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ShipmentFileError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut list = reader::TextList::default();
    for (number, line) in (1..).zip(text.lines()) {
        let end = line.match_indices('#').map(|(at, _)| at).find(|at| {
            let before = line.get(..*at).and_then(|before| before.chars().next_back());
            before.is_none_or(char::is_whitespace)
        });
        let named = end.and_then(|end| line.get(..end)).unwrap_or(line).trim();
        if !named.is_empty() {
            list.add(WrittenText::new(named, WrittenAt { line: number, key: None })?)?;
        }
    }
    Ok(list.into_texts())
}

#[cfg(test)]
mod tests;
