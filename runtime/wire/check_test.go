package wire

import "testing"

func TestCheckKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind kind
		ok   []string
		bad  []string
	}{
		{plain, []string{"", "x"}, nil},
		{date, []string{"2026-03-31"}, []string{"", "31.3.2026", "2026-03-31T00:00:00Z", "2026-02-30"}},
		{dateTime, []string{"2026-03-31T15:04:05Z", "2026-03-31T15:04:05.5+02:00"}, []string{"", "2026-03-31", "tomorrow"}},
		{dateOrDateTime, []string{"2026-03-31", "2026-03-31T15:04:05Z"}, []string{"", "tomorrow"}},
		{email, []string{"a@b", "o'neil+x@example.com", `"a b"@example.com`}, []string{"", "a", "@b", "a@", "a@b\nBcc: c@d"}},
		{phone, []string{"+14155550123", "(415) 555-0123", "1"}, []string{"", "none", "+"}},
		{webAddress, []string{"https://example.com", "http://a/b?c=d", "example.com", "www.example.com/x", "HTTPS://EXAMPLE.COM", "example.com:8080"}, []string{"", "a b", "javascript:alert(1)", "ftp://x", "https://exa mple", "mailto:a@b", "http://[::1"}},
		{timezone, []string{"America/New_York", "UTC"}, []string{"", "New York"}},
	} {
		for _, v := range c.ok {
			if got := checkKind(c.kind, v); got != "" {
				t.Errorf("kind %d, %q: %s", c.kind, v, got)
			}
		}
		for _, v := range c.bad {
			if checkKind(c.kind, v) == "" {
				t.Errorf("kind %d: %q passes", c.kind, v)
			}
		}
	}
}
