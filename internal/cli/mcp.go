package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
)

const mcpProgram = "closekit-mcp"

// mcpCommand runs the program that serves MCP. It is a module of its own, so that this
// command does not contain the protocol.
func (p *program) mcpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "mcp [ARGUMENT...]",
		Short: "Serve the tools to MCP clients, by the program " + mcpProgram,
		Long: `Serve the tools to MCP clients over standard input and output, or over HTTP, by the
program ` + mcpProgram + `, which is installed on its own:

  go install github.com/closekit/closekit/adapters/mcp/cmd/` + mcpProgram + `@latest

All arguments are passed on; "closekit mcp --help" shows those of the program. The
API key is in CLOSE_API_KEY.`,
		Example: `  closekit mcp --toolset sales
  closekit mcp --read-only --http 127.0.0.1:8765`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := exec.LookPath(mcpProgram)
			if err != nil {
				return usage(mcpProgram+" is not installed", "run \"go install github.com/closekit/closekit/adapters/mcp/cmd/"+mcpProgram+"@latest\", and see that the folder is on the path")
			}
			return p.runMCP(cmd.Context(), path, args)
		},
	}
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
