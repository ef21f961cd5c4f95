package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

// mine marks what the questions create.
const mine = "closekit contract test"

type object = map[string]any

// asker sends requests, and deletes what they have created.
type asker struct {
	*testing.T
	root, key string
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	text   string
	o      object // nil if the body is no object
}

// String formats what counts of an answer.
func (a answer) String() string {
	text := a.text
	if len(text) > 400 {
		text = text[:400] + "…"
	}
	return fmt.Sprintf("%d %s", a.status, text)
}

// ids matches what differs between two runs.
var ids = regexp.MustCompile(`\b[a-z0-9]+_[A-Za-z0-9]{22,}\b`)

func (a *asker) request(method, path, contentType, authorization string, body io.Reader) answer {
	a.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.Context()), time.Minute) // cleaning up comes after the end of the test
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.root+path, body)
	if err != nil {
		a.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	} else {
		req.SetBasicAuth(a.key, "")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		a.Fatal(err)
	}
	out := answer{status: resp.StatusCode, header: resp.Header, text: string(bytes.TrimSpace(data))}
	_ = json.Unmarshal(data, &out.o) // what is no object has none
	return out
}

func (a *asker) send(method, path string, in any) answer {
	a.Helper()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			a.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	return a.request(method, "/api/v1"+path, "application/json", "", body)
}

// create creates an object and deletes it when the question is answered.
func (a *asker) create(path string, in any) answer {
	a.Helper()
	out := a.send(http.MethodPost, path, in)
	if id, _ := out.o["id"].(string); out.status/100 == 2 && id != "" {
		a.Cleanup(func() {
			if gone := a.send(http.MethodDelete, path+id+"/", nil); gone.status/100 != 2 && gone.status != http.StatusNotFound {
				a.Errorf("%s%s/ was not deleted and remains: %v", path, id, gone)
			}
		})
	}
	return out
}

// need is create for what a question rests on.
func (a *asker) need(path string, in any) object {
	a.Helper()
	out := a.create(path, in)
	if out.status/100 != 2 || out.o["id"] == nil {
		a.Fatalf("POST %s: %v", path, out)
	}
	return out.o
}

func (a *asker) lead() string {
	a.Helper()
	return text(a.need("/lead/", object{"name": mine})["id"])
}

func text(v any) string { return fmt.Sprint(v) }

// part formats some members of an answer.
func (a answer) part(names ...string) string {
	if a.status/100 != 2 {
		return a.String()
	}
	out := make([]string, 0, len(names))
	for _, name := range names {
		v, err := json.Marshal(a.o[name])
		if err != nil {
			return err.Error()
		}
		out = append(out, name+" "+string(v))
	}
	return strings.Join(out, ", ")
}

// question is one thing that is not documented.
type question struct {
	name     string
	ask      func(a *asker) string
	emulator string // matches what the emulator answers
}

var questions = []question{
	{"token endpoint: status and body for an unknown client", func(a *asker) string {
		form := url.Values{"client_id": {"oa2client_none"}, "client_secret": {"none"}, "grant_type": {"refresh_token"}, "refresh_token": {"none"}}
		return a.request(http.MethodPost, "/oauth2/token/", "application/x-www-form-urlencoded", "Basic none", strings.NewReader(form.Encode())).String()
	}, `^40[01] .*"error": ?"invalid_client"`},
	{"body of 401 for a bearer token that is not valid", func(a *asker) string {
		return a.request(http.MethodGet, "/api/v1/me/", "", "Bearer none", nil).String()
	}, `^401 `},
	{"headers about the rate limit", func(a *asker) string {
		h := a.send(http.MethodGet, "/me/", nil).header
		var got []string
		for _, name := range slices.Sorted(maps.Keys(h)) {
			if strings.Contains(strings.ToLower(name), "ratelimit") || strings.Contains(strings.ToLower(name), "rate-limit") {
				got = append(got, name+": "+h.Get(name))
			}
		}
		return "headers: " + strings.Join(got, "; ")
	}, `^headers:`},
	{"largest _limit outside of leads", func(a *asker) string {
		return each([]string{"/contact/", "/opportunity/", "/task/", "/activity/note/", "/user/"}, func(path string) string {
			return fmt.Sprint(a.send(http.MethodGet, path+"?_limit=1000", nil).status)
		})
	}, `^/contact/ \d+; `},
	{"largest _skip outside of leads", func(a *asker) string {
		return each([]string{"/contact/", "/opportunity/", "/task/"}, func(path string) string {
			return fmt.Sprint(a.send(http.MethodGet, path+"?_skip=1000000", nil).status)
		})
	}, `^/contact/ \d+; `},
	{"a path without its last slash", func(a *asker) string {
		out := a.send(http.MethodGet, "/me", nil)
		return fmt.Sprintf("%d, location %q", out.status, out.header.Get("Location"))
	}, `^308, location "/api/v1/me/"`},
	{"ids that cannot be", func(a *asker) string {
		return each([]string{"/lead/x/", "/lead/lead_x/", "/lead/cont_x/"}, func(path string) string { return a.send(http.MethodGet, path, nil).String() })
	}, `^/lead/x/ 40[04] `},
	{"a body of two megabytes", func(a *asker) string {
		return fmt.Sprint(a.create("/lead/", object{"name": mine, "description": strings.Repeat("x", 2<<20)}).status)
	}, `^200$`},
	{"response of a merge, and its activity", func(a *asker) string {
		from, to := a.lead(), a.lead()
		out := a.send(http.MethodPost, "/lead/merge/", object{"source": from, "destination": to})
		merged := a.send(http.MethodGet, "/activity/?lead_id="+to+"&_type=LeadMerge", nil)
		return out.String() + "; activity: " + merged.String()
	}, `^20\d .*; activity: 200 `},
	{"activities by type without a lead", func(a *asker) string {
		a.need("/activity/note/", object{"lead_id": a.lead(), "note": mine})
		out := a.send(http.MethodGet, "/activity/?_type=Call&_limit=10", nil)
		if out.status != http.StatusOK {
			return out.String()
		}
		rows, _ := out.o["data"].([]any)
		for _, row := range rows {
			if o, _ := row.(object); o["_type"] != "Call" {
				return "the filter is ignored"
			}
		}
		return "the filter works"
	}, `^the filter`},
	{"an unknown type of a phone number and of an address", func(a *asker) string {
		return a.create("/contact/", object{"lead_id": a.lead(), "name": mine, "phones": []object{{"phone": "+14155550123", "type": "boat"}}, "emails": []object{{"email": "a@closekit.example", "type": "boat"}}}).part("phones", "emails")
	}, `boat|^400 `},
	{"default type and country of a contact's numbers and addresses", func(a *asker) string {
		return a.create("/contact/", object{"lead_id": a.lead(), "name": mine, "phones": []object{{"phone": "4155550123"}}, "emails": []object{{"email": "B@Closekit.example"}}}).part("phones", "emails")
	}, `\+14155550123.*office`},
	{"rich text without its body element", func(a *asker) string {
		return a.create("/activity/note/", object{"lead_id": a.lead(), "note_html": "<p>" + mine + "</p>"}).part("note", "note_html")
	}, mine},
	{"two custom fields with one name", func(a *asker) string {
		a.need("/custom_field/lead/", object{"name": mine, "type": "text"})
		return a.create("/custom_field/lead/", object{"name": mine, "type": "text"}).part("name")
	}, `^(name|400)`},
	{"signature key of a webhook that is read again", func(a *asker) string {
		hook := a.need("/webhook/", object{"url": "https://closekit.example/hook", "events": []object{{"object_type": "lead", "action": "created"}}})
		_, has := a.send(http.MethodGet, "/webhook/"+text(hook["id"])+"/", nil).o["signature_key"]
		return fmt.Sprintf("in the response of the create: %t, of the get: %t", hook["signature_key"] != nil, has)
	}, `create: true, of the get: (true|false)`},
	{"defaults of a task", func(a *asker) string {
		out := a.create("/task/", object{"lead_id": a.lead(), "_type": "lead", "text": mine})
		return fmt.Sprintf("assigned_to is set: %t; %s", out.o["assigned_to"] != nil, out.part("date", "is_complete"))
	}, `^assigned_to is set: true; `},
	{"defaults and roundings of an opportunity", func(a *asker) string {
		out := a.create("/opportunity/", object{"lead_id": a.lead(), "value": 333, "value_period": "annual"})
		half := a.create("/opportunity/", object{"lead_id": a.lead(), "value": 101, "confidence": 50})
		return fmt.Sprintf("user_id is set: %t; %s; half of 101: %s", out.o["user_id"] != nil, out.part("confidence", "value_formatted"), half.part("expected_value"))
	}, `^user_id is set: true; confidence \d+, value_formatted ".+"; half of 101: expected_value 5[01]`},
	{"another lead for an opportunity", func(a *asker) string {
		deal := a.need("/opportunity/", object{"lead_id": a.lead(), "value": 100})
		to := a.lead()
		out := a.send(http.MethodPut, "/opportunity/"+text(deal["id"])+"/", object{"lead_id": to})
		return fmt.Sprintf("%d, moved: %t", out.status, out.o["lead_id"] == to)
	}, `^(200|400), moved: (true|false)$`},
	{"statuses on create of a pipeline, and left out on update", func(a *asker) string {
		p := a.create("/pipeline/", object{"name": mine, "statuses": []object{{"label": mine, "type": "active"}}})
		if p.status/100 != 2 {
			return p.String()
		}
		path := "/pipeline/" + text(p.o["id"]) + "/"
		a.Cleanup(func() { // before the pipeline, which cannot be deleted with statuses
			left, _ := a.send(http.MethodGet, path, nil).o["statuses"].([]any)
			for _, status := range left {
				if o, ok := status.(object); ok {
					a.send(http.MethodDelete, "/status/opportunity/"+text(o["id"])+"/", nil)
				}
			}
		})
		status := a.send(http.MethodPost, "/status/opportunity/", object{"label": mine + " 2", "type": "won", "pipeline_id": p.o["id"]})
		updated := a.send(http.MethodPut, path, object{"statuses": []object{}})
		count := func(o object) int { list, _ := o["statuses"].([]any); return len(list) }
		return fmt.Sprintf("created with %d; one more: %d; an update without them: %d, %d left", count(p.o), status.status, updated.status, count(a.send(http.MethodGet, path, nil).o))
	}, `^created with \d+; one more: 20\d; an update without them: \d+, \d+ left`},
}

func each(paths []string, ask func(path string) string) string {
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		out = append(out, path+" "+ask(path))
	}
	return strings.Join(out, "; ")
}

// target returns whom the tests ask.
func target(t *testing.T) (root, key string, live bool) {
	t.Helper()
	if os.Getenv("CLOSEKIT_LIVE") != "1" {
		srv := emulator.Start(t)
		t.Cleanup(func() { // the questions clean up after themselves
			for _, resource := range []string{"leads", "contacts", "opportunities", "tasks", "webhooks", "custom_fields_lead"} {
				for _, o := range srv.Objects(resource) {
					t.Errorf("%s %v remains", resource, o["id"])
				}
			}
			if n := len(srv.Objects("pipelines")); n != 1 {
				t.Errorf("%d pipelines remain, want the one of a new server", n)
			}
		})
		return srv.URL(), srv.APIKey(), false
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CLOSEKIT_LIVE is set in CI, where no real account is asked")
	}
	key, org := os.Getenv("CLOSE_API_KEY"), os.Getenv("CLOSEKIT_LIVE_ORGANIZATION")
	if key == "" || org == "" {
		t.Fatal("CLOSE_API_KEY and CLOSEKIT_LIVE_ORGANIZATION are needed, of an organization that exists for tests")
	}
	root = "https://api.close.com"
	me := (&asker{t, root, key}).send(http.MethodGet, "/me/", nil)
	if me.status != http.StatusOK || !strings.Contains(me.text, `"`+org+`"`) {
		t.Fatalf("the key is not one of %s; nothing was created", org)
	}
	return root, key, true
}

// TestQuestions asks everything and prints the answers.
func TestQuestions(t *testing.T) {
	root, key, live := target(t)
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			got := ids.ReplaceAllString(q.ask(&asker{t, root, key}), "ID")
			t.Logf("answer: %s", got)
			if !live && !regexp.MustCompile(q.emulator).MatchString(got) {
				t.Errorf("the emulator answers %q, want %s", got, q.emulator)
			}
		})
	}
}
