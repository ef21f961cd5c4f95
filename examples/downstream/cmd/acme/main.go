// Command acme is the command closekit with the tools of this repository: it calls
// them, prints their schemas, completes their parameters, and runs an emulated
// Close that serves them.
package main

import (
	"os"

	"example.com/downstream/closeroutes"
	"example.com/downstream/closetools/tools"
	"github.com/closekit/closekit/cli"
)

func main() {
	os.Exit(cli.Program{Name: "acme", Tools: tools.Catalog(), Routes: closeroutes.Routes()}.Main())
}
