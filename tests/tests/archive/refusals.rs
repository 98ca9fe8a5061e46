//! One refusal a test, each with its own problem, at its entry and its byte.

use sealift_archive_format::seal::SealFormatError;
use sealift_archive_format::tar_profile::BLOCK_LENGTH;
use sealift_archive_format::{Digest, EntryName, FormatError, Problem, Reader};
use sealift_tests::archive_mutator::{Mutator, Record, Sample};
use tar::EntryType;

/// `index.json`, in the mutator's records.
const INDEX: usize = 2;
/// What comes after the last record.
const END: usize = 9;
/// The TUF target whose name needs a pax header.
const LONG: usize = 4;

fn read(bytes: &[u8]) -> Result<u64, FormatError> {
    Reader::open(bytes)?.read_inventory()?.finish()
}

/// Breaks the sample in one place; the refusal must be at that record, or after it for what is added.
fn refused_at(record: usize, change: impl FnOnce(&mut Mutator)) -> Problem {
    let sample = Sample::default();
    let mut mutator = sample.mutator();
    change(&mut mutator);
    let error = read(&mutator.bytes()).unwrap_err();
    let layout = sample.layout();
    let place = layout.entries.get(record);
    assert_eq!(error.entry.as_ref(), place.map(|place| &place.name), "{error}: {}", error.problem);
    let start = place.map_or(layout.length - 1_024, |place| place.header_offset);
    let end = layout.entries.get(record + 1).map_or(layout.length, |next| next.header_offset);
    assert!((start..=end).contains(&error.offset), "{error}");
    error.problem
}

fn refused_type(kind: EntryType) -> Problem {
    refused_at(INDEX, |archive| archive.records[INDEX].change_header(|header| header.set_entry_type(kind)))
}

fn refused_name(name: &str) -> Problem {
    refused_at(INDEX, |archive| {
        let content = archive.records[INDEX].content.clone();
        archive.records[INDEX] = Record::new(name, &content, |_| {});
    })
}

#[test]
fn the_sample_itself_is_read_to_its_last_byte() {
    let sample = Sample::default();
    assert_eq!(read(&sample.bytes()).unwrap(), sample.layout().length);
    assert_eq!(sample.mutator().bytes(), sample.bytes());
}

#[test]
fn links_devices_folders_and_pipes_are_refused() {
    for kind in
        [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Directory, EntryType::Fifo]
    {
        assert!(matches!(refused_type(kind), Problem::EntryType { found } if found == char::from(kind.as_byte())));
    }
}

#[test]
fn old_and_contiguous_kinds_of_regular_file_are_refused() {
    for flag in [0, b'7'] {
        let change = |header: &mut tar::Header| header.as_mut_bytes()[156] = flag;
        let problem = refused_at(INDEX, |archive| archive.records[INDEX].change_header(change));
        assert!(matches!(problem, Problem::EntryType { .. }));
    }
}

#[test]
fn sparse_files_are_refused() {
    assert!(matches!(refused_type(EntryType::GNUSparse), Problem::EntryType { found: 'S' }));
}

#[test]
fn gnu_long_names_and_links_are_refused() {
    for (kind, flag) in [(EntryType::GNULongName, 'L'), (EntryType::GNULongLink, 'K')] {
        let problem = refused_at(INDEX, |archive| {
            let long = Record::new("././@LongLink", b"index.json\0", |header| header.set_entry_type(kind));
            archive.records.insert(INDEX, long);
        });
        assert!(matches!(problem, Problem::EntryType { found } if found == flag));
    }
}

#[test]
fn pax_headers_where_none_is_needed_are_refused() {
    for (kind, flag) in [(EntryType::XHeader, 'x'), (EntryType::XGlobalHeader, 'g')] {
        let problem = refused_at(INDEX, |archive| {
            let pax = Record::new("sealift/pax", b"19 path=index.json\n", |header| header.set_entry_type(kind));
            archive.records.insert(INDEX, pax);
        });
        assert!(matches!(problem, Problem::EntryType { found } if found == flag));
    }
}

#[test]
fn a_pax_header_says_what_is_needed_and_no_more() {
    let body = |archive: &Mutator| archive.records[LONG].header[BLOCK_LENGTH..2 * BLOCK_LENGTH].to_vec();
    let with_body = |change: fn(&mut [u8])| {
        refused_at(LONG, |archive| {
            let mut changed = body(archive);
            change(&mut changed);
            archive.records[LONG].header[BLOCK_LENGTH..2 * BLOCK_LENGTH].copy_from_slice(&changed);
        })
    };
    assert!(matches!(with_body(|body| body[20] ^= 1), Problem::PaxHeader), "another name");
    assert!(matches!(with_body(|body| body[511] = 1), Problem::PaxHeader), "padding");
    let more = refused_at(LONG, |archive| {
        let header = &archive.records[LONG].header;
        let mut text = body(archive);
        text.truncate(text.iter().position(|&byte| byte == 0).unwrap());
        text.extend_from_slice(b"11 mtime=1\n");
        let pax = Record::new("sealift/pax", &text, |header| header.set_entry_type(EntryType::XHeader));
        let main = header[2 * BLOCK_LENGTH..].to_vec();
        archive.records[LONG].header = [pax.header, pax.content, main].concat();
    });
    assert!(matches!(more, Problem::PaxHeader), "one more record: {more}");
}

#[test]
fn a_long_name_without_its_pax_header_is_refused() {
    let problem = refused_at(LONG, |archive| drop(archive.records[LONG].header.drain(..2 * BLOCK_LENGTH)));
    assert!(matches!(problem, Problem::UnexpectedEntry { .. }));
}

#[test]
fn the_ustar_prefix_is_refused() {
    let problem = refused_at(INDEX, |archive| {
        archive.records[INDEX]
            .change_header(|header| header.as_ustar_mut().unwrap().prefix[..7].copy_from_slice(b"sealift"));
    });
    assert!(matches!(problem, Problem::UnexpectedEntry { found } if found == "sealift/index.json"));
}

#[test]
fn absolute_and_dotted_names_are_refused() {
    for name in ["/index.json", "../index.json", "./index.json", "a/../index.json", "index.json/"] {
        assert!(matches!(refused_name(name), Problem::UnexpectedEntry { found } if found == name));
    }
}

#[test]
fn an_entry_that_is_not_listed_is_refused() {
    assert!(matches!(refused_name("other"), Problem::UnexpectedEntry { found } if found == "other"));
    let added = refused_at(INDEX, |archive| archive.records.insert(INDEX, Record::new("other", b"content", |_| {})));
    assert!(matches!(added, Problem::UnexpectedEntry { found } if found == "other"));
    let last = refused_at(END, |archive| archive.records.push(Record::new("other", b"content", |_| {})));
    assert!(matches!(last, Problem::End));
}

#[test]
fn an_entry_that_comes_twice_is_refused() {
    let name = Sample::default().contents[0].0.to_string();
    let problem = refused_at(INDEX, |archive| archive.records.insert(INDEX, archive.records[1].clone()));
    assert!(matches!(problem, Problem::UnexpectedEntry { found } if found == name));
    let seal = refused_at(1, |archive| archive.records.insert(1, archive.records[0].clone()));
    assert!(matches!(seal, Problem::UnexpectedEntry { found } if found == EntryName::seal().as_str()));
}

#[test]
fn entries_in_another_order_are_refused() {
    let problem = refused_at(6, |archive| archive.records.swap(6, 7));
    assert!(matches!(problem, Problem::UnexpectedEntry { .. }));
}

#[test]
fn an_entry_that_is_missing_is_refused() {
    let between = refused_at(INDEX, |archive| drop(archive.records.remove(INDEX)));
    assert!(matches!(between, Problem::EntryType { found: 'x' } | Problem::UnexpectedEntry { .. }));
    let last = refused_at(8, |archive| drop(archive.records.pop()));
    assert!(matches!(last, Problem::MissingEntry));
}

#[test]
fn another_size_is_refused() {
    for size in [0, 1, u64::from(u32::MAX)] {
        let problem = refused_at(INDEX, |archive| archive.records[INDEX].change_header(|header| header.set_size(size)));
        assert!(matches!(problem, Problem::Size { found, .. } if found == size));
    }
}

#[test]
fn other_content_is_refused() {
    let content = Sample::default().contents[1].1.clone();
    let problem = refused_at(INDEX, |archive| archive.records[INDEX].content[0] ^= 1);
    assert!(matches!(problem, Problem::Digest { listed, .. } if listed == Digest::sha256(&content)));
}

#[test]
fn the_last_chunk_comes_only_after_the_digest_matched() {
    let mut mutator = Sample::default().mutator();
    *mutator.records[8].content.last_mut().unwrap() ^= 1;
    let bytes = mutator.bytes();
    let mut reader = Reader::open(&*bytes).unwrap().read_inventory().unwrap();
    for _ in 0..7 {
        reader.next_entry().unwrap().unwrap();
    }
    let mut layer = reader.next_entry().unwrap().unwrap();
    assert!(matches!(layer.next_chunk().unwrap_err().problem, Problem::Digest { .. }));
    assert!(matches!(layer.next_chunk().unwrap_err().problem, Problem::RefusedBefore));
    assert!(matches!(reader.next_entry().err().unwrap().problem, Problem::RefusedBefore));
}

#[test]
fn padding_is_zeros() {
    let problem = refused_at(INDEX, |archive| *archive.records[INDEX].content.last_mut().unwrap() = 1);
    assert!(matches!(problem, Problem::Padding));
}

#[test]
fn every_other_field_of_a_header_is_fixed() {
    let changes: [fn(&mut tar::Header); 9] = [
        |header| header.set_mode(0o755),
        |header| header.set_uid(1_000),
        |header| header.set_gid(1_000),
        |header| header.set_mtime(1),
        |header| header.set_username("root").unwrap(),
        |header| header.set_groupname("root").unwrap(),
        |header| header.set_device_major(1).unwrap(),
        |header| header.set_link_name("x").unwrap(),
        |header| header.as_mut_bytes()[511] = 1,
    ];
    for change in changes {
        let problem = refused_at(INDEX, |archive| archive.records[INDEX].change_header(change));
        assert!(matches!(problem, Problem::Header), "{problem}");
    }
}

#[test]
fn numbers_are_written_in_one_way() {
    let base_256 = refused_at(INDEX, |archive| {
        archive.records[INDEX].change_header(|header| {
            let size = header.entry_size().unwrap();
            header.as_old_mut().size = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            header.as_old_mut().size[4..].copy_from_slice(&size.to_be_bytes());
        });
    });
    assert!(matches!(base_256, Problem::Header));
    let blanks = refused_at(INDEX, |archive| {
        archive.records[INDEX].change_header(|header| header.as_old_mut().mode = *b"   644 \0");
    });
    assert!(matches!(blanks, Problem::Header));
}

#[test]
fn gnu_and_v7_magics_are_refused() {
    for magic in [*b"ustar  \0", [0; 8]] {
        let problem = refused_at(INDEX, |archive| {
            archive.records[INDEX].change_header(|header| header.as_mut_bytes()[257..265].copy_from_slice(&magic));
        });
        assert!(matches!(problem, Problem::Header));
    }
}

#[test]
fn a_wrong_checksum_is_refused() {
    let problem = refused_at(INDEX, |archive| archive.records[INDEX].header[0] ^= 1);
    assert!(matches!(problem, Problem::HeaderChecksum));
}

#[test]
fn bytes_after_the_end_are_refused() {
    for more in [1, 512, 10_240] {
        let problem = refused_at(END, |archive| archive.end.resize(1_024 + more, 0));
        assert!(matches!(problem, Problem::TrailingBytes), "{more} zeros");
    }
    let joined = refused_at(END, |archive| archive.end.extend_from_slice(&Sample::default().bytes()));
    assert!(matches!(joined, Problem::TrailingBytes), "a second archive");
}

#[test]
fn the_end_is_two_blocks_of_zeros() {
    let problem = refused_at(END, |archive| archive.end[600] = 1);
    assert!(matches!(problem, Problem::End));
    let problem = refused_at(END, |archive| archive.end.truncate(512));
    assert!(matches!(problem, Problem::Truncated));
}

#[test]
fn what_does_not_begin_with_a_seal_is_not_an_archive() {
    for bytes in [&b""[..], b"PK\x03\x04", &[0; 1_024], &[0xff; 4_096]] {
        assert!(matches!(read(bytes).unwrap_err().problem, Problem::NotAnArchive));
    }
    assert!(matches!(refused_at(0, |archive| drop(archive.records.remove(0))), Problem::NotAnArchive));
    let renamed =
        refused_at(0, |archive| archive.records[0].change_header(|header| header.as_old_mut().name[8] = b'S'));
    assert!(matches!(renamed, Problem::NotAnArchive));
}

#[test]
fn a_seal_beyond_its_limit_is_refused_before_it_is_read() {
    let problem =
        refused_at(0, |archive| archive.records[0].change_header(|header| header.set_size(32 * 1024 * 1024 + 512)));
    assert!(matches!(problem, Problem::Seal(SealFormatError::TooLong { limit: 0x200_0000, .. })));
    let bytes = Sample::default().bytes();
    let error = Reader::open_with_limit(&*bytes, 4_096).err().unwrap();
    assert!(matches!(error.problem, Problem::Seal(SealFormatError::TooLong { limit: 4_096, .. })));
}

#[test]
fn a_seal_of_another_length_or_form_is_refused() {
    let length = refused_at(0, |archive| archive.records[0].change_header(|header| header.set_size(5_000)));
    assert!(matches!(length, Problem::Seal(SealFormatError::Envelope)));
    let text = refused_at(0, |archive| archive.records[0].content[0] = b' ');
    assert!(matches!(text, Problem::Seal(SealFormatError::Envelope)));
    let payload = refused_at(0, |archive| archive.records[0].content[20] ^= 0x20);
    assert!(matches!(payload, Problem::Seal(SealFormatError::Inventory(_))));
}
