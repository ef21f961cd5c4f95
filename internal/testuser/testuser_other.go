//go:build !unix

package testuser

import "testing"

// Unprivileged returns true on systems without a superuser.
func Unprivileged(*testing.T) bool { return true }
