// Command closekit calls the tools of the Close CRM from a terminal, runs an
// emulated Close, and shows a sales assistant at work. Run it without
// arguments for an overview.
package main

import (
	"os"

	"github.com/closekit/closekit/internal/cli"
)

func main() { os.Exit(cli.Program{}.Main()) }
