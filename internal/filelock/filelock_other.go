//go:build !windows && !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package filelock

import "os"

// IsLocked reports whether another process has the lock.
func IsLocked(error) bool { return false }

// Lock only opens the file: where there is no flock, keeping a file
// to one process is up to the host.
func Lock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
