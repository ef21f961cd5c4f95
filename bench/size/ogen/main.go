//go:build peers

// Command ogen lists leads with the client that ogen generates.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/closekit/closekit/bench/gen/ogenclose"
)

type sec struct{}

func (sec) ApiKeyAuth(context.Context, ogenclose.OperationName) (ogenclose.ApiKeyAuth, error) {
	return ogenclose.ApiKeyAuth{Username: os.Getenv("CLOSE_API_KEY")}, nil
}

func main() {
	c, err := ogenclose.NewClient("https://api.close.com/api/v1", sec{})
	if err != nil {
		panic(err)
	}
	r, err := c.LeadsList(context.Background(), ogenclose.LeadsListParams{Limit: ogenclose.NewOptInt(100)})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(r.Data))
}
