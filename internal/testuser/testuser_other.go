//go:build !unix

package testuser

import "testing"

// Unprivileged is true where there is no superuser.
func Unprivileged(*testing.T) bool { return true }
