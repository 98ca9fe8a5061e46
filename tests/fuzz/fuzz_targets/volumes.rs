//! Whatever is done to the volumes of a set: what is read from them is the archive, or an error is; and headers are read as they are written.
#![no_main]

use std::io::{Read as _, Write as _};

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::PositionedInput;
use sealift_archive_format::volume::{
    CHUNK_LENGTH, NamedVolume, OpenVolumes, SetId, VolumeHeader, VolumeReader, VolumeSection, VolumeShape, VolumeWriter,
};

/// A set of two stripes: three data volumes and two parity volumes.
fn volumes(archive: &[u8]) -> Vec<Vec<u8>> {
    let length = archive.len() as u64;
    let shape = VolumeShape::new(SetId::of(b"seal", 3, 2, length), 3, 2, length).expect("a possible set");
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); 5]).expect("as many outputs as volumes");
    writer.write_all(archive).expect("memory can be written");
    writer.finish().expect("all of it was written")
}

/// Changes volumes as the input says, four bytes for each change.
fn change(volumes: &mut Vec<Vec<u8>>, changes: &[u8]) {
    for change in changes.chunks_exact(4).take(64) {
        let [what, volume, high, low] = change else { continue };
        let index = usize::from(*volume) % volumes.len();
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        match what % 5 {
            0 => volumes[index].truncate(at * 3),
            // Both headers and all chunks can be reached.
            1 => {
                let place = at * 3 % volumes[index].len().max(1);
                volumes[index].get_mut(place).into_iter().for_each(|byte| *byte ^= what | 1);
            }
            2 => {
                let other = at % 5 % volumes.len();
                volumes.swap(index, other);
            }
            3 if volumes.len() > 1 => drop(volumes.remove(index)),
            3 => {}
            _ => volumes[index].push(*low),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    if let Some(Ok(header)) = data.first_chunk().map(VolumeHeader::parse) {
        assert_eq!(header.to_bytes().as_slice(), &data[..512]);
    }
    let archive = vec![data.first().copied().unwrap_or_default(); 4 * CHUNK_LENGTH + 100];
    let mut changed = volumes(&archive);
    change(&mut changed, data.get(1..).unwrap_or_default());
    check(changed.iter().map(Vec::as_slice).collect(), &archive);
    // The same volumes one after another in one file.
    let together = changed.concat();
    check(VolumeSection::all(together.as_slice()), &archive);
});

/// What is read from volumes is the archive, or an error is.
fn check<I: PositionedInput>(volumes: Vec<I>, archive: &[u8]) {
    let named = |input| NamedVolume { name: String::new(), input };
    let Ok(opened) = OpenVolumes::open(volumes.into_iter().map(named).collect()) else { return };
    let is_repairable = opened.survey(|_| ()).is_ok();
    let mut read = Vec::new();
    let is_read = VolumeReader::new(opened).read_to_end(&mut read).is_ok();
    assert!(if is_read { read == archive } else { archive.starts_with(&read) && !is_repairable });
}
