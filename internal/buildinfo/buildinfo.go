// Package buildinfo says which version a binary is of.
package buildinfo

import (
	"cmp"
	"runtime/debug"
)

// Set by scripts/release.sh, and empty in other builds.
var version, commit string

// Text returns the version that the binary was released as, with its commit. In
// other builds it is the given version, or else that of the main module, as with
// "go install".
func Text(given string) string {
	text := cmp.Or(version, given)
	if info, ok := debug.ReadBuildInfo(); ok && text == "" {
		text = info.Main.Version
	}
	text = cmp.Or(text, "(devel)")
	if commit != "" {
		text += " (" + commit + ")"
	}
	return text
}
