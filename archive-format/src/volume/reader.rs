//! Reads the archive that volumes hold, from its beginning to its end.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::damage::Damage;
use super::error::VolumeError;
use super::open::OpenVolumes;
use super::stripe::StripeData;
use crate::positioned_input::PositionedInput;

/// What was found damaged while an archive was read, and restored. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Repairs(Arc<Mutex<Damage>>);

impl Repairs {
    /// What was found damaged so far.
    pub fn damage(&self) -> Damage {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads an archive from volumes, and restores on the way what is damaged. Only as much parity is read as that needs.
///
/// The digests of chunks find what is damaged, and prove nothing: whether the archive is to be believed is for its seal to say.
/// Errors carry a [`VolumeError`].
pub struct VolumeReader<I> {
    volumes: Arc<OpenVolumes<I>>,
    repairs: Repairs,
    data: StripeData,
    /// The stripe that is read next.
    next: u64,
    /// What has been handed out of the one before, and how much it holds.
    handed_out: usize,
    content: usize,
    has_failed: bool,
}

impl<I: PositionedInput> VolumeReader<I> {
    /// Begins at the first byte of the archive.
    pub fn new(volumes: impl Into<Arc<OpenVolumes<I>>>) -> Self {
        let volumes = volumes.into();
        let data = StripeData::new(*volumes.shape());
        Self { volumes, repairs: Repairs::default(), data, next: 0, handed_out: 0, content: 0, has_failed: false }
    }

    /// What is found damaged, also after the reader was given away.
    pub fn repairs(&self) -> Repairs {
        self.repairs.clone()
    }

    fn load(&mut self) -> Result<(), VolumeError> {
        let mut damage = self.repairs.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.data.load(&self.volumes, self.next, &mut damage)?;
        (self.handed_out, self.content) = (0, self.volumes.shape().content_of(self.next));
        self.next += 1;
        Ok(())
    }
}

impl<I: PositionedInput> Read for VolumeReader<I> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.has_failed {
            return Err(io::Error::other("the volumes were already refused"));
        }
        if self.handed_out == self.content {
            if out.is_empty() || self.next == self.volumes.shape().stripes() {
                return Ok(0);
            }
            self.load().inspect_err(|_| self.has_failed = true)?;
        }
        let read = self.data.content(self.next - 1, self.handed_out).read(out)?;
        self.handed_out += read;
        Ok(read)
    }
}
