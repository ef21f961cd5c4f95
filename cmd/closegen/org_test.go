package main

import (
	"os"
	"path/filepath"
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
		t.Error("there are users that nobody asked for")
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
