package query

import (
	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// A Kind is a kind of record, such as lead, contact, opportunity or activity.call.
type Kind = closeapi.SearchObjectType

// A Condition says what holds for a record. It becomes a node of a query for the kind of
// record that the query around it is about. The zero value is not valid.
type Condition func(about Kind) closeapi.SearchQuery

// Leads returns a query for the leads for which all conditions hold. Without conditions,
// these are all leads.
func Leads(all ...Condition) *closeapi.SearchQuery {
	return About(closeapi.SearchObjectTypeLead, all...)
}

// Contacts is like [Leads], for contacts.
func Contacts(all ...Condition) *closeapi.SearchQuery {
	return About(closeapi.SearchObjectTypeContact, all...)
}

// Opportunities is like [Leads], for opportunities.
func Opportunities(all ...Condition) *closeapi.SearchQuery {
	return About(closeapi.SearchObjectTypeOpportunity, all...)
}

// About is like [Leads], for any kind of record that Close can search.
func About(kind Kind, all ...Condition) *closeapi.SearchQuery {
	q := join(closeapi.SearchQueryTypeAnd, kind, all)
	is := closeapi.SearchQuery{Type: closeapi.SearchQueryTypeObjectType, ObjectType: closekit.Some(kind)}
	q.Queries = append([]closeapi.SearchQuery{is}, q.Queries...)
	return &q
}

// All holds when all conditions hold.
func All(all ...Condition) Condition {
	return func(about Kind) closeapi.SearchQuery { return join(closeapi.SearchQueryTypeAnd, about, all) }
}

// Any holds when at least one condition holds.
func Any(some ...Condition) Condition {
	return func(about Kind) closeapi.SearchQuery { return join(closeapi.SearchQueryTypeOr, about, some) }
}

// Not holds when the condition does not.
func Not(c Condition) Condition {
	return func(about Kind) closeapi.SearchQuery {
		q := c(about)
		q.Negate = closekit.Some(!q.Negate.Or(false))
		return q
	}
}

func join(t closeapi.SearchQueryType, about Kind, list []Condition) closeapi.SearchQuery {
	q := closeapi.SearchQuery{Type: t, Queries: make([]closeapi.SearchQuery, 0, len(list))}
	for _, c := range list {
		q.Queries = append(q.Queries, c(about))
	}
	return q
}

// Related holds when a record of the kind that belongs to this one meets all conditions.
// Without conditions, it holds when there is one.
func Related(kind Kind, all ...Condition) Condition {
	return func(about Kind) closeapi.SearchQuery {
		inner := join(closeapi.SearchQueryTypeAnd, kind, all)
		switch len(inner.Queries) {
		case 0:
			inner = closeapi.SearchQuery{Type: closeapi.SearchQueryTypeMatchAll}
		case 1:
			inner = inner.Queries[0]
		}
		return closeapi.SearchQuery{
			Type: closeapi.SearchQueryTypeHasRelated, ThisObjectType: closekit.Some(about), RelatedObjectType: closekit.Some(kind), RelatedQuery: &inner,
		}
	}
}

// ID holds for the records with one of the ids, such as those that a person picked.
func ID[T ~string](ids ...T) Condition {
	list := make([]Condition, len(ids))
	for i, id := range ids {
		list[i] = Raw(closeapi.SearchQuery{Type: closeapi.SearchQueryTypeID, Value: closekit.Some(string(id))})
	}
	if len(list) == 1 {
		return list[0]
	}
	return Any(list...)
}

// Text holds when all words occur anywhere in the record, in any order.
func Text(words string) Condition {
	return Raw(closeapi.SearchQuery{Type: closeapi.SearchQueryTypeText, Value: closekit.Some(words), Mode: closekit.Some(closeapi.SearchTextModeFullWords)})
}

// Raw is a node for which this package has no word. It is sent as it is.
func Raw(node closeapi.SearchQuery) Condition {
	return func(Kind) closeapi.SearchQuery { return node }
}
