// Command oursboxed is ours with the client in an interface and text/template
// linked in.
package main

import (
	"context"
	"fmt"
	"os"
	"text/template"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// sink holds the client in an interface while text/template makes reflection
// reachable: the linker then keeps every exported method.
var sink any

func main() {
	c := closekit.NewClient(closekit.APIKey(os.Getenv("CLOSE_API_KEY")))
	sink = c
	_ = template.Must(template.New("").Parse("{{.}}")).Execute(os.Stderr, 1)
	p, err := closeapi.LeadsList(context.Background(), c, closeapi.LeadsListParams{Limit: closekit.Some(100)})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(p.Data))
}
