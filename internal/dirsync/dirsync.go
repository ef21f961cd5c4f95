// Package dirsync makes the names of files outlive a crash of the machine.
package dirsync

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Parent syncs the folder of a file, so that the creation or the renaming of the file
// outlives the machine. Windows has no such thing; its file system takes care of it.
func Parent(file string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, _ := filepath.Split(file) // Dir would resolve link/.. into another folder
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir) //nolint:gosec // the caller has just written there
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // a file system that does not sync folders
	}
	return errors.Join(err, d.Close())
}
