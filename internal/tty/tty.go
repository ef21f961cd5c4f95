// Package tty tells terminals from files, pipes and devices without a person.
package tty

import "os"

// Is reports whether a stream is a terminal, so that a person reads or types there.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too, and what services have
	return err != nil || !os.SameFile(info, null)
}
