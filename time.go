package closekit

import (
	"errors"
	"strconv"
	"time"

	"github.com/closekit/closekit/internal/codec"
)

// Date is a calendar date, 2026-03-31.
type Date string

// DateOf returns the calendar date of t in t's own location.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// Time returns midnight UTC of the date.
func (d Date) Time() (time.Time, error) { return parseTime(string(d)) }

// DateTime returns the date as a DateTime, for parameters that accept either.
func (d Date) DateTime() DateTime { return DateTime(d) }

// DateTime is an instant in the exact format that Close sent or will receive. Close
// formats instants in several ways, with an offset and without (which means UTC),
// with and without a fraction, and some members contain a bare date; Time parses
// all of them.
type DateTime string

// DateTimeOf formats t as RFC 3339 with its offset.
func DateTimeOf(t time.Time) DateTime { return DateTime(t.Format(time.RFC3339Nano)) }

// Time returns the instant. A bare date is midnight UTC.
func (d DateTime) Time() (time.Time, error) { return parseTime(string(d)) }

// IsDate reports whether d is a bare date.
func (d DateTime) IsDate() bool { return codec.IsDate(string(d)) }

func parseTime(s string) (time.Time, error) {
	t, ok := codec.ParseTime(s)
	if !ok {
		return time.Time{}, errors.New("not a time: " + strconv.Quote(s))
	}
	return t, nil
}
