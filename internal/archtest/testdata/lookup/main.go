// Lookup looks up one tool by name.
package main

import (
	"fmt"

	"github.com/closekit/closekit/closeapi/tools"
)

func main() {
	tool, err := tools.Lookup("close_me_get")
	fmt.Println(tool.Name, err)
}
