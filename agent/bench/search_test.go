package main

import (
	"testing"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestSearchNode bounds the tokens of a node of a search, which every tool with a query
// has in its definition.
func TestSearchNode(t *testing.T) {
	t.Parallel()
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	for name, param := range map[string]string{"close_search": "query", "close_bulk_delete_create": "s_query"} {
		x, err := tools.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, profile := range []lower.Profile{lower.Lean, lower.Full} {
			defs, err := lower.All([]*tool.Tool{tool.OfCatalog(x)}, lower.OpenAIChat, profile, lower.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, node, err := queryOf(defs[0], param)
			if err != nil {
				t.Fatal(err)
			}
			n, err := codec.Count(node)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s, %s: %d tokens", name, profile, n)
			if node == "" || n > mostNode {
				t.Errorf("%s, %s: the node has %d tokens, want at most %d: %s", name, profile, n, mostNode, node)
			}
		}
	}
}
