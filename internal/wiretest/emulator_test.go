package wiretest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// deviations lists where the emulator's responses differ in shape from the pairs,
// and why that is right. The key is the file and the path of the member.
var deviations = map[string]string{
	"users.email_accounts[].imap":     "published for /connected_account/, and not denied for /me/",
	"users.email_accounts[].smtp":     "published for /connected_account/, and not denied for /me/",
	"users.connected_accounts[].imap": "published for /connected_account/, and not denied for /me/",
	"users.connected_accounts[].smtp": "published for /connected_account/, and not denied for /me/",
}

// stage is an emulator with what a pair needs.
type stage struct {
	srv *emulator.Server
	ids map[string]string // by the ids in the pair
	key string            // of the setup; empty means the API key of the first user
}

// TestEmulator replays the pairs against the emulator.
func TestEmulator(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	t.Run("pairs", func(t *testing.T) {
		for _, p := range load(t) {
			if strings.HasPrefix(p.emulator, "skip: ") {
				continue
			}
			for name, opts := range map[string]emulator.Options{"lenient": {}, "strict": {Strict: true}, "extra fields": {ExtraFields: true}} {
				t.Run(p.name+"/"+name, func(t *testing.T) {
					replay(t, p, opts, used)
				})
			}
		}
	})
	for key := range deviations {
		if !used[key] {
			t.Errorf("the deviation %q does not occur any more", key)
		}
	}
}

func replay(t *testing.T, p *pair, opts emulator.Options, used map[string]bool) {
	t.Helper()
	now := time.Date(2026, 6, 19, 12, 5, 28, 327_000_000, time.UTC)
	opts.Seed, opts.Clock = 7, func() time.Time { return now }
	s := &stage{srv: emulator.New(opts), ids: map[string]string{}}
	key := s.srv.APIKey()
	switch p.emulator {
	case "":
	case "credential: none":
		key = "api_unknown"
	case "credential: user":
		key = s.srv.APIKeyOf(s.srv.Users()[1].ID, s.srv.Organizations()[0].ID)
	case oauthOnly:
		token, err := s.srv.Grant(s.srv.Users()[0].ID, s.srv.Organizations()[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		key = bearer + token.AccessToken
		s.key = key
	default:
		t.Fatalf("unknown instruction %q", p.emulator)
	}
	for _, line := range p.setup {
		if err := s.prepare(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	target := p.path
	if len(p.query) > 0 {
		target += "?" + p.query.Encode()
	}
	status, header, answer, err := s.send(key, p.method, target, p.body)
	if err != nil {
		t.Fatal(err)
	}
	if status != p.status {
		t.Fatalf("status %d, want %d; body %.300s", status, p.status, answer)
	}
	if want := p.header.Get("Location"); want != "" {
		if got := header.Get("Location"); !strings.HasPrefix(got, want[:strings.LastIndex(strings.TrimSuffix(want, "/"), "/")+1]) || !strings.HasSuffix(got, "/") {
			t.Errorf("Location %q, want one such as %q", got, want)
		}
	}
	if p.answer == "" {
		if answer != "" {
			t.Errorf("body %q, want none", answer)
		}
		return
	}
	if mime := header.Get("Content-Type"); !strings.HasPrefix(mime, "application/json") {
		t.Errorf("Content-Type %q", mime)
	}
	file, _, _ := strings.Cut(p.name, "/")
	for _, d := range compareShapes("", shapeOf(decode(t, []byte(p.answer))), shapeOf(decode(t, []byte(answer)))) {
		if opts.ExtraFields && strings.HasSuffix(d.path, ".x_unknown") {
			continue
		}
		if key := file + d.path; deviations[key] != "" {
			used[key] = true
			continue
		}
		t.Errorf("%s: %s", d.path, d.what)
	}
	if p.tool != "" && p.refusal == nil {
		readBack(t, p, answer)
	}
}

// readBack decodes the emulator's response with the typed function, strictly.
func readBack(t *testing.T, p *pair, answer string) {
	t.Helper()
	tool, err := tools.Lookup(p.tool)
	if err != nil {
		t.Fatal(err)
	}
	params, err := tool.Parse([]byte(p.input))
	if err != nil {
		t.Fatal(err)
	}
	served := *p
	served.answer = answer
	pl := &player{p: &served}
	got, err := function(t, p.tool)(t.Context(), pl.client().With(nil, closekit.StrictDecoding()), params)
	if err != nil {
		t.Fatal(err)
	}
	if got == nil {
		return
	}
	want := decode(t, []byte(answer))
	for _, d := range differences("", want, decode(t, got)) {
		t.Errorf("what the emulator answered, read back: %s", d)
	}
}

// prepare runs one line of a setup: "id = METHOD path member body" calls the
// server, reads the member from the response and replaces the id of the pair with
// it. "_ = SEED all - body" seeds what the API cannot create, with the ids of the pair,
// and "id = ADD what it" adds what the API cannot make.
func (s *stage) prepare(line string) error {
	name, rest, ok := strings.Cut(line, " = ")
	parts := strings.SplitN(rest, " ", 4)
	if !ok || len(parts) < 3 {
		return fmt.Errorf("want: id = METHOD path member body")
	}
	if parts[0] == "ADD" {
		id, err := s.add(parts[1])
		s.ids[name] = id
		return err
	}
	body := ""
	if len(parts) == 4 {
		body = parts[3]
	}
	if parts[0] == "SEED" {
		return s.srv.Seed(strings.NewReader(body))
	}
	status, _, answer, err := s.send(cmp.Or(s.key, s.srv.APIKey()), parts[0], parts[1], body)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("status %d: %.300s", status, answer)
	}
	v, err := decodeJSON([]byte(answer))
	if err != nil {
		return err
	}
	got, err := member(v, parts[2])
	if err == nil && name != "_" {
		s.ids[name] = got
	}
	return err
}

// add makes what the API cannot make.
func (s *stage) add(what string) (string, error) {
	if what == "dialer" {
		return s.srv.AddDialer(emulator.Dialer{Source: "save_QyYJMHGCMyhKGTOHPULGCYG5aVO1pZt5kWMqTCyyOyL"})
	}
	return "", fmt.Errorf("nothing is called %s", what)
}

// member follows a path such as data.0.id or data.type=won.id.
func member(v any, path string) (string, error) {
	for step := range strings.SplitSeq(path, ".") {
		k, want, search := strings.Cut(step, "=")
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			n, err := strconv.Atoi(step)
			if search {
				n = slices.IndexFunc(in, func(e any) bool { m, _ := e.(map[string]any); return m[k] == want })
			} else if err != nil {
				return "", err
			}
			if n < 0 || n >= len(in) {
				return "", fmt.Errorf("%s: no element %s", path, step)
			}
			v = in[n]
		default:
			return "", fmt.Errorf("%s: nothing at %s", path, step)
		}
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is %v", path, v)
	}
	return text, nil
}

var anID = regexp.MustCompile(`\b[a-z]+_[0-9A-Za-z]{22,43}\b`)

// bearer stands before a credential that is an access token instead of an API key.
const bearer = "Bearer "

// oauthOnly is the instruction of a pair that Close refuses to API keys.
const oauthOnly = "credential: oauth"

// own replaces the ids of the pair by those of the server.
func (s *stage) own(text string) string {
	return anID.ReplaceAllStringFunc(text, func(id string) string {
		if mine := s.ids[id]; mine != "" {
			return mine
		}
		return id
	})
}

// send makes a request in which the ids of the pair are those of the server.
func (s *stage) send(key, method, target, body string) (int, http.Header, string, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(s.own(body))
	}
	req, err := http.NewRequest(method, "http://close.invalid"+s.own(target), r)
	if err != nil {
		return 0, nil, "", err
	}
	if strings.HasPrefix(key, bearer) {
		req.Header.Set("Authorization", key)
	} else {
		req.SetBasicAuth(key, "")
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.srv.Transport().RoundTrip(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

// shape describes a JSON value without its content: the types that occur, and the
// shapes of the members and elements.
type shape struct {
	kinds   map[string]bool
	members map[string]*shape
	element *shape
}

func shapeOf(v any) *shape {
	s := &shape{kinds: map[string]bool{}}
	s.add(v)
	return s
}

func (s *shape) add(v any) {
	s.kinds[kindOf(v)] = true
	switch v := v.(type) {
	case map[string]any:
		if s.members == nil {
			s.members = map[string]*shape{}
		}
		for k, e := range v {
			if strings.HasPrefix(k, "custom.") {
				k = "custom.*"
			}
			if s.members[k] == nil {
				s.members[k] = &shape{kinds: map[string]bool{}}
			}
			s.members[k].add(e)
		}
	case []any:
		for _, e := range v {
			if s.element == nil {
				s.element = &shape{kinds: map[string]bool{}}
			}
			s.element.add(e)
		}
	}
}

var (
	withOffset    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$`)
	withoutOffset = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$`)
	justDate      = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	idKind        = regexp.MustCompile(`^([a-z]+)_([0-9A-Za-z]{22}|[0-9A-Za-z]{43})$`)
)

// kindOf names the kind of a value. Strings have several: ids by prefix and
// length, and the formats of time.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case map[string]any:
		return "object"
	case []any:
		return "list"
	case string:
		switch {
		case v == "":
			return "empty"
		case withOffset.MatchString(v):
			return "time with offset"
		case withoutOffset.MatchString(v):
			return "time without offset"
		case justDate.MatchString(v):
			return "date"
		}
		if m := idKind.FindStringSubmatch(v); m != nil {
			return fmt.Sprintf("%s_ id of %d", m[1], len(m[2]))
		}
		return "text"
	}
	if strings.ContainsAny(fmt.Sprint(v), ".eE") {
		return "decimal"
	}
	return "integer"
}

type deviation struct{ path, what string }

// compareShapes lists the differences of two shapes. Null matches any type, and an
// empty list any elements.
func compareShapes(path string, want, got *shape) []deviation {
	var list []deviation
	a, b := known(want.kinds), known(got.kinds)
	if len(a) > 0 && len(b) > 0 {
		for _, k := range b {
			twin := map[string]string{"empty": "text", "text": "empty"}[k]
			if !slices.Contains(a, k) && !slices.Contains(a, twin) {
				list = append(list, deviation{path, fmt.Sprintf("the emulator has %s, the pair %s", k, strings.Join(a, ", "))})
			}
		}
	}
	if want.members != nil && got.members != nil {
		for _, k := range slices.Sorted(maps.Keys(want.members)) {
			switch w := got.members[k]; {
			case strings.HasPrefix(k, "undocumented_"):
			case w == nil:
				list = append(list, deviation{path + "." + k, "the emulator does not send it"})
			default:
				list = append(list, compareShapes(path+"."+k, want.members[k], w)...)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(got.members)) {
			if want.members[k] == nil {
				list = append(list, deviation{path + "." + k, "only the emulator sends it"})
			}
		}
	}
	if want.element != nil && got.element != nil {
		list = append(list, compareShapes(path+"[]", want.element, got.element)...)
	}
	return list
}

func known(kinds map[string]bool) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		if k != "null" {
			list = append(list, k)
		}
	}
	return list
}
