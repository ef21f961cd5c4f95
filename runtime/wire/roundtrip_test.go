package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/runtime/wire"
)

// reference decodes JSON with encoding/json and UseNumber.
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

// same compares results of reference. Numbers must have the same format, or, if
// loose is true, the same value.
func same(a, b any, loose bool) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if _, ok := b[k]; !ok || !same(a[k], b[k], loose) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i], loose) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		if !ok || a == b {
			return ok
		}
		x, ok1 := new(big.Rat).SetString(string(a))
		y, ok2 := new(big.Rat).SetString(string(b))
		return loose && ok1 && ok2 && x.Cmp(y) == 0
	}
	return a == b
}

func nesting(b []byte) int {
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

// checkRoundTrip checks that decoding and encoding does not lose, change or add
// members.
func checkRoundTrip(t *testing.T, in []byte) {
	t.Helper()
	want, refErr := reference(in)
	_, isObject := want.(map[string]any)
	buf := bytes.Clone(in)
	var v thing
	err := wire.Unmarshal(buf, &v)
	for i := range buf {
		buf[i] = '#' // the caller reuses the buffer
	}
	switch {
	case refErr != nil || nesting(in) > codec.MaxDepth:
		if err == nil {
			t.Fatalf("%.200q is accepted", in)
		}
		return
	case want == nil: // null
		if err != nil || !reflect.DeepEqual(v, thing{}) {
			t.Fatalf("null is decoded as %v, %+v", err, v)
		}
		return
	case !isObject:
		if err == nil {
			t.Fatalf("%.200q is accepted as an object", in)
		}
		return
	case err != nil:
		t.Fatalf("%.200q: %v", in, err)
	}
	out, err := wire.Marshal(&v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := reference(out)
	if err != nil {
		t.Fatalf("%.200q is encoded as invalid JSON %.200q: %v", in, out, err)
	}
	// A member that is sent twice may be encoded with another format of its number.
	if !same(got, want, duplicates(in)) {
		t.Fatalf("in  %s\nout %s", in, out)
	}
	// The output is a fixed point, also with encoding/json.
	var again thing
	if err := json.Unmarshal(out, &again); err != nil {
		t.Fatal(err)
	}
	out2, err := json.Marshal(again)
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if got2, err := reference(out2); err != nil || !same(got2, got, duplicates(out)) {
		t.Fatalf("first  %s\nsecond %s", out, out2)
	}
}

// duplicates reports whether an object of valid JSON has a member twice.
func duplicates(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	var value func() bool
	value = func() bool {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		found := false
		switch tok {
		case json.Delim('{'):
			seen := map[string]bool{}
			for d.More() {
				k, err := d.Token()
				if err != nil {
					return false
				}
				name, _ := k.(string)
				found = found || seen[name]
				seen[name] = true
				found = value() || found
			}
			_, _ = d.Token()
		case json.Delim('['):
			for d.More() {
				found = value() || found
			}
			_, _ = d.Token()
		}
		return found
	}
	return value()
}

var roundTrips = []string{
	`{}`, `{"id":"","count":0,"ratio":0,"done":false}`, `{"id":"x","_type":"","note":""}`,
	`{"id":null,"count":null,"total":null,"ratio":null,"done":null,"title":null,"size":null,"score":null,"open":null,"when":null,"tags":null,"nullable":null,"any":null,"anys":null,"child":null,"maybe":null,"children":null,"labels":null,"counts":null,"bag":null,"custom_fields":null}`,
	`{"id":5,"count":"5","total":[],"ratio":{},"done":1,"title":false,"size":"s","score":"0.5","open":"true","when":12,"tags":{},"nullable":"x","anys":0,"child":[],"maybe":7,"children":{},"labels":[],"counts":[],"bag":true}`,
	`{"count":1.0,"total":1e3,"size":-0,"ratio":1.0,"score":-0}`, `{"ratio":0.0,"score":1.50}`, `{"ratio":-0.0}`, `{"ratio":1e5,"score":100000000000000000000000}`,
	`{"count":-0}`, `{"count":9223372036854775807,"total":-9223372036854775808}`, `{"count":9223372036854775808}`, `{"ratio":1e400,"score":-1e400}`, `{"ratio":0.1234567890123456789012345}`,
	`{"score":12.0,"children":[{"ratio":3.0},{"ratio":3.5}]}`,
	`{"when":"2026-06-19T12:05:28.327000+00:00"}`, `{"when":"2026-06-19T12:07:14.366524"}`, `{"when":"2026-06-19"}`, `{"when":"Fri, 19 Jun 2026 12:07:14 -0000"}`,
	`{"tags":[]}`, `{"tags":["a","b",""]}`, `{"tags":["a",5,"b"]}`, `{"tags":["a",null]}`, `{"nullable":[]}`, `{"nullable":[null]}`,
	`{"any":{"b":[1.0,"\u00e9"], "a" : null}}`, `{"any":""}`, `{"any":0}`, `{"anys":[1,"2",{"a":{}},[],null,true]}`, `{"anys":[]}`,
	`{"child":{}}`, `{"child":{"name":"x","new":[1],"custom.cf_a":["x"],"same":[{"name":""}]}}`, `{"child":{"name":null,"same":[{"name":5,"x":1},{}]},"new":1}`, `{"maybe":{"name":"n"}}`,
	`{"children":[]}`, `{"children":[{}]}`, `{"children":[{"name":"a"},5]}`, `{"children":[{"name":"a"},null]}`, `{"children":[{"name":"a","same":[{"same":[{"name":"deep","odd":0}]}]},{"name":1}]}`,
	`{"children":[{"name":"a"},[{"name":"b"}]],"after":{"children":[]},"count":3}`,
	`{"labels":{}}`, `{"labels":{"b":"2","a":"1","":""}}`, `{"labels":{"a":1}}`, `{"labels":{"a":null}}`, `{"counts":{"a":1,"b":-5}}`, `{"counts":{"a":1.5}}`, `{"counts":{"a":-0}}`, `{"ratios":{"a":0.5,"b":-3}}`, `{"ratios":{"a":"x"}}`, `{"ratios":null}`, `{"ratio":1.50,"ratios":{"ratio":2}}`, "{\"counts\":{\"\xdd\":1,\"\x82\":-5}}", `{"bag":{"z":1.0,"a":{"b":[]}}}`, `{"bag":{}}`,
	`{"custom.cf_a":"x","custom.cf_b":[1,2],"custom.cf_c":null,"custom.lcf_d":1.50,"custom":{"Name":"x"},"custom.":1,"custom.x y":{}}`,
	`{"custom_fields":{"cf_a":1}}`, `{"unknown":1,"other":{"a":[]},"":null," ":0}`, `{"\u0069d":"x","\u00e9":1}`, "{\"\u00e9\":\"\u2028\",\"\xff\":\"\xfe\"}",
	`{"id":"a","id":"b"}`, `{"id":"a","id":null}`, `{"id":null,"id":"b"}`, `{"id":"a","id":5}`, `{"id":5,"id":6}`, `{"count":5,"count":"x","count":0}`, `{"ratio":1.0,"ratio":2}`, `{"ratio":1.0,"ratio":1}`, `{"ratio":2,"ratio":2.0}`, `{"ratio":1.0,"ratio":"x"}`, `{"ratio":"x","ratio":1.0}`,
	`{"done":true,"done":0}`, `{"title":"a","title":5}`, `{"title":5,"title":null}`, `{"size":1,"size":"x"}`, `{"score":1.0,"score":null}`, `{"open":true,"open":"x"}`,
	`{"tags":["a"],"tags":null}`, `{"tags":["a"],"tags":[5]}`, `{"tags":5,"tags":["a"]}`, `{"nullable":["a"],"nullable":null}`, `{"nullable":null,"nullable":["a"]}`, `{"nullable":null,"nullable":5}`, `{"nullable":5,"nullable":null}`,
	`{"child":{"name":"a"},"child":5}`, `{"child":{"name":"a"},"child":{"x":1}}`, `{"child":5,"child":{}}`, `{"maybe":null,"maybe":{}}`, `{"maybe":{},"maybe":null}`,
	`{"labels":{"a":"1"},"labels":{"b":"2"}}`, `{"labels":{"a":"1"},"labels":5}`, `{"counts":{"a":1,"a":2}}`, `{"children":[{}],"children":[5]}`, `{"any":1,"any":2}`,
	`{"unknown":1,"unknown":{"a":2}}`, `{"custom.cf_a":1,"custom.cf_a":2}`, `{"child":{"x":1,"x":2,"custom.cf_a":1,"custom.cf_a":null}}`,
	`null`, `[]`, `5`, `"x"`, ``, `{`, `{"id"}`, `{}x`, `{"a":1,}`, `{"children":[{"name":"a"},]}`, `{"children":[{"name":"a"}`, `{"labels":{"a":"b"`, `{"tags":["a",x]}`,
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, in := range roundTrips {
		t.Run(in, func(t *testing.T) { t.Parallel(); checkRoundTrip(t, []byte(in)) })
	}
	deep := func(n int) []byte {
		return []byte(strings.Repeat(`{"name":"x","same":[`, n) + strings.Repeat(`]}`, n))
	}
	checkRoundTrip(t, []byte(`{"child":`+string(deep(99))+`}`))
	checkRoundTrip(t, []byte(`{"child":`+string(deep(100))+`}`)) // too deep
	checkRoundTrip(t, []byte(`{"x":`+strings.Repeat("[", 199)+strings.Repeat("]", 199)+`}`))
	checkRoundTrip(t, []byte(`{"x":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}`))
}

func FuzzRoundTrip(f *testing.F) {
	for _, in := range roundTrips {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<16 {
			return
		}
		checkRoundTrip(t, in)
	})
}

const full = `{
	"id":"acti_1","_type":"Thing","note":"n","count":3,"total":-5,"ratio":0.25,"done":true,"title":"T","size":7,"score":12.0,"open":false,
	"when":"2026-06-19T12:07:14.366524","tags":["a","b"],"nullable":null,"any":{"x":1.0},"anys":[1,"x"],"child":{"name":"c","custom.cf_q":1},
	"maybe":null,"children":[{"name":"c1","ratio":1},{"name":"c2","extra":true}],"labels":{"a":"b"},"counts":{"a":2},"bag":{"k":null},
	"custom.cf_a":"x","custom.cf_b":["y","z"],"new_key":{"deep":[1]}}`

func TestFieldsHoldTheValues(t *testing.T) {
	t.Parallel()
	var v thing
	if err := json.Unmarshal([]byte(full), &v); err != nil {
		t.Fatal(err)
	}
	checks := map[string]bool{
		"id":         v.ID == "acti_1" && v.Type == "Thing" && v.Note.Or("") == "n",
		"plain":      v.Count == 3 && v.Total == -5 && v.Ratio == 0.25 && v.Done,
		"opt":        v.Title.Or("") == "T" && v.Size.Or(0) == 7 && v.Open == closekit.Some(false),
		"score":      v.Score == closekit.Some(12.0), // 12.0 is a number too
		"when":       v.When.Or("") == "2026-06-19T12:07:14.366524",
		"tags":       reflect.DeepEqual(v.Tags, []string{"a", "b"}) && v.Nullable == nil,
		"raw":        string(v.Any) == `{"x":1.0}` && len(v.Anys) == 2 && string(v.Anys[1]) == `"x"`,
		"child":      v.Child != nil && v.Child.Name == "c" && len(v.Child.Custom) == 1 && v.Maybe == nil,
		"children":   len(v.Children) == 2 && v.Children[1].Name == "c2" && v.Children[0].Ratio == closekit.Some(1.0),
		"maps":       v.Labels["a"] == "b" && v.Counts["a"] == 2 && string(v.Bag["k"]) == "null",
		"custom":     len(v.Custom) == 2,
		"mismatches": v.Mismatches() == nil,
		"has":        wire.Has(&v.Object, "new_key") && !wire.Has(&v.Object, "title") && wire.Has(&v.Children[1].Object, "extra"),
	}
	for name, ok := range checks {
		if !ok {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if x, ok := v.Custom.Get("cf_a"); !ok || x.String() != "x" {
		t.Error(x)
	}
	var extra []string
	for name := range v.Extra() {
		extra = append(extra, name)
	}
	if !reflect.DeepEqual(extra, []string{"new_key"}) {
		t.Error(extra)
	}
}

func TestMisfits(t *testing.T) {
	t.Parallel()
	var v thing
	in := `{"id":7,"count":1.5,"title":{"a":1},"tags":["x",1],"children":[{"name":null}],"size":3,"ratio":"x"}`
	if err := json.Unmarshal([]byte(in), &v); err != nil {
		t.Fatal(err)
	}
	if got := v.Mismatches(); !reflect.DeepEqual(got, []string{"id", "count", "title", "tags", "ratio"}) {
		t.Error(got)
	}
	if v.ID != "" || v.Count != 0 || !v.Title.IsZero() || v.Tags != nil || v.Size.Or(0) != 3 {
		t.Errorf("%+v", v)
	}
	if raw, ok := v.Raw("tags"); !ok || string(raw) != `["x",1]` {
		t.Errorf("%s", raw)
	}
	if len(v.Children) != 1 || !reflect.DeepEqual(v.Children[0].Mismatches(), []string{"name"}) {
		t.Errorf("%+v", v.Children)
	}
}

// TestChangesAreEncoded overwrites decoded members, including mismatches.
func TestChangesAreEncoded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about, in string
		change    func(*thing)
		want      string
	}{
		{"a plain field", `{"id":"a","count":1}`, func(v *thing) { v.ID = "b" }, `{"id":"b","count":1}`},
		{"a plain field to zero", `{"id":"a","count":1}`, func(v *thing) { v.Count = 0 }, `{"id":"a","count":0}`},
		{"an absent plain field", `{}`, func(v *thing) { v.Done = true }, `{"done":true}`},
		{"a mismatch of a plain field", `{"id":5,"x":1}`, func(v *thing) { v.ID = "b" }, `{"id":"b","x":1}`},
		{"a mismatch of an optional", `{"title":5}`, func(v *thing) { v.Title = closekit.Some("t") }, `{"title":"t"}`},
		{"a mismatch of an optional to null", `{"title":5}`, func(v *thing) { v.Title = closekit.Null[string]() }, `{"title":null}`},
		{"a mismatch of a list", `{"tags":[5]}`, func(v *thing) { v.Tags = []string{} }, `{"tags":[]}`},
		{"a null list", `{"nullable":null}`, func(v *thing) { v.Nullable = []string{"a"} }, `{"nullable":["a"]}`},
		{"a null object", `{"maybe":null}`, func(v *thing) { v.Maybe = &child{Name: "x"} }, `{"maybe":{"name":"x"}}`},
		{"a null without a bit", `{"child":null}`, func(v *thing) { v.Child = &child{Name: "x"} }, `{"child":{"name":"x"}}`},
		{"a mismatch of a map", `{"labels":5}`, func(v *thing) { v.Labels = map[string]string{"a": "b"} }, `{"labels":{"a":"b"}}`},
		{"a number with a format", `{"score":1.0,"ratio":2.0}`, func(v *thing) { v.Score = closekit.Some(2.0); v.Ratio = 3 }, `{"score":2,"ratio":3}`},
		{"one of two", `{"score":1.0,"ratio":2.0}`, func(v *thing) { v.Ratio = 3 }, `{"score":1.0,"ratio":3}`},
		{"a number with a format to absent", `{"score":1.0,"title":"x"}`, func(v *thing) { v.Score = closekit.Opt[float64]{} }, `{"title":"x"}`},
		{"an optional to absent", `{"title":"x","size":1}`, func(v *thing) { v.Title = closekit.Opt[string]{} }, `{"size":1}`},
		{"a custom field", `{"custom.cf_a":1,"custom.cf_b":2}`, func(v *thing) { v.Custom.Set("cf_a", closekit.CustomText("t")); v.Custom.Clear("cf_b") }, `{"custom.cf_a":"t","custom.cf_b":null}`},
		{"a new custom field", `{}`, func(v *thing) { v.Custom.Set("cf_a", closekit.CustomInteger(1)) }, `{"custom.cf_a":1}`},
		{"inside a list", `{"children":[{"name":null,"y":1}]}`, func(v *thing) { v.Children[0].Name = "n" }, `{"children":[{"name":"n","y":1}]}`},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			var v thing
			if err := json.Unmarshal([]byte(c.in), &v); err != nil {
				t.Fatal(err)
			}
			c.change(&v)
			out, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got, err := reference(out)
			if err != nil {
				t.Fatal(err)
			}
			if want, _ := reference([]byte(c.want)); !same(got, want, false) {
				t.Errorf("got  %s\nwant %s", out, c.want)
			}
		})
	}
}

func TestUnmarshalReplacesAll(t *testing.T) {
	t.Parallel()
	v := thing{Count: 5, Tags: []string{"old"}}
	if err := wire.Unmarshal([]byte(`{"count":6}`), &v); err != nil || v.Count != 6 || v.Tags != nil {
		t.Errorf("%v, %+v", err, v)
	}
}

func TestStrictDecoding(t *testing.T) {
	t.Parallel()
	for in, member := range map[string]string{
		`{"id":5}`:                        "id",
		`{"id":null}`:                     "id",
		`{"count":1.0}`:                   "count",
		`{"title":5}`:                     "title",
		`{"tags":["a",5]}`:                "tags",
		`{"child":{"name":5}}`:            "name",
		`{"children":[{"name":"a"},5]}`:   "children",
		`{"children":[{"same":[{"name":1`: "name",
		`{"labels":{"a":1}}`:              "labels",
		full:                              "",
		`{"nullable":null,"maybe":null,"title":null,"new":1,"ratio":1.0,"anys":null}`: "",
	} {
		d := codec.NewDecoder([]byte(in), true)
		var v thing
		wire.Decode(d, &v)
		err := d.End()
		var m *codec.MismatchError
		if errors.As(err, &m) != (member != "") || m != nil && m.Member != member || member == "" && err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// TestTruncatedResponses reads every prefix of a response, leniently and strictly.
func TestTruncatedResponses(t *testing.T) {
	t.Parallel()
	body := []byte(full)
	for n := range body {
		for _, strict := range []bool{false, true} {
			d := codec.NewDecoder(bytes.Clone(body[:n]), strict)
			var v thing
			wire.Decode(d, &v)
			if d.End() == nil {
				t.Errorf("accepted when cut after %d bytes", n)
			}
		}
	}
}

// TestScratchIsClean reads lists one after the other and inside each other with
// one decoder, where elements lack members that others have.
func TestScratchIsClean(t *testing.T) {
	t.Parallel()
	in := `{"children":[{"name":"a","x":1,"custom.cf_a":1,"same":[{"name":"b","same":[{"name":"c"},{}]},{}]},{"same":[{},{"name":"d"}]},{}],"child":{"same":[{},{},{},{"name":"e"}]}}`
	for range 20 {
		checkRoundTrip(t, []byte(in))
		checkRoundTrip(t, []byte(`{"children":[{"name":"zzz","x":1,"ratio":5},{"name":"yyy"},7]}`))
		// A mismatched list must not leave elements in the next one.
		checkRoundTrip(t, []byte(`{"children":[{"name":"zzz","x":1,"ratio":5,"custom.cf_a":1},{"same":[{"ratio":1}]},7],"child":{"same":[{},{},{"x":1}]},"tags":["a",5],"nullable":["b"]}`))
	}
}

// TestListsAreApart appends to decoded lists, which share memory, and decodes more
// with the decoders of the pool: no list may overwrite another one.
func TestListsAreApart(t *testing.T) {
	t.Parallel()
	const one = `{"tags":["a","b"],"nullable":["c"],"children":[{"name":"d","same":[{"name":"e"},{"name":"f"}]},{"name":"g","same":[{"name":"h"}]}],"anys":[1,2]}`
	want, err := reference([]byte(one))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("[" + strings.Repeat(one+",", 20) + one + "]")
	var things []*thing
	for range 3 {
		d := codec.NewDecoder(bytes.Clone(body), false)
		for d.Array(); d.More(); {
			v := new(thing)
			wire.Decode(d, v)
			things = append(things, v)
			_ = append(v.Tags, "x")
			_ = append(v.Nullable, "x")
			_ = append(v.Anys, json.RawMessage("0"))
			_ = append(v.Children, child{Name: "x"})
			for i := range v.Children {
				_ = append(v.Children[i].Same, child{Name: "x"})
			}
		}
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range things {
		out, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := reference(out); !same(got, want, false) {
			t.Fatalf("%d: %s", i, out)
		}
	}
}

type otherThing struct {
	closekit.Object
	Title string `json:"title"`
}

func TestVariant(t *testing.T) {
	t.Parallel()
	var v thing
	if err := json.Unmarshal([]byte(full), &v); err != nil {
		t.Fatal(err)
	}
	if _, ok := wire.Variant[otherThing](&v, false); ok {
		t.Error("a variant that it is not")
	}
	o, ok := wire.Variant[otherThing](&v, true)
	if !ok || o.Title != "T" || !wire.Has(&o.Object, "count") {
		t.Errorf("%+v", o)
	}
	out, err := wire.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := reference(out)
	if want, _ := reference([]byte(full)); !same(got, want, false) {
		t.Errorf("%s", out)
	}
	e, err := wire.Envelope[otherThing](&v.Object)
	if err != nil || !wire.Has(&e.Object, "new_key") {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestNamesAreFound looks up names that are similar to those of members.
func TestChangeOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after, before string
		matches       bool
		want          string
		ok            bool
	}{
		{`{"name":"new"}`, `{"name":"old"}`, true, "new old", true},
		{`{"name":"new"}`, `{}`, true, "new -", true},
		{` {"name":"new"}`, " { } ", true, "new -", true},
		{`{}`, `{"name":"old"}`, true, "- old", true},
		{`null`, ``, true, "- -", true},
		{`{"name":"new"}`, `{}`, false, "- -", false},
		{`5`, `{}`, true, "- -", false},
		{`{"name":`, `{}`, true, "- -", false},
	} {
		got, ok := wire.ChangeOf[child]([]byte(c.after), []byte(c.before), c.matches)
		text := func(v *child) string {
			if v == nil {
				return "-"
			}
			return v.Name
		}
		if is := text(got.After) + " " + text(got.Before); ok != c.ok || ok && is != c.want {
			t.Errorf("%s, %s: %q, %v", c.after, c.before, is, ok)
		}
	}
}

func TestNamesAreFound(t *testing.T) {
	t.Parallel()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[thing]()) {
		name := f.Tag.Get("json")
		if name == "custom_fields" || name == "" {
			continue
		}
		for _, in := range []string{`{"` + name + `x":1}`, `{"x` + name + `":1}`, `{"` + strings.ToUpper(name) + `":1}`, `{"` + name[1:] + `":1}`} {
			var v thing
			if err := json.Unmarshal([]byte(in), &v); err != nil {
				t.Fatal(err)
			}
			n := 0
			for range v.Extra() {
				n++
			}
			if n != 1 {
				t.Errorf("%s is taken for a field", in)
			}
		}
	}
}

// TestMemberOrder decodes objects with their members in different orders, with one
// decoder, which guesses the next name from the objects before.
func TestMemberOrder(t *testing.T) {
	t.Parallel()
	members := []string{
		`"id":"x"`, `"count":1`, `"title":"t"`, `"tags":["a"]`, `"new":1`, `"custom.cf_a":2`, `"child":{"name":"n","ratio":1,"z":[]}`,
		`"note":"base"`, `"size":5`, `"children":[{"ratio":2,"name":"m"},{"y":0,"name":"k"}]`, `"_type":"T"`, `"nullable":null`, `"score" : 1.5`, `"\u0074otal":3`,
	}
	r := rand.New(rand.NewPCG(1, 2))
	var list []string
	for range 300 {
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		list = append(list, "{"+strings.Join(members[:r.IntN(len(members)+1)], ",")+"}")
	}
	body := []byte("[" + strings.Join(list, ",") + "]")
	d := codec.NewDecoder(body, false)
	i := 0
	for d.Array(); d.More(); i++ {
		var v thing
		wire.Decode(d, &v)
		out, err := wire.Marshal(&v)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := reference(out)
		if want, _ := reference([]byte(list[i])); !same(got, want, false) {
			t.Fatalf("in  %s\nout %s", list[i], out)
		}
	}
	if err := d.End(); err != nil || i != len(list) {
		t.Errorf("%d of %d: %v", i, len(list), err)
	}
	for _, in := range list {
		checkRoundTrip(t, []byte(in))
	}
}
