package words

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"active", "won", "lost", "status_id", "lead_id", "query", "_limit", "limit"}
	for _, c := range []struct{ in, want string }{
		{"activ", "active"},
		{"ACTIVE", "active"},
		{"acitve", "active"}, // two neighbors swapped
		{"Statusid", "status_id"},
		{"wno", "won"},
		{"qery", "query"},
		{"lmit", "limit"},
		{"zzzzzz", ""},
		{"inactive", ""}, // an opposite
		{"inactiv", ""},
		{"not_won", ""},
		{"unlost", ""},
		{"", ""},
		{strings.Repeat("x", 1000), ""},
	} {
		if got := Nearest(c.in, known); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
	if got := Nearest("a", nil); got != "" {
		t.Error(got)
	}
	if got := Nearest("activ", slices.Repeat(known, maxCandidates)); got != "" {
		t.Errorf("%q among too many", got)
	}
}

func TestWithArticle(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "lead": "a lead", "activity": "an activity", "user": "a user", "sms": "an SMS",
		"email account": "an email account", "organization": "an organization", "SMS template": "an SMS template",
		"URL": "a URL", "[Activity]": "an [Activity]", "[Lead]": "a [Lead]",
	} {
		if got := WithArticle(in); got != want {
			t.Errorf("WithArticle(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 problems", 1: "1 problem", 2: "2 problems"} {
		if got := Count(n, "problem"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}
