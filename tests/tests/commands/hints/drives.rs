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

impl Far {
    /// The folder of what is kept of the only set.
    fn folder_of_set(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.folder().join("keep")).unwrap();
        folders.next().unwrap().unwrap().path()
    }

    /// A command that has read one volume, and waits for the next one.
    fn reading(&self, volume: &[u8]) -> Child {
        fs::create_dir_all(self.folder().join("keep")).unwrap();
        self.insert(volume);
        let arguments = ["--trust", "far", "verify", "--from-drive", "drive", "--keep-in", "keep", "--wait", "60s"];
        self.spawn(SEALIFT.to_str().unwrap(), &arguments)
    }
}

/// What a command says until it has read a volume, and what it says after that.
fn after_reading(child: &mut Child, number: u8) -> (String, BufReader<std::process::ChildStderr>) {
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let first = until(&mut said, &format!("volume {number} was read\n"));
    (first, said)
}

#[test]
fn a_command_that_was_killed_is_taken_up_again_and_what_was_kept_is_removed_in_the_end() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    // Three data volumes.
    let (whole, other) = (volumes(&archive, b"", 3, 1), volumes(&archive, b"other", 3, 1));
    let mut first = far.reading(&whole[0]);
    let (said, _) = after_reading(&mut first, 1);
    assert!(said.contains(" until this command has succeeded."), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    let kept = far.folder_of_set();
    let mode = |path: &Path| std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777;
    assert_eq!((mode(&kept), mode(&kept.join("001.sealift-volume"))), (0o700, 0o600));
    // A copy that was not read to its end, and one that was damaged since.
    fs::write(kept.join("003.partial"), &whole[2][..60_000]).unwrap();
    let mut second = far.reading(&whole[2]);
    let (said, _) = after_reading(&mut second, 3);
    assert!(said.contains("volume 1 was read by an earlier command\n"), "{said}");
    second.kill().unwrap();
    second.wait().unwrap();
    let damage = |at: usize| {
        let mut copy = fs::read(kept.join("003.sealift-volume")).unwrap();
        assert!(copy == whole[2]);
        copy[at] ^= 1;
        fs::write(kept.join("003.sealift-volume"), copy).unwrap();
    };
    damage(HEADER + 9);
    // Leftovers of another set.
    let elsewhere = far.folder().join("keep").join(format!("sealift-volumes-{}", "0".repeat(64)));
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("001.sealift-volume"), &other[0]).unwrap();
    far.insert(&whole[1]);
    let verify = ["verify", "--from-drive", "drive", "--keep-in", "keep"];
    let failed = far.run(&verify);
    let hint = failed.failure["hint"].as_str().unwrap_or_default();
    let left = format!(
        "; what was read is kept in keep/{}, and the same command goes on from there",
        kept.file_name().unwrap().display()
    );
    assert!(failed.code == Some(10) && hint.ends_with(&left), "{}", failed.all);
    assert!(failed.failure["causes"].to_string().contains("any 1 of volumes 3, 4 of set"), "{}", failed.all);
    far.insert(&whole[2]);
    let told = told(&far.folder(), &[&["--trust", "far"], &verify[..]].concat());
    for part in [
        "volume 1 was read by an earlier command\n",
        "volume 2 was read by an earlier command\n",
        "volume 3 was read by an earlier command, but for 1 chunk\n",
        "volume 3 was read\n",
        "Accepted: this is what its makers released",
        "The volumes that were kept in keep/sealift-volumes-",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!kept.exists() && elsewhere.join("001.sealift-volume").exists(), "only what was made is removed");
}

#[test]
fn what_others_have_put_in_the_way_is_not_used() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = set(&archive);
    let mut first = far.reading(&whole[0]);
    let (_, mut said) = after_reading(&mut first, 1);
    let kept = far.folder_of_set();
    let shown = format!("keep/{}", kept.file_name().unwrap().display());
    let verify = ["verify", "--from-drive", "drive", "--keep-in", "keep"];
    far.run(&verify).hints(
        1,
        "another command keeps volumes of this set in keep/",
        "wait until the other command has ended, or keep the volumes in another folder: --keep-in DIR",
    );
    // An interruption says what is left.
    assert!(Command::new("kill").args(["-INT", &first.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(
        rest.contains(&format!("what was read is kept in {shown}, and the same command goes on from there")),
        "{rest}"
    );
    first.wait().unwrap();
    let copy = kept.join("001.sealift-volume");
    let (elsewhere, link) = (far.folder().join("elsewhere"), |to: &Path, at: &Path| std::os::unix::fs::symlink(to, at));
    let refused = |path: &str, why: &str| {
        let hint = format!("keep the volumes in another folder (--keep-in DIR), or move {path} away first");
        far.run(&verify).hints(1, &format!("{path} is not used: {why}"), &hint);
    };
    // A link in the place of a copy, a copy of another volume, and a file with two names.
    fs::rename(&copy, &elsewhere).unwrap();
    link(&elsewhere, &copy).unwrap();
    refused(&format!("{shown}/001.sealift-volume"), "it is a symbolic link");
    assert!(copy.is_symlink() && fs::read(&elsewhere).unwrap() == whole[0]);
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, &whole[1]).unwrap();
    refused(&format!("{shown}/001.sealift-volume"), "it is not a copy of the volume that its name says");
    fs::remove_file(&copy).unwrap();
    fs::hard_link(&elsewhere, &copy).unwrap();
    refused(&format!("{shown}/001.sealift-volume"), "it belongs to another user, or other users can reach it");
    fs::remove_file(&copy).unwrap();
    // A link where a new copy would be written, and in the place of the lock.
    link(&elsewhere, &kept.join("001.partial")).unwrap();
    refused(&format!("{shown}/001.partial"), "it is a symbolic link");
    fs::remove_file(kept.join("001.partial")).unwrap();
    // Nothing was read, so nothing is kept, not even the lock.
    assert!(!kept.join("lock").exists());
    link(&elsewhere, &kept.join("lock")).unwrap();
    refused(&format!("{shown}/lock"), "it is a symbolic link");
    assert!(fs::read(&elsewhere).unwrap() == whole[0]);
    // A folder that others can write to, and a link in its place.
    fs::remove_dir_all(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    fs::set_permissions(&kept, std::os::unix::fs::PermissionsExt::from_mode(0o770)).unwrap();
    refused(&shown, "it belongs to another user, or other users can reach it");
    let moved = far.folder().join("moved");
    fs::rename(&kept, &moved).unwrap();
    link(&moved, &kept).unwrap();
    refused(&shown, "it is a symbolic link");
    assert_eq!(fs::read_dir(&moved).unwrap().count(), 0);
    // What else is in the folder stays, and is told.
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    fs::set_permissions(&kept, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    fs::write(kept.join("a note"), "mine").unwrap();
    fs::write(far.folder().join("drive/second.sealift-volume"), &whole[1]).unwrap();
    let told = told(&far.folder(), &[&["--trust", "far"], &verify[..]].concat());
    assert!(told.contains(&format!("{shown} was left: something else is in it.")), "{told}");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 1);
}
