//! Reads what in-toto's own command reads from folders: link files with their sublayouts' folders, and the product.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_archive_format::digest::{DigestAlgorithm, Hasher};
use sealift_proof::in_toto::verify::{MAXIMUM_DEPTH, MAXIMUM_FILES};

/// A file of the final product.
#[derive(Debug)]
pub struct ProductPath {
    /// Its name, relative to the folder.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256 and SHA-512.
    pub digests: Vec<Digest>,
}

/// Reads all `….link` files of a folder, and those of sublayouts in its folders, by name relative to it.
///
/// # Errors
/// When a folder or a file cannot be read, or there are more than a chain may have.
pub fn read_links(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut links = BTreeMap::new();
    walk(folder, "", MAXIMUM_DEPTH + 1, &mut |name, path| {
        if name.ends_with(".link") {
            links.insert(name, fs::read(path)?);
        }
        if links.len() > MAXIMUM_FILES { Err(io::Error::other("too many link files")) } else { Ok(()) }
    })?;
    Ok(links)
}

/// Reads the final product: all files of a folder but those that the reference leaves out (`*.link*`, `.git`, `*.pyc`,
/// `*~`).
///
/// # Errors
/// When a folder or a file cannot be read.
pub fn read_product(folder: &Path) -> io::Result<Vec<ProductPath>> {
    let mut product = Vec::new();
    walk(folder, "", 32, &mut |name, path| {
        let left_out = name.contains(".link") || name.ends_with(".pyc") || name.ends_with('~');
        if !left_out {
            product.push(ProductPath { name, path: path.to_owned(), digests: digests(path)? });
        }
        Ok(())
    })?;
    Ok(product)
}

fn digests(path: &Path) -> io::Result<Vec<Digest>> {
    let mut hashers = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(Hasher::new);
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 64 * 1024]);
    loop {
        let length = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
    }
    Ok(hashers.map(Hasher::finish).to_vec())
}

/// Calls `each` for every regular file, with its name relative to the first folder. Links are not followed.
fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    each: &mut dyn FnMut(String, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (kind, name) = (entry.file_type()?, format!("{prefix}{name}"));
        if kind.is_file() {
            each(name, &entry.path())?;
        } else if kind.is_dir() && depth > 1 && !name.ends_with(".git") {
            walk(&entry.path(), &format!("{name}/"), depth - 1, each)?;
        }
    }
    Ok(())
}
