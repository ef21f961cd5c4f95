package closemcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
)

// post sends a message as an attacker would, and returns status, headers and body.
func post(t *testing.T, url, token, session string, message any, headers ...string) (int, http.Header, string) {
	t.Helper()
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func rpc(method string, params any) map[string]any {
	return args{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
}

var initialize = rpc("initialize", args{"protocolVersion": oldest, "capabilities": args{}, "clientInfo": args{"name": "x", "version": "1"}})

// TestTwoUsers has two users at once, whose answers must never be those of the other.
func TestTwoUsers(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
			var group sync.WaitGroup
			for token, email := range map[string]string{"token-ada": o.close.Users()[0].Email, "token-bob": "bob@example.com"} {
				s := o.dial(client(nil), url, token, version)
				for range 8 {
					group.Go(func() {
						r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "close_me_get"})
						if err != nil || !strings.Contains(textOf(r), email) {
							t.Errorf("%s: %v %v", token, r, err)
						}
					})
				}
			}
			group.Wait()
			bob := o.dial(client(nil), url, "token-bob", version)
			if r, text := call(t, bob, "close_lead_get", args{"lead_id": o.lead}); !r.IsError {
				t.Errorf("bob read a lead of ada: %s", text)
			}
		})
	}
}

// TestTokens tests what is needed to be served at all.
func TestTokens(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
	for name, token := range map[string]string{"no token": "", "unknown token": "token-eve", "name of a user": "u-ada"} {
		status, h, body := post(t, url, token, "", initialize)
		if status != http.StatusUnauthorized || !strings.Contains(h.Get("WWW-Authenticate"), "/.well-known/oauth-protected-resource/mcp") {
			t.Errorf("%s: %d %v %s", name, status, h, body)
		}
	}
	res, err := (&http.Client{}).Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(url, "/mcp", "/.well-known/oauth-protected-resource/mcp", 1), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var meta struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
	}
	if err := json.NewDecoder(res.Body).Decode(&meta); err != nil || meta.Resource != url || len(meta.AuthorizationServers) != 1 {
		t.Errorf("%+v %v", meta, err)
	}
	status, _, _ := post(t, url, "token-ada", "", initialize, "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site")
	if status != http.StatusForbidden {
		t.Errorf("a page of another site: %d", status)
	}
	status, _, _ = post(t, url, "token-ada", "", initialize, "Host", "evil.example.com")
	if status != http.StatusOK { // Go ignores a header Host; the request proves that the rest is right
		t.Errorf("a plain request: %d", status)
	}
}

func must(r *http.Request, err error) *http.Request {
	if err != nil {
		panic(err)
	}
	return r
}

// TestSessionOfSomebodyElse has bob with ada's session id, and ada with one of bob's
// making.
func TestSessionOfSomebodyElse(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
	_, h, _ := post(t, url, "token-ada", "", initialize)
	id := h.Get("Mcp-Session-Id")
	if id == "" {
		t.Fatal("no session")
	}
	me := rpc("tools/call", args{"name": "close_me_get"})
	for _, method := range []any{me, rpc("tools/list", nil), rpc("ping", nil)} {
		if status, _, body := post(t, url, "token-bob", id, method); status != http.StatusForbidden {
			t.Errorf("hijacked: %d %s", status, body)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		req := must(http.NewRequestWithContext(t.Context(), method, url, nil))
		req.Header.Set("Accept", "text/event-stream")
		req.Header.Set("Mcp-Session-Id", id)
		res, err := (&http.Client{Transport: bearer{"token-bob", &http.Transport{}}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s by another user: %s", method, res.Status)
		}
	}
	if status, _, body := post(t, url, "", id, me); status != http.StatusUnauthorized {
		t.Errorf("the session alone: %d %s", status, body)
	}
	if status, _, body := post(t, url, "token-ada", "chosen-by-bob", initialize); status != http.StatusNotFound {
		t.Errorf("fixation: %d %s", status, body)
	}
	if status, _, _ := post(t, url, "token-ada", id, me); status != http.StatusOK {
		t.Errorf("the owner: %d", status)
	}
}

// TestTenants has two users whose tokens have the same UserID, of two tenants.
func TestTenants(t *testing.T) {
	t.Parallel()
	o := open(t)
	m := o.two()
	a, b := m["token-ada"], m["token-bob"]
	a.Name, b.Name = "ada", "ada" // what verify makes the UserID of
	m["token-ada"], m["token-bob"] = a, b
	url := o.house(m, closemcp.Config{}, closemcp.HTTP{})
	_, h, _ := post(t, url, "token-ada", "", initialize)
	if status, _, body := post(t, url, "token-bob", h.Get("Mcp-Session-Id"), rpc("tools/call", args{"name": "close_me_get"})); status != http.StatusForbidden {
		t.Errorf("%d %s", status, body)
	}
}

// TestBodyNamesAnotherAccount puts another user into every place of a request.
func TestBodyNamesAnotherAccount(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
	_, h, _ := post(t, url, "token-bob", "", initialize)
	id := h.Get("Mcp-Session-Id")
	post(t, url, "token-bob", id, args{"jsonrpc": "2.0", "method": "notifications/initialized"})
	status, _, body := post(t, url+"?user=u-ada&token=token-ada", "token-bob", id, rpc("tools/call", args{
		"name": "close_me_get", "user": "u-ada", "account": "u-ada",
		"_meta": args{"user": "u-ada", "closekit.user": args{"ID": "u-ada"}, "authorization": "Bearer token-ada"},
	}), "X-User", "u-ada", "Cookie", "user=u-ada")
	if status != http.StatusOK || !strings.Contains(body, "bob@example.com") {
		t.Errorf("%d %s", status, body)
	}
	for _, in := range []args{{"account": "u-ada"}, {"_account": "u-ada"}, {"user_id": "u-ada"}, {"run": "run_1"}} {
		_, _, body := post(t, url, "token-bob", id, rpc("tools/call", args{"name": "close_me_get", "arguments": in}))
		if strings.Contains(body, o.close.Users()[0].Email) {
			t.Errorf("%v: %s", in, body)
		}
	}
}

// TestRunsAreOfUsers has ada read text of outsiders, after which her writes need a
// person, and those of bob do not.
func TestRunsAreOfUsers(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			m := o.two()
			url := o.house(m, closemcp.Config{}, closemcp.HTTP{})
			ada, bob := o.dial(client(nil), url, "token-ada", version), o.dial(client(nil), url, "token-bob", version)
			if r, text := call(t, ada, "close_activities_list", args{"lead_id": []string{o.lead}}); r.IsError {
				t.Fatal(text)
			}
			if r, text := call(t, ada, "close_lead_create", args{"name": "By ada"}); !r.IsError {
				t.Errorf("ada has read text of outsiders: %s", text)
			}
			if r, text := call(t, bob, "close_lead_create", args{"name": "By bob"}); r.IsError {
				t.Errorf("bob has not: %s", text)
			}
		})
	}
}

// TestApprovalIsOfItsUser has bob repeat the call that ada was asked about.
func TestApprovalIsOfItsUser(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			m := o.two()
			m["token-bob"] = closemcp.User{ID: "u-bob", Name: "bob@example.com", Account: m["token-ada"].Account} // even in one organization
			url := o.house(m, closemcp.Config{HostAsks: true}, closemcp.HTTP{})
			ada, bob := o.dial(client(nil), url, "token-ada", version), o.dial(client(nil), url, "token-bob", version)
			call(t, ada, "close_lead_delete", args{"lead_id": o.lead})
			list, err := o.agent.Approvals(t.Context(), agent.Query{})
			if err != nil || len(list) != 1 {
				t.Fatalf("%v %v", list, err)
			}
			if err := o.agent.Decide(t.Context(), list[0].ID, "ada@example.com", agent.Approve, list[0].Shown); err != nil {
				t.Fatal(err)
			}
			call(t, bob, "close_lead_delete", args{"lead_id": o.lead})
			o.leads(1)
			call(t, ada, "close_lead_delete", args{"lead_id": o.lead})
			o.leads(0)
		})
	}
}

// TestOversized sends more than a request may have, with and without its length.
func TestOversized(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{MaxBody: 1 << 16})
	long := strings.Repeat("x", 1<<17)
	status, _, _ := post(t, url, "token-ada", "", rpc("tools/call", args{"name": "close_note_create", "arguments": args{"lead_id": o.lead, "note": long}}))
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("with a length: %d", status)
	}
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, url, io.MultiReader(strings.NewReader(long)))) // chunked
	req.Header.Set("Authorization", "Bearer token-ada")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("in chunks: %d", res.StatusCode)
	}
	status, _, body := post(t, url, "token-ada", "", initialize)
	if status != http.StatusOK {
		t.Errorf("after that: %d %s", status, body)
	}
}

// TestSlowRequest begins a request and never ends it.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{Patience: 50 * time.Millisecond})
	r, w := io.Pipe()
	defer w.Close()
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, url, r))
	req.Header.Set("Authorization", "Bearer token-ada")
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err == nil {
		defer res.Body.Close()
		if res.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%d", res.StatusCode)
		}
	}
}

// TestSessionLimit opens one session more than a user may.
func TestSessionLimit(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{MaxSessions: 3})
	var last *mcp.ClientSession
	for range 3 {
		last = o.dial(client(nil), url, "token-ada", oldest)
	}
	connect := func(token string) error {
		s, err := client(nil).Connect(t.Context(), &mcp.StreamableClientTransport{
			Endpoint: url, HTTPClient: &http.Client{Transport: bearer{token, &http.Transport{}}}, DisableStandaloneSSE: true, MaxRetries: -1,
		}, &mcp.ClientSessionOptions{ProtocolVersion: oldest})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := connect("token-ada"); err == nil {
		t.Error("the fourth session was opened")
	}
	if err := connect("token-bob"); err != nil {
		t.Errorf("another user: %v", err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	for connect("token-ada") != nil { // the server learns of the end a moment later
		if t.Context().Err() != nil {
			t.Fatal("a session that ended still counts")
		}
	}
}

// TestReconnect comes back to a session, and to one that has ended.
func TestReconnect(t *testing.T) {
	t.Parallel()
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
	_, h, _ := post(t, url, "token-ada", "", initialize)
	id := h.Get("Mcp-Session-Id")
	post(t, url, "token-ada", id, args{"jsonrpc": "2.0", "method": "notifications/initialized"})
	for range 2 { // on connections of their own
		if status, _, body := post(t, url, "token-ada", id, rpc("tools/call", args{"name": "close_me_get"})); status != http.StatusOK || !strings.Contains(body, "user_") {
			t.Errorf("%d %s", status, body)
		}
	}
	req := must(http.NewRequestWithContext(t.Context(), http.MethodDelete, url, nil))
	req.Header.Set("Authorization", "Bearer token-ada")
	req.Header.Set("Mcp-Session-Id", id)
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if status, _, _ := post(t, url, "token-ada", id, rpc("ping", nil)); status != http.StatusNotFound {
		t.Errorf("an ended session: %d, want 404, by which clients know that they must begin anew", status)
	}
}

func TestHandlerOptions(t *testing.T) {
	t.Parallel()
	o := open(t)
	verify := func(context.Context, string, *http.Request) (*auth.TokenInfo, error) {
		return nil, auth.ErrInvalidToken
	}
	for name, h := range map[string]closemcp.HTTP{
		"no verifier": {Resource: "https://x.example.com/mcp"}, "no resource": {Verify: verify}, "relative": {Verify: verify, Resource: "/mcp"},
	} {
		if _, err := o.server(closemcp.Config{}).Handler(h); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
