package codec

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func jsonEncode(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func checkString(t *testing.T, s string) {
	t.Helper()
	got := AppendString([]byte("x"), s)
	if got[0] != 'x' {
		t.Fatalf("the prefix is lost: %q", got)
	}
	// encoding/json changed its escapes between releases; only the decoded string
	// must be the same.
	var back, want string
	if err := json.Unmarshal(got[1:], &back); err != nil {
		t.Fatalf("%q is encoded as %s: %v", s, got[1:], err)
	}
	if err := json.Unmarshal([]byte(jsonEncode(t, s)), &want); err != nil || back != want {
		t.Fatalf("%q comes back as %q", s, back)
	}
	d := NewDecoder(got[1:], false)
	own, ok := d.Str()
	if err := d.End(); err != nil || !ok || own != want {
		t.Fatalf("our own decoder reads %q as %q, %v", s, own, err)
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	for r := range rune(0x3000) {
		checkString(t, "a"+string(r)+"b")
	}
	for _, s := range []string{"", "\xff", "a\xe2\x82", "\xed\xa0\x80", "😀", "\ufffd", "\u2028\u2029", "<script>&</script>", "\x7f", "nul\x00"} {
		checkString(t, s)
		if got, want := string(AppendString(nil, s)), jsonEncode(t, s); got != want && utf8.ValidString(s) {
			t.Errorf("%q: %s, encoding/json writes %s", s, got, want)
		}
	}
	if got := string(AppendString(nil, "\u2028")); got != `"\u2028"` {
		t.Error(got)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\/\b\f\n\r\t", "\xff\xfe", "é😀\u2028", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(checkString)
}

func TestAppendFloat(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 100, 12.5, 1e6, 1e20, 1e21, 1e22, -1e21, 1e-6, 1e-7, 9.999e-7, 1e-9, 1e-10, 1e100, 1e-100,
		123456789.123456789, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 0.30000000000000004,
	} {
		if got, want := string(AppendFloat(nil, v)), jsonEncode(t, v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := string(AppendFloat([]byte("["), v)); got != "[null" {
			t.Errorf("%v: %s", v, got)
		}
	}
}

func FuzzAppendFloat(f *testing.F) {
	for _, v := range []float64{0, 1, 1e21, 1e-7, 0.1, math.MaxFloat64} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		if v-v != 0 {
			return
		}
		if got, want := string(AppendFloat(nil, v)), jsonEncode(t, v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	})
}
