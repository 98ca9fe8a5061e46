//! Reads the archive that volumes hold at any position.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::damage::Damage;
use super::open::OpenVolumes;
use super::shape::CHUNK_LENGTH;
use super::stripe::{StripeData, chunk_of, record};
use crate::positioned_input::PositionedInput;

/// An archive in volumes, read at any position, on any number of threads. What is damaged is restored, by one thread at a time, so that memory stays bounded.
///
/// What was restored is not told here: whoever has to know reads the archive from its beginning to its end before. Errors carry a
/// [`VolumeError`](super::VolumeError).
#[derive(Debug)]
pub struct PositionedVolumes<I> {
    volumes: Arc<OpenVolumes<I>>,
    restoring: Mutex<()>,
}

impl<I: PositionedInput> PositionedVolumes<I> {
    /// The archive in these volumes.
    pub fn new(volumes: impl Into<Arc<OpenVolumes<I>>>) -> Self {
        Self { volumes: volumes.into(), restoring: Mutex::default() }
    }

    /// Copies bytes of chunk `number` of the archive, from `start` on.
    fn read_in_chunk(&self, number: u64, start: usize, record: &mut [u8], out: &mut [u8]) -> io::Result<()> {
        let shape = *self.volumes.shape();
        let (stripe, position) = (number / u64::from(shape.data()), number % u64::from(shape.data()));
        let position = usize::try_from(position).unwrap_or_default();
        if self.volumes.read_chunk(position, stripe, record).is_ok() {
            let found = chunk_of(record).get(start..start.saturating_add(out.len()));
            out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            return Ok(());
        }
        let _one_at_a_time = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        let mut data = StripeData::new(shape);
        data.load(&self.volumes, stripe, &mut Damage::default())?;
        let restored = data.chunks().nth(position).and_then(|chunk| chunk.get(start..start.saturating_add(out.len())));
        out.copy_from_slice(restored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl<I: PositionedInput> PositionedInput for PositionedVolumes<I> {
    fn length(&self) -> io::Result<u64> {
        Ok(self.volumes.shape().length())
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > self.volumes.shape().length()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut record, mut offset, mut rest) = (record(), offset, out);
        while !rest.is_empty() {
            let start = usize::try_from(offset % CHUNK_LENGTH as u64).unwrap_or_default();
            let length = rest.len().min(CHUNK_LENGTH - start);
            let (now, later) = rest.split_at_mut(length);
            self.read_in_chunk(offset / CHUNK_LENGTH as u64, start, &mut record, now)?;
            (offset, rest) = (offset.saturating_add(length as u64), later);
        }
        Ok(())
    }
}
