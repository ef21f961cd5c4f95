// Typed makes one typed call.
package main

import (
	"context"
	"fmt"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

func main() {
	fmt.Println(closeapi.MeGet(context.Background(), closekit.NewClient(nil), closeapi.MeGetParams{}))
}
