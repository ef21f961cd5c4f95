package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

// units are the lengths of time that relative dates count in: years, months and
// days, or a duration.
var units = map[string]struct {
	years, months, days int
	d                   time.Duration
}{
	"minute": {d: time.Minute}, "hour": {d: time.Hour}, "day": {days: 1}, "week": {days: 7}, "month": {months: 1}, "year": {years: 1},
}

// period reads a time or a date, absolute or relative to now. The end of a moment
// is its beginning; a date lasts until the next one.
func period(text string, now time.Time, zone *time.Location) (from, to time.Time, ok bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	for layout, length := range map[string]struct{ years, months, days int }{
		"2006-01-02": {0, 0, 1}, "2006-01": {0, 1, 0}, "2006": {1, 0, 0},
	} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil && t.Year() > 0 {
			return t, t.AddDate(length.years, length.months, length.days), true
		}
	}
	if t, isDay, err := value.ParseTime(text, zone); err == nil && !isDay {
		return t, t, true
	}
	y, m, d := now.In(zone).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, zone)
	switch text {
	case "NOW":
		return now, now, true
	case "TODAY":
		return today, today.AddDate(0, 0, 1), true
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today, true
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 2), true
	}
	parts := strings.Fields(strings.ToLower(text)) // 3 days ago
	if len(parts) != 3 || parts[2] != "ago" {
		return from, to, false
	}
	n, err := strconv.Atoi(parts[0])
	u, known := units[strings.TrimSuffix(parts[1], "s")]
	if err != nil || !known || n < 0 || n > 10_000 {
		return from, to, false
	}
	at := now.In(zone).AddDate(-n*u.years, -n*u.months, -n*u.days).Add(-time.Duration(n) * u.d)
	return at, at, true
}
