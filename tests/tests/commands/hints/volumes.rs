//! Hints about volumes: what is lost, damaged, mixed or forged, and how an archive is cut.

use std::io::Write as _;

use sealift_archive_format::Digest;
use sealift_archive_format::volume::{SetId, VolumeHeader, VolumeShape, VolumeWriter};

use super::*;

/// The header of a volume, and a chunk with its digest, in bytes.
pub(super) const HEADER: usize = 512;
pub(super) const RECORD: usize = 65_568;

/// Gives a header that was changed the digest that it then has.
pub(super) fn with_digest(header: &mut [u8]) {
    let digest = hex::decode(Digest::sha256(&header[..480]).hex()).unwrap();
    header[480..512].copy_from_slice(&digest);
}

/// The volumes of an archive, with an id of their own for each `seal`.
pub(super) fn volumes(archive: &[u8], seal: &[u8], data: u8, parity: u8) -> Vec<Vec<u8>> {
    let length = archive.len() as u64;
    let shape = VolumeShape::new(SetId::of(seal, data, parity, length), data, parity, length).unwrap();
    let mut writer = VolumeWriter::new(shape, vec![Vec::new(); usize::from(shape.volumes())]).unwrap();
    writer.write_all(archive).unwrap();
    writer.finish().unwrap()
}

impl Far {
    /// Puts files into the folder `discs`, in the place of what was there.
    fn discs(&self, files: &[(&str, &Vec<u8>)]) {
        let folder = self.folder().join("discs");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for (name, bytes) in files {
            fs::write(folder.join(format!("{name}.sealift-volume")), bytes).unwrap();
        }
    }
}

const NAMES: [&str; 5] = ["shop.001", "shop.002", "shop.003", "shop.004", "shop.005"];

fn named(volumes: &[Vec<u8>]) -> Vec<(&'static str, &Vec<u8>)> {
    NAMES.into_iter().zip(volumes).collect()
}

const SENT_AGAIN: &str = "have any 1 of volumes 1, 2 and 4 sent again, and put them beside the others";

#[test]
fn volumes_that_are_lost_or_damaged() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    // One data volume: as many stripes as there are chunks.
    let whole = volumes(&archive, b"", 1, 2);
    far.discs(&named(&whole));
    far.run(&["verify", "discs"]).remarks("\"warnings\": []");
    // Any name, any order, and any two of the three lost.
    far.discs(&[("z", &whole[2])]);
    far.run(&["verify", "discs"]).remarks("volume 1 is missing; the others make up for it");
    assert!(told(&far.folder(), &["--trust", "far", "verify", "discs"]).contains("`sealift repair` writes it again"));
    // A chunk of each is damaged, another one each time but for the last.
    let mut damaged = whole.clone();
    damaged[0][HEADER + 7] ^= 1;
    damaged[1][HEADER + RECORD + 7] ^= 1;
    far.discs(&named(&damaged));
    far.run(&["verify", "discs/shop.002.sealift-volume"]).remarks("volume 1 is damaged: 1 chunk of it, restored");
    far.run(&["import", "discs", "--to-layout", "layout", "--results", "results"]).remarks("\"volume-damaged\"");
    far.run(&["inspect", "discs"]).remarks("volume 1 is damaged");
    far.run(&["extract", "discs", BUNDLE, "--to-layout", "taken"]).remarks("volume 1 is damaged");
    for volume in &mut damaged {
        volume[HEADER + 9] ^= 1;
    }
    far.discs(&named(&damaged));
    far.run(&["verify", "discs"]).hints(
        10,
        "chunk 0 of volumes 1, 2, 3 is damaged or missing, and parity makes up for 2",
        "find out which volumes have to be sent again, and what can be repaired: sealift --trust far repair discs",
    );
    far.run(&["repair", "discs"]).hints(
        10,
        "1 stripe is beyond repair: send again volumes 1, 2, 3",
        "have volumes 1, 2 and 3 sent again, and put them beside the others",
    );
    let whole = volumes(&archive, b"", 2, 2);
    far.discs(&[("shop.003", &whole[2])]);
    let missing = "volumes 1, 2, 4 are missing, and parity makes up for 2";
    far.run(&["verify", "discs"]).hints(10, missing, SENT_AGAIN);
    far.run(&["repair", "discs"]).hints(10, missing, SENT_AGAIN);
}

#[test]
fn volumes_are_repaired_in_their_place_and_nothing_else_is_touched() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = volumes(&archive, b"", 2, 2);
    let mut damaged = whole.clone();
    damaged[3][HEADER + 7] ^= 1;
    far.discs(&[("shop.002", &whole[1]), ("shop.003", &whole[2]), ("shop.004", &damaged[3])]);
    let read = |name: &str| fs::read(far.folder().join("discs").join(format!("{name}.sealift-volume"))).unwrap();
    // Into another folder, the volumes stay as they are.
    fs::create_dir(far.folder().join("new")).unwrap();
    far.run(&["repair", "discs", "-o", "new"]).remarks("\"changed\"");
    assert!(read("shop.004") == damaged[3]);
    assert_eq!(fs::read_dir(far.folder().join("new")).unwrap().count(), 2);
    // What has the name of a missing volume stays.
    fs::write(far.folder().join("discs/shop.001.sealift-volume"), "something else").unwrap();
    far.run(&["repair", "discs"]).hints(
        1,
        "already exists",
        "choose another name with -o, or move discs/shop.001.sealift-volume away first",
    );
    assert!(read("shop.004") == damaged[3]);
    fs::remove_file(far.folder().join("discs/shop.001.sealift-volume")).unwrap();
    let told = told(&far.folder(), &["repair", "discs"]);
    assert!(told.contains("volume 1 is missing\n") && told.contains("volume 4: chunk 0 is changed\n"), "{told}");
    assert!(NAMES.iter().zip(&whole).all(|(name, bytes)| read(name) == *bytes));
    far.run(&["repair", "discs"]).remarks("\"written\": []");
    assert_eq!(fs::read_dir(far.folder().join("discs")).unwrap().count(), 4);
}

#[test]
fn volumes_that_do_not_belong_together() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let (whole, other) = (volumes(&archive, b"", 2, 1), volumes(&archive, b"other", 2, 1));
    let apart = "put the volumes of each archive into a folder of their own, each volume once";
    far.discs(&[("a", &whole[0]), ("b", &other[1]), ("c", &whole[2])]);
    far.run(&["verify", "discs"]).hints(10, "the volumes are of 2 sets: discs/a.sealift-volume, discs/c", apart);
    // One volume means its own set, whatever else is in the folder.
    far.run(&["verify", "discs/a.sealift-volume"]).remarks("volume 2 is missing");
    far.discs(&[("a", &whole[0]), ("b", &whole[0]), ("c", &whole[2])]);
    far.run(&["verify", "discs"]).hints(10, "volume 1 is there twice", apart);
    far.discs(&[("a", &whole[0]), ("b", &whole[1]), ("c", &b"a note".to_vec())]);
    far.run(&["verify", "discs"]).remarks("c.sealift-volume was ignored: not a Sealift volume");
    let given = "check the path; volumes are files that `sealift export --volume-size` wrote";
    far.discs(&[("c", &b"a note".to_vec())]);
    far.run(&["verify", "discs"]).hints(10, "not a Sealift volume", given);
    far.put(&archive);
    far.run(&["repair", "shop.sealift"]).hints(10, "is not a volume, nor a folder with volumes in it", given);
    far.discs(&named(&whole));
    far.run(&["sign", "discs", "--key", "bert.pem"]).hints(
        2,
        "is one of several volumes, or a folder of them, and a signature would change them all",
        "say where the new volumes go, for example -o signed/shop; nothing was signed",
    );
}

#[test]
fn headers_that_lie_and_chunks_that_are_forged() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let whole = volumes(&archive, b"", 2, 1);
    let carried = "carry the archive again, and compare its SHA-256 on both sides; if they are equal, ask the exporter";
    let changed = |change: &dyn Fn(&mut [u8])| {
        let mut volume = whole[1].clone();
        for start in [0, volume.len() - HEADER] {
            let header = &mut volume[start..start + HEADER];
            change(header);
            with_digest(header);
        }
        volume
    };
    let longer = changed(&|header| header[55] ^= 1);
    far.discs(&[("a", &whole[0]), ("b", &longer)]);
    far.run(&["verify", "discs"]).hints(10, "have the same set id, but describe different sets", carried);
    let newer = changed(&|header| header[15] = b'2');
    far.discs(&[("b", &newer)]);
    far.run(&["verify", "discs"]).hints(
        10,
        "the volume is of version '2'; this program reads version 1",
        "a newer release of Sealift wrote this archive: carry a newer release across too",
    );
    // Volumes of another archive under the id of this one: each chunk has its digest, and the seal decides.
    let mut forged = archive.clone();
    let end = forged.len() - 1;
    forged[end - 1024] ^= 1;
    let forged = volumes(&forged, b"", 2, 1);
    assert_eq!(VolumeHeader::parse(forged[0][..HEADER].try_into().unwrap()).unwrap().number, 1);
    far.discs(&named(&forged));
    assert!(matches!(far.run(&["verify", "discs"]).code, Some(10 | 15)));
    far.discs(&[("a", &whole[0]), ("b", &forged[1]), ("c", &whole[2])]);
    far.run(&["repair", "discs"]).remarks("\"written\": []");
    let mut damaged = whole[0].clone();
    damaged.push(0);
    far.discs(&[("a", &damaged), ("b", &forged[1]), ("c", &whole[2])]);
    far.run(&["repair", "discs"]).hints(10, "contradict one another", carried);
}

#[test]
fn an_archive_is_cut() {
    let near = Near::pinning(&sample());
    let export = |arguments: &[&str]| {
        let place = format!("{BUNDLE}=oci:layout");
        let fixed = ["export", "--key", "key.pem", "--bundle", &place, "--tuf", "demo=tuf"];
        near.run(&[&fixed, arguments].concat())
    };
    export(&["-o", "shop", "--volume-size", "66592", "--parity", "1"]).remarks("shop.001.sealift-volume");
    export(&["-o", "shop", "--volume-size", "1GB"]).hints(
        1,
        "shop.001.sealift-volume already exists",
        "choose another name, or move the existing file away first",
    );
    let larger = "give a larger --volume-size";
    export(&["-o", "tiny", "--volume-size", "66591"]).hints(2, "volumes of 66591 bytes are too small", larger);
    export(&["-o", "tiny", "--volume-size", "1GB", "--parity", "255"]).hints(
        2,
        "the limit is 255 volumes",
        "give a larger --volume-size, or a smaller --parity",
    );
    export(&["-o", "-", "--volume-size", "1GB"]).hints(
        2,
        "volumes are several files: give the beginning of their names with -o",
        "see what it takes: sealift help export",
    );
    // The same export gives the same volumes, and they give back the archive that one file would be.
    let first = fs::read(near.path().join("shop.002.sealift-volume")).unwrap();
    assert_eq!(VolumeHeader::parse(first[..HEADER].try_into().unwrap()).unwrap().number, 2);
    near.run(&["verify", "shop.002.sealift-volume"]).remarks("\"warnings\": []");
}

#[test]
fn a_second_signature_makes_a_new_set() {
    let sample = sample();
    let (far, archive) = (Far::trusting(&sample), packed(&sample).archive());
    let mut old = volumes(&archive, b"", 1, 2);
    old[2][HEADER + 7] ^= 1;
    far.discs(&[("shop.002", &old[1]), ("shop.003", &old[2])]);
    let key = ["--key", "bert.pem"];
    far.run(&["key", "generate", "--out", "bert.pem"]).remarks("bert.pem");
    fs::create_dir(far.folder().join("signed")).unwrap();
    let sign = |arguments: &[&str]| far.run(&[&["sign"], arguments, &key].concat());
    sign(&["discs", "-o", "signed/shop", "--statement", &Digest::sha256(b"").to_string()]).hints(
        11,
        "the archive's statement is ",
        "compare the digest with the person who told you; without --statement, the archive is verified here instead; nothing was written",
    );
    let said = sign(&["discs", "-o", "signed/shop"]);
    said.remarks("signed/shop.003.sealift-volume");
    assert!(said.all.contains("volume 1 is missing"), "{}", said.all);
    assert!(fs::read(far.folder().join("discs/shop.003.sealift-volume")).unwrap() == old[2]);
    far.run(&["verify", "signed"]).remarks("\"warnings\": []");
    let sets = [["discs/shop.002.sealift-volume"], ["signed/shop.001.sealift-volume"]].map(|path| {
        let bytes = fs::read(far.folder().join(path[0])).unwrap();
        VolumeHeader::parse(bytes[..HEADER].try_into().unwrap()).unwrap().shape
    });
    assert!(sets[0].set() != sets[1].set() && sets[0].length() == sets[1].length());
    // It is what signing the one file makes of it.
    far.put(&archive);
    sign(&["shop.sealift", "-o", "signed/one"]).hints(
        2,
        "-o is for volumes: a single file is signed in place",
        "see what it takes: sealift help sign",
    );
    sign(&["shop.sealift"]).remarks("\"verified\": true");
    let signed = fs::read(far.folder().join("shop.sealift")).unwrap();
    let first = fs::read(far.folder().join("signed/shop.001.sealift-volume")).unwrap();
    let chunks = first[HEADER..first.len() - HEADER].chunks(RECORD).flat_map(|record| &record[..65_536]);
    assert!(chunks.take(signed.len()).eq(&signed));
    sign(&["signed", "-o", "signed/again"]).hints(
        11,
        "has already signed this archive",
        "there is nothing to do; nothing was written",
    );
    sign(&["discs", "-o", "signed/shop"]).hints(
        1,
        "already exists",
        "choose another name with -o, or move signed/shop.001.sealift-volume away first",
    );
}

#[test]
fn one_file_has_parity_for_itself() {
    let near = Near::pinning(&sample());
    let export = |arguments: &[&str]| {
        let place = format!("{BUNDLE}=oci:layout");
        let fixed = ["export", "--key", "key.pem", "--bundle", &place, "--tuf", "demo=tuf"];
        near.run(&[&fixed, arguments].concat())
    };
    export(&["-o", "one.sealift", "--parity", "100%", "--sha256"]).remarks("one.sealift");
    let sha256 = Digest::sha256(&fs::read(near.path().join("one.sealift")).unwrap());
    let beside = fs::read_to_string(near.path().join("one.sealift.sha256")).unwrap();
    assert_eq!(beside, format!("{}  one.sealift\n", sha256.hex()));
    near.run(&["verify", "one.sealift", "--sha256"]).remarks(&format!("\"sha256\": \"{sha256}\""));
    let usage = "see what it takes: sealift help export";
    export(&["-o", "one.sealift", "--parity", "10%"]).hints(
        1,
        "one.sealift already exists",
        "choose another name, or move the existing file away first",
    );
    export(&["-o", "-", "--parity", "10%"]).hints(2, "parity in percent is for one new file", usage);
    export(&["-o", "two", "--parity", "2"]).hints(2, "a number of volumes goes with --volume-size", usage);
    export(&["-o", "two", "--volume-size", "1GB", "--parity", "10%"]).hints(
        2,
        "--parity is a number of volumes",
        usage,
    );
    for wrong in ["0%", "101%", "256", "much"] {
        export(&["-o", "two", "--parity", wrong]).remarks_usage("give a number of volumes, 0 to 255, or 1% to 100%");
    }
    let path = near.path().join("one.sealift");
    let whole = fs::read(&path).unwrap();
    let shape = VolumeHeader::parse(whole[..HEADER].try_into().unwrap()).unwrap().shape;
    assert_eq!(whole.len() as u64, shape.volume_length() * u64::from(shape.volumes()));
    near.run(&["verify", "one.sealift"]).remarks("\"warnings\": []");
    // A scratch over the first header and all of the first volume but its end.
    let mut scratched = whole.clone();
    scratched[..60_000].fill(7);
    fs::write(&path, &scratched).unwrap();
    near.run(&["verify", "one.sealift"]).remarks("volume 1 is damaged: 1 chunk of it, restored");
    near.run(&["inspect", "one.sealift"]).remarks("volume 1 is damaged");
    // It is of the file as it is, and not of what it would be without the damage.
    near.run(&["verify", "one.sealift", "--sha256"]).remarks(Digest::sha256(&scratched).hex());
    let import = ["import", "one.sealift", "--sha256", "--to-layout", "taken-first", "--results", "first"];
    near.run(&import).remarks(Digest::sha256(&scratched).hex());
    near.run(&["import", "one.sealift", "--to-layout", "taken"]).remarks("volume 1 is damaged");
    assert!(near.path().join("one.imported").is_dir());
    fs::create_dir(near.path().join("new")).unwrap();
    near.run(&["repair", "one.sealift", "-o", "new"]).remarks("new/one.sealift");
    assert!(fs::read(near.path().join("new/one.sealift")).unwrap() == whole && fs::read(&path).unwrap() == scratched);
    near.run(&["repair", "one.sealift", "-o", "new"]).hints(
        1,
        "already exists",
        "choose another name with -o, or move new/one.sealift away first",
    );
    near.run(&["key", "generate", "--out", "bert.pem"]).remarks("bert.pem");
    near.run(&["sign", "one.sealift", "--key", "bert.pem", "-o", "signed.sealift"]).remarks("volume 1 is damaged");
    near.run(&["verify", "signed.sealift"]).remarks("\"warnings\": []");
    near.run(&["repair", "one.sealift"]).remarks("\"changed\"");
    assert!(fs::read(&path).unwrap() == whole);
    near.run(&["repair", "one.sealift"]).remarks("\"written\": []");
    // More is lost than there is parity for.
    let mut damaged = whole.clone();
    let each = usize::try_from(shape.volume_length()).unwrap();
    (0..usize::from(shape.parity()) + 1).for_each(|volume| damaged[volume * each + HEADER + 9] ^= 1);
    fs::write(&path, &damaged).unwrap();
    let again = "copy the file again from its medium; if it is damaged there too, have it carried again";
    let (lost, volumes) = (shape.parity() + 1, shape.volumes());
    let said = |lost: u8| {
        format!(
            "too much of the file is damaged: {lost} of its {volumes} volumes are lost in one place, and its parity makes up for {}",
            shape.parity()
        )
    };
    for command in ["verify", "repair"] {
        near.run(&[command, "one.sealift"]).hints(10, &said(lost), again);
    }
    // Whole volumes are gone with their headers.
    let mut damaged = whole.clone();
    damaged[..usize::from(volumes - 1) * each].fill(7);
    fs::write(&path, &damaged).unwrap();
    for command in ["verify", "repair"] {
        near.run(&[command, "one.sealift"]).hints(10, &said(volumes - 1), again);
    }
}

/// A link without an answer: of each file it drops it, flips a bit of it, cuts it, or lets it through. Returns how many came through whole.
fn lossy_link(from: &Path, to: &Path, state: &mut u32) -> usize {
    let mut next = |below: u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) % below
    };
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    let files = fs::read_dir(from).unwrap().map(|file| file.unwrap().path());
    let mut whole = 0;
    for file in files.filter(|file| file.extension().is_some_and(|it| it == "sealift-volume")) {
        let mut bytes = fs::read(&file).unwrap();
        let length = u32::try_from(bytes.len()).unwrap();
        match next(5) {
            0 => continue,
            // In its chunk: a volume with one damaged header is whole.
            1 => bytes[HEADER + usize::try_from(next(60_000)).unwrap()] ^= 1 << next(8),
            2 => bytes.truncate(usize::try_from(next(length - 1200)).unwrap()),
            _ => whole += 1,
        }
        fs::write(to.join(file.file_name().unwrap()), bytes).unwrap();
    }
    whole
}

#[test]
fn what_a_link_without_an_answer_drops_and_flips_is_restored_or_nothing_is_accepted() {
    let near = Near::pinning(&sample());
    let place = format!("{BUNDLE}=oci:layout");
    let fixed = ["export", "--key", "key.pem", "--bundle", &place, "--tuf", "demo=tuf", "-o", "shop"];
    near.run(&[&fixed[..], &["--volume-size", "66592", "--parity", "5"]].concat()).remarks("shop.001");
    let first = fs::read(near.path().join("shop.001.sealift-volume")).unwrap();
    let data = VolumeHeader::parse(first[..HEADER].try_into().unwrap()).unwrap().shape.data();
    let (mut state, mut accepted, mut refused) = (7, 0, 0);
    for _ in 0..40 {
        let whole = lossy_link(near.path(), &near.path().join("arrived"), &mut state);
        let code = near.run(&["verify", "arrived"]).code;
        let is_enough = whole >= usize::from(data);
        assert!(if is_enough { code == Some(0) } else { code != Some(0) }, "{whole} of {data}: {code:?}");
        *(if is_enough { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted > 5 && refused > 0, "{accepted}, {refused}");
}
