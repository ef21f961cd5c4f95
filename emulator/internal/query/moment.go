package query

import (
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

// moments are the members of a moment by its type.
var moments = map[string][]string{
	"now": {}, "fixed_utc": {"value"}, "fixed_local_date": {"value", "which"}, "offset": {"direction", "moment", "offset", "which_day_end"},
	"start_end_of_predefined_relative_range": {"range", "which"},
}

// moment reads a bound of a moment_range. Days, and what is longer, are those of the
// caller's time zone.
func (s *Schema[T]) moment(name string, raw any) (time.Time, error) { return s.momentAt(name, raw, 0) }

func (s *Schema[T]) momentAt(name string, raw any, depth int) (at time.Time, err error) {
	o, ok := raw.(object)
	if !ok {
		return at, problem("The query has %s that is not a moment.", quote(name))
	}
	if depth > maxDepth {
		return at, problem("The query has more than %d nested moments.", maxDepth)
	}
	typ, err := check("moment", o, moments)
	if err != nil {
		return at, err
	}
	switch typ {
	case "fixed_utc", "fixed_local_date":
		return s.fixed(name, typ, o)
	case "offset":
		return s.offset(name, o, depth)
	case "start_end_of_predefined_relative_range":
		from, to, ok := Relative(value.String(o["range"]), s.Now, s.Zone)
		if !ok {
			return at, problem("The query has the range %s, which does not exist or is not emulated.", quote(value.Text(o["range"])))
		}
		end, err := isEnd(o, "which")
		if end {
			return to, err
		}
		return from, err
	}
	return s.Now, nil
}

// isEnd reads which end of a range or a day a moment is.
func isEnd(o object, name string) (bool, error) {
	switch o[name] {
	case nil, "start":
		return false, nil
	case "end":
		return true, nil
	}
	return false, problem("The query has %s as %s, which is neither start nor end.", quote(value.Text(o[name])), quote(name))
}

func (s *Schema[T]) fixed(name, typ string, o object) (time.Time, error) {
	zone := time.UTC
	if typ == "fixed_local_date" {
		zone = s.Zone
	}
	t, isDay, err := value.ParseTime(value.String(o["value"]), zone)
	if err != nil || typ == "fixed_local_date" && !isDay {
		return t, problem("The query has %s as %s, which is no moment of the type %s.", quote(value.Text(o["value"])), quote(name), typ)
	}
	end, err := isEnd(o, "which")
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

// maxOffset is the largest number of a unit in an offset.
const maxOffset = 100_000

// offset reads a moment at a distance from another one. A distance in days or longer is
// that to the start or the end of the day; hours and shorter units count to the instant.
func (s *Schema[T]) offset(name string, o object, depth int) (time.Time, error) {
	from, err := s.momentAt(name, o["moment"], depth+1)
	if err != nil {
		return from, err
	}
	sign := 1
	switch o["direction"] {
	case "future":
	case "past":
		sign = -1
	default:
		return from, problem("The query has an offset with the direction %s, which is neither past nor future.", quote(value.Text(o["direction"])))
	}
	distance, ok := o["offset"].(object)
	if !ok {
		return from, problem("The query has an offset that is not an object.")
	}
	var (
		days  dates
		exact time.Duration
	)
	for unit, raw := range distance {
		f, ok := value.Float(raw)
		calendar, duration, known := length(unit)
		switch {
		case !known:
			return from, problem("The query has an offset in %s, which is no unit.", quote(unit))
		case raw == nil:
		case !ok || f != float64(int(f)) || f < 0 || f > maxOffset:
			return from, problem("The query has an offset of %s %s, which is no whole number up to %d.", value.Text(raw), unit, maxOffset)
		default:
			n := sign * int(f)
			days = dates{days.years + n*calendar.years, days.months + n*calendar.months, days.days + n*calendar.days}
			exact += time.Duration(n) * duration
		}
	}
	at := from.In(s.Zone).AddDate(days.years, days.months, days.days)
	end, err := isEnd(o, "which_day_end")
	if exact != 0 || o["which_day_end"] == nil || err != nil {
		return at.Add(exact), err
	}
	y, m, d := at.Date()
	if end {
		d++
	}
	return time.Date(y, m, d, 0, 0, 0, 0, s.Zone), nil
}
