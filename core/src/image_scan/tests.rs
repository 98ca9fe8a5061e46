use super::*;

fn names(text: &str) -> Vec<String> {
    scan(text.as_bytes()).unwrap().images.into_iter().map(|image| image.name).collect()
}

fn untaken(text: &str) -> Vec<(String, UntakenReason)> {
    scan(text.as_bytes()).unwrap().untaken.into_iter().map(|it| (it.text, it.reason)).collect()
}

#[test]
fn pods_and_what_has_them_inside() {
    let text = r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    spec:
      initContainers: [{ name: init, image: "busybox:1.36" }]
      containers:
      - name: web
        image: registry.example/web@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      ephemeralContainers:
      - image: debug
      volumes:
      - name: data
        image: { reference: quay.io/org/data:2 }
---
apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: CronJob
  metadata: { name: nightly }
  spec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: "busybox:1.36" }, { image: "job:1" }] } } } } }
"#;
    let found = scan(text.as_bytes()).unwrap();
    let digest = "a".repeat(64);
    let web = format!("registry.example/web@sha256:{digest}");
    let named: Vec<_> = found.images.iter().map(|it| (it.name.as_str(), it.owner.as_str(), it.line)).collect();
    assert_eq!(
        named,
        [
            ("busybox:1.36", "Deployment web", 8),
            (web.as_str(), "Deployment web", 11),
            ("debug", "Deployment web", 13),
            ("quay.io/org/data:2", "Deployment web", 16),
            ("job:1", "CronJob nightly", 24),
        ]
    );
    assert!(found.untaken.is_empty(), "{:?}", found.untaken);
}

#[test]
fn what_operators_are_told() {
    let text = r#"
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata: { name: op }
spec:
  relatedImages: [{ name: one, image: "quay.io/org/one:1" }]
  install:
    env:
    - { name: RELATED_IMAGE_TWO, value: "quay.io/org/two:2" }
    - { name: OTHER, value: "quay.io/org/three:3" }
    args: ["--reloader=quay.io/org/four:4", "--url=https://quay.io/org:443/x", "a/b:c"]
  image: quay.io/org/five:5
  sidecar: { image: { repository: quay.io/org/six, tag: "6" } }
"#;
    assert_eq!(names(text), ["quay.io/org/one:1", "quay.io/org/two:2", "quay.io/org/five:5"]);
    assert_eq!(
        untaken(text),
        [
            ("quay.io/org/three:3".to_owned(), UntakenReason::LooksLikeOne),
            ("quay.io/org/four:4".to_owned(), UntakenReason::LooksLikeOne),
            ("quay.io/org/six".to_owned(), UntakenReason::InParts),
        ]
    );
}

#[test]
fn services_of_compose() {
    let text = r#"
x-base: &base
  image: docker.io/library/nginx:1.27
services:
  web: { <<: *base, ports: ["80:80"] }
  own: { build: . }
  both: { build: ., image: org/both:1 }
  late: { image: "org/late:${TAG:-1}" }
  odd: { image: "NOT an image" }
"#;
    assert_eq!(names(text), ["docker.io/library/nginx:1.27", "org/both:1"]);
    assert_eq!(
        untaken(text),
        [
            ("own".to_owned(), UntakenReason::BuiltHere),
            ("org/late:${TAG:-1}".to_owned(), UntakenReason::NotRendered),
            ("NOT an image".to_owned(), UntakenReason::NotAReference),
        ]
    );
}

#[test]
fn the_list_that_charts_have() {
    let text = r#"
apiVersion: v2
name: shop
version: 1.0.0
annotations:
  artifacthub.io/images: |
    - name: web
      image: quay.io/org/web:1
    - { name: db, image: "postgres:16" }
"#;
    assert_eq!(names(text), ["quay.io/org/web:1", "postgres:16"]);
}

#[test]
fn one_image_in_several_spellings_is_one() {
    let list = r#"["nginx", "docker.io/library/nginx:latest", "docker.io/nginx", "nginx:1"]"#;
    let containers: String =
        serde_json::from_str::<Vec<String>>(list).unwrap().iter().map(|name| format!("- image: {name}\n")).collect();
    assert_eq!(names(&format!("kind: Pod\napiVersion: v1\ncontainers:\n{containers}")), ["nginx", "nginx:1"]);
    assert_eq!(meaning("nginx").as_deref(), Some("docker.io/library/nginx:latest"));
}

#[test]
fn json_is_yaml() {
    assert_eq!(names(r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a:1"}]}}"#), ["a:1"]);
}

#[test]
fn what_is_no_manifest_is_an_error_with_its_line() {
    let refused = |text: &str| scan(text.as_bytes()).unwrap_err();
    assert_eq!(scan(b"\xff"), Err(ImageScanError::NotUtf8));
    assert_eq!(
        refused("a: 1\n{{- if .Values.web }}\nimage: {{ .Values.image }}\n"),
        ImageScanError::Template { line: 2 }
    );
    assert!(matches!(refused("a: 1\nb: [1, 2\nc: 3\n"), ImageScanError::NotYaml { .. }));
    assert!(matches!(refused("a: *nothing\n"), ImageScanError::NotYaml { line: 1, .. }));
    // Where the expression is in a text, the rest can be read.
    assert_eq!(
        untaken("image: '{{ .Values.image }}'"),
        [("{{ .Values.image }}".to_owned(), UntakenReason::NotRendered)]
    );
}

#[test]
fn nesting_and_repetition_have_limits() {
    let refused = |text: &str| scan(text.as_bytes()).unwrap_err();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(nested(MAXIMUM_DEPTH - 1).as_bytes()).is_ok());
    assert!(matches!(refused(&nested(MAXIMUM_DEPTH + 1)), ImageScanError::TooDeep { line: 1 }));
    // Each is written flat, and holds the one before it.
    let chain: String = (1..=200).map(|it| format!("- &a{it} [*a{}]\n", it - 1)).collect();
    assert!(matches!(refused(&format!("- &a0 x\n{chain}")), ImageScanError::TooDeep { .. }));
    // 10 to the power of 9 values in ten lines.
    let laughs: String =
        (1..10).map(|it| format!("- &a{it} [{}]\n", vec![format!("*a{}", it - 1); 10].join(", "))).collect();
    assert_eq!(refused(&format!("- &a0 x\n{laughs}")), ImageScanError::TooManyValues);
    let merges: String = (1..30).map(|it| format!("- &a{it} {{ <<: [*a{0}, *a{0}], k{it}: 1 }}\n", it - 1)).collect();
    assert!(scan(format!("- &a0 {{ k: 1 }}\n{merges}").as_bytes()).is_ok());
    let many: String = (0..=MAXIMUM_FOUND).map(|it| format!("- image: app:{it}\n")).collect();
    assert!(matches!(refused(&many), ImageScanError::TooManyFound { line } if line == MAXIMUM_FOUND + 1));
}
