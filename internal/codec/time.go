package codec

import "time"

// IsDate reports whether v is a calendar date such as 2026-03-31.
func IsDate(v string) bool {
	if len(v) != 10 {
		return false
	}
	_, err := time.Parse(time.DateOnly, v)
	return err == nil
}

// ParseTime parses the formats of an instant that Close uses: with an offset and
// without (which means UTC), with and without a fraction, and a bare date (midnight
// UTC).
func ParseTime(v string) (time.Time, bool) {
	var t time.Time
	if err := t.UnmarshalText([]byte(v)); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateOnly, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
