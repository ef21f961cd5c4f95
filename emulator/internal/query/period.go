package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

// dates is a length of time in units of the calendar.
type dates struct{ years, months, days int }

// length returns the length of a unit that relative dates count in, by its name in the
// plural: in units of the calendar, or a duration.
func length(unit string) (calendar dates, exact time.Duration, ok bool) {
	switch unit {
	case "seconds":
		return dates{}, time.Second, true
	case "minutes":
		return dates{}, time.Minute, true
	case "hours":
		return dates{}, time.Hour, true
	case "days":
		return dates{days: 1}, 0, true
	case "weeks":
		return dates{days: 7}, 0, true
	case "months":
		return dates{months: 1}, 0, true
	case "years":
		return dates{years: 1}, 0, true
	}
	return dates{}, 0, false
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
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 2), true
	}
	if from, to, ok := Relative(strings.Join(strings.Fields(strings.ToLower(text)), "-"), now, zone); ok { // last month
		return from, to, true
	}
	parts := strings.Fields(strings.ToLower(text)) // 3 days ago
	if len(parts) != 3 || parts[2] != "ago" {
		return from, to, false
	}
	n, err := strconv.Atoi(parts[0])
	u, exact, known := length(strings.TrimSuffix(parts[1], "s") + "s")
	if err != nil || !known || n < 0 || n > 10_000 {
		return from, to, false
	}
	at := now.In(zone).AddDate(-n*u.years, -n*u.months, -n*u.days).Add(-time.Duration(n) * exact)
	return at, at, true
}

// Relative returns the range that a name such as this-week stands for at a time, and in a
// time zone. Its end is not in it.
func Relative(name string, now time.Time, zone *time.Location) (from, to time.Time, ok bool) {
	y, m, d := now.In(zone).Date()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, zone) }
	weekday := (int(now.In(zone).Weekday()) + 6) % 7 // from Monday
	quarter := (m-1)/3*3 + 1
	ranges := map[string][2]time.Time{
		"today": {day(y, m, d), day(y, m, d+1)}, "yesterday": {day(y, m, d-1), day(y, m, d)},
		"this-week": {day(y, m, d-weekday), day(y, m, d-weekday+7)}, "last-week": {day(y, m, d-weekday-7), day(y, m, d-weekday)},
		"this-month": {day(y, m, 1), day(y, m+1, 1)}, "last-month": {day(y, m-1, 1), day(y, m, 1)},
		"this-quarter": {day(y, quarter, 1), day(y, quarter+3, 1)}, "last-quarter": {day(y, quarter-3, 1), day(y, quarter, 1)},
		"this-year": {day(y, 1, 1), day(y+1, 1, 1)}, "last-year": {day(y-1, 1, 1), day(y, 1, 1)},
		"all-time": {day(1970, 1, 1), day(9999, 1, 1)},
	}
	r, ok := ranges[name]
	return r[0], r[1], ok
}
