package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// decodeAny reads a value with the decoder's methods, like encoding/json with
// UseNumber.
func decodeAny(t *testing.T, d *Decoder) any {
	switch d.Peek() {
	case '"':
		s, ok := d.Str()
		if !ok {
			t.Errorf("Str rejects a value that starts with a quote")
		}
		return s
	case '{':
		m := map[string]any{}
		for d.Open(nil); d.Next(); {
			k := string([]rune(string(d.Key())))
			m[k] = decodeAny(t, d)
		}
		return m
	case '[':
		list := []any{}
		if d.Array() {
			for d.More() {
				list = append(list, decodeAny(t, d))
			}
		}
		return list
	case 't', 'f':
		b, ok := d.Bool()
		if !ok {
			t.Errorf("Bool refuses t or f")
		}
		return b
	case 'n':
		if !d.Null() {
			t.Errorf("Null refuses n")
		}
		return nil
	}
	return decodeNumber(t, d)
}

// decodeNumber reads a number and checks Int and Float.
func decodeNumber(t *testing.T, d *Decoder) any {
	m := d.Mark()
	i, isInt := d.Int()
	d.Reset(m)
	f, isFloat := d.Float()
	d.Reset(m)
	raw := json.Number(d.Raw())
	if d.Err() != nil {
		if isInt || isFloat {
			t.Errorf("a broken number is read as %v, %v", i, f)
		}
		return nil
	}
	if want, err := strconv.ParseInt(string(raw), 10, 64); isInt != (err == nil && raw != "-0") || isInt && i != want {
		t.Errorf("Int of %s: %d, %v", raw, i, isInt)
	}
	if want, err := strconv.ParseFloat(string(raw), 64); isFloat != (err == nil) || isFloat && math.Float64bits(f) != math.Float64bits(want) {
		t.Errorf("Float of %s: %v, %v; want %v", raw, f, isFloat, want)
	}
	return raw
}

func reference(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("trailing data")
	}
	return v, nil
}

// depthOf returns the nesting of valid JSON.
func depthOf(b []byte) int {
	depth, most, text := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// checkAgainstJSON compares every way of reading b with encoding/json.
func checkAgainstJSON(t *testing.T, b []byte) {
	t.Helper()
	want, wantErr := reference(b)
	valid := Valid(b)
	buf := bytes.Clone(b)
	d := NewDecoder(buf, false)
	got := decodeAny(t, d)
	err := d.End()
	// Decoded values must not share the body's memory.
	for i := range buf {
		buf[i] = '#'
	}
	if (err == nil) != (valid == nil) {
		t.Fatalf("Valid says %v, decoding says %v", valid, err)
	}
	if wantErr != nil {
		if err == nil {
			t.Fatalf("accepted, encoding/json says: %v", wantErr)
		}
		var s *SyntaxError
		if !errors.As(err, &s) || s.Offset < 0 || s.Offset > len(b) {
			t.Fatalf("error %v", err)
		}
		return
	}
	if depthOf(b) > MaxDepth {
		if !errors.Is(err, errDepth) || !errors.Is(valid, errDepth) {
			t.Fatalf("nested too deep, but the errors are %v and %v", err, valid)
		}
		return
	}
	if err != nil {
		t.Fatalf("encoding/json accepts it, we say: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %#v\nwant %#v", got, want)
	}
}

var jsonCases = []string{
	``, ` `, `null`, `nul`, `nulll`, `true`, `tru`, `truefalse`, `false`, `False`,
	`0`, `-0`, `00`, `01`, `-01`, `1.`, `.5`, `-`, `--1`, `+1`, `1e`, `1e+`, `1E5`, `1e-5`, `1.0`, `1.50`, `-0.0`, `0e0`, `0x1`, `1_0`, `1e400`, `-1e400`,
	`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `99999999999999999`, `999999999999999999`,
	`0.1`, `0.30000000000000004`, `123456789012345678901234567890`, `1e21`, `1e20`, `100000000000000000000000`, `0.000001`, `0.0000001`, `1.0e0`,
	`Infinity`, `NaN`, `"`, `""`, `"a`, `"a"b`, `'a'`, `"\`, `"\"`, `"\x"`, `"\u"`, `"\u12"`, `"\u12g4"`, `"\u00e9"`, `"\U00e9"`,
	`"\"\\\/\b\f\n\r\t"`, "\"\t\"", "\"\n\"", "\"\x00\"", "\"\x1f\"", "\"\x7f\"", `"\u0000"`,
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\ude00\ud83d"`, `"\ud83d\`, `"\ud83d\u"`, `"\uD83D\uDE00"`,
	"\"\xff\"", "\"\xff\xfe\xfd\"", "\"a\xe2\x82\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"12345678\xff\"", "\"\xc0\x80\"", "\"\u2028\u2029\u00a0é😀\"",
	`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,,2]`, `[`, `[1`, `[1,`, `]`, `[[[]]]`, `[}`, `[1}`, `[1:2]`,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{,"a":1}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":1 "b":2}`, `{a:1}`, `{1:1}`, `{"a":1,"a":2}`, `{`, `{"a`, `{"a":1`, `{"a":1]`, `{"\u0061":1,"a":2}`, `{"":{}}`, "{\"\xff\":1}", `{"a":{"b":[1,{"c":null}]}}`,
	" \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "\v1", "\f1", "\u00a01", "\ufeff1", `1 2`, `{}{}`, `null,`, `[] x`, "1\x00",
	`"a string of more than eight bytes, with \"escapes\" at some places \n and é"`,
	`["aaaaaaaa","aaaaaaab","aaaaaaaa","baaaaaaa"]`,
	`// comment` + "\n1", `/**/1`,
}

func TestDecoderAgainstJSON(t *testing.T) {
	t.Parallel()
	for _, c := range jsonCases {
		t.Run(c, func(t *testing.T) { t.Parallel(); checkAgainstJSON(t, []byte(c)) })
	}
	// The scan reads eight bytes at a time.
	for i := range 20 {
		for _, mid := range []string{`\n`, `\u00e9`, "é", "\xff", "\x01", `"`, `\`, "\x7f", "\x80"} {
			for j := range 10 {
				checkAgainstJSON(t, []byte(`"`+strings.Repeat("a", i)+mid+strings.Repeat("b", j)+`"`))
			}
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, c := range jsonCases {
		f.Add([]byte(c))
	}
	f.Add([]byte(strings.Repeat("[", 200) + strings.Repeat("]", 200)))
	f.Add([]byte(strings.Repeat("[", 201) + strings.Repeat("]", 201)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		checkAgainstJSON(t, b)
	})
}

func TestDepthLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		open, end string
		depth     int
		ok        bool
	}{
		{"[", "]", MaxDepth, true},
		{"[", "]", MaxDepth + 1, false},
		{`{"a":`, "}", MaxDepth, true},
		{`{"a":`, "}", MaxDepth + 1, false},
		{"[", "]", 1 << 20, false},
	} {
		b := []byte(strings.Repeat(c.open, c.depth) + "1" + strings.Repeat(c.end, c.depth))
		err := Valid(b)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, errDepth) {
			t.Errorf("%d times %s: %v", c.depth, c.open, err)
		}
	}
	// The depth does not count arrays that are closed.
	if err := Valid([]byte("[" + strings.Repeat("[],", 1000) + "{}]")); err != nil {
		t.Error(err)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		at   int
		text string
	}{
		{``, 0, "invalid JSON at byte 0"},
		{`{"a":1,}`, 7, "invalid JSON at byte 7"},
		{`[1, 2`, 5, "invalid JSON at byte 5"},
		{`{} x`, 3, "data after the JSON value at byte 3"},
		{`{"a":tru}`, 5, "invalid JSON at byte 5"},
		{"{\"a\":\"b\nc\"}", 7, "invalid JSON at byte 7"},
	} {
		err := Valid([]byte(c.in))
		var s *SyntaxError
		if !errors.As(err, &s) || s.Offset != c.at || err.Error() != c.text {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	t.Parallel()
	d := NewDecoder([]byte(`{"a": x, "b": 1}`), false)
	d.Open(&Object{})
	if !d.Next() || string(d.Key()) != "a" {
		t.Fatal("no first member")
	}
	if _, ok := d.Int(); ok {
		t.Error("x is an integer")
	}
	d.Skip()
	first := d.Err()
	if first == nil {
		t.Fatal("no error")
	}
	for range 3 {
		if d.Next() || d.More() || d.Array() || d.Null() || d.Raw() != nil || d.RawText() != "" || d.Peek() != 0 {
			t.Error("a read after the error returns a value")
		}
		if s, ok := d.Str(); ok || s != "" {
			t.Error("a string after the error")
		}
		if v, ok := d.Bool(); ok || v {
			t.Error("a boolean after the error")
		}
		if v, ok := d.Float(); ok || v != 0 {
			t.Error("a number after the error")
		}
		m := d.Mark()
		d.Reset(m)
	}
	if err := d.End(); !errors.Is(err, first) {
		t.Errorf("%v became %v", first, err)
	}
}

const recorded = ` {"id": "lead_1234567890abcdef", "n": -12.5e3, "list": [true, false, null, {"k": "v\u00e9\ud83d\ude00"}, []], "s": "a\"b\\c", "e": {}, "i": 1234567890123456789} `

func TestTruncationsAreErrors(t *testing.T) {
	t.Parallel()
	doc := []byte(recorded)
	if err := Valid(doc); err != nil {
		t.Fatal(err)
	}
	for n := range len(doc) - 1 {
		cut := doc[:n:n]
		if Valid(cut) == nil {
			t.Errorf("accepted when cut after %d bytes", n)
		}
		checkAgainstJSON(t, cut)
	}
}

func TestStringsSurviveTheBuffer(t *testing.T) {
	t.Parallel()
	var want []string
	for i := range 3000 {
		switch i % 4 {
		case 0: // ids that repeat
			want = append(want, fmt.Sprintf("user_%040d", i%11))
		case 1: // ids that differ only in the middle, which is not hashed
			want = append(want, fmt.Sprintf("stat_aaaa%03daaaaaaaaaaaaaaa", i))
		case 2:
			want = append(want, strings.Repeat("é", i%300))
		default:
			want = append(want, strconv.Itoa(i))
		}
	}
	body, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(body, false)
	var got []string
	for d.Array(); d.More(); {
		s, ok := d.Str()
		if !ok {
			t.Fatal("no string")
		}
		got = append(got, s)
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	clear(body)
	// The next user of the pooled decoder must not disturb them either.
	other := bytes.Repeat([]byte(`["user_zzzzzzzzzzzzzzzzzz","x"] `), 1)
	for range 50 {
		d := NewDecoder(other, false)
		for d.Array(); d.More(); {
			d.Str()
		}
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("strings changed")
	}
}

func TestStrictMismatch(t *testing.T) {
	t.Parallel()
	d := NewDecoder([]byte(`{"name": 5, "b": 1}`), true)
	d.Open(&Object{})
	d.Next()
	d.Mismatch(1)
	if d.Next() {
		t.Error("goes on after a mismatch")
	}
	err := d.End()
	var m *MismatchError
	if !errors.As(err, &m) || m.Member != "name" {
		t.Fatalf("%v", err)
	}
	if strings.Contains(err.Error(), "5") && m.Offset != 9 {
		t.Errorf("%v", err)
	}
}

func TestRawIsExact(t *testing.T) {
	t.Parallel()
	d := NewDecoder([]byte(`{"a" :  { "x" : 1.0 , "y":[ ] }  ,"b":"\u00e9"}`), false)
	o := &Object{}
	for d.Open(o); d.Next(); {
		d.Keep()
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": `{ "x" : 1.0 , "y":[ ] }`, "b": `"\u00e9"`} {
		if got, ok := o.Raw(name); !ok || string(got) != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, ok := o.Raw("c"); ok {
		t.Error("c is there")
	}
	if m := o.Mismatches(); len(m) != 0 {
		t.Error(m)
	}
	var names []string
	for name := range o.Extra() {
		names = append(names, name)
		break // the iterator must stop when told
	}
	if !reflect.DeepEqual(names, []string{"a"}) {
		t.Error(names)
	}
}

func TestInvalidUTF8InRaw(t *testing.T) {
	t.Parallel()
	d := NewDecoder([]byte("[\"a\xff\xfeb\"]"), false)
	got := d.RawText()
	if err := d.End(); err != nil || got != "[\"a\ufffd\ufffdb\"]" || !utf8.ValidString(got) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestExpect(t *testing.T) {
	t.Parallel()
	body := []byte("[" + strings.Repeat(`{"a":1},`, 99) + `{"a":1}]`)
	d := NewDecoder(body, false)
	m := d.Mark()
	if got := d.Expect(m, 0); got != 1 {
		t.Errorf("before the first: %d", got)
	}
	d.Array()
	d.More()
	d.Skip()
	if got := d.Expect(m, 1); got < 50 || got > 200 {
		t.Errorf("after one of a hundred: %d", got)
	}
	d.Raw()
	_ = d.End()
}
