package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/closekit/closekit/agent"
)

// Chained is a log in a database whose records are chained.
type Chained interface {
	agent.Log
	Verify(ctx context.Context) (agent.ChainReport, error)
	Prune(ctx context.Context, before time.Time) (int, error)
	Erase(ctx context.Context, account string) (int, error)
}

// RunChain checks a log to which [RunLog] has written: retention, erasure, and that each
// way to change its table shows. Exec runs a statement on it.
func RunChain(t *testing.T, log Chained, exec func(query string), table string) {
	t.Helper()
	ctx := t.Context()
	verify := func() agent.ChainReport {
		t.Helper()
		report, err := log.Verify(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	count := func(n int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	whole := verify()
	if whole.Records != 40 || whole.First != 1 || whole.Last != 40 || whole.Head == (agent.Digest{}) {
		t.Fatalf("the report is %+v", whole)
	}
	if n := count(log.Prune(ctx, start.Add(10*time.Second))); n != 10 {
		t.Errorf("%d records were pruned, want 10", n)
	}
	if n := count(log.Erase(ctx, "ada")); n != 15 {
		t.Errorf("%d records were erased, want 15", n)
	}
	r := verify()
	if r.First != 11 || r.Records != 30 || r.Erased != 15 || r.Head != whole.Head {
		t.Errorf("the report is %+v", r)
	}
	left, err := log.Records(ctx, agent.RunQuery{})
	if err != nil || len(left) != 15 || left[0].Account.Name != "bob" {
		t.Errorf("%d records are left, %v", len(left), err)
	}
	for _, x := range left {
		if x.Before != nil {
			t.Error("a snapshot was read without a vault")
		}
	}
	// Each change is undone by the next: they work on a copy.
	exec(fmt.Sprintf("create table copied as select * from %s", table))
	for name, change := range map[string]string{
		"content":            "update %s set payload = (select payload from copied where seq = 14) where seq = 12",
		"account":            "update %s set account = run where seq = 12",
		"erased content":     "update %s set payload = digest where seq = 11",
		"hash":               "update %s set hash = digest where seq = 12",
		"digest":             "update %s set digest = hash where seq = 11",
		"link":               "update %s set prev = hash where seq = 12",
		"one removed":        "delete from %s where seq = 20",
		"two changed places": "update %s set seq = case seq when 20 then -22 else -20 end where seq in (20, 22)",
		"hash cut":           "update %s set hash = substr(hash, 2) where seq = 30",
	} {
		exec(fmt.Sprintf(change, table))
		var broken *agent.ChainError
		if _, err := log.Verify(ctx); !errors.As(err, &broken) {
			t.Errorf("%s was changed, and the verification says %v", name, err)
		}
		exec(fmt.Sprintf("delete from %s", table))
		exec(fmt.Sprintf("insert into %s select * from copied", table))
		verify()
	}
	if n := count(log.Prune(ctx, start.Add(time.Hour))); n != 29 {
		t.Errorf("%d records were pruned, want all but the last", n)
	}
	if err := log.Record(ctx, Record(40)); err != nil {
		t.Fatal(err)
	}
	if r := verify(); r.Records != 2 || r.Last != 41 {
		t.Errorf("after all was pruned: %+v", r)
	}
}
