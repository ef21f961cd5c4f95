package main

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// get returns the page at an address.
func get(t *testing.T, browser *http.Client, address string) (at *url.URL, status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Error(err)
		return new(url.URL), 0, ""
	}
	return send(t, browser, req)
}

func send(t *testing.T, browser *http.Client, req *http.Request) (at *url.URL, status int, body string) {
	t.Helper()
	res, err := browser.Do(req)
	if err != nil {
		t.Error(err)
		return req.URL, 0, ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.Request.URL, res.StatusCode, string(b)
}

// press opens the page of a question in a browser, and agrees there.
func press(t *testing.T, link string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Error(err)
		return
	}
	browser := &http.Client{Jar: jar}
	at, status, body := get(t, browser, link)
	if status != http.StatusOK || !strings.Contains(body, "<td>API key (Ada Example, Example Inc)</td>") {
		t.Errorf("the page: %d %s", status, body)
	}
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		form.Add(m[1], html.UnescapeString(m[2]))
	}
	form.Set("verdict", "approve")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.String(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", at.Scheme+"://"+at.Host)
	if _, status, body = send(t, browser, req); status >= 400 {
		t.Errorf("the decision: %d %s", status, body)
	}
	at.Path = "/" + at.Path[strings.LastIndex(at.Path, "/")+1:]
	if _, status, _ := get(t, browser, at.String()); status != http.StatusNotFound {
		t.Errorf("without the secret: %d", status)
	}
}

// listen collects standard error until the program ends.
func (p *program) listen() (said func() string) {
	var b strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		for p.lines.Scan() {
			b.WriteString(p.lines.Text() + "\n")
		}
	}()
	return func() string {
		_ = p.stdin.Close()
		<-done
		return b.String()
	}
}

// newLead makes a lead by the program.
func (p *program) newLead(s *mcp.ClientSession) (id any) {
	p.Helper()
	if r, text := call(p.T, s, "close_lead_create", map[string]any{"name": "Acme"}); r.IsError {
		p.Fatal(text)
	}
	return p.close.Objects("leads")[0]["id"]
}

// TestPage has a client that opens pages, and a person who agrees on the page. Standard
// error is a log: what the page's address is must not be there.
func TestPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--page", "127.0.0.1:0")
	said, shown := p.listen(), ""
	c := client(&mcp.ClientOptions{
		Capabilities: &mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapabilities{URL: &mcp.URLElicitationCapabilities{}}},
		ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			shown = r.Params.URL
			press(t, shown)
			return &mcp.ElicitResult{Action: "accept"}, nil
		},
	})
	s := p.dial(c, &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin})
	lead := p.newLead(s)
	if r, text := call(t, s, "close_lead_delete", map[string]any{"lead_id": lead}); r.IsError || len(p.close.Objects("leads")) != 0 {
		t.Errorf("after the decision: %s", text)
	}
	u, err := url.Parse(shown)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(u.Path, "/")[1]
	if log := said(); len(secret) < 20 || strings.Contains(log, secret) || strings.Contains(log, "http:") || !strings.Contains(log, "only clients that open pages show the one of --page") {
		t.Errorf("the page is %s, and the log says %s", shown, log)
	}
}

// TestPageNotSeen has a client that opens no pages, and nothing else that shows the page.
func TestPageNotSeen(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--page", "127.0.0.1:0")
	said := p.listen()
	s := p.dial(client(nil), &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin})
	lead := p.newLead(s)
	if r, text := call(t, s, "close_lead_delete", map[string]any{"lead_id": lead}); !r.IsError || !strings.Contains(text, "this client cannot ask one") {
		t.Errorf("a call that no user can decide: %s", text)
	}
	if log := said(); strings.Contains(log, "http:") || strings.Count(log, "\n") != 1 {
		t.Errorf("the log says %s", log)
	}
}

// TestPageBesideForms has a client with forms: the page is silent.
func TestPageBesideForms(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--page", "127.0.0.1:0", "--open-page")
	said := p.listen()
	s := p.dial(client(&mcp.ClientOptions{ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
		return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"approve": true}}, nil
	}}), &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin})
	lead := p.newLead(s)
	if r, text := call(t, s, "close_lead_delete", map[string]any{"lead_id": lead}); r.IsError || len(p.close.Objects("leads")) != 0 {
		t.Errorf("after the form: %s", text)
	}
	if log := said(); log != "" {
		t.Errorf("the log says %s", log)
	}
}
