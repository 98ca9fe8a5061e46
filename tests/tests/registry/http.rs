//! The HTTP client by itself.

use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use sealift_core::authorization::Credentials;
use sealift_core::http::{HttpClient, HttpError, HttpSettings, PlainHttp, Proxy, Url};
use sealift_core::registry::{RegistryClient, RegistryError, own_remedy};
use sealift_core::remedy::Remedy;
use sealift_core::tuf_repository::{HttpRepository, TargetFiles};
use sealift_tests::registry::{Action, Answer, Fault, Registry};

use super::{explain, http_client, settings};

fn url(registry: &Registry, path: &str) -> Url {
    format!("http://{}{path}", registry.domain()).parse().unwrap()
}

/// A registry that answers GETs of a path this way.
fn answering(path: &str, action: Action) -> Registry {
    let registry = Registry::start();
    registry.inject(Fault::always("GET", path, action));
    registry
}

fn ok(body: &[u8]) -> Action {
    Action::Answer(Answer::new(200, &[], body.to_vec()))
}

#[test]
fn a_document_is_fetched_up_to_its_limit_and_not_beyond() {
    let registry = answering("/document", ok(b"0123456789"));
    let fetch = |limit| http_client().get(&url(&registry, "/document"), limit);
    assert_eq!(fetch(10).unwrap().unwrap(), b"0123456789");
    assert!(matches!(fetch(9), Err(HttpError::TooLarge { limit: 9, .. })));
    assert_eq!(http_client().get(&url(&registry, "/absent"), 10).unwrap(), None);
}

#[test]
fn a_length_that_was_not_announced_is_bounded_too() {
    let endless = Action::write(|to| {
        to.write_all(b"HTTP/1.1 200 -\r\n\r\n")?;
        loop {
            to.write_all(&[b'x'; 65536])?;
        }
    });
    let registry = answering("/document", endless.clone());
    let fetched = http_client().get(&url(&registry, "/document"), 100_000);
    assert!(matches!(fetched, Err(HttpError::TooLarge { .. })));
    let mut reader = http_client().open(&url(&registry, "/document"), 100_000).unwrap().unwrap();
    let mut read = Vec::new();
    assert!(reader.read_to_end(&mut read).is_err());
    assert_eq!(read.len(), 100_000);
}

#[test]
fn a_body_that_breaks_off_is_fetched_again() {
    let registry = Registry::start();
    registry.inject(Fault { times: 2, ..Fault::always("GET", "/v2/", Action::CutAfter(1)) });
    assert_eq!(http_client().get(&url(&registry, "/v2/"), 10).unwrap().unwrap(), b"{}");
    assert_eq!(registry.count("GET", "/v2/"), 3);
    registry.inject(Fault::always("GET", "/v2/", Action::CutAfter(1)));
    assert!(matches!(http_client().get(&url(&registry, "/v2/"), 10), Err(HttpError::Body { .. })));
}

#[test]
fn a_body_that_trickles_is_given_up_and_a_slow_reader_is_waited_for() {
    let registry = answering(
        "/document",
        Action::write(|to| {
            to.write_all(b"HTTP/1.1 200 -\r\ncontent-length: 1000000\r\n\r\n")?;
            loop {
                to.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }),
    );
    let mut impatient = settings();
    impatient.timeouts.response = Duration::from_millis(200);
    impatient.retries.attempts = 1;
    let client = HttpClient::new(impatient).unwrap();
    let error = client.get(&url(&registry, "/document"), 1_000_000).unwrap_err();
    assert!(explain(&error).contains("too slowly"), "{}", explain(&error));
    // What has come is not thrown away because it came late.
    let late = Action::write(|to| {
        to.write_all(b"HTTP/1.1 200 -\r\ncontent-length: 2\r\n\r\n1")?;
        std::thread::sleep(Duration::from_millis(400));
        to.write_all(b"2")
    });
    assert_eq!(client.get(&url(&answering("/document", late), "/document"), 2).unwrap().unwrap(), b"12");
    // What the reader does between two bytes takes none of the server's time.
    let registry = answering("/document", ok(b"0123456789"));
    let mut reader = client.open(&url(&registry, "/document"), 10).unwrap().unwrap();
    for digit in b"0123456789" {
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], *digit);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error_of_the_requests_that_would_go_through_it() {
    let proxy = Proxy { url: "socks5://127.0.0.1:1".to_owned(), except: String::new() };
    let client = HttpClient::new(HttpSettings { proxy: Some(proxy), ..settings() }).unwrap();
    let registry = answering("/document", ok(b"near"));
    assert_eq!(client.get(&url(&registry, "/document"), 10).unwrap().unwrap(), b"near");
    let error = client.get(&"https://r.example/".parse().unwrap(), 10).unwrap_err();
    assert!(matches!(error, HttpError::Proxy { .. }), "{}", explain(&error));
}

/// Answers every connection with these bytes, whatever comes; where it is.
fn answers_whatever_comes(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(answer));
        }
    });
    address
}

#[test]
fn what_fails_at_the_proxy_is_not_said_of_the_server() {
    let refusing = |status| {
        let proxy = Registry::start();
        proxy.inject(Fault::always("CONNECT", "", Action::status(status, &[])));
        proxy
    };
    let (asks, forbids, has_no_way, gone) = (refusing(407), refusing(403), refusing(502), Registry::start().domain());
    let plain = answers_whatever_comes(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let check = |proxy: String| Remedy::CheckProxy { proxy, host: "r.example".to_owned() };
    let at = |scheme: &str, proxy: &str| format!("{scheme}://{proxy}");
    for (scheme, proxy, reason, remedy) in [
        ("http", asks.domain(), "the proxy answered 407", Remedy::LogInToProxy { proxy: at("http", &asks.domain()) }),
        ("http", forbids.domain(), "the proxy answered 403", check(at("http", &forbids.domain()))),
        ("http", has_no_way.domain(), "the proxy answered 502", check(at("http", &has_no_way.domain()))),
        ("http", gone.clone(), "refused", check(at("http", &gone))),
        ("http", "proxy.invalid:80".to_owned(), "lookup", check("http://proxy.invalid:80".to_owned())),
        (
            "https",
            plain.clone(),
            "what answers there does not speak https",
            Remedy::UsePlainProxy { proxy: at("http", &plain) },
        ),
    ] {
        let through = at(scheme, &proxy);
        let url = through.replacen("://", "://user:secret@", 1);
        let proxy = Some(Proxy { url, except: String::new() });
        for plain_http in [PlainHttp::Never, PlainHttp::Always] {
            let client = HttpClient::new(HttpSettings { proxy: proxy.clone(), plain_http, ..settings() }).unwrap();
            let registries = RegistryClient::new(client, Credentials::none());
            let error = registries.resolve(&"r.example/app:1".parse().unwrap()).unwrap_err();
            let said = explain(&error);
            assert!(said.contains(&format!("/v2/app/manifests/1 through the proxy {through}: ")), "{said}");
            assert!(said.contains(reason) && !said.contains("secret"), "{said}");
            assert!(matches!(error, RegistryError::Http(HttpError::AtProxy { .. })), "{said}");
            assert_eq!(own_remedy(&error), Some(remedy.clone()), "{said}");
        }
    }
}

#[test]
fn what_is_gone_is_not_there() {
    let registry = answering("/2.root.json", Action::status(410, &[]));
    assert_eq!(http_client().get(&url(&registry, "/2.root.json"), 10).unwrap(), None);
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    for (status, headers) in [(429, &[("retry-after", "1")][..]), (503, &[("retry-after", "0")]), (502, &[])] {
        let registry = Registry::start();
        registry.inject(Fault::once("GET", "/v2/", Action::status(status, headers)));
        let before = std::time::Instant::now();
        assert!(http_client().get(&url(&registry, "/v2/"), 10).unwrap().is_some(), "{status}");
        assert_eq!(registry.count("GET", "/v2/"), 2);
        if headers == [("retry-after", "1")] {
            assert!(before.elapsed() >= Duration::from_secs(1), "the wait is at least what was asked for");
        }
    }
}

#[test]
fn a_server_that_asks_for_too_long_a_wait_is_not_waited_for() {
    let registry = answering("/v2/", Action::status(429, &[("retry-after", "3600")]));
    let error = http_client().get(&url(&registry, "/v2/"), 10).unwrap_err();
    let hour = Some(Duration::from_secs(3600));
    assert!(matches!(error, HttpError::Status { status: 429, retry_after, .. } if retry_after == hour));
    assert_eq!(registry.count("GET", "/v2/"), 1);
}

#[test]
fn a_refusal_is_not_repeated_and_is_explained() {
    let body = br#"{"errors":[{"code":"DENIED","message":"not for you"}]}"#.to_vec();
    let registry = answering("/v2/", Action::Answer(Answer::new(403, &[], body)));
    let error = http_client().get(&url(&registry, "/v2/"), 10).unwrap_err();
    assert!(error.to_string().ends_with("answered 403: DENIED not for you"), "{error}");
    assert_eq!(registry.count("GET", "/v2/"), 1);
}

#[test]
fn redirects_are_followed_and_counted() {
    let registry = answering("/here", Action::status(307, &[("location", "../v2/?x=1")]));
    assert!(http_client().get(&url(&registry, "/here"), 10).unwrap().is_some());
    assert_eq!(registry.state().received.last().unwrap().query, "x=1");
    let registry = answering("/bare", Action::status(302, &[("location", "/v2/?name=a b\u{e9}")]));
    assert!(http_client().get(&url(&registry, "/bare"), 10).unwrap().is_some());
    assert_eq!(registry.state().received.last().unwrap().query, "name=a%20b%C3%A9");
    let registry = answering("/bare", Action::status(302, &[("location", "http://[r\u{e9} x")]));
    let error = http_client().get(&url(&registry, "/bare"), 10).unwrap_err().to_string();
    assert!(error.contains("redirects to \"http://[r%C3%A9%20x\", which is not a URL"), "{error}");
    let registry = answering("/round", Action::status(302, &[("location", "/round")]));
    assert!(matches!(http_client().get(&url(&registry, "/round"), 10), Err(HttpError::TooManyRedirects { .. })));
    assert_eq!(registry.count("GET", "/round"), 6);
    for location in ["", "file:///etc/passwd", "http://"] {
        let registry = answering("/lost", Action::status(302, &[("location", location)]));
        let error = http_client().get(&url(&registry, "/lost"), 10).unwrap_err();
        assert!(matches!(error, HttpError::Redirect { .. }), "{location:?}: {error}");
    }
    let registry =
        answering("/lost", Action::status(302, &[("location", "https://name:secret@r.example/a?signature=secret")]));
    let error = http_client().get(&url(&registry, "/lost"), 10).unwrap_err().to_string();
    assert!(error.contains("r.example/a") && !error.contains("secret"), "{error}");
}

#[test]
fn plain_http_is_refused_where_it_is_not_named_also_after_a_redirect() {
    let never = HttpClient::new(HttpSettings { plain_http: PlainHttp::Never, ..settings() }).unwrap();
    let registry = Registry::start();
    assert!(matches!(never.get(&url(&registry, "/v2/"), 10), Err(HttpError::PlainHttp { .. })));
    assert_eq!(registry.count("GET", ""), 0);
    let registry = answering("/away", Action::status(302, &[("location", "http://r.example/")]));
    let error = http_client().get(&url(&registry, "/away"), 10).unwrap_err();
    assert!(matches!(&error, HttpError::PlainHttp { url } if url.host() == "r.example"), "{}", explain(&error));
}

#[test]
fn a_server_that_is_not_there_is_tried_as_often_as_set() {
    let registry = Registry::start();
    let gone = url(&registry, "/v2/");
    drop(registry);
    std::thread::sleep(Duration::from_millis(50));
    assert!(matches!(http_client().get(&gone, 10), Err(HttpError::Transport { .. })));
}

#[test]
fn a_target_file_is_read_as_a_stream_that_survives_a_cut_and_has_its_length() {
    let content: Vec<u8> = (0..200_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let registry = Registry::start();
    registry.inject(Fault::always("GET", "/targets/a.whl", ok(&content)));
    let announced = content.len();
    let cut = content.clone();
    let breaks_off = Action::write(move |to| {
        to.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {announced}\r\n\r\n").as_bytes())?;
        to.write_all(&cut[..70_000])
    });
    registry.inject(Fault { times: 1, ..Fault::always("GET", "/targets/a.whl", breaks_off) });
    let base = url(&registry, "/");
    let metadata = format!("{base}metadata/").parse().unwrap();
    let repository = HttpRepository::new(http_client(), &metadata, &format!("{base}targets/").parse().unwrap());
    let read = |length: usize| {
        let mut read = Vec::new();
        let mut file = TargetFiles::open(&repository, "a.whl", None, length as u64).ok()??;
        file.read_to_end(&mut read).ok().map(|_| read)
    };
    assert_eq!(read(content.len()).unwrap(), content, "the first answer broke off");
    assert_eq!(read(content.len() - 1), None, "it is longer than the metadata says");
    assert!(TargetFiles::open(&repository, "b.whl", None, 9).unwrap().is_none());
}
