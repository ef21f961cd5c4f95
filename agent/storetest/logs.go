package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// RunLog checks a log: what goes in comes out, in order, from two handles of one log,
// which may be the same.
func RunLog(t *testing.T, open func(t *testing.T) (a, b agent.Log)) {
	t.Helper()
	a, b := open(t)
	var want []string
	for i := range 40 {
		log := a
		if i%2 == 1 {
			log = b
		}
		r := Record(i)
		if err := log.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want = append(want, recordText(r))
	}
	for name, c := range map[string]struct {
		q    agent.RunQuery
		want func(i int) bool
	}{
		"all":     {agent.RunQuery{}, func(int) bool { return true }},
		"run":     {agent.RunQuery{Run: "run_1"}, func(i int) bool { return i%4 == 1 }},
		"account": {agent.RunQuery{Account: "bob"}, func(i int) bool { return i%2 == 1 }},
		"both":    {agent.RunQuery{Account: "ada", Run: "run_2"}, func(i int) bool { return i%4 == 2 }},
		"neither": {agent.RunQuery{Account: "ada", Run: "run_1"}, func(int) bool { return false }},
		"newest":  {agent.RunQuery{Limit: 3}, func(i int) bool { return i >= 37 }},
	} {
		got, err := a.Records(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for i, w := range want {
			if !c.want(i) {
				continue
			}
			if at >= len(got) || recordText(got[at]) != w {
				t.Fatalf("%s: record %d is missing or different:\n%v\nwant %s", name, i, got, w)
			}
			at++
		}
		if at != len(got) {
			t.Errorf("%s: %d records, want %d", name, len(got), at)
		}
	}
}

// Record returns a record for tests of logs: every field is set, and every other one is
// of account ada.
func Record(i int) agent.Record {
	return agent.Record{
		Phase: agent.Intent, ID: fmt.Sprint("exec_", i), Time: start.Add(time.Duration(i) * time.Second),
		Account: agent.Account{Name: []string{"ada", "bob"}[i%2], UserID: "user_x", OrganizationID: "orga_x"}, Run: fmt.Sprint("run_", i%4),
		Tool: "close_lead_update", Input: json.RawMessage(`{"lead_id":"lead_x","name":"<Acme> & \u0000"}`), Effect: closekit.Overwrite | closekit.Sends,
		Decision: agent.Ask, Why: "it overwrites", Approval: "apr_x", Approver: "ben@example.com", Result: "ok", Error: "none", IDs: []string{"lead_x"},
		Before:   []agent.Snapshot{{Tool: "close_lead_get", ID: "lead_x", JSON: json.RawMessage(`{"id":"lead_x","name":"Old name of the customer"}`)}},
		After:    []agent.After{{Field: "name", Value: agent.Digest{1, 2}}},
		Duration: 1500 * time.Microsecond,
	}
}

// recordText returns all of a record, with its input as a value.
func recordText(r agent.Record) string {
	var input any
	if err := json.Unmarshal(r.Input, &input); err != nil {
		input = err.Error()
	}
	r.Input = nil
	before := fmt.Sprintf("%s", r.Before)
	r.Before = nil
	return fmt.Sprintf("%v %q %+v", before, input, r)
}
