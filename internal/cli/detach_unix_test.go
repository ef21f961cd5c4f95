//go:build unix

package cli

import "syscall"

// detach leaves the terminal on which the tests run: a command would ask on it. With
// a pseudo terminal the process leads a session already, and keeps it.
func detach() { _, _ = syscall.Setsid() }
