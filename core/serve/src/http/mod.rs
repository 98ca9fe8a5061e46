//! HTTP/1.1 as far as a server needs it that only gives (RFC 9110, RFC 9112). Nothing here knows what is served.

pub(crate) mod byte_range;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod route;
pub(crate) mod stream;
