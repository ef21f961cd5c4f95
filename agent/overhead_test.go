package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// BenchmarkCall compares calls through a session with typed calls, against the
// emulator: a list of 25 leads, and the creation of a note. One iteration is a pass of
// 400 interleaved pairs of calls; what is reported is the median of the passes:
//
//	go test ./agent -run '^$' -bench BenchmarkCall -benchtime 11x
func BenchmarkCall(b *testing.B) {
	srv := emulator.Start(b)
	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	pipelines, err := closeapi.PipelinesList(b.Context(), client, closeapi.PipelinesListParams{})
	if err != nil {
		b.Fatal(err)
	}
	var lead closeapi.LeadID
	for i := range 30 {
		l, err := closeapi.LeadCreate(b.Context(), client, closeapi.LeadCreateParams{
			Name: fmt.Sprint("Acme ", i),
			Contacts: []closeapi.Contact{
				{Name: closekit.Some("Ann Lee"), Title: closekit.Some("CTO"), Emails: []closeapi.ContactEmail{{Email: "ann@acme.example"}}, Phones: []closeapi.ContactPhone{{Phone: "+16505550142"}}},
				{Name: closekit.Some("Bo Sand"), Emails: []closeapi.ContactEmail{{Email: "bo@acme.example"}}},
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		lead = l.ID
		if _, err := closeapi.OpportunityCreate(b.Context(), client, closeapi.OpportunityCreateParams{LeadID: lead, StatusID: pipelines.Data[0].Statuses[0].ID, Value: closekit.Some(closekit.Cents(1200000)), Note: closekit.Some("Wants a quote")}); err != nil {
			b.Fatal(err)
		}
		if _, err := closeapi.TaskCreate(b.Context(), client, closeapi.TaskCreateParams{LeadID: lead, Text: closekit.Some("Call back")}); err != nil {
			b.Fatal(err)
		}
	}
	a, err := agent.New(tools.Catalog(), agent.WithClient(client), agent.WithAudit(discard{}), agent.WithPolicy(agent.Default().Trusted("*")))
	if err != nil {
		b.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()), agent.As("ada"))
	// Every note differs from the others: the very same one again would need a person.
	notes := 0
	note := func() string {
		notes++
		return fmt.Sprintf("Met at the fair, stand %d.", notes)
	}
	// A pass is many pairs of calls, in alternating order, so that what else the
	// machine does meets both ways alike. The pass counts with its medians.
	const pairs = 400
	median := func(list []time.Duration) time.Duration {
		slices.Sort(list)
		return list[len(list)/2]
	}
	compare := func(name string, input func() []byte, typed func() error) {
		took := func(call func() error) time.Duration {
			begun := time.Now()
			if err := call(); err != nil {
				b.Fatal(err)
			}
			return time.Since(begun)
		}
		session := func() error {
			r := s.Call(b.Context(), "close_"+name, input())
			if r.Pending != nil {
				return errors.New(r.Text)
			}
			return r.Err
		}
		b.Run(name, func(b *testing.B) {
			var typedMedians, sessionMedians []time.Duration
			var overheads []float64
			for b.Loop() {
				var plain, layer []time.Duration
				for i := range pairs {
					if i%2 == 0 {
						plain = append(plain, took(typed))
					}
					layer = append(layer, took(session))
					if i%2 == 1 {
						plain = append(plain, took(typed))
					}
				}
				p, l := median(plain), median(layer)
				typedMedians, sessionMedians = append(typedMedians, p), append(sessionMedians, l)
				overheads = append(overheads, 100*(float64(l)/float64(p)-1))
			}
			slices.Sort(overheads)
			b.ReportMetric(float64(median(typedMedians).Microseconds()), "typed-µs")
			b.ReportMetric(float64(median(sessionMedians).Microseconds()), "session-µs")
			b.ReportMetric(overheads[len(overheads)/2], "overhead-%")
			b.ReportMetric(overheads[0], "least-%")
			b.ReportMetric(overheads[len(overheads)-1], "most-%")
		})
	}
	compare("leads_list", func() []byte { return []byte(`{"_limit":25}`) }, func() error {
		p, err := closeapi.LeadsList(b.Context(), client, closeapi.LeadsListParams{Limit: closekit.Some(25)})
		if err == nil && len(p.Data) != 25 {
			return fmt.Errorf("%d leads", len(p.Data))
		}
		return err
	})
	compare("note_create", func() []byte { return fmt.Appendf(nil, `{"lead_id":%q,"note":%q}`, lead, note()) }, func() error {
		_, err := closeapi.NoteCreate(b.Context(), client, closeapi.NoteCreateParams{LeadID: lead, Note: closekit.Some(note())})
		return err
	})
}

// discard is an audit sink that keeps nothing.
type discard struct{}

func (discard) Record(context.Context, agent.Record) error { return nil }
