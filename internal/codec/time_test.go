package codec

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 6, 19, 12, 5, 28, 0, time.UTC)
	micro := noon.Add(327 * time.Millisecond)
	for _, c := range []struct {
		in   string
		want time.Time
	}{
		{"2026-06-19T12:05:28.327000+00:00", micro},
		{"2026-06-19T12:05:28.327000", micro},
		{"2026-06-19T12:05:28+00:00", noon},
		{"2026-06-19T12:05:28Z", noon},
		{"2026-06-19T12:05:28", noon},
		{"2026-06-19T14:05:28+02:00", noon},
		{"2026-06-19T14:05:28+0200", noon},
		{"2026-06-19T07:35:28-04:30", noon},
		{"2026-06-19T12:05", noon.Truncate(time.Minute)},
		{"2026-06-19T12:05Z", noon.Truncate(time.Minute)},
		{"2026-06-19", noon.Truncate(24 * time.Hour)},
	} {
		got, ok := ParseTime(c.in)
		if !ok || !got.Equal(c.want) {
			t.Errorf("%s: %v, %v", c.in, got, ok)
		}
	}
	for _, s := range []string{"", "x", "2026-13-01", "2026-02-30", "2026-06-19T25:00:00", "19.06.2026", "2026-6-19", "2026-06-19 12:05:28x", "1781870728"} {
		if got, ok := ParseTime(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
	for s, want := range map[string]bool{"2026-03-31": true, "2024-02-29": true, "2026-02-29": false, "2026-03-31T00:00:00Z": false, "": false, "2026-3-31": false, "20260331xx": false} {
		if IsDate(s) != want {
			t.Errorf("IsDate(%q) = %v", s, !want)
		}
	}
}
