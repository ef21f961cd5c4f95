package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// newDemo gives a client for an emulated Close, so that the examples run
// anywhere.
func newDemo() (c *closekit.Client, stop func()) {
	srv := emulator.New(emulator.Options{})
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	return closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL())), func() { srv.Close() }
}

// Calling a tool by name with the JSON that a model wrote.
func Example() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()

	tool, err := tools.Lookup("close_lead_create")
	if err != nil {
		log.Fatal(err)
	}
	answer, err := tool.Call(ctx, c, json.RawMessage(`{"name":"Acme","contacts":[{"name":"Ann Lee","emails":[{"email":"ann@acme.example"}]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	var lead struct {
		DisplayName string `json:"display_name"`
		Contacts    []struct {
			Name string `json:"name"`
		} `json:"contacts"`
	}
	if err := json.Unmarshal(answer, &lead); err != nil {
		log.Fatal(err)
	}
	fmt.Println(lead.DisplayName, "with", lead.Contacts[0].Name)
	// Output:
	// Acme with Ann Lee
}

// What is wrong with the input of a model is said all at once, in words that it
// can act on. Nothing was sent.
func Example_mistakes() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()

	tool, err := tools.Lookup("close_opportunity_create")
	if err != nil {
		log.Fatal(err)
	}
	_, err = tool.Call(ctx, c, json.RawMessage(`{"lead_id":"lead_w7dYmcfVnBQbNyHbfMRwjVTVdTPGBOwpWWQjZKEcPaJ","status_id":"In Progress","value":120.50,"confidense":40}`))
	var invalid *closekit.ValidationError
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			fmt.Println(p.Path+":", p.Expected+";", p.Hint)
		}
	}
	_, err = tools.Lookup("close_opportunity_make")
	fmt.Println(err)
	// Output:
	// value: must be an integer amount in cents; write 120.50 dollars as 12050
	// confidense: is not a known parameter; did you mean "confidence"?
	// status_id: must be an opportunity status id such as stat_…; find one with close_pipelines_list. Statuses are listed under each pipeline.
	// unknown tool "close_opportunity_make"; did you mean close_opportunity_create?
}

// Which tools a careful host may run without asking.
func ExampleAll() {
	free := map[string]bool{}
	for _, tool := range tools.All() {
		free[tool.Name] = tool.Effect == closekit.Read
	}
	fmt.Println(free["close_leads_list"], free["close_lead_merge"], free["close_email_create"])
	// Output:
	// true false false
}
