//go:build unix

package cli

import "syscall"

// detach leaves the terminal of whoever runs the tests: a command asks on it. With
// a pseudo terminal the process leads a session already, and keeps it.
func detach() { _, _ = syscall.Setsid() }
