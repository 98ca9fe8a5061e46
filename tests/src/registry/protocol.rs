//! As much of HTTP/1.1 as a test needs.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// The query.
    pub query: String,
    /// Headers by their name in lower case; of several of a name, joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// Whether the request has this method and this text in its path.
    pub fn is(&self, method: &str, part_of_path: &str) -> bool {
        self.method == method && self.path.contains(part_of_path)
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    /// All parameters of this name, decoded.
    pub fn parameters(&self, name: &str) -> Vec<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let decode = |value: &str| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decode(value)).collect()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Answer {
    /// An answer; its `Content-Length` is added when it is not among the headers.
    pub fn new(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { status, headers, body }
    }
}

/// Reads the header of one request, and how long its body is; `None` when the client is gone.
pub(super) fn receive_header(connection: &mut impl Read) -> io::Result<Option<(Received, u64)>> {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let ended = connection.read(&mut byte)? == 0;
        // A client that begins a TLS handshake, or never ends, is left alone.
        if ended || header.len() > 64 * 1024 || (header.is_empty() && !byte[0].is_ascii_uppercase()) {
            return Ok(None);
        }
        header.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&header).into_owned();
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let values = headers.entry(name.to_ascii_lowercase()).or_default();
        if !values.is_empty() {
            values.push(',');
        }
        values.push_str(value.trim());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    Ok(Some((Received { method, path, query, headers, body: Vec::new() }, length)))
}

/// Reads up to `length` bytes of the body; whether there were so many.
pub(super) fn receive_body(connection: &mut impl Read, request: &mut Received, length: u64) -> io::Result<bool> {
    Ok(connection.take(length).read_to_end(&mut request.body)? as u64 == length)
}

/// Sends an answer, with at most `limit` bytes of its body.
pub(super) fn send(connection: &mut impl Write, request: &Received, answer: &Answer, limit: usize) -> io::Result<()> {
    let mut header = format!("HTTP/1.1 {} -\r\n", answer.status);
    for (name, value) in &answer.headers {
        header.push_str(&format!("{name}: {value}\r\n"));
    }
    if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        header.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    header.push_str("\r\n");
    connection.write_all(header.as_bytes())?;
    if request.method != "HEAD" {
        connection.write_all(&answer.body[..limit.min(answer.body.len())])?;
    }
    connection.flush()
}
