//! Certificates of single hosts, in folders as docker and podman have them: `certs.d/HOST:PORT/`, with authorities in `*.crt`, and
//! what this client shows in `NAME.cert` and `NAME.key`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_core::http::{ClientIdentity, HostCertificates, PemFile};

use crate::failure::{FilePurpose, Reason};
use crate::files::input::read_file;

/// The most hosts of one folder, and the most files of one host: nobody has that many.
const MOST: usize = 10_000;

/// The certificates of all hosts that have a folder. Of a host that has several folders, only the first counts.
pub(super) fn read(limit: u64) -> Result<Vec<HostCertificates>, Reason> {
    let home = etcetera::home_dir().ok().map(|home| home.join(".config").join("containers").join("certs.d"));
    let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    read_from(&home.into_iter().chain(system).collect::<Vec<_>>(), limit)
}

fn read_from(folders: &[PathBuf], limit: u64) -> Result<Vec<HostCertificates>, Reason> {
    let mut hosts: Vec<HostCertificates> = Vec::new();
    for folder in folders {
        for host in entries(folder)? {
            let name = host.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let is_known = hosts.iter().any(|known| known.host.eq_ignore_ascii_case(&name));
            if name.is_empty() || is_known || !host.is_dir() {
                continue;
            }
            hosts.extend(of_host(name, &host, limit)?);
        }
    }
    Ok(hosts)
}

/// What is in the folder of a host; `None` if there is nothing.
fn of_host(host: String, folder: &Path, limit: u64) -> Result<Option<HostCertificates>, Reason> {
    let (mut authorities, mut identity) = (Vec::new(), None);
    for file in entries(folder)? {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => authorities.push(pem(file, limit)),
            // If one of the two files is missing, the error names the missing one.
            Some("cert" | "key") if identity.is_none() => {
                let [certificates, key] = ["cert", "key"].map(|extension| pem(file.with_extension(extension), limit));
                identity = Some(ClientIdentity { certificates, key });
            }
            _ => {}
        }
    }
    let is_empty = authorities.is_empty() && identity.is_none();
    Ok(Some(HostCertificates { host, authorities, identity }).filter(|_| !is_empty))
}

/// What cannot be read is an error where this host is reached, and nowhere else.
fn pem(path: PathBuf, limit: u64) -> PemFile {
    let content = read_file(&path, FilePurpose::Setting, limit).map(Into::into).map_err(|reason| match reason {
        Reason::File { source, .. } => Arc::new(source),
        other => Arc::new(io::Error::other(other.to_string())),
    });
    PemFile { path, content }
}

/// What is in a folder, sorted by name; nothing if there is no such folder, or if this user may not read it.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Reason> {
    let failed = |source| Reason::File { path: folder.to_owned(), source };
    let listed = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(Vec::new());
        }
        listed => listed.map_err(failed)?,
    };
    let mut entries = Vec::new();
    for entry in listed.take(MOST) {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn folders_are_read_as_docker_and_podman_have_them() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put("first/r.example:5000/ca.crt", "one");
        put("first/r.example:5000/other.crt", "two");
        put("first/r.example:5000/client.cert", "certificate");
        put("first/r.example:5000/client.key", "key");
        put("first/empty.example/README", "nothing");
        put("first/file", "no folder");
        put("second/R.example:5000/ca.crt", "later");
        put("second/s.example/ca.crt", "three");
        let folders = ["first", "none", "second"].map(|name| folder.path().join(name));
        let hosts = read_from(&folders, 100).unwrap();
        assert_eq!(hosts.iter().map(|host| host.host.as_str()).collect::<Vec<_>>(), ["r.example:5000", "s.example"]);
        let text = |file: &PemFile| Some(String::from_utf8(file.content.as_ref().ok()?.to_vec()).unwrap());
        let texts = |files: &[PemFile]| files.iter().map(text).collect::<Option<Vec<_>>>().unwrap();
        assert_eq!(texts(&hosts[0].authorities), ["one", "two"]);
        let identity = hosts[0].identity.as_ref().unwrap();
        assert_eq!(
            (text(&identity.certificates).unwrap(), text(&identity.key).unwrap()),
            ("certificate".into(), "key".into())
        );
        assert_eq!((texts(&hosts[1].authorities), hosts[1].identity.is_none()), (vec!["three".to_owned()], true));
        for (missing, other) in [("client.key", "client.cert"), ("client.cert", "client.key")] {
            let path = |name: &str| folder.path().join("first/r.example:5000").join(name);
            let content = fs::read(path(missing)).unwrap();
            fs::remove_file(path(missing)).unwrap();
            let identity = read_from(&folders, 100).unwrap().remove(0).identity.unwrap();
            let [absent, there] = if missing == "client.key" {
                [identity.key, identity.certificates]
            } else {
                [identity.certificates, identity.key]
            };
            assert_eq!((absent.path.as_path(), there.path.as_path()), (&*path(missing), &*path(other)));
            assert!(absent.content.is_err() && there.content.is_ok(), "{missing}");
            fs::write(path(missing), content).unwrap();
        }
        fs::create_dir(folder.path().join("first/r.example:5000/folder.crt")).unwrap();
        let [.., unreadable] = &read_from(&folders, 100).unwrap().remove(0).authorities[..] else { panic!() };
        assert!(unreadable.path.ends_with("folder.crt") || unreadable.path.ends_with("other.crt"));
    }
}
