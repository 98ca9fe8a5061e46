//! A file to start from.

/// A `shipment.toml` to start from: it documents every key and its default, and lists nothing.
pub const TEMPLATE: &str = r#"# What an archive carries: sealift export -f shipment.toml --key KEY -o FILE
# Each key stands for one option of `sealift export`, and its texts are written as that option takes them. On the command line, what is
# named is added to these lists, and other options count instead of what stands here. Paths begin in the folder in which the
# command runs. A line that begins with # shows the default; further to the right are examples.

# CNAB bundles, with all their images (--bundle).
#bundles = []
#     bundles = ["example.com/org/shop:1.4"]

# Images that belong to no bundle, and artifacts and charts in registries (--image). "NAME=WHERE" says where one is stored, if that
# is elsewhere: the far side knows it by NAME.
#images = []
#     images = [
#         "registry.example.com/team/web:1.0",
#         "registry.example.com/team/tools:2.3=oci:layout",
#     ]

# Plain files that are TUF targets (--file).
#files = []
#     files = ["simple/app/app-1.4-py3-none-any.whl"]

# Thick bundles that travel as they are (--thick-bundle). Platforms cannot be chosen with them.
#thick_bundles = []
#     thick_bundles = ["example.com/org/shop:1.4=shop-1.4.tgz"]

# Where the images of a bundle.json are, by the digests that it states (--images-from). Without it: where it says.
#     images_from = "oci:layout"

# Whether the bundles that bundles need are carried too (--with-dependencies).
#with_dependencies = false

# The platforms of images (--platform); all of them if there are none here.
#platforms = []
#     platforms = ["linux/amd64"]

# The kinds of referrers (--referrers): attestation, signature, sbom, other, image. Or "all", or "none".
#referrers = ["attestation", "signature", "sbom", "other"]

# Layers that registries are not meant to distribute (--foreign-layers): "carry" or "leave-out".
#foreign_layers = "carry"

# Whether the metadata of every role of the TUF repositories is carried (--whole-metadata).
#whole_metadata = false

# For how long from now everything that proves the items has to be valid (--valid-for); an export is refused otherwise.
#     valid_for = "30d"

# Images whose tags are chosen by rules: a range of versions, a pattern, or both, where the * stands for the version. "newest" chooses
# only so many of them. Pre-releases are chosen only with "prereleases = true". "from" says where they are stored, as WHERE does. With
# "bundles = true", they are bundles.
[tags]
#     "registry.example.com/team/web" = { versions = "1.*", newest = 3 }
#     "registry.example.com/team/db" = [{ versions = "15.*", newest = 1 }, { versions = ">=16.2", pattern = "*-alpine" }]
#     "registry.example.com/team/tools" = { pattern = "release-*", newest = 5, from = "oci:layout" }
#     "registry.example.com/team/shop" = { versions = "^1.4", newest = 1, bundles = true }

# TUF repositories whose roots are pinned here (--tuf): a folder or a URL for each.
[tuf]
#     example = "https://metadata.example.com/shop"

# Collections of Docker Content Trust whose roots are pinned here (--notary). "*" is for all that are needed.
[notary]
#     "*" = "https://notary.example.com"
"#;
