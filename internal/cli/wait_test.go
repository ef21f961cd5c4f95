package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// jobServer is an emulator whose clock stands still but for a step with every request,
// so that its jobs go on as they are looked at.
type jobServer struct {
	*emulator.Server
	url    string
	before func(*http.Request) // each request
}

func startJobs(t *testing.T, step time.Duration) *jobServer {
	t.Helper()
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	s := &jobServer{Server: emulator.New(emulator.Options{Clock: func() time.Time { return at }})}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Advance(step)
		if s.before != nil {
			s.before(r)
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	if err := s.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}, {"id": "lead_b", "name": "Globex"}]}`)); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs the command at the emulator.
func (s *jobServer) run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := map[string]string{envAPIKey: s.APIKey(), envBaseURL: s.url}
	code = Program{}.Run(ctx, args, nil, &out, &errs, func(name string) string { return env[name] })
	return code, out.String(), errs.String()
}

// looks counts the requests for the job.
func (s *jobServer) looks() int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == http.MethodGet {
			n++
		}
	}
	return n
}

const (
	exportLeads = `{"format":"csv","type":"leads","s_query":{"type":"object_type","object_type":"lead"}}`
	deleteLeads = `{"s_query":{"type":"and","queries":[{"type":"object_type","object_type":"lead"},{"type":"id","value":"lead_a"}]},"confirm_count":1}`
)

// TestWait starts jobs of all kinds and waits for them.
func TestWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		stdout string
	}{
		"export":           {[]string{"call", "close_export_lead_create", exportLeads, "--yes", "--wait"}, `"n_docs_processed":2`},
		"export by flags":  {[]string{"call", "close_export_opportunity_create", "--format", "csv", "--yes", "--wait", "--timeout=1m"}, `"download_url":"http`},
		"bulk action":      {[]string{"call", "--wait", "close_bulk_delete_create", deleteLeads, "--yes", "--no-undo"}, `"n_objects_processed":1`},
		"bulk, pretty":     {[]string{"call", "--wait", "--pretty", "close_bulk_delete_create", deleteLeads, "--yes", "--no-undo"}, `"n_objects_processed": 1`},
		"before the tool":  {[]string{"call", "--wait=true", "--timeout", "1m", "close_export_lead_create", exportLeads, "--yes"}, `"status":"done"`},
		"not when it says": {[]string{"call", "--wait=false", "close_export_lead_create", exportLeads, "--yes"}, `"status":"created"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startJobs(t, 10*time.Second)
			code, out, errs := s.run(t.Context(), c.args...)
			if code != 0 || !strings.Contains(out, c.stdout) || errs != "" || !json.Valid([]byte(out)) { // one document

				t.Errorf("exit code %d; %s; standard error: %s", code, out, errs)
			}
		})
	}
}

// TestWaitLooksAgain has a job that is not done at the first look, and a tool that
// itself fetches the job.
func TestWaitLooksAgain(t *testing.T) {
	t.Parallel()
	s := startJobs(t, 1500*time.Millisecond)
	code, out, errs := s.run(t.Context(), "call", "close_export_lead_create", exportLeads, "--yes")
	if code != 0 || !strings.Contains(out, `"status":"created"`) {
		t.Fatalf("exit code %d; %s; %s", code, out, errs)
	}
	_, id, _ := strings.Cut(out, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	code, out, errs = s.run(t.Context(), "call", "close_export_lead_get", "--export_id", id, "--fields", "id,status", "--wait")
	if code != 0 || out != `{"id":"`+id+`","status":"done"}`+"\n" && out != `{"status":"done","id":"`+id+`"}`+"\n" || errs != "" {
		t.Errorf("exit code %d; %s; %s", code, out, errs)
	}
	if n := s.looks(); n < 2 {
		t.Errorf("%d looks, want several", n)
	}
	s = startJobs(t, 1500*time.Millisecond)
	if code, out, errs := s.run(t.Context(), "call", "close_export_lead_create", exportLeads, "--yes"); code != 0 {
		t.Fatalf("exit code %d; %s; %s", code, out, errs)
	}
	id, _ = s.Objects("exports")[0]["id"].(string)
	for _, input := range [][]string{{"--export_id", id, "--fields", "status"}, {`{"export_id": "` + id + `", "_fields": ["status"]}`}} {
		args := append([]string{"call", "close_export_get", "--wait"}, input...)
		if code, out, errs = s.run(t.Context(), args...); code != 0 || out != `{"status":"done"}`+"\n" || errs != "" {
			t.Errorf("%q: exit code %d; %s; %s", args, code, out, errs)
		}
	}
	s.Fail(emulator.Fault{Tool: "close_export_get", Skip: 1, Status: 404})
	s.Fail(emulator.Fault{Tool: "close_export_get", Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"status":"created"}`})
	if code, _, errs = s.run(t.Context(), "call", "close_export_get", "--export_id", id, "--fields", "status", "--wait"); code != exitJobGoesOn || !strings.Contains(errs, "Close goes on with "+id+";") {
		t.Errorf("exit code %d; %s", code, errs)
	}
}

// TestWaitEndsBefore ends the wait and not the job: it says how to go on, and the job can
// be waited for again.
func TestWaitEndsBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code int
		stop bool // by a signal
		says string
	}{
		"timeout": {exitJobGoesOn, false, `the job is not done, but its state is created: the time that --timeout allows has passed`},
		"Ctrl-C":  {exitInterrupted, true, "error: interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startJobs(t, 0)
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			args := []string{"call", "close_export_lead_create", exportLeads, "--yes", "--wait"}
			if c.stop {
				s.before = func(r *http.Request) {
					if r.Method == http.MethodGet {
						stop(interruption{syscall.SIGINT})
					}
				}
			} else {
				args = append(args, "--timeout", "1ms")
			}
			code, out, errs := s.run(ctx, args...)
			if code != c.code || out != "" || !strings.Contains(errs, c.says) {
				t.Errorf("exit code %d; %s; %s", code, out, errs)
			}
			id, _ := s.Objects("exports")[0]["id"].(string)
			for _, want := range []string{"Close goes on with " + id + "; to look at it, run: closekit call close_export_lead_get --export_id " + id + "\n", "to wait for it again, run: closekit call close_export_lead_get --export_id " + id + " --wait\n"} {
				if !strings.Contains(errs, want) {
					t.Errorf("standard error does not say %q: %s", want, errs)
				}
			}
			s.before = nil
			s.Advance(time.Minute)
			_, line, _ := strings.Cut(errs, "to wait for it again, run: closekit ")
			line, _, _ = strings.Cut(line, "\n")
			if code, out, errs = s.run(t.Context(), strings.Fields(line)...); code != 0 || !strings.Contains(out, `"status":"done"`) {
				t.Errorf("the line of the hint: exit code %d; %s; %s", code, out, errs)
			}
		})
	}
}

// TestWaitLooksOnceMore has a job that ends between the last look and the timeout.
func TestWaitLooksOnceMore(t *testing.T) {
	t.Parallel()
	s := startJobs(t, 0)
	s.before = func(r *http.Request) {
		if r.Method == http.MethodGet && s.looks() == 1 {
			s.Advance(time.Minute)
		}
	}
	code, out, errs := s.run(t.Context(), "call", "close_export_lead_create", exportLeads, "--yes", "--wait", "--timeout", "500ms")
	if code != 0 || !strings.Contains(out, `"status":"done"`) || s.looks() != 2 {
		t.Errorf("exit code %d after %d looks; %s; %s", code, s.looks(), out, errs)
	}
}

// TestWaitFails has jobs that fail, or that cannot be looked at.
func TestWaitFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault        emulator.Fault
		code         int
		stdout, says string
	}{
		"the job fails": {
			emulator.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"id":"expo_x","status":"error"}`},
			exitJobFailed, `"status":"error"`, `the job failed: its state is "error"`,
		},
		"not found":   {emulator.Fault{Status: 404}, exitJobGoesOn, "", "to wait for it again"},
		"refused":     {emulator.Fault{Status: 401}, exitJobGoesOn, "", "to wait for it again"},
		"fails":       {emulator.Fault{Status: 500}, exitJobGoesOn, "", "to wait for it again"},
		"unreached":   {emulator.Fault{Kind: emulator.FaultCut}, exitJobGoesOn, "", "to wait for it again"},
		"unreadable":  {emulator.Fault{Kind: emulator.FaultMalformed}, exitJobGoesOn, "", "to wait for it again"},
		"no id":       {emulator.Fault{Tool: "close_export_lead_create", AfterAction: true, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"status":"created"}`}, exitJobGoesOn, "", "has no id to wait for"},
		"no state":    {emulator.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"id":"expo_x"}`}, exitJobGoesOn, "", "has no status"},
		"state is no": {emulator.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"id":"expo_x","status":7}`}, exitJobGoesOn, "", "is no text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startJobs(t, 0)
			c.fault.Times = -1
			if c.fault.Tool == "" {
				c.fault.Tool = "close_export_lead_get"
			}
			s.Fail(c.fault)
			code, out, errs := s.run(t.Context(), "call", "close_export_lead_create", exportLeads, "--yes", "--wait")
			if code != c.code || !strings.Contains(out, c.stdout) || (out == "") != (c.stdout == "") || !strings.Contains(errs, c.says) {
				t.Errorf("exit code %d; %s; %s", code, out, errs)
			}
		})
	}
}

// TestWaitUsage rejects what makes no sense before anything is sent.
func TestWaitUsage(t *testing.T) {
	t.Parallel()
	s := startJobs(t, 0)
	for _, c := range []struct {
		says string
		args []string
	}{
		{"close_lead_get starts no job", []string{"close_lead_get", "--lead_id", "lead_a", "--wait"}},
		{"close_export_lead_create", []string{"close_lead_get", "--lead_id", "lead_a", "--wait"}},
		{"close_bulk_delete_create", []string{"close_exports_list", "--wait"}},
		{"no effect without --wait", []string{"close_export_lead_create", exportLeads, "--yes", "--timeout", "5m"}},
		{"is not a duration", []string{"close_export_lead_create", exportLeads, "--yes", "--wait", "--timeout", "5"}},
		{"is not a duration", []string{"close_export_lead_create", exportLeads, "--yes", "--wait", "--timeout", "-5s"}},
		{"--timeout is empty", []string{"close_export_lead_create", exportLeads, "--yes", "--wait", "--timeout="}},
		{"--wait must be true or false", []string{"close_export_lead_create", exportLeads, "--yes", "--wait=10m"}},
		{"add status to them", []string{"close_export_get", "--export_id", "expo_x", "--fields", "id", "--wait"}},
		{"add status to them", []string{"close_export_get", `{"export_id": "expo_x", "fields": ["id"]}`, "--wait"}},
		{"starts no job", []string{"close_lead_delete", "--lead_id", "lead_a", "--wait"}},
	} {
		code, out, errs := s.run(t.Context(), append([]string{"call"}, c.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.says) {
			t.Errorf("%q: exit code %d; %s; %s", c.args, code, out, errs)
		}
	}
	if code, _, errs := s.run(t.Context(), "call", "close_export_lead_create", exportLeads, "--yes", "--wait", "--check"); code != 0 || !strings.Contains(errs, "nothing was sent") {
		t.Errorf("--check: exit code %d; %s", code, errs)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
	if _, out, _ := s.run(t.Context(), "call", "close_export_lead_create", "--help"); !strings.Contains(out, "--wait waits until it has ended") {
		t.Errorf("the help of the tool does not name --wait: %s", out)
	}
	if _, out, _ := s.run(t.Context(), "call", "close_lead_get", "--help"); strings.Contains(out, "--wait") {
		t.Error("the help of a tool without a job names --wait")
	}
	for _, args := range [][]string{{"--wa"}, {"close_export_lead_create", "--time"}} {
		if _, out, _ := s.run(t.Context(), append([]string{"__complete", "call"}, args...)...); !strings.Contains(out, "--wait") && !strings.Contains(out, "--timeout") {
			t.Errorf("completion of %q: %s", args, out)
		}
	}
}

// TestJobs finds what fetches the jobs of Close.
func TestJobs(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, tool := range tools.All() {
		if j := jobOf(tools.Catalog(), tool); j != nil && j.param != "" {
			got[tool.Name] = j.get.Name + " " + j.param
		}
	}
	for name, want := range map[string]string{
		"close_export_lead_create":                "close_export_lead_get export_id",
		"close_export_opportunity_create":         "close_export_opportunity_get export_id",
		"close_bulk_delete_create":                "close_bulk_delete_get bulk_delete_action_id",
		"close_bulk_edit_create":                  "close_bulk_edit_get bulk_edit_action_id",
		"close_bulk_email_create":                 "close_bulk_email_get bulk_email_action_id",
		"close_bulk_sequence_subscription_create": "close_bulk_sequence_subscription_get bulk_subscription_action_id",
	} {
		if got[name] != want {
			t.Errorf("the job of %s: %q, want %q", name, got[name], want)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("more tools start jobs: %v", got)
	}
	if waits := slices.DeleteFunc(tools.All(), func(x *closekit.Tool) bool { return x.Operation().Waits == nil }); len(waits) != 7 {
		t.Errorf("%d tools fetch jobs", len(waits))
	}
}
