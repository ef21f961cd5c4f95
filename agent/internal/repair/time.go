package repair

import (
	"regexp"
	"strings"
	"time"

	"github.com/closekit/closekit/internal/codec"
)

var (
	shortDate = regexp.MustCompile(`^([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})$`)
	midnight  = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00(:00)?(\.0+)?(Z|[+-]00:?00)?$`)
)

const maxTime = 40

// time repairs a date or a time. Relative ones, and dates whose day and month could
// be exchanged, have more than one reading.
func (r *run) time(format string, v *node, path string) {
	if format != "date" && format != "date-time" && format != "date-or-date-time" || len(v.text) > maxTime {
		return
	}
	text := strings.TrimSpace(v.text)
	to, why := text, "without spaces"
	if m := shortDate.FindStringSubmatch(text); m != nil && format != "date-time" {
		to, why = m[1]+"-"+two(m[2])+"-"+two(m[3]), "year, month and day have 4, 2 and 2 digits"
	}
	switch format {
	case "date":
		if m := midnight.FindStringSubmatch(text); m != nil {
			to, why = m[1], "a date has no time of day"
		}
	default:
		if len(to) > len("2006-01-02") && to[10] == ' ' {
			to = to[:10] + "T" + strings.TrimSpace(to[11:])
			why = "T separates date and time"
		}
		if zoned, ok := r.inZone(to); ok {
			to, why = zoned, "in the user's time zone"
		}
	}
	if to != v.text {
		r.add(path, v.text, to, why)
		v.set(to)
	}
}

func two(s string) string { return strings.Repeat("0", 2-len(s)) + s }

// inZone gives a local time the offset of the user's zone, unless that time does not
// exist or exists twice there.
func (r *run) inZone(text string) (string, bool) {
	local, ok := codec.ParseLocal(text)
	if !ok || r.facts.Zone == nil {
		return "", false
	}
	zone, err := r.facts.Zone()
	if err != nil || zone == nil {
		return "", false
	}
	first, last, ok := codec.InZone(local, zone)
	if !ok || !first.Equal(last) {
		return "", false
	}
	return first.Format(time.RFC3339Nano), true
}
