//go:build !unix

package cli

// Names of the console of the process on Windows. Elsewhere there are no such
// files, and so there is no terminal.
const (
	terminalIn  = "CONIN$"
	terminalOut = "CONOUT$"
)
