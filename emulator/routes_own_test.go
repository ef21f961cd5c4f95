package emulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator/internal/value"
)

func TestOwnRoutes(t *testing.T) {
	t.Parallel()
	s := New(Options{Seed: 1, Routes: []Route{
		{Method: "POST", Path: "/gadget/", Resource: "gadgets", Action: "create", Status: 201, Prefix: "gad"},
		{Method: "GET", Path: "/gadget/{id}/", Resource: "gadgets", Action: "get"},
		{Method: "PUT", Path: "/gadget/{id}/spin/", Resource: "gadgets", Action: "spin"},
		{Tool: "my_lead_create", Method: "POST", Path: "/lead/", Resource: "mine", Action: "delete", Fields: []string{"region", "name"}},
	}})
	status, o := serve(s, "POST", "/gadget/", `{"name": "Lamp"}`)
	id := value.String(o["id"])
	if status != http.StatusCreated || !strings.HasPrefix(id, "gad_") || o["name"] != "Lamp" {
		t.Fatalf("got %d %v", status, o)
	}
	if status, o = serve(s, "GET", "/gadget/"+id+"/", ""); status != 200 || o["name"] != "Lamp" {
		t.Errorf("got %d %v", status, o)
	}
	if status, o = serve(s, "PUT", "/gadget/"+id+"/spin/", "{}"); status != 501 {
		t.Errorf("an action that nothing does: got %d %v", status, o)
	}
	status, o = serve(s, "POST", "/lead/", `{"name": "Acme", "region": "north", "other": 1}`)
	if status != 200 || o["display_name"] != "Acme" || o["region"] != "north" || o["other"] != nil {
		t.Errorf("got %d %v", status, o)
	}
	if status, o = serve(New(Options{Seed: 1}), "POST", "/lead/", `{"name": "Acme", "region": "north"}`); status != 200 || o["region"] != nil {
		t.Errorf("without the option: got %d %v", status, o)
	}
}

// TestPathsWithIDs finds operations by paths with several ids, and with ids that have
// slashes.
func TestPathsWithIDs(t *testing.T) {
	t.Parallel()
	rt := &router{root: &node{}}
	for _, path := range []string{"/group/{id}/", "/group/{id}/member/{user_id}/", "/schema/{id...}/", "/schema/list/", "/field/{id}/association/{object_type...}/"} {
		rt.add(route{method: "GET", path: path})
	}
	for path, want := range map[string]string{
		"/group/g1/":                           "/group/{id}/ g1",
		"/group/g1/member/u%2F1/":              "/group/{id}/member/{user_id}/ g1 u/1",
		"/schema/lead/":                        "/schema/{id...}/ lead",
		"/schema/activity/actitype_a/":         "/schema/{id...}/ activity/actitype_a",
		"/schema/list/":                        "/schema/list/",
		"/field/f1/association/activity/a%20b": "/field/{id}/association/{object_type...}/ f1 activity/a b",
		"/group/":                              "",
		"/group/g1/member/":                    "",
		"/schema/":                             "",
		"/other/":                              "",
	} {
		got := ""
		if n, ids := rt.find(path); n != nil {
			got = strings.Join(append([]string{n.methods["GET"].path}, ids...), " ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
