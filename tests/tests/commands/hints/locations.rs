//! Hints about locations as people write them: with a password, or where a file or a folder is expected.

use super::*;

/// Where a password may be typed, and where it goes on to be used or shown.
#[test]
fn a_password_in_a_location_is_not_repeated() {
    let near = Near::asking_for_nothing();
    let cause = "a location has no user name and no password in it; credentials for r.example are taken from elsewhere";
    let hint = "log in with `docker login r.example`, or with podman or skopeo, and write docker://r.example/a:1 without a user name and a password, which the history of your shell may keep";
    for scheme in ["docker://", "https://", "http://", "HTTPS://", "docker://https://", ""] {
        let place = format!("{scheme}user:s3cret@r.example/a:1");
        let image = near.export(&["--image", &format!("r.example/a:1={place}")]);
        image.hints(2, cause, hint);
        fs::write(near.path().join("bundle.json"), "{}").unwrap();
        let images = near.export(&["--bundle", "r.example/a:1=./bundle.json", "--images-from", &place]);
        images.hints(2, cause, hint);
        let listed = format!("[export]\nimages = [\"{place}\"]\n");
        fs::write(near.path().join("shipment.toml"), listed).unwrap();
        fs::write(near.path().join("list"), &place).unwrap();
        for said in [
            image,
            images,
            near.export(&["--image", &place]),
            near.export(&["--image", "r.example/a:1", "--mirror", &format!("r.example={place}")]),
            near.export(&["--shipment", "shipment.toml"]),
            near.export(&["--from-file", "list"]),
            near.run(&["import", "shop.sealift", "--to-registry", &place]),
            near.run(&["verify", &place]),
            near.run(&["trust", "pin-root", "demo", &place]),
        ] {
            assert!(said.code != Some(0) && !said.all.contains("s3cret"), "{}", said.all);
        }
        let told = told(near.path(), &["--trust", "near", "import", "shop.sealift", "--to-registry", &place]);
        assert!(told.contains("log in with `docker login r.example`") && !told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_url_is_not_the_name_of_a_file() {
    let near = Near::asking_for_nothing();
    let before = fs::read_dir(near.path()).unwrap().count();
    for (arguments, meant) in [
        (
            &["import", "x", "--to-layout", "docker://r.example/x"][..],
            "to deliver to a registry, write --to-registry r.example/x",
        ),
        (&["import", "x", "--to-files", "https://r.example/x"], "write --to-registry https://r.example/x"),
        (&["import", "x", "--to-layout", "file:///a"], "write /a"),
        (&["import", "x", "--to-layout", "l", "--results", "s3://a"], "give a path on this machine"),
        (
            &["export", "--key", "key.pem", "--image", "r.example/a:1", "-o", "https://r.example/a"],
            "give a path on this machine",
        ),
        (
            &["verify", "https://r.example/a"],
            "fetch it first, for example with curl -fLO https://r.example/a, and give the file",
        ),
        (
            &["trust", "pin-root", "demo", "https://r.example/a"],
            "fetch it first, for example with curl -fLO https://r.example/a, and give the file",
        ),
        (
            &["export", "--key", "key.pem", "--file", "a=https://r.example/a", "-o", "x"],
            "https://r.example/a is not a file here; fetch it first, and give the file",
        ),
    ] {
        let said = near.run(arguments);
        let command = arguments.iter().take(if arguments[0] == "trust" { 2 } else { 1 });
        let command = command.copied().collect::<Vec<_>>().join(" ");
        said.hints(2, meant, &["see what it takes: sealift help", &command].join(" "));
    }
    assert_eq!(fs::read_dir(near.path()).unwrap().count(), before, "nothing was made");
}
