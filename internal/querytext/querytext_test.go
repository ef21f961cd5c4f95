package querytext_test

import (
	"testing"

	"github.com/closekit/closekit/internal/querytext"
)

// TestString has queries as callers by name give them; package query tests those that it
// builds.
func TestString(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		``:     "",
		`null`: "",
		`{"type":"and","queries":[{"type":"object_type","object_type":"lead"},{"type":"match_all"}]}`: "*",
		`{"type":"id","value":"lead_1","negate":true}`:                                                "not id:lead_1",
		`{"type":"or","queries":[{"type":"text","value":"a b"},{"type":"text", "value":7}]}`:          `(a b) or {"type":"text","value":7}`,
		`{"type":"field_condition","field":{"field_name":"x"},"condition":{"type":"new"}}`:            `{"type":"field_condition","field":{"field_name":"x"},"condition":{"type":"new"}}`,
		`{"type":"and","queries":[{"type":"object_type","object_type":"lead"},{"type":"id","value":"a"},{"type":"or","queries":[{"type":"object_type","object_type":"lead"},{"type":"id","value":"b"}]}]}`: `type:lead and id:a and (type:lead or id:b)`,
		`{"type":"and","queries":[{"type":"id","value":"a"},{"type":"and","queries":[{"type":"or","queries":[{"type":"id","value":"b"},{"type":"id","value":"c"}]}]}]}`:                                    `id:a and (id:b or id:c)`,
		`{"type":"and","negate":true,"queries":[{"type":"or","queries":[{"type":"id","value":"b"},{"type":"id","value":"c"}]}]}`:                                                                           `not (id:b or id:c)`,
		`{"type":"text","value":"Acme or Globex"}`: `Acme "or" Globex`,
		`{"type":"text","value":"*"}`:              `"*"`,
		`{"type":"brand_new","negate":true}`:       `{"type":"brand_new","negate":true}`,
		`{"type":"or","queries":[]}`:               `{"type":"or","queries":[]}`,
		`{"type":"field_condition","field":{"field_name":"a:b or c"},"condition":{"type":"current_user"}}`:                                                                                         `"a:b or c":me`,
		`{"type":"field_condition","negate":true,"field":{"field_name":"x"},"condition":{"type":"number_range","gte":1,"lt":2}}`:                                                                   `not (x >= 1 x < 2)`,
		`{"type":"field_condition","field":"x","condition":[]}`:                                                                                                                                    `{"type":"field_condition","field":"x","condition":[]}`,
		`{"type":"has_related","related_object_type":"activity.call","related_query":{"type":"field_condition","field":{"field_name":"value"},"condition":{"type":"number_range","gte":1000000}}}`: `call(value >= "10,000.00")`,
	} {
		if got := querytext.String([]byte(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}
