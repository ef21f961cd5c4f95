package manifest_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/manifest"
)

const inventoryFile = "testdata/operations.csv"

// operation is one row of the inventory: an operation that Close has.
type operation struct{ tool, method, path string }

func readInventory(t *testing.T) []operation {
	t.Helper()
	f, err := os.Open(inventoryFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if head := strings.Join(rows[0], ","); head != "tool,method,path" {
		t.Fatalf("%s begins with %s", inventoryFile, head)
	}
	list := make([]operation, 0, len(rows))
	for _, r := range rows[1:] {
		list = append(list, operation{r[0], r[1], r[2]})
	}
	return list
}

// byPath orders the inventory: by path, then by method.
func byPath(a, b operation) int {
	return cmp.Or(strings.Compare(unnamed(a.path), unnamed(b.path)), strings.Compare(a.method, b.method))
}

// withTools returns the inventory with a row for each tool of a manifest that has
// none. Rows that are there stay as they are: a path or a method that changes by
// mistake must fail.
func withTools(api *manifest.API, inventory []operation) []operation {
	known := map[string]bool{}
	for _, op := range inventory {
		known[op.tool] = true
	}
	list := slices.Clone(inventory)
	for _, tool := range api.Tools() {
		if !known[tool.Name] {
			list = append(list, operation{tool.Name, tool.Method, tool.Path})
		}
	}
	slices.SortStableFunc(list, byPath)
	return list
}

func writeInventory(t *testing.T, inventory []operation) {
	t.Helper()
	rows := [][]string{{"tool", "method", "path"}}
	for _, op := range inventory {
		rows = append(rows, []string{op.tool, op.method, op.path})
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(inventoryFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

var anyBraces = regexp.MustCompile(`\{[^}]*\}`)

// unnamed returns a path whose values have no names, which the manifest and the
// vendor choose differently.
func unnamed(path string) string { return anyBraces.ReplaceAllString(path, "{}") }

// compareInventory returns what is wrong with the tools of a manifest, by the
// inventory.
func compareInventory(api *manifest.API, inventory []operation) (wrong []string) {
	known := map[string]bool{}
	for i, op := range inventory {
		switch tool := api.Tool(op.tool); {
		case known[op.tool]:
			wrong = append(wrong, op.tool+" has two rows in "+inventoryFile)
		case tool == nil:
			wrong = append(wrong, "the manifest lacks "+op.tool+", "+op.method+" "+op.path)
		case tool.Method != op.method || unnamed(tool.Path) != unnamed(op.path):
			wrong = append(wrong, op.tool+" is "+tool.Method+" "+tool.Path+" in the manifest, but "+op.method+" "+op.path+" in the inventory")
		}
		if i > 0 && byPath(inventory[i-1], op) >= 0 {
			wrong = append(wrong, inventoryFile+" is not in order of path and method at "+op.tool)
		}
		known[op.tool] = true
	}
	for _, tool := range api.Tools() {
		if !known[tool.Name] {
			wrong = append(wrong, tool.Name+", "+tool.Method+" "+tool.Path+", is in no row of "+inventoryFile+"; run go test ./manifest -run TestInventory -update")
		}
	}
	return wrong
}

// TestInventory compares the manifest with the operations that Close has. -update adds
// a row for each tool that has none.
func TestInventory(t *testing.T) {
	api, inventory := embedded(t), readInventory(t)
	if *update {
		inventory = withTools(api, inventory)
		writeInventory(t, inventory)
	}
	if len(inventory) < 301 {
		t.Errorf("the inventory has %d operations, want at least 301", len(inventory))
	}
	for _, w := range compareInventory(api, inventory) {
		t.Error(w)
	}
}

// TestInventoryDiffers plants each kind of difference.
func TestInventoryDiffers(t *testing.T) {
	api, inventory := embedded(t), readInventory(t)
	at := slices.IndexFunc(inventory, func(op operation) bool { return op.tool == "close_lead_get" })
	plant := func(change func(op *operation)) []operation {
		rows := slices.Clone(inventory)
		change(&rows[at])
		return rows
	}
	swapped := slices.Clone(inventory)
	swapped[at], swapped[at-1] = swapped[at-1], swapped[at]
	for _, test := range []struct {
		want      string
		inventory []operation
	}{
		{"close_lead_get is GET /lead/{lead_id}/ in the manifest, but GET /leads/{id}/", plant(func(op *operation) { op.path = "/leads/{id}/" })},
		{"close_lead_get is GET /lead/{lead_id}/ in the manifest, but POST /lead/{id}/", plant(func(op *operation) { op.method = "POST" })},
		{"the manifest lacks close_lead_read", plant(func(op *operation) { op.tool = "close_lead_read" })},
		{"close_lead_get, GET /lead/{lead_id}/, is in no row", plant(func(op *operation) { op.tool = "close_lead_read" })},
		{"close_lead_get has two rows", slices.Insert(slices.Clone(inventory), at, inventory[at])},
		{"is not in order of path and method at " + inventory[at-1].tool, swapped},
	} {
		wrong := compareInventory(api, test.inventory)
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, test.want) }) {
			t.Errorf("got %q, want %q", wrong, test.want)
		}
	}
}

// TestInventoryGrows wants a row for a tool that has none, in its place, and no other
// change.
func TestInventoryGrows(t *testing.T) {
	api, inventory := embedded(t), readInventory(t)
	at := slices.IndexFunc(inventory, func(op operation) bool { return op.tool == "close_lead_get" })
	got := withTools(api, slices.Delete(slices.Clone(inventory), at, at+1))
	want := slices.Clone(inventory)
	want[at].path = "/lead/{lead_id}/"
	slices.SortStableFunc(want, byPath)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	wrong := slices.Clone(inventory)
	wrong[at].method = "POST"
	if !slices.Contains(withTools(api, wrong), wrong[at]) {
		t.Error("a row with another method was repaired; it must fail")
	}
}
