//! TLS for the HTTP client underneath, with our own rules about certificates, and with those of single hosts; and proxies.
//!
//! The client's own TLS has no place for such rules, and its errors do not say who failed, so this takes its place among the client's connectors. Their interface is one that
//! the client may change in a minor version (`ureq::unversioned`).

use std::collections::HashMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

/// Reaches servers through a proxy, and marks whatever fails before the server is reached as the proxy's failure.
#[derive(Debug, Default)]
pub(super) struct ProxyConnector(ConnectProxyConnector);

/// What failed between this machine and the server, at the proxy.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct AtProxy(pub(super) Error);

impl<T: Transport> Connector<T> for ProxyConnector {
    type Out = <ConnectProxyConnector as Connector<T>>::Out;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<T>) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| Error::Other(Box::new(AtProxy(error))))
    }
}

/// Speaks TLS to `https` URLs.
pub(super) struct TlsConnector {
    usual: Arc<ClientConfig>,
    /// By `host:port`.
    by_host: HashMap<String, Arc<ClientConfig>>,
}

impl TlsConnector {
    pub(super) fn new(usual: Arc<ClientConfig>, by_host: HashMap<String, Arc<ClientConfig>>) -> Self {
        Self { usual, by_host }
    }

    fn config(&self, uri: &Uri) -> &Arc<ClientConfig> {
        let host = uri.host().unwrap_or_default();
        self.by_host.get(&key(host, uri.port_u16().unwrap_or(443))).unwrap_or(&self.usual)
    }
}

/// What the certificates of a host are found by.
pub(super) fn key(host: &str, port: u16) -> String {
    format!("{}:{port}", host.to_ascii_lowercase())
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").field("by_host", &self.by_host.keys()).finish_non_exhaustive()
    }
}

impl<T: Transport> Connector<T> for TlsConnector {
    type Out = Either<T, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<T>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| Error::Tls("the host has no valid name"))?;
        let mut connection = ClientConnection::new(Arc::clone(self.config(details.uri)), name)?;
        let mut socket = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// A connection over TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
