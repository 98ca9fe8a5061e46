//! A part of what is listed, so that several machines can export, carry and import the parts.
//!
//! Promise: every item is in exactly one shard, whole; which one follows from the plan alone, so machines that plan the same agree without
//! asking each other. What items share goes where it costs least, and is once in each shard that needs it.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ItemRecord;

use super::plan::Plan;
use crate::remedy::{Remediable, Remedy};
use crate::report::Warning;
use crate::verify::documents::ClosedItem;

/// The most shards.
pub const MAXIMUM_SHARDS: usize = 100;

/// Which of how many shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 1.
    number: usize,
    count: usize,
}

/// Why there is no such shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// It is not in the form `2/5`.
    #[error(
        "{0:?} is not a shard: expected its number and how many there are, from 1/1 to {MAXIMUM_SHARDS}/{MAXIMUM_SHARDS}, such as 2/5"
    )]
    Form(String),
    /// There are fewer items than shards.
    #[error("shard {shard} is empty: there are {items} items")]
    Empty {
        /// The shard.
        shard: Shard,
        /// How many items there are.
        items: usize,
    },
}

impl Remediable for ShardError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Form(_) | Self::Empty { .. } => Remedy::ChooseFewerShards,
        }
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let refused = || ShardError::Form(text.chars().take(40).collect());
        let (number, count) = text.split_once('/').ok_or_else(refused)?;
        let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
        let read = |it: &str| it.parse::<usize>().ok().filter(|_| is_number(it)).ok_or_else(refused);
        let (number, count) = (read(number)?, read(count)?);
        let is_possible = (1..=count).contains(&number) && count <= MAXIMUM_SHARDS;
        if is_possible { Ok(Self { number, count }) } else { Err(refused()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl Shard {
    /// Leaves in a plan what belongs to this shard.
    ///
    /// # Errors
    /// [`ShardError::Empty`].
    pub fn of(self, mut plan: Plan) -> Result<Plan, ShardError> {
        let numbers = assigned(&plan, self.count);
        let is_here: Vec<bool> = numbers.iter().map(|number| number + 1 == self.number).collect();
        if !is_here.contains(&true) {
            return Err(ShardError::Empty { shard: self, items: plan.items.len() });
        }
        let (mut records, mut graphs) = (is_here.iter(), is_here.iter());
        plan.items.retain(|_| records.next() == Some(&true));
        plan.closed.items.retain(|_| graphs.next() == Some(&true));
        let bundles = plan.closed.items.iter().filter_map(|item| match item {
            ClosedItem::Bundle(bundle) => Some(&bundle.digest),
            ClosedItem::Image(_) | ClosedItem::File(_) => None,
        });
        let bundles: HashSet<&Digest> = bundles.collect();
        plan.closed.bundle_files.retain(|digest, _| bundles.contains(digest));
        let images = plan.items.iter().flat_map(ItemRecord::images).map(|image| &image.reference);
        let names = plan.items.iter().map(ItemRecord::reference).map(str::to_owned).chain(images.cloned());
        let names: BTreeSet<String> = names.collect();
        plan.left_out.retain(|referrer| names.contains(&referrer.image));
        plan.absent
            .retain(|warning| !matches!(warning, Warning::PlatformsNotThere { item, .. } if !names.contains(item)));
        Ok(plan)
    }
}

/// The shard of each item, counted from 0: the longest first, each goes where the shards' longest stays shortest.
fn assigned(plan: &Plan, count: usize) -> Vec<usize> {
    let contents: Vec<_> = plan.closed.items.iter().map(ClosedItem::contents).collect();
    let length =
        |at: usize| contents.get(at).map_or(0, |it| it.values().fold(0, |sum: u64, size| sum.saturating_add(*size)));
    let name = |at: usize| plan.items.get(at).map(ItemRecord::reference);
    let mut order: Vec<usize> = (0..contents.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(length(*at)), name(*at)));
    let mut shards: Vec<(u64, HashSet<&Digest>)> = (0..count).map(|_| (0, HashSet::new())).collect();
    let mut numbers = vec![0; contents.len()];
    for at in order {
        let Some(content) = contents.get(at) else { continue };
        let with = |(length, has): &(u64, HashSet<&Digest>)| {
            let more = content.iter().filter(|(digest, _)| !has.contains(*digest)).map(|(_, size)| *size);
            more.fold(*length, u64::saturating_add)
        };
        // Of equal ones the first.
        let Some(shard) = (0..count).min_by_key(|shard| shards.get(*shard).map(with)) else { continue };
        if let (Some(place), Some(number)) = (shards.get_mut(shard), numbers.get_mut(at)) {
            place.0 = with(place);
            place.1.extend(content.keys());
            *number = shard;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_has_one_form() {
        for text in ["1/1", "2/5", "100/100"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in
            ["", "1", "0/1", "2/1", "1/0", "1/101", "+1/2", "1/2/3", "1 /2", "a/b", "1/-2", "99999999999999999999/2"]
        {
            assert_eq!(text.parse::<Shard>(), Err(ShardError::Form(text.to_owned())), "{text}");
        }
    }
}
