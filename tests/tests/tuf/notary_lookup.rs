//! What `notary lookup` answers is what is judged: for collections that Notary itself made, with tags in one role, in another, in
//! several and in none, and with delegations that may sign all, some or no longer all that they list.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use sealift_core::authorization::Credentials;
use sealift_core::http::{HttpClient, HttpSettings};
use sealift_core::tuf_repository::NotaryRepository;
use sealift_core::tuf_repository::mirror::Mirror;
use sealift_proof::tuf::provider::{RecordingMetadata, Room};
use sealift_proof::tuf::publication::root_version;
use sealift_proof::tuf::{
    Dialect, Limits, MetadataProvider, RoleName, TrustAnchor, TrustedRepository, TrustedState, update,
};
use sealift_tests::real_notary::RealNotary;
use sealift_tests::registry::Registry;

/// How many collections are made.
const COLLECTIONS: u64 = 8;
const TAGS: [&str; 7] = ["1.0", "d-1", "d-2", "n-1", "n-2", "n-d", "none"];
/// Each role that signs tags, and the paths that are delegated to it: all, if there are none.
const ROLES: [(&str, &[&str]); 4] = [
    ("targets", &[]),
    ("targets/releases", &[]),
    ("targets/nightly", &["n-"]),
    ("targets/releases/deep", &["d-", "n-d"]),
];

/// Numbers that look random, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn is_heads(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

/// Makes a collection: who lists what is decided by the number.
fn make(notary: &RealNotary, gun: &str, number: u64) {
    let mut numbers = Numbers(number);
    notary.publish(&["init", "--publish", gun]);
    let mut delegated: Vec<_> = ROLES[1..3].to_vec();
    if numbers.is_heads() {
        delegated.reverse();
    }
    delegated.push(ROLES[3]);
    for (role, paths) in delegated {
        let certificate = delegation_key(notary, gun, role);
        let mut arguments = vec!["delegation", "add", "--publish", gun, role, certificate.as_str()];
        match paths {
            [] => arguments.push("--all-paths"),
            paths => paths.iter().for_each(|path| arguments.extend(["--paths", path])),
        }
        notary.publish(&arguments);
    }
    for (role, paths) in ROLES {
        let may_sign = |tag: &&&str| paths.is_empty() || paths.iter().any(|path| tag.starts_with(path));
        for tag in TAGS.iter().filter(|tag| **tag != "none").filter(may_sign) {
            if numbers.is_heads() {
                let sha256 = format!("{:064x}", numbers.next());
                let length = numbers.next().to_string();
                notary.publish(&["addhash", gun, tag, &length, "--sha256", &sha256, "--roles", role]);
            }
        }
    }
    notary.publish(&["publish", gun]);
    if numbers.is_heads() {
        // What it lists beside these, it may no longer sign.
        notary.publish(&["delegation", "remove", "--publish", gun, "targets/releases", "--all-paths"]);
        notary.publish(&["delegation", "add", "--publish", gun, "targets/releases", "--paths", "n-"]);
    }
}

/// Makes a key for a delegated role, which the client may use from then on, and returns the path of its certificate.
fn delegation_key(notary: &RealNotary, gun: &str, role: &str) -> String {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, gun);
    let path = |ending: &str| notary.folder().join(format!("{}{ending}", format!("{gun}-{role}").replace('/', "-")));
    let (key_path, certificate_path) = (path(".key"), path(".pem"));
    fs::write(&key_path, key.serialize_pem()).unwrap();
    fs::write(&certificate_path, parameters.self_signed(&key).unwrap().pem()).unwrap();
    notary.publish(&["key", "import", key_path.to_str().unwrap(), "--role", role]);
    certificate_path.to_str().unwrap().to_owned()
}

/// What Notary's client says about a tag: its SHA-256 and its length.
fn looked_up(notary: &RealNotary, server: &str, gun: &str, tag: &str) -> Option<String> {
    let output = notary.read(server, &["lookup", gun, tag]);
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        assert!(said.contains("No valid trust data"), "{gun} {tag}: {output:?}");
        return None;
    }
    let words: Vec<&str> = said.split_whitespace().collect();
    Some(format!("{} {}", words[1], words[2]))
}

/// What is judged of it.
fn judged(repository: &mut TrustedRepository, provider: &mut dyn MetadataProvider, tag: &str) -> Option<String> {
    let target = repository.resolve(provider, tag).unwrap()?;
    Some(format!("{} {}", target.hashes()[0], target.length()))
}

/// A server of the files in a mirror, and of nothing else.
fn served(folder: &Path, gun: &str) -> Registry {
    let server = Registry::start();
    let files = folder.join("v2").join(gun).join("_trust").join("tuf");
    for entry in walkdir::WalkDir::new(&files).into_iter().map(Result::unwrap).filter(|it| it.file_type().is_file()) {
        let name = entry.path().strip_prefix(&files).unwrap().to_str().unwrap();
        server.add_trust_file(gun, name, &fs::read(entry.path()).unwrap());
    }
    server
}

#[test]
fn what_is_judged_is_what_notarys_client_looks_up_also_in_a_mirror() {
    let Some(notary) = RealNotary::start() else { return };
    let http = HttpClient::new(HttpSettings::default()).unwrap();
    let now = jiff::Timestamp::now();
    let (mut found, mut asked) = (0, 0);
    for number in 0..COLLECTIONS {
        let gun = format!("example.com/made/collection-{number}");
        make(&notary, &gun, number);
        let dialect = Dialect::Notary(gun.parse().unwrap());
        let server = notary.url().parse().unwrap();
        let mut files = NotaryRepository::at_server(http.clone(), Credentials::none(), &server, dialect.gun().unwrap());
        let root = files.metadata(&RoleName::root(), Some(1), 1 << 20).unwrap().unwrap();
        let room = Room::new(1 << 24);
        let mut recorded = RecordingMetadata::new(&mut files, &room);
        let anchor = TrustAnchor { root: &root, dialect: &dialect };
        let mut repository = update(anchor, &TrustedState::default(), &mut recorded, now, &Limits::default()).unwrap();
        let answers: Vec<_> = TAGS.iter().map(|tag| judged(&mut repository, &mut recorded, tag)).collect();
        repository.load_every_role(&mut recorded).unwrap();
        recorded.record(&RoleName::root(), Some(1), root.clone()).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let carried = recorded.into_carried();
        assert!(carried.files().keys().any(|name| root_version(name).is_some()));
        Mirror::new(folder.path(), &dialect).write_metadata(&carried).unwrap();
        let mirror = served(folder.path(), &gun);
        for (tag, answer) in TAGS.iter().zip(answers) {
            assert_eq!(answer, looked_up(&notary, &notary.url(), &gun, tag), "{gun} {tag}");
            assert_eq!(
                answer,
                looked_up(&notary, &format!("http://{}", mirror.domain()), &gun, tag),
                "{gun} {tag}, in the mirror"
            );
            asked += 1;
            found += usize::from(answer.is_some());
        }
    }
    assert!(found > asked / 4 && found < asked * 7 / 8, "{found} of {asked} were found");
}
