package closeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

const (
	leadPath  = "POST /api/v1/lead/"
	emailPath = "POST /api/v1/activity/email/"
	notePath  = "POST /api/v1/activity/note/"
)

// TestHostileInputs calls tools by name with inputs that are wrong deep inside: what
// is refused is not sent, and what is sent is what was meant.
func TestHostileInputs(t *testing.T) {
	t.Parallel()
	const (
		lead, email, note, deal = "close_lead_create", "close_email_create", "close_note_create", "close_opportunity_create"
		draft                   = `"lead_id":"lead_a","status":"draft",`
		half                    = "must be valid text, got half of a character, "
		money                   = "value: must be an integer amount in cents"
	)
	for _, c := range []struct{ tool, input, refused, sent string }{
		// Halves of characters.
		{lead, `{"custom_fields":{"cf_a":["ok","x\ud800"]}}`, "custom_fields: " + half + `\ud800`, ""},
		{lead, `{"custom":{"cf_a":"\ud800"}}`, "custom: " + half, ""},
		{lead, `{"custom.cf_a":"\uDC00"}`, "custom.cf_a: " + half + `\udc00`, ""},
		{lead, `{"contacts":[{"custom.cf_a":"\udc00"}]}`, "contacts: " + half, ""},
		{lead, `{"contacts":[{"custom_fields":{"cf_a":["\udc00\ud800"]}}]}`, "contacts: " + half, ""},
		{lead, `{"contacts":"[{\"name\":\"\\ud800\"}]"}`, "contacts: must be a list", ""},
		{lead, `{"custom_fields":"{\"cf_a\":\"\\ud800\"}"}`, "custom_fields: must be an object", ""},
		{lead, `{"na\ud800me":"x"}`, "input " + half, ""},
		{lead, `{"name":"\ud83d\ude00"}`, "", leadPath + ` {"name":"😀"}`},
		// null in lists.
		{lead, `{"contacts":[null]}`, "contacts[0]: must be an object, got null", ""},
		{lead, `{"contacts":[{"emails":[null]}]}`, "contacts[0].emails[0]: must be an object, got null", ""},
		{lead, `{"name":"A","contacts":null}`, "", leadPath + ` {"name":"A"}`},
		{email, `{` + draft + `"to":["a@b",null]}`, "to[1]: must be a string, got null", ""},
		// Members of nested objects that are only read are dropped; the date of a
		// contact can be imported.
		{lead, `{"name":"A","contacts":[{"name":"x","display_name":5,"date_updated":"x","recent_calls":5}]}`, "", leadPath + ` {"name":"A","contacts":[{"name":"x"}]}`},
		{lead, `{"name":"A","contacts":[{"emails":[{"email":"a@b","is_unsubscribed":5}]}]}`, "", leadPath + ` {"name":"A","contacts":[{"emails":[{"email":"a@b"}]}]}`},
		{lead, `{"contacts":[{"date_created":"x"}]}`, "contacts[0].date_created: must be a time", ""},
		{lead, `{"contacts":[{"emails":[{"email":"a@b","is_unsubscribd":5}]}]}`, "contacts[0].emails[0].is_unsubscribd: is not a known parameter", ""},
		{lead, `{"name":"A","display_name":"x"}`, "display_name: is not a known parameter", ""},
		// Times without offset.
		{lead, `{"contacts":[{"date_created":"2026-01-02T03:04:05"}]}`, "contacts[0].date_created: must have an offset from UTC", ""},
		{lead, `{"name":"A","contacts":[{"date_created":"2026-01-02T03:04:05+01:00"}]}`, "", leadPath + ` {"name":"A","contacts":[{"date_created":"2026-01-02T03:04:05+01:00"}]}`},
		{email, `{` + draft + `"date_scheduled":"2026-01-02T03:04:05"}`, "date_scheduled: must have an offset from UTC", ""},
		// Line breaks and several addresses.
		{email, `{` + draft + `"cc":["a@b","c@d\r\nX: y"]}`, "cc[1]: must be an email address on one line", ""},
		{email, `{` + draft + `"bcc":["a@b\rc@d"]}`, "bcc[0]: must be an email address on one line", ""},
		{email, `{` + draft + `"sender":"Bo\r\nBcc: x@y <bo@v.example>"}`, "sender: must be an email address on one line", ""},
		{email, `{` + draft + `"subject":"a\nBcc: c@d"}`, "subject: must be one line", ""},
		{email, `{` + draft + `"cc":["a@b, c@d"]}`, "cc[0]: must be an email address, and only one", ""},
		{email, `{` + draft + `"cc":"a@b, c@d"}`, `cc: must be a list, got "a@b, c@d" (give a list such as ["a", "b"], also for one)`, ""},
		{email, `{` + draft + `"cc":"a@b"}`, "also for one", ""},
		{email, `{` + draft + `"cc":"[\"a@b\",\"c@d\"]"}`, "", emailPath + ` {"lead_id":"lead_a","status":"draft","cc":["a@b","c@d"]}`},
		{email, `{` + draft + `"cc":"[\"a@b\\nX: y\"]"}`, "cc[0]: must be an email address on one line", ""},
		{"close_sequence_subscription_create", `{"contact_id":"cont_a","sequence_id":"seq_a","contact_email":"a@b","sender_account_id":"emailacct_a","sender_name":"Bo\nX","sender_email":"a@b"}`, "sender_name: must be one line", ""},
		{"close_sequence_subscription_create", `{"contact_id":"cont_a","sequence_id":"seq_a","contact_email":"a@b","sender_account_id":"emailacct_a","sender_name":"Bo","sender_email":"a@b\r\n"}`, "sender_email: must be an email address on one line", ""},
		{lead, `{"contacts":[{"name":"A\nB"}]}`, "contacts[0].name: must be one line", ""},
		// Money in dollars.
		{deal, create + `,"value":12000.00}`, "value: is given twice", ""},
		{deal, `{"lead_id":"lead_a","status_id":"stat_a","value":12000.00}`, money + ", got 12000.00 (write 12000.00 dollars as 1200000)", ""},
		{deal, `{"lead_id":"lead_a","status_id":"stat_a","value":1.2e4}`, money, ""},
		{deal, `{"lead_id":"lead_a","status_id":"stat_a","value":"12000.00"}`, money, ""},
		{deal, `{"lead_id":"lead_a","status_id":"stat_a","value":[12000.00]}`, money, ""},
		{deal, `{"lead_id":"lead_a","status_id":"stat_a","value":{"amount":12000.00}}`, money, ""},
		{"close_opportunity_update", `{"opportunity_id":"oppo_a","value":0.0}`, money, ""},
		// Markup.
		{note, `{"lead_id":"lead_a","note_html":"<P>x</P>"}`, "", `<body><P>x</P></body>`},
		{note, `{"lead_id":"lead_a","note_html":"<SCRIPT>x</SCRIPT>"}`, "", `&lt;SCRIPT&gt;x&lt;/SCRIPT&gt;`},
		{note, `{"lead_id":"lead_a","note_html":"<ScRiPt/src=x>"}`, "", `&lt;ScRiPt/src=x&gt;`},
		{note, `{"lead_id":"lead_a","note_html":"<B>bold</B> and <foo-bar>"}`, "", `&lt;B&gt;bold&lt;/B&gt; and &lt;foo-bar&gt;`},
		{note, `{"lead_id":"lead_a","note_html":"<b>x</b><UNKNOWN>"}`, "", `&lt;b&gt;x&lt;/b&gt;&lt;UNKNOWN&gt;`},
	} {
		h := &host{answers: map[string]string{leadPath: `{"id":"lead_a"}`, emailPath: `{"id":"acti_a"}`, notePath: `{"id":"acti_a"}`}}
		_, err := do(t, h.client(), c.tool, c.input)
		if c.refused != "" && (!closekit.IsValidation(err) || !strings.Contains(err.Error(), c.refused) || len(h.seen) > 0) {
			t.Errorf("%s: %v, sent %q; want %s", c.input, err, h.seen, c.refused)
		}
		if c.sent != "" && (err != nil || len(h.seen) != 1 || !strings.Contains(plainJSON(h.seen[0]), c.sent)) {
			t.Errorf("%s: %v, sent %q; want %s", c.input, err, h.seen, c.sent)
		}
	}
}

// plainJSON undoes the escapes of < and > in JSON.
func plainJSON(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
}

// TestManyUnknownKeys calls tools with inputs that have far too many and far too long names:
// errors stay short, and the work grows with the input.
func TestManyUnknownKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 100<<10)
	for name, input := range map[string]string{
		"many":            keys(40_000, "key_number_"),
		"long":            keys(200, long),
		"long, near":      keys(200, "name"+long),
		"many and long":   keys(10_000, long[:1000]),
		"bidirectional":   keys(10_000, `\u202e`+"key"),
		"nested":          `{"contacts":[` + keys(10_000, "key_number_") + `]}`,
		"deeper":          `{"contacts":[{"emails":[` + keys(10_000, "key_number_") + `]}]}`,
		"in a string":     `{"contacts":` + mustJSON(`[`+keys(10_000, "key_number_")+`]`) + `}`,
		"custom fields":   `{"custom_fields":` + keys(10_000, "no field ") + `}`,
		"beside accepted": `{"currency":"USD",` + keys(10_000, "key_number_")[1:],
	} {
		for _, tool := range []string{"close_lead_create", "close_opportunity_create"} {
			h := &host{}
			_, err := do(t, h.client(), tool, input)
			var invalid *closekit.ValidationError
			if !errors.As(err, &invalid) || len(h.seen) > 0 {
				t.Errorf("%s, %s: %.300v, sent %q", tool, name, err, h.seen)
				continue
			}
			if text := err.Error(); len(invalid.Problems) > 10 || len(text) > 10_000 || strings.Contains(text, "\u202e") || strings.Contains(text, long[:200]) {
				t.Errorf("%s, %s: %d problems, %d bytes: %.300s", tool, name, len(invalid.Problems), len(text), text)
			}
		}
	}
	// Four times the keys must not take sixteen times as long.
	if testing.Short() {
		return
	}
	fastest := func(n int) time.Duration {
		input, best := keys(n, "key_number_"), time.Hour
		for range 3 {
			start := time.Now()
			if _, err := do(t, (&host{}).client(), "close_lead_create", input); err == nil {
				t.Error("unknown keys are accepted")
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	few, many := fastest(10_000), fastest(40_000)
	t.Logf("10,000 keys: %v, 40,000 keys: %v", few, many)
	if many > 12*few+100*time.Millisecond {
		t.Errorf("10,000 keys take %v, 40,000 keys take %v", few, many)
	}
}

// keys returns an object with n members.
func keys(n int, prefix string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%s%d":1`, prefix, i)
	}
	return "{" + b.String()[1:] + "}"
}

// endless sends a lead with more and more members. It cancels the call after the
// first ones.
type endless struct {
	cancel func()
	n      int
}

func (e *endless) Read(p []byte) (int, error) {
	e.n++
	if e.n == 1 {
		return copy(p, `{"a":1`), nil
	}
	if e.n == 100 {
		e.cancel()
	}
	return copy(p, fmt.Sprintf(`,"key_%d":1`, e.n)), nil
}

func (e *endless) Close() error { return nil }

// TestEndlessResponse reads a response without end until the call is canceled.
func TestEndlessResponse(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body := &endless{cancel: cancel}
	c := closekit.NewClient(closekit.APIKey("api_x"), closekit.HTTPClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: untilDone{r.Context(), body}, Request: r}, nil
	})}))
	if _, err := closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: "lead_a"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if body.n > 1000 {
		t.Errorf("%d reads", body.n)
	}
	// What has arrived whole is decoded only while the caller waits.
	ctx, cancel = context.WithCancel(t.Context())
	whole := json.RawMessage(keys(50_000, "key_"))
	c = closekit.NewClient(closekit.APIKey("api_x"), closekit.HTTPClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		cancel()
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(whole))), Request: r}, nil
	})}))
	if _, err := closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: "lead_a"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// untilDone is a body that ends with its request, as that of net/http.
type untilDone struct {
	ctx context.Context
	io.ReadCloser
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.ReadCloser.Read(p)
}
