//go:build unix

package cli

import "os"

// openTerminal opens the terminal that controls the process.
func openTerminal() (in, out *os.File, err error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return f, f, err
}
