// Command ours lists leads with closekit.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime"
)

func main() {
	c := runtime.NewClient(runtime.APIKey(os.Getenv("CLOSE_API_KEY")))
	p, err := closeapi.LeadsList(context.Background(), c, closeapi.LeadsListParams{Limit: runtime.Some(100)})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(p.Data))
}
