// Makes two generations of a repository with go-tuf v2: in the first there is one target, in the second there are two.
//
//	publisher FOLDER NAME=FILE NAME=FILE
//
// FOLDER/first and FOLDER/second are the generations, as a web server would serve them; FOLDER/root.json is to be pinned.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

const delegated = "apps"

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A signer, and its public key.
type signer struct {
	signature.Signer
	key *metadata.Key
}

// Root and targets are signed by ECDSA, the others by ed25519.
func newSigner(role string) signer {
	var private crypto.Signer
	var hash crypto.Hash
	var err error
	if role == "root" || role == "targets" {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		hash = crypto.SHA256
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	check(err)
	signs, err := signature.LoadSigner(private, hash)
	check(err)
	key, err := metadata.KeyFromPublicKey(private.Public())
	check(err)
	return signer{signs, key}
}

// Signs metadata, and writes it under a name.
func write[T metadata.Roles](role *metadata.Metadata[T], by signer, folder, name string) {
	role.ClearSignatures()
	_, err := role.Sign(by)
	check(err)
	check(role.ToFile(filepath.Join(folder, name), true))
}

func main() {
	folder, added := os.Args[1], os.Args[2:]
	// Whole seconds, as TUF has them: what is stated here is written down with its fractions.
	expires := time.Now().UTC().AddDate(0, 0, 7).Truncate(time.Second)
	signers := map[string]signer{}
	root := metadata.Root(expires)
	for _, role := range []string{"root", "timestamp", "snapshot", "targets", delegated} {
		signers[role] = newSigner(role)
		if role != delegated {
			check(root.Signed.AddKey(signers[role].key, role))
		}
	}
	targets, apps := metadata.Targets(expires), metadata.Targets(expires)
	key := signers[delegated].key
	id, err := key.ID()
	check(err)
	targets.Signed.Delegations = &metadata.Delegations{
		Keys: map[string]*metadata.Key{id: key},
		Roles: []metadata.DelegatedRole{{
			Name: delegated, KeyIDs: []string{id}, Threshold: 1, Terminating: true, Paths: []string{"example.com/*/*"},
		}},
	}
	snapshot, timestamp := metadata.Snapshot(expires), metadata.Timestamp(expires)
	for index, generation := range []string{"first", "second"} {
		version := int64(index + 1)
		name, file, _ := strings.Cut(added[index], "=")
		described, err := metadata.TargetFile().FromFile(file, "sha256", "sha512")
		check(err)
		apps.Signed.Targets[name] = described
		apps.Signed.Version, snapshot.Signed.Version, timestamp.Signed.Version = version, version, version
		out := filepath.Join(folder, generation, "metadata")
		check(os.MkdirAll(out, 0o755))
		write(apps, signers[delegated], out, fmt.Sprintf("%d.%s.json", version, delegated))
		snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(1)
		snapshot.Signed.Meta[delegated+".json"] = metadata.MetaFile(version)
		timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(version)
		write(root, signers["root"], out, "1.root.json")
		write(targets, signers["targets"], out, "1.targets.json")
		write(snapshot, signers["snapshot"], out, fmt.Sprintf("%d.snapshot.json", version))
		write(timestamp, signers["timestamp"], out, "timestamp.json")
	}
	pinned, err := os.ReadFile(filepath.Join(folder, "first", "metadata", "1.root.json"))
	check(err)
	check(os.WriteFile(filepath.Join(folder, "root.json"), pinned, 0o644))
}
