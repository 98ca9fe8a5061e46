//! Archives that someone compressed whole, with gzip or zstd: recognised by their first bytes, and read as they are.
//!
//! Promise: exactly one gzip member (RFC 1952) or one zstd frame (RFC 8878), whole, its checksum right, nothing after
//! it; and memory stays bounded, whatever window a frame asks for.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest zstd window, in bytes: what RFC 8878 §3.1.1.1.2 recommends that every decoder supports.
pub const MAXIMUM_ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

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
        /// What the decoder says.
        source: io::Error,
    },
    /// The checksum of the content is wrong.
    #[error("the checksum of the zstd frame is wrong")]
    Checksum,
    /// Something comes after the one member or frame.
    #[error("bytes follow the end of the {0} stream")]
    Trailing(Compression),
}

impl From<CompressionError> for io::Error {
    fn from(error: CompressionError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads an archive, decompressed.
pub struct Decompressed<R: Read>(Decoder<Source<R>>);

/// The input, with the bytes that were looked at put back in front.
type Source<R> = BufReader<io::Chain<io::Cursor<Vec<u8>>, R>>;

type ZstdDecoder<S> = StreamingDecoder<S, FrameDecoder>;

enum Decoder<S: BufRead> {
    None(S),
    Gzip(GzDecoder<S>),
    Zstd(Box<ZstdDecoder<S>>),
}

impl<R: Read> Decompressed<R> {
    /// Looks at the first bytes of the input to see how it is compressed.
    ///
    /// # Errors
    /// Those of the input, and [`CompressionError::Broken`] for a zstd frame that cannot be begun.
    pub fn open(mut input: R) -> io::Result<Self> {
        let mut beginning = Vec::new();
        input.by_ref().take(ZSTD.len() as u64).read_to_end(&mut beginning)?;
        let gzip = beginning.starts_with(&GZIP);
        let zstd = beginning.starts_with(&ZSTD);
        let source = BufReader::with_capacity(BUFFER_LENGTH, io::Cursor::new(beginning).chain(input));
        Ok(Self(if gzip {
            Decoder::Gzip(GzDecoder::new(source))
        } else if zstd {
            let decoder = StreamingDecoder::new_with_max_window_size(source, MAXIMUM_ZSTD_WINDOW)
                .map_err(|error| broken(Compression::Zstd, io::Error::other(error)))?;
            Decoder::Zstd(Box::new(decoder))
        } else {
            Decoder::None(source)
        }))
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
            Decoder::Zstd(decoder) => (read_zstd(decoder, buffer)?, decoder.get_mut()),
        };
        if count == 0 && !rest.fill_buf()?.is_empty() {
            return Err(CompressionError::Trailing(compression).into());
        }
        Ok(count)
    }
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

fn read_zstd<S: BufRead>(decoder: &mut ZstdDecoder<S>, buffer: &mut [u8]) -> io::Result<usize> {
    let count = decoder.read(buffer).map_err(|error| broken(Compression::Zstd, error))?;
    let frame = &decoder.decoder;
    if count == 0 && frame.get_checksum_from_data().is_some_and(|sum| frame.get_calculated_checksum() != Some(sum)) {
        return Err(CompressionError::Checksum.into());
    }
    Ok(count)
}
