package value

import (
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	west := time.FixedZone("", -5*3600)
	for in, want := range map[string]string{
		"2026-01-02":                    "2026-01-02T05:00:00+00:00",
		"2026-01-02T03:04:05Z":          "2026-01-02T03:04:05+00:00",
		"2026-01-02T03:04:05.25+01:00":  "2026-01-02T02:04:05.250000+00:00",
		"2026-01-02T03:04:05 01:00":     "2026-01-02T02:04:05+00:00",
		"2026-01-02T03:04:05+0100":      "2026-01-02T02:04:05+00:00",
		"2026-01-02T03:04:05":           "2026-01-02T03:04:05+00:00",
		"2026-01-02 03:04:05":           "2026-01-02T03:04:05+00:00",
		"2026-01-02T03:04":              "2026-01-02T03:04:00+00:00",
		"2026-01-02T03:04:05.999999999": "2026-01-02T03:04:05.999999+00:00",
		"2026-13-02":                    "",
		"":                              "",
		"now":                           "",
		"-0001-01-01T00:00:00Z":         "",
	} {
		got, _, err := ParseTime(in, west)
		switch {
		case want == "" && err == nil:
			t.Errorf("ParseTime(%q) = %v, want an error", in, got)
		case want != "" && (err != nil || Stamp(got) != want):
			t.Errorf("ParseTime(%q) = %s, %v, want %s", in, Stamp(got), err, want)
		}
	}
	if got := Naive(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)); got != "2026-01-02T03:04:05.000006" {
		t.Errorf("got %s", got)
	}
}

func TestEncodeFailure(t *testing.T) {
	t.Parallel()
	if got := string(Encode(func() {})); !strings.Contains(got, "could not encode") {
		t.Errorf("got %s", got)
	}
}
