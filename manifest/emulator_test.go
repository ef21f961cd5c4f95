package manifest_test

import (
	"os"
	"strings"
	"testing"
)

// TestEmulatorIsDescribed compares what the documents say of the emulator, which serves
// every tool, with the manifest.
func TestEmulatorIsDescribed(t *testing.T) {
	t.Parallel()
	api := embedded(t)
	text := func(name string) string {
		data, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(strings.ReplaceAll(string(data), "\n//", "\n")), " ")
	}
	between := func(text, from, to string) string {
		_, text, ok := strings.Cut(text, from)
		if text, _, found := strings.Cut(text, to); ok && found {
			return text
		}
		t.Fatalf("no text between %q and %q", from, to)
		return ""
	}
	doc := text("emulator/doc.go")
	for name, list := range map[string]string{
		"emulator/doc.go": between(doc, "It serves every operation of the manifest", "It behaves like"),
		"README.md":       between(text("README.md"), "The emulator serves all operations of the manifest", "It behaves like"),
	} {
		for _, a := range api.Areas {
			if title := strings.ToLower(a.Title[:1]) + a.Title[1:]; !strings.Contains(list, title) {
				t.Errorf("%s does not name %s among what the emulator serves", name, title)
			}
		}
	}
	lacks := strings.ToLower(between(doc, "What it does not reproduce:", "Where Close's behavior is not known"))
	for _, r := range api.Resources {
		title := strings.ToLower(r.Title)
		if rest := strings.ReplaceAll(lacks, "the automatic steps of sequences", ""); len(r.Tools) > 0 && strings.Contains(rest, title) {
			t.Errorf("emulator/doc.go says that %s are not reproduced, but they have tools", title)
		}
		for _, tool := range r.Tools {
			if strings.Contains(lacks, strings.ToLower(tool.Path)) {
				t.Errorf("emulator/doc.go says that %s is not reproduced, but %s calls it", tool.Path, tool.Name)
			}
		}
	}
}
