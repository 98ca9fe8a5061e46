//! Cuts an archive into volumes as it is written, in one pass.

use std::io::{self, Write};

use super::chunk;
use super::code::StripeEncoder;
use super::error::VolumeError;
use super::header::VolumeHeader;
use super::shape::{CHUNK_LENGTH, VolumeShape};

/// Writes an archive whose length is known into all volumes of a set at once.
///
/// Memory: one chunk, and what the code works on: at most as many chunks as there are volumes, rounded up to whole groups of parity.
pub struct VolumeWriter<W: Write> {
    shape: VolumeShape,
    outputs: Vec<W>,
    encoder: StripeEncoder,
    chunk: Vec<u8>,
    stripe: u64,
    /// The data volume that the chunk is for, from 0.
    position: usize,
    written: u64,
}

impl<W: Write> VolumeWriter<W> {
    /// Begins all volumes. The outputs are in the order of their numbers.
    ///
    /// # Errors
    /// [`VolumeError::Outputs`] and [`VolumeError::Io`].
    pub fn new(shape: VolumeShape, mut outputs: Vec<W>) -> Result<Self, VolumeError> {
        if outputs.len() != usize::from(shape.volumes()) {
            return Err(VolumeError::Outputs { volumes: shape.volumes(), outputs: outputs.len() });
        }
        write_headers(shape, &mut outputs)?;
        let encoder = StripeEncoder::new(&shape)?;
        let chunk = Vec::with_capacity(CHUNK_LENGTH);
        Ok(Self { shape, outputs, encoder, chunk, stripe: 0, position: 0, written: 0 })
    }

    /// Ends all volumes, and gives them back. The caller has to make them durable.
    ///
    /// # Errors
    /// [`VolumeError::Length`] when less was written than was announced, and [`VolumeError::Io`].
    pub fn finish(mut self) -> Result<Vec<W>, VolumeError> {
        if self.written != self.shape.length() {
            return Err(VolumeError::Length { written: self.written, announced: self.shape.length() });
        }
        while self.stripe < self.shape.stripes() {
            self.chunk.resize(CHUNK_LENGTH, 0);
            self.end_chunk()?;
        }
        write_headers(self.shape, &mut self.outputs)?;
        self.outputs.iter_mut().try_for_each(Write::flush)?;
        Ok(self.outputs)
    }

    fn end_chunk(&mut self) -> io::Result<()> {
        let output = self.outputs.get_mut(self.position);
        write_chunk(self.shape, self.position, self.stripe, &self.chunk, output)?;
        self.encoder.add(&self.chunk)?;
        self.chunk.clear();
        self.position += 1;
        if self.position < usize::from(self.shape.data()) {
            return Ok(());
        }
        let (shape, stripe, outputs, position) = (self.shape, self.stripe, &mut self.outputs, &mut self.position);
        self.encoder.parity(|chunk| {
            write_chunk(shape, *position, stripe, chunk, outputs.get_mut(*position))?;
            *position += 1;
            Ok(())
        })?;
        self.position = 0;
        self.stripe += 1;
        Ok(())
    }
}

impl<W: Write> Write for VolumeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let taken = bytes.len().min(CHUNK_LENGTH - self.chunk.len());
        let written = self.written.saturating_add(taken as u64);
        if written > self.shape.length() {
            return Err(VolumeError::Length { written, announced: self.shape.length() }.into());
        }
        self.chunk.extend_from_slice(bytes.split_at(taken).0);
        self.written = written;
        if self.chunk.len() == CHUNK_LENGTH {
            self.end_chunk()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outputs.iter_mut().try_for_each(Write::flush)
    }
}

/// The header of the volume at this position, from 0.
pub(super) fn header_at(shape: VolumeShape, position: usize) -> VolumeHeader {
    let number = u8::try_from(position).unwrap_or(u8::MAX).saturating_add(1);
    VolumeHeader { shape, number }
}

fn write_headers<W: Write>(shape: VolumeShape, outputs: &mut [W]) -> io::Result<()> {
    let mut numbered = outputs.iter_mut().enumerate();
    numbered.try_for_each(|(position, output)| output.write_all(&header_at(shape, position).to_bytes()))
}

pub(super) fn write_chunk(
    shape: VolumeShape,
    position: usize,
    stripe: u64,
    chunk: &[u8],
    output: Option<&mut impl Write>,
) -> io::Result<()> {
    let Some(output) = output else { return Ok(()) };
    output.write_all(chunk)?;
    output.write_all(&chunk::digest(&header_at(shape, position), stripe, chunk))
}
