// Command init imports the generated packages and names one thing of each; run
// it with GODEBUG=inittrace=1.
package main

import (
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// Keep refers to the packages, so that the linker keeps them.
var Keep []any

func main() {
	Keep = append(Keep, closeapi.LeadsList, tools.All())
}
