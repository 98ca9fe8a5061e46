//! Archives that were compressed as a whole, with gzip or zstd: recognised by their first bytes, and read without
//! unpacking them first.
//!
//! Promise: exactly one complete gzip member (RFC 1952) or zstd frame (RFC 8878), with the right checksum and the size
//! that it states, and nothing after it; and memory stays bounded, whatever window a frame asks for, and however much a
//! few bytes expand to (`Decompressed::check_expansion`).

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
pub struct Decompressed<R: Read>(Decoder<DecoderInput<R>>);

/// The input, with the bytes that were looked at put back in front.
type DecoderInput<R> = BufReader<io::Chain<io::Cursor<Vec<u8>>, CountedInput<R>>>;

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

type ZstdDecoder<S> = StreamingDecoder<S, FrameDecoder>;

/// A zstd frame as it is read.
struct Zstd<S: BufRead> {
    decoder: ZstdDecoder<S>,
    /// The size of the content, in bytes, where the frame states it. The decoder does not compare it.
    stated: Option<u64>,
    /// How much of the content has been read.
    found: u64,
}

enum Decoder<S: BufRead> {
    None(S),
    Gzip(GzDecoder<S>),
    Zstd(Box<Zstd<S>>),
}

impl<R: Read> Decompressed<R> {
    /// Looks at the first bytes of the input to see how it is compressed.
    ///
    /// # Errors
    /// The input's errors, and [`CompressionError`] for a zstd frame whose header cannot be read.
    pub fn open(input: R) -> io::Result<Self> {
        let mut input = CountedInput { input, count: 0 };
        let mut beginning = Vec::new();
        input.by_ref().take(ZSTD.len() as u64 + 1).read_to_end(&mut beginning)?;
        let gzip = beginning.starts_with(&GZIP);
        let zstd = beginning.strip_prefix(&ZSTD).map(|rest| rest.first().copied().unwrap_or_default());
        let source = source(beginning, input);
        Ok(Self(match zstd {
            _ if gzip => Decoder::Gzip(GzDecoder::new(source)),
            Some(descriptor) => Decoder::Zstd(Box::new(Zstd::open(source, descriptor)?)),
            None => Decoder::None(source),
        }))
    }

    /// Reads an archive that is known not to be compressed.
    pub(crate) fn plain(input: R) -> Self {
        Self(Decoder::None(source(Vec::new(), CountedInput { input, count: 0 })))
    }

    /// Refuses to continue when `expanded` bytes are far more than the compressed bytes that they came from. What is
    /// held of an archive before its seal is verified must have cost its sender something.
    ///
    /// # Errors
    /// [`CompressionError::Expansion`].
    pub(crate) fn check_expansion(&self, expanded: u64) -> Result<(), CompressionError> {
        let source = match &self.0 {
            Decoder::None(_) => return Ok(()),
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(zstd) => zstd.decoder.get_ref(),
        };
        let compressed = source.get_ref().get_ref().1.count;
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
        let compression = self.compression();
        let (count, rest) = match &mut self.0 {
            Decoder::None(source) => return source.read(buffer),
            Decoder::Gzip(decoder) => (read_gzip(decoder, buffer)?, decoder.get_mut()),
            Decoder::Zstd(zstd) => (zstd.read(buffer)?, zstd.decoder.get_mut()),
        };
        if count == 0 && !rest.fill_buf()?.is_empty() {
            return Err(CompressionError::Trailing(compression).into());
        }
        Ok(count)
    }
}

fn source<R: Read>(beginning: Vec<u8>, input: CountedInput<R>) -> DecoderInput<R> {
    BufReader::with_capacity(BUFFER_LENGTH, io::Cursor::new(beginning).chain(input))
}

fn broken(compression: Compression, source: io::Error) -> io::Error {
    CompressionError::Broken { compression, source }.into()
}

fn read_gzip<S: BufRead>(decoder: &mut GzDecoder<S>, buffer: &mut [u8]) -> io::Result<usize> {
    decoder.read(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => broken(Compression::Gzip, error),
        _ => error,
    })
}

impl<S: BufRead> Zstd<S> {
    /// Begins a frame whose descriptor was looked at.
    fn open(source: S, descriptor: u8) -> io::Result<Self> {
        if descriptor & ZSTD_RESERVED != 0 {
            return Err(CompressionError::ReservedBit.into());
        }
        let decoder = StreamingDecoder::new_with_max_window_size(source, MAXIMUM_ZSTD_WINDOW)
            .map_err(|error| broken(Compression::Zstd, io::Error::other(error)))?;
        let stated = (descriptor & ZSTD_STATES_SIZE != 0).then(|| decoder.decoder.content_size());
        Ok(Self { decoder, stated, found: 0 })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer).map_err(|error| broken(Compression::Zstd, error))?;
        self.found += count as u64;
        if let Some(stated) = self.stated
            && (self.found > stated || count == 0 && self.found < stated)
        {
            return Err(CompressionError::ContentSize { stated, found: self.found }.into());
        }
        let frame = &self.decoder.decoder;
        let checksum = frame.get_checksum_from_data();
        if count == 0 && checksum.is_some_and(|sum| frame.get_calculated_checksum() != Some(sum)) {
            return Err(CompressionError::Checksum.into());
        }
        Ok(count)
    }
}
