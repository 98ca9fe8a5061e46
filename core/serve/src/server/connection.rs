//! One connection: requests one after the other, each answered before the next one is read.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use rustls::ServerConfig;

use super::ServerLimits;
use super::connections::Ticket;
use crate::access::{AccessEntry, AccessLog, CutReason};
use crate::answer::{AnswerContent, RegistryAnswer};
use crate::catalogue::{Catalogue, PIECE_LENGTH, PlacedContent, ServedContent};
use crate::http::request::{MAXIMUM_HEAD, RequestFault, RequestHead};
use crate::http::stream::ClientStream;

/// How much is read of a request at once, in bytes.
const READ_LENGTH: usize = 4 << 10;

/// What a connection is served with.
pub(super) struct Connection<'c, 'f> {
    pub(super) catalogue: &'c Catalogue<'f>,
    pub(super) log: &'c dyn AccessLog,
    pub(super) limits: &'c ServerLimits,
    pub(super) peer: SocketAddr,
    pub(super) ticket: &'c Ticket<'c>,
}

/// How a connection goes on after an answer.
enum AfterAnswer {
    NextRequest,
    End,
    Cut,
}

impl Connection<'_, '_> {
    /// Answers requests until one side ends the connection.
    pub(super) fn serve(&self, socket: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) {
        // Small answers go out at once. Where the system refuses that, they come later.
        let _ = socket.set_nodelay(true);
        let Ok(mut stream) = ClientStream::new(socket, tls) else { return };
        let mut arrived = Vec::new();
        let mut is_first = true;
        loop {
            // A handshake belongs to the first request.
            let patience = if is_first && tls.is_some() { self.limits.head } else { self.limits.idle };
            is_first = false;
            stream.wait_until(Instant::now() + patience);
            let Ok(request) = self.next_request(&mut stream, &mut arrived) else { return stream.cut() };
            let Some(request) = request else { return stream.end() };
            if !self.ticket.works() {
                return stream.end();
            }
            match self.answer(request.as_ref().map_err(|fault| *fault), &mut stream) {
                AfterAnswer::NextRequest if self.ticket.waits() => {}
                AfterAnswer::NextRequest | AfterAnswer::End => return stream.end(),
                AfterAnswer::Cut => return stream.cut(),
            }
        }
    }

    /// Reads the head of the next request, which may have arrived with the one before; `None` where the client has ended the connection instead.
    fn next_request(
        &self,
        stream: &mut ClientStream,
        arrived: &mut Vec<u8>,
    ) -> io::Result<Option<Result<RequestHead, RequestFault>>> {
        let mut piece = [0; READ_LENGTH];
        let mut is_news = !arrived.is_empty();
        loop {
            if is_news {
                match RequestHead::read(arrived) {
                    Err(fault) => return Ok(Some(Err(fault))),
                    Ok(Some((head, length))) => {
                        arrived.drain(..length.min(arrived.len()));
                        return Ok(Some(Ok(head)));
                    }
                    Ok(None) => {}
                }
            }
            let before = arrived.len();
            let room = READ_LENGTH.min(MAXIMUM_HEAD.saturating_sub(before));
            let read = match stream.read(piece.get_mut(..room).unwrap_or_default()) {
                Ok(0) if before == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => piece.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            arrived.extend_from_slice(read);
            if before == 0 {
                stream.wait_until(Instant::now() + self.limits.head);
            }
            // Only the end of a line can be the end of a head.
            is_news = read.contains(&b'\n') || arrived.len() >= MAXIMUM_HEAD;
        }
    }

    /// Sends the answer to a request, and tells of it.
    fn answer(&self, request: Result<&RequestHead, RequestFault>, stream: &mut ClientStream) -> AfterAnswer {
        let begun = Instant::now();
        let (method, target) = request.map_or(("-", "-"), |head| (head.method.as_str(), head.target.as_str()));
        let answer = match request {
            Ok(head) => RegistryAnswer::to(self.catalogue, head),
            Err(fault) => RegistryAnswer::to_fault(fault),
        };
        let is_last = answer.is_last || self.ticket.is_last();
        let mut sent = 0;
        let cut = self.send(&answer, method != "HEAD", !is_last, stream, &mut sent).err();
        let (peer, status, elapsed) = (self.peer, answer.head.status, begun.elapsed());
        self.log.answered(&AccessEntry { peer, method, target, status, sent, elapsed, cut });
        match (cut, is_last) {
            (Some(_), _) => AfterAnswer::Cut,
            (None, true) => AfterAnswer::End,
            (None, false) => AfterAnswer::NextRequest,
        }
    }

    fn send(
        &self,
        answer: &RegistryAnswer<'_>,
        with_content: bool,
        keep_alive: bool,
        stream: &mut ClientStream,
        sent: &mut u64,
    ) -> Result<(), CutReason> {
        let mut head = answer.head.bytes(answer.content.length(), keep_alive);
        stream.wait_until(Instant::now() + self.limits.piece);
        match &answer.content {
            AnswerContent::Part(ServedContent::Placed(content), range) if with_content => {
                stream.write_all(&head).map_err(|_| CutReason::Client)?;
                self.send_placed(content, range, stream, sent)?;
            }
            AnswerContent::Part(ServedContent::Held(bytes), range) if with_content => {
                let part = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
                let part = part.and_then(|(begin, end)| bytes.get(begin..end)).unwrap_or_default();
                self.send_bytes(&head, part, stream, sent)?;
            }
            // What is small goes out with its head.
            AnswerContent::Bytes(bytes) if with_content && bytes.len() <= READ_LENGTH => {
                head.extend_from_slice(bytes);
                stream.write_all(&head).map_err(|_| CutReason::Client)?;
                *sent = bytes.len() as u64;
            }
            AnswerContent::Bytes(bytes) if with_content => self.send_bytes(&head, bytes, stream, sent)?,
            AnswerContent::Bytes(_) | AnswerContent::Part(..) => {
                stream.write_all(&head).map_err(|_| CutReason::Client)?;
            }
        }
        stream.flush().map_err(|_| CutReason::Client)
    }

    /// Sends what is in memory, each piece in the time that a client has for one.
    fn send_bytes(
        &self,
        head: &[u8],
        bytes: &[u8],
        stream: &mut ClientStream,
        sent: &mut u64,
    ) -> Result<(), CutReason> {
        stream.write_all(head).map_err(|_| CutReason::Client)?;
        for piece in bytes.chunks(PIECE_LENGTH) {
            stream.wait_until(Instant::now() + self.limits.piece);
            stream.write_all(piece).map_err(|_| CutReason::Client)?;
            *sent = sent.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    /// Sends a part of what is in an archive: each piece after it was compared with what was verified.
    fn send_placed(
        &self,
        content: &PlacedContent,
        range: &Range<u64>,
        stream: &mut ClientStream,
        sent: &mut u64,
    ) -> Result<(), CutReason> {
        let mut piece = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let number = position / PIECE_LENGTH as u64;
            self.catalogue.piece(content, number, &mut piece)?;
            let begin = number.saturating_mul(PIECE_LENGTH as u64);
            let within = |at: u64| usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX).min(piece.len());
            let part = piece.get(within(position)..within(range.end)).unwrap_or_default();
            if part.is_empty() {
                return Err(CutReason::Changed);
            }
            stream.wait_until(Instant::now() + self.limits.piece);
            stream.write_all(part).map_err(|_| CutReason::Client)?;
            *sent = sent.saturating_add(part.len() as u64);
            position = position.saturating_add(part.len() as u64);
        }
        Ok(())
    }
}
