//! The beginning of a seal, up to its slots: the statement in base64, between fixed texts.
//!
//! Promise: a head is decoded as it is read, piece by piece, and only the statement is held, after the few bytes that
//! DSSE puts before what is signed. Nothing is read as JSON. [`read`] accepts exactly what [`encode`] writes: the fixed
//! texts are compared, and base64 with padding and without stray bits has one form.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{PAYLOAD_TYPE, SealFormatError};
use crate::dsse;
use crate::growing::grow;
use crate::tar_profile::BLOCK_LENGTH;

const OPENING: &str = r#"{"payload":""#;
const MIDDLE: &str = r#"","payloadType":"application/vnd.in-toto+json","signatures":["#;

/// What follows the payload in an envelope of any type.
const TYPE: &str = r#"","payloadType":""#;
/// How much of an unexpected payload type is shown, in characters.
const MAXIMUM_SHOWN: usize = 80;

/// How much of a head is decoded at once, in bytes; base64 comes in groups of four.
const PIECE_LENGTH: usize = 16 * 1024;
/// Space for the prefix that DSSE puts before a statement, in bytes: 38, the digits of the statement's length, and a
/// blank.
const ROOM: usize = 64;

/// A statement with its signed prefix before it: one stretch of memory, so that nothing is copied for verification.
#[derive(Debug)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    signed: usize,
}

impl Message {
    /// The signed message of a statement in memory.
    pub(crate) fn of(statement: &[u8]) -> Self {
        let mut bytes = Vec::new();
        bytes.reserve_exact(ROOM + statement.len());
        bytes.resize(ROOM, 0);
        bytes.extend_from_slice(statement);
        Self::close(bytes)
    }

    /// Writes the prefix that DSSE puts before a statement into the space left for it.
    fn close(mut bytes: Vec<u8>) -> Self {
        let before = dsse::pae_before(PAYLOAD_TYPE, bytes.len().saturating_sub(ROOM));
        let signed = ROOM.saturating_sub(before.len());
        for (to, from) in bytes.iter_mut().skip(signed).zip(before) {
            *to = from;
        }
        Self { bytes, signed }
    }

    /// The statement.
    pub(crate) fn statement(&self) -> &[u8] {
        self.bytes.get(ROOM..).unwrap_or_default()
    }

    /// What is signed: DSSE's pre-authentication encoding of the statement.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        self.bytes.get(self.signed..).unwrap_or_default()
    }
}

/// Why a seal cannot be read from an input.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The input fails, or ends.
    Io(io::Error),
    /// The input is not a seal.
    Format(SealFormatError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SealFormatError> for ReadError {
    fn from(error: SealFormatError) -> Self {
        Self::Format(error)
    }
}

/// The length of everything before the slots: whole blocks.
pub(crate) fn length(statement_length: usize) -> usize {
    let encoded = statement_length.div_ceil(3) * 4;
    (OPENING.len() + encoded + MIDDLE.len()).next_multiple_of(BLOCK_LENGTH)
}

/// The head over a statement.
pub(crate) fn encode(statement: &[u8]) -> Vec<u8> {
    let mut head = String::new();
    head.reserve_exact(length(statement.len()));
    head.push_str(OPENING);
    STANDARD.encode_string(statement, &mut head);
    head.push_str(MIDDLE);
    let mut head = head.into_bytes();
    head.resize(length(statement.len()), b' ');
    head
}

/// Reads a head of `head_length` bytes.
pub(crate) fn read(input: &mut impl Read, head_length: usize) -> Result<Message, ReadError> {
    let mut left = head_length.checked_sub(OPENING.len()).ok_or(SealFormatError::Envelope)?;
    let mut opening = [0; OPENING.len()];
    input.read_exact(&mut opening)?;
    require(opening == OPENING.as_bytes())?;
    let most = ROOM + left / 4 * 3;
    let mut bytes = vec![0; ROOM];
    let mut buffer = vec![0; PIECE_LENGTH];
    let mut padded = false;
    while left > 0 {
        let piece = buffer.get_mut(..left.min(PIECE_LENGTH)).unwrap_or_default();
        input.read_exact(piece)?;
        left -= piece.len();
        let end = piece.iter().position(|&byte| byte == b'"');
        let text = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        // Padding comes at the end of the payload, not at the end of a piece.
        require(text.is_empty() || !padded)?;
        padded = text.ends_with(b"=");
        grow(&mut bytes, text.len().div_ceil(4) * 3, most);
        STANDARD.decode_vec(text, &mut bytes).map_err(|_| SealFormatError::Envelope)?;
        if let Some(end) = end {
            let mut rest = piece.get(end..).unwrap_or_default().to_vec();
            let more = left.min((MIDDLE.len() + BLOCK_LENGTH).saturating_sub(rest.len()));
            let read = input.take(more as u64).read_to_end(&mut rest)?;
            if read < more {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let blanks = rest.strip_prefix(MIDDLE.as_bytes()).ok_or_else(|| another_envelope(&rest))?;
            require(left == more && length(bytes.len() - ROOM) == head_length)?;
            require(blanks.iter().all(|&byte| byte == b' '))?;
            return Ok(Message::close(bytes));
        }
    }
    Err(SealFormatError::Envelope.into())
}

/// What is wrong with an envelope that is not a seal's after its payload: perhaps it carries something else.
fn another_envelope(rest: &[u8]) -> SealFormatError {
    let found = rest.strip_prefix(TYPE.as_bytes()).and_then(|rest| {
        let end = rest.iter().position(|&byte| byte == b'"')?;
        rest.get(..end)
    });
    match found.map(String::from_utf8_lossy) {
        Some(found) if found != PAYLOAD_TYPE => {
            SealFormatError::PayloadType { found: found.chars().take(MAXIMUM_SHOWN).collect() }
        }
        _ => SealFormatError::Envelope,
    }
}

fn require(holds: bool) -> Result<(), SealFormatError> {
    if holds { Ok(()) } else { Err(SealFormatError::Envelope) }
}
