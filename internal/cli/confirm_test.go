package cli

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"name":"Ä 💚"}`:              `{"name":"Ä 💚"}`,
		"a\x1b[2Kb\u202ec\u0085\xffd": `a\u001b[2Kb\u202ec\u0085\xffd`,
		strings.Repeat("é", 101):      strings.Repeat("é", 100) + "… and 2 more bytes",
	} {
		if got := printable(in, 100); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"call", "close_lead_delete", "--lead_id", "lead_a"}, `closekit call close_lead_delete --lead_id lead_a --yes`},
		{[]string{"call", "x", "--note=it's", "--", "{}"}, `closekit call --yes x --note='it'\''s' -- '{}'`},
		{[]string{"call", "x", `{"a":"$(rm) !"}`}, `closekit call x '{"a":"$(rm) !"}' --yes`},
		{[]string{"call", "x", "--a", ""}, `closekit call x --a '' --yes`},
		{[]string{"call", "x", "a\nb\x1b"}, `closekit call x $'a\x0ab\x1b' --yes`},
	} {
		if got := commandLine(c.args); got != c.want {
			t.Errorf("%q: %s", c.args, got)
		}
	}
}
