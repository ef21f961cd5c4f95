package query

import (
	"encoding/json"

	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/internal/querytext"
)

// String returns a query in the words of Close's own search box, for people and logs:
//
//	name:Acme and opportunity(value >= "10,000.00") and not call(activity_at >= 2026-03-01)
//
// It says what is sent, but is not sent itself. What the search box has no words for is
// written as JSON.
func String(q *closeapi.SearchQuery) string {
	if q == nil {
		return ""
	}
	b, err := json.Marshal(q)
	if err != nil {
		return string(q.Type)
	}
	return querytext.String(b)
}
