//! Volumes from a drive: the discs are exchanged while the command runs, by a person at a terminal or by a script.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::Child;

use super::volumes::{HEADER, RECORD, volumes, with_digest};
use super::*;

impl Far {
    /// Puts a disc into the drive, in the place of the one before.
    fn insert(&self, bytes: &[u8]) {
        let drive = self.folder().join("drive");
        fs::create_dir_all(&drive).unwrap();
        fs::write(self.folder().join("new"), bytes).unwrap();
        for old in fs::read_dir(&drive).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        fs::rename(self.folder().join("new"), drive.join("disc.sealift-volume")).unwrap();
    }

    fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder()).env("TMPDIR", self.kept_in());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The folder for temporary files.
    fn kept_in(&self) -> PathBuf {
        let folder = self.folder().join("kept");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn keeps_nothing(&self) -> bool {
        fs::read_dir(self.kept_in()).unwrap().count() == 0
    }
}

/// Reads until something is said; gives back all that was said until then.
fn until(said: &mut impl Read, wanted: &str) -> String {
    let (mut all, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&all).contains(wanted) {
        assert!(said.read(&mut byte).unwrap() > 0, "{wanted:?} was never said: {}", String::from_utf8_lossy(&all));
        all.extend(byte);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Two data volumes and two parity volumes.
fn set(archive: &[u8]) -> Vec<Vec<u8>> {
    volumes(archive, b"", 2, 2)
}

#[test]
fn a_script_gives_enough_or_the_command_fails_at_once() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = set(&archive);
    far.kept_in();
    far.insert(&whole[3]);
    let hint = "run it on a terminal, which asks for each disc; or say with --wait how long to wait for the next one, for example --wait 10m";
    let still = "drive has no more of the volumes, and any 1 of volumes 1, 2, 3 of set";
    far.run(&["verify", "--from-drive", "drive"]).hints(10, still, hint);
    far.run(&["verify", "--from-drive", "drive", "--wait", "1s"]).hints(10, still, hint);
    far.run(&["verify", "--from-drive", "nothing"]).hints(10, "a first volume is still wanted", hint);
    far.run(&["verify", "--from-drive", "drive", "--wait", "soon"])
        .remarks_usage("is not a time such as 30s, 10m or 2h");
    fs::write(far.folder().join("drive/second.sealift-volume"), &whole[0]).unwrap();
    // Nothing is missing that was not wanted.
    far.run(&["verify", "--from-drive", "drive", "--keep-in", "kept"]).remarks("\"warnings\": []");
    far.run(&["inspect", "--from-drive", "drive"]).remarks("\"warnings\": []");
    let import = ["import", "--from-drive", "drive", "--to-layout", "layout", "--results", "results"];
    far.run(&import).remarks("\"warnings\": []");
    let digest = ["verify", "--sha256", "--from-drive", "drive"];
    far.run(&digest).hints(2, "volumes are several files", "see what it takes: sealift help verify");
    assert!(far.keeps_nothing());
}

impl Said {
    #[track_caller]
    pub(super) fn remarks_usage(&self, remark: &str) {
        assert!(self.code == Some(2) && self.all.contains(remark), "{:?}: {}", self.code, self.all);
    }
}

#[test]
fn discs_are_exchanged_while_the_command_waits() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    // One data volume: as many stripes as there are chunks.
    let (whole, other) = (volumes(&archive, b"", 1, 3), volumes(&archive, b"other", 1, 3));
    let mut scratched = whole.clone();
    scratched[0][HEADER + 7] ^= 1;
    scratched[1][HEADER + RECORD + 7] ^= 1;
    far.kept_in();
    far.insert(&scratched[0]);
    let arguments = ["--trust", "far", "verify", "--from-drive", "drive", "--wait", "60s"];
    let mut child = far.spawn(SEALIFT.to_str().unwrap(), &arguments);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let first = until(&mut said, "volume 1 was read, but for 1 chunk that is damaged\n");
    assert!(first.contains("1 volume, ") && first.contains(" each, to be read from drive; kept in "), "{first}");
    far.insert(&other[1]);
    until(&mut said, "is of another set (");
    // A second disc with the same volume is damaged in another place, and would do; so would another volume.
    far.insert(&scratched[0]);
    until(&mut said, "volume 1 was read, but for 1 chunk that is damaged\n");
    far.insert(&whole[3][..100]);
    until(&mut said, "disc.sealift-volume was ignored: not a Sealift volume\n");
    far.insert(&whole[3][..50_000]);
    until(&mut said, "volume 4 is not complete\n");
    far.insert(&scratched[1]);
    until(&mut said, "volume 2 was read, but for 1 chunk that is damaged\n");
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("volume 1 is damaged: 1 chunk of it, restored"), "{rest}{shown}");
    assert!(far.keeps_nothing());
}

#[test]
fn a_person_is_asked_for_the_next_disc() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = set(&archive);
    far.insert(&whole[0]);
    let run = |rest: &str| {
        let line = format!("{} --trust far {rest} --from-drive drive", SEALIFT.display());
        far.spawn("script", &["-qefc", &line, "/dev/null"])
    };
    let mut child = run("import --to-layout layout --results results");
    let (mut to, mut said) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    until(&mut said, "Still wanted: any 1 of volumes 2, 3, 4 of set ");
    until(&mut said, "Put it into drive, and press Enter (q ends): ");
    // The same disc again, and then none.
    to.write_all(b"\n").unwrap();
    until(&mut said, "volume 1 was read before");
    until(&mut said, "(q ends): ");
    fs::remove_file(far.folder().join("drive/disc.sealift-volume")).unwrap();
    to.write_all(b"\n").unwrap();
    until(&mut said, "the drive holds no volume");
    until(&mut said, "(q ends): ");
    far.insert(&whole[2]);
    to.write_all(b"\n").unwrap();
    until(&mut said, "Relocation mapping and report");
    assert!(child.wait().unwrap().success() && far.keeps_nothing());
    // Who has no more of them says so.
    far.insert(&whole[0]);
    let mut child = run("verify");
    child.stdin.as_mut().unwrap().write_all(b"q\n").unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("has no more of the volumes")));
    assert_eq!(child.wait().unwrap().code(), Some(10));
}

#[test]
fn a_disc_that_lies_takes_no_room_and_no_set() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = set(&archive);
    let changed = |at: usize, byte: u8| {
        let mut volume = whole[1].clone();
        for start in [0, volume.len() - HEADER] {
            volume[start + at] = byte;
            with_digest(&mut volume[start..start + HEADER]);
        }
        volume
    };
    far.insert(&changed(48, 0x10));
    let said = far.run(&["verify", "--from-drive", "drive"]);
    let hint = said.failure["hint"].as_str().unwrap_or_default();
    assert!(said.code == Some(1) && hint.ends_with(" more there, or choose a place with more room"), "{}", said.all);
    far.insert(&whole[0]);
    fs::write(far.folder().join("drive/liar.sealift-volume"), changed(55, 1)).unwrap();
    let carried = "carry the archive again, and compare its SHA-256 on both sides; if they are equal, ask the exporter";
    far.run(&["verify", "--from-drive", "drive"]).hints(
        10,
        "have the same set id, but describe different sets",
        carried,
    );
    assert!(far.keeps_nothing());
}

#[test]
fn what_is_on_discs_is_extracted_and_signed() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = set(&archive);
    far.insert(&whole[0]);
    fs::write(far.folder().join("drive/second.sealift-volume"), &whole[3]).unwrap();
    let extract = ["extract", "--from-drive", "drive"];
    far.run(&[&extract[..], &[WEB, BUNDLE, "--to-layout", "taken"]].concat()).remarks(WEB);
    assert!(far.folder().join("taken/index.json").is_file());
    let usage = "see what it takes: sealift help extract";
    far.run(&[&extract[..], &["--to-layout", "more"]].concat()).hints(2, "say what to take out: NAME", usage);
    far.run(&[&extract[..], &["no name", "--to-layout", "more"]].concat()).hints(2, "is not a name: ", usage);
    far.run(&["key", "generate", "--out", "bert.pem"]).remarks("");
    let sign = ["sign", "--from-drive", "drive", "--key", "bert.pem"];
    let said = "drive is one of several volumes, or a folder of them, and a signature would change them all";
    far.run(&sign).hints(2, said, "say where the new volumes go, for example -o signed/shop; nothing was signed");
    far.run(&[&sign[..], &["-o", "signed"]].concat()).remarks("signed.004.sealift-volume");
    far.run(&["verify", "signed.001.sealift-volume"]).remarks("\"warnings\": []");
    // That there is no place for them is said before a disc is read.
    far.insert(b"no volume");
    far.run(&[&sign[..], &["-o", "signed"]].concat()).hints(
        1,
        "signed.001.sealift-volume already exists",
        "choose another name with -o, or move signed.001.sealift-volume away first",
    );
}
