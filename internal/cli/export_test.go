//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
)

// gate is an emulated Close that runs something before every page of a list.
type gate struct {
	srv  *emulator.Server
	url  string
	list string // method and path

	mu     sync.Mutex
	pages  int
	before func(page int)
}

// newGate seeds n leads, a second apart.
func newGate(t *testing.T, n, maxSkip int) *gate {
	t.Helper()
	start := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	g := openGate(t, "GET /api/v1/lead/", emulator.Options{MaxSkip: maxSkip})
	var b strings.Builder
	b.WriteString(`{"leads": [`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name": "Company %d", "date_created": "%s"}`, i, start.Add(time.Duration(i)*time.Second).Format(time.RFC3339))
	}
	if err := g.srv.Seed(strings.NewReader(b.String() + "]}")); err != nil {
		t.Fatal(err)
	}
	return g
}

func openGate(t *testing.T, list string, o emulator.Options) *gate {
	t.Helper()
	g := &gate{srv: emulator.New(o), list: list}
	t.Cleanup(func() { _ = g.srv.Close() })
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method+" "+r.URL.Path == g.list {
			g.mu.Lock()
			g.pages++
			page, before := g.pages, g.before
			g.mu.Unlock()
			if before != nil {
				before(page)
			}
		}
		g.srv.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	g.url = front.URL
	return g
}

// child starts the command.
func (g *gate) child(t *testing.T, args ...string) *child {
	t.Helper()
	c := start(t, nil, self(t), append([]string{"--base-url", g.url, "--api-key", g.srv.APIKey()}, args...)...)
	return c
}

func (g *gate) request(t *testing.T, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(g.srv.APIKey(), "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s", method, path, resp.Status)
	}
}

func ids(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range bytes.Lines(data) {
		var o struct{ ID string }
		if err := json.Unmarshal(line, &o); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
			t.Fatalf("line %q: %v", line, err)
		}
		list = append(list, o.ID)
	}
	return list
}

// TestExportSurvives exports 12,000 leads past a ceiling of 2,000 while leads are created
// and deleted, kills the command twice, and lets it go on.
func TestExportSurvives(t *testing.T) {
	g := newGate(t, 12_000, 2000)
	var doomed, staying []string
	for i, o := range g.srv.Objects("leads") {
		if id := o["id"].(string); i%9 == 0 {
			doomed = append(doomed, id)
		} else {
			staying = append(staying, id)
		}
	}
	request := func(method, path, body string) { g.request(t, method, path, body) }
	reached := make(chan int)
	stop := map[int]bool{40: true, 85: true}
	g.before = func(page int) {
		for range 3 {
			if len(doomed) > 0 {
				at := (page * 7919) % len(doomed)
				request("DELETE", "/api/v1/lead/"+doomed[at]+"/", "")
				doomed = slices.Delete(doomed, at, at+1)
			}
		}
		request("POST", "/api/v1/lead/", `{"name": "new"}`)
		if stop[page] {
			reached <- page
			<-reached
		}
	}
	out := filepath.Join(t.TempDir(), "leads.jsonl")
	args := []string{"export", "leads", "--out", out, "--fields", "id,name"}
	for range len(stop) {
		c := g.child(t, args...)
		<-reached
		c.signal(syscall.SIGKILL)
		reached <- 0
		if _, code := c.end(); code == 0 {
			t.Fatal("the command was not killed")
		}
		// What a crash leaves behind the last checkpoint: more than what follows.
		f, err := os.OpenFile(out+".partial", os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(strings.Repeat(`{"id":"lead_torn","name":`, 60_000)); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	c := g.child(t, args...)
	if rest, code := c.end(); code != 0 || !strings.Contains(c.stderr.String(), "going on after the") {
		t.Fatalf("exit code %d: %s %s", code, rest, c.stderr.String())
	}
	got := ids(t, out)
	count := map[string]int{}
	for _, id := range got {
		if count[id]++; count[id] > 1 {
			t.Errorf("%s came twice", id)
		}
	}
	for _, id := range staying {
		if count[id] != 1 {
			t.Fatalf("%s came %d times", id, count[id])
		}
	}
	// Each kill loses the pages that were read ahead and the one in flight.
	ideal := (len(got) + 99) / 100
	if most := ideal*105/100 + len(stop)*(exportAhead+1); g.pages > most {
		t.Errorf("%d requests, want at most %d", g.pages, most)
	}
	t.Logf("%d leads with %d requests; an ideal reader needs %d", len(got), g.pages, ideal)
	var m exportManifest
	data, err := os.ReadFile(out + ".manifest.json")
	if err != nil || json.Unmarshal(data, &m) != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if m.Records != len(got) || m.Bytes != int64(len(content)) || m.SHA256 != hex.EncodeToString(sum[:]) || m.First != "2026-03-10T12:00:01+00:00" && m.First != "2026-03-10T12:00:00+00:00" || m.Organization == "" || m.Version == "" {
		t.Errorf("the manifest says %s", data)
	}
	if left, _ := filepath.Glob(out + ".*"); len(left) != 1 {
		t.Errorf("files are left: %q", left)
	}
}

// TestExportContacts exports contacts past the number of records that a search reaches,
// is killed in the middle, and goes on. The records are like those of the list.
func TestExportContacts(t *testing.T) {
	start := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	g := openGate(t, "POST /api/v1/data/search/", emulator.Options{MaxFound: 250, Clock: func() time.Time { return start }})
	g.request(t, "POST", "/api/v1/custom_field/contact/", `{"name": "Shoe size", "type": "number"}`)
	field := g.srv.Objects("custom_fields_contact")[0]["id"].(string)
	for range 90 {
		seed := strings.Repeat(`{"name": "Company", "contacts": [{"name": "Ann", "custom": {"Shoe size": 38}, "emails": [{"email": "ann@acme.example", "type": "office"}]}]},`, 10)
		if err := g.srv.Seed(strings.NewReader(`{"leads": [` + seed[:len(seed)-1] + "]}")); err != nil {
			t.Fatal(err)
		}
		g.srv.Advance(time.Minute)
	}
	var doomed, staying []string
	for i, o := range g.srv.Objects("contacts") {
		if id := o["id"].(string); i%9 == 0 {
			doomed = append(doomed, id)
		} else {
			staying = append(staying, id)
		}
	}
	lead := g.srv.Objects("leads")[0]["id"].(string)
	reached := make(chan int)
	g.before = func(page int) {
		g.request(t, "DELETE", "/api/v1/contact/"+doomed[page]+"/", "")
		g.request(t, "POST", "/api/v1/contact/", `{"lead_id": "`+lead+`", "name": "new"}`)
		if page == 5 {
			reached <- page
			<-reached
		}
	}
	dir := t.TempDir()
	args := []string{"export", "contacts", "--out", filepath.Join(dir, "contacts.jsonl")}
	c := g.child(t, args...)
	<-reached
	c.signal(syscall.SIGKILL)
	reached <- 0
	if _, code := c.end(); code == 0 {
		t.Fatal("the command was not killed")
	}
	c = g.child(t, args...)
	if rest, code := c.end(); code != 0 || !strings.Contains(c.stderr.String(), "going on after the") {
		t.Fatalf("exit code %d: %s %s", code, rest, c.stderr.String())
	}
	count := map[string]int{}
	for _, id := range ids(t, args[3]) {
		if count[id]++; count[id] > 1 {
			t.Errorf("%s came twice", id)
		}
	}
	for _, id := range staying {
		if count[id] != 1 {
			t.Fatalf("%s came %d times", id, count[id])
		}
	}
	g.before = nil
	data, err := os.ReadFile(args[3])
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	var got, listed map[string]any
	if err := json.Unmarshal(first, &got); err != nil {
		t.Fatal(err)
	}
	for _, o := range g.srv.Objects("contacts") {
		if o["id"] == got["id"] {
			b, err := json.Marshal(o)
			if err != nil || json.Unmarshal(b, &listed) != nil {
				t.Fatal(err)
			}
		}
	}
	if !reflect.DeepEqual(got, listed) {
		t.Errorf("the export has %v\nthe list has  %v", got, listed)
	}
	// The last half hour as CSV.
	since := start.Add(60 * time.Minute)
	out := filepath.Join(dir, "late.csv")
	c = g.child(t, "export", "contacts", "--out", out, "--since", since.Format(time.RFC3339))
	if rest, code := c.end(); code != 0 {
		t.Fatalf("exit code %d: %s %s", code, rest, c.stderr.String())
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, o := range g.srv.Objects("contacts") {
		if at, err := time.Parse(time.RFC3339, o["date_created"].(string)); err == nil && !at.Before(since) {
			want++
		}
	}
	at := slices.Index(rows[0], "custom."+field)
	if at < 0 || rows[1][at] != "38" || len(rows)-1 != want || want < 250 || want > 400 {
		t.Errorf("%d rows of %d, such as %q", len(rows)-1, want, rows[:2])
	}
}

// TestExportStops ends an export in the middle, in the ways that are usual, and says how
// to go on.
func TestExportStops(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(t *testing.T, g *gate, c *child)
		code int
		want string
	}{
		"Ctrl-C":  {func(_ *testing.T, _ *gate, c *child) { c.signal(syscall.SIGINT) }, exitInterrupted, "interrupted"},
		"SIGTERM": {func(_ *testing.T, _ *gate, c *child) { c.signal(syscall.SIGTERM) }, exitTerminated, "terminated"},
		"revoked": {func(_ *testing.T, g *gate, _ *child) {
			g.srv.Fail(emulator.Fault{Tool: "close_leads_list", Times: -1, Status: 401})
		}, exitAuthorization, "CLOSE_API_KEY"},
		"broken": {func(_ *testing.T, g *gate, _ *child) {
			g.srv.Fail(emulator.Fault{Tool: "close_leads_list", Times: -1, Kind: emulator.FaultMalformed})
		}, exitAPI, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, 1000, 0)
			reached := make(chan struct{})
			g.before = func(page int) {
				if page == 6 {
					reached <- struct{}{}
					<-reached
				}
			}
			out := filepath.Join(t.TempDir(), "leads.csv")
			command := g.child(t, "export", "leads", "--out", out)
			<-reached
			c.stop(t, g, command)
			if name == "Ctrl-C" || name == "SIGTERM" {
				command.end()
				reached <- struct{}{}
			} else {
				reached <- struct{}{}
				command.end()
			}
			code, text := command.cmd.ProcessState.ExitCode(), command.stderr.String()
			if code != c.code || !strings.Contains(text, c.want) || !strings.Contains(text, "the same command goes on from there") || !strings.Contains(text, " leads are safe in "+out+".partial") {
				t.Errorf("exit code %d, want %d: %s", code, c.code, text)
			}
			g.before = nil
			g.srv.ClearFaults()
			again := g.child(t, "export", "leads", "--out", out)
			if _, code := again.end(); code != 0 {
				t.Fatalf("exit code %d: %s", code, again.stderr.String())
			}
			f, err := os.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			rows, err := csv.NewReader(bufio.NewReader(f)).ReadAll()
			if err != nil || len(rows) != 1001 || rows[0][0] != "id" || rows[1][0] == "id" {
				t.Errorf("%d rows: %v", len(rows), err)
			}
		})
	}
}

// TestExportFieldsChange goes on with an export to CSV after a custom field was created: its
// values are in the last column, as the file has no column for it.
func TestExportFieldsChange(t *testing.T) {
	t.Parallel()
	g := newGate(t, 250, 0)
	c := closekit.NewClient(closekit.APIKey(g.srv.APIKey()), closekit.BaseURL(g.url))
	out := filepath.Join(t.TempDir(), "leads.csv")
	export := func(args ...string) (int, string) {
		return run(t, "", append([]string{"export", "leads", "--out", out, "--base-url", g.url, "--api-key", g.srv.APIKey()}, args...)...)
	}
	g.before = func(page int) {
		if page == 2 {
			g.srv.Fail(emulator.Fault{Tool: "close_leads_list", Times: -1, Kind: emulator.FaultMalformed})
		}
	}
	if code, text := export(); code != exitAPI {
		t.Fatalf("exit code %d: %s", code, text)
	}
	g.srv.ClearFaults()
	var field struct{ ID string }
	if err := c.Post(t.Context(), "/custom_field/lead/", map[string]any{"name": "Region", "type": "text"}, &field); err != nil {
		t.Fatal(err)
	}
	leads := g.srv.Objects("leads")
	for _, at := range []int{0, len(leads) - 1} { // one of them is not exported yet
		if err := c.Put(t.Context(), "/lead/"+leads[at]["id"].(string)+"/", map[string]any{"custom." + field.ID: "North"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if code, text := export("--fields", "id,name"); code != exitUsage || !strings.Contains(text, "is from another export") {
		t.Errorf("other fields: exit code %d: %s", code, text)
	}
	if code, text := export(); code != 0 || !strings.Contains(text, "going on after the 100 leads") {
		t.Fatalf("exit code %d: %s", code, text)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll() // which refuses rows of other lengths
	if err != nil || len(rows) != 251 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	last, found := len(rows[0])-1, 0
	for _, row := range rows[1:] {
		if row[last] == `{"`+field.ID+`":"North"}` {
			found++
		}
	}
	if rows[0][last] != customRest || slices.Contains(rows[0], "custom."+field.ID) || found != 1 {
		t.Errorf("%d values of the new field in the columns %q", found, rows[0])
	}
}

// TestFormulas keeps spreadsheets from calculating what others wrote, and import from
// keeping the mark.
func TestFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+49 30": "'+49 30", "-x": "'-x", "@a": "'@a", "\tx": "'\tx", "\rx": "'\rx", "'=x": "''=x", "''=x": "'''=x",
		"": "", "a=b": "a=b", "'tis": "'tis", "'": "'", "é": "é",
	} {
		got := noFormula(text)
		if got != want || withoutMark(got) != text {
			t.Errorf("%q becomes %q, want %q; back: %q", text, got, want, withoutMark(got))
		}
	}
	c := csvColumns{[]string{"a", "b", "c", "d", "e"}}
	line, err := c.append(nil, json.RawMessage(`{"a": "=x,\"y\"", "b": null, "c": -5, "d": [{"x": 1}]}`))
	if err != nil || string(line) != "\"'=x,\"\"y\"\"\",,-5,\"[{\"\"x\"\":1}]\",\r\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// TestReplaceTogether has several writers of one file, which always has the text of one of
// them, and nothing else is left.
func TestReplaceTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	texts := map[string]bool{}
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range 4 {
		text := bytes.Repeat([]byte{byte('a' + i)}, 1+10_000*i)
		texts[string(text)] = true
		group.Go(func() {
			<-start
			for range 25 {
				if err := replaceText(path, text, 0o600); err != nil {
					t.Error(err)
				}
				if got, err := os.ReadFile(path); err != nil || !texts[string(got)] {
					t.Errorf("%d bytes are not those of one writer, %v", len(got), err)
				}
			}
		})
	}
	close(start)
	group.Wait()
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	if err := replaceText(dir, nil, 0o600); err == nil { // a folder is in the way
		t.Error("a folder was replaced")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".closekit-*")); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}
