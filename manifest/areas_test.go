package manifest_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// An addition that replaces a tool of an area leaves the area's other tools.
func TestAreaReplaced(t *testing.T) {
	t.Parallel()
	api, err := check([]fs.FS{
		fstest.MapFS{
			"close.yaml": {Data: []byte("api: Close\nbase_url: https://api.close.com\nids:\n  thing: {prefix: thing}\n  user: {prefix: user, get: close_user_get, show: [name]}\n" +
				"areas:\n  crm:\n    title: Things\n    tools: [close_things_list, close_thing_get]\n")},
			"crm/things.yaml": {Data: []byte(previewed)},
		},
		fstest.MapFS{"crm/more.yaml": {Data: []byte(ours("get", "GET /thing/{thing_id}/"))}, "ours.yaml": {Data: []byte(strings.Replace(ours("list", "GET /thing/"), "our_thing_list", "our_things", 1))}},
	}...)
	if err != nil {
		t.Fatal(err)
	}
	if sets := api.AllToolsets(); len(sets) != 1 || !slices.Equal(sets[0].Tools, []string{"our_thing_get"}) {
		t.Errorf("got %+v, want the tool that replaces one in the area", sets)
	}
}

// ours replaces a tool for things.
func ours(verb, http string) string {
	old := "close_thing_" + verb
	if verb == "list" {
		old = "close_things_list"
	}
	return "resource: our_" + verb + "\ntools:\n  our_thing_" + verb + ":\n    http: " + http + "\n    does: Fetch things in our way.\n    returns: User\n    replaces: " + old + "\n"
}
