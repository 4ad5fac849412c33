package main

import (
	"encoding/json"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribe(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8", Path: "tapline/tap-shop",
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.0.0+incompatible", Sum: "h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
			{Path: "example.org/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v3.0.0"}},
		},
		Settings: []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "GOOS", Value: "linux"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}},
	}
	got, err := json.MarshalIndent(describe("tap-shop", "v1", []byte("binary"), info), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "bomFormat": "CycloneDX",
 "specVersion": "1.6",
 "version": 1,
 "metadata": {
  "timestamp": "2026-01-02T03:04:05Z",
  "component": {
   "bom-ref": "tap-shop",
   "type": "application",
   "name": "tap-shop",
   "version": "v1",
   "hashes": [
    {
     "alg": "SHA-256",
     "content": "9a3a45d01531a20e89ac6ae10b0b0beb0492acd7216a368aa062d1a5fecaf9cd"
    }
   ],
   "properties": [
    {
     "name": "go:build:GOOS",
     "value": "linux"
    }
   ]
  }
 },
 "components": [
  {
   "bom-ref": "pkg:golang/std@1.26.8",
   "type": "library",
   "name": "std",
   "version": "1.26.8",
   "scope": "required",
   "purl": "pkg:golang/std@1.26.8"
  },
  {
   "bom-ref": "pkg:golang/example.org/a@v1.0.0%2Bincompatible",
   "type": "library",
   "name": "example.org/a",
   "version": "v1.0.0+incompatible",
   "scope": "required",
   "hashes": [
    {
     "alg": "SHA-256",
     "content": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    }
   ],
   "purl": "pkg:golang/example.org/a@v1.0.0%2Bincompatible"
  },
  {
   "bom-ref": "pkg:golang/example.org/c@v3.0.0",
   "type": "library",
   "name": "example.org/c",
   "version": "v3.0.0",
   "scope": "required",
   "purl": "pkg:golang/example.org/c@v3.0.0"
  }
 ],
 "dependencies": [
  {
   "ref": "tap-shop",
   "dependsOn": [
    "pkg:golang/std@1.26.8",
    "pkg:golang/example.org/a@v1.0.0%2Bincompatible",
    "pkg:golang/example.org/c@v3.0.0"
   ]
  }
 ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
