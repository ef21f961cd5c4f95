package emit

import (
	"slices"
	"strings"
	"testing"

	"github.com/dave/jennifer/jen"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one", []string{"one"}},
		{"one two three", []string{"one two", "three"}},
		{"  one\n two ", []string{"one two"}},
		{"a-very-long-word and more", []string{"a-very-long-word", "and more"}},
		{"12345678 a", []string{"12345678 a"}}, // just the width
		{"12345678 ab", []string{"12345678", "ab"}},
	} {
		if got := wrap(c.text, 10); !slices.Equal(got, c.want) {
			t.Errorf("wrap(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestGroupImports(t *testing.T) {
	for in, want := range map[string]string{
		"package a\n":                 "package a\n",
		"package a\n\nimport \"x\"\n": "package a\n\nimport \"x\"\n",
		"package a\n\nimport (\n\t\"context\"\n\t\"example.com/b\"\n\t\"iter\"\n)\n\nvar x = 1\n": "package a\n\nimport (\n\t\"context\"\n\t\"iter\"\n\n\t\"example.com/b\"\n)\n\nvar x = 1\n",
		"package a\n\nimport (\n\t\"context\"\n\t\"iter\"\n)\n":                                   "package a\n\nimport (\n\t\"context\"\n\t\"iter\"\n)\n",
		"package a\n\nimport (\n\tb \"example.com/b\"\n\t\"example.com/c\"\n)\n":                  "package a\n\nimport (\n\tb \"example.com/b\"\n\t\"example.com/c\"\n)\n",
	} {
		if got := string(groupImports([]byte(in))); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// TestRender checks that what is no Go is an error without pages of source, and
// that a panic of the library is one, too.
func TestRender(t *testing.T) {
	f := newFile("example.com/a", "a", "x.yaml")
	f.Add(jen.Id("not").Id("go"))
	if src, err := render(f); err == nil || src != nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "print Go: ") {
		t.Errorf("got %q, %v", src, err)
	}
	f = newFile("example.com/a", "a", "x.yaml")
	f.Var().Id("x").Op("=").Lit(struct{}{})
	if src, err := render(f); err == nil || src != nil || !strings.HasPrefix(err.Error(), "jennifer: ") {
		t.Errorf("got %q, %v", src, err)
	}
}
