//! Which registry a name means, in the one form in which registries are compared.
//!
//! Host names ignore case, `https` has a default port, a dot at the end only says that nothing follows, and an address
//! can be written in many ways. Promise: a [`Domain`] holds none of these choices, so two domains are equal exactly
//! when they mean the same host and port, and every comparison, match or lookup by domain agrees.
//!
//! | written | one form | because |
//! |---|---|---|
//! | `Example.COM` | `example.com` | host names have no case (RFC 4343) |
//! | `example.com.` | `example.com` | the root of all names may be written or left out (RFC 1034 §3.1) |
//! | `example.com:443`, `example.com:0443` | `example.com` | registries use `https` (OCI Distribution 1.1) |
//! | `[0:0:0:0:0:0:0:1]` | `[::1]` | RFC 5952 |
//! | `index.docker.io` | `docker.io` | distribution's `reference` package says so, and of no other host |
//! | `Registry`, `registry:443` | `registry:443` | `registry/app` would mean a repository of `docker.io` |
//!
//! Port 80 stays: a name without a port means 443 first, so `localhost:80` is not the same server as `localhost`. Hosts
//! that end in a number are addresses, and must be written as such (`127.1` is refused), as in the URL standard.
//! Anything that is not ASCII is refused; `xn--…` names are compared as they are.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A text that is not the name of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{domain:?} is not a registry's host name, with or without port")]
pub struct DomainError {
    /// The text.
    pub domain: String,
}

/// The longest host, in bytes.
const MAXIMUM_HOST: usize = 255;
/// The port of `https`.
const HTTPS_PORT: u16 = 443;
/// The folder of `docker.io` that may be left out.
const LIBRARY: &str = "library/";

/// A registry, in its one form: `host`, or `host:port` where that is not the port of `https`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// The registry that is meant when none is named.
    pub const DEFAULT: &str = "docker.io";

    /// The domain as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A path in this registry, in full: in `docker.io`, a path of one component is below `library/`, as distribution's `reference`
    /// package has it.
    pub fn full_path(&self, path: &str) -> String {
        let is_short = self.0 == Self::DEFAULT && !path.is_empty() && !path.contains('/');
        if is_short { format!("{LIBRARY}{path}") } else { path.to_owned() }
    }

    /// How a full path may be written short; `None` if there is only one way to write it.
    pub fn short_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        let short = path.strip_prefix(LIBRARY).filter(|_| self.0 == Self::DEFAULT)?;
        (self.full_path(short) == path).then_some(short)
    }

    /// The domain as one component of a repository's path. Different domains have different components: a host stays as
    /// it is, a port follows after `_`, and an IPv6 address is its eight groups after `v6__`; no host has an
    /// underscore.
    pub fn to_path_component(&self) -> String {
        let (host, port) = match self.0.rsplit_once(':') {
            Some((host, port)) if !self.0.ends_with(']') => (host, Some(port)),
            _ => (self.0.as_str(), None),
        };
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')?.parse::<Ipv6Addr>().ok());
        let host = match address {
            Some(address) => format!("v6__{}", address.segments().map(|group| format!("{group:x}")).join("-")),
            None => host.to_owned(),
        };
        port.map_or_else(|| host.clone(), |port| format!("{host}_{port}"))
    }

    /// Whether the first component of a name is a registry: only if it could not be the beginning of a path.
    pub fn is_meant_by(component: &str) -> bool {
        component == "localhost"
            || component.contains(['.', ':'])
            || component.bytes().any(|byte| byte.is_ascii_uppercase())
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    /// Reads `host[:port]`, where the host is a domain name, an IPv4 address, or an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError { domain: text.to_owned() };
        let (host, port) = match text.rfind(':') {
            Some(colon) if !text.ends_with(']') => {
                let (host, port) = text.split_at_checked(colon).ok_or_else(wrong)?;
                (host, port_number(port.trim_start_matches(':')).ok_or_else(wrong)?)
            }
            _ => (text, HTTPS_PORT),
        };
        let host = host_name(host).ok_or_else(wrong)?;
        let host = if host == "index.docker.io" && port == HTTPS_PORT { Self::DEFAULT.to_owned() } else { host };
        if port == HTTPS_PORT && Self::is_meant_by(&host) { Ok(Self(host)) } else { Ok(Self(format!("{host}:{port}"))) }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn port_number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A host in its one form, if it is one.
fn host_name(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let well_formed = host.len() <= MAXIMUM_HOST
        && host.split('.').all(is_label)
        && (!is_number(last) || host.parse::<Ipv4Addr>().is_ok());
    well_formed.then(|| host.to_ascii_lowercase())
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    edge(text.bytes().next())
        && edge(text.bytes().next_back())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether resolvers take a label for a number: then the whole host is an address, in one of many spellings.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A pattern for full names, with its leading domain and path in their one form, so that a pattern made from a name matches what
/// the name means. A domain with `*`, `?` or `[` keeps them, and is otherwise written like a host.
///
/// `docker.io/nginx:*` is `docker.io/library/nginx:*`, as the name is. A path that has one of these characters is a set of paths, which
/// stays as it is written: `docker.io/*` does not stand for all of `docker.io/library`.
pub fn pattern_in_one_form(pattern: &str) -> String {
    let Some((first, rest)) = pattern.split_once('/').filter(|(first, _)| Domain::is_meant_by(first)) else {
        return pattern.to_owned();
    };
    match first.parse::<Domain>() {
        Ok(domain) => {
            let path = rest.split([':', '@']).next().unwrap_or_default();
            let rest = if path.is_empty() || has_wildcard(path) { rest.to_owned() } else { domain.full_path(rest) };
            // An address in brackets is not a set of characters.
            format!("{}/{rest}", domain.0.replacen('[', "[[]", 1))
        }
        Err(_) => format!("{}/{rest}", wildcards_in_one_form(first)),
    }
}

/// Whether a part of a pattern stands for more than itself.
pub fn has_wildcard(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

fn wildcards_in_one_form(domain: &str) -> String {
    let host = domain.strip_suffix(":443").unwrap_or(domain);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> String {
        text.parse::<Domain>().unwrap().to_string()
    }

    #[test]
    fn every_spelling_of_a_registry_has_one_form() {
        for (one, spellings) in [
            ("example.com", &["EXAMPLE.com", "example.com.", "example.com:443", "Example.com.:0443"][..]),
            ("example.com:80", &["example.com:80", "EXAMPLE.COM.:080"]),
            ("example.com:5000", &["example.com:05000"]),
            ("localhost", &["LOCALHOST", "localhost.", "localhost:443"]),
            ("localhost:80", &["localhost:80"]),
            ("registry:443", &["Registry", "registry:443", "registry."]),
            ("docker.io", &["Docker.IO", "docker.io:443", "index.docker.io", "INDEX.docker.io.:443"]),
            ("registry-1.docker.io", &["registry-1.docker.io:443"]),
            ("index.docker.io:80", &["index.docker.io:80"]),
            ("[::1]", &["[0:0:0:0:0:0:0:1]", "[::1]:443", "[0::0001]"]),
            ("[2001:db8::a]:5000", &["[2001:DB8:0:0::A]:5000"]),
            ("127.0.0.1", &["127.0.0.1:443", "127.0.0.1."]),
            ("xn--bcher-kva.example", &["XN--Bcher-KVA.example"]),
        ] {
            for spelling in spellings.iter().chain([&one]) {
                assert_eq!(form(spelling), one, "{spelling}");
            }
            assert!(Domain::is_meant_by(one), "{one} would be read as a path");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "example..com",
            "example.com..",
            ".example.com",
            "-a.example",
            "a-.example",
            "a_b.example",
            "bücher.example",
            "\u{212a}.example",
            "example.com:",
            "example.com:+1",
            "example.com:65536",
            "a:b:1",
            "example.com::443",
            "127.1",
            "127.0.0.01",
            "0x7f.1",
            "1.2.3.0x4",
            "2130706433:5000",
            "256.1.1.1",
            "[::1",
            "[::1]443",
            "[127.0.0.1]",
            "[fe80::1%eth0]",
            "::1",
        ] {
            assert!(text.parse::<Domain>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_domain_is_one_component_of_a_path() {
        for (domain, component) in [
            ("example.com", "example.com"),
            ("EXAMPLE.com:443", "example.com"),
            ("example.com:5000", "example.com_5000"),
            ("a--b.example", "a--b.example"),
            ("registry", "registry_443"),
            ("127.0.0.1:80", "127.0.0.1_80"),
            ("[::1]", "v6__0-0-0-0-0-0-0-1"),
            ("[2001:db8::A]:5000", "v6__2001-db8-0-0-0-0-0-a_5000"),
            ("[::ffff:1.2.3.4]", "v6__0-0-0-0-0-ffff-102-304"),
        ] {
            let found = domain.parse::<Domain>().unwrap().to_path_component();
            assert_eq!(found, component);
        }
    }

    /// What a component of a path was made from, by the rule in the documentation.
    fn from_path_component(component: &str) -> String {
        let (host, port) = match component.strip_prefix("v6__") {
            Some(address) => {
                let (address, port) = address.split_once('_').map_or((address, None), |(a, port)| (a, Some(port)));
                (format!("[{}]", address.replace('-', ":")), port)
            }
            None => {
                let (host, port) = component.split_once('_').map_or((component, None), |(h, port)| (h, Some(port)));
                (host.to_owned(), port)
            }
        };
        port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// Every domain can be told from its component, so no two have the same.
    #[test]
    fn no_two_domains_are_the_same_component() {
        let hosts =
            ["a", "v6", "a.b", "a-b", "v6-0-0.a", "localhost", "1.2.3.4", "docker.io", "[::]", "[::1]", "[1::]"]
                .into_iter()
                .chain(["[1:0:1::]", "[10:1::]", "[1:1:1:1:1:1:1:1]", "[2001:db8::1]", "0-0.example", "x--y.z"]);
        let ports = ["", ":443", ":80", ":8", ":0", ":5000", ":65535"];
        let spellings = hosts.flat_map(|host| ports.map(|port| format!("{host}{port}")));
        let mut seen = std::collections::BTreeMap::new();
        for domain in spellings.filter_map(|text| text.parse::<Domain>().ok()) {
            let component = domain.to_path_component();
            assert_eq!(from_path_component(&component).parse::<Domain>().unwrap(), domain, "{component}");
            let other = seen.insert(component.clone(), domain.clone());
            assert!(other.is_none_or(|other| other == domain), "{component}");
        }
        assert!(seen.len() > 90, "{}", seen.len());
    }

    #[test]
    fn one_folder_of_one_registry_may_be_left_out() {
        for (domain, full, short) in [
            ("docker.io", "library/nginx", Some("nginx")),
            ("docker.io", "library/nginx:1", Some("nginx:1")),
            ("index.docker.io:443", "library/nginx", Some("nginx")),
            ("docker.io", "acme/nginx", None),
            ("docker.io", "library/acme/nginx", None),
            ("docker.io", "library/", None),
            ("example.com", "library/nginx", None),
        ] {
            let domain: Domain = domain.parse().unwrap();
            assert_eq!(domain.short_path(full), short, "{domain}/{full}");
            assert_eq!(domain.full_path(short.unwrap_or(full)), full);
        }
    }

    #[test]
    fn a_pattern_begins_with_a_domain_in_its_one_form() {
        for (pattern, one) in [
            ("EXAMPLE.com:443/org/*", "example.com/org/*"),
            ("example.com./a", "example.com/a"),
            ("index.docker.io/library/*", "docker.io/library/*"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/nginx:1.*", "docker.io/library/nginx:1.*"),
            ("docker.io/nginx:*", "docker.io/library/nginx:*"),
            ("docker.io/acme/nginx", "docker.io/acme/nginx"),
            ("example.com/nginx", "example.com/nginx"),
            ("*.Example.com:443/A", "*.example.com/A"),
            ("example.com:5000/*", "example.com:5000/*"),
            ("[0::1]:5000/*", "[[]::1]:5000/*"),
            ("*", "*"),
            ("*/*", "*/*"),
            ("org/App", "org/App"),
            // What has a wildcard in its path is not widened.
            ("docker.io/*", "docker.io/*"),
            ("docker.io/*:1", "docker.io/*:1"),
            ("docker.io/ngin?", "docker.io/ngin?"),
            ("docker.io/[mn]ginx:1", "docker.io/[mn]ginx:1"),
            ("docker.io/", "docker.io/"),
            ("docker.io/:1", "docker.io/:1"),
            ("*.io/nginx", "*.io/nginx"),
        ] {
            assert_eq!(pattern_in_one_form(pattern), one);
        }
    }
}
