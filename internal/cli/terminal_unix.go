//go:build unix

package cli

// Names of the terminal that controls the process.
const (
	terminalIn  = "/dev/tty"
	terminalOut = "/dev/tty"
)
