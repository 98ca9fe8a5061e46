//! Reads one stripe after the other, and restores what is damaged.

use std::io;

use super::code::StripeDecoder;
use super::damage::Damage;
use super::error::VolumeError;
use super::open::OpenVolumes;
use super::shape::{CHUNK_LENGTH, RECORD_LENGTH, VolumeShape};
use super::writer::header_at;
use crate::positioned_input::PositionedInput;

/// The data of one stripe. Memory: its chunks, one more, and while something is damaged what the code works on.
pub(super) struct StripeData {
    shape: VolumeShape,
    /// The records of the data volumes.
    records: Vec<Vec<u8>>,
    spare: Vec<u8>,
    decoder: Option<StripeDecoder>,
}

impl StripeData {
    pub(super) fn new(shape: VolumeShape) -> Self {
        let records = (0..shape.data()).map(|_| record()).collect();
        Self { shape, records, spare: record(), decoder: None }
    }

    /// The chunks of the data volumes.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(|record| chunk_of(record))
    }

    /// The bytes of the archive that chunk `position` holds from `start` on.
    pub(super) fn content(&self, stripe: u64, offset: usize) -> &[u8] {
        let (position, start) = (offset / CHUNK_LENGTH, offset % CHUNK_LENGTH);
        let before = offset - start;
        let end = self.shape.content_of(stripe).saturating_sub(before).min(CHUNK_LENGTH);
        self.records.get(position).and_then(|record| record.get(start..end)).unwrap_or_default()
    }

    /// Reads the data of a stripe, restores what is damaged, and adds to `damage` what that is.
    pub(super) fn load<I: PositionedInput>(
        &mut self,
        volumes: &OpenVolumes<I>,
        stripe: u64,
        damage: &mut Damage,
    ) -> Result<(), VolumeError> {
        let mut lost = Vec::new();
        for (position, record) in self.records.iter_mut().enumerate() {
            if let Err(kind) = volumes.read_chunk(position, stripe, record) {
                damage.add(header_at(self.shape, position).number, stripe, kind);
                lost.push(position);
            }
        }
        if !lost.is_empty() {
            self.restore(volumes, stripe, lost, damage)?;
        }
        self.require_zeros_after_the_end(stripe)
    }

    fn restore<I: PositionedInput>(
        &mut self,
        volumes: &OpenVolumes<I>,
        stripe: u64,
        mut lost: Vec<usize>,
        damage: &mut Damage,
    ) -> Result<(), VolumeError> {
        let wanted = lost.len();
        let mut decoder = match self.decoder.take() {
            None if wanted > self.shape.parity().into() => {
                return Err(volumes.refusal(lost.len(), self.lost(stripe, &lost)));
            }
            None => StripeDecoder::new(&self.shape)?,
            Some(decoder) => decoder,
        };
        for (position, record) in self.records.iter().enumerate().filter(|(position, _)| !lost.contains(position)) {
            decoder.add_data(position, chunk_of(record))?;
        }
        let mut found = 0;
        for position in 0..usize::from(self.shape.parity()) {
            if found == wanted {
                break;
            }
            let of_volume = position + usize::from(self.shape.data());
            match volumes.read_chunk(of_volume, stripe, &mut self.spare) {
                Ok(()) => {
                    decoder.add_parity(position, chunk_of(&self.spare))?;
                    found += 1;
                }
                Err(kind) => {
                    damage.add(header_at(self.shape, of_volume).number, stripe, kind);
                    lost.push(of_volume);
                }
            }
        }
        if found < wanted {
            return Err(volumes.refusal(lost.len(), self.lost(stripe, &lost)));
        }
        self.take_restored(&mut decoder)?;
        self.decoder = Some(decoder);
        Ok(())
    }

    fn take_restored(&mut self, decoder: &mut StripeDecoder) -> io::Result<()> {
        let records = &mut self.records;
        decoder.restore(|position, chunk| {
            if let Some((place, _)) = records.get_mut(position).and_then(|it| it.split_at_mut_checked(CHUNK_LENGTH)) {
                place.copy_from_slice(chunk);
            }
        })
    }

    fn lost(&self, stripe: u64, lost: &[usize]) -> VolumeError {
        let parity = self.shape.parity();
        let volumes = lost.iter().map(|position| header_at(self.shape, *position).number).collect();
        VolumeError::Lost { stripe, volumes, needed: lost.len().saturating_sub(parity.into()), parity }
    }

    fn require_zeros_after_the_end(&self, stripe: u64) -> Result<(), VolumeError> {
        let mut rest = self.shape.content_of(stripe);
        for chunk in self.chunks() {
            let content = rest.min(CHUNK_LENGTH);
            if chunk.iter().skip(content).any(|byte| *byte != 0) {
                return Err(VolumeError::Padding);
            }
            rest -= content;
        }
        Ok(())
    }
}

/// Room for a chunk and its digest.
pub(super) fn record() -> Vec<u8> {
    vec![0; usize::try_from(RECORD_LENGTH).unwrap_or_default()]
}

/// The chunk in a record.
pub(super) fn chunk_of(record: &[u8]) -> &[u8] {
    record.get(..CHUNK_LENGTH).unwrap_or_default()
}
