//! The HTTP client, the registry client and OCI layouts, against a registry that can be made to misbehave, and against a
//! real one.

// Functions that several tests share are part of the tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod authentication;
mod bad_network;
mod blobs;
mod companions;
mod conformance;
mod deltas;
mod forms;
mod hostile;
mod http;
mod kinds;
mod layouts;
mod lists;
mod manifests;
mod mirror_config;
mod names;
mod notary;
mod read_alike;
mod real;
mod round_trips;
mod sparse;
mod tls;
mod uploads;

use std::time::Duration;

use sealift_core::authorization::Credentials;
use sealift_core::http::{HttpClient, HttpSettings, Retries, Timeouts};
use sealift_core::registry::RegistryClient;

/// Settings under which failures show soon.
fn settings() -> HttpSettings {
    let (first_delay, longest_wait) = (Duration::from_millis(1), Duration::from_secs(2));
    let retries = Retries { attempts: 3, first_delay, longest_wait, ..Retries::default() };
    HttpSettings { retries, ..HttpSettings::default() }
}

/// Settings under which a server that keeps us waiting shows soon.
fn impatient() -> HttpSettings {
    let soon = Duration::from_millis(400);
    let timeouts = Timeouts { connect: soon, response: soon, stall: soon, slowest: 1 << 20 };
    HttpSettings { timeouts, retries: Retries { attempts: 1, ..settings().retries }, ..settings() }
}

fn http_client() -> HttpClient {
    HttpClient::new(settings()).unwrap()
}

fn client() -> RegistryClient {
    RegistryClient::new(http_client(), Credentials::none())
}

/// A client with the credentials of a docker configuration.
fn client_with(config: &str) -> RegistryClient {
    RegistryClient::new(http_client(), Credentials::from_docker_config(config.as_bytes()).unwrap())
}

/// An error and its causes, in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Content of which every part is different.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 16) as u8).collect()
}
