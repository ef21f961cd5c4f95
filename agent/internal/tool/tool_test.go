package tool_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestSchemasOfCloseParse tests that the schemas of all tools are in the subset, and
// that the parsed form keeps the order.
func TestSchemasOfCloseParse(t *testing.T) {
	t.Parallel()
	for _, x := range tools.All() {
		s, err := tool.OfCatalog(x).Schema()
		if err != nil {
			t.Errorf("%s: %v", x.Name, err)
			continue
		}
		rest := string(x.InputSchema())
		for _, p := range s.Properties {
			_, after, ok := strings.Cut(rest, `"`+p.Name+`":{"type"`)
			if !ok {
				t.Errorf("%s: property %s is out of order", x.Name, p.Name)
				break
			}
			rest = after
		}
	}
}

func TestSchemaWithUnknownKeyword(t *testing.T) {
	t.Parallel()
	_, err := tool.ParseSchema([]byte(`{"type":"object","properties":{"a":{"type":"string","not":{"type":"null"}}}}`))
	if err == nil || !strings.Contains(err.Error(), "properties: a: not: ") {
		t.Errorf("got %v, want an error that names the place", err)
	}
}

// TestHash tests what an approval is bound to: descriptions may change, meaning may not.
func TestHash(t *testing.T) {
	t.Parallel()
	base := tool.Own{Name: "own_x", Input: []byte(`{"type":"object","properties":{"description":{"type":"string","description":"One."}},"required":["description"]}`)}
	hash := func(change func(*tool.Own)) string {
		o := base
		change(&o)
		return tool.OfHost(o).Hash()
	}
	same := hash(func(*tool.Own) {})
	if got := hash(func(o *tool.Own) {
		o.Input = []byte(`{"type":"object","required":["description"],"properties":{"description":{"examples":["x"],"description":"Two.","type":"string"}}}`)
	}); got != same {
		t.Error("the hash depends on descriptions or order")
	}
	for name, change := range map[string]func(*tool.Own){
		"name":   func(o *tool.Own) { o.Name = "own_y" },
		"effect": func(o *tool.Own) { o.Effect = closekit.Destructive },
		"property": func(o *tool.Own) {
			o.Input = []byte(strings.Replace(string(o.Input), `"description":{`, `"text":{`, 1))
		},
		"type": func(o *tool.Own) { o.Input = []byte(strings.Replace(string(o.Input), `"string"`, `"integer"`, 1)) },
		"required": func(o *tool.Own) {
			o.Input = []byte(`{"type":"object","properties":{"description":{"type":"string"}}}`)
		},
	} {
		if hash(change) == same {
			t.Errorf("the hash does not depend on the %s", name)
		}
	}
}
