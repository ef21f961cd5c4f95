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
	Schemas: fstest.MapFS{
		"schemas/close_item_create.input.json":  {Data: []byte("{\n  \"type\": \"object\",\n  \"a\": [1, 2]\n}\n")},
		"schemas/close_item_create.output.json": {Data: []byte(`{"b":  1}`)},
		"schemas/close_item_get.input.json":     {Data: []byte(`{`)},
	},
	Operations: func() []closekit.Callable {
		return []closekit.Callable{&opCreate, &opDelete, &opGet, &opUpdate, &opList}
	},
	List: []closekit.Tool{
		{Name: "close_item_create", Title: "Create"}, {Name: "close_item_delete", Title: "Delete"}, {Name: "close_item_get", Title: "Get"}, {Name: "close_item_update", Title: "Update"}, {Name: "close_items_list", Title: "List"},
	},
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for i, want := range catalog.List {
		tool, err := catalog.Lookup(want.Name)
		if err != nil || tool.Name != want.Name || tool.Title != want.Title || tool.Operation().Tool != want.Name || tool.Operation() != catalog.Operations()[i].Describe() {
			t.Errorf("%s: %+v, %v", want.Name, tool, err)
		}
	}
	for name, nearest := range map[string]string{
		"close_item_crate": "close_item_create", "CLOSE_ITEM_GET": "close_item_get", "close_items_lst": "close_items_list", "": "", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz": "", "close_item_gett": "close_item_get",
	} {
		tool, err := catalog.Lookup(name)
		var u *closekit.UnknownToolError
		if tool != nil || !errors.As(err, &u) || u.Name != name || u.Nearest != nearest {
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
		tool.Title = "changed"
	}
	if again, _ := catalog.Lookup("close_item_get"); again.Title != "Get" || catalog.Tools()[2].Title != "Get" {
		t.Error("a tool's change reaches the catalog")
	}
	for i, want := range [][2]string{{`{"type":"object","a":[1,2]}`, `{"b":1}`}, {"{}", "{}"}, {"{}", "{}"}} {
		if in, out := string(tools[i].InputSchema()), string(tools[i].OutputSchema()); in != want[0] || out != want[1] {
			t.Errorf("%d: %s, %s", i, in, out)
		}
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
	// Close's JSON passes through as it is.
	body := " {\"id\" : \"item_1\", \"n\":1.0, \"u\":\"\\u00e9\", \"id\":null, \"new\": [ 1 ] }\n"
	c, s := client(answer(200, body), answer(200, strings.Repeat(" ", len(body)-8)+`{"id":5}`))
	out, err := tool("close_item_create").Call(t.Context(), c, json.RawMessage(`{"name":"x"}`))
	if err != nil || string(out) != strings.TrimSpace(body) || s.body[0] != `{"name":"x"}` || s.seen[0].Method != "POST" {
		t.Errorf("%s, %v, sent %q", out, err, s.body)
	}
	// The answer is the caller's: the next call must not change it.
	if _, err := tool("close_item_get").Call(t.Context(), c, json.RawMessage(`{"item_id":"x"}`)); err != nil || string(out) != strings.TrimSpace(body) {
		t.Errorf("%s, %v", out, err)
	}
	// Nothing is sent when the input is wrong.
	before := s.count()
	if out, err := tool("close_item_create").Call(t.Context(), c, nil); !closekit.IsValidation(err) || out != nil || s.count() != before {
		t.Errorf("%s, %v", out, err)
	}
	// Only what deletes may answer with nothing.
	for _, empty := range []string{"", " \n"} {
		c, _ := client(answer(204, empty))
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
		c, _ := client(answer(200, bad))
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
