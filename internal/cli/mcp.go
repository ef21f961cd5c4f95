package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
)

const mcpProgram = "closekit-mcp"

// mcpPackage is the package of the program. Its module has the version of this one.
const mcpPackage = "github.com/closekit/closekit/adapters/mcp/cmd/" + mcpProgram

// mcpCommand runs the program that serves MCP. It is a module of its own, so that this
// command does not contain the protocol.
func (p *program) mcpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "mcp [ARGUMENT...]",
		Short: "Serve the tools to MCP clients, by the program " + mcpProgram,
		Long: `Serve the tools to MCP clients over standard input and output, or over HTTP, by the
program ` + mcpProgram + `, which is in the same folder as this one or on the path. It is
part of a release, and installed by

  go -C adapters/mcp install ./cmd/` + mcpProgram + `    in a clone of closekit
  go install ` + mcpPackage + `@v` + closekit.Version + `

All arguments are passed on; "closekit mcp --help" shows those of the program. The
API key is in CLOSE_API_KEY.`,
		Example: `  closekit mcp --toolset sales
  closekit mcp --meta --read-only --http 127.0.0.1:8765`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := findMCP()
			if err != nil {
				return usage(mcpProgram+" is neither in the folder of this program nor on the path",
					"if you have closekit from a release, save the "+mcpProgram+" of the same release beside it, under this name",
					"in a clone of closekit, run \"go -C adapters/mcp install ./cmd/"+mcpProgram+"\"; elsewhere \"go install "+mcpPackage+"@v"+closekit.Version+"\"",
					"go install writes to the folder that \"go env GOBIN\" prints, or else to the folder bin in that of \"go env GOPATH\"; it must be on the path")
			}
			return p.runMCP(cmd.Context(), path, args)
		},
	}
}

// findMCP returns the program of the release that this program is of, which a host
// without the path of a shell finds too, or else the one on the path.
func findMCP() (string, error) {
	if self, err := os.Executable(); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), mcpProgram)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(mcpProgram)
}

// runMCP runs the program until it ends. A context that is done interrupts it, so that
// it ends its own connections.
func (p *program) runMCP(ctx context.Context, path string, args []string) error {
	run := exec.CommandContext(ctx, path, args...) //nolint:gosec // the program of this name on the path
	run.Stdin, run.Stdout, run.Stderr = p.stdin, p.stdout, p.stderr
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 5 * time.Second
	err := run.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return &hinted{fmt.Errorf("%s ended: %w", mcpProgram, err), nil, exit.ExitCode()} // it has said why
	}
	return err
}
