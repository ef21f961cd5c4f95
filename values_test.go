package closekit_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
)

func TestOpt(t *testing.T) {
	t.Parallel()
	var absent closekit.Opt[int]
	null, zero, five := closekit.Null[int](), closekit.Some(0), closekit.Some(5)
	for _, c := range []struct {
		name           string
		o              closekit.Opt[int]
		isZero, isNull bool
		value          int
		has            bool
		text, json     string
	}{
		{"absent", absent, true, false, 0, false, "", "null"},
		{"null", null, false, true, 0, false, "null", "null"},
		{"zero", zero, false, false, 0, true, "0", "0"},
		{"five", five, false, false, 5, true, "5", "5"},
	} {
		v, has := c.o.Get()
		b, err := json.Marshal(c.o)
		if c.o.IsZero() != c.isZero || c.o.IsNull() != c.isNull || v != c.value || has != c.has || c.o.String() != c.text || string(b) != c.json || err != nil {
			t.Errorf("%s: %+v", c.name, c)
		}
		want := c.value
		if !c.has {
			want = 9
		}
		if c.o.Or(9) != want {
			t.Errorf("%s: Or returns %d", c.name, c.o.Or(9))
		}
	}
}

func TestOptJSON(t *testing.T) {
	t.Parallel()
	type inner struct{ A []string }
	type all struct {
		S closekit.Opt[string]                `json:"s,omitzero"`
		N closekit.Opt[float64]               `json:"n,omitzero"`
		C closekit.Opt[closekit.Cents]        `json:"c,omitzero"`
		I closekit.Opt[closekit.CustomFields] `json:"i,omitzero"` // has its own methods
		P *closekit.Opt[bool]                 `json:"p,omitzero"`
	}
	for _, in := range []string{
		`{}`, `{"s":null}`, `{"s":""}`, `{"s":"x","n":1.5,"c":1200,"i":{"cf_a":["x"]}}`, `{"n":0,"c":null,"i":null}`, `{"p":true}`,
	} {
		var v all
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(v)
		if err != nil || string(out) != in {
			t.Errorf("%s became %s, %v", in, out, err)
		}
	}
	v := all{S: closekit.Some("kept")}
	if err := json.Unmarshal([]byte(`{"s":5}`), &v); err == nil || v.S != closekit.Some("kept") {
		t.Errorf("%v, %v", err, v.S)
	}
	for in, to := range map[string]json.Unmarshaler{
		`1.5`: &closekit.Opt[int]{}, `1`: &closekit.Opt[bool]{}, `"1"`: &closekit.Opt[float64]{}, `{}`: &closekit.Opt[inner]{}, `300`: &closekit.Opt[int8]{},
	} {
		if err := to.UnmarshalJSON([]byte(in)); err == nil {
			t.Errorf("%s fitted %T", in, to)
		}
	}
	if _, err := closekit.Some(inner{}).MarshalJSON(); err == nil {
		t.Error("a struct without MarshalJSON was encoded")
	}
	var o closekit.Opt[int]
	if err := o.UnmarshalJSON([]byte(" null\n")); err != nil || !o.IsNull() {
		t.Error(err)
	}
}

func TestParseCents(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]closekit.Cents{
		"0": 0, "12000": 1200000, "12,000": 1200000, "12,000.50": 1200050, "-3.5": -350, "$1": 100, "-$1.01": -101, " 7 ": 700, "0.01": 1, "1.10": 110, "1.100": 110, "1.00000000000000000": 100,
		"1,234,567.89": 123456789, "0005": 500, "-0": 0, "92233720368547758.07": math.MaxInt64, "-92,233,720,368,547,758.08": math.MinInt64, "999": 99900, "1,000": 100000,
	} {
		if got, err := closekit.ParseCents(in); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", in, got, err, want)
		}
	}
	for in, why := range map[string]string{
		"": "not a decimal", " ": "not a decimal", "-": "not a decimal", "$": "not a decimal", ".": "not a decimal", ".5": "not a decimal", "5.": "not a decimal", "abc": "not a decimal", "1e3": "not a decimal",
		"--1": "not a decimal", "+1": "not a decimal", "1-": "not a decimal", "$-1": "not a decimal", "$$1": "not a decimal", "1.2.3": "not a decimal", "1 000": "not a decimal", "0x10": "not a decimal", "1_000": "not a decimal", "١": "not a decimal", "1.5x": "not a decimal", "1.x": "not a decimal", "1.555x": "not a decimal", "NaN": "not a decimal",
		"1,23": "thousands", ",123": "thousands", "1234,567": "thousands", "1,2345": "thousands", "1,,000": "thousands", "1,": "thousands", "1.2,3": "not a decimal",
		"0.001": "fraction of a cent", "12.345": "fraction of a cent", "1.0000001": "fraction of a cent",
		"92233720368547758.08": "too large", "-92233720368547758.09": "too large", "99999999999999999999999": "too large",
	} {
		got, err := closekit.ParseCents(in)
		if err == nil || !strings.Contains(err.Error(), why) || got != 0 {
			t.Errorf("%q: %d, %v; want %s", in, got, err, why)
		}
	}
}

func TestCentsText(t *testing.T) {
	t.Parallel()
	for c, want := range map[closekit.Cents][3]string{
		0:             {"0.00", "$0.00", "EUR 0.00"},
		5:             {"0.05", "$0.05", "EUR 0.05"},
		-5:            {"-0.05", "-$0.05", "-EUR 0.05"},
		100:           {"1.00", "$1.00", "EUR 1.00"},
		1200000:       {"12,000.00", "$12,000.00", "EUR 12,000.00"},
		-123456789:    {"-1,234,567.89", "-$1,234,567.89", "-EUR 1,234,567.89"},
		99999:         {"999.99", "$999.99", "EUR 999.99"},
		100000:        {"1,000.00", "$1,000.00", "EUR 1,000.00"},
		math.MaxInt64: {"92,233,720,368,547,758.07", "$92,233,720,368,547,758.07", "EUR 92,233,720,368,547,758.07"},
		math.MinInt64: {"-92,233,720,368,547,758.08", "$-92,233,720,368,547,758.08", "EUR -92,233,720,368,547,758.08"},
	} {
		if got := [3]string{c.String(), c.Format("USD"), c.Format("EUR")}; got != want {
			t.Errorf("%d: %q, want %q", int64(c), got, want)
		}
		if got := fmt.Sprintf("%v %s", c, c); got != want[0]+" "+want[0] {
			t.Error(got)
		}
	}
	if closekit.Dollars(12_000) != 1200000 || closekit.Dollars(-1) != -100 {
		t.Error("Dollars")
	}
	b, err := json.Marshal(closekit.Cents(1200000))
	if err != nil || string(b) != "1200000" {
		t.Errorf("%s, %v", b, err)
	}
	var c closekit.Cents
	if json.Unmarshal([]byte("12.5"), &c) == nil {
		t.Error("a fraction is accepted")
	}
}

func FuzzParseCents(f *testing.F) {
	for _, s := range []string{"0", "-0.01", "12,000.50", "$5", "-$1,234.5", "92233720368547758.07", "1.005", "1,23", "+1", "1e3", ""} {
		f.Add(s, int64(0))
	}
	f.Add("1", int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, s string, n int64) {
		// ParseCents parses the output of String and Format.
		c := closekit.Cents(n)
		if back, err := closekit.ParseCents(c.String()); err != nil || back != c {
			t.Fatalf("%d prints as %s, which reads as %d, %v", n, c, back, err)
		}
		if n != math.MinInt64 {
			if back, err := closekit.ParseCents(c.Format("USD")); err != nil || back != c {
				t.Fatalf("%d prints as %s, which reads as %d, %v", n, c.Format("USD"), back, err)
			}
		}
		got, err := closekit.ParseCents(s)
		plain := strings.NewReplacer(",", "", "$", "").Replace(strings.TrimSpace(s))
		exact, ok := new(big.Rat).SetString(plain)
		if ok && strings.ContainsAny(plain, "eExXpP_/+boBO") || len(plain) > 1000 {
			return // big.Rat parses more than decimals
		}
		if err != nil {
			// A plain decimal within range must be parsed.
			if ok && plain == s && strings.Trim(s, "0123456789.-") == "" && !strings.HasPrefix(strings.TrimPrefix(s, "-"), ".") && !strings.HasSuffix(s, ".") {
				cents := exact.Mul(exact, big.NewRat(100, 1))
				if cents.IsInt() && cents.Num().IsInt64() {
					t.Fatalf("%q: %v", s, err)
				}
			}
			return
		}
		if !ok {
			t.Fatalf("%q is read as %d", s, got)
		}
		if exact.Mul(exact, big.NewRat(100, 1)).Cmp(new(big.Rat).SetInt64(int64(got))) != 0 {
			t.Fatalf("%q is read as %d, which is %s", s, got, exact)
		}
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 6, 19, 12, 5, 28, 327e6, time.UTC)
	for in, want := range map[closekit.DateTime]time.Time{
		"2026-06-19T12:05:28.327000+00:00": noon,
		"2026-06-19T12:05:28.327000":       noon,
		"2026-06-19T12:05:28+00:00":        noon.Truncate(time.Second),
		"2026-06-19":                       noon.Truncate(24 * time.Hour),
	} {
		got, err := in.Time()
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
		if in.IsDate() != (len(in) == 10) {
			t.Errorf("%s: IsDate", in)
		}
	}
	if _, err := closekit.DateTime("soon").Time(); err == nil || err.Error() != `not a time: "soon"` {
		t.Error(err)
	}
	east := time.Date(2026, 3, 31, 1, 2, 3, 4000, time.FixedZone("", 2*3600))
	if got := closekit.DateTimeOf(east); got != "2026-03-31T01:02:03.000004+02:00" {
		t.Error(got)
	}
	if back, err := closekit.DateTimeOf(east).Time(); err != nil || !back.Equal(east) {
		t.Error(back, err)
	}
	d := closekit.DateOf(east)
	if d != "2026-03-31" || d.DateTime() != "2026-03-31" || !d.DateTime().IsDate() {
		t.Error(d)
	}
	if got, err := d.Time(); err != nil || !got.Equal(time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)) {
		t.Error(got, err)
	}
	if _, err := closekit.Date("").Time(); err == nil {
		t.Error("an empty date is a time")
	}
}

func TestCustomFields(t *testing.T) {
	t.Parallel()
	var c closekit.CustomFields
	if _, ok := c.Get("cf_a"); ok {
		t.Error("an empty one has a field")
	}
	c.Set("cf_a", closekit.CustomText("x"))
	c.Set("custom.cf_b", closekit.CustomTexts("y", "z"))
	c.Set("cf_a", closekit.CustomInteger(5))
	c.Clear("cf_c")
	c.Add("cf_d", closekit.CustomText("new"))
	c.Remove("cf_d", closekit.CustomText("old"))
	b, err := json.Marshal(c)
	if want := `{"cf_a":5,"cf_b":["y","z"],"cf_c":null,"cf_d.add":"new","cf_d.remove":"old"}`; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	var back closekit.CustomFields
	if err := json.Unmarshal(b, &back); err != nil || fmt.Sprint(back) != fmt.Sprint(c) {
		t.Errorf("%+v, %v", back, err)
	}
	if v, ok := back.Get("custom.cf_c"); !ok || !v.IsNull() {
		t.Error("cf_c")
	}
	// If Close sends a field twice, the last one is used.
	c = closekit.CustomFields{{Key: "cf_a", Value: closekit.CustomInteger(1)}, {Key: "cf_a", Value: closekit.CustomInteger(2)}}
	if v, _ := c.Get("cf_a"); v.String() != "2" {
		t.Error(v)
	}
	c.Set("cf_a", closekit.CustomInteger(3))
	if v, _ := c.Get("cf_a"); v.String() != "3" {
		t.Error(v)
	}
	for _, in := range []string{`[]`, `5`, `"x"`} {
		if json.Unmarshal([]byte(in), &c) == nil {
			t.Errorf("%s is accepted", in)
		}
	}
	if err := c.UnmarshalJSON([]byte(`{"a":`)); err == nil {
		t.Error("broken JSON is accepted")
	}
	var in struct{ C closekit.CustomFields }
	if err := json.Unmarshal([]byte(`{"C":null}`), &in); err != nil || in.C != nil {
		t.Error(err)
	}
	if b, _ := json.Marshal(in.C); string(b) != "{}" {
		t.Errorf("%s", b)
	}
}

func TestCustomValue(t *testing.T) {
	t.Parallel()
	raw := func(s string) closekit.CustomValue {
		var v closekit.CustomValue
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		v     closekit.CustomValue
		json  string
		print string
		text  string
		isTxt bool
		num   float64
		isNum bool
		list  []string
	}{
		{v: closekit.CustomValue{}, json: "null", print: "null"},
		{v: raw("null"), json: "null", print: "null"},
		{v: closekit.CustomText(""), json: `""`, print: "", isTxt: true, list: []string{""}},
		{v: closekit.CustomText("a\"b\u00e9"), json: `"a\"bé"`, print: `a"bé`, text: `a"bé`, isTxt: true, list: []string{`a"bé`}},
		{v: closekit.CustomText("12.5"), json: `"12.5"`, print: "12.5", text: "12.5", isTxt: true, num: 12.5, isNum: true, list: []string{"12.5"}},
		{v: closekit.CustomText("Infinity"), json: `"Infinity"`, print: "Infinity", text: "Infinity", isTxt: true, list: []string{"Infinity"}},
		{v: closekit.CustomText("nan"), json: `"nan"`, print: "nan", text: "nan", isTxt: true, list: []string{"nan"}},
		{v: closekit.CustomInteger(-7), json: `-7`, print: "-7", num: -7, isNum: true},
		{v: closekit.CustomNumber(1.5), json: `1.5`, print: "1.5", num: 1.5, isNum: true},
		{v: closekit.CustomNumber(math.NaN()), json: `null`, print: "null"},
		{v: closekit.CustomTexts[string](), json: `[]`, print: "[]", list: []string{}},
		{v: closekit.CustomTexts("a", "b,\"c"), json: `["a","b,\"c"]`, print: `["a","b,\"c"]`, list: []string{"a", `b,"c`}},
		{v: raw(`["a",5]`), json: `["a",5]`, print: `["a",5]`},
		{v: raw(`[ 1 ]`), json: `[1]`, print: `[ 1 ]`},
		{v: raw(`true`), json: `true`, print: "true"},
		{v: raw(`{"a":1}`), json: `{"a":1}`, print: `{"a":1}`},
		{v: raw(`1.50`), json: `1.50`, print: "1.50", num: 1.5, isNum: true},
	} {
		b, err := json.Marshal(c.v)
		if err != nil || string(b) != c.json || c.v.String() != c.print || c.v.IsNull() != (c.json == "null") {
			t.Errorf("%s: %s, %v, %s", c.json, b, err, c.v)
		}
		if s, ok := c.v.Text(); s != c.text || ok != c.isTxt {
			t.Errorf("%s: Text %q, %v", c.json, s, ok)
		}
		if n, ok := c.v.Number(); ok != c.isNum || ok && n != c.num {
			t.Errorf("%s: Number %v, %v", c.json, n, ok)
		}
		if l, ok := c.v.Texts(); ok != (c.list != nil) || ok && !reflect.DeepEqual(l, c.list) {
			t.Errorf("%s: Texts %v, %v", c.json, l, ok)
		}
	}
}
