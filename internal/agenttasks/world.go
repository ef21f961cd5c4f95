package agenttasks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// World is an emulated Close in which a task is set.
type World struct {
	Server *emulator.Server
	IDs    map[string]string // by name

	client   *closekit.Client
	before   state // by the seed
	requests int   // of the seed
	sent     int   // messages of the seed
	problems []string
}

// Today is the time at which every task starts, a Saturday.
var Today = time.Date(2026, 11, 28, 16, 0, 0, 0, time.UTC)

// newWorld starts an emulated Close in this process, with the same ids each time.
func newWorld(t *Task) (*World, error) {
	srv := emulator.New(emulator.Options{Seed: 1, Clock: func() time.Time { return Today }, BaseURL: "https://api.close.example"})
	w := &World{Server: srv, IDs: map[string]string{}}
	w.client = closekit.NewClient(closekit.APIKey(srv.APIKey()), w.reach()...)
	w.know()
	if t.Seed != nil {
		t.Seed(w)
	}
	if len(w.problems) > 0 {
		return nil, fmt.Errorf("%s: %s", t.Name, strings.Join(w.problems, "; "))
	}
	w.before = w.records()
	w.requests = len(srv.Requests())
	w.sent = len(srv.Outbox())
	return w, nil
}

// reach returns the options of a client that reaches the world. Nothing is retried on
// the wall clock.
func (w *World) reach() []closekit.Option {
	return []closekit.Option{closekit.HTTPClient(&http.Client{Transport: w.Server.Transport()}), closekit.BaseURL(w.Server.URL()), closekit.MaxRetries(0)}
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

// Fill adds the content of a seed file of the emulator.
func (w *World) Fill(seed string) {
	if err := w.Server.Seed(strings.NewReader(seed)); err != nil {
		w.Fault("seed: %v", err)
	}
	w.know()
}

// Colleague makes a call as Ben, who works in the same organization.
func (w *World) Colleague(tool string, in In) {
	ben := w.IDs["ben"]
	key := w.Server.APIKeyOf(ben, w.Server.Organizations()[0].ID)
	as := *w
	as.client = closekit.NewClient(closekit.APIKey(key), w.reach()...)
	as.call(tool, in)
	w.problems = as.problems
}

// own reports whether a request is one that a task itself made.
func (w *World) own(r emulator.Request) bool { return r.UserID == w.IDs["ben"] }

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

// Found stores a record that Close itself has brought about, and names it.
func (w *World) Found(name, path, id string, in In) {
	record, _ := w.resolve(in).(map[string]any)
	record["id"] = id
	recording := fmt.Sprintf(`{"closekit_recording":1}`+"\n"+`{"method":"GET","path":"/api/v1%s%s/","status":200,"response":%s}`+"\n", path, id, mustJSON(record))
	if n, err := w.Server.LoadRecording(strings.NewReader(recording)); err != nil || n != 1 {
		w.Fault("seed: %d records: %v", n, err)
	}
	w.IDs[name] = id
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
