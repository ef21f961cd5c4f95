package emulator_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

// receiver records webhook deliveries.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []object
	header []http.Header
	raw    []string
	status int
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: 200}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var o object
		_ = json.Unmarshal(body, &o)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got, r.header, r.raw = append(r.got, o), append(r.header, req.Header), append(r.raw, string(body))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// names formats what arrived as "lead.created Acme".
func (r *receiver) names() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, o := range r.got {
		out = append(out, fmt.Sprint(at(o, "event", "object_type"), ".", at(o, "event", "action"), ":", text(at(o, "event", "data", "name"))))
	}
	return strings.Join(out, " ")
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (a *api) wait() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.srv.WaitWebhooks(ctx); err != nil {
		a.t.Fatal(err)
	}
}

func hook(url string, events ...string) object {
	var list []any
	for _, e := range events {
		kind, action, _ := strings.Cut(e, " ")
		list = append(list, object{"object_type": kind, "action": action})
	}
	return object{"url": url, "events": list}
}

func TestWebhookCRUD(t *testing.T) {
	t.Parallel()
	a := start(t)
	h := a.want(201, "POST", "/webhook/", hook("https://example.com/hook", "lead created"))
	for path, want := range map[string]string{
		"status": "active", "verify_ssl": "true", "counters": "{}", "health_status": "null", "latest_error": "null", "pause_reason": "null",
		"date_created": "2026-03-10T12:00:00", "history": `{"errors":[],"successes":[]}`, "recent_consecutive_fail_buckets_cnt": "0",
		"events": `[{"action":"created","extra_filter":null,"object_type":"lead"}]`,
	} {
		equal(t, h, want, path)
	}
	if key := text(h["signature_key"]); len(key) != 64 {
		t.Errorf("got signature key %q", key)
	}
	path := "/webhook/" + id(h) + "/"
	for _, o := range []object{a.get(path), a.get("/webhook/")["data"].([]any)[0].(object), a.put(path, object{"status": "paused"})} {
		if _, ok := o["signature_key"]; ok {
			t.Error("the signature key is shown again")
		}
	}
	equal(t, a.get(path), "api", "pause_reason")
	equal(t, a.put(path, object{"status": "active", "verify_ssl": false, "url": "http://x.example"}), "null", "pause_reason")
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"url":    {hook("not a url", "lead created"), "url"},
		"scheme": {hook("ftp://example.com", "lead created"), "url"},
		"events": {object{"url": "https://example.com"}, "events"},
		"none":   {object{"url": "https://example.com", "events": []any{}}, "events"},
		"action": {hook("https://example.com", "lead"), "events"},
		"filter": {object{"url": "https://example.com", "events": []any{object{"object_type": "lead", "action": "created", "extra_filter": object{"type": "magic"}}}}, "events"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/webhook/", c.body, c.field) })
	}
	a.refused("PUT", path, object{"status": "broken"}, "status")
	b := a.second()
	b.want(404, "GET", path, nil)
	b.want(404, "PUT", path, object{})
	b.want(404, "DELETE", path, nil)
	equal(t, b.get("/webhook/"), "[]", "data")
	own := b.want(201, "POST", "/webhook/", hook("https://example.com/hook", "lead created"))
	a.get("/webhook/" + id(own) + "/")
	equal(t, a.del(path), "null", "id")
	a.want(404, "GET", path, nil)
	for i := range 39 {
		a.want(201, "POST", "/webhook/", hook(fmt.Sprint("https://example.com/hook/", i), "lead created"))
	}
	a.want(400, "POST", "/webhook/", hook("https://example.com/hook/last", "lead created"))
}

func TestWebhookTwins(t *testing.T) {
	t.Parallel()
	a := start(t)
	const url = "https://example.com/hook"
	first := id(a.want(201, "POST", "/webhook/", hook(url, "lead created", "lead updated")))
	names := func(got object) {
		t.Helper()
		if message, _ := at(got, "errors", 0).(string); !strings.Contains(message, first) {
			t.Errorf("got %v, want an error that names %s", got, first)
		}
	}
	names(a.want(400, "POST", "/webhook/", hook(url, "lead updated", "lead created")))
	names(a.second().want(400, "POST", "/webhook/", hook(url, "lead created", "lead updated", "lead updated")))
	other := a.want(201, "POST", "/webhook/", hook(url, "lead created"))
	filtered := hook(url, "lead created", "lead updated")
	filtered["events"].([]any)[0].(object)["extra_filter"] = object{"type": "is_null"}
	a.want(201, "POST", "/webhook/", filtered)
	names(a.want(400, "PUT", "/webhook/"+id(other)+"/", hook(url, "lead created", "lead updated")))
	equal(t, a.get("/webhook/"+id(other)+"/"), "null", "events", 1)
	a.put("/webhook/"+first+"/", object{"status": "paused"})
	second := id(a.want(201, "POST", "/webhook/", hook(url, "lead created", "lead updated")))
	got := a.want(400, "PUT", "/webhook/"+first+"/", object{"status": "active"})
	if message, _ := at(got, "errors", 0).(string); !strings.Contains(message, second) {
		t.Errorf("got %v, want an error that names %s", got, second)
	}
	equal(t, a.get("/webhook/"+first+"/"), "paused", "status")
	a.put("/webhook/"+second+"/", object{"verify_ssl": false})
	a.del("/webhook/" + second + "/")
	a.put("/webhook/"+first+"/", object{"status": "active"})
}

// TestEventForms checks what objects look like in the event log.
func TestEventForms(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	created := a.get("/event/?object_type=activity.created&action=created")
	equal(t, created, "Created", "data", 0, "data", "_type")
	equal(t, created, lead, "data", 0, "lead_id")
	stray := id(a.post("/contact/", object{"name": "Bob"}))
	if got := column(a.get("/event/?object_type=activity.created&action=created"), "lead_id"); got != text(a.get("/contact/" + stray + "/")["lead_id"])+" "+lead {
		t.Errorf("activity.created: got leads %s", got)
	}

	mail := object{"lead_id": lead, "status": "sent", "to": []string{"b@example.com"}, "subject": "Offer"}
	one := a.post("/activity/email/", mail)
	two := a.post("/activity/email/", mail)
	thread := a.get("/event/?object_type=activity.email_thread&object_id=" + text(one["thread_id"]))
	equal(t, thread, "updated", "data", 0, "action")
	equal(t, thread, `["`+id(one)+`","`+id(two)+`"]`, "data", 0, "data", "email_ids")
	equal(t, thread, `["`+id(one)+`"]`, "data", 0, "previous_data", "email_ids")
	equal(t, thread, "2", "data", 0, "data", "n_emails")
	equal(t, thread, "created", "data", 1, "action")
	equal(t, thread, `["`+id(one)+`"]`, "data", 1, "data", "email_ids")
	equal(t, thread, "Ada Example", "data", 1, "data", "user_name")
	a.del("/activity/email/" + id(one) + "/")
	thread = a.get("/event/?object_type=activity.email_thread&object_id=" + text(one["thread_id"]))
	equal(t, thread, `["`+id(two)+`"]`, "data", 0, "data", "email_ids")
	equal(t, thread, `["`+id(one)+`","`+id(two)+`"]`, "data", 0, "previous_data", "email_ids")
	a.del("/activity/emailthread/" + text(one["thread_id"]) + "/")
	thread = a.get("/event/?object_type=activity.email_thread&object_id=" + text(one["thread_id"]))
	equal(t, thread, "deleted", "data", 0, "action")
	equal(t, thread, `["`+id(two)+`"]`, "data", 0, "previous_data", "email_ids")

	task := a.post("/task/", object{"lead_id": lead, "text": "call"})
	equal(t, task, "null", "is_new")
	a.put("/task/"+id(task)+"/", object{"is_complete": true})
	tasks := a.get("/event/?object_type=task.lead&object_id=" + id(task))
	equal(t, tasks, "created", "data", -1, "action")
	equal(t, tasks, "true", "data", -1, "data", "is_new")
	equal(t, tasks, "null", "data", -1, "data", "view")
	equal(t, tasks, "false", "data", 0, "data", "is_new")
	equal(t, tasks, "Ada Example", "data", 0, "data", "created_by_name")
}

func TestWebhookDelivery(t *testing.T) {
	t.Parallel()
	a := start(t)
	r := receive(t)
	h := a.want(201, "POST", "/webhook/", hook(r.URL, "lead created", "lead updated", "lead deleted", "note created"))
	lead := a.lead("Acme")
	a.put("/lead/"+lead+"/", object{"name": "Acme 2"})
	a.post("/activity/note/", object{"lead_id": lead, "note": "x"})
	a.del("/lead/" + lead + "/")
	a.wait()
	if got, want := r.names(), "lead.created:Acme lead.updated:Acme 2 activity.note.created:null lead.deleted:null"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	header := r.header[0]
	if header.Get("User-Agent") != "Close Webhooks 2.0" || header.Get("Content-Type") != "application/json" {
		t.Errorf("got header %v", header)
	}
	key, err := hex.DecodeString(text(h["signature_key"]))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header.Get("Close-Sig-Timestamp") + r.raw[0]))
	if got, want := header.Get("Close-Sig-Hash"), hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("got signature %s, want %s", got, want)
	}
	equal(t, header.Get("Close-Sig-Timestamp"), fmt.Sprint(noon.Unix()))
	equal(t, r.got[0], id(h), "subscription_id")
	updated := r.got[1]["event"]
	equal(t, updated, "Acme", "previous_data", "name")
	equal(t, updated, `["display_name","name"]`, "changed_fields")
	equal(t, updated, "PUT", "meta", "request_method")
	equal(t, updated, "/api/v1/lead/"+lead+"/", "meta", "request_path")
	if len(updated.(object)) != 17 {
		t.Errorf("an event has %d keys, want 17", len(updated.(object)))
	}
	equal(t, r.got[3]["event"], "Acme 2", "previous_data", "name")
	got := a.get("/webhook/" + id(h) + "/")
	equal(t, got, "4", "counters", "first_success")
	equal(t, got, "healthy", "health_status")
	equal(t, got, "200", "history", "successes", 3, "response_status_code")
	if got := a.srv.Deliveries(); len(got) != 4 || got[0].Attempt != 1 || got[0].Status != 200 || got[0].Error != "" {
		t.Errorf("got deliveries %+v", got)
	}
	a.put("/webhook/"+id(h)+"/", object{"status": "paused"})
	a.lead("quiet")
	a.wait()
	a.del("/webhook/" + id(h) + "/")
	a.lead("silent")
	a.wait()
	if got := len(a.srv.Deliveries()); got != 4 {
		t.Errorf("got %d deliveries, want 4", got)
	}
}

func TestWebhookRetry(t *testing.T) {
	t.Parallel()
	a := start(t)
	r := receive(t)
	r.answer(500)
	h := a.want(201, "POST", "/webhook/", hook(r.URL, "lead created"))
	a.lead("Acme")
	a.wait()
	got := a.get("/webhook/" + id(h) + "/")
	equal(t, got, "1", "counters", "first_fail")
	equal(t, got, "HTTP status 500", "latest_error")
	equal(t, got, "500", "history", "errors", 0, "response_status_code")
	a.srv.Advance(time.Minute)
	a.wait()
	a.srv.Advance(time.Minute)
	a.wait()
	r.answer(204)
	a.srv.Advance(time.Minute)
	a.wait()
	got = a.get("/webhook/" + id(h) + "/")
	equal(t, got, `{"first_fail":1,"retry_fail":1,"retry_success":1}`, "counters")
	equal(t, got, "3", "history", "successes", 0, "attempt_number")
	r.Close()
	a.lead("Globex")
	a.wait()
	equal(t, a.get("/webhook/"+id(h)+"/"), "null", "history", "errors", 0, "response_status_code")
	for range 20 {
		a.srv.Advance(8 * time.Hour)
		a.wait()
	}
	n := len(a.srv.Deliveries())
	a.srv.Advance(100 * time.Hour)
	a.wait()
	if got := len(a.srv.Deliveries()); got != n {
		t.Errorf("retries go on after three days: %d, then %d", n, got)
	}
}

func TestWebhookOverTLS(t *testing.T) {
	t.Parallel()
	a := start(t)
	n := make(chan struct{}, 10)
	r := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n <- struct{}{} }))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	h := a.want(201, "POST", "/webhook/", hook(r.URL, "lead created"))
	a.lead("Acme")
	a.wait()
	if got := a.srv.Deliveries(); len(got) != 1 || got[0].Error == "" || len(n) != 0 {
		t.Errorf("an unknown certificate: got %+v", got)
	}
	a.put("/webhook/"+id(h)+"/", object{"verify_ssl": false})
	a.lead("Globex")
	a.wait()
	if got := a.srv.Deliveries(); len(got) != 2 || got[1].Status != 200 || len(n) != 1 {
		t.Errorf("verify_ssl false: got %+v", got)
	}
}

func TestWebhookModes(t *testing.T) {
	t.Parallel()
	a := start(t)
	r := receive(t)
	a.want(201, "POST", "/webhook/", hook(r.URL, "lead created"))
	a.srv.SetWebhookMode(emulator.WebhookMode{Duplicate: true})
	a.lead("A")
	a.wait()
	a.srv.SetWebhookMode(emulator.WebhookMode{Reverse: true})
	a.lead("B")
	a.lead("C")
	a.wait()
	if got, want := r.names(), "lead.created:A lead.created:A lead.created:C lead.created:B"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWebhookFilters(t *testing.T) {
	t.Parallel()
	a := start(t)
	data := func(field string, filter object) object {
		return object{"type": "field_accessor", "field": "data", "filter": object{"type": "field_accessor", "field": field, "filter": filter}}
	}
	eq := func(v any) object { return object{"type": "equals", "value": v} }
	for name, c := range map[string]struct {
		filter object
		want   string
	}{
		"equals":       {data("name", eq("Acme")), "Acme"},
		"not_equals":   {data("name", object{"type": "not_equals", "value": "Acme"}), "Globex"},
		"contains":     {data("name", object{"type": "contains", "value": "lob"}), "Globex"},
		"contains5":    {data("name", object{"type": "contains", "value": 5}), ""},
		"is_null":      {data("url", object{"type": "is_null"}), "Globex"},
		"non_null":     {data("url", object{"type": "non_null"}), "Acme"},
		"and":          {object{"type": "and", "filters": []any{data("name", eq("Acme")), data("url", eq("x"))}}, ""},
		"or":           {object{"type": "or", "filters": []any{data("name", eq("Acme")), data("name", eq("Globex"))}}, "Acme Globex"},
		"not":          {object{"type": "not", "filter": data("name", eq("Acme"))}, "Globex"},
		"any":          {data("addresses", object{"type": "any_array_value", "filter": object{"type": "field_accessor", "field": "city", "filter": eq("Rome")}}), "Acme"},
		"array member": {data("addresses", object{"type": "contains", "value": object{"x": 1}}), ""},
		"number":       {object{"type": "field_accessor", "field": "changed_fields", "filter": eq([]any{})}, "Acme Globex"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			r := receive(t)
			b.want(201, "POST", "/webhook/", object{"url": r.URL, "events": []any{object{"object_type": "lead", "action": "created", "extra_filter": c.filter}}})
			b.post("/lead/", object{"name": "Acme", "url": "https://acme.example", "addresses": []any{object{"city": "Rome"}}})
			b.lead("Globex")
			b.wait()
			want := ""
			for name := range strings.FieldsSeq(c.want) {
				want += " lead.created:" + name
			}
			if got := r.names(); got != strings.TrimSpace(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	deep := object{"type": "is_null"}
	for range 60 {
		deep = object{"type": "not", "filter": deep}
	}
	a.refused("POST", "/webhook/", object{"url": "https://x.example", "events": []any{object{"object_type": "lead", "action": "created", "extra_filter": deep}}}, "events")
}

func TestConsolidation(t *testing.T) {
	t.Parallel()
	a := start(t, func(o *emulator.Options) { o.ConsolidateEvents = time.Minute })
	r := receive(t)
	a.want(201, "POST", "/webhook/", hook(r.URL, "lead updated"))
	lead := a.lead("one")
	path := "/lead/" + lead + "/"
	a.put(path, object{"name": "two"})
	a.srv.Advance(10 * time.Second)
	a.put(path, object{"name": "three", "description": "x"})
	a.second().put(path, object{"name": "four"})
	a.wait()
	if got := r.names(); got != "" {
		t.Errorf("delivered before the delay: %s", got)
	}
	a.srv.Advance(2 * time.Minute)
	a.wait()
	if got := r.names(); got != "lead.updated:three lead.updated:four" {
		t.Errorf("got %s", got)
	}
	equal(t, r.got[0], "one", "event", "previous_data", "name")
	equal(t, r.got[0], "2026-03-10T12:00:10", "event", "date_updated")
	equal(t, r.got[0], "2026-03-10T12:00:00", "event", "date_created")
	a.put(path, object{"name": "five"})
	if got := events(a, "object_type=lead&action=updated"); got != "lead.updated lead.updated lead.updated" {
		t.Errorf("got events %s", got)
	}
}

func TestEventLog(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	for i := range 60 {
		a.srv.Advance(time.Second)
		a.put("/lead/"+lead+"/", object{"name": fmt.Sprint(i)})
	}
	first := a.get("/event/?lead_id=" + lead)
	if got := len(first["data"].([]any)); got != 50 {
		t.Fatalf("got %d events, want 50", got)
	}
	equal(t, first, "59", "data", 0, "data", "name")
	equal(t, first, "null", "cursor_previous")
	a.put("/lead/"+lead+"/", object{"name": "late"})
	second := a.get("/event/?lead_id=" + lead + "&_cursor=" + text(first["cursor_next"]))
	equal(t, second, "9", "data", 0, "data", "name")
	equal(t, second, "created", "data", 10, "action")
	equal(t, second, "null", "cursor_next")
	back := a.get("/event/?_limit=5&lead_id=" + lead + "&_cursor=" + text(second["cursor_previous"]))
	equal(t, back, "14", "data", 0, "data", "name")
	event := at(first, "data", 3)
	equal(t, a.get("/event/"+id(event.(object))+"/"), text(at(event, "object_id")), "object_id")
	a.want(404, "GET", "/event/ev_x/", nil)
	request := text(at(event, "request_id"))
	equal(t, a.get("/event/?request_id="+request), id(event.(object)), "data", 0, "id")
	if got := a.get("/event/?lead_id=" + lead + "&date_updated__lt=2026-03-10T12:00:02Z")["data"].([]any); len(got) != 3 {
		t.Errorf("date_updated__lt: got %d events", len(got))
	}
	a.refused("GET", "/event/?_limit=51", nil, "_limit")
	a.refused("GET", "/event/?_cursor=x", nil, "_cursor")
	a.refused("GET", "/event/?date_updated__lt=soon", nil, "date_updated__lt")
	a.want(400, "GET", "/event/?object_type=lead", nil)
	a.get("/event/?object_type=lead&lead_id=" + lead + "&user_id=" + a.srv.Users()[0].ID)
	equal(t, a.get("/event/?_cursor="), "late", "data", 0, "data", "name")
	if at(a.second().get("/event/?lead_id="+lead), "data", 0, "data") == nil {
		t.Error("a fresh event has no data")
	}
	a.srv.Advance(2 * time.Hour)
	if at(a.second().get("/event/?lead_id="+lead), "data", 0, "data") != nil {
		t.Error("an old event shows data to a user who is not an administrator")
	}
	a.second().get("/event/" + id(event.(object)) + "/")
	a.srv.Advance(31 * 24 * time.Hour)
	equal(t, a.get("/event/?lead_id="+lead), "[]", "data")
	a.want(404, "GET", "/event/"+id(event.(object))+"/", nil)
}

func TestCloseGivesUpDeliveries(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-block:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(block) })
	a := start(t)
	a.want(201, "POST", "/webhook/", hook(slow.URL, "lead created"))
	a.lead("Acme")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := a.srv.WaitWebhooks(ctx); err == nil {
		t.Error("the wait ended before the delivery")
	}
	a.srv.Reset()
	a.wait()
	if err := a.srv.Close(); err != nil {
		t.Error(err)
	}
	if err := a.srv.Close(); err != nil {
		t.Error(err)
	}
	if err := a.srv.Listen("127.0.0.1:0"); err == nil {
		t.Error("a closed server listens again")
	}
}

func TestLinkLocalWebhooks(t *testing.T) {
	t.Parallel()
	a := start(t)
	allowed := start(t, func(o *emulator.Options) { o.LinkLocalWebhooks = true })
	path := "/webhook/" + id(a.want(201, "POST", "/webhook/", hook("https://example.com/", "lead created"))) + "/"
	for _, url := range []string{
		"http://169.254.169.254/latest/meta-data/", "https://169.254.0.1:8080", "http://[fe80::1]/", "http://[fe80::1%25eth0]/",
		"http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[fd00:ec2::254]/",
	} {
		a.refused("POST", "/webhook/", hook(url, "lead created"), "url")
		a.refused("PUT", path, object{"url": url}, "url")
		allowed.want(201, "POST", "/webhook/", hook(url, "lead deleted"))
	}
}
