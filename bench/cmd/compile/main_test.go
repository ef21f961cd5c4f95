package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestRun compiles two packages in turn, of which the second is the first again.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 2, []string{"first=../../memrt", "again=../../memrt", "other=../../model"}); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^ *(first|again|other) +([1-9]\d+) +\d+\.\d+ s +\d+\.\d+ s +(\d\.\d+) +(\d\.\d+)$`).FindAllStringSubmatch(out.String(), -1)
	if len(rows) != 3 || rows[0][3] != "1.000" || rows[0][4] != "1.000" || rows[0][2] != rows[1][2] || rows[0][2] == rows[2][2] {
		t.Errorf("got\n%s", out.String())
	}
}

func TestRunRefuses(t *testing.T) {
	for arg, want := range map[string]string{
		"../../memrt":   "is not NAME=FOLDER",
		"x=../../peers": "go list",
		"x=../../none":  "no such file",
	} {
		if err := run(t.Output(), 1, []string{arg}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", arg, err, want)
		}
	}
	if err := run(t.Output(), 0, []string{"x=../../memrt"}); err == nil {
		t.Error("no round was measured without an error")
	}
}
