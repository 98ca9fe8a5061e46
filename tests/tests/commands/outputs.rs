//! What commands write beside standard output: pipes, results of imports, keys; and that a clock cannot stop them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use sealift_tests::outside_programs;
use sealift_tests::sealift_command::sealift;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift);

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(&*SEALIFT);
    command.args(arguments).current_dir(folder).env_remove("SOURCE_DATE_EPOCH").stdin(Stdio::null());
    command.output().unwrap()
}

/// The demo's folder.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["--quiet", "demo", "--keep", "demo"]).status.success());
    folder
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

const EXPORT: [&str; 8] = [
    "--quiet",
    "--trust",
    "connected",
    "export",
    "--bundle=example.com/demo/shop:1.0.0=oci:layout",
    "--tuf=demo=tuf",
    "--key=exporter.pem",
    "-o",
];

#[test]
fn an_archive_is_written_to_pipes_and_devices_and_what_else_is_there_is_named() {
    let demo = demo();
    let folder = demo.path().join("demo");
    let export = |output: &str| run(&folder, &[&EXPORT[..], &[output]].concat());
    assert!(Command::new("mkfifo").arg("pipe").current_dir(&folder).status().unwrap().success());
    let mut verify = Command::new(&*SEALIFT);
    let verify = verify.args(["--quiet", "--trust", "far", "verify", "pipe"]).current_dir(&folder);
    let verify = verify.stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(export("pipe").status.code(), Some(0));
    let verified = verify.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&verified.stdout).starts_with("Accepted: "));
    assert_eq!(export("/dev/null").status.code(), Some(0));
    let standard = export("/dev/stdout");
    assert_eq!(standard.status.code(), Some(0), "{}", said(&standard));
    assert!(standard.stdout.len() > 10_000);
    std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
    for (output, cause) in [
        ("link", "link is a symbolic link to something that does not exist"),
        ("layout", "layout is a folder"),
        ("shop.sealift", "shop.sealift already exists"),
    ] {
        let refused = export(output);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(cause), "{}", said(&refused));
    }
}

#[test]
fn a_file_that_takes_the_place_of_a_pipe_is_not_written_to() {
    let demo = demo();
    let folder = demo.path().join("demo");
    assert!(Command::new("mkfifo").args(["pipe", "key"]).current_dir(&folder).status().unwrap().success());
    let mut export = Command::new(&*SEALIFT);
    export.args(EXPORT.map(|argument| if argument.starts_with("--key") { "--key=key" } else { argument }));
    let export = export.arg("pipe").current_dir(&folder).stderr(Stdio::piped()).spawn().unwrap();
    // It asks for its key after it has looked at its output, and waits for it.
    let key = fs::OpenOptions::new().write(true).open(folder.join("key")).unwrap();
    fs::write(folder.join("precious"), "precious").unwrap();
    fs::rename(folder.join("precious"), folder.join("pipe")).unwrap();
    { key }.write_all(&fs::read(folder.join("exporter.pem")).unwrap()).unwrap();
    let refused = export.wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("pipe already exists"), "{}", said(&refused));
    assert_eq!(fs::read_to_string(folder.join("pipe")).unwrap(), "precious");
}

#[test]
fn who_has_seen_enough_may_stop_reading() {
    let folder = tempfile::tempdir().unwrap();
    for what in ["completions zsh", "completions bash", "help export", "man --all 2>/dev/null; true"] {
        let line = format!("{} {what} | true; test ${{PIPESTATUS[0]}} -eq 0", SEALIFT.display());
        let piped = Command::new("bash").args(["-c", &line]).current_dir(folder.path()).output().unwrap();
        assert!(piped.status.success() && piped.stderr.is_empty(), "{what}: {}", said(&piped));
    }
}

fn dated_folders(results: &Path) -> Vec<String> {
    let entries = fs::read_dir(results).unwrap().map(Result::unwrap);
    let dated = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    dated.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn each_import_has_its_results_in_the_current_folder_in_a_folder_of_its_own() {
    let demo = demo();
    let folder = demo.path().join("demo");
    let elsewhere = demo.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let import = |archive: &str| {
        run(&elsewhere, &["--quiet", "--trust", "../demo/far", "import", archive, "--to-layout", "out"])
    };
    let beside = dated_folders(&folder.join("shop.imported"));
    for _ in 0..2 {
        let imported = import("../demo/shop.sealift");
        assert!(imported.status.success(), "{}", said(&imported));
    }
    let dated = dated_folders(&elsewhere.join("shop.imported"));
    assert_eq!(dated.len(), 2);
    assert!(dated.iter().all(|name| !name.contains(':')), "not every file system takes it: {dated:?}");
    assert_eq!(dated_folders(&folder.join("shop.imported")), beside, "nothing travels back with the archive");
    for file in ["latest/report.json", "report.json", "relocation-mapping.json"] {
        assert!(elsewhere.join("shop.imported").join(file).is_file(), "{file}");
    }
    // Nothing is left where nothing was imported.
    assert_eq!(import("../demo/tampered.sealift").status.code(), Some(15));
    assert!(!elsewhere.join("tampered.imported").exists());
}

#[test]
fn the_results_of_what_is_not_a_file_are_called_archive() {
    let demo = demo();
    let folder = demo.path().join("demo");
    let import = format!("'{}' --quiet --trust far import", SEALIFT.display());
    for (number, by) in ["/dev/stdin", "-", "/dev/fd/0"].into_iter().enumerate() {
        for command in [
            format!("cat shop.sealift | {import} {by} --to-layout out"),
            format!("{import} {by} --to-layout out <shop.sealift"),
        ] {
            let output = Command::new("sh").args(["-c", &command]).current_dir(&folder).output().unwrap();
            assert!(output.status.success(), "{command}: {}", said(&output));
        }
        assert_eq!(dated_folders(&folder.join("archive.imported")).len(), 2 * number + 2, "{by}");
    }
}

#[test]
fn a_link_in_the_place_of_results_is_refused_and_a_file_in_the_place_of_a_link_is_left() {
    let demo = demo();
    let folder = demo.path().join("demo");
    let import = || run(&folder, &["--trust", "far", "import", "shop.sealift", "--to-layout", "new"]);
    fs::rename(folder.join("shop.imported"), folder.join("target")).unwrap();
    std::os::unix::fs::symlink("target", folder.join("shop.imported")).unwrap();
    let refused = import();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("a symbolic link, and the results would be"), "{}", said(&refused));
    assert!(!folder.join("new").exists());
    fs::remove_file(folder.join("shop.imported")).unwrap();
    fs::create_dir(folder.join("shop.imported")).unwrap();
    fs::write(folder.join("shop.imported/report.json"), "older").unwrap();
    let imported = import();
    assert_eq!(imported.status.code(), Some(0), "{}", said(&imported));
    assert!(said(&imported).contains("shop.imported/report.json was left as it is"), "{}", said(&imported));
    assert_eq!(fs::read_to_string(folder.join("shop.imported/report.json")).unwrap(), "older");
    assert!(folder.join("shop.imported/latest/report.json").is_file());
}

#[test]
fn the_digest_of_a_pipe_is_refused_before_anything_of_it_is_read() {
    let demo = demo();
    let folder = demo.path().join("demo");
    assert!(Command::new("mkfifo").arg("pipe").current_dir(&folder).status().unwrap().success());
    let mut writer = Command::new("sh").args(["-c", "cat shop.sealift >pipe"]).current_dir(&folder).spawn().unwrap();
    let sealift = |arguments: &[&str]| {
        // What waits for a pipe that nobody writes to waits forever.
        let mut command = Command::new("timeout");
        command.arg("60").arg(&*SEALIFT).args(["--quiet", "--trust", "far"]).args(arguments);
        command.current_dir(&folder).output().unwrap()
    };
    for command in [&["verify", "--sha256", "pipe"][..], &["import", "--sha256", "pipe", "--to-layout", "new"]] {
        let refused = sealift(command);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains("--sha256 is for a regular file"), "{}", said(&refused));
    }
    let verified = sealift(&["verify", "pipe"]);
    assert!(verified.status.success(), "{}", said(&verified));
    assert!(writer.wait().unwrap().success());
}

#[test]
fn an_interrupted_import_leaves_no_empty_folder_for_its_results() {
    let demo = demo();
    let folder = demo.path().join("demo");
    let mut import = Command::new(&*SEALIFT);
    import.args(["--quiet", "--trust", "far", "import", "-", "--to-layout", "new"]).current_dir(&folder);
    let mut import = import.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let archive = fs::read(folder.join("shop.sealift")).unwrap();
    let mut carrier = import.stdin.take().unwrap();
    // The end does not arrive.
    carrier.write_all(&archive[..archive.len() - 2048]).unwrap();
    let begun = Instant::now();
    while !folder.join("new/blobs").exists() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(dated_folders(&folder.join("archive.imported")).len(), 1);
    assert!(Command::new("kill").args(["-INT", &import.id().to_string()]).status().unwrap().success());
    let interrupted = import.wait_with_output().unwrap();
    assert_eq!(interrupted.status.code(), Some(130), "{}", said(&interrupted));
    assert!(!folder.join("archive.imported").exists());
    drop(carrier);
}

#[test]
fn the_place_for_results_is_looked_at_before_anything_is_delivered() {
    let demo = demo();
    let folder = demo.path().join("demo");
    fs::write(folder.join("results"), "a file").unwrap();
    let arguments =
        ["--quiet", "--trust", "far", "import", "shop.sealift", "--to-layout", "new", "--results", "results/x"];
    let refused = run(&folder, &arguments);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("--results DIR; nothing was imported"), "{}", said(&refused));
    assert!(!folder.join("new/index.json").exists());
}

#[test]
fn every_other_place_is_looked_at_before_anything_is_delivered() {
    let demo = demo();
    let folder = demo.path().join("demo");
    fs::write(folder.join("taken"), "").unwrap();
    let long = format!("{}.tar", "n".repeat(300));
    for (target, code) in [
        (&["--to-registry", "localhost:1", "--mirror-config", "taken"][..], 17),
        (&["--to-registry", "localhost:1", "--mirror-config", "taken/below"], 17),
        (&["--to-layout", "new", "--tuf-mirror", "taken"], 17),
        (&["--to-layout-archive", &long], 17),
    ] {
        let refused = run(&folder, &[&["--trust", "far", "import", "shop.sealift"][..], target].concat());
        assert_eq!(refused.status.code(), Some(code), "{target:?}: {}", said(&refused));
        assert!(said(&refused).contains("cannot write to taken") || said(&refused).contains("cannot make nnn"));
        assert!(!folder.join("new").exists(), "{target:?}");
    }
}

#[test]
fn a_key_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("full")).unwrap();
    // A device that is always full stands for a disk that is: the public half cannot be written.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("key.pem.pub")).unwrap();
    let refused = run(folder.path(), &["key", "generate", "--out", "key.pem"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(!folder.path().join("key.pem").exists());
    fs::remove_file(folder.path().join("key.pem.pub")).unwrap();
    assert!(run(folder.path(), &["key", "generate", "--out", "key.pem"]).status.success());
}

#[test]
fn no_clock_stops_a_command_without_a_word() {
    if outside_programs::find("faketime").is_none() {
        return;
    }
    let demo = demo();
    let folder = demo.path().join("demo");
    for time in ["1970-01-01 00:00:01", "2037-12-31 00:00:00", "2100-01-01 00:00:00", "9999-12-31 23:59:58"] {
        for arguments in [
            &["verify", "shop.sealift"][..],
            &["verify", "--audit", "shop.sealift"],
            &["import", "shop.sealift", "--to-layout", "elsewhere"],
            &[
                "export",
                "--image",
                "example.com/demo/web:1.0.0=oci:layout",
                "--tuf",
                "demo=tuf",
                "--key",
                "exporter.pem",
                "-o",
                "x",
            ],
            &["trust", "list"],
            &["inspect", "shop.sealift"],
        ] {
            let mut command = Command::new("faketime");
            command.args(["-f", time]).arg(&*SEALIFT).args(["--quiet", "--trust", "far"]).args(arguments);
            let output = command.current_dir(&folder).output().unwrap();
            assert!(output.status.code().is_some_and(|code| code <= 20), "{time} {arguments:?}: {}", said(&output));
            assert!(!said(&output).contains("panicked"), "{time} {arguments:?}: {}", said(&output));
        }
    }
}

#[test]
fn what_the_demo_explains_fits_into_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let demo = run(folder.path(), &["--quiet", "demo"]);
    let text = String::from_utf8(demo.stdout).unwrap();
    let (mut explains, mut lines) = (false, 0);
    for line in text.lines() {
        // A title, and what is under it until the first command.
        explains = line.starts_with("== ") || explains && !line.starts_with("$ ");
        if explains {
            lines += 1;
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    assert!(lines > 20, "{text}");
}

#[test]
fn what_is_left_out_under_several_tags_is_said_once() {
    use sealift_core::layout::LayoutSink;
    use sealift_tests::images::Image;

    let demo = demo();
    let folder = demo.path().join("demo");
    let image = Image::for_two_platforms("app");
    let signature = Image::new("linux/amd64", &[("signature", b"of app")]);
    let sink = LayoutSink::open(&folder.join("tagged")).unwrap();
    image.push(&sink, &"example.com/org/app:1".parse().unwrap()).unwrap();
    let tag = format!("sha256-{}", image.root().descriptor().digest.hex());
    for ending in ["sig", "att", "sbom"] {
        signature.push(&sink, &format!("example.com/org/app:{tag}.{ending}").parse().unwrap()).unwrap();
    }
    let trusting = run(&folder, &["--trust", "other", "trust", "add-exporter", "alice", "exporter.pem.pub"]);
    assert!(trusting.status.success());
    fs::write(
        folder.join("other/policy.toml"),
        "minimum_level = \"0\"\nreferrers = [\"image\", \"sbom\", \"signature\"]\n",
    )
    .unwrap();
    let export = |json: &[&str], kinds: &str, output: &str| {
        let named = ["--quiet", "--trust", "other", "export", "--image", "example.com/org/app:1=oci:tagged"];
        let said =
            run(&folder, &[json, &named[..], &["--referrers", kinds, "--key=exporter.pem", "-o", output]].concat());
        assert!(said.status.success(), "{}", self::said(&said));
        String::from_utf8(said.stdout).unwrap()
    };
    let left_out = format!("left out: image {}", signature.root().descriptor().digest);
    let said = export(&[], "sbom,signature", "one.sealift");
    assert_eq!(said.matches(&left_out).count(), 1, "{said}");
    assert!(said.contains("(--referrers image,sbom,signature carries it)"), "{said}");
    let report: serde_json::Value =
        serde_json::from_str(&export(&["--json"], "sbom,signature", "two.sealift")).unwrap();
    assert_eq!(report["leftOut"].as_array().unwrap().len(), 3, "each tag is there: {report}");
    let said = self::said(&run(&folder, &["--quiet", "inspect", "one.sealift"]));
    let warning =
        "warning: referrers of example.com/org/app:1 were left out when the archive was made: 1 of kind image";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    let said = self::said(&run(&folder, &["--trust", "other", "verify", "one.sealift"]));
    assert_eq!(said.matches(&format!("{left_out}, which refers to it")).count(), 1, "{said}");
    // What is carried is counted in the same way, and listed as JSON.
    let said = export(&[], "image,sbom,signature", "three.sealift");
    assert!(said.contains("level 0; with 1 of kind image") && !said.contains("left out"), "{said}");
    let report: serde_json::Value =
        serde_json::from_str(&export(&["--json"], "image,sbom,signature", "four.sealift")).unwrap();
    let carried = report["items"][0]["referrers"].as_array().unwrap();
    assert!(carried.len() == 3 && carried.iter().all(|it| it["kind"] == "image"), "{report}");
}

#[test]
fn what_buildkit_calls_an_attestation_and_is_none_is_carried_and_named_on_both_sides() {
    use sealift_core::layout::LayoutSink;
    use sealift_tests::images::Image;

    let demo = demo();
    let folder = demo.path().join("demo");
    let trusted = |arguments: &[&str]| run(&folder, &[&["--trust", "other"], arguments].concat());
    assert!(trusted(&["trust", "add-exporter", "alice", "exporter.pem.pub"]).status.success());
    fs::write(folder.join("other/policy.toml"), "minimum_level = \"0\"\n").unwrap();
    let sink = LayoutSink::open(&folder.join("built")).unwrap();
    let invalid = b"{\"_type\": \"https://in-toto.io/Statement/v1\", \"predicateType\"";
    let image = Image::with_buildkit_attestation(&Image::new("linux/amd64", &[("app", b"app")]), invalid);
    image.push(&sink, &"example.com/org/app:1".parse().unwrap()).unwrap();
    let digest = sealift_archive_format::Digest::sha256(invalid);
    let warning = format!(
        "warning: the attestation {digest} in example.com/org/app:1 is not a valid in-toto Statement, so it proves nothing: the attestation cannot be read: "
    );
    let export = ["export", "--image=example.com/org/app:1=oci:built", "--key=exporter.pem", "-o", "built.sealift"];
    for command in [&export[..], &["verify", "built.sealift"], &["import", "built.sealift", "--to-layout", "out"]] {
        let output = trusted(command);
        assert!(output.status.success() && said(&output).matches(&warning).count() == 1, "{}", said(&output));
    }
    assert_eq!(fs::read(folder.join("out/blobs/sha256").join(digest.hex())).unwrap(), invalid);
    // Where somebody has to vouch for what hangs off an image, it is refused.
    assert!(trusted(&["trust", "add-attester", "scanner", "exporter.pem.pub"]).status.success());
    let output = trusted(&["verify", "built.sealift"]);
    assert!(said(&output).contains("cause: the attestation cannot be read"), "{}", said(&output));
    assert_eq!(output.status.code(), Some(13), "{}", said(&output));
}

#[test]
fn referrers_that_nobody_vouches_for_are_in_the_verdict_and_each_is_described() {
    use sealift_core::layout::LayoutSink;
    use sealift_tests::images::Image;

    let demo = demo();
    let folder = demo.path().join("demo");
    let trusted = |arguments: &[&str]| run(&folder, &[&["--trust", "other"], arguments].concat());
    assert!(trusted(&["trust", "add-exporter", "alice", "exporter.pem.pub"]).status.success());
    fs::write(folder.join("other/policy.toml"), "minimum_level = \"0\"\n").unwrap();
    let sink = LayoutSink::open(&folder.join("referred")).unwrap();
    let image = Image::new("linux/amd64", &[("app", b"app")]);
    let root = image.root().descriptor();
    image.push(&sink, &"example.com/org/app:1".parse().unwrap()).unwrap();
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://e.example/x","subject":[{{"name":"app","digest":{{"sha256":"{}"}}}}],"predicate":{{}}}}"#,
        root.digest.hex()
    );
    let referrers = [
        (
            "application/vnd.in-toto+json",
            statement.as_bytes(),
            "attestation",
            "nobody vouches for it; read, not signed",
        ),
        ("application/spdx+json", &b"{}"[..], "sbom", "nobody vouches for it; carried, and not looked at"),
        (
            "application/vnd.cncf.notary.signature",
            &b"x"[..],
            "signature",
            "nobody vouches for it; carried, and not looked at",
        ),
    ];
    for (media_type, content, ..) in &referrers {
        let referrer = Image::referrer(root, media_type, content);
        let name = format!("example.com/org/app@{}", referrer.root().descriptor().digest);
        referrer.push(&sink, &name.parse().unwrap()).unwrap();
    }
    let export = ["export", "--image=example.com/org/app:1=oci:referred", "--key=exporter.pem", "-o", "r.sealift"];
    assert!(trusted(&export).status.success());
    let text = said(&trusted(&["verify", "r.sealift"]));
    for (media_type, _, kind, what) in referrers {
        let line = text.lines().find(|line| line.contains(&format!("referrer:  {kind} sha256:"))).unwrap();
        assert!(line.contains(&format!("({media_type}, ")) && line.ends_with(&format!("), {what}")), "{text}");
    }
    let warning = "warning: nobody vouches for referrers of example.com/org/app:1, which came along: 1 of kind attestation, 1 of kind sbom, 1 of kind signature; the report says which were looked at";
    let imported = said(&trusted(&["import", "r.sealift", "--to-layout", "out"]));
    assert!(text.contains(warning) && imported.contains(warning), "{text}{imported}");
    let line = said(&trusted(&["--quiet", "verify", "r.sealift"]));
    assert!(line.ends_with(" 1 warning.\n"), "{line}");
}

/// As in the root of an image that holds the program alone. A namespace of its own has to be allowed here.
#[test]
fn the_demo_needs_no_home_no_proc_and_no_dev() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nobody"), "").unwrap();
    let alone = |command: &str| {
        let hide = "for file in /etc/passwd /etc/nsswitch.conf; do [ ! -e $file ] || mount --bind nobody $file || exit; done && \
                    mount -t tmpfs none /dev && mount -t tmpfs none /proc";
        let mut alone = Command::new("unshare");
        alone.args(["--user", "--map-root-user", "--mount", "sh", "-c", &format!("{hide} && {command}")]);
        alone.current_dir(folder.path()).stdin(Stdio::null()).output().unwrap()
    };
    if !alone("true").status.success() {
        return outside_programs::skip("unshare with mounts");
    }
    let output = alone(&format!("exec env -i '{}' --quiet demo --keep demo", SEALIFT.display()));
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("Refused, as it must be"), "{}", said(&output));
    // What needs a trust store says what is missing.
    let output = alone(&format!("exec env -i '{}' trust list", SEALIFT.display()));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("there is no home folder"), "{}", said(&output));
}
