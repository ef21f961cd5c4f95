package agent

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
)

// OwnTool describes a tool of the host, which goes through the same gates as those of
// Close.
type OwnTool[In any] struct {
	// Name has letters, digits and underscores, at most 64, and begins with a letter.
	Name        string
	Description string // for models: what it does, when to use it, what it returns
	// Effect is the strongest effect of a call. The client that Call receives lets
	// nothing stronger pass, and only until Call returns. The policy decides on each
	// of its writes too; if a person has approved the call, only a denial counts.
	Effect closekit.Effect
	// EffectOf returns the effect of one call, at most Effect. Nil means Effect.
	EffectOf func(In) closekit.Effect
	Synonyms []string // for the search of tools
	// Untrusted is true if results contain text that people outside the organization
	// may have written.
	Untrusted bool
	// Call does the work. Its result is encoded as JSON. The client acts as the
	// account of the session.
	Call func(ctx context.Context, c *closekit.Client, in In) (any, error)
}

// WithTool adds a tool of the host. The JSON Schema of its input comes from In, a
// struct. Members are named by their json tags; one without omitempty or omitzero,
// that is no pointer, is required. The tag about holds the description, enum the
// values, separated by commas, min and max the bounds of a number, format the format
// of a string. A [time.Time] is text in the format date-time, and a type with
// UnmarshalText is text; one with UnmarshalJSON has no schema:
//
//	type CreditCheck struct {
//		LeadID string `json:"lead_id" about:"Lead to check."`
//		Depth  string `json:"depth,omitempty" enum:"quick,full"`
//	}
//
// What is wrong with the description is an error of [New].
func WithTool[In any](t OwnTool[In]) Option {
	return option(func(c *config) {
		own, err := viewOf(t)
		if err != nil {
			c.errs = append(c.errs, fmt.Errorf("tool %q: %w", t.Name, err))
			return
		}
		c.own = append(c.own, own)
	})
}

var ownName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,63}$`)

func viewOf[In any](t OwnTool[In]) (*tool.Tool, error) {
	switch {
	case !ownName.MatchString(t.Name):
		return nil, errors.New("the name must begin with a letter and have at most 64 letters, digits and underscores")
	case strings.TrimSpace(t.Description) == "":
		return nil, errors.New("models need a description")
	case t.Call == nil:
		return nil, errors.New("the function Call is missing")
	}
	typ := reflect.TypeFor[In]()
	if typ.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the input must be a struct, not %s", typ)
	}
	schema, err := schemaOf(typ, 0)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	check, err := checker(t.Name, raw)
	if err != nil {
		return nil, err
	}
	decode := func(input json.RawMessage) (in In, err error) {
		if err := check(input); err != nil {
			return in, err
		}
		return in, json.Unmarshal(input, &in)
	}
	return tool.OfHost(tool.Own{
		Name: t.Name, Resource: "own", Effect: t.Effect, Input: raw,
		Info: closekit.ToolInfo{Title: t.Name, Description: t.Description, Synonyms: t.Synonyms, Untrusted: t.Untrusted},
		Checked: func(input json.RawMessage) error {
			_, err := decode(input)
			return err
		},
		EffectOf: func(input json.RawMessage) (closekit.Effect, error) {
			in, err := decode(input)
			if err != nil || t.EffectOf == nil {
				return t.Effect, err
			}
			if e := t.EffectOf(in); t.Effect.Has(e) {
				return e, nil
			} else {
				return t.Effect, fmt.Errorf("tool %s: the effect of this call (%s) is more than the tool declares (%s)", t.Name, e, t.Effect)
			}
		},
		Call: func(ctx context.Context, c *closekit.Client, input json.RawMessage) (json.RawMessage, error) {
			in, err := decode(input)
			if err != nil {
				return nil, err
			}
			out, err := t.Call(ctx, c, in)
			if err != nil {
				return nil, err
			}
			return json.Marshal(out)
		},
	}), nil
}

// checker returns a function that checks input by a schema.
func checker(name string, schema json.RawMessage) (func(json.RawMessage) error, error) {
	// With a scheme, because a name alone is looked up in the working directory, which
	// may have vanished.
	compiled, err := jsonschema.CompileString("tool:///"+url.PathEscape(name)+".json", string(schema))
	if err != nil {
		return nil, fmt.Errorf("schema of the input: %w", err)
	}
	return func(input json.RawMessage) error { return checkOwn(name, compiled, input) }, nil
}

func checkOwn(tool string, s *jsonschema.Schema, input json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err == nil && d.More() {
		err = errors.New("there is more after the JSON object")
	}
	if err != nil {
		return &closekit.ValidationError{Tool: tool, Problems: []closekit.Problem{{Expected: "must be a JSON object", Received: err.Error()}}}
	}
	// The schema would see the last one, and a handler parts of both.
	if name := repeatedKey(input); name != "" {
		return &closekit.ValidationError{Tool: tool, Problems: []closekit.Problem{{Path: name, Expected: "is given twice; give it once"}}}
	}
	var invalid *jsonschema.ValidationError
	if err := s.Validate(v); !errors.As(err, &invalid) {
		return err
	}
	e := &closekit.ValidationError{Tool: tool}
	for _, leaf := range leaves(invalid) {
		if len(e.Problems) == 10 {
			e.More++
			continue
		}
		p := strings.ReplaceAll(strings.TrimPrefix(leaf.InstanceLocation, "/"), "/", ".")
		e.Problems = append(e.Problems, closekit.Problem{Path: p, Expected: leaf.Message})
	}
	return e
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var list []*jsonschema.ValidationError
	for _, c := range e.Causes {
		list = append(list, leaves(c)...)
	}
	return list
}

// ordered is a JSON object in order.
type ordered []struct {
	key   string
	value any
}

func (o *ordered) set(key string, value any) {
	*o = append(*o, struct {
		key   string
		value any
	}{key, value})
}

func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		k, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, k...), ':'), v...)
	}
	return append(b, '}'), nil
}

const deepest = 5 // what all model APIs take

func schemaOf(t reflect.Type, depth int) (ordered, error) {
	if depth > deepest {
		return nil, fmt.Errorf("%s is nested deeper than %d levels, which models do not take", t, deepest)
	}
	var s ordered
	switch to := reflect.PointerTo(t); {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), depth)
	case t == reflect.TypeFor[time.Time]():
		s.set("type", "string")
		s.set("format", "date-time")
		return s, nil
	case to.Implements(reflect.TypeFor[json.Unmarshaler]()): // nor do its fields tell
		return nil, fmt.Errorf("the type %s decodes itself, and its schema is not known; use strings, numbers, booleans, lists and structs, and a pointer for what may be missing", t)
	case to.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		s.set("type", "string")
		return s, nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return nil, fmt.Errorf("the type %s would be text in base64, which models cannot write; use a string", t)
	}
	switch t.Kind() {
	case reflect.String:
		s.set("type", "string")
	case reflect.Bool:
		s.set("type", "boolean")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.set("type", "integer")
		if t == reflect.TypeFor[closekit.Cents]() {
			s.set("format", "cents")
		}
	case reflect.Float32, reflect.Float64:
		s.set("type", "number")
	case reflect.Slice:
		items, err := schemaOf(t.Elem(), depth+1)
		if err != nil {
			return nil, err
		}
		s.set("type", "array")
		s.set("items", items)
	case reflect.Struct:
		return objectOf(t, depth)
	default:
		return nil, fmt.Errorf("the type %s has no schema; use strings, numbers, booleans, lists and structs", t)
	}
	return s, nil
}

func objectOf(t reflect.Type, depth int) (ordered, error) {
	var props ordered
	required := []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if f.Anonymous {
			return nil, fmt.Errorf("the embedded field %s is not supported; write its fields out", f.Name)
		}
		if name == "" {
			name = f.Name
		}
		s, err := schemaOf(f.Type, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := tagged(&s, f.Tag); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		props.set(name, s)
		if o := strings.Split(opts, ","); f.Type.Kind() != reflect.Pointer && !slices.Contains(o, "omitempty") && !slices.Contains(o, "omitzero") {
			required = append(required, name)
		}
	}
	var s ordered
	s.set("type", "object")
	if props == nil {
		props = ordered{}
	}
	s.set("properties", props)
	if len(required) > 0 {
		s.set("required", required)
	}
	s.set("additionalProperties", false)
	return s, nil
}

func tagged(s *ordered, tag reflect.StructTag) error {
	if about := tag.Get("about"); about != "" {
		s.set("description", about)
	}
	if enum := tag.Get("enum"); enum != "" {
		s.set("enum", strings.Split(enum, ","))
	}
	if format := tag.Get("format"); format != "" {
		s.set("format", format)
	}
	for _, k := range [][2]string{{"min", "minimum"}, {"max", "maximum"}} {
		key, name := k[0], k[1]
		text := tag.Get(key)
		if text == "" {
			continue
		}
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("the tag %s is no number: %q", key, text)
		}
		s.set(name, json.RawMessage(text))
	}
	return nil
}
