// Package cli is the command closekit as a package, for programs that give it
// tools of their own:
//
//	func main() {
//		os.Exit(cli.Program{Tools: tools.Catalog(), Routes: routes.Routes()}.Main())
//	}
//
// The package tools is generated, as is routes, by closegen with -routes. The tools
// belong to the API of Close; the command has no client for another one. With Name,
// help and messages call the command by its own name; the variables of the environment
// are those of closekit.
package cli

import (
	"context"
	"io"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/cli"
)

// Program is the command for a set of tools. The zero value is closekit itself.
type Program struct {
	Name   string            // of the command, in help and messages; closekit if it is empty
	Tools  *closekit.Catalog // the tools that can be called; nil means those of closekit
	Routes []emulator.Route  // further operations of the emulator that the command starts
}

// Main runs the command with the arguments, streams, environment and signals of the
// process, and returns its exit code.
func (p Program) Main() int { return cli.Program(p).Main() }

// Run runs one command line, without the name of the program, and returns the exit
// code. It reads stdin only if the command line asks for it, and returns when the
// context is done.
func (p Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	return cli.Program(p).Run(ctx, args, stdin, stdout, stderr, getenv)
}
