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

// ParseLocal parses an instant without offset, as a time in UTC. It returns false
// for other formats and for bare dates.
func ParseLocal(v string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// InZone returns the first and the last instant at which clocks in loc show the
// date and time of local, which is in UTC; they differ if clocks are set back over it. If clocks are
// set forward over it, ok is false, and the instants are those by the offsets before
// and after the change.
func InZone(local time.Time, loc *time.Location) (first, last time.Time, ok bool) {
	const day = 26 // hours; more than the largest offset
	for h := -day; h <= day; h++ {
		offset := offsetAt(local.Add(time.Duration(h)*time.Hour), loc)
		t := local.Add(-time.Duration(offset) * time.Second)
		switch fits := offsetAt(t, loc) == offset; { // otherwise clocks show another time then
		case h == -day, fits && !ok:
			first, last, ok = t, t, fits
		case fits && t.Before(first):
			first = t
		case fits && t.After(last), !ok:
			last = t
		}
	}
	return first.In(loc), last.In(loc), ok
}

// offsetAt returns the offset of loc from UTC at a time, in seconds.
func offsetAt(t time.Time, loc *time.Location) int {
	_, seconds := t.In(loc).Zone()
	return seconds
}
