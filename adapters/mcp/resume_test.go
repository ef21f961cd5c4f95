package closemcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// heldCreate carries out the creation of a lead, and holds Close's response back.
type heldCreate struct{ made, release chan struct{} }

func (h heldCreate) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/lead/") {
		h.made <- struct{}{}
		<-h.release
	}
	return res, err
}

// TestConnectionLost loses the connection in the middle of a call that writes. The client
// gets the answer when it comes back for the stream; if it makes the call again instead,
// a person must agree: nothing is carried out twice.
func TestConnectionLost(t *testing.T) {
	t.Parallel()
	const version = "2025-11-25" // whose streams begin with an id
	o := open(t)
	held := heldCreate{make(chan struct{}), make(chan struct{})}
	var err error
	o.agent, err = agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(o.close.URL()), closekit.HTTPClient(&http.Client{Transport: held}))))
	if err != nil {
		t.Fatal(err)
	}
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
	_, h, _ := post(t, url, "token-ada", "", rpc("initialize", args{"protocolVersion": version, "capabilities": args{}, "clientInfo": args{"name": "x", "version": "1"}}))
	session := h.Get("Mcp-Session-Id")
	post(t, url, "token-ada", session, args{"jsonrpc": "2.0", "method": "notifications/initialized"}, "Mcp-Protocol-Version", version)

	create := rpc("tools/call", args{"name": "close_lead_create", "arguments": args{"name": "Once"}})
	ctx, lose := context.WithCancel(t.Context())
	stream := o.stream(ctx, url, session, version, http.MethodPost, create)
	last := event(stream, "id: ")
	if last == "" {
		t.Fatal("the stream does not begin with an id, so that a client cannot come back for it")
	}
	<-held.made
	lose()
	held.release <- struct{}{}

	back := event(o.stream(t.Context(), url, session, version, http.MethodGet, nil, "Last-Event-ID", last), "data: {")
	if !strings.Contains(back, "Once") || strings.Contains(back, `"isError":true`) {
		t.Errorf("after the reconnect: %s", back)
	}
	o.leads(2) // with the one of the office
	_, _, body := post(t, url, "token-ada", session, create, "Mcp-Protocol-Version", version)
	if !strings.Contains(body, "exactly the same already") {
		t.Errorf("the call again: %s", body)
	}
	o.leads(2)
}

// stream sends a request and returns the body of its response.
func (o *office) stream(ctx context.Context, url, session, version, method string, message any, headers ...string) *bufio.Scanner {
	o.Helper()
	var body strings.Reader
	if message != nil {
		b, err := json.Marshal(message)
		if err != nil {
			o.Fatal(err)
		}
		body = *strings.NewReader(string(b))
	}
	req, err := http.NewRequestWithContext(ctx, method, url, &body)
	if err != nil {
		o.Fatal(err)
	}
	for k, v := range map[string]string{
		"Authorization": "Bearer token-ada", "Mcp-Session-Id": session, "Mcp-Protocol-Version": version,
		"Accept": "application/json, text/event-stream", "Content-Type": "application/json",
	} {
		req.Header.Set(k, v)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { _ = res.Body.Close() })
	return bufio.NewScanner(res.Body)
}

// event returns the rest of the next line with a prefix, or nothing.
func event(lines *bufio.Scanner, prefix string) string {
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest
		}
	}
	return ""
}
