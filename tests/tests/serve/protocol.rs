//! OCI Distribution 1.1: pulling, listing, and ranges (RFC 9110 §14).

use std::fs;

use sealift_core::layout::LayoutSink;
use sealift_core::oci::media_type::OCI_INDEX;
use sealift_serve::ServerLimits;
use sealift_tests::images::Image;
use sealift_tests::served::ServedArchives;
use serde_json::json;

use super::{APP, SBOM, Served};

#[test]
fn the_base_says_that_it_is_a_registry() {
    let served = Served::new();
    for target in ["/v2/", "/v2"] {
        let base = served.server.get(target);
        assert_eq!((base.status, base.field("docker-distribution-api-version")), (200, "registry/2.0"), "{target}");
    }
    let health = served.server.get("/healthz");
    assert_eq!((health.status, health.content.as_slice()), (200, &b"ok\n"[..]));
}

#[test]
fn manifests_are_found_by_tag_and_by_digest_and_are_the_bytes_that_were_exported() {
    let served = Served::new();
    let (root, referrer) = (served.image.root(), served.referrer.root());
    let digest = root.descriptor().digest.to_string();
    for (reference, expected) in
        [("1", root), (digest.as_str(), root), (&referrer.descriptor().digest.to_string(), referrer)]
    {
        let got = served.server.get(&format!("/v2/{APP}/manifests/{reference}"));
        assert_eq!((got.status, got.content.as_slice()), (200, expected.bytes()), "{reference}");
        assert_eq!(got.field("content-type"), expected.descriptor().media_type);
        assert_eq!(got.field("docker-content-digest"), expected.descriptor().digest.to_string());
    }
    let head = served.server.ask("HEAD", &format!("/v2/{APP}/manifests/1"), "");
    assert_eq!((head.status, head.field("content-length")), (200, root.bytes().len().to_string().as_str()));
    assert!(head.content.is_empty());
}

#[test]
fn blobs_are_the_bytes_that_were_exported() {
    let served = Served::new();
    for (digest, (_, content)) in &served.image.blobs {
        let got = served.server.get(&Served::blob(digest));
        assert!(got.status == 200 && got.content == *content && got.is_complete(), "{digest}");
        assert_eq!(got.field("docker-content-digest"), digest.to_string());
        let head = served.server.ask("HEAD", &Served::blob(digest), "");
        assert_eq!(head.field("content-length"), content.len().to_string());
        assert!(head.content.is_empty());
    }
}

#[test]
fn what_is_not_there_is_told_in_the_words_of_a_registry() {
    let served = Served::new();
    let absent = format!("sha256:{}", "0".repeat(64));
    let manifest = served.image.root().descriptor().digest.to_string();
    for (target, status, code) in [
        (format!("/v2/{APP}/manifests/2"), 404, "MANIFEST_UNKNOWN"),
        (format!("/v2/{APP}/manifests/{absent}"), 404, "MANIFEST_UNKNOWN"),
        (format!("/v2/{APP}/blobs/{absent}"), 404, "BLOB_UNKNOWN"),
        (format!("/v2/{APP}/blobs/{manifest}"), 404, "BLOB_UNKNOWN"),
        (format!("/v2/{APP}/blobs/sha256:00"), 400, "DIGEST_INVALID"),
        (format!("/v2/{APP}/referrers/none"), 400, "DIGEST_INVALID"),
        ("/v2/other/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("/v2/other/tags/list".to_owned(), 404, "NAME_UNKNOWN"),
        (format!("/v2/other/referrers/{absent}"), 404, "NAME_UNKNOWN"),
        ("/v2/_catalog?n=many".to_owned(), 400, "PAGINATION_NUMBER_INVALID"),
    ] {
        let got = served.server.get(&target);
        assert_eq!((got.status, got.json()["errors"][0]["code"].as_str()), (status, Some(code)), "{target}");
    }
}

#[test]
fn a_blob_is_only_in_the_repositories_that_it_was_delivered_to() {
    let served = Served::new();
    let (crossing, other) = (&served.crossing, Image::new("linux/amd64", &[("other", b"other")]));
    let name = "example.com/org/other:1";
    let layout = LayoutSink::open(&crossing.path("layout")).unwrap();
    other.push(&layout, &name.parse().unwrap()).unwrap();
    let archive = crossing.path("other.sealift");
    fs::write(&archive, crossing.export(&crossing.image_request(name)).unwrap()).unwrap();
    let both = [served.archive.as_path(), &archive];
    let server = ServedArchives::start(&crossing.far, &both, ServerLimits::default(), None);
    let blob = |repository: &str| format!("/v2/{repository}/blobs/{}", served.layers()[0].digest);
    assert_eq!(server.get(&blob(APP)).status, 200);
    let elsewhere = server.get(&blob("example.com/org/other"));
    assert_eq!((elsewhere.status, elsewhere.json()["errors"][0]["code"].as_str()), (404, Some("BLOB_UNKNOWN")));
    assert_eq!(server.get("/v2/_catalog").json()["repositories"], json!([APP, "example.com/org/other"]));
    let page = server.get("/v2/_catalog?n=1");
    assert_eq!(page.json()["repositories"], json!([APP]));
    assert_eq!(page.field("link"), "</v2/_catalog?n=1&last=example%2Ecom%2Forg%2Fapp>; rel=\"next\"");
    let next = server.get("/v2/_catalog?n=1&last=example%2Ecom%2Forg%2Fapp");
    assert_eq!((next.json()["repositories"].clone(), next.field("link")), (json!(["example.com/org/other"]), ""));
}

#[test]
fn ranges_of_a_blob_are_its_bytes_also_across_pieces() {
    let served = Served::new();
    let layer = &served.layers()[0];
    let (content, size) = (served.content(&layer.digest), layer.size);
    let piece = 256 << 10;
    for (begin, end) in [(0, 1), (0, size), (5, 5000), (piece - 1, piece + 1), (piece, 2 * piece), (size - 1, size)] {
        let field = format!("Range: bytes={begin}-{}\r\n", end - 1);
        let got = served.server.ask("GET", &Served::blob(&layer.digest), &field);
        let expected = &content[usize::try_from(begin).unwrap()..usize::try_from(end).unwrap()];
        assert!(got.status == 206 && got.content == expected && got.is_complete(), "{field}");
        assert_eq!(got.field("content-range"), format!("bytes {begin}-{}/{size}", end - 1));
    }
    let last = served.server.ask("GET", &Served::blob(&layer.digest), "Range: bytes=-7\r\n");
    assert_eq!(last.content, content[content.len() - 7..]);
    let open = served.server.ask("GET", &Served::blob(&layer.digest), &format!("Range: bytes={}-\r\n", size - 3));
    assert_eq!(open.content, content[content.len() - 3..]);
    let beyond = served.server.ask("GET", &Served::blob(&layer.digest), &format!("Range: bytes={size}-\r\n"));
    assert_eq!((beyond.status, beyond.field("content-range")), (416, format!("bytes */{size}").as_str()));
    // RFC 9110 §14.2: what cannot be understood is ignored.
    for ignored in ["bytes=5-2", "bytes=0-1,4-5", "lines=0-1", "bytes=x"] {
        let got = served.server.ask("HEAD", &Served::blob(&layer.digest), &format!("Range: {ignored}\r\n"));
        assert_eq!((got.status, got.field("content-length")), (200, size.to_string().as_str()), "{ignored}");
    }
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let served = Served::new();
    let layer = &served.layers()[0];
    let tag = format!("\"{}\"", layer.digest);
    let known = served.server.ask("GET", &Served::blob(&layer.digest), &format!("If-None-Match: \"x\", W/{tag}\r\n"));
    assert_eq!((known.status, known.content.len()), (304, 0));
    let (target, root) = (format!("/v2/{APP}/manifests/1"), &served.image.root().descriptor().digest);
    assert_eq!(served.server.ask("GET", &target, &format!("If-None-Match: \"{root}\"\r\n")).status, 304);
    for (if_range, status) in [(tag.as_str(), 206), ("\"x\"", 200)] {
        let fields = format!("Range: bytes=0-1\r\nIf-Range: {if_range}\r\n");
        assert_eq!(served.server.ask("HEAD", &Served::blob(&layer.digest), &fields).status, status, "{if_range}");
    }
}

#[test]
fn referrers_are_listed_and_filtered_by_their_type() {
    let served = Served::new();
    let (subject, referrer) = (&served.image.root().descriptor().digest, served.referrer.root().descriptor());
    let target = format!("/v2/{APP}/referrers/{subject}");
    let all = served.server.get(&target);
    assert_eq!((all.status, all.field("content-type"), all.field("oci-filters-applied")), (200, OCI_INDEX, ""));
    let entry = json!([{
        "mediaType": referrer.media_type, "digest": referrer.digest, "size": referrer.size, "artifactType": SBOM,
    }]);
    assert_eq!(all.json()["manifests"], entry);
    let same = served.server.get(&format!("{target}?artifactType=application/spdx%2Bjson"));
    assert_eq!((same.json()["manifests"].clone(), same.field("oci-filters-applied")), (entry, "artifactType"));
    let other = served.server.get(&format!("{target}?artifactType=application/x"));
    assert_eq!((other.status, other.json()["manifests"].clone()), (200, json!([])));
    let none = served.server.get(&format!("/v2/{APP}/referrers/sha256:{}", "0".repeat(64)));
    assert_eq!((none.status, none.json()["manifests"].clone()), (200, json!([])));
}

#[test]
fn lists_come_in_pages_that_lead_to_each_other() {
    let served = Served::new();
    let catalogue = served.server.get("/v2/_catalog");
    assert_eq!(catalogue.json(), json!({ "repositories": [APP] }));
    let tags = served.server.get(&format!("/v2/{APP}/tags/list"));
    assert_eq!(tags.json(), json!({ "name": APP, "tags": ["1"] }));
    for (query, expected) in [
        ("n=0", json!([])),
        ("last=0", json!(["1"])),
        ("last=1", json!([])),
        ("n=1", json!(["1"])),
        ("n=99999", json!(["1"])),
    ] {
        let page = served.server.get(&format!("/v2/{APP}/tags/list?{query}"));
        assert_eq!((page.json()["tags"].clone(), page.field("link")), (expected, ""), "{query}");
    }
}

#[test]
fn one_connection_answers_many_requests_in_their_order() {
    let served = Served::new();
    let targets = ["/healthz", "/v2/", "/nowhere", "/healthz"];
    let pipelined: String = targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: r\r\n\r\n")).collect();
    let answers = String::from_utf8(served.server.send(pipelined.as_bytes())).unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "200", "404", "200"]);
}
