package wiretest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// roundTrip decodes JSON into a result type and encodes it again. It also
// names the members that did not fit their fields.
type roundTrip func(data []byte) (out []byte, misfits []string, err error)

func trip[T any](data []byte) ([]byte, []string, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, nil, err
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, nil, err
	}
	return out, mismatches("", reflect.ValueOf(&v).Elem()), nil
}

// mismatches walks a result and returns the names of the members that did not fit
// their fields, and with a question mark those without a field.
func mismatches(path string, v reflect.Value) []string {
	var list []string
	switch v.Kind() { //nolint:exhaustive // other kinds hold no results
	case reflect.Pointer:
		if !v.IsNil() {
			return mismatches(path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, mismatches(path+"[]", v.Index(i))...)
		}
	case reflect.Struct:
		if o, ok := reflect.TypeAssert[closekit.Object](v); ok {
			for _, name := range o.Mismatches() {
				list = append(list, path+"."+name)
			}
			for name := range o.Extra() {
				list = append(list, path+"."+name+"?")
			}
			return list
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				sub := path
				if !f.Anonymous {
					sub += "." + f.Name
				}
				list = append(list, mismatches(sub, v.Field(i))...)
			}
		}
	}
	return list
}

// results are the result types, by name.
var results = map[string]roundTrip{
	"Activity": trip[closeapi.Activity], "Call": trip[closeapi.Call], "Comment": trip[closeapi.Comment], "Contact": trip[closeapi.Contact],
	"CreatedActivity": trip[closeapi.CreatedActivity], "CustomActivity": trip[closeapi.CustomActivity], "CustomField": trip[closeapi.CustomField],
	"Email": trip[closeapi.Email], "EmailThread": trip[closeapi.EmailThread], "FormSubmission": trip[closeapi.FormSubmission],
	"ImportUpdateActivity": trip[closeapi.ImportUpdateActivity], "Lead": trip[closeapi.Lead], "LeadMergeActivity": trip[closeapi.LeadMergeActivity],
	"LeadStatus": trip[closeapi.LeadStatus], "LeadStatusChange": trip[closeapi.LeadStatusChange], "Me": trip[closeapi.Me], "Meeting": trip[closeapi.Meeting],
	"MergeResult": trip[closeapi.MergeResult], "Note": trip[closeapi.Note], "Opportunity": trip[closeapi.Opportunity],
	"OpportunityGroup": trip[closeapi.OpportunityGroup], "OpportunityStatusChange": trip[closeapi.OpportunityStatusChange],
	"OpportunityTotals": trip[closeapi.OpportunityTotals], "OrganizationProfile": trip[closeapi.OrganizationProfile], "PhoneNumber": trip[closeapi.PhoneNumber],
	"Pipeline": trip[closeapi.Pipeline], "PipelineStatus": trip[closeapi.PipelineStatus], "SMS": trip[closeapi.SMS], "Sequence": trip[closeapi.Sequence],
	"SequenceSubscription": trip[closeapi.SequenceSubscription], "Task": trip[closeapi.Task], "TaskCompletedActivity": trip[closeapi.TaskCompletedActivity],
	"Transcript": trip[closeapi.Transcript], "User": trip[closeapi.User], "Webhook": trip[closeapi.Webhook], "WhatsAppMessage": trip[closeapi.WhatsAppMessage],
	"Page": envelope,
}

// envelope decodes a page through the client, the only way to get one.
func envelope(data []byte) ([]byte, []string, error) {
	pl := &player{p: &pair{status: http.StatusOK, answer: string(data)}}
	page, err := closeapi.OpportunitiesList(context.Background(), pl.client(), closeapi.OpportunitiesListParams{})
	if err != nil {
		return nil, nil, err
	}
	out, err := json.Marshal(page)
	return out, mismatches("", reflect.ValueOf(page).Elem()), err
}

// census lists the types that decode the objects of shapes.json. The first one has
// a field for every recorded member.
var census = map[string][]string{
	"activity:Call": {"Call", "Activity"}, "activity:Created": {"CreatedActivity", "Activity"}, "activity:Email": {"Email", "Activity"},
	"activity:EmailThread": {"EmailThread", "Activity"}, "activity:LeadStatusChange": {"LeadStatusChange", "Activity"},
	"activity:Meeting": {"Meeting", "Activity"}, "activity:Note": {"Note", "Activity"}, "activity:SMS": {"SMS", "Activity"},
	"activity:OpportunityStatusChange": {"OpportunityStatusChange", "Activity"}, "activity:TaskCompleted": {"TaskCompletedActivity", "Activity"},
	"activity:LeadMerge": {"LeadMergeActivity", "Activity"}, "activity:WhatsAppMessage": {"WhatsAppMessage", "Activity"},
	"activity:Custom": {"CustomActivity", "Activity"}, "comments": {"Comment"}, "contacts": {"Contact"},
	"custom_fields_activity": {"CustomField"}, "custom_fields_contact": {"CustomField"}, "custom_fields_lead": {"CustomField"},
	"custom_fields_opportunity": {"CustomField"}, "leads": {"Lead"}, "me_users": {"Me", "User"}, "opportunities": {"Opportunity"},
	"pipelines": {"Pipeline"}, "sequence_subscriptions": {"SequenceSubscription"}, "sequences": {"Sequence"},
	"statuses": {"PipelineStatus", "LeadStatus"}, "task:email_followup": {"Task"}, "task:incoming_email": {"Task"}, "task:lead": {"Task"},
	"task:opportunity_due": {"Task"}, "webhooks": {"Webhook"},
}

// maker generates random JSON. A tidy one generates recorded forms only; the other
// also omits and nulls members that were always present, mixes types, adds keys
// and formats times and numbers in every way.
type maker struct {
	r    *rand.Rand
	tidy bool
}

func (m *maker) one(n int) bool { return m.r.IntN(n) == 0 }

func pick[T any](m *maker, list ...T) T { return list[m.r.IntN(len(list))] }

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func (m *maker) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[m.r.IntN(len(letters))]
	}
	return string(b)
}

// object generates an object of the members in spec, in random order.
func (m *maker) object(spec map[string]any) string {
	var parts []string
	names := slices.Sorted(maps.Keys(spec))
	for _, name := range names {
		key, optional := strings.CutSuffix(name, "?")
		if key == "" || optional && m.one(2) || !m.tidy && m.one(12) {
			continue
		}
		n := 1
		if key == "custom.cf_*" {
			n = m.r.IntN(4)
		}
		for range n {
			k := key
			if key == "custom.cf_*" {
				k = "custom." + pick(m, "cf_", "lcf_") + m.letters(43)
			}
			parts = append(parts, quote(k)+":"+m.value(spec[name]))
		}
	}
	for range m.r.IntN(3) {
		parts = append(parts, quote(pick(m, "", "undocumented", "Name", "ID", "é", "a.b", "data\n", "custom", "x")+m.letters(3))+":"+m.any(3))
	}
	m.r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, pick(m, ",", ", ", " ,\n\t")) + "}"
}

func (m *maker) value(spec any) string {
	if !m.tidy {
		switch m.r.IntN(14) {
		case 0:
			return "null"
		case 1:
			return m.any(3)
		}
	}
	switch spec := spec.(type) {
	case map[string]any:
		if spec["?"] == "null" && m.one(4) {
			return "null"
		}
		return m.object(spec)
	case []any:
		if len(spec) > 1 && m.one(3) {
			return m.scalar(fmt.Sprint(spec[1+m.r.IntN(len(spec)-1)]))
		}
		var parts []string
		if len(spec) > 0 && spec[0] != nil {
			for range m.r.IntN(4) {
				parts = append(parts, m.value(spec[0]))
			}
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return m.scalar(pick(m, strings.Split(fmt.Sprint(spec), "|")...))
}

func (m *maker) scalar(kind string) string {
	if prefix, ok := strings.CutPrefix(kind, "id "); ok {
		return quote(prefix + "_" + m.letters(pick(m, 22, 43)))
	}
	if !m.tidy && (kind == "time" || kind == "naive" || kind == "date") {
		kind = pick(m, "time", "naive", "date", "seconds", "mail")
	}
	day := fmt.Sprintf("%04d-%02d-%02d", 2000+m.r.IntN(60), 1+m.r.IntN(12), 1+m.r.IntN(28))
	clock := fmt.Sprintf("T%02d:%02d:%02d", m.r.IntN(24), m.r.IntN(60), m.r.IntN(60))
	fraction := fmt.Sprintf(".%06d", m.r.IntN(1000000))
	switch kind {
	case "null":
		return "null"
	case "boolean":
		return strconv.FormatBool(m.one(2))
	case "integer":
		return strconv.Itoa(pick(m, 0, 1, -1, 100, m.r.IntN(1<<40)))
	case "number":
		return pick(m, "1.15", "0", "3", "0.000001", "99.5")
	case "digits":
		return quote(pick(m, "2", "0.595956", "00011", "97201"))
	case "empty":
		return `""`
	case "object":
		return pick(m, "{}", `{"a":1}`)
	case "list":
		return "[]"
	case "time":
		return quote(day + clock + pick(m, "", fraction) + "+00:00")
	case "naive":
		return quote(day + clock + pick(m, "", fraction))
	case "seconds":
		return quote(day + clock + "+00:00")
	case "mail":
		return quote("Fri, 19 Jun 2026 12:05:28 +0000")
	case "date":
		return quote(day)
	case "string":
		return quote(pick(m, "Acme", "Ann\u00a0Lee", "", "Ünïcödé 你好 🚀", "a\"b\\c/d\n\t\u0001", "word-"+m.letters(4), "</script>&", "\u2028", strings.Repeat("long ", 80)))
	}
	panic("unknown kind " + kind)
}

// any generates a value of any type.
func (m *maker) any(depth int) string {
	switch n := m.r.IntN(9); {
	case n == 0 && depth > 0:
		return "[" + m.any(depth-1) + "," + m.any(depth-1) + "]"
	case n == 1 && depth > 0:
		return "{" + quote(m.letters(2)) + ":" + m.any(depth-1) + "," + quote(m.letters(3)) + ":" + m.any(depth-1) + "}"
	case n == 2:
		return pick(m, "1.0", "-0", "1e3", "12345678901234567890", "-1.5E-7", "0.1", "9007199254740993", "-9223372036854775808")
	case n == 3:
		return m.scalar("string")
	case n == 4:
		return `"\ud83d\ude80 \u00e9 \/"`
	}
	return m.scalar(pick(m, "null", "boolean", "integer", "digits", "time", "empty"))
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// same fails when a type loses, changes or invents anything.
func same(tb testing.TB, name, data string) []string {
	tb.Helper()
	out, odd, err := results[name]([]byte(data))
	if err != nil {
		tb.Fatalf("%s refuses: %v\n%s", name, err, data)
	}
	if list := differences("", decode(tb, []byte(data)), decode(tb, out)); len(list) > 0 {
		tb.Fatalf("%s: %s\nthe input was\n%s\nthe output\n%s", name, strings.Join(list, "\n"), data, out)
	}
	return odd
}

func readCensus(tb testing.TB) map[string]map[string]any {
	tb.Helper()
	data, err := os.ReadFile("../../testdata/wire/shapes.json")
	if err != nil {
		tb.Fatal(err)
	}
	var shapes map[string]map[string]any
	if err := json.Unmarshal(data, &shapes); err != nil {
		tb.Fatal(err)
	}
	return shapes
}

// unlike lists members that were recorded with a type other than that of the
// field, or that have no field. Decoding reports them and keeps their value.
var unlike = map[string]string{
	"Email.body_html_quoted": "an object in one record of 23, a list in the others",
	"Me.organizations":       "the census counts /user/ and /me/ together: ids there, objects here",
	"User.organizations":     "the census counts /user/ and /me/ together: ids here, objects there",
	"Webhook.counters":       "a map of integers, among which the maker mixes keys of other kinds",
}

// collect records the names of all members.
func collect(spec any, names map[string]bool) {
	switch spec := spec.(type) {
	case map[string]any:
		for k, v := range spec {
			names[strings.TrimSuffix(k, "?")] = true
			collect(v, names)
		}
	case []any:
		for _, v := range spec {
			collect(v, names)
		}
	}
}

// TestCensus proves that decoding and encoding loses, changes and invents
// nothing, for objects of every recorded kind and for broken ones.
func TestCensus(t *testing.T) {
	t.Parallel()
	shapes := readCensus(t)
	for name := range census {
		if shapes[name] == nil {
			t.Errorf("shapes.json has no %s", name)
		}
	}
	seen := map[string]bool{}
	recorded := map[string]bool{}
	for _, spec := range shapes {
		collect(spec, recorded)
	}
	for i, name := range slices.Sorted(maps.Keys(shapes)) {
		if census[name] == nil {
			t.Errorf("no type decodes %s", name)
		}
		for _, result := range census[name] {
			t.Run(name+" as "+result, func(t *testing.T) {
				tidy := &maker{rand.New(rand.NewPCG(1, uint64(i))), true}
				wild := &maker{rand.New(rand.NewPCG(2, uint64(i))), false}
				for range 60 {
					for _, path := range same(t, result, tidy.object(shapes[name])) {
						key := result + path
						member, unknown := strings.CutSuffix(path[strings.LastIndexByte(path, '.')+1:], "?")
						if unknown && (!recorded[member] || result != census[name][0]) {
							continue // the maker added it, or it is a member of the type's sibling
						}
						if unlike[key] == "" && !seen[key] {
							t.Errorf("%s was recorded, but has no field or another kind", key)
						}
						seen[key] = true
					}
					same(t, result, wild.object(shapes[name]))
				}
			})
		}
	}
	for key := range unlike {
		if !seen[key] {
			t.Errorf("%s is listed but fits", key)
		}
	}
}

// TestEnvelopes does the same for pages of opportunities and groups.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	shapes := readCensus(t)
	spec := map[string]any{
		"data": []any{shapes["opportunities"]}, "has_more?": "boolean", "total_results?": "integer", "cursor?": "null|string",
		"count_by_value_period?": map[string]any{"one_time": "integer", "monthly": "integer", "annual": "integer"}, "total_value_annual?": "integer",
	}
	tidy := &maker{rand.New(rand.NewPCG(4, 4)), true}
	wild := &maker{rand.New(rand.NewPCG(5, 5)), false}
	for range 200 {
		for _, path := range same(t, "Page", tidy.object(spec)) {
			if !strings.HasSuffix(path, "?") {
				t.Fatalf("%s does not fit", path)
			}
		}
		same(t, "Page", wild.object(spec))
	}
}

// TestResultsAreTested keeps the table of types complete.
func TestResultsAreTested(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, names := range census {
		for _, n := range names {
			if results[n] == nil {
				t.Errorf("no type %s", n)
			}
			tested[n] = true
		}
	}
	for _, n := range []string{"Lead", "Contact", "Opportunity", "Task", "Call", "Email", "SMS", "Note", "Comment", "Sequence", "SequenceSubscription", "Pipeline", "CustomField", "Me", "User", "Webhook", "Activity"} {
		if !tested[n] {
			t.Errorf("%s is in no census", n)
		}
	}
}

// FuzzResults decodes arbitrary JSON into a rotating result type.
func FuzzResults(f *testing.F) {
	names := slices.Sorted(maps.Keys(results))
	m := &maker{rand.New(rand.NewPCG(3, 3)), false}
	shapes := readCensus(f)
	for i, name := range slices.Sorted(maps.Keys(shapes)) {
		f.Add(uint8(slices.Index(names, census[name][0])), m.object(shapes[name]))
		f.Add(uint8(i), m.any(4))
	}
	for _, p := range load(f) {
		f.Add(uint8(len(p.name)), p.answer)
	}
	f.Fuzz(func(t *testing.T, which uint8, data string) {
		name := names[int(which)%len(names)]
		out, _, err := results[name]([]byte(data))
		if !json.Valid([]byte(data)) {
			if err == nil {
				t.Fatalf("%s takes what is not JSON", name)
			}
			return
		}
		if !utf8.ValidString(data) {
			return // invalid input may change, but must not panic
		}
		want := decode(t, []byte(data))
		switch want := want.(type) {
		case map[string]any:
			if err != nil {
				if strings.Contains(err.Error(), "deep") || strings.Contains(err.Error(), "depth") || strings.Contains(err.Error(), "nest") {
					return
				}
				t.Fatalf("%s refuses %v: %v", name, want, err)
			}
			for _, d := range differences("", want, decode(t, out)) {
				t.Errorf("%s: %s", name, d)
			}
		case nil:
			if err != nil && name != "Page" { // a response cannot be null
				t.Fatalf("%s refuses null: %v", name, err)
			}
		default:
			if err == nil {
				t.Fatalf("%s takes %T for an object", name, want)
			}
		}
	})
}
