package records_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/records"
	"github.com/closekit/closekit/emulator"
)

// world is an emulated Close whose search lags behind by a minute.
type world struct {
	*testing.T
	srv *emulator.Server
	c   *closekit.Client
}

// run runs a test with a clock of its own.
func run(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := emulator.New(emulator.Options{Clock: time.Now})
		defer srv.Close()
		test(&world{t, srv, newClient(srv)})
	})
}

func newClient(srv *emulator.Server, opts ...closekit.Option) *closekit.Client {
	return closekit.NewClient(closekit.APIKey(srv.APIKey()), append([]closekit.Option{
		closekit.BaseURL("http://127.0.0.1"), closekit.HTTPClient(&http.Client{Transport: srv.Transport()}),
		closekit.MaxRetries(0), closekit.WithMiddleware(lagging(srv)),
	}, opts...)...)
}

// lagging hides leads of the last minute from searches.
func lagging(srv *emulator.Server) closekit.Middleware {
	return func(next closekit.RoundTrip) closekit.RoundTrip {
		return func(a *closekit.Attempt) (*http.Response, error) {
			resp, err := next(a)
			if err != nil || a.Operation.Tool != "close_leads_list" || resp.StatusCode != http.StatusOK {
				return resp, err
			}
			known := map[any]bool{}
			for _, l := range srv.Objects("leads") {
				at, err := time.Parse(time.RFC3339Nano, l["date_created"].(string))
				known[l["id"]] = err == nil && time.Since(at) > time.Minute
			}
			var page map[string]any
			err = json.NewDecoder(resp.Body).Decode(&page)
			_ = resp.Body.Close()
			if err != nil {
				return nil, err
			}
			page["data"] = slices.DeleteFunc(page["data"].([]any), func(l any) bool { return !known[l.(map[string]any)["id"]] })
			b, err := json.Marshal(page)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			return resp, err
		}
	}
}

func (w *world) count(resource string, want int) {
	w.Helper()
	if n := len(w.srv.Objects(resource)); n != want {
		w.Errorf("%d %s, want %d", n, resource, want)
	}
}

// acme is a lead with a contact.
func acme(name, email string) closeapi.LeadCreateParams {
	return closeapi.LeadCreateParams{Name: name, Contacts: []closeapi.Contact{{
		Name: closekit.Some("Ann Lee"), Emails: []closeapi.ContactEmail{{Email: email}},
	}}}
}

// TestLead finds a lead again at every moment after it was created: what the search
// does not have yet is known to the finder, or in the event log.
func TestLead(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ctx := w.Context()
		for i, wait := range []time.Duration{0, time.Second, 45 * time.Second, 20 * time.Second, 30 * time.Second, time.Hour} {
			time.Sleep(wait)
			// A finder of its own stands for another process.
			for j, f := range []*records.Finder{records.NewFinder(w.c, 0), records.NewFinder(w.c, 0)} {
				lead, created, err := f.LeadNamed(ctx, acme("Acme  Corp", "ann@acme.example"))
				if err != nil || created != (i+j == 0) {
					w.Errorf("after %s: %+v, %v, %v", wait, lead, created, err)
				}
				again, created, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: " acme CORP"})
				if err != nil || created || again.ID != lead.ID {
					w.Errorf("again after %s: %+v, %v, %v", wait, again, created, err)
				}
				byEmail, created, err := f.LeadWithEmail(ctx, "ANN@acme.example", acme("Other", "ann@acme.example"))
				if err != nil || created || byEmail.ID != lead.ID {
					w.Errorf("by address after %s: %+v, %v, %v", wait, byEmail, created, err)
				}
			}
			w.count("leads", 1)
		}
	})
}

// TestLeadWithoutLog relies on what the finder created itself.
func TestLeadWithoutLog(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.srv.Fail(emulator.Fault{Path: "/api/v1/event/", Status: 403, Times: -1})
		f := records.NewFinder(w.c, 0)
		for range 8 {
			if _, _, err := f.LeadNamed(w.Context(), closeapi.LeadCreateParams{Name: "Acme"}); err != nil {
				w.Error(err)
			}
			time.Sleep(20 * time.Second)
		}
		w.count("leads", 1)
	})
	run(t, func(w *world) { // another failure is not taken for an empty log
		w.srv.Fail(emulator.Fault{Path: "/api/v1/event/", Status: 500})
		if _, _, err := records.NewFinder(w.c, 0).LeadNamed(w.Context(), closeapi.LeadCreateParams{Name: "Acme"}); !errors.Is(err, closekit.ErrServer) {
			w.Error(err)
		}
		w.count("leads", 0)
	})
}

// TestLeadAtOnce calls at the same time.
func TestLeadAtOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		f := records.NewFinder(w.c, 0)
		var wg sync.WaitGroup
		var mu sync.Mutex
		created := 0
		for range 20 {
			wg.Go(func() {
				_, isNew, err := f.LeadNamed(w.Context(), closeapi.LeadCreateParams{Name: "Acme"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					w.Error(err)
				}
				if isNew {
					created++
				}
			})
		}
		wg.Wait()
		if created != 1 {
			w.Errorf("%d created", created)
		}
		w.count("leads", 1)
	})
}

// TestLeadGone creates a lead anew that was deleted or renamed since.
func TestLeadGone(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ctx, f := w.Context(), records.NewFinder(w.c, 0)
		first, _, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Acme"})
		if err != nil {
			w.Fatal(err)
		}
		if err := closeapi.LeadDelete(ctx, w.c, closeapi.LeadDeleteParams{LeadID: first.ID}); err != nil {
			w.Fatal(err)
		}
		second, created, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Acme"})
		if err != nil || !created {
			w.Fatal(err)
		}
		if _, err := closeapi.LeadUpdate(ctx, w.c, closeapi.LeadUpdateParams{LeadID: second.ID, Name: closekit.Some("Zenith")}); err != nil {
			w.Fatal(err)
		}
		if third, created, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Acme"}); err != nil || !created || third.ID == second.ID {
			w.Error(third, created, err)
		}
	})
}

func TestLeadAmbiguous(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ctx := w.Context()
		for range 12 {
			if _, err := closeapi.LeadCreate(ctx, w.c, closeapi.LeadCreateParams{Name: "Acme"}); err != nil {
				w.Fatal(err)
			}
		}
		for range 2 { // by the event log, then by the search
			_, _, err := records.NewFinder(w.c, 0).LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Acme"})
			var e *records.AmbiguousError
			if !errors.As(err, &e) || len(e.IDs) != 12 || e.Kind != "lead" || !strings.Contains(err.Error(), "12 records of the kind lead match: lead_") || !strings.HasSuffix(err.Error(), " and 2 more; merge them, or use the id of one") {
				w.Error(err)
			}
			time.Sleep(time.Hour)
		}
		w.count("leads", 12)
	})
}

// TestLeadInDoubt loses the response of a create.
func TestLeadInDoubt(t *testing.T) {
	t.Parallel()
	for about, fault := range map[string]emulator.Fault{
		"cut":       {Kind: emulator.FaultCut},
		"502":       {Status: 502},
		"malformed": {Kind: emulator.FaultMalformed},
		"303":       {Status: 303, Header: http.Header{"Location": {"/api/v1/lead/lead_x/"}}},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			for _, happened := range []bool{true, false} {
				run(t, func(w *world) {
					ctx, f := w.Context(), records.NewFinder(w.c, 0)
					w.srv.Fail(emulator.Fault{Path: "/api/v1/event/", Status: 403, Times: -1})
					fault.Method, fault.Path, fault.AfterAction = "POST", "/api/v1/lead/", happened
					w.srv.Fail(fault)
					for range 4 { // at 0, 25, 50 and 75 seconds
						lead, created, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Acme"})
						var e *records.InDoubtError
						if found := err == nil && !created && lead.ID != ""; !found && !errors.As(err, &e) {
							w.Error(lead, created, err)
						}
						time.Sleep(25 * time.Second)
					}
					if _, created, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Acme"}); err != nil || created == happened {
						w.Error(created, err)
					}
					w.count("leads", 1)
				})
			}
		})
	}
	run(t, func(w *world) { // a refusal is no doubt
		w.srv.Fail(emulator.Fault{Method: "POST", Path: "/api/v1/lead/", Status: 400})
		f := records.NewFinder(w.c, 0)
		if _, _, err := f.LeadNamed(w.Context(), closeapi.LeadCreateParams{Name: "Acme"}); !errors.Is(err, closekit.ErrBadRequest) {
			w.Error(err)
		}
		if _, created, err := f.LeadNamed(w.Context(), closeapi.LeadCreateParams{Name: "Acme"}); !created || err != nil {
			w.Error(err)
		}
	})
}

func TestFinderRefuses(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		f := records.NewFinder(w.c, 0)
		if _, _, err := f.LeadNamed(w.Context(), closeapi.LeadCreateParams{Name: " "}); err == nil {
			w.Error("a lead without a name")
		}
		if _, _, err := f.LeadWithEmail(w.Context(), "x@y.example", acme("Acme", "ann@acme.example")); err == nil {
			w.Error("a lead that would not be found again")
		}
		w.count("leads", 0)
	})
}

func TestContact(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ctx, f := w.Context(), records.NewFinder(w.c, 0)
		lead, _, err := f.LeadNamed(ctx, acme("Acme", "ann@acme.example"))
		if err != nil {
			w.Fatal(err)
		}
		other, _, err := f.LeadNamed(ctx, closeapi.LeadCreateParams{Name: "Zenith"})
		if err != nil {
			w.Fatal(err)
		}
		for _, c := range []struct {
			lead    closeapi.LeadID
			name    string
			email   string
			created bool
		}{
			{lead.ID, "Ms. Lee", "Ann@Acme.example", false},
			{lead.ID, "ann lee", "", false},
			{lead.ID, "Bob", "bob@acme.example", true},
			{lead.ID, "Robert", "bob@acme.example", false},
			{lead.ID, "BOB", "", false},
			{other.ID, "Bob", "bob@acme.example", true},
		} {
			p := closeapi.ContactCreateParams{LeadID: c.lead, Name: closekit.Some(c.name)}
			if c.email != "" {
				p.Emails = []closeapi.ContactEmail{{Email: c.email}}
			}
			got, created, err := f.Contact(ctx, p)
			if err != nil || created != c.created || got.LeadID.Or("") != c.lead {
				w.Errorf("%+v: %+v, %v, %v", c, got, created, err)
			}
		}
		w.count("contacts", 3)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ctx := w.Context()
		read, err := closeapi.LeadCreate(ctx, w.c, acme("Acme", "ann@acme.example"))
		if err != nil {
			w.Fatal(err)
		}
		if read, err = closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: read.ID}); err != nil {
			w.Fatal(err)
		}
		time.Sleep(time.Minute)
		done, err := records.UpdateLead(ctx, w.c, read, closeapi.LeadUpdateParams{Description: closekit.Some("Makes anvils")})
		if err != nil || done.Record.Description.Or("") != "Makes anvils" || len(done.Others) > 0 {
			w.Fatalf("%+v, %v", done, err)
		}

		// The record is not as it was read any more.
		_, err = records.UpdateLead(ctx, w.c, read, closeapi.LeadUpdateParams{Description: closekit.Some("Makes rockets")})
		var e *records.ChangedError
		if !errors.As(err, &e) || !slices.Equal(e.Fields, []string{"date_updated", "description"}) || e.Record.(*closeapi.Lead).Description.Or("") != "Makes anvils" {
			w.Error(err)
		}
		if want := "not updated, because the record has changed since it was read: date_updated, description"; err.Error() != want {
			w.Error(err)
		}
		// Fields that were not read do not count.
		part, err := closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: read.ID, Fields: []string{"id", "name"}})
		if err != nil {
			w.Fatal(err)
		}
		meddle := func(p closeapi.LeadUpdateParams) {
			p.LeadID = read.ID
			if _, err := closeapi.LeadUpdate(ctx, w.c, p); err != nil {
				w.Fatal(err)
			}
		}
		meddle(closeapi.LeadUpdateParams{URL: closekit.Some("https://acme.example")})
		done, err = records.UpdateLead(ctx, w.c, part, closeapi.LeadUpdateParams{LeadID: read.ID, Name: closekit.Some("Acme Corp")})
		if err != nil || !slices.Equal(done.Others, []string{"display_name"}) {
			w.Errorf("%+v, %v", done, err)
		}

		// A change between the comparison and the write survives and is reported.
		if read, err = closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: read.ID}); err != nil {
			w.Fatal(err)
		}
		racing := newClient(w.srv, closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
			return func(a *closekit.Attempt) (*http.Response, error) {
				if a.Operation.Tool == "close_lead_update" {
					meddle(closeapi.LeadUpdateParams{URL: closekit.Null[string]()})
				}
				return next(a)
			}
		}))
		done, err = records.UpdateLead(ctx, racing, read, closeapi.LeadUpdateParams{Description: closekit.Some("Makes bridges")})
		if err != nil || !slices.Equal(done.Others, []string{"url"}) {
			w.Errorf("%+v, %v", done, err)
		}

		if _, err := records.UpdateLead(ctx, w.c, read, closeapi.LeadUpdateParams{LeadID: "lead_other"}); err == nil || err.Error() != fmt.Sprintf(`the update is for "lead_other", but the record read is %q`, read.ID) {
			w.Error(err)
		}
	})
}

func TestUpdateOthers(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ctx := w.Context()
		lead, err := closeapi.LeadCreate(ctx, w.c, acme("Acme", "ann@acme.example"))
		if err != nil {
			w.Fatal(err)
		}
		contact, err := records.UpdateContact(ctx, w.c, &lead.Contacts[0], closeapi.ContactUpdateParams{Title: closekit.Some("CEO")})
		if err != nil || contact.Record.Title.Or("") != "CEO" {
			w.Error(err)
		}
		deal, err := closeapi.OpportunityCreate(ctx, w.c, closeapi.OpportunityCreateParams{LeadID: lead.ID, StatusID: closeapi.OpportunityStatusID(w.srv.Objects("opportunity_statuses")[0]["id"].(string))})
		if err != nil {
			w.Fatal(err)
		}
		won, err := records.UpdateOpportunity(ctx, w.c, deal, closeapi.OpportunityUpdateParams{Value: closekit.Some(closekit.Cents(100))})
		if err != nil || won.Record.Value.Or(0) != 100 || !slices.Contains(won.Others, "value_formatted") {
			w.Errorf("%+v, %v", won, err)
		}
		task, err := closeapi.TaskCreate(ctx, w.c, closeapi.TaskCreateParams{LeadID: lead.ID, Text: closekit.Some("Call")})
		if err != nil {
			w.Fatal(err)
		}
		p := closeapi.TaskUpdateParams{TaskID: task.ID, IsComplete: closekit.Some(true)}
		get := func() (*closeapi.Task, error) {
			return closeapi.TaskGet(ctx, w.c, closeapi.TaskGetParams{TaskID: task.ID})
		}
		put := func() (*closeapi.Task, error) { return closeapi.TaskUpdate(ctx, w.c, p) }
		if _, err := records.Update(task, p, get, put); err != nil {
			w.Error(err)
		}
		if _, err := records.Update(task, p, get, put); !errors.As(err, new(*records.ChangedError)) {
			w.Error(err)
		}
	})
}
