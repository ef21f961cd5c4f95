package query

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// thing is an object of the tests.
type thing map[string][]any

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func schema() Schema[thing] {
	kinds := map[string]Kind{
		"id": Exact, "name": Text, "custom.team size": Number, "value": Number, "contacts": Number, "email": Email, "phone": Phone,
		"url": URL, "created": Time, "won": Time, "user": User, "status": Text, "kind": Exact,
	}
	return Schema[thing]{
		Field: func(name string) (Field[thing], bool) {
			kind, ok := kinds[name]
			return Field[thing]{kind, func(o thing) []any { return o[name] }}, ok
		},
		Texts: func(o thing) []string {
			var out []string
			for _, name := range []string{"name", "email", "phone"} {
				for _, v := range o[name] {
					out = append(out, v.(string))
				}
			}
			return out
		},
		ID:  func(o thing) string { return o["id"][0].(string) },
		Now: now, Zone: time.FixedZone("", -8*3600), Me: "user_1",
	}
}

func things() []thing {
	return []thing{
		{
			"id": {"a"}, "name": {"Acme\u00a0Corp"}, "value": {int64(5000)}, "custom.team size": {json.Number("10.5")}, "contacts": {Count(2)},
			"email": {"bob@acme.example", "Ann@acme.example"}, "phone": {"+16505550142"}, "url": {"https://acme.example/"},
			"created": {now.Add(-24 * time.Hour)}, "user": {"user_1", "Ada Example"}, "status": {"Won"}, "kind": {"active"},
		},
		{
			"id": {"b"}, "name": {"Globex (Germany)"}, "value": {nil}, "contacts": {Count(0)}, "phone": {"+4930123456"}, "url": {""},
			"email": {"bob@acme.example.com"}, "created": {now.Add(-48 * time.Hour)}, "user": {"user_2", "Ben"}, "status": {"Not Interested"}, "kind": {"inactive"},
		},
		{"id": {"c"}, "name": {`Smith & "Co", Inc. 50%`}, "value": {int64(0)}, "created": {now}, "user": {nil}, "status": {"Lost"}, "phone": {"anonymous"}},
	}
}

func selected(t *testing.T, text string) string {
	t.Helper()
	q, err := Parse(text)
	if err != nil {
		return err.Error()
	}
	keep, err := Compile(q, schema())
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, o := range things() {
		if keep(o) {
			out = append(out, o["id"][0].(string))
		}
	}
	return strings.Join(out, " ")
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "a b c", "  ": "a b c", "*": "a b c", "acme": "a b", "acme corp": "a", `"Acme Corp"`: "a", "glob*": "b", "lob": "",
		"acme OR smith": "a b c", "corp or globex": "a b", "corp and globex": "", "corp AND acme": "a",
		"not acme": "c", "NOT NOT acme": "a b", "-acme": "c", "--acme": "a b", "- acme": "", "not (corp or smith)": "b", "-(corp or smith)": "b",
		"corp or smith status:lost": "a c", "(corp or smith) status:lost": "c", "corp or globex and status:won": "a",
		"not corp status:lost": "c", "((acme))": "a b", "Globex (Germany)": "b", "acme, corp": "a",
		`smith & "co"`: "c", `"smith & \"co\", inc."`: "c", "50%": "c",
		"name:acme": "a", "name : acme": "a", "name =\t\"acme corp\"": "a", "name=acme": "", "name != \"acme corp\"": "b c", "name==\"acme corp\"": "a",
		`"name":acme`: "a", `"custom.Team Size" > 10`: "a", `custom."Team Size"<=10.5`: "a", `custom."Team Size"=10`: "",
		"value>=5000": "a", "value > 4999": "a", "value<5000": "c", "value:0": "c", "value != 0": "a b", "not value:5000": "b c",
		`status in ("Won", lost)`: "a c", "status IN(Won)": "a", "status not in (won,Lost)": "b", "status:(won or lost)": "a c",
		"status:(won, lost)": "a c", "status!=(won, lost)": "b", "status:interested": "b", `status in (interested)`: "",
		"kind:active": "a", "kind=ACTIVE": "a", "kind:act": "",
		"has:value": "a c", "has:contacts": "a", "not has:url": "b c", "has:email": "a b", `has:"custom.Team Size"`: "a", "url:*": "a", "contacts:*": "a",
		"contacts>0": "a", "contacts = 0": "b",
		"email:bob@acme.example": "a", "email:ANN@acme.example": "a", "email:acme.example": "a b", "email:@acme.example": "a", "email:bob*": "a b",
		"email:ann@acme": "", "bob@acme.example.com": "b", "bob@acme.example": "a", "bob@acme*": "a b",
		"url:acme.example": "a", "url:http://ACME.example": "a", `url="acme.example"`: "a", "https://acme.example": "",
		"phone:+16505550142": "a", "phone:(650) 555-0142": "a", `phone:"650.555.0142"`: "a", "phone:650-555-0142": "a", "phone: 1 650 555 0142": "a",
		"phone:650": "a", "phone:+49*": "b", "phone:anonymous": "c", "phone:030123456": "b", "phone:+49 (0)30 123456": "b", "phone in (6505550142, 030123456)": "a b",
		"(650) 555-0142": "a", "650 555 0142 corp": "a", "650 555 0142 globex": "", "+49 30 123456 or corp": "a b", `"0049 30 123456"`: "b",
		"created:2026-03-08": "b", "created:2026-03-10": "c", "created>2026-03-08": "a c", "created>=2026-03-09": "a c", "created<2026-03-09": "b",
		"created<=2026-03-08": "b", "created>2026-03-09T12:00:00Z": "c", "created>=2026-03-09T12:00:00+00:00": "a c", "created:2026-03": "a b c", "created<2026": "",
		"created:today": "c", "created < yesterday": "b", `created >= "30 hours ago"`: "a c", `created < "1 day ago"`: "b", "created<now": "a b", "has:won": "",
		"user:me": "a", "user:ada": "a", "user:user_2": "b", `user:"me"`: "", "not has:user": "c",
		"slice:1/1": "a b c", "sort:created": "a b c", "sort:-created,\"custom.team size\" acme": "a b", "corp sort:name or globex": "a b",
	} {
		if got := selected(t, text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	var parts []string
	for i := range 3 {
		parts = append(parts, strings.Fields(selected(t, "slice:"+strconv.Itoa(i+1)+"/3"))...)
	}
	if slices.Sort(parts); strings.Join(parts, " ") != "a b c" {
		t.Errorf("the slices have %v", parts)
	}
}

// TestErrors tries texts that are not understood. Each error names the part.
func TestErrors(t *testing.T) {
	t.Parallel()
	for text, part := range map[string]string{
		`"acme`: `"\"acme"`, "(acme": `"(acme"`, "acme)": `")"`, "()": `"()"`, "name:": `"name:"`, "name: or x": `"name:"`, "name:)": `"name:"`,
		":x": `":"`, "= 5": `"="`, ">5": `">"`, "or x": `"or"`, "x or": `"or"`, "x or or y": `"or"`, "and x": `"and"`, "x and": `"and"`, "x and or y": `"and"`,
		"not": `"not"`, "x not": `"not"`, "(not)": `"not"`, "nam:x": `"nam"`, "Re: offer": `"re"`, "acme : corp": `"acme"`, "made in (germany)": `"made"`,
		"custom.x:1": `"custom.x"`, "has:nothing": `"nothing"`, "has:": `"has:"`, "has>x": `"has>"`, "sort:nothing": `"nothing"`, "sort:": `"sort:"`, "sort:-": `"sort:-"`,
		"sort:value or x": "sort", "(sort:value)": `"sort:value"`, "not slice:1/2": `"slice:1/2"`, "slice:2/1": `"slice:2/1"`, "slice:x": `"slice:x"`,
		"slice:0/2": `"slice:0/2"`, "value:lots": `"lots"`, "value>x": `"x"`, "value:NaN": `"NaN"`, "value:inf": `"inf"`, "created:soon": `"soon"`, "created > \"x days ago\"": "ago",
		"name>5": `"name"`, "email < x": `"email"`, "status in (": `"status ("`, "status in ()": `"status"`, "status in (a b)": `"b)"`, "status in (a,": "status",
		"status:((a))": `"status"`, "value > (1, 2)": `"value"`, "contact(title:ceo)": `"contact("`, `""`: `""`, "\xff": "UTF-8",
		strings.Repeat("(", 200): "100", strings.Repeat("x", 70000): "65536", "x:" + strings.Repeat("y", 1000): `"x"`,
		strings.Repeat("f", 1000) + ":x": "...", `name:"a`: `"\"a"`,
	} {
		got := selected(t, text)
		if !strings.HasPrefix(got, "The query") || !strings.Contains(got, part) {
			t.Errorf("%.60s: got %q, want an error with %s", text, got, part)
		}
		if len(got) > 300 {
			t.Errorf("%.60s: the error has %d bytes", text, len(got))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`acme "x y" sort:-name`, `a or (b and not c)`, `custom."a b" >= 5`, `status in ("a", b)`, `has:email slice:1/2`, `phone:(650) 555-0142`,
		`created<"2 days ago"`, `"`, `((((`, `a:"\"`, "x\u00a0=\u00a0y", "-(-a)", "https://x:y", "!=!",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err == nil {
			var keep func(thing) bool
			if keep, err = Compile(q, schema()); err == nil {
				for _, o := range things() {
					keep(o)
				}
			}
		}
		var problem *Error
		if err != nil && (!errors.As(err, &problem) || len(err.Error()) > 1000 || !utf8.ValidString(err.Error())) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
