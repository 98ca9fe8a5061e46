//! The head of a response. Every response states its length.

use std::fmt::Write as _;

/// A status, and its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    fields: Vec<(&'static str, String)>,
}

impl ResponseHead {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, fields: Vec::new() }
    }

    /// The same with one more field. No character of `value` can end it.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value: String = value.into();
        self.fields.push((name, value.chars().filter(|it| !it.is_control()).collect()));
        self
    }

    /// How it is sent, before a content of `length` bytes.
    pub(crate) fn bytes(&self, length: u64, keep_alive: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        // Writing to a text cannot fail.
        for (name, value) in &self.fields {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        // RFC 9110 §8.6: what has no content states no length.
        if self.status != 304 {
            let _ = write!(text, "Content-Length: {length}\r\n");
        }
        text.push_str(if keep_alive { "\r\n" } else { "Connection: close\r\n\r\n" });
        text.into_bytes()
    }
}

/// What a status is called (RFC 9110 §15).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_value_adds_a_field() {
        let head = ResponseHead::new(200).with("Link", "a\r\nSet-Cookie: b\n");
        let sent = String::from_utf8(head.bytes(5, false)).unwrap();
        assert_eq!(sent, "HTTP/1.1 200 OK\r\nLink: aSet-Cookie: b\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
    }
}
