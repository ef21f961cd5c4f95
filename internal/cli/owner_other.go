//go:build !unix

package cli

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: where there are no owners in this sense, a new file
// has the rights of its folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
