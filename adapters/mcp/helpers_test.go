package closemcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit"
	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

const (
	oldest = "2025-06-18" // the handshake, and requests of the server
	newest = "2026-07-28" // rounds with sealed state
)

// office is an emulated Close with an agent.
type office struct {
	*testing.T
	close *emulator.Server
	agent *agent.Agent
	lead  string
}

func open(t *testing.T, opts ...agent.Option) *office {
	t.Helper()
	o := &office{T: t, close: emulator.Start(t)}
	var err error
	o.agent, err = agent.New(tools.Catalog(), append([]agent.Option{agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(o.close.URL())))}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	o.lead = o.newLead("Acme", o.close.APIKey())
	return o
}

// newLead makes a lead outside the agent, and returns its ID.
func (o *office) newLead(name, key string) string {
	o.Helper()
	return o.leadOf(closemcp.User{Account: closekit.APIKey(key)}, name)
}

func (o *office) leadOf(u closemcp.User, name string) string {
	o.Helper()
	tool, err := tools.Lookup("close_lead_create")
	if err != nil {
		o.Fatal(err)
	}
	out, err := tool.Call(o.Context(), closekit.NewClient(u.Account, closekit.BaseURL(o.close.URL())), []byte(`{"name":"`+name+`"}`))
	if err != nil {
		o.Fatal(err)
	}
	var lead struct{ ID string }
	if err := json.Unmarshal(out, &lead); err != nil {
		o.Fatal(err)
	}
	return lead.ID
}

func (o *office) leads(n int) {
	o.Helper()
	if got := len(o.close.Objects("leads")); got != n {
		o.Errorf("%d leads in Close, want %d", got, n)
	}
}

// ada is the one user of the servers in memory.
func (o *office) ada() closemcp.User {
	return closemcp.User{ID: "u-ada", Name: "ada@example.com", Account: closekit.APIKey(o.close.APIKey())}
}

func (o *office) server(c closemcp.Config) *closemcp.Server {
	o.Helper()
	if c.Users == nil {
		c.Users = closemcp.One(o.ada())
	}
	s, err := closemcp.New(o.agent, c)
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// connect connects a client to a server in memory.
func (o *office) connect(s *closemcp.Server, c *mcp.Client, version string) *mcp.ClientSession {
	o.Helper()
	here, there := mcp.NewInMemoryTransports()
	ctx, cancel := context.WithCancel(o.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx, there) }()
	ses, err := c.Connect(o.Context(), here, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { _ = ses.Close(); cancel(); <-done })
	return ses
}

func client(o *mcp.ClientOptions) *mcp.Client {
	return mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o)
}

// person answers forms, and counts them.
type person struct {
	asked   atomic.Int32
	message atomic.Value
	answer  func(*mcp.ElicitParams) *mcp.ElicitResult
}

func (p *person) client() *mcp.Client {
	return client(&mcp.ClientOptions{
		Capabilities: &mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapabilities{Form: &mcp.FormElicitationCapabilities{}, URL: &mcp.URLElicitationCapabilities{}}},
		ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			p.asked.Add(1)
			p.message.Store(r.Params.Message)
			return p.answer(r.Params), nil
		},
	})
}

func always(r *mcp.ElicitResult) func(*mcp.ElicitParams) *mcp.ElicitResult {
	return func(*mcp.ElicitParams) *mcp.ElicitResult { return r }
}

var yes = &mcp.ElicitResult{Action: "accept", Content: map[string]any{"approve": true}}

func call(t *testing.T, s *mcp.ClientSession, name string, input any) (*mcp.CallToolResult, string) {
	t.Helper()
	r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: input})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r, textOf(r)
}

func textOf(r *mcp.CallToolResult) string {
	var list []string
	for _, c := range r.Content {
		if t, ok := c.(*mcp.TextContent); ok {
			list = append(list, t.Text)
		}
	}
	return strings.Join(list, "\n")
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in the text: %s", p, text)
		}
	}
}

type args = map[string]any

// tokens are users by bearer token.
type tokens map[string]closemcp.User

func (m tokens) verify(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	u, ok := m[token]
	if !ok {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{UserID: u.Name, Expiration: time.Now().Add(time.Hour), Extra: map[string]any{"user": u}}, nil
}

func (m tokens) users(_ context.Context, t *auth.TokenInfo) (closemcp.User, error) {
	return t.Extra["user"].(closemcp.User), nil
}

// house serves several users over HTTP.
func (o *office) house(m tokens, c closemcp.Config, h closemcp.HTTP) string {
	o.Helper()
	return o.houseBehind(m, c, h, func(h http.Handler) http.Handler { return h })
}

// houseBehind is house with something in front of the handler.
func (o *office) houseBehind(m tokens, c closemcp.Config, h closemcp.HTTP, front func(http.Handler) http.Handler) string {
	o.Helper()
	c.Users = m.users
	s := o.server(c)
	server := httptest.NewUnstartedServer(nil)
	h.Verify, h.Resource = m.verify, "http://"+server.Listener.Addr().String()+"/mcp"
	h.AuthorizationServers = []string{"https://login.example.com"}
	handler, err := s.Handler(h)
	if err != nil {
		o.Fatal(err)
	}
	server.Config.Handler = front(handler)
	server.Start()
	o.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return h.Resource
}

// bearer sends a token with every request.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

func (o *office) dial(c *mcp.Client, url, token, version string) *mcp.ClientSession {
	o.Helper()
	ses, err := c.Connect(o.Context(), &mcp.StreamableClientTransport{
		Endpoint: url, HTTPClient: &http.Client{Transport: bearer{token, &http.Transport{}}}, DisableStandaloneSSE: true,
	}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		o.Fatalf("%s: %v", token, err)
	}
	o.Cleanup(func() { _ = ses.Close() })
	return ses
}

// two are users of two organizations.
func (o *office) two() tokens {
	o.Helper()
	org, err := o.close.AddOrganization(emulator.Organization{Name: "Other"})
	if err != nil {
		o.Fatal(err)
	}
	user, err := o.close.AddUser(emulator.User{FirstName: "Bob", LastName: "May", Email: "bob@example.com", Organizations: []string{org.ID}})
	if err != nil {
		o.Fatal(err)
	}
	key, err := o.close.AddAPIKey(user.ID, org.ID)
	if err != nil {
		o.Fatal(err)
	}
	return tokens{
		"token-ada": o.ada(),
		"token-bob": {ID: "u-bob", Name: "bob@example.com", Account: closekit.APIKey(key)},
	}
}
