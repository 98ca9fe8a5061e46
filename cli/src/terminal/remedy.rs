//! What a person can do about a warning or an error, in terms of this command.
//!
//! The one place that words a remedy. The `match` has no `_` arm: a new remedy does not compile until it has words.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use sealift_archive_format::{Digest, RepositoryName};
use sealift_core::oci::Reference;
use sealift_core::remedy::{ExporterMatter, Interrupter, LackingItem, PublisherMatter, Remedy, Sought};
use sealift_core::user_info::PLACEHOLDER;

use crate::terminal::shell::{quoted, quoted_path, sealift};

/// `volume 3`, or `volumes 1, 2 and 5`.
fn numbered(volumes: &[u8]) -> String {
    let numbers: Vec<String> = volumes.iter().map(u8::to_string).collect();
    match numbers.as_slice() {
        [] => "volumes".to_owned(),
        [one] => format!("volume {one}"),
        [first @ .., last] => format!("volumes {} and {last}", first.join(", ")),
    }
}

/// What comes first where a name that is known was probably meant.
fn if_meant(meant: Option<&impl Display>) -> String {
    meant.map(|meant| format!("write {meant} if you mean that; otherwise ")).unwrap_or_default()
}

fn if_path_meant(meant: Option<&Path>) -> String {
    if_meant(meant.map(quoted_path).as_ref())
}

/// The most layers that are named in a command to type.
const MAXIMUM_CARRIED: usize = 32;

/// What to run on the connected side so that it sends what is lacking, and nothing else that was sent before.
fn send_lacking(items: &[LackingItem], blobs: &[Digest], archive: &str) -> String {
    if blobs.len() > MAXIMUM_CARRIED {
        return "have an archive made that is not a delta, or have one made by a new receipt, which `sealift receipt` writes: it lists what is there now".to_owned();
    }
    let items: String = items
        .iter()
        .map(|item| match item {
            LackingItem::Bundle { name } => format!(" --bundle {}", quoted(name)),
            LackingItem::Image { name } => format!(" --image {}", quoted(name)),
            LackingItem::File { name } => format!(" --file {}", quoted(name.strip_prefix("file:/").unwrap_or(name))),
        })
        .collect();
    let carry: String = blobs.iter().map(|blob| format!(" --carry {blob}")).collect();
    // The trust store of this side is not the one there.
    format!(
        "what has arrived is kept; on the connected side, send just what is lacking: sealift export{items} --assume {archive}{carry} --key KEY -o ARCHIVE"
    )
}

/// The words for a remedy about this archive, where it is about one that is a file.
pub(crate) fn words(remedy: &Remedy, archive: Option<&Path>) -> String {
    use Remedy as R;
    let archive = || archive.map_or_else(|| "ARCHIVE".to_owned(), quoted_path);
    let text = match remedy {
        R::AskPublisher { about } => ask_publisher(*about),
        R::AskExporter { about } => ask_exporter(*about),
        R::Report => "report it as a bug, with the command that you ran",

        R::Nothing => "there is nothing to do",
        R::JudgeAgain => "run the same command again: everything is judged again, by what is trusted now",
        R::Resume { check } => resume(*check),
        R::CheckNetwork => "check the network, and try again",
        R::AwaitServer => "wait a few minutes, and run the command again: this server limits how often it can be asked",
        R::Wait { seconds } => {
            let asked = HumanDuration(Duration::from_secs(*seconds));
            return format!("wait for {asked}, as the server asks, and run the command again");
        }
        R::CarryAgain => {
            "carry the archive again, and compare its SHA-256 on both sides; if they are equal, ask the exporter"
        }
        R::CheckMedium => "check the medium that the archive is on, and try again",

        R::CheckPath { path, meant } => {
            return format!("{}check the path {}", if_path_meant(meant.as_deref()), path.display());
        }
        R::GiveFile { folder } => {
            return format!("write the name of a file too: {}", quoted_path(folder.join("NAME")));
        }
        R::GiveFolder { file } => {
            return format!("give another folder, or move the file {} away first", file.display());
        }
        R::CheckAccess { path } => return format!("check who may read and write {}", path.display()),
        R::CheckDisk { path } => return format!("check {} and the disk it is on", path.display()),
        R::CheckArchive => "check who may write the archive, and the disk it is on",
        R::CheckFile { .. } => "check that this is the file you meant",
        R::ChooseAnotherName { path } => {
            return format!("choose another name with -o, or move {} away first", path.display());
        }
        R::StartAfresh { .. } => "choose another name with -o, or write over it: run the same command with --fresh",
        R::AwaitExport => "wait until the other export has ended",
        R::SendSteadily => "have the archive sent without long pauses, or put it into a file first and import that",
        R::FreeRoom { bytes, .. } => {
            return format!("free {} more there, or choose a place with more room", HumanBytes(*bytes));
        }

        R::GiveAnArchive => "check the path; an archive is a file that `sealift export` wrote",
        R::GiveAnotherStatement => {
            "give an archive that `sealift export` wrote: this file is a signed statement of another kind"
        }
        R::GiveVolumes => "check the path; volumes are files that `sealift export --volume-size` wrote",
        R::ExchangeDiscs => {
            "run it on a terminal, which asks for each disc; or say with --wait how long to wait for the next one, for example --wait 10m"
        }
        R::AwaitReading => {
            "wait until the other command has ended, or keep the volumes in another folder: --keep-in DIR"
        }
        R::KeepElsewhere { path } => {
            return format!(
                "keep the volumes in another folder (--keep-in DIR), or move {} away first",
                path.display()
            );
        }
        R::SendVolumes { volumes, needed } if volumes.len() == usize::from(*needed) => {
            return format!("have {} sent again, and put them beside the others", numbered(volumes));
        }
        R::SendVolumes { volumes, needed } => {
            return format!("have any {needed} of {} sent again, and put them beside the others", numbered(volumes));
        }
        R::SurveyVolumes { .. } => {
            return format!(
                "find out which volumes have to be sent again, and what can be repaired: {}",
                sealift(format_args!("repair {}", archive()))
            );
        }
        R::CopyFileAgain => "copy the file again from its medium; if it is damaged there too, have it carried again",
        R::SeparateVolumes => "put the volumes of each archive into a folder of their own, each volume once",
        R::RepairVolumes => "`sealift repair` writes it again",
        R::MakeFewerVolumes => "give a larger --volume-size, or a smaller --parity",
        R::MakeLargerVolumes => "give a larger --volume-size",
        R::Decompress => "decompress the archive first",
        R::ImportInstead => {
            "deliver it with `sealift import` to a registry or a layout instead: it cannot be served from its file"
        }
        R::ServeApart => "serve each of the two by a command of its own, with another --listen",
        R::ServeOneOfTwo => {
            "serve each of the two by a command of its own, with another --listen; or name what is served with --select, and of the two only one, by its digest"
        }
        R::ServeTogether => {
            "name the archives that have them too, in any order; `sealift history` lists what was imported here, each archive by its digest"
        }
        R::ListenElsewhere => {
            "name an address of this machine and a port that is free, for example --listen 127.0.0.1:5001"
        }
        R::CorrectServerKey { path } => {
            return format!(
                "correct {}: it has to hold the private key, in PEM, of the certificate that --tls-cert names",
                path.display()
            );
        }
        R::UseNewerRelease => "a newer release of Sealift wrote this archive: carry a newer release across too",
        R::GiveName => "use lower-case letters, digits, -, _ and ., beginning with a letter or a digit",
        R::GiveReference => "give a reference such as registry.example.com/org/name:tag",
        R::GivePlace => {
            "name a file, a layout (oci:FOLDER or oci:FOLDER:ENTRY, or oci-archive: or docker-archive: with a file), or a reference such as registry.example.com/org/name:tag (docker://NAME where it could be taken for a file)"
        }
        R::GiveLayout => "give a folder, or a tar file, that holds an OCI image layout",
        R::CopyInsteadOfLink { path } => {
            return format!("put a copy of what it leads to in the place of the link {}", path.display());
        }
        R::GivePublicKey => "give a public key in SPKI PEM, as `sealift key public` writes it",
        R::UseSupportedKey => "use an ed25519, ECDSA P-256 or P-384, or RSA key of 2048 to 8192 bits",
        R::MatchKeys => "check that the private and the public key belong together",
        R::GivePassphrase => "give the passphrase with --passphrase-file, or run in a terminal",
        R::CheckPassphrase => "check the passphrase",
        R::GivePrivateKey => "give an ed25519 key in PKCS #8 PEM, as `sealift key generate` writes it",
        R::CheckRandomness => "check that the system's random device works",

        R::AwaitLongerValidity => {
            "ask its publisher for metadata that expires later; to export it all the same, ask for a shorter time: --valid-for 1d"
        }
        R::ChooseFewerShards => "choose a smaller number behind the /: there is no shard without an item",
        R::LockFirst { shipment } => {
            let lock = sealift(format_args!("plan -f {} --lock", quoted_path(shipment)));
            return format!("lock the shipment, and give every machine the lock: {lock}");
        }
        R::RenderTemplates => {
            "render it first, and give what comes out, for example: helm template CHART > rendered.yaml (or docker compose config > rendered.yaml)"
        }
        R::GiveManifests => {
            "give rendered Kubernetes manifests, a file of Compose, or the Chart.yaml of a chart, as YAML or JSON in UTF-8"
        }
        R::SplitManifests => "split the file, and add its parts one after another",
        R::CorrectShipment => {
            "correct the file; to see every key with its default and an example, make a new one: sealift shipment init FILE"
        }
        R::CorrectTagRule => {
            "correct the rule in [tags]: versions are ranges of numbers in three parts (1.*, ~1.4, >=1.2 <2); a pattern takes other tags too (release-*); newest limits how many"
        }
        R::RestoreLock { shipment } => {
            return format!(
                "restore the lock, or remove it and make a new one: {}",
                sealift(format_args!("plan -f {} --lock", quoted_path(shipment)))
            );
        }
        R::RenewLock { shipment } => {
            return format!(
                "renew the lock, in which every other name stays as it is: {}",
                sealift(format_args!("plan -f {} --lock", quoted_path(shipment)))
            );
        }
        R::UpdateLock { shipment } => {
            return format!(
                "see what moved: {}; to accept it, add --lock to that command",
                sealift(format_args!("plan -f {} --update", quoted_path(shipment)))
            );
        }
        R::CheckSource { wanted } => {
            let checked = "check the reference, the network and the credentials";
            return match wanted {
                None => checked.to_owned(),
                Some(wanted @ Sought::Item { .. }) => {
                    format!("{checked}; if it is stored elsewhere, say where: {}", at(wanted, "WHERE"))
                }
                Some(Sought::Part { bundle, .. }) => format!("{checked}; or {}", images_of(bundle)),
            };
        }
        R::PushImageAgain => "push the image to the source again: it is incomplete there",
        R::PushImageOrChoosePlatforms => {
            "push the image to the source again, where it is incomplete; or choose platforms with --platform"
        }
        R::RebuildImage => {
            "ask whoever builds the image to build it differently, with a current tool; pushing it again does not help"
        }
        R::AskForAccess { host } => {
            return format!("log in as somebody who may read this, or ask whoever runs {host}");
        }
        R::ExportFromElsewhere { wanted } => {
            let elsewhere = match wanted {
                None => "export it from somewhere else".to_owned(),
                Some(wanted @ Sought::Item { .. }) => {
                    format!("say where else it is stored: {}", at(wanted, "WHERE"))
                }
                Some(Sought::Part { bundle, .. }) => images_of(bundle),
            };
            return format!("this registry is not allowed to serve it: leave it out, or {elsewhere}");
        }
        R::ChoosePlatform { offered } if offered.is_empty() => "leave out --platform",
        R::ChoosePlatform { offered } => {
            return format!("choose one of these platforms with --platform: {}", offered.join(", "));
        }
        R::LeaveForeignLayersOut => {
            "leave such layers out with --foreign-layers leave-out, and have the far side get them from their publisher; or export from a source that has them"
        }
        R::CheckReferrers => {
            "check the network, and whether this source lists referrers correctly; or export without them: --referrers none"
        }
        R::CorrectReferrers => {
            "have the source's list of referrers corrected, which is out of date or wrong; or export without referrers: --referrers none"
        }
        R::DeleteReferrers => "delete referrers that are no longer needed, or export a copy of the image without them",
        R::SaveAgain => "save it again with a current release of the tool that made it, and export that",
        R::DecompressSource => "decompress it, if you trust where it comes from, and give the plain tar file",
        R::SaveWithoutMark => {
            "have it saved as UTF-8 without a byte order mark by whoever wrote it, and signed again if it is signed: no byte of it is changed here"
        }
        R::CopyToRegistry { path } => {
            return format!(
                "copy it into a registry, and export it from there: imgpkg copy --tar {} --to-repo REGISTRY/NAME",
                quoted_path(path)
            );
        }
        R::CopyIntoLayout => {
            "unpack it, make a layout of the folder, and export that: skopeo copy dir:FOLDER oci:LAYOUT:NAME"
        }
        R::UnpackElsewhere { folder } => {
            return format!(
                "free room in {}, name a folder with more room in the variable TMPDIR, or give the plain tar file, which is not unpacked",
                folder.display()
            );
        }
        R::NameTemporaryFolder { .. } => {
            "name a folder that exists, and that this user can write to, in the variable TMPDIR; or give the plain tar file, which is not unpacked"
        }
        R::NamePlace { name, place } => {
            return format!(
                "if you mean what is here, write what it is called before that: {}; if you mean the registry: {}",
                quoted(format!("registry.example/org/app:1.0={place}")),
                quoted(format!("{name}=docker://{name}"))
            );
        }
        R::TellPlacesApart { name } => {
            return format!(
                "if you mean the registry, write {}; if you mean what is here, write {}",
                quoted(format!("docker://{name}")),
                quoted(format!("oci:{name}"))
            );
        }
        R::NameNewFile => "name a file that does not exist yet; nothing was written",
        R::RepairSource => "push or save it there again: what is stored there is damaged or incomplete",
        R::ExportFromWhole => {
            "pass on the archive that was imported, or export from a place that has the whole bundle: Sealift made this index when it delivered a part of it"
        }
        R::ExportAsBundle => "export it with --bundle instead of --image",
        R::ConvertImage => {
            "pull it with a tool that still reads this form, and push or save it again with a current one"
        }
        R::ExportAsImage => "export it with --image",
        R::ExportItsContent => {
            "if the publisher vouches for the bundle.json in it, export it with --bundle instead of --thick-bundle; otherwise get the file again, or ask the publisher"
        }
        R::PushBundleAgain => {
            "if it is an image, export it with --image; otherwise push the bundle again with a tool that follows CNAB Registries"
        }
        R::CorrectBundle => "correct the bundle.json, and sign it again",
        R::StateDigests => "leave out --images-from, or state contentDigest for every image in bundle.json",
        R::ExportPromisedContent => {
            "export from a source that has the right content, or correct the name: it promises other content"
        }
        R::ExportSignedManifest { name } => {
            // Other tools take a tag or a digest, and not both.
            let of_digest = |it: Reference| Some(format!("{}@{}", it.repository(), it.digest()?));
            let asked = name.parse().ok().and_then(of_digest).unwrap_or_else(|| name.clone());
            let from = quoted(format!("docker://{asked}"));
            return format!(
                "export {name} from its registry, or from an OCI image layout that was copied from there (skopeo copy --all {from} oci:LAYOUT): a docker-archive keeps no manifest, so the one that was made for it never has the digest that was signed"
            );
        }
        R::UseFullName => "use a name of the form DOMAIN/PATH:TAG, and export again",
        R::ShortenName => "shorten the name",
        R::ExportFewerPlatforms => "choose the platforms that are needed there, for example --platform linux/amd64",
        R::RenameBundle { bundle } => {
            return format!(
                "export {bundle} under another name, before the = of --bundle; or correct its bundle.json, and sign it again"
            );
        }
        R::ExportFewer => "export fewer bundles and images at once",
        R::ExportLessProof => {
            "export fewer bundles and images at once; if a single one takes too much, ask its publisher"
        }
        R::ExportFewerReferrers => "export fewer bundles and images at once, or leave out referrers: --referrers none",
        R::AwaitFasterSource => "try again when the source is faster, or export fewer bundles and images at once",
        R::ExportLessMetadata => "export fewer names or repositories at once, or leave out --whole-metadata",
        R::LeaveFileOut => {
            "leave out --whole-metadata, or ask the publisher: an archive cannot hold a file with that name"
        }
        R::SeparateArchives { items: [one, other] } => {
            return format!(
                "run `sealift export` once for {one} and once for {other}, each with an -o of its own; or give one of them another name"
            );
        }
        R::AllowReferrers { referrers } => {
            return format!(
                "ask for an export without --referrers {referrers}; or, knowing what it means, add \"{referrers}\" to referrers in policy.toml"
            );
        }
        R::LeaveReferrersOut => {
            "find out who gave an image the name of a signature; or ask for an export without referrers: --referrers none"
        }
        R::AttestReferrer { others } => {
            let others = others.join(",");
            return format!("ask its maker to attest it, or ask for an export without it: --referrers {others}");
        }
        R::CarryRepository { repository, unknown } => {
            let export = format!("export with --tuf {repository}=LOCATION");
            return match unknown.as_slice() {
                [] => export,
                [other, ..] => format!(
                    "the archive has repository {other}, for which no root is pinned here: if it is the same publisher, let it have that name here too, also in map.json if there is one: {}, then {}; or {export}",
                    sealift(format_args!("trust pin-root {other} root.json")),
                    sealift(format_args!("trust remove root {repository}"))
                ),
            };
        }
        R::NameEntry { wanted: Some(Sought::Part { bundle, .. }), place, .. } => {
            return format!("put it into {place} under the name that {bundle} gives it; or {}", images_of(bundle));
        }
        R::NameEntry { wanted, place, listed } => {
            let entry = listed.first().map(String::as_str).unwrap_or_default();
            let place = format!("{place}:{entry}");
            let place = wanted.as_ref().map_or_else(|| quoted(&place), |wanted| at(wanted, &place));
            return format!("if it has another name there, say which: {place}");
        }
        R::TellEntriesApart { wanted: Some(Sought::Part { bundle, .. }), place, .. } => {
            return format!("leave only one of them in {place}; or {}", images_of(bundle));
        }
        R::TellEntriesApart { wanted, place, listed } => {
            let entries = listed.iter().map(|entry| {
                let place = format!("{place}:{entry}");
                wanted.as_ref().map_or_else(|| quoted(&place), |wanted| at(wanted, &place))
            });
            return format!("say which one is meant: {}", entries.collect::<Vec<_>>().join(" or "));
        }
        R::MakeKey { path, meant } => {
            let meant = if_path_meant(meant.as_deref());
            return format!(
                "{meant}check the path; if there is no key yet, make one: sealift key generate --out {}",
                quoted_path(path)
            );
        }
        R::NameOnce => "name each bundle, each image and each file once",
        R::CheckReader => {
            "look at what the program that reads the pipe says, and run both again: it ended before the archive did"
        }
        R::ExportSigned => "export again: what the publisher signed is not in the archive",
        R::ExportBoth => {
            "export the content and the signed metadata again, which do not belong together; or ask the publisher which is right"
        }
        R::ExportThickBundle { name, file: Some(file) } => {
            let named = quoted(format!("{name}={}", file.display()));
            return format!(
                "export the file as it is, because that is what its publisher vouches for: --thick-bundle {named}"
            );
        }
        R::ExportThickBundle { name, file: None } => {
            let named = quoted(format!("{name}=FILE"));
            return format!(
                "if the publisher vouches for the .tgz file that the bundle is from, export that file: --thick-bundle {named}; otherwise export the content and the signed metadata again, which do not belong together"
            );
        }
        R::ExportConsistent => {
            "export again, in case the repository was being updated, or ask the publisher: it is inconsistent"
        }
        R::ExportFromPublisher => {
            "export again from the publisher's own repository: someone might be replaying old metadata"
        }
        R::RenewMetadata => {
            "export again from the publisher's repository; if that is expired too, ask the publisher to renew it"
        }
        R::CheckMetadata => "check what the repository's location serves (perhaps a login page), or ask the publisher",
        R::CheckRepository => "check that the TUF repository can be read",
        R::LocateMetadata => {
            "check the location of the repository: it must hold metadata/; or ask the publisher for the missing file"
        }

        R::UseHttps { host } => {
            return format!("use https; or, knowing what it means, allow plain http to this host: --plain-http {host}");
        }
        R::RedirectToHttps { host } => {
            return format!(
                "ask whoever runs {host} to redirect to https: a redirect from https to plain http is not followed"
            );
        }
        R::NamePlainHost { host, reference } => {
            return format!(
                "write {}, and, knowing that nothing will be encrypted, allow plain http to it: --plain-http {host}",
                quoted(format!("docker://{reference}"))
            );
        }
        R::LeaveOutUserInfo { host, location } => {
            let docker = quoted(format!("docker://{location}"));
            return format!(
                "log in with `docker login {host}`, or with podman or skopeo, and write {docker} without a user name and a password, which the history of your shell may keep"
            );
        }
        R::LeaveOutHttps { host } => {
            return format!(
                "if this is the right address, and knowing that nothing will be encrypted, name it without https:// (a registry) or with http:// (another server): plain http is allowed to {host}"
            );
        }
        R::AllowPlainHttp { host } => {
            return format!(
                "if this is the right address, and knowing that nothing will be encrypted, allow plain http to it, without https:// before its name: --plain-http {host}"
            );
        }
        R::UseCertifiedName => {
            "reach the server by a name that is in its certificate, or ask whoever runs it for a certificate that has this name as a subjectAltName"
        }
        R::RenewCertificate => "check this side's clock; if it is right, have the server's certificate renewed",
        R::ReplaceCertificate => {
            "ask whoever runs this server for a certificate of X.509 version 3 that has the server's name as a subjectAltName"
        }
        R::GiveClientKey { host } => {
            return format!(
                "put client.cert and client.key, in PEM, into the folder of this host in certs.d, for example {}",
                quoted(format!("/etc/docker/certs.d/{host}"))
            );
        }
        R::LogIn { registry: Some(registry) } => {
            return format!(
                "log in with `docker login {registry}`, or with podman or skopeo; or name the file of credentials: --registry-config FILE"
            );
        }
        R::LogIn { registry: None } => {
            "log in again with docker, podman or skopeo; or name the file of credentials: --registry-config FILE"
        }
        R::CorrectProxy => "correct HTTPS_PROXY or ALL_PROXY, or unset it",
        R::UsePlainProxy { proxy } => return format!("name the proxy with http instead of https: HTTPS_PROXY={proxy}"),
        R::LogInToProxy { proxy } => {
            let with_user = proxy.replacen("://", &format!("://{PLACEHOLDER}@"), 1);
            return format!("give the proxy a user name and a password: HTTPS_PROXY={with_user}");
        }
        R::CheckProxy { proxy, host } => {
            return format!(
                "check that HTTPS_PROXY names the right proxy, and that {proxy} is running and allows connections to {host}; or, if {host} can be reached without the proxy, add {host} to NO_PROXY"
            );
        }
        R::NameAuthority => {
            "if your own certificate authority signed this server's certificate, or if it is self-signed, name the authority or the certificate: --ca FILE"
        }
        R::CorrectCertificates { path } => {
            return format!("correct or replace {}: it has to hold a certificate in PEM", path.display());
        }
        R::CorrectClientKey { path } => {
            return format!(
                "correct {}: it has to hold the private key, in PEM, of the certificate beside it",
                path.display()
            );
        }
        R::CheckConnection => "check the location, the network and the proxy that HTTPS_PROXY names, and try again",
        R::AskServer => "check the location, ask whoever runs this server, or try again later",
        R::AskRegistry { registry } => {
            return format!(
                "check that {registry} is the right registry; if it is, ask whoever runs it, because it, or a proxy before it, does not answer as a registry does"
            );
        }
        R::CheckLocation => "check the location: a TUF repository does not answer like this",
        R::CorrectCredentials => "correct the file, or name another one: --registry-config FILE",

        R::CorrectRegistriesConf => {
            "correct it as containers-registries.conf(5) describes version 2, or leave out --registries-conf"
        }
        R::Unblock { wanted } => {
            let elsewhere = match wanted {
                None => String::new(),
                Some(wanted @ Sought::Item { .. }) => {
                    format!("; if it may be fetched from somewhere else, say where: {}", at(wanted, "WHERE"))
                }
                Some(Sought::Part { bundle, .. }) => format!("; or {}", images_of(bundle)),
            };
            return format!("ask whoever wrote that file why the repository is blocked{elsewhere}");
        }

        R::NameDependency => "name the bundle that is needed with --bundle, or export without --with-dependencies",
        R::ExportWithDependencies => {
            "export it with --with-dependencies, or make sure that the far side has the other bundle"
        }
        R::ImportSoon => "import it before then, or export again",
        R::JudgeNow => "use --freshness now",
        R::AuditAsOfExport => {
            return format!(
                "name a time at which nothing of it had expired with --freshness, for example that of its export: {}",
                sealift(format_args!("verify --audit --freshness at-export {}", archive()))
            );
        }
        R::OnlyVerify { as_of } => {
            let freshness = as_of.map(|instant| format!(" --freshness {instant}")).unwrap_or_default();
            return format!(
                "make it an audit, which changes nothing: {}",
                sealift(format_args!("verify --audit{freshness} {}", archive()))
            );
        }
        R::KeepFreshness => {
            "leave --freshness out, or change the policy knowingly, because import and sign may only be stricter than policy.toml; \
             `sealift verify` can judge by any clock"
        }
        R::SetClock => {
            "if this side's clock is slow, set it, and run the same command again; if the exporter's clock was fast, or SOURCE_DATE_EPOCH was set, export again"
        }
        R::SetThisClock { repository } => {
            return format!(
                "set this side's clock, then run the same command again; if the clock was wrong when that export was accepted: {}",
                sealift(format_args!("trust reset-state {} --export-time", name_of(repository.as_ref())))
            );
        }
        R::ImportInOrder { .. } => {
            return format!(
                "export again what is still needed of it: after a later export, only what the publisher still vouches for is accepted; to look at this one, without accepting it: {}",
                sealift(format_args!("verify --audit {}", archive()))
            );
        }
        R::CorrectExportTime { .. } => {
            "unset SOURCE_DATE_EPOCH, or set it to a time that is as recent as maximum_transit in policy.toml asks: it is what the archive states as the time of its export"
        }
        R::CarryFaster { exported_at } => {
            return format!(
                "export again and carry it faster; or, knowing what it means, raise maximum_transit in policy.toml; to look at it as of its export, without accepting it: {}",
                sealift(format_args!("verify --audit --freshness {exported_at} {}", archive()))
            );
        }
        R::ImportNewer => "import a newer archive",

        R::PinOrAllow { above, .. } => {
            return format!(
                "pin the root of its publisher: {}; or, if nobody signs it, and knowing what it means, {}",
                sealift("trust pin-root NAME root.json"),
                add_lines(above.as_deref())
            );
        }
        R::MapOrAllow { name, pinned, above, .. } => {
            return format!(
                "say which repository speaks for {name}: {}; or, if nobody signs it, and knowing what it means, {}",
                map_of(name, pinned),
                add_lines(above.as_deref())
            );
        }
        R::SignOrAllow { repository, meant, above, .. } => {
            let meant = if_meant(meant.as_ref());
            return format!(
                "{meant}check the name; if {repository} is its publisher's repository, ask the publisher to sign it; if not, say which names {repository} speaks for: {}; or, if nobody signs it, and knowing what it means, {}",
                sealift(format_args!("trust map add 'REGISTRY/PATH/*' {repository}")),
                add_lines(above.as_deref())
            );
        }
        R::CheckName { repository, .. } => {
            return format!(
                "check the name and its tag; if they are right, ask the publisher of {repository} to sign it"
            );
        }
        R::LowerMinimumLevel => {
            "ask the publisher to sign more; or, knowing what it means, lower minimum_level in policy.toml or add a [[require]] for \
             this name"
        }
        R::LowerRequiredLevel => {
            "ask the publisher to sign more; or, knowing what it means, lower the level in that [[require]] in policy.toml"
        }
        R::ChangeVouching { .. } => {
            "check that map.json lets that repository speak for this name, and ask its publisher; or, knowing what it means, change vouched_by in \
             policy.toml"
        }
        R::CheckLayoutOfPolicy => "name a layout that the publisher has, in that [[require]] in policy.toml",
        R::ExportByThisLayout => {
            "have it exported again with this layout in the policy of that side, because an archive carries the layout that its export was judged by; \
             if this is the export, ask the publisher for the file"
        }
        R::RequireWithoutLayout => "give these names a [[require]] of their own in policy.toml, without layout",
        R::InspectElsewhere => {
            "an inspection is a command of the publisher's: the programs that it runs have to be below /usr on this machine, and docs/sandbox.md says \
             what the sandbox needs; or, knowing what it means, set inspections = \"optional\" in policy.toml, and leave out --run-inspections"
        }
        R::RunInspections => "run them with --run-inspections",
        R::RunOrWaiveInspections => {
            "run them with --run-inspections; or, knowing what it means, set inspections = \"optional\" in policy.toml"
        }
        R::AllowOtherName { tag } => {
            return format!(
                "find out why another name would take its place; to allow it, knowing what it means: --replace-tag {tag}"
            );
        }
        R::AllowOlder { tag } => {
            return format!(
                "leave it as it is, or export again what it should hold; to let it go back, knowing what it means: --replace-tag {tag}"
            );
        }
        R::AllowLowerLevel { tag } => {
            return format!(
                "ask the publisher to sign it as before; to accept it as it is, knowing what it means: --replace-tag {tag}"
            );
        }

        R::AddExporter => {
            return format!(
                "if you expect this exporter, compare the fingerprint out of band, then: {}",
                sealift("trust add-exporter NAME KEY.pub")
            );
        }
        R::AddSignatures => {
            let sign = sealift(format_args!("sign {} --key KEY", archive()));
            return format!("ask the other exporters to add their signatures: {sign}");
        }
        R::ReplaceExporter { exporter } => {
            return format!(
                "replace that exporter's key: {}, then {}",
                sealift(format_args!("trust remove exporter {exporter}")),
                sealift(format_args!("trust add-exporter {exporter} KEY.pub"))
            );
        }
        R::GiveReceipt => "give a file that `sealift receipt` or `sealift import --receipt` wrote",
        R::AddReceiver => {
            return format!(
                "if you expect this receiver, compare the fingerprint out of band, then: {}",
                sealift("trust add-receiver NAME KEY.pub")
            );
        }
        R::MatchReceiver { site, receiver } => {
            return format!(
                "give the receipt of {receiver}; or, if {site} is the site that you mean, add its key under that name: {}",
                sealift(format_args!("trust add-receiver {site} KEY.pub"))
            );
        }
        R::ImportDelta => "import it, with `sealift import`, into the registry or layout that has what it leaves out",
        R::LookInTarget => {
            "`sealift import` looks before it sets a tag; to look now: `sealift verify ARCHIVE --target HOST/PREFIX`, or `--target oci:DIR`"
        }
        R::SendLacking { items, blobs } => return send_lacking(items, blobs, &archive()),
        R::AssumeConfirmed { archive } => {
            return format!(
                "find the export of {archive}, which the receipt confirms: {}; then give that file with --assume",
                sealift("history")
            );
        }
        R::AskForReceipt => "have a new receipt made on the far side, with `sealift receipt`, and carried back",
        R::ImportFirst => "import an archive first",
        R::SplitReceipt => "name a part of the registry, with a path after its host: --registry HOST/PREFIX",
        R::SignWithEd25519 => "sign with an ed25519 key",
        R::SignAgain => "sign it again with the key whose signing was interrupted",
        R::SealWithFewerKeys => "export again, and seal with fewer keys",
        R::CompareStatement => {
            "compare the digest with the person who told you; without --statement, the archive is verified here instead"
        }

        R::ChooseDestination { like: None } => "choose another --to-registry",
        R::ChooseDestination { like: Some(like) } => {
            return format!("choose another place, for example: --to-registry {}", quoted(like));
        }
        R::KeepRegistries => {
            "import without --names flat, so that each name keeps its own registry in the path; or, if both names mean the same, export them in \
             separate archives"
        }
        R::SeparateInNameMap => {
            "give each of the two repositories a line of its own in the map of names, with another path; or, if both names mean the same, export \
             them in separate archives"
        }
        R::RepairTargetLayout => {
            "give a folder that this user can write to, and that is empty, does not exist, or holds an OCI image layout"
        }
        R::CorrectNameMap => {
            "write one line for each, from a registry or the beginning of a repository's name to a path: \"docker.io/library\" = \"base\""
        }
        R::InspectArchive => {
            return format!("list the names and platforms that the archive has: sealift inspect {}", archive());
        }
        R::DeliverUnderAnotherName { path } => {
            return format!("choose another name, or move {} away first; nothing was written", path.display());
        }
        R::MoveFileOrReplace { path, tag } => {
            return format!(
                "find out who put {} there, and move it away; or, knowing what it means, replace it: --replace-tag {}",
                path.display(),
                quoted(tag)
            );
        }
        R::ChooseOnePlatform => {
            "choose one platform, for example --platform linux/amd64; or use --to-layout-archive, which holds all platforms"
        }
        R::DeliverOneBundle => {
            "choose one bundle (NAME in extract, --select NAME in import), or use --to-layout-archive, which holds everything: a thick bundle is one whole bundle"
        }
        R::DeliverToFolder => {
            "deliver plain files with --to-files DIR or --to-layout-archive, and choose the rest by name (NAME in extract, --select NAME in import)"
        }
        R::SelectFiles => {
            "choose the files by name (file:/NAME in extract, --select file:/NAME in import), or use --to-layout, which holds everything"
        }
        R::DeliverInAnotherForm => "use --to-layout-archive, which holds every kind of artifact",
        R::DeliverWhole => {
            "leave out --platform; or use --to-layout-archive; or, if the archive lacks a part, export all of it, without --platform and --foreign-layers leave-out"
        }
        R::ExportPlatforms => {
            "choose a platform that is carried, or export again with all the platforms that are needed (--platform may be given more than once)"
        }
        R::DeliverAllPlatforms => {
            "leave out --platform, or choose by name what it is meant for (NAME in extract, --select NAME in import)"
        }
        R::AllowSparse => {
            "deliver what is carried without the index (leave out --sparse, or use --sparse rebuild), or export every platform"
        }
        R::KeepSparse => "deliver the index as it is with --sparse keep, or export every platform",
        R::RelaxRegistry => {
            "configure the registry to accept an index of layers (in distribution, under validation.manifests: indexes.platforms: none), or have BuildKit write its cache as an image: image-manifest=true"
        }
        R::AllowForeignLayers => {
            "configure the registry to accept foreign layers, whose content it does not have (in distribution, under validation.manifests: urls.allow); or deliver with --to-layout, which takes them"
        }
        R::RepairDestination => {
            "repair the registry or layout, or its credentials, and import again: nothing that is already there is sent twice"
        }
        R::CheckDestination { registry } => {
            return format!(
                "check that {registry} is the right registry, that it is running, and the network; then import again: nothing that is already there is sent twice"
            );
        }
        R::MakeRepository { registry } => {
            return format!(
                "check the path in --to-registry; if {registry} makes no repositories by itself, have the repository made; then import again: nothing that is already there is sent twice"
            );
        }
        R::AskToWrite { registry } => {
            return format!(
                "log in as somebody who may write there, or ask whoever runs {registry}; then import again: nothing that is already there is sent twice"
            );
        }
        R::MirrorElsewhere => "publish the mirror elsewhere: this file system does not allow names this long",
        R::MirrorApart => "publish it in another folder, because the clients of this mirror would refuse it",
        R::RepairMirror => "repair the folder of the mirror, and import the same archive again",

        R::CreateTrustStore { folder, meant } => {
            let folder = quoted_path(folder);
            let meant = if_path_meant(meant.as_deref());
            return format!(
                "{meant}name the right folder with --trust DIR or SEALIFT_TRUST; or begin a trust store here, with a publisher's root: sealift --trust {folder} trust pin-root publisher root.json; or with an exporter's key: sealift --trust {folder} trust add-exporter alice alice.pem.pub"
            );
        }
        R::NameNewTrustStore => {
            "name the folder of a trust store, or a new or empty folder, with --trust DIR or SEALIFT_TRUST"
        }
        R::RestorePolicy => {
            return format!(
                "restore policy.toml from a backup; or start over with the strict default: {}",
                sealift("trust reset-policy")
            );
        }
        R::CorrectPolicy => "correct the policy; nothing is accepted until it can be read",
        R::AwaitTrustStore => {
            "wait until the other process is done, then try again; the lock ends with that process, so do not remove the file \
             lock"
        }
        R::KeepLock => {
            let list = sealift("trust list");
            return format!("do not remove the file lock; try again, after looking at what was accepted: {list}");
        }
        R::MoveStray { .. } => "move it out of the trust store, or give it a valid name",
        R::SetMap { name, pinned } => {
            let pattern =
                name.as_deref().and_then(|name| name.rsplit_once('/')).map(|(folder, _)| format!("{folder}/*"));
            let pattern = pattern.as_deref().unwrap_or("REGISTRY/PATH/*");
            return format!("say which repository speaks for which names, for example: {}", map_of(pattern, pinned));
        }
        R::RestoreMap { path } => {
            return format!(
                "restore {} from a copy, or set a map again: {}",
                path.display(),
                sealift("trust map map.json")
            );
        }
        R::CorrectMap => "give a map.json as described in TAP 4",
        R::ListTrust { meant } => {
            return format!("{}list the names that are known: {}", if_meant(meant.as_ref()), sealift("trust list"));
        }
        R::PinRoot { repository, meant } => {
            return format!(
                "{}get the root from the publisher in a way that you trust, then: {}",
                if_meant(meant.as_ref()),
                sealift(format_args!("trust pin-root {repository} root.json"))
            );
        }
        R::ReplaceRoot { .. } => {
            "choose another name; or use --replace, which forgets what was accepted under the old root unless the new one is the newest that was accepted"
        }
        R::PinLostRoot { repository } => {
            return format!(
                "pin the root with that digest again; what was accepted under it is still known: {}",
                sealift(format_args!("trust pin-root {repository} root.json"))
            );
        }
        R::ExplainRoot { repository } => {
            return format!(
                "find out who changed the pinned root; then pin the right one: {}; or accept this one: {}",
                sealift(format_args!("trust pin-root {repository} root.json --replace")),
                sealift(format_args!("trust reset-state {repository}"))
            );
        }
        R::CompareRoot => {
            "if the role is root, the pinned root might not be the publisher's: compare its SHA-256; otherwise ask the publisher"
        }
        R::PinNewerRoot => "pin a newer root of this publisher, or raise root_versions in policy.toml",
        R::PinAsNotary => {
            "name the repository that it belongs to in Docker Content Trust, for example --notary example.com/acme/web"
        }
        R::PinAsTuf => "leave out --notary: this root is not from Docker Content Trust",
        R::CorrectDialect { .. } => {
            "correct the file, which has to hold one line such as notary = \"example.com/acme/web\"; or pin the root again with --replace"
        }
        R::GiveRoot => "give a TUF root.json as the publisher signed it",
        R::RestoreRoot { repository } => {
            return format!(
                "restore the trust store from a backup, or pin the same root again: {}",
                sealift(format_args!("trust pin-root {} root.json --replace", name_of(repository.as_ref())))
            );
        }
        R::RestoreStateForAudit { repository } => {
            return format!(
                "restore the trust store from a backup, or audit with a new one that knows the exporters and the same root, and from which nothing was accepted: sealift --trust DIR trust pin-root {} root.json",
                name_of(repository.as_ref())
            );
        }
        R::RestoreState { repository } => {
            return format!(
                "restore the trust store from a backup; or, accepting that an older archive could then be imported once: {}",
                sealift(format_args!("trust reset-state {}", name_of(repository.as_ref())))
            );
        }
        R::RestoreDeliveries => {
            return format!(
                "restore the trust store from a backup; or, accepting that a tag could then be replaced once by something with another name or of a lower level: {}",
                sealift("trust reset-deliveries")
            );
        }
        R::RestoreHistory { path } => {
            return format!(
                "restore the trust store from a backup; or move {} away and keep it: the next import or export begins a new one",
                path.display()
            );
        }
        R::ForgetDeliveries => {
            let reset = sealift("trust reset-deliveries PLACE");
            return format!("forget the tags of a registry or layout that no longer exists: {reset}");
        }
        R::RenameKey { keyring, name } => {
            let remove = sealift(format_args!("trust remove {keyring} {name}"));
            return format!("choose another name, or remove the one that has it first: {remove}");
        }
        R::KeepKey { .. } => "use the name that the key has already: a key counts once, whatever it is called",
        R::AddAttester => {
            let add = sealift("trust add-attester NAME KEY.pub");
            return format!(
                "ask them to sign it; or, if you trust its maker, add their key (and their name to attested_by in policy.toml, if that is set): {add}"
            );
        }
        R::GiveAttesterKey => {
            "give a key as PEM, in-toto JSON, a hexadecimal ed25519 key, or what `gpg --export` writes"
        }
        R::AddExporterAgain { .. } => "remove that file, and add the exporter again from a key you have compared",
    };
    text.to_owned()
}

/// What is to be exported, and where it is, as one argument.
fn at(wanted: &Sought, place: &str) -> String {
    let (Sought::Item { name } | Sought::Part { name, .. }) = wanted;
    quoted(format!("{name}={place}"))
}

/// How to say where the images of a bundle are: there is no way to say it for one of them.
fn images_of(bundle: &str) -> String {
    format!(
        "say with --images-from which repository, layout or file has the images of {bundle}, or leave that out, so that each is fetched from where the bundle says"
    )
}

/// The command that lets one of the pinned repositories speak for a name or a pattern. A person knows which one it is.
pub(crate) fn map_of(pattern: &str, pinned: &[RepositoryName]) -> String {
    let add = |repository: &str| sealift(format_args!("trust map add {} {repository}", quoted(pattern)));
    match pinned {
        [] => add("REPOSITORY"),
        [only] => add(only.as_str()),
        [first, others @ ..] => {
            let others: Vec<_> = others.iter().map(RepositoryName::as_str).collect();
            format!("{} (or, in place of {first}, {})", add(first.as_str()), others.join(" or "))
        }
    }
}

/// Where the lines that follow a hint belong.
fn add_lines(above: Option<&str>) -> String {
    match above {
        None => "add the lines below to policy.toml".to_owned(),
        Some(pattern) => format!(
            "add the lines below to policy.toml, above the [[require]] that names {pattern}, because the first that matches counts"
        ),
    }
}

/// The lines to add to the policy of which the words for a remedy speak, if they do.
pub(crate) fn policy_lines(remedy: &Remedy) -> Vec<String> {
    let (Remedy::PinOrAllow { name, .. } | Remedy::MapOrAllow { name, .. } | Remedy::SignOrAllow { name, .. }) = remedy
    else {
        return Vec::new();
    };
    // A text in JSON is a text in TOML, too.
    let names = serde_json::Value::from(name.as_str());
    let mut lines = vec!["[[require]]".to_owned(), format!("names = [{names}]"), "level = \"0\"".to_owned()];
    if matches!(remedy, Remedy::MapOrAllow { in_bundle: true, .. } | Remedy::SignOrAllow { in_bundle: true, .. }) {
        lines.push("in_bundles = \"instead\"".to_owned());
    }
    lines
}

/// A repository in a command to be pasted.
fn name_of(repository: Option<&RepositoryName>) -> &str {
    repository.map_or("NAME", RepositoryName::as_str)
}

fn resume(check: Interrupter) -> &'static str {
    match check {
        Interrupter::Network => {
            "check the network, and run the same command again: an export into a file continues where it stopped"
        }
        Interrupter::Disk => {
            "check the free space on the disk, and run the same command again: an export into a file continues where it stopped"
        }
        Interrupter::Source => {
            "run the same command again, because the source failed or sent other bytes than it announced: an export into a file continues where it stopped"
        }
    }
}

fn ask_publisher(about: PublisherMatter) -> &'static str {
    use PublisherMatter as M;
    match about {
        M::TwoTargets => "ask the publisher to withdraw one of the two targets, because both names mean the same tag",
        M::Disagreement => "ask the publishers: the repositories that must agree do not",
        M::ListedFile => "ask the publisher: the repository does not have a file as it lists it",
        M::LongFile => "check the location of the repository, or ask the publisher why the file is so long",
        M::Root => "ask the publisher for the root again, out of band",
        M::UnpublishableRepository => "ask the publisher: this repository cannot be published as files",
        M::BundleIndex => {
            "ask the bundle's publisher to push it again: its index in the source does not match the bundle"
        }
        M::MisplacedAttestation => "ask the publisher: the attestation is attached to an image that it is not about",
        M::LongAttestation => "ask the publisher to attach a shorter one",
        M::CostlyAttestation => "ask its maker: it has more signatures, or slower keys, than any honest attestation",
        M::NotAnAttestation => "ask the publisher: what is attached is not an in-toto attestation",
        M::SupplyChain => {
            "ask the publisher: the target's custom.in-toto does not describe a supply chain (CNAB-Sec 301)"
        }
        M::OfflineKeys => "ask the publisher to sign layouts and their keys with the offline keys of the targets role",
        M::Step => "ask the publisher which step is missing or not authorised",
    }
}

fn ask_exporter(about: ExporterMatter) -> &'static str {
    use ExporterMatter as M;
    match about {
        M::Archive => "ask the exporter for an archive that Sealift wrote",
        M::Content => "ask the exporter what was packed: the archive is complete, but inconsistent",
        M::SignedName => "ask the exporter to pack it under the name that its publisher signed",
        M::UnreadAttestation => "ask the exporter to export it again",
        M::PublicKey => "ask the exporter for the key that `sealift key public` shows",
    }
}
