package closeapi_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestLogs logs what tools take and return with both handlers of log/slog: readable,
// and without unexported fields. Types that come within results only are left out; see
// isPart, and logging.ReplaceAttr for lists.
func TestLogs(t *testing.T) {
	t.Parallel()
	types := map[reflect.Type]bool{}
	for _, v := range []any{
		closekit.Page[closeapi.Lead]{},
		closekit.ToolResult{},
		closekit.CustomFields{},
		closekit.CustomText("x"), closekit.Cents(0), closekit.Some("x"), closekit.Date(""), closekit.DateTime(""),
		closeapi.Lead{},
		closeapi.Contact{},
		closeapi.Opportunity{},
		closeapi.OpportunityGroup{},
		closeapi.Activity{},
		closeapi.Call{},
		closeapi.Email{},
		closeapi.EmailThread{},
		closeapi.SMS{},
		closeapi.Meeting{},
		closeapi.Note{},
		closeapi.Task{},
		closeapi.Pipeline{},
		closeapi.Sequence{},
		closeapi.SequenceSubscription{},
		closeapi.User{},
		closeapi.Webhook{},
	} {
		types[reflect.TypeOf(v)] = true
	}
	for _, tool := range tools.All() { // the parameters, and what is in them
		for _, e := range tool.Info().Examples {
			p, err := tool.Parse(e.Input)
			if err != nil {
				t.Fatal(err)
			}
			below(reflect.TypeOf(p).Elem(), types)
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[closeapi.Lead](), reflect.TypeFor[closeapi.Opportunity](), reflect.TypeFor[closeapi.Email](), reflect.TypeFor[closeapi.Meeting](),
		reflect.TypeFor[closeapi.Activity](), reflect.TypeFor[closeapi.Sequence](), reflect.TypeFor[closeapi.Webhook](), reflect.TypeFor[closeapi.User](),
	} {
		below(typ, types)
	}
	internals := regexp.MustCompile(`0x[0-9a-f]{6}|\bkept:|\bseen:|\braw:|\bstate:|\bo:\{`)
	for typ := range types {
		if isPart(typ) {
			continue
		}
		v := reflect.New(typ)
		// Members without a field are in what fmt must not print.
		_ = json.Unmarshal([]byte(`{"id":"x_1","surely_unknown":{"a":1},"data":[{"id":"lead_1","surely_unknown":2}]}`), v.Interface())
		values := []any{v.Elem().Interface()}
		if typ.Kind() == reflect.Struct { // fmt prints the address of other pointers
			fill(v.Elem())
			values = append(values, v.Interface())
		}
		for _, value := range values {
			var text, js bytes.Buffer
			slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", value)
			slog.New(slog.NewJSONHandler(&js, nil)).Info("x", "v", value)
			if internals.MatchString(text.String()) || strings.Contains(text.String()+js.String(), "!ERROR") || !json.Valid(js.Bytes()) {
				t.Errorf("%T: %s%s", value, &text, &js)
			}
		}
	}
	if len(types) < 60 {
		t.Errorf("only %d types", len(types))
	}
	var lead closeapi.Lead
	const sent = `{"id":"lead_1","contacts":[{"name":"Ann"}],"surely_unknown":2}`
	if err := json.Unmarshal([]byte(sent), &lead); err != nil {
		t.Fatal(err)
	}
	if text, err := lead.MarshalText(); err != nil || string(text) != sent {
		t.Errorf("%v, %s", err, text)
	}
}

// isPart reports whether a type comes within results only. Programs log results, in
// which it is JSON.
func isPart(typ reflect.Type) bool {
	if typ.Kind() != reflect.Struct {
		return false
	}
	_, has := typ.FieldByNameFunc(func(name string) bool { return name == "Object" })
	return has && !typ.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// below collects the types in a type that have a name.
func below(typ reflect.Type, types map[reflect.Type]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		below(typ.Elem(), types)
	case reflect.Struct:
		if types[typ] || typ == reflect.TypeFor[closekit.Object]() {
			return
		}
		types[typ] = true
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() {
				below(f.Type, types)
			}
		}
	default: // has no parts
	}
}

// fill makes the pointers in a struct point to something. Lists stay empty: package fmt
// prints the base of their elements with them, which is no address and gives nothing away.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && v.Type().Field(i).IsExported() && f.IsNil() {
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
}
