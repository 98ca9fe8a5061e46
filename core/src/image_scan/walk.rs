//! Where images are named: `containers` of pods and whatever has them inside, volumes of images, `relatedImages`, services of Compose, and the
//! list that charts have for Artifact Hub.

use std::collections::HashSet;
use std::rc::Rc;

use super::finding::{looking_like_images, refused};
use super::yaml::{self, Node, Value};
use super::{FoundImage, ImageScan, ImageScanError, MAXIMUM_FOUND, MAXIMUM_VALUES, Untaken, UntakenReason, distinct};

/// The annotation in which charts list their images: YAML in a text.
const CHART_IMAGES: &str = "artifacthub.io/images";
/// What begins the names of variables in which operators are told which images to start.
const RELATED_IMAGE: &str = "RELATED_IMAGE_";

/// Walks documents.
#[derive(Default)]
pub(super) struct ImageWalk {
    scan: ImageScan,
    left: HashSet<Untaken>,
    visited: usize,
}

impl ImageWalk {
    /// Walks one document.
    pub(super) fn document(&mut self, document: &Rc<Node>) -> Result<(), ImageScanError> {
        let is_object = document.get("apiVersion").is_some() && document.get("kind").is_some();
        let services = document.get("services").filter(|_| !is_object);
        match services {
            Some(services) => services.members().try_for_each(|(name, service)| self.service(name, service)),
            None => self.value(document, &owner(document), None),
        }
    }

    pub(super) fn into_scan(self) -> ImageScan {
        let ImageScan { images, untaken } = self.scan;
        ImageScan { images: distinct(images), untaken }
    }

    /// A service of Compose.
    fn service(&mut self, name: &str, service: &Rc<Node>) -> Result<(), ImageScanError> {
        let owner = format!("service {name}");
        match (service.get("image").and_then(|image| Some((image, image.text()?))), service.get("build")) {
            (Some((image, text)), _) => self.named(text, &owner, image.line),
            (None, Some(build)) => self.leave(name, &owner, build.line, UntakenReason::BuiltHere),
            (None, None) => Ok(()),
        }
    }

    /// Whatever a value has inside; values nest within a limit. `key` is the member that it is.
    fn value(&mut self, node: &Rc<Node>, owner: &str, key: Option<&str>) -> Result<(), ImageScanError> {
        self.visited += 1;
        if self.visited > MAXIMUM_VALUES {
            return Err(ImageScanError::TooManyValues);
        }
        match &node.value {
            Value::Scalar(text) => self.text(text, owner, key, node.line),
            Value::Sequence(items) => items.iter().try_for_each(|item| {
                // What a list of objects has inside is the object's.
                let inner = if key == Some("items") { self::owner(item) } else { String::new() };
                self.value(item, if inner.is_empty() { owner } else { &inner }, None)
            }),
            Value::Mapping(_) => self.mapping(node, owner, key),
        }
    }

    fn mapping(&mut self, node: &Rc<Node>, owner: &str, key: Option<&str>) -> Result<(), ImageScanError> {
        // A volume of an image.
        if let (Some("image"), Some(reference)) = (key, node.get("reference")) {
            let text = reference.text().unwrap_or_default();
            return self.named(text, owner, reference.line);
        }
        if let (Some("image"), Some(repository)) = (key, node.get("repository").or_else(|| node.get("name"))) {
            let text = repository.text().unwrap_or_default();
            return self.leave(text, owner, repository.line, UntakenReason::InParts);
        }
        // A variable that tells an operator what to start.
        let names_image = node.get("name").and_then(|name| name.text()).is_some_and(|it| it.starts_with(RELATED_IMAGE));
        if let (true, Some(value)) = (names_image, node.get("value")) {
            return self.named(value.text().unwrap_or_default(), owner, value.line);
        }
        for (name, value) in node.members() {
            match value.text() {
                Some(text) if name == "image" => self.named(text, owner, value.line)?,
                Some(text) if name == CHART_IMAGES => self.listed_by_chart(text, owner, value.line)?,
                // The same again, as it was applied.
                Some(_) if name == "kubectl.kubernetes.io/last-applied-configuration" => {}
                _ => self.value(value, owner, Some(name))?,
            }
        }
        Ok(())
    }

    /// The images that a chart lists: `- name: web` and `image: REFERENCE` for each.
    fn listed_by_chart(&mut self, text: &str, owner: &str, line: usize) -> Result<(), ImageScanError> {
        for list in yaml::documents(text)? {
            for entry in list.items() {
                if let Some(image) = entry.get("image").and_then(|image| image.text()) {
                    self.named(image, owner, line)?;
                }
            }
        }
        Ok(())
    }

    /// Another text.
    fn text(&mut self, text: &str, owner: &str, key: Option<&str>, line: usize) -> Result<(), ImageScanError> {
        // A status says what runs, which need not be what is to run.
        if key == Some("imageID") {
            return Ok(());
        }
        for part in looking_like_images(text) {
            self.leave(part, owner, line, UntakenReason::LooksLikeOne)?;
        }
        Ok(())
    }

    /// Where an image is named.
    fn named(&mut self, name: &str, owner: &str, line: usize) -> Result<(), ImageScanError> {
        match refused(name) {
            // A custom resource may leave it to its operator.
            Some(UntakenReason::NotAReference) if name.is_empty() => Ok(()),
            Some(reason) => self.leave(name, owner, line, reason),
            None => {
                self.check_room(line)?;
                self.scan.images.push(FoundImage { name: name.to_owned(), owner: owner.to_owned(), line });
                Ok(())
            }
        }
    }

    fn leave(&mut self, text: &str, owner: &str, line: usize, reason: UntakenReason) -> Result<(), ImageScanError> {
        self.check_room(line)?;
        let (text, owner) = (text.chars().take(SHOWN).collect(), owner.to_owned());
        let untaken = Untaken { text, owner, line, reason };
        if self.left.insert(untaken.clone()) {
            self.scan.untaken.push(untaken);
        }
        Ok(())
    }

    fn check_room(&self, line: usize) -> Result<(), ImageScanError> {
        let full = self.scan.images.len() >= MAXIMUM_FOUND || self.scan.untaken.len() >= MAXIMUM_FOUND;
        if full { Err(ImageScanError::TooManyFound { line }) } else { Ok(()) }
    }
}

/// How many characters of a text are shown.
const SHOWN: usize = 200;

/// What an object is called: `Deployment web`.
fn owner(object: &Node) -> String {
    let kind = object.get("kind").and_then(|kind| kind.text());
    let name = object.get("metadata").and_then(|metadata| metadata.get("name")).or_else(|| object.get("name"));
    let words = [kind, name.and_then(|name| name.text())];
    words.into_iter().flatten().map(|word| word.chars().take(SHOWN).collect::<String>()).collect::<Vec<_>>().join(" ")
}
