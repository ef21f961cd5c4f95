package doctest

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// files calls visit for every file of the repository with one of the given
// extensions. Names are relative to the root, with slashes.
func files(t *testing.T, visit func(name, text string), extensions ...string) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains(extensions, path.Ext(name)) {
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		visit(name, string(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func exists(name string) bool {
	_, err := os.Stat(path.Join("../..", name))
	return err == nil
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	quoted  = regexp.MustCompile("`([\\w./-]+\\.(?:go|md|sh))`")
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	test    = regexp.MustCompile("`((?:Test|Benchmark|Fuzz)[A-Z0-9]\\w*)`")
	inText  = regexp.MustCompile(`\b(?:docs|bench|examples)/[\w./-]+\.md\b`)
)

// slug is the anchor that GitHub makes from a heading.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestLinksInDocuments(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	files(t, func(name, text string) { texts[name] = fence.ReplaceAllString(text, "") }, ".md")
	anchors := func(name string) []string {
		var list []string
		for _, m := range heading.FindAllStringSubmatch(texts[name], -1) {
			list = append(list, slug(m[1]))
		}
		return list
	}
	for name, text := range texts {
		dir := path.Dir(name)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // another site
			}
			file := name
			if target != "" {
				file = path.Join(dir, target)
			}
			if !exists(file) {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
			} else if anchor != "" && !slices.Contains(anchors(file), anchor) {
				t.Errorf("%s links to %s, which has no such heading", name, m[1])
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if !exists(path.Join(dir, m[1])) && !exists(m[1]) {
				t.Errorf("%s names the file %s, which does not exist", name, m[1])
			}
		}
	}
}

// TestTestsNamedInDocuments keeps the fault matrix true, for example.
func TestTestsNamedInDocuments(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	files(t, func(name, text string) {
		if strings.HasSuffix(name, "_test.go") {
			code.WriteString(text)
		}
	}, ".go")
	files(t, func(name, text string) {
		for _, m := range test.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code.String(), "\nfunc "+m[1]+"(") {
				t.Errorf("%s names the test %s, which does not exist", name, m[1])
			}
		}
	}, ".md")
}

// TestDocumentsNamedInCode covers comments, messages and scripts.
func TestDocumentsNamedInCode(t *testing.T) {
	t.Parallel()
	files(t, func(name, text string) {
		for _, document := range inText.FindAllString(text, -1) {
			if !exists(document) {
				t.Errorf("%s names %s, which does not exist", name, document)
			}
		}
	}, ".go", ".yaml", ".json", ".sh")
}
