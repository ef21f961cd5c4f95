package wire

import (
	"time"

	"github.com/closekit/closekit/internal/codec"
)

// instant returns a time that is written with an offset. Close reads a time without
// offset as UTC, which is not what the user means: it gets the offset of the user's
// time zone at that time. Filters, bare dates and times with offset stay as they are.
func (w *sender) instant(f *field, name, v string) string {
	if f.kind != dateTime && f.kind != dateOrDateTime || f.in != inBody || !w.resolve {
		return v
	}
	local, ok := codec.ParseLocal(v)
	if !ok {
		return v
	}
	if w.zone == nil {
		w.add(name, "must have an offset from UTC", quote(v), "add the offset of the user's time zone, such as "+local.Format(time.RFC3339)+" for UTC; a client with a location adds it")
		return v
	}
	first, last, ok := codec.InZone(local, w.zone)
	const with = "write " // the reading that is meant
	switch a, b := format(first), format(last); {
	case !ok:
		w.add(name, "does not exist in "+w.zone.String()+", where clocks are set forward then", quote(v), with+a+" or "+b)
	case !first.Equal(last):
		w.add(name, "exists twice in "+w.zone.String()+", where clocks are set back then", quote(v), with+a+" or "+b)
	default:
		return a
	}
	return v
}

func format(t time.Time) string { return t.Format(time.RFC3339Nano) }
