package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/closekit/closekit/manifest"
)

const closeYAML = "api: Close\nbase_url: https://api.close.com\nids:\n  thing: {prefix: thing}\n"

// problems loads one resource file and returns what is wrong with it.
func problems(t *testing.T, data string) string {
	t.Helper()
	_, err := check(fstest.MapFS{"close.yaml": {Data: []byte(closeYAML)}, "x.yaml": {Data: []byte(data)}})
	if err == nil {
		return ""
	}
	var ps manifest.Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	return ps.Error()
}

func TestHugeFile(t *testing.T) {
	got := problems(t, "resource: things\nabout: "+strings.Repeat("x", 1<<20))
	if want := "x.yaml: the file is larger than 1 MB (split it by resource)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// The last byte that is allowed.
	head := "resource: things\nabout: "
	if got := problems(t, head+strings.Repeat("x", 1<<20-len(head))); got != "" {
		t.Errorf("a file of just the size: %s", got)
	}
}

func TestManyEntries(t *testing.T) {
	list := "resource: things\ntitle: [" + strings.Repeat("a, ", 2001) + "a]\n"
	if got, want := problems(t, list), "x.yaml:2:8: a list has more than 2000 entries (split it by resource)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var keys strings.Builder
	for i := range 2001 {
		fmt.Fprintf(&keys, "k%d: x\n", i)
	}
	if got, want := problems(t, keys.String()), "x.yaml:1:1: a mapping has more than 2000 entries (split it by resource)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestManyFields(t *testing.T) {
	fields := func(prefix string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "      %s%d: {type: string}\n", prefix, i)
		}
		return b.String()
	}
	types := func(a, b int) string {
		return "resource: things\ntypes:\n  A:\n    about: One.\n    fields:\n" + fields("a", a) + "  B:\n    about: Two.\n    include: A\n    fields:\n" + fields("b", b)
	}
	if got := problems(t, types(200, 50)); got != "" {
		t.Errorf("250 fields: %s", got)
	}
	want := `x.yaml:206:3: type "B" has 251 fields, more than 250 (split it, or make a part of it json)`
	if got := problems(t, types(200, 51)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	tool := types(200, 50) + "tools:\n  close_b_create:\n    http: POST /b/\n    does: Make.\n    takes: B\n    returns: B\n"
	if got := problems(t, tool); got != "" {
		t.Errorf("250 parameters: %s", got)
	}
	want = `x.yaml:261:3: tool "close_b_create" has more than 250 parameters`
	if got := problems(t, strings.Replace(tool, "    takes", "    params: {more: {type: string}}\n    takes", 1)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestQuick feeds files of the largest size that are made to be slow.
func TestQuick(t *testing.T) {
	fill := func(head, format, tail string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < 1<<20-300 && i < 2000; i++ {
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll(format, "NEXT", fmt.Sprint(i+1)), "NUM", fmt.Sprint(i)))
		}
		return b.String() + tail
	}
	unknown := "{" + strings.TrimSuffix(strings.Repeat("f: {type: SomethingUnknownWithALongName}, ", 1), ", ") + "}"
	for name, data := range map[string]string{
		"types that are not defined": fill("resource: things\ntypes:\n", "  TypeWithAVeryLongNameNUM: {about: x, fields: "+unknown+"}\n", ""),
		"chain of includes":          fill("resource: things\ntypes:\n", "  TNUM: {about: x, include: TNEXT, fields: {fNUM: {type: string}}}\n", ""),
		"deep nesting":               "resource: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deeper nesting":             "resource: " + strings.Repeat("[", 300000),
		"deep mappings":              strings.Repeat("{a: ", 9000) + strings.Repeat("}", 9000),
		"words of a type":            "resource: things\ntypes: {A: {about: x, fields: {f: {type: " + strings.Repeat("list ", 200000) + "}}}}",
		"tools with unknown keys":    fill("resource: things\ntools:\n", "  close_tNUM_get: {htp: x, dos: y, retuns: z}\n", ""),
		"one long line":              "resource: things\nabout: " + strings.Repeat("word ", 200000),
		"many problems":              fill("resource: things\nenums:\n", "  eNUM: [a]\n  fNUM: {values: {-: x}}\n", ""),
	} {
		start := time.Now()
		got := problems(t, data)
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if name != "one long line" && got == "" {
			t.Errorf("%s: no problem found", name)
		}
	}
}

func TestEncodings(t *testing.T) {
	if got := problems(t, "\ufeffresource: things\ntitle: Things\n"); got != "" {
		t.Errorf("a byte order mark: %s", got)
	}
	const want = "x.yaml: the file is UTF-16 (save it as UTF-8)"
	for name, first := range map[string]string{"little endian": "\xff\xfer\x00e\x00", "big endian": "\xfe\xff\x00r\x00e", "without a mark": "r\x00e\x00s\x00"} {
		if got := problems(t, first+"s\x00:\x00 \x00x\x00"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
