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
		return each([]string{"refresh_token", "authorization_code", "none"}, func(grant string) string {
			return a.form("/oauth2/token/", url.Values{"grant_type": {grant}, "refresh_token": {"none"}, "code": {"none"}, "redirect_uri": {"https://closekit.example/"}, "code_verifier": {strings.Repeat("x", 43)}})
		})
	}, `^refresh_token 40[01] .*"error": ?"invalid_client".*; authorization_code 40[01] .*; none 40[01] `},
	{"revocation endpoint: status and body for an unknown client", func(a *asker) string {
		return a.form("/oauth2/revoke/", url.Values{"token": {"none"}})
	}, `^(200|40[01])`},
	{"bodies for what a key may not do: call what needs an access token, and read another organization", func(a *asker) string {
		// The body lacks what is required, so that nothing is created if the key may do it.
		return "integration " + a.send(http.MethodPost, "/scheduling_link/integration/", object{}).String() +
			"; organization " + a.send(http.MethodGet, "/organization/orga_closekitnone/", nil).String()
	}, `^integration 40[0134] .*; organization 40[134] `},
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
	{"activities by user or contact without a lead", func(a *asker) string {
		lead := a.lead()
		contact := text(a.need("/contact/", object{"lead_id": lead, "name": mine})["id"])
		a.need("/activity/note/", object{"lead_id": lead, "note": mine})
		me := text(a.send(http.MethodGet, "/me/", nil).o["id"])
		return each([]string{"user_id", "contact_id"}, func(name string) string {
			want := map[string]string{"user_id": me, "contact_id": contact}[name]
			out := a.send(http.MethodGet, "/activity/?_limit=50&"+name+"="+want, nil)
			if out.status != http.StatusOK {
				return out.String()
			}
			rows, _ := out.o["data"].([]any)
			for _, row := range rows {
				if o, _ := row.(object); o[name] != want {
					return "is ignored"
				}
			}
			return fmt.Sprintf("works, %d found", len(rows))
		})
	}, `^user_id (is ignored|works, [1-9]|400).*; contact_id (is ignored|works, 0 |400)`},
	{"an enrollment of a contact who is enrolled", func(a *asker) string {
		in := a.enrollment()
		first := a.create("/sequence_subscription/", in)
		second := a.create("/sequence_subscription/", in)
		return fmt.Sprintf("first: %d; second: %s", first.status, second.part("status", "status_reason"))
	}, `^first: 20\d; second: `},
	{"an enrollment that is set to finished, and then to active", func(a *asker) string {
		path := "/sequence_subscription/" + text(a.need("/sequence_subscription/", a.enrollment())["id"]) + "/"
		return each([]string{"paused", "finished", "active", "error"}, func(status string) string {
			return a.send(http.MethodPut, path, object{"status": status}).part("status", "status_reason")
		})
	}, `^paused status "paused".*; finished .*; active .*; error `},
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

func each(cases []string, ask func(string) string) string {
	out := make([]string, 0, len(cases))
	for _, x := range cases {
		out = append(out, x+" "+ask(x))
	}
	return strings.Join(out, "; ")
}

// form asks an endpoint of OAuth as a client that does not exist.
func (a *asker) form(path string, form url.Values) string {
	a.Helper()
	form.Set("client_id", "oa2client_none")
	form.Set("client_secret", "none")
	return a.request(http.MethodPost, path, "application/x-www-form-urlencoded", "Basic none", strings.NewReader(form.Encode())).String()
}

// enrollment is the body that enrolls a new contact in a new sequence. Its only step is a
// task to call, a month from now, so nothing is sent.
func (a *asker) enrollment() object {
	a.Helper()
	contact := a.need("/contact/", object{"lead_id": a.lead(), "name": mine, "phones": []object{{"phone": "+14155550123"}}})
	sequence := a.need("/sequence/", object{"name": mine, "timezone": "UTC", "steps": []object{{"step_type": "call", "delay": 30 * 24 * 3600, "required": true}}})
	return object{"sequence_id": sequence["id"], "contact_id": contact["id"]}
}

// open is what the documentation leaves open, the most important first: the question that
// asks it, or why the tests do not.
var open = []struct{ what, question, why string }{
	{"errors of the token endpoint", "token endpoint: status and body for an unknown client", ""},
	{"errors of the revocation endpoint", "revocation endpoint: status and body for an unknown client", ""},
	{"how long a refresh token and a code live, and whether each works once", "", needsApp},
	{"whether a refresh ends the access token before it", "", needsApp},
	{"whether PKCE is demanded when a code was asked for with it", "", needsApp},
	{"whether a client may have several redirect URLs", "", needsApp},
	{"what /me/ lists under OAuth for a user of several organizations", "", needsApp},
	{"body of 401 for a bearer token", "body of 401 for a bearer token that is not valid", ""},
	{"body for a bearer token that has expired", "", needsApp},
	{"body and status for a missing permission", "bodies for what a key may not do: call what needs an access token, and read another organization", ""},
	{"body for a permission that a role lacks", "", "the key of an administrator lacks none, and a role cannot be taken from a user without a second user who gives it back"},
	{"body of 402", "", "it takes an organization that cannot pay"},
	{"body of 403 for a feature outside of the plan", "", "which features the plan lacks is not known, and to call one that it has can cost money"},
	{"body of 429", "", "it takes so many requests that other programs of the organization are refused too"},
	{"headers about the rate limit", "headers about the rate limit", ""},
	{"whether access tokens share the limit of a key", "", needsApp},
	{"ceilings of _limit", "largest _limit outside of leads", ""},
	{"ceilings of _skip", "largest _skip outside of leads", ""},
	{"largest body", "a body of two megabytes", ""},
	{"paths without the last slash", "a path without its last slash", ""},
	{"malformed ids", "ids that cannot be", ""},
	{"merge of leads", "response of a merge, and its activity", ""},
	{"filter by type of activities", "activities by type without a lead", ""},
	{"filters by user and contact of activities", "activities by user or contact without a lead", ""},
	{"unknown types of numbers and addresses", "an unknown type of a phone number and of an address", ""},
	{"defaults of numbers and addresses", "default type and country of a contact's numbers and addresses", ""},
	{"rich text without body", "rich text without its body element", ""},
	{"custom fields with one name", "two custom fields with one name", ""},
	{"repeated enrollment", "an enrollment of a contact who is enrolled", ""},
	{"transitions of finished enrollments", "an enrollment that is set to finished, and then to active", ""},
	{"transitions of enrollments that failed", "", "an enrollment fails when a message cannot be sent, and the tests send none"},
	{"signature key of webhooks", "signature key of a webhook that is read again", ""},
	{"how long Close waits for the response to a webhook", "", needsReceiver},
	{"whether a delivery that is repeated is signed again with a new time", "", needsReceiver},
	{"defaults of tasks", "defaults of a task", ""},
	{"defaults and roundings of opportunities", "defaults and roundings of an opportunity", ""},
	{"the lead of an opportunity", "another lead for an opportunity", ""},
	{"statuses of pipelines", "statuses on create of a pipeline, and left out on update", ""},
}

const (
	needsApp      = "it takes an OAuth app of Close and a person who consents; runtime/accounts works with either answer"
	needsReceiver = "it takes a receiver that Close reaches on the internet; runtime/webhooks works with either answer"
)

// TestOpen tests that every question is about something open, and prints what is not
// asked.
func TestOpen(t *testing.T) {
	asked := map[string]bool{}
	for _, x := range open {
		if (x.question == "") == (x.why == "") {
			t.Errorf("%s: it has a question, or a reason why not", x.what)
		}
		if x.question == "" {
			t.Logf("not asked: %s, because %s", x.what, x.why)
			continue
		}
		asked[x.question] = true
		if !slices.ContainsFunc(questions, func(q question) bool { return q.name == x.question }) {
			t.Errorf("%s: there is no question %q", x.what, x.question)
		}
	}
	for _, q := range questions {
		if !asked[q.name] {
			t.Errorf("the question %q is about nothing open", q.name)
		}
	}
}

// target returns whom the tests ask.
func target(t *testing.T) (root, key string, live bool) {
	t.Helper()
	if os.Getenv("CLOSEKIT_LIVE") != "1" {
		srv := emulator.Start(t)
		t.Cleanup(func() { // the questions clean up after themselves
			for _, resource := range []string{"leads", "contacts", "opportunities", "tasks", "webhooks", "custom_fields_lead", "sequence_subscriptions"} {
				for _, o := range srv.Objects(resource) {
					t.Errorf("%s %v remains", resource, o["id"])
				}
			}
			if n := len(srv.Objects("sequences")); n != 2 {
				t.Errorf("%d sequences remain, want the two of a new server", n)
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
