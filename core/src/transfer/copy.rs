//! Content on its way into a file.

use std::io::{self, BufWriter, Read, Write};

use super::SinkError;

/// How much is copied at once, in bytes.
const BUFFER_LENGTH: usize = 128 << 10;

/// Copies content to its end. An error of reading is [`SinkError::Content`]; `failed` says what one of writing is.
pub(crate) fn copy<E: Into<SinkError>>(
    content: impl Read,
    output: impl Write,
    failed: impl FnOnce(io::Error) -> E,
) -> Result<(), SinkError> {
    let mut content = PassedContent::new(content);
    let mut output = BufWriter::with_capacity(BUFFER_LENGTH, output);
    let written = io::copy(&mut content, &mut output).and_then(|_| output.flush());
    content.end(written.map_err(failed)).map(drop)
}

/// Content that is read while it is written. Its reading error is kept apart from writing errors.
pub(crate) struct PassedContent<R> {
    content: R,
    failed: Option<io::Error>,
    passed: u64,
}

impl<R: Read> PassedContent<R> {
    pub(crate) fn new(content: R) -> Self {
        Self { content, failed: None, passed: 0 }
    }

    /// How many bytes were passed on, given how the writing ended.
    pub(crate) fn end<E: Into<SinkError>>(self, written: Result<(), E>) -> Result<u64, SinkError> {
        match self.failed {
            Some(error) => Err(SinkError::Content(error)),
            None => written.map(|()| self.passed).map_err(Into::into),
        }
    }
}

impl<R: Read> Read for PassedContent<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.content.read(buffer) {
            Ok(read) => {
                self.passed += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails after so many bytes.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.min(buffer.len());
            self.0 -= read;
            if read == 0 { Err(io::Error::other("lost")) } else { Ok(read) }
        }
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.read(&mut vec![0; bytes.len()])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn full(source: io::Error) -> SinkError {
        SinkError::new(source)
    }

    #[test]
    fn everything_is_copied() {
        for length in [0, 1, BUFFER_LENGTH, 3 * BUFFER_LENGTH + 1] {
            let (content, mut output) = (vec![7; length], Vec::new());
            copy(content.as_slice(), &mut output, full).unwrap();
            assert_eq!(output, content);
        }
    }

    #[test]
    fn who_reads_and_who_writes_are_not_confused() {
        for length in [0, 1, BUFFER_LENGTH, 3 * BUFFER_LENGTH + 1] {
            let error = copy(Failing(length), io::sink(), full).unwrap_err();
            assert!(matches!(&error, SinkError::Content(error) if error.to_string() == "lost"), "{error:?}");
            let error = copy(io::repeat(0), Failing(length), full).unwrap_err();
            assert!(matches!(error, SinkError::Target(_)), "{error:?}");
        }
    }
}
