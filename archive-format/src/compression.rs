//! Files that were compressed as a whole, with gzip or zstd: recognised by their first bytes, and read without
//! unpacking them first.
//!
//! Promise: complete gzip members (RFC 1952) or zstd frames (RFC 8878), each with the right checksum and the size
//! that it states, and nothing after them: exactly one in an archive, one or more in the files of other tools. And memory stays
//! bounded, whatever window a frame asks for, and however much a few bytes expand to (`Decompressed::check_expansion`).

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest zstd window, in bytes: what RFC 8878 §3.1.1.1.2 recommends that every decoder supports.
pub(crate) const MAXIMUM_ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

/// The longest seal that may come out of very few compressed bytes, in bytes.
const FREE_EXPANSION: u64 = 4 * 1024 * 1024;
/// How many times as long as its compressed bytes a longer seal may be. Seals are made of digests, which do not
/// compress: an honest one expands less than tenfold.
const MAXIMUM_EXPANSION: u64 = 64;

/// The bit of a zstd frame's descriptor that is reserved (RFC 8878 §3.1.1.1.1.4).
const ZSTD_RESERVED: u8 = 1 << 3;
/// The bits of the descriptor that say whether the frame states the size of its content: a length, and a single
/// segment.
const ZSTD_STATES_SIZE: u8 = 0b1110_0000;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BUFFER_LENGTH: usize = 64 * 1024;

/// The magic numbers of skippable zstd frames, which have no content (RFC 8878 §3.1.2), are `0x184D2A50` to `0x184D2A5F`.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// How many gzip members or zstd frames there may be, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// Exactly one.
    One,
    /// One or more, whose content is joined, as RFC 1952 §2.2 and RFC 8878 §3.1 have it.
    Joined,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: the usual case.
    None,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Why compressed bytes cannot be read. It travels inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The compressed form is broken.
    #[error("the {compression} stream is broken")]
    Broken {
        /// How the archive is compressed.
        compression: Compression,
        /// The decoder's error.
        source: io::Error,
    },
    /// The checksum of the content is wrong.
    #[error("the checksum of the zstd frame is wrong")]
    Checksum,
    /// The zstd frame uses a bit that is reserved for later versions of zstd.
    #[error("the zstd frame has its reserved bit set, so it is of an unknown version")]
    ReservedBit,
    /// The zstd frame states a size that its content does not have.
    #[error("the zstd frame states {stated} bytes of content, but has {}", if *.found > *.stated { "more".to_owned() } else { .found.to_string() })]
    ContentSize {
        /// The size that it states, in bytes.
        stated: u64,
        /// How many bytes were found, at least.
        found: u64,
    },
    /// Very many bytes came out of very few, and nothing is known yet about who made them.
    #[error("at least {expanded} bytes come out of {compressed} compressed ones: no honest seal compresses so well")]
    Expansion {
        /// How many compressed bytes were read.
        compressed: u64,
        /// How many came out.
        expanded: u64,
    },
    /// Something follows the one member or frame.
    #[error("bytes follow the end of the {0} stream")]
    Trailing(Compression),
}

impl From<CompressionError> for io::Error {
    fn from(error: CompressionError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads an archive, decompressed.
pub struct Decompressed<R: Read>(Decoder<R>);

/// The input, of which something can be looked at before it is read.
struct DecoderInput<R: Read> {
    /// What was looked at, and how much of it has been read since.
    beginning: Vec<u8>,
    read: usize,
    rest: BufReader<CountedInput<R>>,
}

impl<R: Read> DecoderInput<R> {
    fn new(input: R) -> Self {
        let rest = BufReader::with_capacity(BUFFER_LENGTH, CountedInput { input, count: 0 });
        Self { beginning: Vec::new(), read: 0, rest }
    }

    /// The next bytes, without reading them: fewer than `length` only at the end. Nothing that was looked at before may be unread.
    fn look(&mut self, length: usize) -> io::Result<&[u8]> {
        self.beginning.drain(..self.read.min(self.beginning.len()));
        self.read = 0;
        let missing = length.saturating_sub(self.beginning.len()) as u64;
        self.rest.by_ref().take(missing).read_to_end(&mut self.beginning)?;
        Ok(&self.beginning)
    }

    /// How many bytes were read from below.
    fn count(&self) -> u64 {
        self.rest.get_ref().count
    }
}

impl<R: Read> Read for DecoderInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for DecoderInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.beginning.get(self.read..) {
            Some(unread) if !unread.is_empty() => Ok(unread),
            _ => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.read < self.beginning.len() {
            self.read += amount;
        } else {
            self.rest.consume(amount);
        }
    }
}

/// Counts what is read of the input.
struct CountedInput<R> {
    input: R,
    count: u64,
}

impl<R: Read> Read for CountedInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

type ZstdDecoder<R> = StreamingDecoder<DecoderInput<R>, FrameDecoder>;

/// Zstd frames as they are read.
struct Zstd<R: Read> {
    /// The frame that is being read; `None` only after an error, while the next one was begun.
    decoder: Option<ZstdDecoder<R>>,
    parts: Parts,
    /// The size of the frame's content, in bytes, where the frame states it. The decoder does not compare it.
    stated: Option<u64>,
    /// How much of the frame's content has been read.
    found: u64,
}

/// Gzip members as they are read.
struct Gzip<R: Read> {
    /// The member that is being read; `None` never lasts.
    decoder: Option<GzDecoder<DecoderInput<R>>>,
    parts: Parts,
}

enum Decoder<R: Read> {
    None(DecoderInput<R>),
    Gzip(Gzip<R>),
    Zstd(Box<Zstd<R>>),
}

impl<R: Read> Decompressed<R> {
    /// Looks at the first bytes of the input to see how it is compressed, and whether it is at all.
    ///
    /// # Errors
    /// The input's errors, and [`CompressionError`] for a zstd frame whose header cannot be read.
    pub fn open(input: R, parts: Parts) -> io::Result<Self> {
        let mut input = DecoderInput::new(input);
        let beginning = input.look(ZSTD.len())?;
        let is_gzip = beginning.starts_with(&GZIP);
        // Some tools write a skippable frame first.
        let is_zstd = beginning.starts_with(&ZSTD) || parts == Parts::Joined && is_skippable(beginning);
        Ok(Self(match (is_gzip, is_zstd) {
            (true, _) => Decoder::Gzip(Gzip { decoder: Some(GzDecoder::new(input)), parts }),
            (_, true) => Decoder::Zstd(Box::new(Zstd::open(input, parts)?)),
            (false, false) => Decoder::None(input),
        }))
    }

    /// Reads an archive that is known not to be compressed.
    pub(crate) fn plain(input: R) -> Self {
        Self(Decoder::None(DecoderInput::new(input)))
    }

    /// Refuses to continue when `expanded` bytes are far more than the compressed bytes that they came from. What is
    /// held of an archive before its seal is verified must have cost its sender something.
    ///
    /// # Errors
    /// [`CompressionError::Expansion`].
    pub(crate) fn check_expansion(&self, expanded: u64) -> Result<(), CompressionError> {
        let compressed = match &self.0 {
            Decoder::None(_) => return Ok(()),
            Decoder::Gzip(gzip) => gzip.decoder.as_ref().map_or(0, |decoder| decoder.get_ref().count()),
            Decoder::Zstd(zstd) => zstd.decoder.as_ref().map_or(0, |decoder| decoder.get_ref().count()),
        };
        if expanded > compressed.saturating_mul(MAXIMUM_EXPANSION).saturating_add(FREE_EXPANSION) {
            return Err(CompressionError::Expansion { compressed, expanded });
        }
        Ok(())
    }

    /// How the archive is compressed.
    pub fn compression(&self) -> Compression {
        match &self.0 {
            Decoder::None(_) => Compression::None,
            Decoder::Gzip(_) => Compression::Gzip,
            Decoder::Zstd(_) => Compression::Zstd,
        }
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match &mut self.0 {
            Decoder::None(source) => source.read(buffer),
            Decoder::Gzip(gzip) => gzip.read(buffer),
            Decoder::Zstd(zstd) => zstd.read(buffer),
        }
    }
}

/// Nothing more may follow.
fn require_end<R: Read>(rest: &mut DecoderInput<R>, compression: Compression) -> io::Result<usize> {
    if rest.fill_buf()?.is_empty() { Ok(0) } else { Err(CompressionError::Trailing(compression).into()) }
}

/// Whether a file begins like one that [`Decompressed`] reads as compressed, with [`Parts::Joined`].
pub fn is_compressed(beginning: &[u8]) -> bool {
    beginning.starts_with(&GZIP) || beginning.starts_with(&ZSTD) || is_skippable(beginning)
}

fn is_skippable(beginning: &[u8]) -> bool {
    beginning.split_first().is_some_and(|(first, rest)| first & 0xf0 == 0x50 && rest.starts_with(&ZSTD_SKIPPABLE))
}

fn broken(compression: Compression, source: io::Error) -> io::Error {
    CompressionError::Broken { compression, source }.into()
}

impl<R: Read> Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Err(io::ErrorKind::InvalidData.into()) };
            let count = decoder.read(buffer).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => broken(Compression::Gzip, error),
                _ => error,
            })?;
            if count > 0 {
                return Ok(count);
            }
            let source = decoder.get_mut();
            if self.parts == Parts::One || !source.look(GZIP.len())?.starts_with(&GZIP) {
                return require_end(source, Compression::Gzip);
            }
            self.decoder = self.decoder.take().map(|decoder| GzDecoder::new(decoder.into_inner()));
        }
    }
}

impl<R: Read> Zstd<R> {
    /// Begins with the first frame.
    fn open(mut source: DecoderInput<R>, parts: Parts) -> io::Result<Self> {
        if parts == Parts::Joined {
            skip_frames(&mut source)?;
        }
        let (decoder, stated) = begin_frame(source)?;
        Ok(Self { decoder: Some(decoder), parts, stated, found: 0 })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.read_frame(buffer)?;
            if count > 0 || !self.begin_next()? {
                return Ok(count);
            }
        }
    }

    /// Reads from the frame; 0 at its end.
    fn read_frame(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return Err(io::ErrorKind::InvalidData.into()) };
        let count = decoder.read(buffer).map_err(|error| broken(Compression::Zstd, error))?;
        self.found += count as u64;
        if let Some(stated) = self.stated
            && (self.found > stated || count == 0 && self.found < stated)
        {
            return Err(CompressionError::ContentSize { stated, found: self.found }.into());
        }
        let frame = &decoder.decoder;
        let checksum = frame.get_checksum_from_data();
        if count == 0 && checksum.is_some_and(|sum| frame.get_calculated_checksum() != Some(sum)) {
            return Err(CompressionError::Checksum.into());
        }
        Ok(count)
    }

    /// Goes on to the next frame, if there is one.
    fn begin_next(&mut self) -> io::Result<bool> {
        let Some(decoder) = &mut self.decoder else { return Err(io::ErrorKind::InvalidData.into()) };
        let source = decoder.get_mut();
        if self.parts == Parts::Joined {
            skip_frames(source)?;
        }
        if self.parts == Parts::One || !source.look(ZSTD.len())?.starts_with(&ZSTD) {
            return require_end(source, Compression::Zstd).map(|_| false);
        }
        let Some(decoder) = self.decoder.take() else { return Ok(false) };
        let (decoder, stated) = begin_frame(decoder.into_inner())?;
        (self.decoder, self.stated, self.found) = (Some(decoder), stated, 0);
        Ok(true)
    }
}

/// Reads the header of a frame.
fn begin_frame<R: Read>(mut source: DecoderInput<R>) -> io::Result<(ZstdDecoder<R>, Option<u64>)> {
    let descriptor = source.look(ZSTD.len() + 1)?.get(ZSTD.len()).copied().unwrap_or_default();
    if descriptor & ZSTD_RESERVED != 0 {
        return Err(CompressionError::ReservedBit.into());
    }
    let decoder = StreamingDecoder::new_with_max_window_size(source, MAXIMUM_ZSTD_WINDOW)
        .map_err(|error| broken(Compression::Zstd, io::Error::other(error)))?;
    let stated = (descriptor & ZSTD_STATES_SIZE != 0).then(|| decoder.decoder.content_size());
    Ok((decoder, stated))
}

/// Passes over frames that have no content.
fn skip_frames<R: Read>(source: &mut DecoderInput<R>) -> io::Result<()> {
    while let [magic @ .., a, b, c, d] = source.look(2 * ZSTD.len())?
        && is_skippable(magic)
    {
        let length = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
        let frame = length.saturating_add(2 * ZSTD.len() as u64);
        if io::copy(&mut source.by_ref().take(frame), &mut io::sink())? < frame {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
