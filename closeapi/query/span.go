package query

import (
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
