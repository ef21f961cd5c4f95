package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// glossary maps words that the glossary of CONTRIBUTING.md rules out to what to
// write instead. The keys are regular expressions that match whole words in any
// case.
var glossary = map[string]string{
	`somebody|someone else|nobody|anybody|everybody|whoever`: "the actor",
	`gives? back|giving back|gave back`:                      "return, reproduce or release",
	`[A-Z]\w+ gives`:                                         "returns or reports",
	`wordings?`:                                              "description",
	`misfits?`:                                               "mismatch",
	`spells|spelt|spelled`:                                   "formats",
	`likewise`:                                               "a new sentence",
	`mends?|mended|mending`:                                  "fix or correct",
	`e-mails?|e-mailed`:                                      "email",
	`enrols?|enrolments?`:                                    "enroll, enrollment",
	`behaviours?`:                                            "behavior",
	`catalogues?`:                                            "catalog",
	`licences?`:                                              "license",
	`colours?`:                                               "color",
	`neighbours?`:                                            "neighbor",
	`honours?|honoured`:                                      "honor",
	`cancelled|cancelling`:                                   "canceled",
	`signalled|labelled|travelled`:                           "signaled, labeled, traveled",
	`\w*(?:organis|recognis|serialis|initialis|normalis)(?:e[drs]?|ing|ations?)`: "-ize",
}

// exceptions are the texts that may contain such a word, with the reason.
var exceptions = []struct{ file, text, reason string }{
	{"CONTRIBUTING.md", "of writing somebody, nobody or whoever.", "the glossary names what to avoid"},
	{"internal/pgtest/pooler.go", `"nobody"`, "the name of a user"},
	{"internal/pgtest/user_unix.go", "nobody", "the name of a user"},
	{"internal/testuser/testuser.go", `"nobody"`, "the name of a user"},
	{"scripts/notices.sh", "LICENCE", "the name of files of others"},
}

// TestGlossary reads comments and string literals of Go files, and other text
// files as a whole.
func TestGlossary(t *testing.T) {
	t.Parallel()
	var keys []string
	for key := range glossary {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	words := map[string]*regexp.Regexp{}
	for _, key := range keys {
		if strings.HasPrefix(key, "[A-Z]") { // the first sentence of a doc comment
			words[key] = regexp.MustCompile(`^// ` + key + `\b`)
			continue
		}
		words[key] = regexp.MustCompile(`(?i)\b(?:` + key + `)\b`)
	}
	used := make([]bool, len(exceptions))
	check := func(name string, line int, text string) {
		for _, key := range keys {
			for _, m := range words[key].FindAllString(text, -1) {
				i := slices.IndexFunc(exceptions, func(e struct{ file, text, reason string }) bool {
					return e.file == name && strings.Contains(text, e.text) && strings.Contains(e.text, m)
				})
				if i >= 0 {
					used[i] = true
					continue
				}
				t.Errorf("%s:%d: %q: write %s", name, line, m, glossary[key])
			}
		}
	}
	files(t, func(name, text string) {
		if strings.HasPrefix(name, "internal/doctest/") {
			return
		}
		if path.Ext(name) == ".go" {
			for _, p := range goTexts(t, name, text) {
				check(name, p.line, p.text)
			}
			return
		}
		for i, line := range strings.Split(text, "\n") {
			check(name, i+1, line)
		}
	}, ".go", ".md", ".yaml", ".yml", ".json", ".txtar", ".sh", ".html", ".tmpl")
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("the exception %q of %s is not needed", e.text, e.file)
		}
	}
}

type textAt struct {
	line int
	text string
}

// goTexts returns the lines of the comments and the string literals of a file.
func goTexts(t *testing.T, name, src string) []textAt {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var out []textAt
	add := func(n ast.Node, text string) {
		first := set.Position(n.Pos()).Line
		for i, line := range strings.Split(text, "\n") {
			out = append(out, textAt{first + i, line})
		}
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			add(c, c.Text)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			add(lit, lit.Value)
		}
		return true
	})
	return out
}
