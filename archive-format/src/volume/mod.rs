//! Volumes: an archive cut into several files, with others that make up for the loss of some.
//!
//! `docs/volumes.md` is the normative specification. `k` data volumes hold the archive, `m` parity volumes hold what restores it when
//! any `m` of all the volumes are lost, or in every stripe any `m` chunks.
//!
//! Promise: what a [`VolumeReader`] hands out are the bytes that were cut, unless someone changed chunks and their digests on purpose: the
//! digests of chunks find damage, and prove nothing. Whether the archive is to be believed is for its seal to say, as if it had come in one piece.
//! What was restored is told, never kept quiet, and no input is changed. The order of the volumes is in their headers, never in their names.
//!
//! | you want to | begin with |
//! |---|---|
//! | cut an archive whose length is known | [`VolumeShape::new`], [`VolumeWriter`] |
//! | read one | [`OpenVolumes::open`], [`VolumeReader`] |
//! | read one at any position | [`PositionedVolumes`] |
//! | copy volumes from a drive that holds one at a time | [`VolumeCopy`] |
//! | find all damage, and write volumes again | [`OpenVolumes::survey`], [`OpenVolumes::write_again`] |
//!
//! ```
//! use std::io::{Read as _, Write as _};
//!
//! use sealift_archive_format::volume::{NamedVolume, OpenVolumes, SetId, VolumeReader, VolumeShape, VolumeWriter};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let archive = b"an archive".repeat(50_000);
//! let length = archive.len() as u64;
//! let shape = VolumeShape::new(SetId::of(b"its seal", 3, 2, length), 3, 2, length)?;
//! let mut writer = VolumeWriter::new(shape, vec![Vec::new(); 5])?;
//! writer.write_all(&archive)?;
//! let written = writer.finish()?;
//!
//! // Any two of the five may be lost, and the others come in any order, under any name.
//! let left = [&written[4], &written[0], &written[2]];
//! let files = left.map(|bytes| NamedVolume { name: "found".to_owned(), input: bytes.as_slice() });
//! let mut reader = VolumeReader::new(OpenVolumes::open(files.into())?);
//! let (repairs, mut read) = (reader.repairs(), Vec::new());
//! reader.read_to_end(&mut read)?;
//! assert!(read == archive);
//! assert_eq!(repairs.damage().ranges()[0].to_string(), "volume 2: chunks 0 to 2 are missing");
//! # Ok(())
//! # }
//! ```

mod chunk;
mod code;
mod copy;
mod damage;
mod error;
mod header;
mod open;
mod positioned;
mod reader;
mod repair;
mod section;
mod shape;
mod stripe;
mod writer;

#[cfg(test)]
mod tests;

pub use copy::VolumeCopy;
pub use damage::{Damage, DamageKind, DamagedRange, MAXIMUM_RANGES};
pub use error::{VolumeError, VolumeGroup};
pub use header::{HeaderFault, VolumeHeader};
pub use open::{NamedVolume, OpenVolumes};
pub use positioned::PositionedVolumes;
pub use reader::{Repairs, VolumeReader};
pub use repair::Survey;
pub use section::{SectionWriter, VolumeSection};
pub use shape::{CHUNK_LENGTH, MAXIMUM_ARCHIVE_LENGTH, MAXIMUM_VOLUMES, SetId, ShapeError, VolumeShape};
pub use writer::VolumeWriter;
