// Package manifest reads the YAML manifest that describes every tool of the
// Close API, and checks it.
//
// [Load] reads the files as written, strictly and with positions; [Check]
// applies every rule and returns an [API], in which every name is resolved and
// every default filled in. Both report everything that is wrong at once, as
// [Problems]. The format is described key by key in docs/manifest.md.
//
// An [API] is read-only data, safe for concurrent use. Nothing here touches
// the network or the disk beyond the file systems that are passed in.
package manifest
