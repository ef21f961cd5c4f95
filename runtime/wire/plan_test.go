package wire

import (
	"reflect"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// TestWrongTags compiles types that the generator never writes: each is an error
// that names the field and the type, and its plan is not cached.
func TestWrongTags(t *testing.T) {
	t.Parallel()
	type wrong struct {
		A string `json:"a" close:"requird"`
	}
	for want, typ := range map[string]reflect.Type{
		"field A: it has no json name":                   reflect.TypeFor[struct{ A string }](),
		`field A: the tag close has no option "requird"`: reflect.TypeFor[wrong](),
		`field B: field A: the tag close has no option "requird"`: reflect.TypeFor[struct {
			B []wrong `json:"b"`
		}](),
		`field A: "x" is no number`: reflect.TypeFor[struct {
			A int `json:"a" close:"min=x"`
		}](),
		`field A: "-1" is no size`: reflect.TypeFor[struct {
			A string `json:"a" close:"maxlen=-1"`
		}](),
		"field A: no number is from 5 to 3": reflect.TypeFor[struct {
			A int `json:"a" close:"min=5,max=3"`
		}](),
		"field A: a uint16 can neither be sent nor received": reflect.TypeFor[struct {
			A uint16 `json:"a"`
		}](),
		"field Object: what is embedded must come first": reflect.TypeFor[struct {
			A string `json:"a"`
			closekit.Object
		}](),
		"a string is no struct": reflect.TypeFor[string](),
	} {
		_, err := planOf(typ)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), typ.String()) {
			t.Errorf("%v, want %s", err, want)
		}
		if _, cached := plans.Load(typ); cached {
			t.Errorf("the plan of %v is cached", typ)
		}
	}
}

// TestWrongParameters passes values of the wrong type to operations: each is an
// error, not a panic.
func TestWrongParameters(t *testing.T) {
	t.Parallel()
	type params struct {
		A string `json:"a"`
	}
	type others struct {
		A string `json:"a" close:"requird"`
	}
	op := &Operation{Operation: closekit.Operation{Tool: "close_thing_get"}, Params: func() any { return new(params) }}
	for want, p := range map[string]any{
		"its parameters are a *wire.params, not a *wire.others": &others{},
		"its parameters are a *wire.params, not a wire.params":  params{},
		"the parameters are a nil pointer":                      (*params)(nil),
	} {
		if err := op.Validate(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := op.Validate(&params{}); err != nil {
		t.Error(err)
	}
	broken := &Operation{Operation: closekit.Operation{Tool: "close_thing_list"}, Params: func() any { return new(others) }}
	if err := Check([]closekit.Callable{op, broken}, new(params)); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("%v, want two problems", err)
	}
}
