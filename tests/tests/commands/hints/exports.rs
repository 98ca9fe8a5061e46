//! Hints about what is exported from layouts, bundles and files of other tools, and about a publisher's files that are at hand.

use flate2::Compression;
use flate2::write::GzEncoder;
use sealift_archive_format::Digest;
use sealift_core::layout::LayoutSink;
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::oci::{Descriptor, ManifestBytes};
use sealift_tests::images::Image;
use serde_json::json;

use super::*;

/// Has this image in the layout.
pub(super) fn with(image: &Image) -> Near {
    let near = Near::asking_for_nothing();
    give(&near, "example.com/org/app:1", image);
    near
}

pub(super) fn give(near: &Near, name: &str, image: &Image) {
    let sink = LayoutSink::open(&near.path().join("layout")).unwrap();
    image.push(&sink, &name.parse().unwrap()).unwrap();
}

const APP: [&str; 2] = ["--image", "example.com/org/app:1=oci:layout"];

pub(super) fn put(near: &Near, name: &str, content: &[u8]) {
    fs::write(near.path().join(name), content).unwrap();
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_here_and_has_no_name() {
    let near = with(&Image::for_two_platforms("app"));
    put(&near, "saved", b"");
    for (name, place) in [("layout", "layout"), ("saved", "saved"), ("layout:1", "oci:layout:1")] {
        near.export(&["--image", name]).hints(
            2,
            &format!("{name} can mean what is here, which is never looked for in a registry; but it has no other name"),
            &format!(
                "if you mean what is here, write what it is called before that: registry.example/org/app:1.0={place}; if you mean the registry: {name}=docker://{name}"
            ),
        );
    }
    for place in ["oci:layout", "oci:layout:a", "oci-archive:lx.tar", "docker-archive:nowhere.tar", "./layout"] {
        for option in ["--image", "--bundle"] {
            let said = near.export(&[option, place]);
            let expected = format!("write what it is called before that: registry.example/org/app:1.0={place}");
            assert!(said.code == Some(2) && said.all.contains(&expected), "{place}: {}", said.all);
        }
    }
}

#[test]
fn layouts() {
    let image = Image::for_two_platforms("app");
    let near = with(&image);
    let layer = image.blobs.keys().next().unwrap();
    let blob = near.path().join("layout/blobs/sha256").join(layer.hex());
    let bytes = fs::read(&blob).unwrap();
    fs::write(&blob, vec![0; bytes.len()]).unwrap();
    near.export(&APP).hints(
        16,
        "",
        "run the same command again, because the source failed or sent other bytes than it announced: an export into a file continues where it stopped",
    );
    fs::remove_file(&blob).unwrap();
    near.export(&[&APP[..], &["--fresh"]].concat()).hints(
        16,
        "",
        "push or save it there again: what is stored there is damaged or incomplete",
    );
    let foreign = Descriptor::new(
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        Descriptor::of("", b"a layer of Windows").digest,
        18,
    );
    let plain = Image::new("windows/amd64", &[("app", b"app")]);
    let mut document: Value = serde_json::from_slice(plain.root().bytes()).unwrap();
    document["layers"] = json!([foreign]);
    let near = with(&plain.with_manifest(&document));
    near.export(&APP).hints(
        16,
        "has the foreign layer",
        "leave such layers out with --foreign-layers leave-out, and have the far side get them from their publisher; or export from a source that has them",
    );
    near.export(&[&APP[..], &["--foreign-layers", "leave-out"]].concat()).remarks("");
    let promised = format!("example.com/org/app@sha256:{}=oci:layout:example.com/org/app:1", "00".repeat(32));
    with(&image).export(&["--image", &promised]).hints(
        16,
        "promises",
        "export from a source that has the right content, or correct the name: it promises other content",
    );
}

#[test]
fn an_index_that_lists_a_form_that_is_not_carried() {
    let image = Image::new("linux/amd64", &[("app", b"app")]);
    let schema_1 =
        br#"{"schemaVersion":1,"name":"org/app","tag":"1","architecture":"amd64","fsLayers":[],"history":[]}"#;
    let listed = Descriptor::of("application/vnd.docker.distribution.manifest.v1+json", schema_1);
    let mut listed = serde_json::to_value(listed).unwrap();
    listed["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json", "manifests": [listed],
    });
    let near = with(&image);
    let [_, index] = [schema_1.as_slice(), index.to_string().as_bytes()].map(|bytes| {
        let digest = sealift_archive_format::Digest::sha256(bytes);
        put(&near, &format!("layout/blobs/sha256/{}", digest.hex()), bytes);
        (digest, bytes.len())
    });
    let name = "example.com/org/app:1";
    let listed = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json", "digest": index.0, "size": index.1,
            "annotations": { "org.opencontainers.image.ref.name": name },
        }],
    });
    put(&near, "layout/index.json", listed.to_string().as_bytes());
    near.export(&APP).hints(
        16,
        "refers to something of a form that is not carried",
        "pull it with a tool that still reads this form, and push or save it again with a current one",
    );
}

#[test]
fn very_many_platforms() {
    let image = Image::new("linux/arm", &[("app", b"app")]);
    let platforms = (0..257).map(|variant| {
        let mut listed = serde_json::to_value(image.root().descriptor()).unwrap();
        listed["platform"] = json!({ "os": "linux", "architecture": "arm", "variant": format!("v{variant}") });
        listed
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": platforms.collect::<Vec<_>>(),
    });
    with(&Image::index(&[image]).with_manifest(&index)).export(&APP).hints(
        16,
        "257 platforms",
        "choose the platforms that are needed there, for example --platform linux/amd64; nothing was written",
    );
}

#[test]
fn names() {
    let near = with(&Image::for_two_platforms("app"));
    near.export(&["--image", "example.com/org/app:1=nowhere/at all"]).hints(
        2,
        "nowhere/at all",
        "name a file, a layout (oci:FOLDER or oci:FOLDER:ENTRY, or oci-archive: or docker-archive: with a file), or a reference such as registry.example.com/org/name:tag (docker://NAME where it could be taken for a file)",
    );
    give(&near, "docker.io/library/ubuntu:1", &Image::for_two_platforms("other"));
    near.export(&["--image", "ubuntu:1=oci:layout", "--image", "docker.io/library/ubuntu:1=oci:layout:example.com/org/app:1"])
        .hints(
            16,
            "mean the same",
            "run `sealift export` once for docker.io/library/ubuntu:1 and once for ubuntu:1, each with an -o of its own; or give one of them another name",
        );
    give(&near, "example.com/other:1", &Image::for_two_platforms("a third"));
    let index = fs::read_to_string(near.path().join("layout/index.json")).unwrap();
    put(&near, "layout/index.json", index.replace("example.com/other:1", "ubuntu:1").as_bytes());
    near.export(&["--image", "docker.io/ubuntu:1=oci:layout"]).hints(
        16,
        "@1 is \"docker.io/library/ubuntu:1\"",
        "say which one is meant: docker.io/ubuntu:1=oci:layout:@1 or docker.io/ubuntu:1=oci:layout:@2",
    );
    near.export(&["--image", "docker.io/ubuntu:1=oci:layout:@2"]).remarks("");
}

/// A bundle file that lists these images.
fn bundle_json(image: &Value, more: &Value) -> Vec<u8> {
    let mut bundle = json!({
        "schemaVersion": "v1.2.0", "name": "shop", "version": "1.0.0", "invocationImages": [image],
    });
    bundle.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bundle.to_string().into_bytes()
}

#[test]
fn what_an_import_made_of_a_part_of_a_bundle() {
    let image = Image::for_two_platforms("app");
    let made_from = format!("sha256:{}", "12".repeat(32));
    let mut document: Value = serde_json::from_slice(image.root().bytes()).unwrap();
    document["annotations"] = json!({ "sealift.made-from": made_from });
    let near = with(&image.with_manifest(&document));
    near.export(&["--bundle", "example.com/org/app:1=oci:layout"]).hints(
        16,
        &format!("is what an import made of a part of a bundle, whose index is {made_from}"),
        "pass on the archive that was imported, or export from a place that has the whole bundle: Sealift made this index when it delivered a part of it",
    );
}

#[test]
fn images_of_bundles() {
    let near = with(&Image::for_two_platforms("app"));
    let listed = |name: &str| bundle_json(&json!({ "image": name, "imageType": "oci" }), &json!({}));
    let said = "say with --images-from which repository, layout or file has the images of example.com/org/shop:1, or leave that out, so that each is fetched from where the bundle says";
    let export = ["--bundle", "example.com/org/shop:1=bundle.json"];
    let from_layout = [&export[..], &["--images-from", "oci:layout"]].concat();
    put(&near, "bundle.json", &listed("example.com/org/ap:1"));
    near.export(&from_layout).hints(
        16,
        "has no entry named",
        &format!("put it into oci:layout under the name that example.com/org/shop:1 gives it; or {said}"),
    );
    put(&near, "bundle.json", &listed("ubuntu:1"));
    give(&near, "docker.io/library/ubuntu:1", &Image::for_two_platforms("other"));
    give(&near, "example.com/other:1", &Image::for_two_platforms("a third"));
    let index = fs::read_to_string(near.path().join("layout/index.json")).unwrap();
    put(&near, "layout/index.json", index.replace("example.com/other:1", "ubuntu:1").as_bytes());
    near.export(&from_layout).hints(16, "entries that", &format!("leave only one of them in oci:layout; or {said}"));
    put(&near, "bundle.json", &listed("registry.invalid/app:1"));
    near.export(&export).hints(
        16,
        "cannot reach https://registry.invalid/",
        &format!("check the reference, the network and the credentials; or {said}"),
    );
}

#[test]
fn bundles() {
    let image = Image::for_two_platforms("app");
    let near = with(&image);
    let listed = json!({ "image": "example.com/org/app:1", "imageType": "oci" });
    let export = ["--bundle", "example.com/org/shop:1=bundle.json", "--images-from", "oci:layout"];
    put(&near, "bundle.json", br#"{"name":"shop"}"#);
    near.export(&["--image", "example.com/org/shop:1=bundle.json"]).hints(
        2,
        "is not a file that holds images",
        "export it with --bundle instead of --image",
    );
    near.export(&export).hints(16, "", "correct the bundle.json, and sign it again");
    put(&near, "bundle.json", &bundle_json(&listed, &json!({ "images": { "": listed } })));
    near.export(&export).hints(
        16,
        "\"\" cannot be a component",
        "correct the bundle.json, and sign it again; nothing was written",
    );
    put(&near, "bundle.json", &bundle_json(&listed, &json!({})));
    near.export(&["--bundle", "example.com/org/app:1=bundle.json", "--images-from", "oci:layout"]).hints(
        16,
        "mean the same",
        "export example.com/org/app:1 under another name, before the = of --bundle; or correct its bundle.json, and sign it again",
    );
    let needing = json!({ "custom": { "io.cnab.dependencies": { "requires": { "db": {
        "bundle": "example.com/org/none", "version": { "ranges": ["1.x"] } } } } } });
    put(&near, "bundle.json", &bundle_json(&listed, &needing));
    let all = [&["--trust", "near", "export", "--key", "key.pem", "-o", "out.sealift"], &export[..]].concat();
    let said = told(near.path(), &all);
    assert!(
        said.contains("export it with --with-dependencies, or make sure that the far side has the other bundle"),
        "{said}"
    );
    fs::remove_file(near.path().join("out.sealift")).unwrap();
    // What it needs would be in a registry, of which no tag fits.
    let registry = sealift_tests::registry::Registry::start();
    registry.add_manifest("none", "9.0.0", OCI_MANIFEST, image.root().bytes());
    let none = format!("{}/none", registry.domain());
    let needing = json!({ "custom": { "io.cnab.dependencies": { "requires": { "db": {
        "bundle": none, "version": { "ranges": ["1.x"] } } } } } });
    put(&near, "bundle.json", &bundle_json(&listed, &needing));
    near.export(&[&export[..], &["--with-dependencies"]].concat()).hints(
        16,
        "1.x",
        "name the bundle that is needed with --bundle, or export without --with-dependencies",
    );
}

#[test]
fn images_from_one_repository() {
    let near = Near::asking_for_nothing();
    let registry = sealift_tests::registry::Registry::start();
    put(&near, "bundle.json", &bundle_json(&json!({ "image": "example.com/org/app:1" }), &json!({})));
    let from = format!("{}/app", registry.domain());
    near.export(&["--bundle", "example.com/org/shop:1=bundle.json", "--images-from", &from]).hints(
        16,
        "example.com/org/app:1",
        "leave out --images-from, or state contentDigest for every image in bundle.json",
    );
    put(&near, "thin.tgz", &gzip(&tar(&[("bundle.json", &fs::read(near.path().join("bundle.json")).unwrap())])));
    near.export(&["--thick-bundle", "example.com/org/shop:1=thin.tgz"]).hints(
        2,
        "holds no images",
        "export it with --bundle instead of --thick-bundle; its images are found by their references, or with --images-from",
    );
    near.export(&["--bundle", "example.com/org/shop:1=bundle.json", "--images-from", "./thin.tgz"]).hints(
        2,
        "holds no images",
        "name a repository, a layout, or a file that holds images, with --images-from",
    );
}

/// What `docker save` wrote before Docker 25, of an image without layers.
fn legacy(name: &str) -> Vec<u8> {
    let config = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let list = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": [] }]).to_string();
    tar(&[("config.json", config.as_bytes()), ("manifest.json", list.as_bytes())])
}

#[test]
fn what_a_docker_archive_cannot_supply() {
    const NAME: &str = "example.com/demo/legacy:1";
    let mut sample = sample();
    let signed = Digest::sha256(b"what a registry has");
    sample.release(NAME, "manifest.json", &signed, 19);
    let near = Near::pinning(&sample);
    put(&near, "old.tar", &legacy(NAME));
    let hint = |name: &str, from: &str| {
        format!(
            "export {name} from its registry, or from an OCI image layout that was copied from there (skopeo copy --all docker://{from} oci:LAYOUT): a docker-archive keeps no manifest, so the one that was made for it never has the digest that was signed"
        )
    };
    let export = |name: &str| near.export(&["--image", &format!("{name}=docker-archive:old.tar"), "--tuf", "demo=tuf"]);
    export(NAME).hints(12, "is not the target that TUF vouches for", &hint(NAME, NAME));
    let (named, by_digest) = (format!("{NAME}@{signed}"), format!("example.com/demo/legacy@{signed}"));
    export(&named).hints(16, "keeps no manifests", &hint(&named, &by_digest));
    let entry = format!("{named}=docker-archive:old.tar:@0");
    near.export(&["--image", &entry]).hints(16, "but the source has", &hint(&named, &by_digest));
    // A bundle asks for it by its digest.
    for image in [json!({ "image": NAME, "contentDigest": signed }), json!({ "image": named })] {
        put(&near, "bundle.json", &bundle_json(&image, &json!({})));
        near.export(&["--bundle", "example.com/org/shop:1=bundle.json", "--images-from", "./old.tar"]).hints(
            16,
            "keeps no manifests",
            &hint(&named, &by_digest),
        );
    }
}

/// Some editors and shells put it there; nobody may take it away again from what is signed.
#[test]
fn byte_order_marks() {
    let near = with(&Image::for_two_platforms("app"));
    let hint = "have it saved as UTF-8 without a byte order mark by whoever wrote it, and signed again if it is signed: no byte of it is changed here";
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let mark = "begins with a byte order mark of";
    put(&near, "bundle.json", &marked("{}"));
    let export = || near.export(&["--bundle", "example.com/org/shop:1=./bundle.json"]);
    export().hints(16, &format!("{mark} UTF-8"), hint);
    put(&near, "bundle.json", &utf_16("\u{feff}{}"));
    export().hints(16, &format!("{mark} UTF-16"), hint);
    put(&near, "thin.tgz", &gzip(&tar(&[("bundle.json", &marked("{}"))])));
    near.export(&["--bundle", "example.com/org/shop:1=./thin.tgz"]).hints(16, mark, hint);
    put(&near, "saved.tar", &tar(&[("manifest.json", &marked("[]"))]));
    near.export(&["--image", "example.com/org/app:1=./saved.tar"]).hints(16, mark, hint);
    put(&near, "root.json", &marked("{}"));
    near.run(&["trust", "pin-root", "demo", "root.json"]).hints(18, mark, hint);
    put(&near, "map.json", &marked("{}"));
    near.run(&["trust", "map", "map.json"]).hints(18, mark, hint);
    put(&near, "attester.json", &marked("{}"));
    near.run(&["trust", "add-attester", "lab", "attester.json"]).hints(18, mark, hint);
    put(&near, "auth.json", &marked("{}"));
    near.export(&["--image", "example.com/org/app:1=docker://localhost:1/app:1", "--registry-config", "auth.json"])
        .hints(1, mark, hint);
    let index = near.path().join("layout/index.json");
    fs::write(&index, marked(&fs::read_to_string(&index).unwrap())).unwrap();
    near.export(&APP).hints(16, mark, hint);
}

#[test]
fn files_of_other_tools() {
    let near = Near::asking_for_nothing();
    let export = |name: &str| near.export(&["--image", &format!("example.com/org/app:1={name}")]);
    put(&near, "note.txt", &vec![b'x'; 2_000]);
    export("./note.txt").hints(16, "is neither a tar file nor a bundle.json", "check that this is the file you meant");
    export("docker-archive:note.txt").hints(
        16,
        "",
        "save it again with a current release of the tool that made it, and export that",
    );
    put(&near, "empty.tar", &tar(&[("readme", b"nothing")]));
    export("./empty.tar").hints(16, "empty.tar", "check that this is the file you meant");
    put(&near, "app.tar.xz", b"\xfd7zXZ\0 and so on");
    export("./app.tar.xz").hints(
        16,
        "",
        "decompress it, if you trust where it comes from, and give the plain tar file",
    );
    put(&near, "old.tar", &tar(&[("repositories", b"{}"), ("0123/json", b"{}"), ("0123/layer.tar", b"")]));
    export("docker-archive:old.tar").hints(
        16,
        "",
        "pull it with a tool that still reads this form, and push or save it again with a current one",
    );
    let listing = |manifest: &Value| tar(&[("manifest.json", manifest.to_string().as_bytes())]);
    let image = json!({ "Refs": ["r.example/app@sha256:00"], "Layers": [], "Config": {}, "Manifest": {}, "Tag": "1" });
    put(
        &near,
        "imgpkg.tar",
        &listing(&json!([{ "ImageIndex": null, "Image": image }, { "ImageIndex": {}, "Image": null }])),
    );
    for name in ["./imgpkg.tar", "docker-archive:./imgpkg.tar"] {
        export(name).hints(
            16,
            "its manifest.json is a list of images as imgpkg and kbld write it",
            "copy it into a registry, and export it from there: imgpkg copy --tar ./imgpkg.tar --to-repo REGISTRY/NAME",
        );
    }
    put(&near, "dir.tar", &listing(&json!({ "schemaVersion": 2, "config": {}, "layers": [] })));
    export("./dir.tar").hints(
        16,
        "its manifest.json is the manifest of one image, as skopeo writes it into a folder (dir:)",
        "unpack it, make a layout of the folder, and export that: skopeo copy dir:FOLDER oci:LAYOUT:NAME",
    );
    for other in [json!({ "manifest_version": 3, "name": "an extension" }), json!([{ "id": 1 }]), json!("none")] {
        put(&near, "other.tar", &listing(&other));
        export("./other.tar").hints(
            16,
            "its manifest.json is not a list of images",
            "check that this is the file you meant",
        );
    }
    // What was meant to be Docker's is called that.
    put(&near, "damaged.tar", &listing(&json!([{ "Config": 7 }])));
    export("./damaged.tar").hints(
        16,
        "\"manifest.json\" in",
        "save it again with a current release of the tool that made it, and export that",
    );
    fs::create_dir(near.path().join("folder.tar")).unwrap();
    export("oci-archive:folder.tar").hints(
        16,
        "folder.tar is not an OCI image layout",
        "give a folder, or a tar file, that holds an OCI image layout",
    );
    export("docker-archive:folder.tar").hints(
        1,
        "folder.tar is not a regular file",
        "check that this is the file you meant",
    );
    let small = tar(&[("oci-layout", b"{}"), ("index.json", b"{}")]);
    put(&near, "app.tar.gz", &gzip(&small));
    let mut command = near.command(&["--image", "example.com/org/app:1=./app.tar.gz"]);
    Said::of(&command.env("TMPDIR", near.path().join("nowhere")).output().unwrap()).hints(
        1,
        "nowhere",
        "name a folder that exists, and that this user can write to, in the variable TMPDIR; or give the plain tar file, which is not unpacked",
    );
    // As in a folder that is full, for whoever runs this.
    put(&near, "vast.tar.gz", &gzip(&vec![0; 4 << 20]));
    let line = format!(
        "trap '' XFSZ; ulimit -f 100; exec '{}' --json --trust near export --key key.pem -o x --image example.com/a:1=./vast.tar.gz",
        SEALIFT.display()
    );
    let mut full = Command::new("bash");
    full.args(["-c", &line]).current_dir(near.path()).env("TMPDIR", near.path());
    Said::of(&full.output().unwrap()).hints(
        1,
        "cannot unpack",
        &format!(
            "free room in {}, name a folder with more room in the variable TMPDIR, or give the plain tar file, which is not unpacked",
            near.path().display()
        ),
    );
}

#[test]
fn repositories_of_files() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let web = format!("{WEB}=oci:layout");
    let export = ["--image", &*web, "--tuf", "demo=tuf"];
    let timestamp = near.path().join("tuf/metadata/timestamp.json");
    let bytes = fs::read(&timestamp).unwrap();
    fs::remove_file(&timestamp).unwrap();
    near.export(&export).hints(
        12,
        "timestamp",
        "check the location of the repository: it must hold metadata/; or ask the publisher for the missing file",
    );
    fs::write(&timestamp, "<html>log in</html>").unwrap();
    near.export(&export).hints(
        12,
        "timestamp metadata is malformed",
        "check what the repository's location serves (perhaps a login page), or ask the publisher; nothing was written",
    );
    fs::write(&timestamp, vec![b' '; 70_000]).unwrap();
    near.export(&export).hints(
        12,
        "timestamp.json",
        "check the location of the repository, or ask the publisher why the file is so long; nothing was written",
    );
    fs::remove_file(&timestamp).unwrap();
    fs::create_dir(&timestamp).unwrap();
    near.export(&export).hints(16, "timestamp.json", "check that the TUF repository can be read");
    fs::remove_dir(&timestamp).unwrap();
    fs::write(&timestamp, &bytes).unwrap();
    for entry in walkdir::WalkDir::new(near.path().join("tuf/targets")) {
        let path = entry.unwrap().into_path();
        if path.extension().is_some_and(|ending| ending == "link") {
            fs::remove_file(path).unwrap();
        }
    }
    near.export(&export).hints(12, ".link", "ask the publisher: the repository does not have a file as it lists it");
    near.export(&["--image", &web, "--notary", "demo=tuf"]).hints(
        2,
        "its root is pinned as TUF 1.0",
        "say where its metadata/ is: --tuf demo=LOCATION",
    );
}

#[test]
fn more_metadata_than_is_carried() {
    let mut sample = sample();
    for _ in 0..130 {
        sample.repository.renew_root();
    }
    let near = Near::pinning(&sample);
    // As long as a root may be, and signed as before: white space is no part of what is signed.
    for entry in fs::read_dir(near.path().join("tuf/metadata")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("root.json") {
            let mut root = fs::read(&path).unwrap();
            root.resize(512 * 1024, b' ');
            fs::write(&path, root).unwrap();
        }
    }
    near.export(&["--image", &format!("{WEB}=oci:layout"), "--tuf", "demo=tuf"]).hints(
        16,
        "",
        "export fewer names or repositories at once, or leave out --whole-metadata; nothing was written",
    );
}

#[test]
fn more_than_is_exported_at_once() {
    let images: Vec<Image> = (0..9)
        .map(|number| {
            let plain = Image::new(&format!("linux/amd64/v{number}"), &[]);
            let mut document: Value = serde_json::from_slice(plain.root().bytes()).unwrap();
            document["annotations"] = json!({ "padding": "x".repeat((4 << 20) - 2_000) });
            let platform = plain.root().descriptor().platform.clone();
            let long = plain.with_manifest(&document);
            let mut root = long.manifests[0].descriptor().clone();
            root.platform = platform;
            let bytes = long.manifests[0].bytes().to_vec();
            Image { manifests: vec![ManifestBytes::new(root, bytes).unwrap()], ..long }
        })
        .collect();
    with(&Image::index(&images)).export(&APP).hints(16, "in total", "export fewer bundles and images at once");
}

#[test]
fn a_thick_bundle_for_which_nobody_vouches_as_it_is() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let named = format!("{BUNDLE}=oci:layout");
    near.export(&["--bundle", &named, "--tuf", "demo=tuf"]).remarks("");
    near.run(&["import", "out.sealift", "--to-thick-bundle", "shop.tgz"]).remarks("");
    fs::remove_file(near.path().join("out.sealift")).unwrap();
    let thick = format!("{BUNDLE}=shop.tgz");
    near.export(&["--thick-bundle", &thick, "--tuf", "demo=tuf"]).hints(
        12,
        "is not the target that TUF vouches for",
        "if the publisher vouches for the bundle.json in it, export it with --bundle instead of --thick-bundle; otherwise get the file again, or ask the publisher",
    );
    near.export(&["--bundle", &thick, "--tuf", "demo=tuf"]).remarks("");
}

#[test]
fn a_bundle_of_which_the_thick_bundle_is_vouched_for() {
    let mut sample = sample();
    let near = Near::pinning(&sample);
    let named = format!("{BUNDLE}=oci:layout");
    near.export(&["--bundle", &named, "--tuf", "demo=tuf"]).remarks("");
    near.run(&["import", "out.sealift", "--to-thick-bundle", "shop.tgz"]).remarks("");
    let file = fs::read(near.path().join("shop.tgz")).unwrap();
    sample.release(BUNDLE, "bundle.tgz", &Digest::sha256(&file), file.len() as u64);
    let near = Near::pinning(&sample);
    fs::write(near.path().join("shop.tgz"), file).unwrap();
    for (bundle, hint) in [
        (
            format!("{BUNDLE}=shop.tgz"),
            "export the file as it is, because that is what its publisher vouches for: --thick-bundle example.com/demo/shop:1.0.0=shop.tgz",
        ),
        (
            named,
            "if the publisher vouches for the .tgz file that the bundle is from, export that file: --thick-bundle example.com/demo/shop:1.0.0=FILE; otherwise export the content and the signed metadata again, which do not belong together",
        ),
    ] {
        near.export(&["--bundle", &bundle, "--tuf", "demo=tuf"]).hints(
            12,
            "is not the target that TUF vouches for",
            hint,
        );
    }
    near.export(&["--thick-bundle", &format!("{BUNDLE}=shop.tgz"), "--tuf", "demo=tuf"]).remarks("");
}

#[test]
fn a_repository_in_another_folder() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let web = format!("{WEB}=oci:layout");
    fs::create_dir(near.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../tuf", near.path().join("elsewhere/acme's repository")).unwrap();
    for (given, meant) in [
        ("tuf/metadata".to_owned(), "demo=tuf".to_owned()),
        ("tuf/metadata/".to_owned(), "demo=tuf".to_owned()),
        ("tuf/targets".to_owned(), "demo=tuf".to_owned()),
        (format!("file://{}/tuf/metadata", near.path().display()), format!("demo={}/tuf", near.path().display())),
        ("elsewhere".to_owned(), "'demo=elsewhere/acme'\\''s repository'".to_owned()),
        (".".to_owned(), "demo=./tuf".to_owned()),
    ] {
        near.export(&["--image", &web, "--tuf", &format!("demo={given}")]).hints(
            16,
            "is not a folder",
            &format!("name the folder that contains the repository's metadata/: --tuf {meant}"),
        );
        // It can be pasted.
        let line = format!(
            "'{}' --trust near export --key key.pem -o out.sealift --image {web} --tuf {meant}",
            SEALIFT.display()
        );
        let pasted = Command::new("bash").args(["-c", &line]).current_dir(near.path()).output().unwrap();
        assert!(pasted.status.success(), "{line}: {}", String::from_utf8_lossy(&pasted.stderr));
        fs::remove_file(near.path().join("out.sealift")).unwrap();
    }
    near.export(&["--image", &web, "--tuf", "demo=layout"]).hints(
        16,
        "is not a folder",
        "name the folder or URL that contains the repository's metadata/: --tuf demo=LOCATION",
    );
    fs::rename(near.path().join("tuf/metadata"), near.path().join("files")).unwrap();
    near.export(&["--image", &web, "--tuf", "demo=files"]).hints(
        16,
        "is not a folder",
        "name the folder that contains the repository's metadata/: --tuf demo=files,TARGETS",
    );
    near.export(&["--image", &web, "--tuf", "demo=files,tuf/targets"]).remarks("");
    fs::remove_file(near.path().join("out.sealift")).unwrap();
    near.export(&["--image", &web, "--tuf", "De mo=files,tuf/targets"]).hints(
        2,
        "cannot be a name",
        "use lower-case letters, digits, -, _ and ., beginning with a letter or a digit",
    );
}

/// The place is right and the name before it is not.
#[test]
fn a_name_that_is_misspelt_before_a_place_that_is_right() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let otherwise = "otherwise check the name; if demo is its publisher's repository, ask the publisher to sign it; if not, say which names demo speaks for: sealift --trust near trust map add 'REGISTRY/PATH/*' demo; or, if nobody signs it, and knowing what it means, add the lines below to policy.toml; nothing was written";
    let hint = |name: &str| {
        format!("write {BUNDLE} if you mean that; {otherwise}\n[[require]]\nnames = [\"{name}\"]\nlevel = \"0\"")
    };
    for name in ["example.com/demo/shp", "example.com/demo/shopp"] {
        near.export(&["--bundle", &format!("{name}:1.0.0=oci:layout:{BUNDLE}"), "--tuf", "demo=tuf"]).hints(
            14,
            &format!("it lists {BUNDLE}"),
            &hint(name),
        );
    }
    // What is called otherwise is not what was meant.
    let other =
        near.export(&["--bundle", &format!("example.com/demo/other:1.0.0=oci:layout:{BUNDLE}"), "--tuf", "demo=tuf"]);
    assert!(other.code == Some(14) && !other.all.contains("if you mean that"), "{}", other.all);
    let images = ["--images-from", "example.com/demo/web:1.0.0=oci:layout"];
    near.export(&[&["--bundle", &format!("{BUNDLE}=./bundle.json")], &images[..]].concat()).hints(
        1,
        "no such file",
        "check the path ./bundle.json",
    );
    fs::write(near.path().join("bundle.json"), "{}").unwrap();
    near.export(&[&["--bundle", &format!("{BUNDLE}=./bundle.json")], &images[..]].concat()).hints(
        2,
        "it says where images are, and takes no name before that",
        "write --images-from oci:layout",
    );
}
