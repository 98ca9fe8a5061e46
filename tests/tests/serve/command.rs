//! The command itself: what it says, and how it ends.

use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::{fs, io::Read as _, io::Write as _, net::TcpStream};

use sealift_archive_format::volume::{SetId, VolumeShape, VolumeWriter};
use sealift_tests::sealift_command::sealift;
use sealift_tests::served::Answered;
use sealift_tests::serving_command::ServingCommand;

use super::noise;

/// A demo in a folder, and the command in it.
struct Demo(tempfile::TempDir, std::path::PathBuf);

impl Demo {
    fn new() -> Self {
        let (folder, sealift) = (tempfile::tempdir().unwrap(), sealift());
        let demo =
            Command::new(&sealift).current_dir(folder.path()).args(["demo", "--quiet", "--keep", "demo"]).status();
        assert!(demo.unwrap().success());
        Self(folder, sealift)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.1);
        command.current_dir(self.0.path().join("demo")).env("SEALIFT_TRUST", "far").args(arguments);
        command
    }
}

fn ask(host: &str, target: &str) -> Answered {
    let mut socket = TcpStream::connect(host).unwrap();
    socket.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    Answered::read(&answer)
}

#[test]
fn it_serves_until_it_is_told_to_end_and_tells_of_every_request() {
    let demo = Demo::new();
    for signal in ["-INT", "-TERM"] {
        let served = ServingCommand::start(demo.command(&["--json", "serve", "shop.sealift"]));
        let host = served.host().to_owned();
        let name = format!("{host}/example.com/demo/shop:1.0.0");
        assert_eq!(served.serving["archives"][0]["tags"][0]["reference"], name.as_str());
        assert_eq!(served.serving["tufMirrors"][0]["url"], format!("http://{host}/tuf/demo/"));
        let place = served.serving["relocation"]["example.com/demo/web:1.0.0"].as_str().unwrap().to_owned();
        let (repository, digest) = place.strip_prefix(&format!("{host}/")).unwrap().split_once('@').unwrap();
        assert_eq!(ask(&host, &format!("/v2/{repository}/manifests/{digest}")).status, 200);
        assert_eq!(ask(&host, "/nowhere\u{1b}[2J").status, 400);
        let (code, requests, said) = served.end(signal);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{signal}");
        let logged: Vec<_> =
            requests.iter().map(|it| (it["target"].as_str().unwrap(), it["status"].as_u64())).collect();
        assert_eq!(logged, [(format!("/v2/{repository}/manifests/{digest}").as_str(), Some(200)), ("-", Some(400))]);
        assert!(TcpStream::connect(&host).is_err());
    }
}

/// Cuts an archive into one data volume and two parity volumes, in a folder of their own.
fn cut(archive: &std::path::Path, folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let archive = fs::read(archive).unwrap();
    let length = u64::try_from(archive.len()).unwrap();
    let shape = VolumeShape::new(SetId::of(b"", 1, 2, length), 1, 2, length).unwrap();
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); 3]).unwrap();
    writer.write_all(&archive).unwrap();
    fs::create_dir(folder).unwrap();
    let written = writer.finish().unwrap().into_iter().enumerate().map(|(index, volume)| {
        let path = folder.join(format!("{index}.sealift-volume"));
        fs::write(&path, volume).unwrap();
        path
    });
    written.collect()
}

#[test]
fn volumes_are_served_as_the_one_file_is_and_what_is_damaged_is_told() {
    let demo = Demo::new();
    let folder = demo.0.path().join("demo");
    let volumes = cut(&folder.join("shop.sealift"), &folder.join("discs"));
    fs::remove_file(&volumes[1]).unwrap();
    let damage = |path: &std::path::Path, at: u64| {
        fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[0xff; 8], at).unwrap();
    };
    damage(&volumes[0], 600);
    let start = |archive| ServingCommand::start(demo.command(&["--json", "serve", archive]));
    let (one, cut) = (start("shop.sealift"), start("discs"));
    let json = |content: &[u8]| serde_json::from_slice::<serde_json::Value>(content).unwrap();
    let repository = |it: &ServingCommand| {
        let place = it.serving["relocation"]["example.com/demo/web:1.0.0"].as_str().unwrap().to_owned();
        let (repository, digest) = place.split_once('/').unwrap().1.split_once('@').unwrap();
        (repository.to_owned(), digest.to_owned())
    };
    let (repository, index) = repository(&cut);
    let both = |path: &str| {
        let answers = [&one, &cut].map(|it| ask(it.host(), path));
        assert!(answers[0].status == 200 && answers[0].content == answers[1].content, "{path}");
        answers[1].content.clone()
    };
    let index = json(&both(&format!("/v2/{repository}/manifests/{index}")));
    let manifest = index["manifests"][0]["digest"].as_str().unwrap();
    let manifest = json(&both(&format!("/v2/{repository}/manifests/{manifest}")));
    let layer = format!("/v2/{repository}/blobs/{}", manifest["layers"][0]["digest"].as_str().unwrap());
    let content = both(&layer);
    assert!(!content.is_empty());
    // Everything is destroyed after it was verified: nothing wrong goes out.
    for path in [&volumes[0], &volumes[2]] {
        let length = path.metadata().unwrap().len();
        fs::OpenOptions::new()
            .write(true)
            .open(path)
            .unwrap()
            .write_all_at(&vec![1; usize::try_from(length).unwrap()], 0)
            .unwrap();
    }
    let got = ask(cut.host(), &layer);
    assert!(got.content.is_empty() && !got.is_complete());
    let (code, requests, said) = cut.end("-TERM");
    assert!(code == Some(0) && requests.iter().any(|it| it["cut"] == "unreadable"), "{requests:?}");
    assert!(said.contains("volume 2 is missing") && said.contains("volume 1 is damaged: 1 chunk of it"), "{said}");
}

#[test]
fn what_verify_refuses_is_not_served_and_the_exit_code_is_the_same() {
    let demo = Demo::new();
    for (archive, trust) in
        [("tampered.sealift", "far"), ("shop.sealift", "never"), ("exporter.pem", "far"), ("none", "far")]
    {
        let code =
            |arguments: &[&str]| demo.command(arguments).env("SEALIFT_TRUST", trust).output().unwrap().status.code();
        let verified = code(&["verify", archive]);
        assert_ne!(verified, Some(0), "{archive}");
        assert_eq!(code(&["serve", archive, "--listen", "127.0.0.1:0"]), verified, "{archive}");
    }
}

#[test]
fn a_change_of_the_archive_is_told_to_a_person() {
    let demo = Demo::new();
    let served = ServingCommand::start(demo.command(&["--json", "serve", "shop.sealift"]));
    let archive = demo.0.path().join("demo/shop.sealift");
    let length = fs::metadata(&archive).unwrap().len();
    // The layers come last.
    let file = fs::OpenOptions::new().write(true).open(&archive).unwrap();
    file.write_all_at(&noise(3_000), length - 5_000).unwrap();
    let host = served.host().to_owned();
    let repository = "example.com/demo/shop";
    let index = ask(&host, &format!("/v2/{repository}/manifests/1.0.0")).json();
    let mut blobs = Vec::new();
    let mut below: Vec<serde_json::Value> = index["manifests"].as_array().unwrap().clone();
    while let Some(entry) = below.pop() {
        let digest = entry["digest"].as_str().unwrap();
        let manifest = ask(&host, &format!("/v2/{repository}/manifests/{digest}")).json();
        below.extend(manifest["manifests"].as_array().into_iter().flatten().cloned());
        blobs.extend(
            manifest["layers"].as_array().into_iter().flatten().map(|it| it["digest"].as_str().unwrap().to_owned()),
        );
    }
    let cut =
        blobs.iter().filter(|digest| !ask(&host, &format!("/v2/{repository}/blobs/{digest}")).is_complete()).count();
    assert!(cut > 0);
    let (code, requests, said) = served.end("-TERM");
    assert_eq!(code, Some(0));
    assert_eq!(requests.iter().filter(|it| it["cut"] == "changed").count(), cut);
    assert!(said.contains("the file of the archive has changed since it was verified"), "{said}");
}

#[test]
fn a_person_reads_where_it_listens_and_how_to_pull() {
    let demo = Demo::new();
    let mut child = demo
        .command(&["serve", "shop.sealift", "--listen", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let listening = lines.find_map(|line| line.ok().filter(|line| line.starts_with("Listening on "))).unwrap();
    assert!(listening.contains("; for example: podman pull --tls-verify=false 127.0.0.1:"), "{listening}");
    let host = listening.split_once("http://").unwrap().1.split_once(';').unwrap().0;
    assert_eq!(ask(host, "/healthz").status, 200);
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains(" GET /healthz 200 3 "), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_is_chosen_is_served_under_the_names_that_are_asked_for() {
    let demo = Demo::new();
    let web = "example.com/demo/web:1.0.0";
    let chosen = ["--json", "serve", "shop.sealift", "--select", web, "--names", "flat"];
    let served = ServingCommand::start(demo.command(&chosen));
    let host = served.host().to_owned();
    let catalogue = ask(&host, "/v2/_catalog").json();
    assert_eq!(catalogue["repositories"], serde_json::json!(["demo/web"]));
    let place = served.serving["relocation"][web].as_str().unwrap();
    assert!(place.starts_with(&format!("{host}/demo/web@sha256:")), "{place}");
    assert_eq!(served.end("-TERM").0, Some(0));
}
