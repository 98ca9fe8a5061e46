//! Looks at every chunk of every volume, and writes those again that are lost or damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::code::StripeEncoder;
use super::damage::Damage;
use super::error::VolumeError;
use super::open::OpenVolumes;
use super::stripe::{StripeData, chunk_of, record};
use super::writer::{header_at, write_chunk};
use crate::positioned_input::PositionedInput;

/// What is the matter with the volumes of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The damaged chunks.
    pub damage: Damage,
    /// The numbers of the volumes to write again: missing ones, and those of which anything is damaged.
    pub to_write: Vec<u8>,
}

impl<I: PositionedInput> OpenVolumes<I> {
    /// Looks at everything. `passed` is called with the number of stripes that were read since.
    ///
    /// # Errors
    /// [`VolumeError::BeyondRepair`], which names the volumes to send again; [`VolumeError::FileDamaged`].
    pub fn survey(&self, mut passed: impl FnMut(u64)) -> Result<Survey, VolumeError> {
        let (shape, mut record) = (*self.shape(), record());
        let (mut damage, mut stripes, mut to_send, mut most) = (Damage::default(), 0, BTreeSet::new(), 0);
        let is_framed = |position: &usize| self.is_framed(*position);
        let positions = 0..usize::from(shape.volumes());
        let mut to_write: BTreeSet<usize> = positions.clone().filter(|position| !is_framed(position)).collect();
        for stripe in 0..shape.stripes() {
            let mut lost = BTreeSet::new();
            for position in positions.clone() {
                if let Err(kind) = self.read_chunk(position, stripe, &mut record) {
                    damage.add(header_at(shape, position).number, stripe, kind);
                    lost.insert(position);
                }
            }
            if lost.len() > shape.parity().into() {
                stripes += 1;
                most = most.max(lost.len());
                to_send.extend(lost.iter().map(|position| header_at(shape, *position).number));
            }
            to_write.append(&mut lost);
            passed(1);
        }
        if stripes > 0 {
            let volumes = to_send.into_iter().collect();
            return Err(self.refusal(most, VolumeError::BeyondRepair { stripes, volumes }));
        }
        let to_write = to_write.into_iter().map(|position| header_at(shape, position).number).collect();
        Ok(Survey { damage, to_write })
    }

    /// Writes volumes again, each whole, and gives the outputs back. Volumes that are damaged stay as they are. `passed` is called with the
    /// number of stripes that were written since.
    ///
    /// Every chunk that has its digest is compared with what follows from the others, so volumes that do not belong together are not made
    /// to look as if they did.
    ///
    /// # Errors
    /// [`VolumeError::Lost`], [`VolumeError::Inconsistent`], [`VolumeError::Padding`] and [`VolumeError::Io`].
    pub fn write_again<W: Write>(
        &self,
        outputs: BTreeMap<u8, W>,
        mut passed: impl FnMut(u64),
    ) -> Result<BTreeMap<u8, W>, VolumeError> {
        let shape = *self.shape();
        let mut outputs = outputs;
        write_headers(self, &mut outputs)?;
        let (mut data, mut encoder) = (StripeData::new(shape), StripeEncoder::new(&shape)?);
        let mut rewriting = Rewriting { volumes: self, outputs: &mut outputs, record: record() };
        for stripe in 0..shape.stripes() {
            data.load(self, stripe, &mut Damage::default())?;
            for (position, chunk) in data.chunks().enumerate() {
                encoder.add(chunk)?;
                rewriting.write(position, stripe, chunk)?;
            }
            let (mut position, mut is_consistent) = (usize::from(shape.data()), true);
            encoder.parity(|chunk| {
                is_consistent &= rewriting.agrees(position, stripe, chunk);
                rewriting.write(position, stripe, chunk)?;
                position += 1;
                Ok(())
            })?;
            if !is_consistent {
                return Err(VolumeError::Inconsistent(stripe));
            }
            passed(1);
        }
        write_headers(self, &mut outputs)?;
        outputs.values_mut().try_for_each(Write::flush)?;
        Ok(outputs)
    }
}

/// Volumes that are being written again.
struct Rewriting<'a, I, W> {
    volumes: &'a OpenVolumes<I>,
    outputs: &'a mut BTreeMap<u8, W>,
    record: Vec<u8>,
}

impl<I: PositionedInput, W: Write> Rewriting<'_, I, W> {
    fn write(&mut self, position: usize, stripe: u64, chunk: &[u8]) -> std::io::Result<()> {
        let shape = *self.volumes.shape();
        let output = self.outputs.get_mut(&header_at(shape, position).number);
        write_chunk(shape, position, stripe, chunk, output)
    }

    /// Whether a volume has this chunk, if it has a whole one there.
    fn agrees(&mut self, position: usize, stripe: u64, chunk: &[u8]) -> bool {
        self.volumes.read_chunk(position, stripe, &mut self.record).is_err() || chunk_of(&self.record) == chunk
    }
}

fn write_headers<I: PositionedInput, W: Write>(
    volumes: &OpenVolumes<I>,
    outputs: &mut BTreeMap<u8, W>,
) -> std::io::Result<()> {
    outputs.iter_mut().try_for_each(|(number, output)| {
        let header = header_at(*volumes.shape(), usize::from(*number).saturating_sub(1));
        output.write_all(&header.to_bytes())
    })
}
