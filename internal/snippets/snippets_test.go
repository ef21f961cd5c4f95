package snippets

import (
	"strings"
	"testing"
)

// TestCheck tells what is wrong from what is left out.
func TestCheck(t *testing.T) {
	t.Parallel()
	w, err := load(t, ".")
	if err != nil {
		t.Fatal(err)
	}
	p := w.byName["snippets"][0]
	for code, want := range map[string]string{
		"n := snippets.Check(t, dir)":                                        "",
		"err := snippets.Check(t)":                                           "not enough arguments",
		"n := snippets.Chekc(t, dir)":                                        "undefined: snippets.Chekc",
		"c := http.Client{…, Timeout: time.Second} // …":                     "",
		"c := http.Client{…, Timeuot: time.Second}":                          "unknown field Timeuot",
		"f, err := os.Open(name)\n…\nf.Shut()":                               "f.Shut undefined",
		"f, err := os.Open(…)\ndefer f.Close()":                              "",
		"f := os.Open(\"…\")":                                                "assignment mismatch",
		"a, err := os.Open(one)\n\na, err := os.Open(other)":                 "",
		"for v, err := range all(ctx) {\n\tif err != nil { return err }\n…}": "",
		"func main() {\n\tos.Exit(run(os.Args))\n}":                          "",
		"func f() int {\n\treturn os.Args\n}":                                "cannot use os.Args",
		"x := (":                                                             "expected",
	} {
		var got []string
		for _, err := range w.check(p, code) {
			got = append(got, err.Error())
		}
		if text := strings.Join(got, "; "); (text == "") != (want == "") || !strings.Contains(text, want) {
			t.Errorf("%s\ngot %q, want %q", code, text, want)
		}
	}
	for text, want := range map[string]int{"\ta := b()\n": 1, "\terr = a.B()\n": 1, "\tgo test -run X ./...\n": 0, "\ta → b, c\n": 0, "\t{\"a\": 1}\n": 0, "a := b": 0} {
		if got := len(codeIn("Text.\n\n" + text)); got != want {
			t.Errorf("%q has %d pieces of code, want %d", text, got, want)
		}
	}
}
