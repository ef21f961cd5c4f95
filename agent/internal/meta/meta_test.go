package meta_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/meta"
	"github.com/closekit/closekit/agent/internal/search"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/rules"
)

func metaTools() []*tool.Tool {
	var list []*tool.Tool
	for _, o := range meta.Owns() {
		list = append(list, tool.OfHost(o))
	}
	return list
}

func TestLegal(t *testing.T) {
	t.Parallel()
	for _, f := range lower.Formats() {
		for _, p := range []lower.Profile{lower.Full, lower.Lean} {
			defs, err := lower.All(metaTools(), f, p, lower.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range rules.Request(string(f), defs) {
				t.Errorf("%s %s: %s", f, p, problem)
			}
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	var list []*tool.Tool
	for _, x := range tools.All() {
		list = append(list, tool.OfCatalog(x))
	}
	x := search.New(list, tools.Catalog().Lexicon())
	for _, c := range []struct{ got, want string }{
		{meta.SearchText(x, list, "which notes do we have on Acme"), "close_notes_list (read): List notes, filtered by lead, contact, user or date.\nclose_note_get (read): "},
		{meta.SearchText(x, list, "bake a cake"), "No tool fits."},
		{meta.DescribeText(x, list, []string{"close_lead_delete"}), `{"name":"close_lead_delete","description":"Delete a lead`},
		{meta.DescribeText(x, list, []string{"close_delete_lead"}), `"close_delete_lead" is no tool; did you mean close_lead_delete?`},
		{meta.DescribeText(x, list, nil), "Give names of tools; close_search_tools finds them."},
	} {
		if !strings.HasPrefix(c.got, c.want) {
			t.Errorf("got %q, want it to begin with %q", c.got, c.want)
		}
	}
	if got := meta.DescribeText(x, list, strings.Fields(strings.Repeat("close_me_get ", 12))); !strings.HasSuffix(got, "2 more are left out; ask for at most 10.\n") {
		t.Errorf("got %q", got)
	}
}
