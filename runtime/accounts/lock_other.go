//go:build !windows && !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package accounts

import "os"

// isLocked reports whether another process has the lock.
func isLocked(error) bool { return false }

// lockFile only opens the file: where there is no flock, keeping a state
// directory to one process is up to the host.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
