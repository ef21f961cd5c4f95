// Command handstd lists leads with the hand-written client on encoding/json.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/closekit/closekit/bench/hand"
	"github.com/closekit/closekit/bench/model"
)

func main() {
	c, err := hand.New(http.DefaultClient, "https://api.close.com/api/v1", os.Getenv("CLOSE_API_KEY"), hand.Codec{Marshal: json.Marshal, Unmarshal: json.Unmarshal})
	if err != nil {
		panic(err)
	}
	var p model.Page
	err = c.ListLeads(context.Background(), 100, 0, &p)
	fmt.Println(len(p.Data), err)
}
