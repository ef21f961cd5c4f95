package query

import (
	"encoding/json"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// A FieldOf is a field that a condition is about; make one with [Field], [Custom] or
// [Number].
type FieldOf struct{ at field }

// A NumberOf is a field with a number that is no money, see [Number].
type NumberOf struct{ at field }

// field is a regular field by name or a custom one by id.
type field struct {
	name   string
	custom closeapi.CustomFieldID
}

// Field is a field of Close by its name in the API, such as name, value or date_created.
// Its amounts are money.
func Field(name string) FieldOf { return FieldOf{field{name: name}} }

// Custom is a custom field by its id, cf_….
func Custom(id closeapi.CustomFieldID) FieldOf { return FieldOf{field{custom: id}} }

// Number is a field with a number that is no money, such as confidence or duration.
func Number(name string) NumberOf { return NumberOf{field{name: name}} }

// CustomNumber is like [Number], for a custom field.
func CustomNumber(id closeapi.CustomFieldID) NumberOf { return NumberOf{field{custom: id}} }

func (f field) cond(c closeapi.SearchCondition) Condition {
	return func(about Kind) closeapi.SearchQuery {
		at := &closeapi.SearchField{Type: closeapi.SearchFieldTypeRegularField, ObjectType: closekit.Some(about), FieldName: closekit.Some(f.name)}
		if f.custom != "" {
			at = &closeapi.SearchField{Type: closeapi.SearchFieldTypeCustomField, CustomFieldID: closekit.Some(f.custom)}
		}
		own := c // several queries can hold the condition
		return closeapi.SearchQuery{Type: closeapi.SearchQueryTypeFieldCondition, Field: at, Condition: &own}
	}
}

func (f field) text(mode closeapi.SearchTextMode, words string) Condition {
	return f.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeText, Mode: closekit.Some(mode), Value: encode(words)})
}

func encode(v any) json.RawMessage {
	b, _ := json.Marshal(v) // texts and booleans always encode
	return b
}

// Has holds when all words occur in the field, in any order.
func (f FieldOf) Has(words string) Condition {
	return f.at.text(closeapi.SearchTextModeFullWords, words)
}

// HasPhrase holds when the words occur in the field in this order.
func (f FieldOf) HasPhrase(words string) Condition {
	return f.at.text(closeapi.SearchTextModePhrase, words)
}

// StartsWith holds when words of the field begin with these.
func (f FieldOf) StartsWith(words string) Condition {
	return f.at.text(closeapi.SearchTextModeBeginningOfWords, words)
}

// Is holds when the field is one of the values.
func (f FieldOf) Is(values ...string) Condition {
	c := closeapi.SearchCondition{Type: closeapi.SearchConditionTypeTerm, Values: []json.RawMessage{}}
	for _, v := range values {
		c.Values = append(c.Values, encode(v))
	}
	return f.at.cond(c)
}

// Refers holds when the field has one of the ids of a kind, such as user_or_group.
func (f FieldOf) Refers(kind string, ids ...string) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeReference, ReferenceType: closekit.Some(kind), ObjectIDs: append([]string{}, ids...)})
}

// Me holds when the field is the user who searches.
func (f FieldOf) Me() Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeCurrentUser})
}

// True holds when the field is true.
func (f FieldOf) True() Condition { return f.boolean(true) }

// False holds when the field is false.
func (f FieldOf) False() Condition { return f.boolean(false) }

func (f FieldOf) boolean(b bool) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeBoolean, Value: encode(b)})
}

// Exists holds when the field has a value.
func (f FieldOf) Exists() Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeExists})
}

// Missing holds when the field has no value.
func (f FieldOf) Missing() Condition { return Not(f.Exists()) }

// AtLeast holds when the amount is n or more.
func (f FieldOf) AtLeast(n closekit.Cents) Condition { return NumberOf(f).AtLeast(float64(n)) }

// AtMost holds when the amount is n or less.
func (f FieldOf) AtMost(n closekit.Cents) Condition { return NumberOf(f).AtMost(float64(n)) }

// MoreThan holds when the amount is more than n.
func (f FieldOf) MoreThan(n closekit.Cents) Condition { return NumberOf(f).MoreThan(float64(n)) }

// LessThan holds when the amount is less than n.
func (f FieldOf) LessThan(n closekit.Cents) Condition { return NumberOf(f).LessThan(float64(n)) }

// AtLeast holds when the number is n or more.
func (f NumberOf) AtLeast(n float64) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeNumberRange, Gte: closekit.Some(n)})
}

// AtMost holds when the number is n or less.
func (f NumberOf) AtMost(n float64) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeNumberRange, Lte: closekit.Some(n)})
}

// MoreThan holds when the number is more than n.
func (f NumberOf) MoreThan(n float64) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeNumberRange, Gt: closekit.Some(n)})
}

// LessThan holds when the number is less than n.
func (f NumberOf) LessThan(n float64) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeNumberRange, Lt: closekit.Some(n)})
}

// momentLayout is how Close writes moments, in UTC.
const momentLayout = "2006-01-02T15:04:05"

func moment(t time.Time) *closeapi.SearchMoment {
	return &closeapi.SearchMoment{Type: closeapi.SearchMomentTypeFixedUTC, Value: closekit.Some(t.UTC().Format(momentLayout))}
}

// Since holds when the time is t or later. Close compares whole seconds.
func (f FieldOf) Since(t time.Time) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeMomentRange, OnOrAfter: moment(t)})
}

// Before holds when the time is before t.
func (f FieldOf) Before(t time.Time) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeMomentRange, Before: moment(t)})
}

// Between holds when the time is from or later, and before until.
func (f FieldOf) Between(from, until time.Time) Condition {
	return f.at.cond(closeapi.SearchCondition{Type: closeapi.SearchConditionTypeMomentRange, OnOrAfter: moment(from), Before: moment(until)})
}
