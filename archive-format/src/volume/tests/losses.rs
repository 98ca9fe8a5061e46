//! Losses at random: within the promise all comes back, beyond it an error names the volumes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A set, and what is taken from it: whole volumes and single chunks.
#[derive(Debug, Clone)]
struct Losses {
    data: u8,
    parity: u8,
    length: usize,
    volumes: BTreeSet<usize>,
    chunks: BTreeSet<(usize, usize)>,
}

fn losses() -> impl Strategy<Value = Losses> {
    (1..7_u8, 0..5_u8, 1..700_000_usize).prop_flat_map(|(data, parity, length)| {
        let count = usize::from(data + parity);
        let stripes = length.div_ceil(usize::from(data) * CHUNK_LENGTH);
        let volumes = prop::collection::btree_set(0..count, 0..=count.min(usize::from(parity) + 1));
        let chunks = prop::collection::btree_set((0..count, 0..stripes), 0..8);
        (volumes, chunks).prop_map(move |(volumes, chunks)| Losses { data, parity, length, volumes, chunks })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_loss_within_the_promise_is_restored_and_every_other_is_an_error(losses in losses()) {
        let archive = content(losses.length);
        let whole = set_of(&archive, losses.data, losses.parity);
        let mut damaged = whole.clone();
        for (volume, stripe) in &losses.chunks {
            damaged[*volume][HEADER + stripe * RECORD + 77] ^= 1;
        }
        let stripes = losses.length.div_ceil(usize::from(losses.data) * CHUNK_LENGTH);
        let lost_in = |stripe: usize| -> BTreeSet<usize> {
            let chunks = losses.chunks.iter().filter(|(_, at)| *at == stripe).map(|(volume, _)| *volume);
            losses.volumes.iter().copied().chain(chunks).collect()
        };
        let number = |volume: &usize| u8::try_from(*volume + 1).unwrap();
        let within = |stripe: &usize| lost_in(*stripe).len() <= usize::from(losses.parity);
        let left = || damaged.iter().enumerate().filter(|(volume, _)| !losses.volumes.contains(volume)).map(|(_, it)| it);
        let surveyed = open(left()).and_then(|opened| opened.survey(|_| ()));
        match (0..stripes).find(|stripe| !within(stripe)) {
            None => {
                let (found, _) = read(open(left()).unwrap()).unwrap();
                prop_assert!(found == archive);
                let survey = surveyed.unwrap();
                let touched: BTreeSet<u8> = losses.chunks.iter().map(|(volume, _)| volume).chain(&losses.volumes).map(number).collect();
                prop_assert_eq!(&survey.to_write, &touched.iter().copied().collect::<Vec<u8>>());
                let outputs = survey.to_write.iter().map(|number| (*number, Vec::new())).collect();
                let again: BTreeMap<u8, Vec<u8>> = open(left()).unwrap().write_again(outputs, |_| ()).unwrap();
                for (number, written) in again {
                    prop_assert!(written == whole[usize::from(number) - 1]);
                }
            }
            Some(first) => {
                let named = |volumes: &[u8]| volumes.iter().all(|it| lost_in(first).iter().any(|lost| number(lost) == *it));
                match open(left()).and_then(read) {
                    Err(VolumeError::TooFew { missing, needed, .. }) => {
                        prop_assert!(named(&missing) && usize::from(needed) == missing.len() - usize::from(losses.parity));
                    }
                    Err(VolumeError::Lost { stripe, volumes, needed, .. }) => {
                        prop_assert_eq!(stripe, first as u64);
                        prop_assert!(named(&volumes) && needed == volumes.len() - usize::from(losses.parity));
                    }
                    Err(VolumeError::Header { .. } | VolumeError::NoVolumes) => prop_assert_eq!(losses.volumes.len(), whole.len()),
                    other => prop_assert!(false, "bytes, or another error: {:?}", other.err()),
                }
            }
        }
    }
}
