//! What commands write beside standard output: pipes, results of imports, keys; and that a clock cannot stop them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

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
fn a_second_import_keeps_the_results_of_the_first() {
    let demo = demo();
    let folder = demo.path().join("demo");
    fs::create_dir(demo.path().join("elsewhere")).unwrap();
    for _ in 0..2 {
        let arguments = ["--quiet", "--trust", "../demo/far", "import", "../demo/shop.sealift", "--to-layout", "out"];
        let imported = run(&demo.path().join("elsewhere"), &arguments);
        assert!(imported.status.success(), "{}", said(&imported));
    }
    let results = folder.join("shop.imported");
    let dated =
        fs::read_dir(&results).unwrap().map(|entry| entry.unwrap()).filter(|it| it.file_type().unwrap().is_dir());
    // The demo has imported it too.
    assert_eq!(dated.count(), 3, "beside the archive, one for each import");
    for file in ["latest/report.json", "report.json", "relocation-mapping.json"] {
        assert!(results.join(file).is_file(), "{file}");
    }
    // Nothing is left where nothing was imported.
    let tampered = run(&folder, &["--quiet", "--trust", "far", "import", "tampered.sealift", "--to-layout", "never2"]);
    assert_eq!(tampered.status.code(), Some(15));
    assert!(!folder.join("tampered.imported").exists());
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
