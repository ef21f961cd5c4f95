package explain_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/explain"
	"github.com/closekit/closekit/agent/internal/repair"
	"github.com/closekit/closekit/closeapi/tools"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var facts = repair.Facts{
	Now:  func() time.Time { return time.Date(2026, 11, 28, 15, 15, 0, 0, time.UTC) },
	Zone: func() (*time.Location, error) { return time.FixedZone("EST", -5*3600), nil },
}

// temporary is an error about an account, as package accounts has them.
type temporary bool

func (t temporary) Error() string   { return "the account waits" }
func (t temporary) Retryable() bool { return bool(t) }

type limit struct{}

func (limit) Error() string { return "limit" }
func (limit) ModelText() string {
	return "The run has used its 20 sends. Ask the user before any other."
}

func check(t *testing.T, name, input string) error {
	t.Helper()
	tl, err := tools.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	if err = tl.Validate([]byte(input)); err == nil {
		t.Fatalf("%s accepts %s", name, input)
	}
	return err
}

func lookup(name string) error {
	_, err := tools.Lookup(name)
	return err
}

// TestTexts compares the texts with the golden file, which a person has read.
func TestTexts(t *testing.T) {
	t.Parallel()
	var many closekit.ValidationError
	for i := range 14 {
		many.Problems = append(many.Problems, closekit.Problem{Path: fmt.Sprintf("contacts[%d].name", i), Expected: "must be a string", Received: "5"})
	}
	many.More = 3
	cases := []struct {
		name string
		err  error
	}{
		{"name for id", check(t, "close_lead_get", `{"lead_id":"Acme"}`)},
		{"unknown name", check(t, "close_lead_create", `{"name":"x","owner":"Ann"}`)},
		{"send", check(t, "close_email_create", `{"lead_id":"lead_x","status":"send"}`)},
		{"yearly", check(t, "close_opportunity_create", `{"lead_id":"lead_x","status_id":"stat_x","value_period":"yearly"}`)},
		{"open", check(t, "close_opportunities_list", `{"status_type":"open"}`)},
		{"tomorrow", check(t, "close_task_create", `{"lead_id":"lead_x","text":"x","date":"tomorrow"}`)},
		{"a time", check(t, "close_note_create", `{"lead_id":"lead_x","activity_at":"this morning"}`)},
		{"confidence", check(t, "close_opportunity_create", `{"lead_id":"lead_x","status_id":"stat_x","confidence":0.4}`)},
		{"money", check(t, "close_opportunity_create", `{"lead_id":"lead_x","status_id":"stat_x","value":12000.50}`)},
		{"money in text", check(t, "close_opportunity_create", `{"lead_id":"lead_x","status_id":"stat_x","value":"12,000"}`)},
		{"required", check(t, "close_task_create", `{}`)},
		{"rule", check(t, "close_sequence_subscriptions_list", `{}`)},
		{"several", check(t, "close_opportunity_create", `{"status_id":"Won","confidence":120}`)},
		{"syntax", check(t, "close_lead_get", `{"lead_id":`)},
		{"many", &many},
		{"unknown tool", lookup("close_deal_create")},
		{"no such tool", lookup("sing")},
		{"401", &closekit.Error{Status: 401, Message: "Bearer abcdefghijkl is wrong, see https://app.close.com/oauth2/authorize/?x=1"}},
		{"402", &closekit.Error{Status: 402}},
		{"403", &closekit.Error{Status: 403, Message: "No permission to delete leads"}},
		{"401 for want of a right", &closekit.Error{Status: 401, Right: "the right to customize the organization"}},
		{"403 for want of a right", &closekit.Error{Status: 403, Right: "the right to administer the organization", Message: "Not allowed"}},
		{"an API key where none is taken", &closekit.AuthorizationError{Reason: "the credential is an API key", Err: closekit.ErrNeedsOAuth}},
		{"404", &closekit.Error{Status: 404}},
		{"409", &closekit.Error{Status: 409, Message: "The lead was merged"}},
		{"429", &closekit.Error{Status: 429, RetryAfter: 2500 * time.Millisecond}},
		{"429 without a time", &closekit.Error{Status: 429}},
		{"500", &closekit.Error{Status: 500, MaybeDone: true}},
		{"503", &closekit.Error{Status: 503, RetryAfter: time.Second}},
		{"400", &closekit.Error{Status: 400, FieldErrors: []closekit.FieldError{{Field: "status_id", Message: "Does not exist"}}}},
		{"418", &closekit.Error{Status: 418, Message: "teapot"}},
		{"network", &closekit.TransportError{Err: errors.New("dial tcp 10.0.0.1: refused")}},
		{"network, write", &closekit.TransportError{MaybeDone: true, Err: errors.New("broken pipe")}},
		{"deadline", &closekit.TransportError{MaybeDone: true, Err: context.DeadlineExceeded}},
		{"canceled", context.Canceled},
		{"decode", &closekit.DecodeError{MaybeDone: true, Err: errors.New("truncated")}},
		{"skip limit", &closekit.SkipLimitError{Narrow: []string{"date_created__gte", "date_created__lt"}, Err: &closekit.Error{Status: 400}}},
		{"page", &closekit.PageError{Reason: "it is empty"}},
		{"reconnect", &closekit.AuthorizationError{Reason: "the user revoked the access", Err: temporary(false)}},
		{"account waits", &closekit.AuthorizationError{Reason: "renewal failed", Err: temporary(true)}},
		{"account, bare", temporary(false)},
		{"account waits, bare", fmt.Errorf("call: %w", temporary(true))},
		{"limit", limit{}},
		{"other", errors.New("disk full\nat \x1b[31m\u202Epath")},
	}
	var b strings.Builder
	total := 0
	for _, c := range cases {
		text := explain.Error(c.err, facts, explain.Options{})
		fmt.Fprintf(&b, "%s:\n%s\n\n", c.name, text)
		total += len(text)
		for _, bad := range []string{"://", "Bearer", "abcdefghijkl", "10.0.0.1"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: the text has %q: %s", c.name, bad, text)
			}
		}
		if strings.ContainsFunc(text, func(r rune) bool {
			return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
		}) {
			t.Errorf("%s: the text has control characters: %q", c.name, text)
		}
		if strings.Count(text, "\n") > 12 {
			t.Errorf("%s: the text has too many lines: %s", c.name, text)
		}
	}
	if mean := float64(total) / float64(len(cases)) / 4; mean > 35 { // about four bytes a token
		t.Errorf("the texts have %.1f tokens in the mean, want at most 35", mean)
	} else {
		t.Logf("%.1f tokens in the mean", mean)
	}
	const golden = "testdata/texts.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the texts differ from %s; run with -update and read the difference:\n%s", golden, b.String())
	}
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x\u202E\n", 100_000)
	for _, err := range []error{
		errors.New(long), &closekit.Error{Status: 400, Message: long, FieldErrors: []closekit.FieldError{{Field: long, Message: long}}},
		&closekit.ValidationError{Problems: []closekit.Problem{{Path: long, Expected: long, Received: long, Hint: long}}},
		&closekit.UnknownToolError{Name: long}, &closekit.AuthorizationError{Reason: long},
	} {
		text := explain.Error(err, facts, explain.Options{Repairs: []repair.Repair{{Path: long, To: long, Why: "x"}}})
		if len(text) > 4100 || strings.Contains(text, "\u202E") {
			t.Errorf("%T: %d bytes: %.200q", err, len(text), text)
		}
	}
}
