package wire

import (
	"reflect"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

func TestWrongTags(t *testing.T) {
	t.Parallel()
	for want, typ := range map[string]reflect.Type{
		"field A has no json name": reflect.TypeFor[struct{ A string }](),
		`field A: "requird" is no option of the tag close`: reflect.TypeFor[struct {
			A string `json:"a" close:"requird"`
		}](),
		`field A: "x" is no number`: reflect.TypeFor[struct {
			A int `json:"a" close:"min=x"`
		}](),
		"field A: a uint16 cannot be sent or received": reflect.TypeFor[struct {
			A uint16 `json:"a"`
		}](),
		"embedded Object must come first": reflect.TypeFor[struct {
			A string `json:"a"`
			closekit.Object
		}](),
	} {
		if _, err := compile(typ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
