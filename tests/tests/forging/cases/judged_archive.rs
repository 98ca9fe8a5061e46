//! An archive whose head was never judged, delivered.

use sealift_archive_format::Reader;
use sealift_core::verify::Judged;

fn main() {
    let archive: &[u8] = b"";
    let _ = Judged { reader: Reader::open(archive).unwrap(), proof: unreachable!(), attestations: unreachable!() };
}
