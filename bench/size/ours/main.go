// Command ours lists leads with closekit.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

func main() {
	c := closekit.NewClient(closekit.APIKey(os.Getenv("CLOSE_API_KEY")))
	p, err := closeapi.LeadsList(context.Background(), c, closeapi.LeadsListParams{Limit: closekit.Some(100)})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(p.Data))
}
