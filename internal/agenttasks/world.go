package agenttasks

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// World is an emulated Close in which a task is set.
type World struct {
	Server *emulator.Server
	IDs    map[string]string // by name

	client   *closekit.Client
	before   map[string]map[string]any // records by resource and id
	requests int                       // of the seed
	problems []string
}

// watched are the resources that a task may spoil.
var watched = []string{
	"leads", "contacts", "opportunities", "tasks", "notes", "calls", "emails", "sms", "webhooks", "custom_fields_lead", "custom_fields_opportunity",
	"sequence_subscriptions", "pipelines", "comments",
}

func newWorld(srv *emulator.Server, t *Task) *World {
	w := &World{Server: srv, IDs: map[string]string{}, client: closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))}
	w.know()
	if t.Seed != nil {
		t.Seed(w)
	}
	w.before = w.records()
	w.requests = len(srv.Requests())
	return w
}

// know names what every emulator has.
func (w *World) know() {
	for i, u := range w.Server.Users() {
		w.IDs[[]string{"ada", "ben"}[min(i, 1)]] = u.ID
	}
	for _, p := range w.Server.Objects("pipelines") {
		for _, s := range p["statuses"].([]any) {
			s := s.(map[string]any)
			w.IDs[s["label"].(string)] = s["id"].(string)
		}
	}
	for _, s := range w.Server.Objects("lead_statuses") {
		w.IDs["lead "+s["label"].(string)] = s["id"].(string)
	}
	w.IDs["mailbox"] = w.Server.Objects("connected_accounts")[0]["id"].(string)
	w.IDs["welcome"] = w.Server.Objects("sequences")[0]["id"].(string)
}

// Make creates a record of the seed, and names it.
func (w *World) Make(name, tool string, in In) {
	out := w.call(tool, in)
	if id, ok := out["id"].(string); ok {
		w.IDs[name] = id
	}
	if list, ok := out["contacts"].([]any); ok {
		for i, c := range list {
			w.IDs[fmt.Sprintf("%s/%d", name, i+1)] = c.(map[string]any)["id"].(string)
		}
	}
}

// Lead creates a lead with people: "Ann <ann@acme.example>".
func (w *World) Lead(name string, people ...string) {
	var contacts []any
	for _, p := range people {
		who, mail, _ := strings.Cut(strings.TrimSuffix(p, ">"), " <")
		contacts = append(contacts, In{"name": who, "emails": []any{In{"email": mail, "type": "office"}}})
	}
	in := In{"name": name}
	if contacts != nil {
		in["contacts"] = contacts
	}
	w.Make(name, "close_lead_create", in)
}

func (w *World) call(tool string, in In) map[string]any {
	t, err := tools.Lookup(tool)
	if err != nil {
		w.Fault("seed: %v", err)
		return nil
	}
	raw, err := w.Resolve(in)
	if err != nil {
		w.Fault("seed: %v", err)
		return nil
	}
	out, err := t.Call(context.Background(), w.client, raw)
	if err != nil {
		w.Fault("seed: %v", err)
		return nil
	}
	var v map[string]any
	_ = json.Unmarshal(out, &v)
	return v
}

// Resolve returns input with ids in place of names.
func (w *World) Resolve(in In) (json.RawMessage, error) {
	return json.Marshal(w.resolve(in))
}

func (w *World) resolve(v any) any {
	switch v := v.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, "$"); ok && w.IDs[name] != "" {
			return w.IDs[name]
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = w.resolve(x)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if name, ok := strings.CutPrefix(k, "$"); ok && w.IDs[name] != "" {
				k = w.IDs[name]
			}
			out[k] = w.resolve(x)
		}
		return out
	}
	return v
}

// Fault adds something that is wrong in the end.
func (w *World) Fault(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// Want wants n records of a resource that have the values.
func (w *World) Want(n int, resource string, where In) {
	got := 0
	for _, r := range w.Server.Objects(resource) {
		if w.fits(r, where) {
			got++
		}
	}
	if got != n {
		w.Fault("%d %s with %v, want %d", got, resource, where, n)
	}
}

func (w *World) fits(record map[string]any, where In) bool {
	for k, want := range where {
		if !reflect.DeepEqual(plain(record[k]), plain(w.resolve(want))) {
			return false
		}
	}
	return true
}

// plain returns a value as JSON decodes it.
func plain(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	_ = json.Unmarshal(b, &out)
	return out
}

// records returns what Close has, without what any activity moves.
func (w *World) records() map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, resource := range watched {
		all[resource] = map[string]any{}
		for _, r := range w.Server.Objects(resource) {
			kept := map[string]any{}
			for k, v := range r {
				if !moves(k) {
					kept[k] = plain(v)
				}
			}
			all[resource][fmt.Sprint(r["id"])] = kept
		}
	}
	return all
}

func moves(key string) bool {
	for _, p := range []string{"date_updated", "updated_by", "latest_", "last_", "integration_"} {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return slices.Contains([]string{"contacts", "opportunities", "tasks", "html_url", "display_name", "send_as_id", "is_joinable"}, key)
}

// spoiled returns the resources that differ from the seed.
func (w *World) spoiled() []string {
	after := w.records()
	var list []string
	for _, resource := range watched {
		if !reflect.DeepEqual(w.before[resource], after[resource]) {
			list = append(list, resource)
		}
	}
	return list
}
