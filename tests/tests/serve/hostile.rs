//! Clients that mean no good, or are broken: each is refused or waited for with a limit, and nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use sealift_serve::{MAXIMUM_HEAD, MAXIMUM_HEADERS, RequestFault, ServerLimits};
use sealift_tests::served::Answered;

use super::{APP, Served};

/// Limits under which one soon sees what happens.
fn impatient() -> ServerLimits {
    let [idle, head, piece, end] = [400, 200, 400, 200].map(Duration::from_millis);
    ServerLimits { connections: 8, idle, head, piece, end }
}

#[test]
fn a_head_that_is_too_long_or_malformed_is_refused_and_the_connection_ends() {
    let served = Served::new();
    let host = "GET / HTTP/1.1\r\nHost: r\r\n";
    for (sent, fault, status) in [
        (format!("{host}X: {}\r\n\r\n", "a".repeat(MAXIMUM_HEAD)), RequestFault::TooLong, 431),
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(10 * MAXIMUM_HEAD)), RequestFault::TooLong, 431),
        (format!("{host}{}\r\n", "X: a\r\n".repeat(MAXIMUM_HEADERS)), RequestFault::TooManyHeaders, 431),
        ("GET / HTTP/3.0\r\n\r\n".to_owned(), RequestFault::Version, 505),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), RequestFault::Host, 400),
        (format!("{host}Host: s\r\n\r\n"), RequestFault::Host, 400),
        (format!("{host} folded\r\n\r\n"), RequestFault::Malformed, 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\r\n\r\n".to_owned(), RequestFault::Malformed, 400),
    ] {
        // A second request on the same connection is never answered.
        let sent = format!("{sent}{host}\r\n");
        let answers = served.server.send(sent.as_bytes());
        let answer = Answered::read(&answers);
        assert_eq!(answer.status, status, "{fault:?}");
        assert_eq!(answer.json()["errors"][0]["message"], fault.to_string());
        assert_eq!(answer.field("connection"), "close");
    }
    assert_eq!(served.server.get("/healthz").status, 200);
}

#[test]
fn nothing_can_be_changed() {
    let served = Served::new();
    let digest = &served.image.root().descriptor().digest;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"] {
        for target in ["/v2/".to_owned(), format!("/v2/{APP}/blobs/uploads/"), format!("/v2/{APP}/manifests/{digest}")]
        {
            let answer = served.server.ask(method, &target, "");
            assert_eq!((answer.status, answer.field("allow")), (405, "GET, HEAD"), "{method} {target}");
        }
    }
}

#[test]
fn a_request_with_content_is_the_last_one() {
    let served = Served::new();
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n";
    for fields in [
        format!("Content-Length: {}", smuggled.len()),
        "Transfer-Encoding: chunked".to_owned(),
        "Content-Length: 0\r\nContent-Length: 9".to_owned(),
    ] {
        for (method, status) in [("GET", "400"), ("POST", "405")] {
            let sent = format!("{method} /v2/ HTTP/1.1\r\nHost: r\r\n{fields}\r\n\r\n{smuggled}");
            let answers = String::from_utf8(served.server.send(sent.as_bytes())).unwrap();
            assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{answers}");
            assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
        }
    }
}

#[test]
fn no_name_leads_out_of_what_is_served() {
    let served = Served::new();
    for target in [
        "/../../../../etc/passwd",
        "/v2/../../etc/passwd",
        "/v2/example.com/org/app/../app/manifests/1",
        "/v2/example.com/org/../org/app/manifests/1",
        "/v2/example.com%2Forg%2Fapp/manifests/1",
        "/v2//example.com/org/app/manifests/1",
        "/v2/example.com/org/app//manifests/1",
        "/v2/example.com/org/app/manifests/..%2f1",
        "/v2/example.com/org/app/manifests/1%00",
        "/v2/example.com/org/app/manifests/",
        "/v2/example.com/org/app/blobs/sha256:../../x",
        "/tuf/../healthz",
        "/tuf/demo/../../etc/passwd",
        "/tuf/%2e%2e/%2e%2e/etc/passwd",
        "/app.sealift",
        "/%ff%fe",
        "*",
        "/v2/_catalog/../manifests",
    ] {
        let answer = served.server.get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
    }
}

#[test]
fn requests_that_are_asked_in_bytes_or_never_end_are_waited_for_with_a_limit() {
    let served = Served::with(impatient(), None);
    // A request in pieces is a request.
    let mut socket = served.server.connect();
    for byte in b"GET /healthz HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n" {
        socket.write_all(&[*byte]).unwrap();
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert_eq!(Answered::read(&answer).status, 200);
    // One that goes on for ever is not.
    let (mut slow, begun) = (served.server.connect(), Instant::now());
    slow.write_all(b"GET / HTTP/1.1\r\nHost: r\r\n").unwrap();
    while slow.write_all(b"X: a\r\n").is_ok() && begun.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Nor is one that says nothing, or half of it.
    for half in [&b""[..], b"GET /v2/ HT"] {
        let (mut silent, begun) = (served.server.connect(), Instant::now());
        silent.write_all(half).unwrap();
        let _ = silent.read_to_end(&mut Vec::new());
        assert!(begun.elapsed() < Duration::from_secs(5), "{half:?}");
    }
    // And one that is cut off is no harm.
    let mut cut = served.server.connect();
    cut.write_all(b"GET /v2/ HTTP/1.1\r\nHos").unwrap();
    cut.shutdown(Shutdown::Both).unwrap();
    assert_eq!(served.server.get("/healthz").status, 200);
}

#[test]
fn a_client_that_takes_nothing_loses_its_connection() {
    let served = Served::with(impatient(), None);
    let digest = &served.layers()[0].digest;
    let mut greedy = served.server.connect();
    // More than fits into the buffers of the system.
    let request = format!("GET {} HTTP/1.1\r\nHost: r\r\n\r\n", Served::blob(digest));
    let _ = greedy.write_all(request.repeat(64).as_bytes());
    let begun = Instant::now();
    while served.server.log().iter().all(|logged| logged.cut.is_none()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", served.server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(served.server.log().last().unwrap().cut, Some(sealift_serve::CutReason::Client));
}

#[test]
fn connections_that_say_nothing_make_room_for_those_that_ask() {
    let served = Served::new();
    let idle: Vec<TcpStream> = (0..300).map(|_| served.server.connect()).collect();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(served.server.get("/healthz").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(idle);
}

#[test]
fn where_all_are_being_answered_the_next_one_is_told_to_come_later() {
    let limits = ServerLimits { connections: 2, piece: Duration::from_secs(20), ..ServerLimits::default() };
    let served = Served::with(limits, None);
    let request = format!("GET {} HTTP/1.1\r\nHost: r\r\n\r\n", Served::blob(&served.layers()[0].digest));
    let busy: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut socket = served.server.connect();
            // Asked for again and again, and never taken.
            socket.write_all(request.repeat(64).as_bytes()).unwrap();
            socket
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let mut refused = served.server.connect();
    let mut answer = Vec::new();
    let _ = refused.read_to_end(&mut answer);
    let answer = Answered::read(&answer);
    assert_eq!((answer.status, answer.field("retry-after")), (503, "1"));
    drop(busy);
}

#[test]
fn a_server_that_is_stopped_ends_although_clients_are_there() {
    let mut served = Served::with(impatient(), None);
    let (mut idle, mut greedy) = (served.server.connect(), served.server.connect());
    let request = format!("GET {} HTTP/1.1\r\nHost: r\r\n\r\n", Served::blob(&served.layers()[0].digest));
    greedy.write_all(request.repeat(64).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let begun = Instant::now();
    served.server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest);
    assert!(rest.is_empty());
    assert!(TcpStream::connect(served.server.address).is_err());
}
