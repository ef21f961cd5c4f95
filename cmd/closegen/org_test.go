package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const acmeLock = "../../generator/testdata/organization/acme.lock.json"

// TestOrganization generates the names of an organization, and uses them on an emulator
// with the same fields.
func TestOrganization(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds a program")
	}
	dir := downstream(t)
	out := filepath.Join(dir, "acme")
	r := closegen("org", "-lock", acmeLock, "-out", out)
	r.want(t, 0, "acme: 10 files, 10 changed", "warning: status of leads \"Qualified\" would share a name in Go")
	closegen("org", "-lock", acmeLock, "-out", out, "-check").want(t, 0, "", "")
	write(t, filepath.Join(out, "acme_test.go"), read(t, "testdata/organization/acme_test.go.txt"))
	if text, err := goTool(t, dir, "vet", "./..."); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err := goTool(t, dir, "test", "./..."); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	if strings.Contains(read(t, filepath.Join(out, "constants.go")), "user_ann1") {
		t.Error("there are users without -users")
	}
	closegen("org", "-lock", acmeLock, "-out", out, "-users", "-check").want(t, 1, "", "constants.go")
}

// TestOrganizationUsage checks command lines and files that are wrong.
func TestOrganizationUsage(t *testing.T) {
	dir := module(t, "module example.com/m\n")
	out := filepath.Join(dir, "out")
	broken := filepath.Join(dir, "broken.json")
	write(t, broken, "{\n  \"version\": 1,\n  x}")
	closegen("org", "-help").want(t, 0, "closegen org writes", "")
	closegen("org").want(t, 2, "", "-lock and -out are needed")
	closegen("org", "-lock", acmeLock, "-out", out, "more").want(t, 2, "", "unexpected argument")
	closegen("org", "-lock", acmeLock, "-out", out, "-tools", "x").want(t, 2, "", "-tools")
	closegen("org", "-lock", acmeLock, "-out", out, "-package", "main").want(t, 2, "", "main")
	closegen("org", "-lock", filepath.Join(dir, "none"), "-out", out).want(t, 3, "", "closekit org pull")
	closegen("org", "-lock", broken, "-out", out).want(t, 1, "", "broken.json:3:3: ")
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}

// TestOrganizationGuide runs the lines of the guide about closegen, and finds its code in
// the test that TestOrganization compiles and runs.
func TestOrganizationGuide(t *testing.T) {
	guide := read(t, "../../docs/organizations.md")
	dir := module(t, "module example.com/m\n")
	ran := 0
	for line := range strings.Lines(guide) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "closegen ")
		if !ok {
			continue
		}
		args = strings.NewReplacer("acme.lock.json", acmeLock, "-out acme", "-out "+filepath.Join(dir, "acme")).Replace(args)
		closegen(strings.Fields(args)...).want(t, 0, "acme: 10 files", "warning: ")
		ran++
	}
	if ran == 0 {
		t.Error("the guide has no line for closegen")
	}
	constants := read(t, filepath.Join(dir, "acme", "constants.go")) + read(t, filepath.Join(dir, "acme", "activitysitevisit.go"))
	for _, m := range regexp.MustCompile("`acme\\.([A-Z]\\w+)`").FindAllStringSubmatch(guide, -1) {
		if !strings.Contains(constants, m[1]) {
			t.Errorf("the guide names %s, which is not generated", m[1])
		}
	}
	_, code, _ := strings.Cut(guide, "```go\n")
	code, _, _ = strings.Cut(code, "```")
	test := read(t, "testdata/organization/acme_test.go.txt")
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "…" && !strings.Contains(test, line) {
			t.Errorf("no test runs the line %s", line)
		}
	}
}
