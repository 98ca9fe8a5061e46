//! What is lost comes back, what is not enough is named, and nothing else comes out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod losses;
mod vectors;

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};

use super::header::HEADER_LENGTH;
use super::shape::RECORD_LENGTH;
use super::*;
use crate::PositionedInput;

const HEADER: usize = HEADER_LENGTH;
#[allow(clippy::cast_possible_truncation)]
const RECORD: usize = RECORD_LENGTH as usize;

/// Bytes that look like nothing in particular.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn set_of(archive: &[u8], data: u8, parity: u8) -> Vec<Vec<u8>> {
    let length = archive.len() as u64;
    let shape = VolumeShape::new(SetId::of(b"seal", data, parity, length), data, parity, length).unwrap();
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); usize::from(data + parity)]).unwrap();
    writer.write_all(archive).unwrap();
    let volumes = writer.finish().unwrap();
    assert!(volumes.iter().all(|volume| volume.len() as u64 == shape.volume_length()));
    volumes
}

fn open<'a>(files: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<OpenVolumes<&'a [u8]>, VolumeError> {
    let named = |(index, bytes): (usize, &'a Vec<u8>)| NamedVolume { name: format!("file{index}"), input: &**bytes };
    OpenVolumes::open(files.into_iter().enumerate().map(named).collect())
}

fn read<I: PositionedInput>(volumes: OpenVolumes<I>) -> Result<(Vec<u8>, Damage), VolumeError> {
    let mut reader = VolumeReader::new(volumes);
    let (repairs, mut archive) = (reader.repairs(), Vec::new());
    match reader.read_to_end(&mut archive) {
        Ok(_) => Ok((archive, repairs.damage())),
        Err(error) => {
            assert!(reader.read(&mut [0]).is_err(), "an error is the end");
            Err(error.downcast().unwrap())
        }
    }
}

fn read_files(files: &[Vec<u8>]) -> Result<(Vec<u8>, Damage), VolumeError> {
    read(open(files)?)
}

#[test]
fn an_archive_comes_back_whatever_its_length() {
    for (data, parity) in [(1, 0), (1, 3), (3, 2), (5, 1), (2, 0)] {
        let stripe = usize::from(data) * CHUNK_LENGTH;
        for length in [1, CHUNK_LENGTH - 1, CHUNK_LENGTH, CHUNK_LENGTH + 1, stripe, stripe + 1, 2 * stripe - 1] {
            let archive = content(length);
            let (found, damage) = read_files(&set_of(&archive, data, parity)).unwrap();
            assert!(found == archive && damage.is_empty(), "{data}+{parity}, {length} bytes");
        }
    }
}

#[test]
fn the_order_is_in_the_headers() {
    let archive = content(400_000);
    let volumes = set_of(&archive, 3, 2);
    assert!(read(open(volumes.iter().rev()).unwrap()).unwrap().0 == archive);
}

#[test]
fn what_is_lost_is_restored_and_told() {
    let archive = content(1_000_000);
    let mut volumes = set_of(&archive, 3, 2);
    // The second chunk of volume 1, and all but the first two of volume 3.
    volumes[0][HEADER + RECORD + 5] ^= 1;
    volumes[2].truncate(HEADER + 2 * RECORD + 9);
    let (found, damage) = read_files(&volumes).unwrap();
    assert!(found == archive);
    let range = |volume, kind, first, last| DamagedRange { volume, kind, first, last };
    let last = 1_000_000_u64.div_ceil(3 * CHUNK_LENGTH as u64) - 1;
    assert_eq!(damage.ranges(), [range(1, DamageKind::Changed, 1, 1), range(3, DamageKind::Short, 2, last)]);
    let without = |lost: usize| open(volumes.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, it)| it));
    let volumes_left = without(0).unwrap();
    assert_eq!((volumes_left.missing(), volumes_left.name(1), volumes_left.name(2)), (vec![1], None, Some("file0")));
    assert!(read(volumes_left).unwrap().0 == archive);
    // Parity that nothing needs is not read, and an error there is not noticed.
    assert!(read(without(4).unwrap()).unwrap().0 == archive);
}

#[test]
fn one_too_many_is_an_error_that_names_the_volumes() {
    let archive = content(1_000_000);
    let mut volumes = set_of(&archive, 3, 2);
    let error = open(&volumes[3..]).unwrap_err();
    assert!(matches!(&error, VolumeError::TooFew { missing, needed: 1, parity: 2 } if *missing == [1, 2, 3]));
    assert_eq!(
        error.to_string(),
        "volumes 1, 2, 3 are missing, and parity makes up for 2: at least 1 of them must be sent again"
    );
    for volume in [0, 1, 4] {
        volumes[volume][HEADER + 2 * RECORD + 70] ^= 0x80;
    }
    let error = read_files(&volumes).unwrap_err();
    assert!(matches!(&error, VolumeError::Lost { stripe: 2, volumes, needed: 1, parity: 2 } if *volumes == [1, 2, 5]));
    assert_eq!(
        error.to_string(),
        "chunk 2 of volumes 1, 2, 5 is damaged or missing, and parity makes up for 2: at least 1 of these volumes must be sent again"
    );
    let without_parity = &set_of(&archive, 3, 0)[1..];
    let error = open(without_parity).unwrap_err();
    assert_eq!(
        error.to_string(),
        "volume 1 is missing, and parity makes up for 0: at least 1 of them must be sent again"
    );
    let mut without_parity = set_of(&archive, 3, 0);
    without_parity[1][HEADER] ^= 1;
    assert!(matches!(read_files(&without_parity), Err(VolumeError::Lost { stripe: 0, needed: 1, parity: 0, .. })));
}

#[test]
fn one_header_of_a_volume_is_enough() {
    let archive = content(300_000);
    let mut volumes = set_of(&archive, 2, 1);
    for (volume, bytes) in volumes.iter_mut().enumerate() {
        let end = bytes.len() - HEADER;
        bytes[if volume == 1 { end } else { 0 } + 20] ^= 1;
    }
    let opened = open(&volumes).unwrap();
    assert!(opened.unrecognised().is_empty());
    assert_eq!(opened.survey(|_| ()).unwrap().to_write, [1, 2, 3]);
    assert!(read(opened).unwrap().0 == archive);
    // Without both it counts as missing, and is named.
    volumes[1][20] ^= 1;
    let opened = open(&volumes).unwrap();
    assert!(matches!(opened.unrecognised(), [(name, HeaderFault::Digest)] if name == "file1"));
    assert_eq!(opened.missing(), [2]);
    assert!(read(opened).unwrap().0 == archive);
}

#[test]
fn files_that_are_not_one_set_are_refused() {
    let archive = content(300_000);
    let volumes = set_of(&archive, 2, 1);
    assert!(matches!(open(&[]), Err(VolumeError::NoVolumes)));
    assert!(matches!(open(&vec![Vec::new(); 256]), Err(VolumeError::TooManyFiles(256))));
    let others = [Vec::new(), b"something else".to_vec(), vec![0; 100_000]];
    let error = open(&others).unwrap_err();
    assert!(matches!(&error, VolumeError::Header { name, source: HeaderFault::NotAVolume } if name == "file0"));
    let twice = [&volumes[0], &volumes[1], &volumes[0]];
    let error = open(twice).unwrap_err();
    assert_eq!(error.to_string(), "volume 1 is there twice: file0 and file2");
    assert!(matches!(error, VolumeError::Twice { .. }));
    // Another file beside a whole set is told of, and no more.
    let opened = open(volumes.iter().chain(&others)).unwrap();
    assert_eq!(opened.unrecognised().len(), 3);
    assert!(read(opened).unwrap().0 == archive);
}

#[test]
fn volumes_of_two_sets_are_refused_by_name() {
    let volumes = set_of(&content(300_000), 2, 1);
    let of_another = set_of(&content(300_001), 2, 1);
    let error = open([&volumes[0], &of_another[1], &volumes[2]]).unwrap_err();
    let VolumeError::MixedSets(groups) = &error else { panic!("{error}") };
    let names: Vec<_> = groups.iter().map(|group| group.names.clone()).collect();
    assert_eq!(names, [vec!["file0", "file2"], vec!["file1"]]);
    assert!(error.to_string().starts_with("the volumes are of 2 sets: file0, file2 ("));
    // A header that lies about the set id, with the right digest, is believed to be of that set, and then its chunks are damaged.
    let mut liar = of_another[1].clone();
    let shape = *open(&volumes).unwrap().shape();
    liar[..HEADER].copy_from_slice(&VolumeHeader { shape, number: 2 }.to_bytes());
    let (found, damage) = read(open([&volumes[0], &liar, &volumes[2]]).unwrap()).unwrap();
    assert!(found == content(300_000));
    assert_eq!(damage.ranges(), [DamagedRange { volume: 2, kind: DamageKind::Changed, first: 0, last: 2 }]);
}

#[test]
fn a_header_that_contradicts_its_set_is_refused() {
    let mut volumes = set_of(&content(300_000), 2, 1);
    let shape = *open(&volumes).unwrap().shape();
    for (data, parity, length) in [(3, 1, 300_000), (2, 2, 300_000), (2, 1, 300_001), (2, 1, MAXIMUM_ARCHIVE_LENGTH)] {
        let shape = VolumeShape::new(shape.set(), data, parity, length).unwrap();
        volumes[1][..HEADER].copy_from_slice(&VolumeHeader { shape, number: 2 }.to_bytes());
        let error = open(&volumes).unwrap_err();
        assert!(matches!(error, VolumeError::Contradiction { .. }));
        assert_eq!(error.to_string(), "file0 and file1 have the same set id, but describe different sets");
    }
}

#[test]
fn a_lying_header_takes_no_memory_and_no_time() {
    // One volume of one byte states the longest archive, and every chunk of it is missing.
    let shape = VolumeShape::new(SetId::from_bytes([1; 32]), 1, 200, MAXIMUM_ARCHIVE_LENGTH).unwrap();
    let file = VolumeHeader { shape, number: 1 }.to_bytes().to_vec();
    let error = read(open([&file]).unwrap()).unwrap_err();
    assert!(matches!(error, VolumeError::TooFew { needed: 0.., .. } | VolumeError::Lost { stripe: 0, .. }));
    let shape = VolumeShape::new(SetId::from_bytes([1; 32]), 254, 1, MAXIMUM_ARCHIVE_LENGTH).unwrap();
    let file = VolumeHeader { shape, number: 1 }.to_bytes().to_vec();
    assert!(matches!(open([&file]), Err(VolumeError::TooFew { needed: 253, .. })));
}

#[test]
fn chunks_at_another_place_are_damage() {
    let archive = content(800_000);
    let mut volumes = set_of(&archive, 2, 2);
    // Two chunks of one volume are swapped, and one is that of the other volume.
    let (first, second) = (HEADER..HEADER + RECORD, HEADER + RECORD..HEADER + 2 * RECORD);
    let swapped = [&volumes[0][second], &volumes[0][first]].concat();
    volumes[0][HEADER..HEADER + 2 * RECORD].copy_from_slice(&swapped);
    let third = HEADER + 2 * RECORD..HEADER + 3 * RECORD;
    let other = volumes[0][third.clone()].to_vec();
    volumes[1][third].copy_from_slice(&other);
    let (found, damage) = read_files(&volumes).unwrap();
    assert!(found == archive);
    assert_eq!(damage.chunks(), 3);
}

/// Volumes whose chunks are what `change` makes of them, with right digests.
fn forged(volumes: &[Vec<u8>], position: usize, stripe: usize, change: impl Fn(&mut [u8])) -> Vec<Vec<u8>> {
    let mut volumes = volumes.to_vec();
    let header = VolumeHeader::parse(volumes[position][..HEADER].try_into().unwrap()).unwrap();
    let start = HEADER + stripe * RECORD;
    let (chunk, digest) = volumes[position][start..start + RECORD].split_at_mut(CHUNK_LENGTH);
    change(chunk);
    digest.copy_from_slice(&super::chunk::digest(&header, stripe as u64, chunk));
    volumes
}

#[test]
fn a_forged_chunk_is_not_believed_by_repair() {
    let archive = content(500_000);
    let volumes = set_of(&archive, 2, 2);
    let forged = forged(&volumes, 1, 1, |chunk| chunk[0] ^= 1);
    // A reader cannot see it: the seal will.
    assert!(read_files(&forged).unwrap().0 != archive);
    let opened = open([&forged[1], &forged[2], &forged[3]]).unwrap();
    let again = opened.write_again(BTreeMap::from([(1, io::sink())]), |_| ());
    assert!(matches!(again, Err(VolumeError::Inconsistent(1))));
}

#[test]
fn bytes_after_the_end_of_the_archive_are_refused() {
    let archive = content(100_000);
    let volumes = forged(&set_of(&archive, 2, 1), 1, 0, |chunk| chunk[CHUNK_LENGTH - 1] = 1);
    let error = read_files(&volumes).unwrap_err();
    assert!(matches!(error, VolumeError::Padding));
    assert_eq!(error.to_string(), "bytes follow the end of the archive in its last chunks");
}

#[test]
fn lengths_and_outputs_are_what_was_announced() {
    let shape = VolumeShape::new(SetId::from_bytes([1; 32]), 2, 1, 100).unwrap();
    assert!(matches!(
        VolumeWriter::new(shape, vec![Vec::new(); 2]),
        Err(VolumeError::Outputs { volumes: 3, outputs: 2 })
    ));
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); 3]).unwrap();
    writer.write_all(&[1; 99]).unwrap();
    assert!(matches!(writer.finish(), Err(VolumeError::Length { written: 99, announced: 100 })));
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); 3]).unwrap();
    let error = writer.write_all(&[1; 101]).unwrap_err().downcast().unwrap();
    assert!(matches!(error, VolumeError::Length { written: 101, announced: 100 }));
    let full: Vec<&mut [u8]> = (0..3).map(|_| &mut [][..]).collect();
    assert!(matches!(VolumeWriter::new(shape, full), Err(VolumeError::Io(_))));
}

/// A volume with a bad sector.
#[derive(Debug)]
struct Scratched<'a>(&'a [u8], std::ops::Range<u64>);

impl PositionedInput for Scratched<'_> {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        if offset < self.1.end && self.1.start < offset + out.len() as u64 {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.0.read_exact_at(out, offset)
    }
}

#[test]
fn what_the_medium_cannot_read_is_restored() {
    let archive = content(1_000_000);
    let volumes = set_of(&archive, 4, 1);
    let scratch = |volume: usize| if volume == 1 { 0..600 } else { 140_000..142_048 };
    let scratched = |count: usize| {
        let files = volumes.iter().enumerate().map(|(volume, bytes)| {
            let scratch = if volume < count { scratch(volume) } else { 0..0 };
            NamedVolume { name: format!("disc {volume}"), input: Scratched(bytes, scratch) }
        });
        OpenVolumes::open(files.collect()).unwrap()
    };
    let (found, damage) = read(scratched(2)).unwrap();
    assert!(found == archive);
    let range = |volume, chunk| DamagedRange { volume, kind: DamageKind::Unreadable, first: chunk, last: chunk };
    assert_eq!(damage.ranges(), [range(2, 0), range(1, 2)]);
    assert!(matches!(read(scratched(3)), Err(VolumeError::Lost { stripe: 2, .. })));
    let disc = Scratched(&volumes[0], 0..u64::MAX);
    let error = OpenVolumes::open(vec![NamedVolume { name: "disc".to_owned(), input: disc }]).unwrap_err();
    assert!(matches!(error, VolumeError::Header { source: HeaderFault::Io(_), .. }));
}

#[test]
fn a_survey_names_all_volumes_to_send_again() {
    let archive = content(1_000_000);
    let mut volumes = set_of(&archive, 3, 1);
    volumes[1].push(0);
    let opened = open(&volumes).unwrap();
    let survey = opened.survey(|_| ()).unwrap();
    assert_eq!((survey.damage.is_empty(), survey.to_write), (true, vec![2]));
    for (volume, stripe) in [(0, 1), (1, 1), (3, 2), (2, 3), (3, 3)] {
        volumes[volume][HEADER + stripe * RECORD] ^= 1;
    }
    let mut stripes = 0;
    let error = open(&volumes).unwrap().survey(|passed| stripes += passed).unwrap_err();
    assert!(matches!(&error, VolumeError::BeyondRepair { stripes: 2, volumes } if *volumes == [1, 2, 3, 4]));
    assert_eq!(error.to_string(), "2 stripes are beyond repair: send again volumes 1, 2, 3, 4");
    assert_eq!(stripes, 1_000_000_u64.div_ceil(3 * CHUNK_LENGTH as u64));
}

#[test]
fn any_part_of_the_archive_is_read_by_its_position_and_restored() {
    let archive = content(7 * CHUNK_LENGTH + 1234);
    let mut files = set_of(&archive, 3, 2);
    files[0][HEADER + 5] ^= 1;
    files[2][HEADER + RECORD + 5] ^= 1;
    let volumes = PositionedVolumes::new(open([&files[0], &files[2], &files[4], &files[3]]).unwrap());
    assert_eq!(volumes.length().unwrap(), archive.len() as u64);
    for (start, length) in [(0, 1), (0, archive.len()), (65_530, 12), (131_072, 65_536), (archive.len() - 7, 7), (9, 0)]
    {
        let mut read = vec![0; length];
        volumes.read_exact_at(&mut read, start as u64).unwrap();
        assert!(read == archive[start..start + length], "{start}, {length}");
    }
    let past = |offset: u64| volumes.read_exact_at(&mut [0; 8], offset).unwrap_err().kind();
    assert_eq!([past(archive.len() as u64 - 7), past(u64::MAX - 3)], [io::ErrorKind::UnexpectedEof; 2]);
    files[4][HEADER + 5] ^= 1;
    let volumes = PositionedVolumes::new(open([&files[0], &files[2], &files[4]]).unwrap());
    let error = volumes.read_exact_at(&mut [0], 0).unwrap_err().downcast().unwrap();
    assert!(matches!(error, VolumeError::Lost { stripe: 0, .. }));
}

/// The volumes in one file, and what is read from it.
fn read_one_file(file: &[u8]) -> Result<(Vec<u8>, Damage), VolumeError> {
    let named = |input| NamedVolume { name: "one".to_owned(), input };
    read(OpenVolumes::open_in_one_file(VolumeSection::all(file).into_iter().map(named).collect())?)
}

#[test]
fn volumes_one_after_another_in_one_file_survive_scratches_and_a_lost_beginning_or_end() {
    let archive = content(40 * CHUNK_LENGTH);
    let (data, parity) = VolumeShape::in_one_file(archive.len() as u64, 10);
    assert_eq!((data, parity), (20, 2));
    let file = set_of(&archive, data, parity).concat();
    let each = file.len() / 22;
    assert!(read_one_file(&file).unwrap() == (archive.clone(), Damage::default()));
    let scratched = |from: usize, to: usize| {
        let mut file = file.clone();
        file[from..to].fill(0xee);
        read_one_file(&file)
    };
    // As much in one piece as there is parity, wherever it begins: at the first header, over others, at the last one.
    for from in [0, 300, each - 400, 7 * each + 9, file.len() - 2 * each + RECORD] {
        let (read, damage) = scratched(from, (from + 2 * each - RECORD).min(file.len())).unwrap();
        assert!(read == archive && (from > file.len() - 2 * each || !damage.is_empty()), "{from}");
    }
    assert!(matches!(scratched(each, 5 * each), Err(VolumeError::FileDamaged { lost: 4, .. })));
    let (read, _) = read_one_file(&file[..file.len() - each - 9000]).unwrap();
    assert!(read == archive);
    // Also where all that is left is the last of two.
    let mut two = set_of(&archive, 1, 1).concat();
    let half = two.len() / 2;
    two[..half].fill(0);
    assert!(read_one_file(&two).unwrap().0 == archive);
    // What follows is ignored, and one volume alone is one volume.
    assert!(read_one_file(&[&file[..], b"rest"].concat()).unwrap().0 == archive);
    assert_eq!(VolumeSection::all(&file[..each + 3]).len(), 1);
    assert_eq!(VolumeSection::all(&archive[..]).len(), 1);
}

#[test]
fn a_percentage_gives_as_much_parity_at_least() {
    for (length, percent, expected) in [
        (1, 10, (1, 1)),
        (5 * CHUNK_LENGTH as u64, 10, (5, 1)),
        (u64::MAX, 10, (20, 2)),
        (u64::MAX, 1, (100, 1)),
        (u64::MAX, 4, (100, 4)),
        (u64::MAX, 100, (20, 20)),
    ] {
        assert_eq!(VolumeShape::in_one_file(length, percent), expected);
    }
}
