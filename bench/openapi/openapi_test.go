package openapi_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/bench/openapi"
	"github.com/closekit/closekit/manifest"
)

type schema struct {
	Ref                  string             `json:"$ref"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties any                `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	OneOf                []*schema          `json:"oneOf"`
	Enum                 []string           `json:"enum"`
}

type content map[string]struct{ Schema *schema }

type operation struct {
	OperationID string
	Parameters  []struct{ Name, In string }
	RequestBody struct{ Content content }
	Responses   map[string]struct{ Content content }
}

type document struct {
	Paths      map[string]map[string]*operation
	Components struct{ Schemas map[string]*schema }
}

func load(t *testing.T) (*manifest.API, *document) {
	t.Helper()
	doc, err := manifest.Load(manifest.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	api, err := manifest.Check(doc)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openapi.Document(api)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return api, &d
}

// TestComplete checks that the document has each operation with all that it sends and
// returns, and each field of the types: else the peers would be measured with less.
func TestComplete(t *testing.T) {
	api, d := load(t)
	var check func(at string, s *schema, o *manifest.Object)
	seen := map[*manifest.Object]bool{}
	check = func(at string, s *schema, o *manifest.Object) {
		if s == nil || s.Ref != "#/components/schemas/"+o.Name || d.Components.Schemas[o.Name] == nil {
			t.Errorf("%s does not refer to %s", at, o.Name)
			return
		}
		if seen[o] {
			return
		}
		seen[o] = true
		s = d.Components.Schemas[o.Name]
		if s.OneOf != nil {
			for i, v := range o.Variants {
				check(o.Name, s.OneOf[i], v.Object)
			}
			return
		}
		for _, v := range o.Variants {
			if v.Has == "" {
				continue
			}
			for _, f := range v.Object.Fields {
				if s.Properties[f.Name] == nil && f.Type.Kind != manifest.CustomFields {
					t.Errorf("%s has no %s of %s", o.Name, f.Name, v.Object.Name)
				}
			}
		}
		checkFields(t, o.Name, s, o.Fields, check)
	}
	for _, tool := range api.Tools() {
		op := d.Paths[tool.Path][strings.ToLower(tool.Method)]
		if op == nil || "close_"+op.OperationID != tool.Name {
			t.Errorf("%s is missing", tool.Name)
			continue
		}
		var want, got []string
		var body []*manifest.Field
		for _, p := range tool.Params {
			if p.In == manifest.InBody {
				body = append(body, p)
			} else {
				want = append(want, string(p.In)+" "+p.Sent())
			}
		}
		for _, p := range op.Parameters {
			got = append(got, p.In+" "+p.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the parameters %q, want %q", tool.Name, got, want)
		}
		if sent := op.RequestBody.Content["application/json"].Schema; body != nil && sent == nil {
			t.Errorf("%s sends no body", tool.Name)
		} else if body != nil {
			checkFields(t, tool.Name, sent, body, check)
		}
		if tool.Returns == nil {
			continue
		}
		for _, r := range op.Responses {
			s := r.Content["application/json"].Schema
			switch {
			case s == nil:
				t.Errorf("%s returns nothing", tool.Name)
			case tool.Returns.Kind == manifest.ObjectType:
				check(tool.Name, s, tool.Returns.Object)
			default:
				page := d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
				check(tool.Name, page.Properties["data"].Items, tool.Returns.Elem.Object)
				if tool.Totals != nil {
					checkFields(t, tool.Name, page, tool.Totals.Fields, check)
				}
			}
		}
	}
	if len(seen) < 160 {
		t.Errorf("%d types were checked", len(seen))
	}
}

// checkFields checks that a schema has the fields, and follows it to their types.
func checkFields(t *testing.T, at string, s *schema, fields []*manifest.Field, check func(string, *schema, *manifest.Object)) {
	t.Helper()
	for _, f := range fields {
		if f.Type.Kind == manifest.CustomFields {
			if s.AdditionalProperties != true {
				t.Errorf("%s has no custom fields", at)
			}
			continue
		}
		p := s.Properties[f.Sent()]
		if p == nil {
			t.Errorf("%s has no %s; it has %q", at, f.Sent(), slices.Sorted(maps.Keys(s.Properties)))
			continue
		}
		if len(p.OneOf) > 0 { // the type or null
			p = p.OneOf[0]
		}
		switch typ := f.Type; {
		case typ.Kind == manifest.List && typ.Elem.Kind == manifest.ObjectType:
			check(at+"."+f.Name, p.Items, typ.Elem.Object)
		case typ.Kind == manifest.ObjectType:
			check(at+"."+f.Name, p, typ.Object)
		case typ.Kind == manifest.EnumType && !typ.Enum.Open && p.Ref == "":
			t.Errorf("%s.%s does not refer to %s", at, f.Name, typ.Enum.Name)
		}
	}
}

// TestEnums checks that enums have their values. One that is open is a text.
func TestEnums(t *testing.T) {
	api, d := load(t)
	n := 0
	for _, r := range api.Resources {
		for _, e := range r.Enums {
			s := d.Components.Schemas[e.Name]
			if s == nil {
				continue
			}
			n++
			if e.Open || !slices.Equal(s.Enum, e.Strings()) {
				t.Errorf("%s has the values %q", e.Name, s.Enum)
			}
		}
	}
	if n < 25 {
		t.Errorf("%d enums", n)
	}
}
