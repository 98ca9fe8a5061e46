//! Hints about where an archive is delivered to: registries, layouts, files, and the mirror of a publisher's files.

use sealift_archive_format::Digest;
use sealift_core::layout::LayoutSink;
use sealift_core::oci::Descriptor;
use sealift_core::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use sealift_sample_publisher::image::{multi_platform_image, store};
use sealift_tests::images::Image;
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use serde_json::json;

use super::*;

/// An archive with some of the platforms of an image, made by the command.
fn partial(platforms: &str) -> Vec<u8> {
    let near = Near::asking_for_nothing();
    let image = Image::for_two_platforms("app");
    let sink = LayoutSink::open(&near.path().join("layout")).unwrap();
    image.push(&sink, &"example.com/org/app:1".parse().unwrap()).unwrap();
    let said = near.export(&["--image", "example.com/org/app:1=oci:layout", "--platform", platforms]);
    said.remarks("");
    fs::read(near.path().join("out.sealift")).unwrap()
}

#[test]
fn names_in_a_registry() {
    let (far, registry) = (Far::taking_everything(), Registry::start());
    let mut sample = sample();
    let mut image = |name: &str| multi_platform_image(&mut sample.blobs, "app", name.as_bytes(), &["amd64"]).unwrap();
    let (one, other) = (image("one"), image("other"));
    let images = [("example.com/org/app:1", &one), ("other.invalid/org/app:1", &other)];
    let archive = Consignment::of_images(&sample, &images, now()).archive();
    let to = ["--to-registry", &registry.domain()];
    far.import(&archive, &[&to[..], &["--names", "flat"]].concat()).hints(
        2,
        "would get the same tag",
        "import without --names flat, so that each name keeps its own registry in the path; or, if both names mean the same, export them in separate archives; nothing was written",
    );
    let map = |text: &str| {
        fs::write(far.folder().join("names.toml"), text).unwrap();
        far.import(&archive, &[&to[..], &["--names", "names.toml"]].concat())
    };
    map("\"example.com/org\" = \"x\"\n\"other.invalid/org\" = \"x\"\n").hints(
        2,
        "would get the same tag",
        "give each of the two repositories a line of its own in the map of names, with another path; or, if both names mean the same, export them in separate archives; nothing was written",
    );
    map("\"example.com/org\" = 1\n").hints(
        1,
        "the map of names",
        "write one line for each, from a registry or the beginning of a repository's name to a path: \"docker.io/library\" = \"base\"",
    );
    let long = format!("{}/{}", registry.domain(), "p".repeat(250));
    far.import(&archive, &["--to-registry", &long]).hints(2, "cannot be stored", "choose another --to-registry");
    far.import(&archive, &["--to-registry", &format!("{}/Team", registry.domain())]).hints(
        2,
        "cannot be stored",
        &format!("choose another place, for example: --to-registry {}/team", registry.domain()),
    );
}

#[test]
fn places_that_another_option_names() {
    let far = Far::taking_everything();
    for (to, cause) in [
        (["--to-registry", "https://"], "is not a registry's host name"),
        (["--to-registry", ""], "is not a registry's host name"),
        (["--to-registry", "oci-archive:foo.tar"], "--to-layout-archive foo.tar"),
        (["--to-layout", "oci:foo"], "write --to-layout foo (or ./oci:foo for a name that begins so)"),
    ] {
        far.run(&[&["import", "shop.sealift"], &to[..]].concat()).hints(
            2,
            cause,
            "see what it takes: sealift help import",
        );
    }
}

#[test]
fn tags_that_must_not_move() {
    let (far, registry) = (Far::taking_everything(), Registry::start());
    let mut sample = sample();
    let mut image = |name: &str| multi_platform_image(&mut sample.blobs, "app", name.as_bytes(), &["amd64"]).unwrap();
    let (one, other) = (image("one"), image("other"));
    let archive = |name: &str, image: &Value| Consignment::of_images(&sample, &[(name, image)], now()).archive();
    let to = ["--to-registry", &registry.domain(), "--names", "flat"];
    far.import(&archive("example.com/org/app:1", &one), &to).remarks("");
    let tag = format!("{}/org/app:1", registry.domain());
    let earlier = now() - SignedDuration::from_hours(1);
    let back = Consignment::of_images(&sample, &[("example.com/org/app:1", &other)], earlier).archive();
    far.import(&back, &to).hints(
        14,
        "must not go back",
        &format!(
            "leave it as it is, or export again what it should hold; to let it go back, knowing what it means: --replace-tag {tag}; nothing was written"
        ),
    );
    let moved = archive("other.invalid/org/app:1", &other);
    far.import(&moved, &to).hints(
        14,
        "must not move",
        &format!(
            "find out why another name would take its place; to allow it, knowing what it means: --replace-tag {tag}; nothing was written"
        ),
    );
    far.import(&moved, &[&to[..], &["--replace-tag", &tag]].concat()).remarks("");
}

#[test]
fn a_tag_of_a_lower_level() {
    let mut sample = sample();
    let far = Far::trusting(&sample);
    far.import(&packed(&sample).archive(), &["--to-layout", "out"]).remarks("");
    let web = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    sample.references[web].1 = sample.references[3 - web].1.clone();
    let repository = &mut sample.repository;
    let other = repository.released.iter().find(|(name, _)| **name == sample.references[3 - web].0).unwrap().1.clone();
    let target = sealift_sample_publisher::tuf_repository::Target { custom: None, ..other };
    repository.released.insert(WEB.to_owned(), target);
    for role in [&mut repository.releases, &mut repository.snapshot, &mut repository.timestamp] {
        role.version += 1;
    }
    far.import(&Consignment::of_image(&sample, web, now()).archive(), &["--to-layout", "out"]).hints(
        14,
        "at level",
        &format!(
            "ask the publisher to sign it as before; to accept it as it is, knowing what it means: --replace-tag {WEB}; nothing was written"
        ),
    );
}

#[test]
fn plain_files() {
    let (path, content) = ("files/shop.whl", b"a wheel");
    let mut sample = sample();
    sample.repository.release_paths.push("files/*".to_owned());
    sample.release(path, "shop.whl", &Digest::sha256(content), content.len() as u64);
    let far = Far::trusting(&sample);
    let file = Consignment::of_file(&sample, path, content, now()).archive();
    far.import(&file, &["--to-docker-archive", "new.tar"]).hints(
        2,
        "is a plain file, which a docker-archive cannot hold",
        "deliver plain files with --to-files DIR or --to-layout-archive, and choose the rest by name (NAME in extract, --select NAME in import); nothing was written",
    );
    far.import(&packed(&sample).archive(), &["--to-files", "files"]).hints(
        2,
        "is not a plain file",
        "choose the files by name (file:/NAME in extract, --select file:/NAME in import), or use --to-layout, which holds everything; nothing was written",
    );
    let there = far.folder().join("out").join(path);
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::write(&there, "somebody else's").unwrap();
    let there = there.canonicalize().unwrap();
    far.import(&file, &["--to-files", "out"]).hints(
        17,
        "has other content, and this side did not deliver it",
        &format!(
            "find out who put {} there, and move it away; or, knowing what it means, replace it: --replace-tag file:/{path}; nothing was written",
            there.display()
        ),
    );
    far.import(&file, &["--to-files", "out", "--replace-tag", "file:/files/shop.whl"]).remarks("");
}

#[test]
fn a_signature_whose_tag_has_a_name() {
    let (far, registry) = (Far::taking_everything(), Registry::start());
    let source = Registry::start();
    let image = Image::new("linux/amd64", &[("app", b"app")]);
    let digest = image.root().descriptor().digest.hex().to_owned();
    let near = Near::asking_for_nothing();
    let kinds = "minimum_level = \"0\"\nreferrers = [\"attestation\", \"signature\", \"sbom\", \"other\", \"image\"]\n";
    near.policy(kinds);
    for (tag, image) in
        [("1".to_owned(), image.clone()), (format!("sha256-{digest}.sig"), Image::new("linux/arm64", &[("b", b"b")]))]
    {
        for (_, content) in image.blobs.values() {
            source.add_blob("app", content);
        }
        let root = image.root();
        source.add_manifest("app", &tag, &root.descriptor().media_type, root.bytes());
    }
    let export = |name: &str, output: &str, more: &[&str]| {
        let image = format!("example.com/org/app:{name}={}/app:{name}", source.domain());
        near.run(&[&["export", "--key", "key.pem", "-o", output, "--image", &image], more].concat()).remarks("");
        fs::read(near.path().join(output)).unwrap()
    };
    let named = export(&format!("sha256-{digest}.sig"), "named", &["--referrers", "none"]);
    let signed = export("1", "signed", &["--referrers", "all"]);
    far.side.policy(kinds);
    let to = ["--to-registry", &registry.domain(), "--names", "flat"];
    far.import(&named, &to).remarks("");
    far.import(&signed, &to).hints(
        14,
        "must not move to what hangs off an image",
        "find out who gave an image the name of a signature; or ask for an export without referrers: --referrers none; nothing was written",
    );
}

#[test]
fn platforms_that_were_left_behind() {
    let far = Far::taking_everything();
    let archive = partial("linux/amd64");
    far.import(&archive, &["--to-layout", "out", "--platform", "linux/arm64"]).hints(
        2,
        "was exported without linux/arm64",
        "choose a platform that is carried, or export again with all the platforms that are needed (--platform may be given more than once); nothing was written",
    );
    far.import(&archive, &["--to-layout", "out", "--platform", "linux/riscv64"]).hints(
        2,
        "for none of the chosen platforms",
        "list the names and platforms that the archive has: sealift inspect shop.sealift; nothing was written",
    );
    far.import(&archive, &["--to-layout", "out", "--sparse", "refuse"]).hints(
        14,
        "is not complete",
        "deliver what is carried without the index (leave out --sparse, or use --sparse rebuild), or export every platform; nothing was written",
    );
}

#[test]
fn an_image_whose_platform_comes_too_late() {
    let far = Far::taking_everything();
    let mut artifact = Image::new("linux/amd64", &[]);
    let content = vec![0; 33 << 20];
    let config = Descriptor::of("application/x", &content);
    let mut document: Value = serde_json::from_slice(artifact.root().bytes()).unwrap();
    document["config"] = serde_json::to_value(&config).unwrap();
    artifact.blobs = [(config.digest.clone(), (config, content))].into();
    let near = Near::asking_for_nothing();
    let sink = LayoutSink::open(&near.path().join("layout")).unwrap();
    artifact.with_manifest(&document).push(&sink, &"e.example/a:1".parse().unwrap()).unwrap();
    Image::new("linux/arm64", &[]).push(&sink, &"e.example/b:1".parse().unwrap()).unwrap();
    near.export(&["--image", "e.example/a:1=oci:layout", "--image", "e.example/b:1=oci:layout"]).remarks("");
    let archive = fs::read(near.path().join("out.sealift")).unwrap();
    far.import(&archive, &["--to-layout", "out", "--platform", "linux/arm64"]).hints(
        2,
        "comes too late",
        "leave out --platform, or choose by name what it is meant for (NAME in extract, --select NAME in import); nothing was written",
    );
}

/// A registry that answers what is put there in this way.
fn refusing(part_of_path: &str, status: u16, body: &str) -> Registry {
    let registry = Registry::start();
    let answer = Answer::new(status, &[("content-type", "application/json")], body.as_bytes().to_vec());
    registry.inject(Fault::always("PUT", part_of_path, Action::Answer(answer)));
    registry
}

#[test]
fn registries_that_refuse() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let registry = refusing("/manifests/", 400, "");
    far.import(&packed(&sample).archive(), &["--to-registry", &registry.domain()]).hints(
        17,
        "answered 400",
        "repair the registry or layout, or its credentials, and import again: nothing that is already there is sent twice",
    );
    let refuses = |status: u16, hint: &dyn Fn(&str) -> String| {
        let registry = Registry::start();
        let body = br#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#.to_vec();
        let answer = Answer::new(status, &[("content-type", "application/json")], body);
        registry.inject(Fault::always("POST", "/blobs/uploads/", Action::Answer(answer)));
        let to = format!("{}/m", registry.domain());
        let said = far.import(&packed(&sample).archive(), &["--to-registry", &to]);
        said.hints(17, &format!("answered {status}"), &hint(&registry.domain()));
    };
    refuses(403, &|registry| {
        format!(
            "log in as somebody who may write there, or ask whoever runs {registry}; then import again: nothing that is already there is sent twice"
        )
    });
    refuses(404, &|registry| {
        format!(
            "check the path in --to-registry; if {registry} makes no repositories by itself, have the repository made; then import again: nothing that is already there is sent twice"
        )
    });
    far.import(&packed(&sample).archive(), &["--to-registry", "registry.invalid:5000/m"]).hints(
        17,
        "cannot reach https://registry.invalid:5000/",
        "check that registry.invalid:5000 is the right registry, that it is running, and the network; then import again: nothing that is already there is sent twice",
    );
    let unknown = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#;
    let image = Image::for_two_platforms("app");
    let registry = refusing(&format!("/manifests/{}", image.root().descriptor().digest), 400, unknown);
    let far = Far::taking_everything();
    far.import(&partial("linux/amd64"), &["--to-registry", &registry.domain(), "--sparse", "keep"]).hints(
        17,
        "something that it lists is not there",
        "deliver what is carried without the index (leave out --sparse, or use --sparse rebuild), or export every platform",
    );
    // An index that lists a layer, as BuildKit writes its cache, which this registry wants to see as a manifest.
    let source = Registry::start();
    let layer = source.add_blob("cache", b"a layer");
    let layer = Descriptor::new("application/vnd.oci.image.layer.v1.tar", layer.digest, layer.size);
    let config = source.add_blob("cache", b"{}");
    let config = Descriptor::new("application/vnd.buildkit.cacheconfig.v0", config.digest, config.size);
    let cache = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [layer, config] });
    source.add_manifest("cache", "1", OCI_INDEX, cache.to_string().as_bytes());
    let near = Near::asking_for_nothing();
    near.export(&["--image", &format!("example.com/org/cache:1={}/cache:1", source.domain())]).remarks("");
    let archive = fs::read(near.path().join("out.sealift")).unwrap();
    let registry = refusing("/manifests/", 400, unknown);
    let foreign = Descriptor::of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"a base of Windows");
    let config = source.add_blob("windows", b"{}");
    let config = Descriptor::new("application/vnd.oci.image.config.v1+json", config.digest, config.size);
    let windows = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [foreign] });
    source.add_manifest("windows", "1", OCI_MANIFEST, windows.to_string().as_bytes());
    let image = format!("example.com/org/windows:1={}/windows:1", source.domain());
    fs::remove_file(near.path().join("out.sealift")).unwrap();
    near.export(&["--image", &image, "--foreign-layers", "leave-out"]).remarks("");
    let of_windows = fs::read(near.path().join("out.sealift")).unwrap();
    far.import(&of_windows, &["--to-registry", &registry.domain()]).hints(
        17,
        "",
        "configure the registry to accept foreign layers, whose content it does not have (in distribution, under validation.manifests: urls.allow); or deliver with --to-layout, which takes them",
    );
    far.import(&archive, &["--to-registry", &registry.domain()]).hints(
        17,
        "",
        "configure the registry to accept an index of layers (in distribution, under validation.manifests: indexes.platforms: none), or have BuildKit write its cache as an image: image-manifest=true",
    );
}

#[test]
fn files() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    fs::write(far.folder().join("taken.tar"), "mine").unwrap();
    far.import(&archive, &["--to-layout-archive", "taken.tar"]).hints(
        1,
        "taken.tar already exists",
        "choose another name, or move taken.tar away first; nothing was written",
    );
    far.import(&archive, &["--to-docker-archive", "/dev/null"]).hints(
        1,
        "/dev/null",
        "name a file that does not exist yet; nothing was written",
    );
    let image = Consignment::of_image(&sample, 2, now()).archive();
    far.import(&image, &["--to-thick-bundle", "shop.tgz"]).hints(
        2,
        "a thick bundle holds exactly one bundle",
        "choose one bundle (NAME in extract, --select NAME in import), or use --to-layout-archive, which holds everything: a thick bundle is one whole bundle; nothing was written",
    );
    let extract = ["extract", "shop.sealift", WEB, "--to-thick-bundle", "shop.tgz"];
    far.run(&extract).hints(
        2,
        "0 bundles and 1 images",
        "choose one bundle (NAME in extract, --select NAME in import), or use --to-layout-archive, which holds everything: a thick bundle is one whole bundle; nothing was written",
    );
    let mut artifacts = super::sample();
    let config = store(&mut artifacts.blobs, "application/vnd.example.config", b"{}".to_vec());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let chart = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [] });
    let chart = store(&mut artifacts.blobs, media_type, chart.to_string().into_bytes());
    let mut consignment = Consignment::of_images(&artifacts, &[("example.com/org/chart:1", &chart)], now());
    consignment.images[0].platforms.clear();
    Far::taking_everything().import(&consignment.archive(), &["--to-docker-archive", "chart.tar"]).hints(
        2,
        "is not an image that can be run",
        "use --to-layout-archive, which holds every kind of artifact; nothing was written",
    );
}

#[test]
fn nothing_is_left_of_a_new_place_to_which_nothing_is_delivered() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    let is_there = |place: &str| far.folder().join(place).exists();
    let extract = |name: &str, layout: &str| far.run(&["extract", "shop.sealift", name, "--to-layout", layout]);
    let misspelt = "example.com/demo/wbe:1.0.0";
    let hint = "list the names and platforms that the archive has: sealift inspect shop.sealift; nothing was written";
    far.import(&archive, &["--select", misspelt, "--to-layout", "new/imported"]).hints(2, "has no", hint);
    extract(misspelt, "new/extracted").hints(2, "has no", hint);
    assert!(!is_there("new") && !is_there("results"));
    fs::create_dir(far.folder().join("empty")).unwrap();
    extract(misspelt, "empty").hints(2, "has no", hint);
    assert!(is_there("empty") && !is_there("empty/oci-layout"));
    // What has arrived is kept for the next import. An extraction into the same place would not take it up.
    let cut = archive.get(..archive.len() - 4096).unwrap();
    let hint = "carry the archive again, and compare its SHA-256 on both sides; if they are equal, ask the exporter";
    far.import(cut, &["--to-layout", "new/imported"]).hints(10, "it was cut short", hint);
    extract(WEB, "new/extracted").hints(10, "it was cut short", hint);
    assert!(is_there("new/imported/blobs") && !is_there("new/extracted"));
    far.put(&archive);
    extract(WEB, "new/extracted").remarks("");
    assert!(is_there("new/extracted/oci-layout") && is_there("new/extracted/index.json"));
    far.import(&archive, &["--to-layout", "new/imported"]).remarks("");
}

#[test]
fn a_thick_bundle_that_lacks_a_platform() {
    let sample = sample();
    let near = Near::pinning(&sample);
    let bundle = format!("{BUNDLE}=oci:layout");
    near.export(&["--bundle", &bundle, "--tuf", "demo=tuf", "--platform", "linux/amd64"]).remarks("");
    let archive = fs::read(near.path().join("out.sealift")).unwrap();
    Far::trusting(&sample).import(&archive, &["--to-thick-bundle", "shop.tgz"]).hints(
        2,
        "is not whole",
        "leave out --platform; or use --to-layout-archive; or, if the archive lacks a part, export all of it, without --platform and --foreign-layers leave-out; nothing was written",
    );
}

#[test]
fn mirrors() {
    let sample = sample();
    let far = Far::trusting(&sample);
    let import = |archive: &[u8], mirror: &str| far.import(archive, &["--to-layout", "out", "--tuf-mirror", mirror]);
    import(&packed(&sample).archive(), "mirror").remarks("");
    fs::create_dir(far.folder().join("taken")).unwrap();
    fs::write(far.folder().join("taken/demo"), "").unwrap();
    import(&packed(&sample).archive(), "taken/demo").hints(
        17,
        "taken/demo is a file, not a folder",
        "give another folder, or move the file taken/demo away first; nothing was imported",
    );
    import(&packed(&sample).archive(), "taken").hints(
        17,
        "taken/demo",
        "repair the folder of the mirror, and import the same archive again; the import itself is done",
    );
    // The repository of somebody else is there.
    let other = super::sample();
    let elsewhere = Far::trusting(&other);
    elsewhere.import(&packed(&other).archive(), &["--to-layout", "out", "--tuf-mirror", "mirror"]).remarks("");
    let there = elsewhere.folder().join("mirror");
    import(&packed(&sample).archive(), there.to_str().unwrap()).hints(
        17,
        "is of another repository",
        "publish it in another folder, because the clients of this mirror would refuse it; nothing was written there",
    );
}
