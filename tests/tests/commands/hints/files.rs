//! Hints about files and folders of this side, keys, and what is written to standard output.

use sealift_proof::signature::SigningKey;

use super::*;

#[test]
fn outputs() {
    let near = Near::asking_for_nothing();
    let export = |output: &str| {
        near.run(&["export", "--key", "key.pem", "-o", output, "--image", "example.com/org/app:1=oci:layout"])
    };
    fs::write(near.path().join("out.sealift.partial"), "a note").unwrap();
    let image = sealift_tests::images::Image::for_two_platforms("app");
    let sink = sealift_core::layout::LayoutSink::open(&near.path().join("layout")).unwrap();
    image.push(&sink, &"example.com/org/app:1".parse().unwrap()).unwrap();
    export("out.sealift").hints(
        1,
        "is not an unfinished archive",
        "choose another name with -o, or move out.sealift.partial away first",
    );
    export("/sys/x.sealift").hints(1, "ermission denied", "check who may read and write /sys/x.sealift.partial");
    for (folder, kind) in [("new/", "the name of a folder, because of the / at its end"), ("near/", "a folder")] {
        export(folder).hints(
            1,
            &format!("{folder} is {kind}"),
            "give the name of a new file with -o, or write to standard output with -o - and send it there",
        );
    }
    export("key.pem/").hints(
        1,
        "key.pem/ is the name of a folder",
        "give the name of a new file with -o, or write to standard output with -o - and send it there",
    );
    // A symbolic link that leads nowhere is said to be one.
    for name in ["dangling", "dangling.sealift", "dangling.pem"] {
        std::os::unix::fs::symlink("nowhere", near.path().join(name)).unwrap();
    }
    let leads_nowhere = |name: &str| format!("{name} is a symbolic link to nowhere, which does not exist");
    near.run(&["verify", "dangling.sealift"]).hints(
        1,
        &leads_nowhere("dangling.sealift"),
        "check the path dangling.sealift",
    );
    near.export(&["--image", "example.com/org/app:1=oci:dangling"]).hints(
        1,
        &leads_nowhere("dangling"),
        "check the path dangling",
    );
    near.run(&["export", "--key", "dangling.pem", "-o", "x", "--image", "example.com/org/app:1=oci:layout"]).hints(
        19,
        &leads_nowhere("dangling.pem"),
        "check the path; if there is no key yet, make one: sealift key generate --out dangling.pem",
    );
    near.export(&["--image", "example.com/org/app:1=/dev/null"]).hints(
        1,
        "/dev/null is not a regular file",
        "check that this is the file you meant",
    );
    fs::create_dir(near.path().join("linked")).unwrap();
    std::os::unix::fs::symlink("../layout/oci-layout", near.path().join("linked/oci-layout")).unwrap();
    near.export(&["--image", "example.com/org/app:1=oci:linked"]).hints(
        16,
        "linked/oci-layout is a symbolic link, and links in a layout are not followed",
        "put a copy of what it leads to in the place of the link linked/oci-layout",
    );
    near.run(&["sign", ".", "--key", "key.pem"]).hints(
        1,
        ". is a folder",
        "give the file of the archive, which `sealift export` wrote; a layout is not one",
    );
    let mut of_environment = near.command(&["--image", "example.com/org/app:1=oci:layout"]);
    Said::of(&of_environment.env("SSL_CERT_FILE", "nosuch").output().unwrap()).hints(
        1,
        "no such file",
        "check the path nosuch",
    );
    let mut long_ago = near.command(&["--image", "example.com/org/app:1=oci:layout"]);
    Said::of(&long_ago.env("SOURCE_DATE_EPOCH", "0").output().unwrap()).hints(
        14,
        "the policy allows 30 days",
        "unset SOURCE_DATE_EPOCH, or set it to a time that is as recent as maximum_transit in policy.toml asks: it is what the archive states as the time of its export",
    );
}

/// What was expected, what is there, and what to type.
#[test]
fn what_is_there_is_something_else() {
    let near = Near::asking_for_nothing();
    fs::write(near.path().join("file"), "").unwrap();
    fs::create_dir(near.path().join("folder")).unwrap();
    let image = ["export", "--image", "example.com/org/app:1=oci:layout"];
    let sample = sample();
    let far = Far::trusting(&sample);
    far.put(&packed(&sample).archive());
    for path in ["file", "folder"] {
        let to = far.folder().join(path);
        if path == "file" { fs::write(to, "").unwrap() } else { fs::create_dir(to).unwrap() }
    }
    for (arguments, code) in [
        (&["trust", "add-exporter", "bob", "folder"][..], 19),
        (&["trust", "map", "folder"], 1),
        (&["key", "public", "folder"], 19),
        (&[&image[..], &["--ca", "folder", "--key", "key.pem", "-o", "x"]].concat(), 1),
        (&[&image[..], &["-f", "folder", "--key", "key.pem", "-o", "x"]].concat(), 1),
    ] {
        near.run(arguments).hints(code, "folder is a folder, not a file", "write the name of a file too: folder/NAME");
    }
    near.run(&["key", "generate", "--out", "new/"]).hints(
        1,
        "new/ is the name of a folder, because of the / at its end",
        "write the name of a file too: new/NAME",
    );
    near.run(&["key", "generate", "--out", "new/key.pem"]).hints(
        1,
        "there is no folder new",
        "check the path new/key.pem",
    );
    near.run(&["verify", "file/x"]).hints(1, "file is a file, not a folder", "check the path file/x");
    near.run(&["man", "file"]).hints(
        1,
        "file is a file, not a folder",
        "give another folder, or move the file file away first",
    );
    near.run(&["demo", "--keep", "folder"]).hints(
        1,
        "folder already exists",
        "choose another name, or move the existing file away first",
    );
    far.run(&["import", "shop.sealift", "--to-layout", "file"]).hints(
        17,
        "file is a file, not a folder",
        "give a folder that this user can write to, and that is empty, does not exist, or holds an OCI image layout",
    );
    far.run(&["import", "shop.sealift", "--to-layout", "layout", "--tuf-mirror", "file"]).hints(
        17,
        "file is a file, not a folder",
        "give another folder, or move the file file away first; nothing was imported",
    );
}

#[test]
fn what_is_not_there_and_is_called_much_like_something_that_is() {
    let near = Near::asking_for_nothing();
    fs::create_dir(near.path().join("discs")).unwrap();
    for name in ["shop.sealift", "discs/my shop.sealift"] {
        fs::write(near.path().join(name), "").unwrap();
    }
    for (typed, meant) in [
        ("shop.sealif", "shop.sealift"),
        ("disks/my shop.sealift", "'discs/my shop.sealift'"),
        ("near/polcy.toml", "near/policy.toml"),
    ] {
        for command in ["verify", "inspect", "repair", "import"] {
            let arguments = if command == "import" { &["--to-layout", "x"][..] } else { &[] };
            near.run(&[&[command, typed], arguments].concat()).hints(
                1,
                "no",
                &format!("write {meant} if you mean that; otherwise check the path {typed}"),
            );
        }
    }
    near.run(&["key", "public", "key.pen"]).hints(
        19,
        "no such file",
        "write key.pem if you mean that; otherwise check the path; if there is no key yet, make one: sealift key generate --out key.pen",
    );
    let said = run(near.path(), &["--trust", "naer", "trust", "list"]);
    assert!(
        said.failure["hint"]
            .as_str()
            .unwrap()
            .starts_with("write near if you mean that; otherwise name the right folder")
    );
}

#[test]
fn keys() {
    let near = Near::asking_for_nothing();
    let add = |content: &[u8]| {
        fs::write(near.path().join("bob.pub"), content).unwrap();
        near.run(&["trust", "add-exporter", "bob", "bob.pub"])
    };
    add(b"a note").hints(19, "", "give a public key in SPKI PEM, as `sealift key public` writes it");
    add(include_bytes!("rsa-1024.pub")).hints(
        19,
        "1024",
        "use an ed25519, ECDSA P-256 or P-384, or RSA key of 2048 to 8192 bits",
    );
    let image = ["--image", "example.com/org/app:1=oci:layout"];
    let locked = SigningKey::from_seed(&[9; 32]).to_pem(Some("a passphrase")).unwrap();
    fs::write(near.path().join("locked.pem"), locked.as_bytes()).unwrap();
    near.run(&[&["export", "--key", "locked.pem", "-o", "x"], &image[..]].concat()).hints(
        19,
        "encrypted with a passphrase",
        "give the passphrase with --passphrase-file, or run in a terminal",
    );
}

/// A file that is too long ends a command as one does whose content is wrong in another way.
#[test]
fn long_files() {
    let near = Near::asking_for_nothing();
    fs::write(near.path().join("long"), vec![b' '; (4 << 20) + 1]).unwrap();
    let image = ["--image", "example.com/org/app:1=docker://localhost:1/app:1"];
    let export = |arguments: &[&str]| near.export(&[&image[..], arguments].concat());
    for (said, code) in [
        (near.export(&["--bundle", "example.com/org/shop:1=./long"]), 16),
        (near.run(&["export", "--key", "long", "-o", "x", "--image", "example.com/org/app:1=oci:layout"]), 19),
        (near.run(&["trust", "add-exporter", "bob", "long"]), 19),
        (near.run(&["trust", "pin-root", "demo", "long"]), 18),
        (near.run(&["trust", "map", "long"]), 18),
        (near.run(&["trust", "add-attester", "lab", "long"]), 18),
        (export(&["--ca", "long"]), 1),
        (export(&["--registry-config", "long"]), 1),
        (export(&["--registries-conf", "long"]), 1),
    ] {
        said.hints(code, "is longer than", "check that this is the file you meant");
    }
    // The same in a tar file, where it is part of what is exported.
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size((4 << 20) + 1);
    tar.append_data(&mut header, "bundle.json", fs::File::open(near.path().join("long")).unwrap()).unwrap();
    fs::write(near.path().join("thin.tar"), tar.into_inner().unwrap()).unwrap();
    assert_eq!(near.export(&["--bundle", "example.com/org/shop:1=./thin.tar"]).code, Some(16));
}

#[test]
fn the_environment() {
    let near = Near::asking_for_nothing();
    let mut export = near.command(&["--image", "example.com/org/app:1=oci:layout"]);
    Said::of(&export.env("SOURCE_DATE_EPOCH", "garbage").output().unwrap()).hints(
        2,
        "SOURCE_DATE_EPOCH is \"garbage\"",
        "unset SOURCE_DATE_EPOCH, or set it to whole seconds",
    );
    let mut list = command(near.path(), &["trust", "list"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    Said::of(&list.args(["--trust", "near"]).stdout(full).output().unwrap()).hints(
        1,
        "cannot write to standard output",
        "check where standard output is redirected to",
    );
    // An archive that would be lost is not made.
    let line = format!(
        "exec '{}' --json --trust near export --key key.pem -o - --image example.com/org/app:1=oci:layout >&-",
        SEALIFT.display()
    );
    let closed = Command::new("bash").args(["-c", &line]).current_dir(near.path()).output().unwrap();
    Said::of(&closed).hints(1, "it is closed", "check where standard output is redirected to");
    let line = format!("ulimit -f 0; trap '' XFSZ; exec '{}' --json demo --keep demo", SEALIFT.display());
    let full = Command::new("bash").args(["-c", &line]).current_dir(near.path()).output().unwrap();
    Said::of(&full).hints(1, "file too large", "check the folder in which the demo works");
    let mut demo = command(near.path(), &["demo"]);
    Said::of(&demo.env("TMPDIR", near.path().join("nowhere")).output().unwrap()).hints(
        1,
        "nowhere",
        "name a folder that exists, and that this user can write to, in the variable TMPDIR; or a new folder: --keep DIR",
    );
}

#[test]
fn manifests_that_name_images() {
    let folder = tempfile::tempdir().unwrap();
    let add = |content: &[u8]| {
        fs::write(folder.path().join("given.yaml"), content).unwrap();
        run(folder.path(), &["shipment", "add", "--from", "given.yaml"])
    };
    run(folder.path(), &["shipment", "init"]).remarks("shipment.toml");
    let before = fs::read(folder.path().join("shipment.toml")).unwrap();
    add(b"a: 1\n{{- if .Values.web }}\nb: 2\n").hints(
        16,
        "line 2 has an expression of a template in it: this file is not rendered",
        "render it first, and give what comes out, for example: helm template CHART > rendered.yaml (or docker compose config > rendered.yaml); nothing was written",
    );
    let forms = "give rendered Kubernetes manifests, a file of Compose, or the Chart.yaml of a chart, as YAML or JSON in UTF-8; nothing was written";
    add(b"\xff").hints(16, "it is not text in UTF-8", forms);
    add(b"replicas: 1\n").hints(16, "no image is named there", forms);
    let many: String = (0..10_001).map(|number| format!("- image: app:{number}\n")).collect();
    add(many.as_bytes()).hints(
        16,
        "line 10001",
        "split the file, and add its parts one after another; nothing was written",
    );
    assert_eq!(fs::read(folder.path().join("shipment.toml")).unwrap(), before);
    add(b"image: app:1\n").remarks("");
    fs::write(folder.path().join("shipment.toml"), "imagse = []\n").unwrap();
    add(b"image: app:1\n").hints(
        2,
        "`imagse` is not a key of a shipment",
        "correct the file; to see every key with its default and an example, make a new one: sealift shipment init FILE; nothing was written",
    );
}
