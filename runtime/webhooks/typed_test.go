package webhooks_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/webhooks"
)

//go:embed testdata/typed.txt
var kindsText string

// documented returns the kinds of events, with the names of the types of their records.
func documented(t *testing.T) (kinds []webhooks.Kind, types map[string]string) {
	t.Helper()
	types = map[string]string{}
	for line := range strings.Lines(kindsText) {
		words := strings.Fields(line)
		if words[0] == "#" {
			continue
		}
		types[words[0]] = words[1]
		for _, action := range words[2:] {
			kinds = append(kinds, webhooks.Kind{ObjectType: words[0], Action: action})
		}
	}
	return kinds, types
}

// typed calls all methods of an event that return a record with its type, and returns the
// name of the one that matches and the record, after and before the event.
func typed(t *testing.T, e *closeapi.Event) (name string, after, before reflect.Value) {
	t.Helper()
	v := reflect.ValueOf(e)
	for i := range v.NumMethod() {
		method, ok := strings.CutPrefix(v.Type().Method(i).Name, "As")
		if !ok {
			continue
		}
		out := v.Method(i).Call(nil)
		if !out[1].Bool() {
			continue
		}
		if name != "" {
			t.Errorf("%s is %s and %s", e.ObjectType, name, method)
		}
		name, after, before = method, out[0].FieldByName("After"), out[0].FieldByName("Before")
	}
	return name, after, before
}

// idOf returns the id of a record, empty if there is none.
func idOf(record reflect.Value) string {
	if !record.IsValid() || record.IsNil() {
		return ""
	}
	if id := record.Elem().FieldByName("ID"); id.IsValid() {
		return id.String()
	}
	raw, _ := record.Interface().(interface {
		Raw(name string) (json.RawMessage, bool)
	}).Raw("id")
	return strings.Trim(string(raw), `"`)
}

// TestTypedEvents sends an event of every documented kind through a webhook, and reads it with
// its type: the record after it, before it, or both.
func TestTypedEvents(t *testing.T) {
	t.Parallel()
	kinds, types := documented(t)
	if len(kinds) != 186 || len(types) != 55 {
		t.Errorf("%d kinds of %d types of objects", len(kinds), len(types))
	}
	var mu sync.Mutex
	got := map[string]*webhooks.Delivery{}
	o := newOrg(t)
	store := webhooks.NewMemory(0)
	once := webhooks.Leased(store, 0, func(_ context.Context, d *webhooks.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		got[d.Event.ObjectID] = d
		return nil
	})
	keys := webhooks.NewKeys(store, newVault(t))
	receiver, err := webhooks.NewReceiver(webhooks.Config{Keys: keys.Lookup, Once: once})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(receiver)
	t.Cleanup(srv.Close)
	if _, err := webhooks.Ensure(t.Context(), o.client, keys, webhooks.Want{Tenant: "acme", URL: srv.URL, Kinds: kinds}, once); err != nil {
		t.Fatal(err)
	}
	idFor := func(k webhooks.Kind) string { return "x_" + strings.NewReplacer(".", "_").Replace(k.String()) }
	for _, k := range kinds {
		record := func(status string) map[string]any {
			return map[string]any{"id": idFor(k), "status_id": status, "unknown_to_types": 1, "date_updated": "2026-01-01T00:00:00"}
		}
		err := o.RaiseEvent(emulator.RaisedEvent{
			ObjectType: k.ObjectType, Action: k.Action, ObjectID: idFor(k), LeadID: "lead_1", Before: record("stat_1"), After: record("stat_2"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	o.wait()
	mu.Lock()
	defer mu.Unlock()
	for _, k := range kinds {
		id := idFor(k)
		d := got[id]
		if d == nil {
			t.Errorf("%s did not come", k)
			continue
		}
		if string(d.Event.ObjectType) != k.ObjectType || string(d.Event.Action) != k.Action || d.Event.LeadID.Or("") != "lead_1" {
			t.Errorf("%s came as %s.%s of %v", k, d.Event.ObjectType, d.Event.Action, d.Event.LeadID)
		}
		name, after, before := typed(t, d.Event)
		if want := strings.Trim(types[k.ObjectType], "-"); name != want {
			t.Errorf("%s has the type %q, want %q", k, name, want)
			continue
		}
		if name == "" {
			if !strings.Contains(string(d.Event.Data), id) {
				t.Errorf("%s: data %s", k, d.Event.Data)
			}
			continue
		}
		wantAfter, wantBefore := id, ""
		if k.Action == "deleted" {
			wantAfter, wantBefore = "", id
		}
		if a, b := idOf(after), idOf(before); a != wantAfter || b != wantBefore {
			t.Errorf("%s: the record is %q after and %q before", k, a, b)
		}
		updated := k.Action == "updated"
		if changed := d.Event.Changed("status_id"); changed != updated || (d.Event.PreviousData != nil && string(d.Event.PreviousData) != "{}") != (updated || k.Action == "deleted") {
			t.Errorf("%s: changed %v, before %s", k, d.Event.ChangedFields, d.Event.PreviousData)
		}
		if before.IsNil() == (updated || k.Action == "deleted") {
			t.Errorf("%s: before is nil: %v", k, before.IsNil())
		}
	}
	if before, after, changed := statusOf(got["x_lead_updated"]); !changed || before != "stat_1" || after != "stat_2" {
		t.Errorf("the status of the lead: %s, %s, %v", before, after, changed)
	}
	if _, _, changed := statusOf(got["x_lead_created"]); changed {
		t.Error("a creation changes the status")
	}
	// The manifest knows the same types of objects.
	for _, known := range closeapi.WebhookObjectType("").Values() {
		if types[known] == "" {
			t.Errorf("%s is not documented", known)
		}
	}
	for known := range types {
		if !slices.Contains(closeapi.WebhookObjectType("").Values(), known) {
			t.Errorf("%s is not in the manifest", known)
		}
	}
}
