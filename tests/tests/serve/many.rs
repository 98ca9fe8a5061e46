//! Many clients at once.

use std::thread;

use super::{APP, Served};

#[test]
fn a_hundred_clients_at_once_all_get_everything() {
    let served = Served::new();
    let manifest = format!("/v2/{APP}/manifests/1");
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                assert_eq!(served.server.get(&manifest).content, served.image.root().bytes());
                for (digest, (_, content)) in &served.image.blobs {
                    let got = served.server.get(&Served::blob(digest));
                    assert!(got.status == 200 && got.content == *content, "{digest}: {}", got.status);
                }
            });
        }
    });
    assert!(served.server.log().iter().all(|logged| logged.status == 200 && logged.cut.is_none()));
}
