// Package bench measures closekit next to other clients of the same API. See
// README.md.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/bench/fixture"
	"github.com/closekit/closekit/bench/hand"
	"github.com/closekit/closekit/bench/memrt"
	"github.com/closekit/closekit/bench/model"
	"github.com/closekit/closekit/closeapi"
)

const (
	root   = "https://api.close.test"
	base   = root + "/api/v1"
	apiKey = "api_test"
	leads  = 100

	leadID   = "lead_xxjB7G0LGT6M5zsloVCVgzguEY0zgI0oDSHZI0t2eAX"
	statusID = "stat_xxjB7G0LGT6M5zsloVCVgzguEY0zgI0oDSHZI0t2eAX"
	note     = "asked for a quote on the annual plan"
)

// contender is one client. Each call returns a number that proves that it decoded
// the response: leads on the page, the opportunity's value, the length of an id.
type contender struct {
	name             string
	list, create, me func(context.Context) (int, error)
}

// registry has a constructor for every contender. The generated peers register
// themselves in files with the build tag peers.
var registry = []func(*memrt.Transport) contender{
	ours("closekit"),
	stdlib("hand-std-plain", stdCodec, func() (any, func() int) {
		p := new(model.Page)
		return p, func() int { return len(p.Data) }
	}),
	stdlib("hand-std-plain-keep", stdCodec, func() (any, func() int) {
		p := new(hand.KeepPage)
		return p, func() int { return len(p.Data) }
	}),
}

func contenders(t *memrt.Transport) []contender {
	var cs []contender
	for _, f := range registry {
		cs = append(cs, f(t))
	}
	return cs
}

// ours is closekit with its defaults: retries, rate limit gate, time limit,
// body limit and validation are on.
func ours(name string, opts ...closekit.Option) func(*memrt.Transport) contender {
	return func(t *memrt.Transport) contender {
		c := closekit.NewClient(closekit.APIKey(apiKey), append(opts, closekit.BaseURL(root), closekit.HTTPClient(t.Client()))...)
		return contender{
			name: name,
			list: func(ctx context.Context) (int, error) {
				p, err := closeapi.LeadsList(ctx, c, closeapi.LeadsListParams{Limit: closekit.Some(leads)})
				if err != nil {
					return 0, err
				}
				return len(p.Data), nil
			},
			create: func(ctx context.Context) (int, error) {
				o, err := closeapi.OpportunityCreate(ctx, c, closeapi.OpportunityCreateParams{
					LeadID:      leadID,
					StatusID:    statusID,
					Note:        closekit.Some(note),
					Confidence:  closekit.Some(60),
					Value:       closekit.Some(closekit.Cents(125000)),
					ValuePeriod: closekit.Some(closeapi.ValuePeriodMonthly),
				})
				if err != nil {
					return 0, err
				}
				return int(o.Value.Or(0)), nil
			},
			me: func(ctx context.Context) (int, error) {
				m, err := closeapi.MeGet(ctx, c, closeapi.MeGetParams{})
				if err != nil {
					return 0, err
				}
				return len(m.ID), nil
			},
		}
	}
}

var stdCodec = hand.Codec{Marshal: json.Marshal, Unmarshal: json.Unmarshal}

func ptr[T any](v T) *T { return &v }

// stdlib is the hand-written client; page returns a destination for a page and a
// function that counts its leads.
func stdlib(name string, codec hand.Codec, page func() (any, func() int)) func(*memrt.Transport) contender {
	return func(t *memrt.Transport) contender {
		c, err := hand.New(t.Client(), base, apiKey, codec)
		if err != nil {
			panic(err)
		}
		return contender{
			name: name,
			list: func(ctx context.Context) (int, error) {
				p, n := page()
				err := c.ListLeads(ctx, leads, 0, p)
				return n(), err
			},
			create: func(ctx context.Context) (int, error) {
				var o model.Opportunity
				err := c.CreateOpportunity(ctx, &model.CreateOpportunity{
					LeadID: ptr(leadID), StatusID: ptr(statusID), Note: ptr(note), Confidence: ptr[int64](60), Value: ptr[int64](125000), ValuePeriod: ptr("monthly"),
				}, &o)
				return int(o.Value), err
			},
			me: func(ctx context.Context) (int, error) {
				var m model.Me
				err := c.Me(ctx, &m)
				return len(m.ID), err
			},
		}
	}
}

// TestContenders checks that every client sends the credentials, the query and
// the same body, and decodes the response.
func TestContenders(t *testing.T) {
	tr := memrt.New(leads)
	tr.Record = true
	var opp model.Opportunity
	if err := json.Unmarshal(tr.Opportunity, &opp); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, c := range contenders(tr) {
		t.Run(c.name, func(t *testing.T) {
			n, err := c.list(ctx)
			if err != nil || n != leads {
				t.Fatal(n, err)
			}
			if !strings.HasSuffix(tr.LastURL, "/api/v1/lead/?_limit=100") {
				t.Error("url", tr.LastURL)
			}
			if !strings.HasPrefix(tr.LastAuth, "Basic ") {
				t.Error("auth", tr.LastAuth)
			}
			if v, err := c.create(ctx); err != nil || v != int(opp.Value) {
				t.Fatal(v, err)
			}
			var sent, want map[string]any
			const body = `{"lead_id":"` + leadID + `","status_id":"` + statusID + `","note":"` + note + `","confidence":60,"value":125000,"value_period":"monthly"}`
			if err := errors.Join(json.Unmarshal([]byte(body), &want), json.Unmarshal(tr.LastBody, &sent)); err != nil || len(sent) != len(want) {
				t.Errorf("sent %s, %v", tr.LastBody, err)
			}
			for k, v := range want {
				if sent[k] != v {
					t.Errorf("sent %s", tr.LastBody)
				}
			}
			if v, err := c.me(ctx); err != nil || v == 0 {
				t.Fatal(v, err)
			}
		})
	}
}

// TestNothingLost checks that encoding a page reproduces the response: the same
// JSON value, including custom fields and unknown members.
func TestNothingLost(t *testing.T) {
	tr := memrt.New(leads)
	c := closekit.NewClient(closekit.APIKey(apiKey), closekit.BaseURL(root), closekit.HTTPClient(tr.Client()))
	p, err := closeapi.LeadsList(context.Background(), c, closeapi.LeadsListParams{Limit: closekit.Some(leads)})
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Data []map[string]any }
	if err := json.Unmarshal(tr.Page, &want); err != nil {
		t.Fatal(err)
	}
	custom, mismatches := 0, map[string]int{}
	for i := range p.Data {
		custom += len(p.Data[i].CustomFields)
		b, err := json.Marshal(&p.Data[i])
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ = json.Marshal(want.Data[i])
		if string(a) != string(b) {
			t.Fatalf("lead %d:\ngot  %s\nwant %s", i, a, b)
		}
		for _, m := range p.Data[i].Mismatches() {
			mismatches[m]++
		}
		for j := range p.Data[i].Opportunities {
			for _, m := range p.Data[i].Opportunities[j].Mismatches() {
				mismatches["opportunity."+m]++
			}
		}
	}
	t.Logf("%d bytes, %d custom fields of leads, mismatches %v", len(tr.Page), custom, mismatches)
	if custom < 6*leads {
		t.Error("custom fields are missing")
	}
}

func run(b *testing.B, n int, f func(context.Context) (int, error)) {
	ctx := context.Background()
	b.ReportAllocs()
	if n > 0 {
		b.SetBytes(int64(n))
	}
	start := cpuTime()
	for b.Loop() {
		if _, err := f(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op")
}

// cpuTime is the CPU time of the process on all cores, including garbage
// collection. On a shared machine it is more reliable than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkListLeads fetches a page of 100 leads, about 524 kB.
func BenchmarkListLeads(b *testing.B) {
	tr := memrt.New(leads)
	// The floor: the same request, the body read to the end, nothing decoded.
	hc := tr.Client()
	b.Run("floor-http-only", func(b *testing.B) {
		run(b, len(tr.Page), func(ctx context.Context) (int, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/lead/?_limit=100", nil)
			if err != nil {
				return 0, err
			}
			req.SetBasicAuth(apiKey, "")
			resp, err := hc.Do(req)
			if err != nil {
				return 0, err
			}
			defer resp.Body.Close()
			return io.ReadFull(resp.Body, make([]byte, resp.ContentLength))
		})
	})
	for _, c := range contenders(tr) {
		b.Run(c.name, func(b *testing.B) { run(b, len(tr.Page), c.list) })
	}
}

// BenchmarkCreateOpportunity creates one opportunity.
func BenchmarkCreateOpportunity(b *testing.B) {
	tr := memrt.New(1)
	for _, c := range contenders(tr) {
		b.Run(c.name, func(b *testing.B) { run(b, 0, c.create) })
	}
}

// BenchmarkMe fetches the current user.
func BenchmarkMe(b *testing.B) {
	tr := memrt.New(1)
	for _, c := range contenders(tr) {
		b.Run(c.name, func(b *testing.B) { run(b, 0, c.me) })
	}
}

// BenchmarkDecodeLead is the codec alone, on one lead.
func BenchmarkDecodeLead(b *testing.B) {
	var page struct{ Data []json.RawMessage }
	if err := json.Unmarshal(fixture.LeadPage(1, leads), &page); err != nil {
		b.Fatal(err)
	}
	lead := page.Data[0]
	for _, c := range []struct {
		name string
		f    func() error
	}{
		{"closekit", func() error { var l closeapi.Lead; return l.UnmarshalJSON(lead) }},
		{"hand-std-plain", func() error { var l model.Lead; return json.Unmarshal(lead, &l) }},
		{"hand-std-plain-keep", func() error { var l hand.KeepLead; return json.Unmarshal(lead, &l) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			run(b, len(lead), func(context.Context) (int, error) { return 0, c.f() })
		})
	}
}
