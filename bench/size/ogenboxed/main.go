//go:build peers

// Command ogenboxed is ogen with the client in an interface and text/template
// linked in.
package main

import (
	"context"
	"fmt"
	"os"
	"text/template"

	"github.com/closekit/closekit/bench/gen/ogenclose"
)

type sec struct{}

func (sec) ApiKeyAuth(context.Context, ogenclose.OperationName) (ogenclose.ApiKeyAuth, error) {
	return ogenclose.ApiKeyAuth{Username: os.Getenv("CLOSE_API_KEY")}, nil
}

// sink holds the client in an interface while text/template makes reflection
// reachable: the linker then keeps every exported method.
var sink any

func main() {
	c, err := ogenclose.NewClient("https://api.close.com/api/v1", sec{})
	if err != nil {
		panic(err)
	}
	sink = c
	_ = template.Must(template.New("").Parse("{{.}}")).Execute(os.Stderr, 1)
	r, err := c.LeadsList(context.Background(), ogenclose.LeadsListParams{Limit: ogenclose.NewOptInt(100)})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(r.Data))
}
