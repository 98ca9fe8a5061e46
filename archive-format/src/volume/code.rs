//! The Reed-Solomon code of a stripe. `docs/volumes.md`, "The code".
//!
//! Always the *high rate* of the crate, so that one formula describes every set.

use std::io;

use reed_solomon_simd::engine::DefaultEngine;
use reed_solomon_simd::rate::{HighRateDecoder, HighRateEncoder, RateDecoder as _, RateEncoder as _};

use super::shape::{CHUNK_LENGTH, VolumeShape};

/// Computes the parity of one stripe after the other.
pub(super) struct StripeEncoder {
    /// `None` where there is no parity.
    encoder: Option<HighRateEncoder<DefaultEngine>>,
}

impl StripeEncoder {
    pub(super) fn new(shape: &VolumeShape) -> io::Result<Self> {
        let (data, parity) = (shape.data().into(), shape.parity().into());
        let new = |()| HighRateEncoder::new(data, parity, CHUNK_LENGTH, DefaultEngine::new(), None);
        let encoder = (parity > 0).then_some(()).map(new).transpose().map_err(io::Error::other)?;
        Ok(Self { encoder })
    }

    /// Adds the next data chunk of the stripe.
    pub(super) fn add(&mut self, chunk: &[u8]) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.add_original_shard(chunk).map_err(io::Error::other)
    }

    /// Ends the stripe, and calls `each` with every parity chunk in order.
    pub(super) fn parity(&mut self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.encode().map_err(io::Error::other)?.recovery_iter().try_for_each(&mut each)
    }
}

/// Restores the lost data of one stripe after the other. Positions count from 0.
pub(super) struct StripeDecoder(HighRateDecoder<DefaultEngine>);

impl StripeDecoder {
    /// For a set that has parity.
    pub(super) fn new(shape: &VolumeShape) -> io::Result<Self> {
        let (data, parity) = (shape.data().into(), shape.parity().into());
        HighRateDecoder::new(data, parity, CHUNK_LENGTH, DefaultEngine::new(), None).map(Self).map_err(io::Error::other)
    }

    pub(super) fn add_data(&mut self, position: usize, chunk: &[u8]) -> io::Result<()> {
        self.0.add_original_shard(position, chunk).map_err(io::Error::other)
    }

    pub(super) fn add_parity(&mut self, position: usize, chunk: &[u8]) -> io::Result<()> {
        self.0.add_recovery_shard(position, chunk).map_err(io::Error::other)
    }

    /// Ends the stripe, and calls `each` with every data chunk that was not added.
    pub(super) fn restore(&mut self, mut each: impl FnMut(usize, &[u8])) -> io::Result<()> {
        let restored = self.0.decode().map_err(io::Error::other)?;
        restored.restored_original_iter().for_each(|(position, chunk)| each(position, chunk));
        Ok(())
    }
}
