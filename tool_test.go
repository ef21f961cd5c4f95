package closekit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/closekit/closekit"
)

var catalog = &closekit.Catalog{
	Data: fstest.MapFS{
		"data/items.json": {Data: []byte(`{
			"tools": {
				"close_item_create": {"title": "Create", "input": {"type": "object", "a": [1, 2]}, "output": {"$ref": "#/$defs/Item"}},
				"close_item_get": {"title": "Get", "examples": [{"about": "x", "input": {"item_id": "item_1"}}], "input": {"b": 1}, "output": {"data": {"$ref": "parts.json#/$defs/Part"}}}
			},
			"$defs": {"Item": {"type": "object", "parts": {"$ref": "parts.json#/$defs/Part"}, "outer": {"$ref": "#/$defs/Item", "description": "\"$ref\": is text here"}}}
		}`)},
		"data/parts.json":  {Data: []byte(`{"$defs": {"Part": {"of": {"$ref": "items.json#/$defs/Item"}}}}`)},
		"data/broken.json": {Data: []byte(`{`)},
	},
	Operations: func() []closekit.Callable {
		return []closekit.Callable{&opCreate, &opDelete, &opGet, &opUpdate, &opList}
	},
	List: []closekit.Tool{
		{Name: "close_item_create", Resource: "items"},
		{Name: "close_item_delete", Resource: "items"},
		{Name: "close_item_get", Resource: "items"},
		{Name: "close_item_update", Resource: "broken"},
		{Name: "close_items_list", Resource: "missing"},
	},
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for i, want := range catalog.List {
		tool, err := catalog.Lookup(want.Name)
		if err != nil || tool.Name != want.Name || tool.Operation().Tool != want.Name || tool.Operation() != catalog.Operations()[i].Describe() {
			t.Errorf("%s: %+v, %v", want.Name, tool, err)
		}
	}
	for name, nearest := range map[string]string{
		"close_item_crate": "close_item_create", "CLOSE_ITEM_GET": "close_item_get", "close_items_lst": "close_items_list", "": "",
		"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz": "", "close_item_gett": "close_item_get", "create_item": "close_item_create",
		"close_item_dilate": "close_items_list or close_item_get", "itemDelete": "close_item_delete",
	} {
		tool, err := catalog.Lookup(name)
		var u *closekit.UnknownToolError
		if tool != nil || !errors.As(err, &u) || u.Name != name || strings.Join(append([]string{u.Nearest}, u.Others...), " or ") != nearest {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "did you mean "+nearest+"?") != (nearest != "") {
			t.Error(err)
		}
	}
	if _, err := (&closekit.Catalog{}).Lookup("x"); err == nil || err.Error() != `unknown tool "x"` {
		t.Error(err)
	}
}

func TestTools(t *testing.T) {
	t.Parallel()
	tools := catalog.Tools()
	if len(tools) != len(catalog.List) {
		t.Fatal(len(tools))
	}
	for i, tool := range tools {
		if tool.Name != catalog.List[i].Name || tool.Operation().Tool != tool.Name {
			t.Errorf("%+v", tool)
		}
		tool.Hash = "changed"
	}
	if again, _ := catalog.Lookup("close_item_get"); again.Hash != "" || catalog.Tools()[2].Hash != "" {
		t.Error("a tool's change reaches the catalog")
	}
	item, part := `{"type":"object","parts":{"$ref":"#/$defs/Part"},"outer":{"$ref":"#/$defs/Item","description":"\"$ref\": is text here"}}`, `{"of":{"$ref":"#/$defs/Item"}}`
	defs := `,"$defs":{"Item":` + item + `,"Part":` + part + `}}`
	for i, want := range [][3]string{
		{"Create", `{"type":"object","a":[1,2]}`, item[:len(item)-1] + defs},
		{"", "{}", "{}"},
		{"Get", `{"b":1}`, `{"data":{"$ref":"#/$defs/Part"}` + defs},
		{"", "{}", "{}"}, // its file is invalid
		{"", "{}", "{}"}, // its file is missing
	} {
		if info, in, out := tools[i].Info(), string(tools[i].InputSchema()), string(tools[i].OutputSchema()); info.Title != want[0] || in != want[1] || out != want[2] {
			t.Errorf("%s: %+v, %s,\n%s, want\n%s", tools[i].Name, info, in, out, want[2])
		}
	}
	if e := tools[2].Info().Examples; len(e) != 1 || e[0].About != "x" || string(e[0].Input) != `{"item_id": "item_1"}` {
		t.Errorf("%+v", e)
	}
}

func TestToolValidate(t *testing.T) {
	t.Parallel()
	tool, err := catalog.Lookup("close_item_update")
	if err != nil {
		t.Fatal(err)
	}
	if err := tool.Validate(json.RawMessage(`{"item_id":"item_1","name":"x"}`)); err != nil {
		t.Error(err)
	}
	for in, want := range map[string]string{
		`{"name":"x"}`:               "close_item_update: item_id: is required",
		`{"item_id":"x","nam":"x"}`:  `close_item_update: nam: is not a known parameter (did you mean "name"?)`,
		`{"item_id":"x","name":5}`:   "close_item_update: name: must be a string, got 5",
		`{"item_id":"..","name":""}`: `close_item_update: item_id: must not be empty, "." or "..", got ".."`,
		`[]`:                         "close_item_update: input must be a JSON object, got []",
	} {
		if err := tool.Validate(json.RawMessage(in)); err == nil || err.Error() != want || !closekit.IsValidation(err) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestToolCall(t *testing.T) {
	t.Parallel()
	tool := func(name string) *closekit.Tool {
		v, err := catalog.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	// Close's JSON is returned unchanged.
	body := " {\"id\" : \"item_1\", \"n\":1.0, \"u\":\"\\u00e9\", \"id\":null, \"new\": [ 1 ] }\n"
	c, s := client(respond(200, body), respond(200, strings.Repeat(" ", len(body)-8)+`{"id":5}`))
	out, err := tool("close_item_create").Call(t.Context(), c, json.RawMessage(`{"name":"x"}`))
	if err != nil || string(out) != strings.TrimSpace(body) || s.body[0] != `{"name":"x"}` || s.seen[0].Method != "POST" {
		t.Errorf("%s, %v, sent %q", out, err, s.body)
	}
	// The response belongs to the caller: the next call must not change it.
	if _, err := tool("close_item_get").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`)); err != nil || string(out) != strings.TrimSpace(body) {
		t.Errorf("%s, %v", out, err)
	}
	// Invalid input is not sent.
	before := s.count()
	if out, err := tool("close_item_create").Call(t.Context(), c, nil); !closekit.IsValidation(err) || out != nil || s.count() != before {
		t.Errorf("%s, %v", out, err)
	}
	// Only updates and destructive operations may have an empty response.
	for _, empty := range []string{"", " \n"} {
		c, _ := client(respond(204, empty))
		if out, err := tool("close_item_delete").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`)); err != nil || string(out) != "{}" {
			t.Errorf("%s, %v", out, err)
		}
		out, err := tool("close_item_get").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`))
		var d *closekit.DecodeError
		if out != nil || !errors.As(err, &d) {
			t.Errorf("%s, %v", out, err)
		}
	}
	for _, bad := range []string{"<html>", `{"a":`, `{}{}`} {
		c, _ := client(respond(200, bad))
		out, err := tool("close_item_delete").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`))
		var d *closekit.DecodeError
		if out != nil || !errors.As(err, &d) {
			t.Errorf("%s, %v", out, err)
		}
	}
	c, _ = client(notFound)
	if out, err := tool("close_item_get").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`)); !closekit.IsNotFound(err) || out != nil {
		t.Errorf("%s, %v", out, err)
	}
	var meta closekit.ResponseInfo
	c, _ = client(ok)
	if _, err := tool("close_item_get").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`), closekit.WithResponseInfo(&meta)); err != nil || meta.Status != 200 {
		t.Error(err)
	}
}

func TestToolPrepare(t *testing.T) {
	t.Parallel()
	create, err := catalog.Lookup("close_item_create")
	if err != nil {
		t.Fatal(err)
	}
	c, s := client(ok)
	if call, err := create.Prepare(c, json.RawMessage(`{"name":1}`)); !closekit.IsValidation(err) || call != nil {
		t.Error(call, err)
	}
	call, err := create.Prepare(c, json.RawMessage(`{"name":"x"}`))
	if err != nil || s.count() != 0 {
		t.Fatal(err, s.count())
	}
	for n := range 2 { // a call can be made again
		if r, err := call.Do(t.Context()); err != nil || len(r.JSON) == 0 || s.count() != n+1 || s.body[n] != `{"name":"x"}` {
			t.Errorf("%v, %v, sent %q", r, err, s.body)
		}
	}
}
