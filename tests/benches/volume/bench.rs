//! Cuts a file into volumes, reads them, or writes lost ones again, for `main.py` to measure.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sealift_archive_format::volume::{NamedVolume, OpenVolumes, SetId, VolumeReader, VolumeShape, VolumeWriter};

fn path_of(folder: &Path, number: u8) -> PathBuf {
    folder.join(format!("{number:03}.sealift-volume"))
}

fn cut(file: &Path, folder: &Path, data: u8, parity: u8) -> Result<(), Box<dyn Error>> {
    let mut archive = File::open(file)?;
    let length = archive.metadata()?.len();
    let shape = VolumeShape::new(SetId::of(b"", data, parity, length), data, parity, length)?;
    let outputs =
        (1..=shape.volumes()).map(|number| File::create(path_of(folder, number))).collect::<Result<_, _>>()?;
    let mut writer = VolumeWriter::new(shape, outputs)?;
    io::copy(&mut io::BufReader::with_capacity(1 << 20, &mut archive), &mut writer)?;
    writer.finish()?;
    Ok(())
}

fn open(folder: &Path) -> Result<OpenVolumes<File>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files.push(NamedVolume { name: path.display().to_string(), input: File::open(&path)? });
    }
    Ok(OpenVolumes::open(files)?)
}

fn read(folder: &Path) -> Result<(), Box<dyn Error>> {
    io::copy(&mut VolumeReader::new(open(folder)?), &mut io::sink())?;
    Ok(())
}

fn repair(folder: &Path) -> Result<(), Box<dyn Error>> {
    let volumes = open(folder)?;
    let survey = volumes.survey(|_| ())?;
    let output = |number: &u8| Ok((*number, File::create(path_of(folder, *number))?));
    let outputs = survey.to_write.iter().map(output).collect::<io::Result<BTreeMap<u8, File>>>()?;
    volumes.write_again(outputs, |_| ())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["cut", file, folder, data, parity] => cut(file.as_ref(), folder.as_ref(), data.parse()?, parity.parse()?),
        ["read", folder] => read(folder.as_ref()),
        ["repair", folder] => repair(folder.as_ref()),
        _ => Err("usage: volume-bench cut FILE FOLDER DATA PARITY | read FOLDER | repair FOLDER".into()),
    }
}
