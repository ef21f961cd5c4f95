package query_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
)

// The guide, docs/search.md, has the functions below.

func forgottenLeads(now time.Time) *closeapi.SearchQuery {
	return query.Leads(
		query.Related("address", query.Field("city").Is("Berlin")),
		query.Related("opportunity",
			query.Field("status_type").Is("active"),
			query.Field("value").AtLeast(closekit.Dollars(10_000)),
		),
		query.Not(query.Related("activity.call", query.Field("activity_at").Since(now.AddDate(0, 0, -14)))),
	)
}

func printLeads(ctx context.Context, c *closekit.Client, w io.Writer, q *closeapi.SearchQuery) error {
	n, err := query.Count(ctx, c, q)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d of %s\n", n, query.String(q))
	found, err := query.Find(ctx, c, closeapi.SearchParams{
		Query:  q,
		Fields: &closeapi.SearchSelection{Lead: []string{"id", "display_name"}},
	})
	if err != nil {
		return err
	}
	for _, r := range found {
		if lead, ok := r.AsLead(); ok {
			fmt.Fprintln(w, lead.DisplayName)
		}
	}
	return nil
}

func eachRecord(ctx context.Context, c *closekit.Client, p closeapi.SearchParams, do func(*closeapi.SearchResult) error) error {
	for r, err := range closeapi.SearchAll(ctx, c, p) {
		if errors.Is(err, closekit.ErrCursorExpired) {
			return fmt.Errorf("do took longer than the cursor lives: %w", err)
		}
		if err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

func saveView(ctx context.Context, c *closekit.Client, q *closeapi.SearchQuery) (*closeapi.SmartView, error) {
	return closeapi.SmartViewCreate(ctx, c, closeapi.SmartViewCreateParams{
		Name:   "Forgotten in Berlin",
		SQuery: &closeapi.SmartViewQuery{Query: q},
	})
}

func countView(ctx context.Context, c *closekit.Client, id closeapi.SmartViewID) (int, error) {
	view, err := closeapi.SmartViewGet(ctx, c, closeapi.SmartViewGetParams{SmartViewID: id})
	if err != nil {
		return 0, err
	}
	if view.SQuery == nil {
		return 0, errors.New("an old Smart View, which has a text instead of a query")
	}
	return query.Count(ctx, c, view.SQuery.Query)
}

// TestGuide runs the code of the guide, and compares it with the guide.
func TestGuide(t *testing.T) {
	t.Parallel()
	c, srv, _ := market(t)
	q := forgottenLeads(noon)
	var printed strings.Builder
	if err := printLeads(t.Context(), c, &printed, q); err != nil {
		t.Fatal(err)
	}
	if want := "1 of " + query.String(forgotten()) + "\nAcme Corp\n"; printed.String() != want {
		t.Errorf("got %s, want %s", printed.String(), want)
	}
	seen := 0
	p := closeapi.SearchParams{Query: query.Leads(), Limit: closekit.Some(1)}
	slow := func(*closeapi.SearchResult) error {
		seen++
		srv.Advance(31 * time.Second)
		return nil
	}
	if err := eachRecord(t.Context(), c, p, slow); !errors.Is(err, closekit.ErrCursorExpired) || seen != 1 {
		t.Errorf("%d records, then %v", seen, err)
	}
	view, err := saveView(t.Context(), c, q)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := countView(t.Context(), c, view.ID); err != nil || n != 1 {
		t.Errorf("the view finds %d, %v", n, err)
	}

	page, err := os.ReadFile("../../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, name := range []string{"guide_test.go", "../../agent/findtool/guide_test.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(b)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) < 5 {
		t.Errorf("the guide has %d blocks of code", len(blocks))
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(source, code) {
			t.Errorf("it is in no test:\n%s", code)
		}
	}
}
