//! How much memory the tree of one document may take.
//!
//! Promise: a tree takes at most [`memory_for`] its document: 16 bytes for each byte of a long one, 48 for each of a
//! short one. Every allocation is charged before it is made, and never at less than it takes.
//!
//! A value takes far more memory than its text: `{"":0}` is written in six bytes, and held in a map whose smallest node
//! has room for eleven members. Without a budget, a file of 28 MiB that nobody signed takes 3 GiB.

use std::cell::Cell;
use std::mem::size_of;

use serde_json::Value;

use super::JsonError;

/// How many bytes of memory a tree may take for each byte of its document, however long that is.
///
/// By the charges below, honest documents come to: a TUF role of 100,000 targets 10, and 13 when it is written without
/// white space; 16,384 delegations to bins 5 and 8; an in-toto link of 50,000 artifacts 10; an OCI index 9.
const PER_BYTE: usize = 16;
/// How many bytes more it may take for each byte, up to [`MORE_ALTOGETHER`].
///
/// They are for the snapshots of repositories with very many roles, in which `{"version":1}` comes to 29 bytes for each
/// byte when it is written without white space: 16,384 bins to 14 MiB, and four times as many to 55 MiB.
const MORE_PER_BYTE: usize = 32;
/// How many bytes more any tree may take.
const MORE_ALTOGETHER: usize = 64 * 1024 * 1024;
/// How many bytes the tree of the shortest document may take: a few objects.
const SHORTEST: usize = 16 * 1024;

/// How many bytes of memory the tree of a document of `length` bytes may take.
pub fn memory_for(length: usize) -> usize {
    let more = length.saturating_mul(MORE_PER_BYTE).min(MORE_ALTOGETHER);
    length.saturating_mul(PER_BYTE).saturating_add(more).saturating_add(SHORTEST)
}

/// How many bytes of memory the names in any skipped document may take, beyond the document's own length.
///
/// A role of 100,000 targets needs as many bytes as it has; a snapshot of 65,536 bins three times as many, which is 6
/// MB.
const NAMES_ALWAYS: usize = 6 * 1024 * 1024;

/// What an allocation takes at most, beyond the bytes that were requested.
const ALLOCATION: usize = 32;
/// A member of an object: its key's and its value's own bytes.
const MEMBER: usize = size_of::<String>() + size_of::<Value>();
/// How many members a node of a map has room for.
const NODE_MEMBERS: usize = 11;
/// A node of a map that has no children: its members, and its link to its parent.
const LEAF: usize = NODE_MEMBERS * MEMBER + 2 * size_of::<usize>() + ALLOCATION;
/// A node of a map that has children.
const INNER_NODE: usize = LEAF + (NODE_MEMBERS + 1) * size_of::<usize>();
/// A further member of a map of several nodes. Every node but the first has five members and more, and six children and
/// more, so that a leaf comes with six members at least and an inner node with six leaves.
const FURTHER_MEMBER: usize = (LEAF + INNER_NODE / 5).div_ceil(6);

/// What the tree of one document may still take.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    limit: usize,
    left: Cell<Option<usize>>,
}

impl MemoryBudget {
    /// The budget of a document of so many bytes.
    pub(super) fn of(length: usize) -> Self {
        Self::limited(memory_for(length))
    }

    /// The budget for just the names that are held while a document of so many bytes is skipped.
    pub(super) fn of_names(length: usize) -> Self {
        Self::limited(length.saturating_add(NAMES_ALWAYS))
    }

    /// A budget of so many bytes.
    pub(super) fn limited(limit: usize) -> Self {
        Self { limit, left: Cell::new(Some(limit)) }
    }

    /// The error of a document: it exceeded its budget, or something else is wrong with it.
    pub(super) fn error(&self, error: serde_json::Error) -> JsonError {
        match self.left.get() {
            Some(_) => JsonError::NotStrict(error),
            None => JsonError::TooMuchMemory { limit: self.limit },
        }
    }

    /// Charges so many bytes.
    pub(super) fn charge<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().and_then(|left| left.checked_sub(bytes));
        self.left.set(left);
        // Replaced by a typed error at the end.
        left.map(|_| ()).ok_or_else(|| E::custom("over the budget"))
    }

    /// Gives back what was charged temporarily.
    pub(super) fn give_back(&self, bytes: usize) {
        self.left.set(self.left.get().map(|left| left + bytes));
    }

    /// Charges a string.
    pub(super) fn text<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        self.charge(if text.is_empty() { 0 } else { text.len() + ALLOCATION })
    }

    /// Makes room for one more item, and charges it: twice as much room as before, with both held while it is moved.
    pub(super) fn item<E: serde::de::Error>(&self, items: &mut Vec<Value>) -> Result<(), E> {
        if items.len() < items.capacity() {
            return Ok(());
        }
        let room = |capacity: usize| if capacity == 0 { 0 } else { capacity * size_of::<Value>() + ALLOCATION };
        let (before, more) = (items.capacity(), items.capacity().max(1));
        self.charge(room(before + more))?;
        items.reserve_exact(more);
        self.give_back(room(before));
        Ok(())
    }

    /// Charges one more member of an object that has `members` already, but not its key's text.
    pub(super) fn member<E: serde::de::Error>(&self, members: usize) -> Result<(), E> {
        match members {
            0 => self.charge(LEAF),
            1..NODE_MEMBERS => Ok(()),
            NODE_MEMBERS => self.charge(LEAF + INNER_NODE),
            _ => self.charge(FURTHER_MEMBER),
        }
    }
}
