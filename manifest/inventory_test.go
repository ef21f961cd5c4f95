package manifest_test

import (
	"encoding/csv"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/manifest"
)

const (
	inventoryFile = "testdata/operations.csv"
	notYetFile    = "testdata/not-yet.txt"
)

// operation is one row of the inventory: an operation that Close has.
type operation struct{ tool, method, path string }

func readInventory(t *testing.T) []operation {
	t.Helper()
	f, err := os.Open(inventoryFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
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

// readNotYet returns the tools of the inventory that the manifest lacks.
func readNotYet(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(notYetFile)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(data))
}

var anyBraces = regexp.MustCompile(`\{[^}]*\}`)

// unnamed returns a path whose values have no names, which the manifest and the
// vendor choose differently.
func unnamed(path string) string { return anyBraces.ReplaceAllString(path, "{}") }

// compareInventory returns what is wrong with the tools of a manifest, by the
// inventory and the list of tools that are missing.
func compareInventory(api *manifest.API, inventory []operation, notYet []string) (wrong []string) {
	known := map[string]bool{}
	for _, op := range inventory {
		known[op.tool] = true
		tool, listed := api.Tool(op.tool), slices.Contains(notYet, op.tool)
		switch {
		case tool == nil && !listed:
			wrong = append(wrong, "the manifest lacks "+op.tool+", "+op.method+" "+op.path)
		case tool == nil:
		case listed:
			wrong = append(wrong, op.tool+" is in "+notYetFile+" and in the manifest; run go test ./manifest -run TestInventory -update")
		case tool.Method != op.method || unnamed(tool.Path) != unnamed(op.path):
			wrong = append(wrong, op.tool+" is "+tool.Method+" "+tool.Path+" in the manifest, but "+op.method+" "+op.path+" in the inventory")
		}
	}
	for _, tool := range api.Tools() {
		if !known[tool.Name] {
			wrong = append(wrong, tool.Name+", "+tool.Method+" "+tool.Path+", is in no row of "+inventoryFile)
		}
	}
	for i, name := range notYet {
		if !known[name] {
			wrong = append(wrong, name+" is in "+notYetFile+", but in no row of "+inventoryFile)
		}
		if i > 0 && notYet[i-1] >= name {
			wrong = append(wrong, notYetFile+" is not in order at "+name)
		}
	}
	return wrong
}

// TestInventory compares the manifest with the operations that Close has. What is
// missing is in testdata/not-yet.txt, which only shrinks: -update takes out what the
// manifest has.
func TestInventory(t *testing.T) {
	api, inventory, notYet := embedded(t), readInventory(t), readNotYet(t)
	if *update {
		notYet = slices.DeleteFunc(notYet, func(name string) bool { return api.Tool(name) != nil })
		if err := os.WriteFile(notYetFile, []byte(strings.Join(append(notYet, ""), "\n")), 0o644); err != nil { //nolint:gosec // test data
			t.Fatal(err)
		}
	}
	if len(inventory) != 301 {
		t.Errorf("the inventory has %d operations, want 301", len(inventory))
	}
	for _, w := range compareInventory(api, inventory, notYet) {
		t.Error(w)
	}
	t.Logf("the manifest has %d of %d operations", len(inventory)-len(notYet), len(inventory))
}

// TestInventoryDiffers plants each kind of difference.
func TestInventoryDiffers(t *testing.T) {
	api, inventory, notYet := embedded(t), readInventory(t), readNotYet(t)
	at := slices.IndexFunc(inventory, func(op operation) bool { return op.tool == "close_lead_get" })
	plant := func(change func(op *operation)) []operation {
		rows := slices.Clone(inventory)
		change(&rows[at])
		return rows
	}
	sorted := func(names ...string) []string { return slices.Sorted(slices.Values(append(names, notYet...))) }
	for _, test := range []struct {
		want      string
		inventory []operation
		notYet    []string
	}{
		{"close_lead_get is GET /lead/{lead_id}/ in the manifest, but GET /leads/{id}/", plant(func(op *operation) { op.path = "/leads/{id}/" }), notYet},
		{"close_lead_get is GET /lead/{lead_id}/ in the manifest, but POST /lead/{id}/", plant(func(op *operation) { op.method = "POST" }), notYet},
		{"the manifest lacks close_lead_read", plant(func(op *operation) { op.tool = "close_lead_read" }), notYet},
		{"close_lead_get, GET /lead/{lead_id}/, is in no row", plant(func(op *operation) { op.tool = "close_lead_read" }), sorted("close_lead_read")},
		{"close_lead_get is in testdata/not-yet.txt and in the manifest", inventory, sorted("close_lead_get")},
		{"close_nothing_get is in testdata/not-yet.txt, but in no row", inventory, sorted("close_nothing_get")},
		{"not-yet.txt is not in order at close_lead_get", inventory, append(sorted(), "close_lead_get")},
	} {
		wrong := compareInventory(api, test.inventory, test.notYet)
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, test.want) }) {
			t.Errorf("got %q, want %q", wrong, test.want)
		}
	}
}
