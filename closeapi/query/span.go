package query

import (
	"strconv"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// Span is a length of time; its units add up. It must not be negative.
//
// A span is counted from the time of each search, so that a Smart View moves with it. One
// of whole days, weeks, months or years begins with the day: InLast(Span{Days: 1}) is
// yesterday and today, in the time zone of the user.
type Span struct{ Years, Months, Weeks, Days, Hours, Minutes, Seconds int }

// now is the time of the search.
func now() *closeapi.SearchMoment {
	return &closeapi.SearchMoment{Type: closeapi.SearchMomentTypeNow}
}

// from returns the moment at a distance from the time of the search.
func (s Span) from(tense closeapi.SearchTense, end closeapi.SearchEnd) *closeapi.SearchMoment {
	return &closeapi.SearchMoment{
		Type: closeapi.SearchMomentTypeOffset, Direction: closekit.Some(tense), Moment: now(), WhichDayEnd: closekit.Some(end),
		Offset: &closeapi.SearchOffset{
			Years: closekit.Some(s.Years), Months: closekit.Some(s.Months), Weeks: closekit.Some(s.Weeks), Days: closekit.Some(s.Days),
			Hours: closekit.Some(s.Hours), Minutes: closekit.Some(s.Minutes), Seconds: closekit.Some(s.Seconds),
		},
	}
}

// InLast holds when the time is in the span before the search.
func (f FieldOf) InLast(s Span) Condition {
	return f.at.cond(closeapi.SearchCondition{
		Type: closeapi.SearchConditionTypeMomentRange, OnOrAfter: s.from(closeapi.SearchTensePast, closeapi.SearchEndStart), Before: now(),
	})
}

// InNext holds when the time is in the span after the search.
func (f FieldOf) InNext(s Span) Condition {
	return f.at.cond(closeapi.SearchCondition{
		Type: closeapi.SearchConditionTypeMomentRange, OnOrAfter: now(), Before: s.from(closeapi.SearchTenseFuture, closeapi.SearchEndEnd),
	})
}

// OlderThan holds when the time is before the span that ends with the search.
func (f FieldOf) OlderThan(s Span) Condition {
	return f.at.cond(closeapi.SearchCondition{
		Type: closeapi.SearchConditionTypeMomentRange, Before: s.from(closeapi.SearchTensePast, closeapi.SearchEndStart),
	})
}

// spanText writes the distance of a moment from the time of the search, such as 2 weeks
// ago. It reports false for what these words cannot say.
func spanText(m *closeapi.SearchMoment) (string, bool) {
	tense := m.Direction.Or("")
	if m.Offset == nil || m.Moment == nil || m.Moment.Type != closeapi.SearchMomentTypeNow || tense != closeapi.SearchTensePast && tense != closeapi.SearchTenseFuture {
		return "", false
	}
	var parts []string
	for _, u := range []struct {
		n    closekit.Opt[int]
		unit string
	}{
		{m.Offset.Years, "year"},
		{m.Offset.Months, "month"},
		{m.Offset.Weeks, "week"},
		{m.Offset.Days, "day"},
		{m.Offset.Hours, "hour"},
		{m.Offset.Minutes, "minute"},
		{m.Offset.Seconds, "second"},
	} {
		if n := u.n.Or(0); n == 1 {
			parts = append(parts, "1 "+u.unit)
		} else if n != 0 {
			parts = append(parts, strconv.Itoa(n)+" "+u.unit+"s")
		}
	}
	text := strings.Join(parts, " ")
	switch {
	case text == "":
		return "today", true
	case tense == closeapi.SearchTenseFuture:
		return "in " + text, true
	}
	return text + " ago", true
}
