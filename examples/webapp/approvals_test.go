package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/closekit/closekit"
	agents "github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/approvalpage"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// TestApprovalPage decides on the calls of an agent with Chromium: an
// email is sent, and a lead, whose name is an attack, stays.
func TestApprovalPage(t *testing.T) {
	browser := chromium(t)
	crm := emulator.Start(t)
	a, err := agents.New(tools.Catalog(), agents.WithClient(closekit.NewClient(nil, closekit.BaseURL(crm.URL()))))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(crm.APIKey()), agents.As("ada"))
	created := s.Call(t.Context(), "close_lead_create", []byte(`{"name":"</blockquote><script>document.forms[0].submit()</script>\u202e"}`))
	var lead struct{ ID string }
	if err := json.Unmarshal(created.JSON, &lead); err != nil {
		t.Fatal(err)
	}
	input := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// The calls are of two leads, because a write of the same turn waits for another
	// one of the same record.
	other := s.Call(t.Context(), "close_lead_create", []byte(`{"name":"Acme"}`))
	var acme struct{ ID string }
	if err := json.Unmarshal(other.JSON, &acme); err != nil {
		t.Fatal(err)
	}
	results := s.CallAll(t.Context(), []agents.Invocation{
		{Name: "close_email_create", Input: input(map[string]any{
			"lead_id": acme.ID, "to": []string{"ann@acme.example"}, "bcc": []string{"eve@evil.example"},
			"subject": "Offer", "body_text": "Hello", "status": "outbox", "sender": "ada@example.com",
		})},
		{Name: "close_lead_delete", Input: input(map[string]any{"lead_id": lead.ID})},
	})
	email, deletion := results[0].Pending, results[1].Pending
	if email == nil || deletion == nil {
		t.Fatalf("not put to a person: %s, %s", results[0].Text, results[1].Text)
	}
	h, err := approvalpage.New(a, approvalpage.Config{Local: "ben@example.com", Prefix: "/approvals", Decided: func(r *http.Request, p *agents.Approval) {
		if p.State == agents.Approved {
			s.Resume(r.Context(), p.ID)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	w := &world{t: t, url: srv.URL}
	p := w.newTab(browser, chromedp.WithNewBrowserContext())
	p.open("/approvals/")
	p.press(".question a")
	if got := p.text("#approver"); got != "ben@example.com" {
		t.Errorf("the page is for %q", got)
	}
	if p.has("script") || p.has("[autofocus]") {
		t.Error("the page has a script or a default")
	}
	mail, gone := "#"+email.ID, "#"+deletion.ID
	if got := p.text(mail + " .digest"); got != email.Shown.String() {
		t.Errorf("the digest is %q, want %q", got, email.Shown)
	}
	for what, selector := range map[string]string{"eve@evil.example": mail, "Hello": mail, "‹U+202E›": gone, "<script>": gone} {
		if !strings.Contains(p.text(selector), what) {
			t.Errorf("%s does not show %q: %s", selector, what, p.text(selector))
		}
	}
	if len(crm.Outbox()) != 0 {
		t.Fatal("something was sent before the decision")
	}
	if got := p.press(mail + " button[value=approve]"); got.status != http.StatusOK || !strings.Contains(p.text(mail+" .state"), "done") {
		t.Errorf("after the approval: %+v, %s", got, p.text(mail))
	}
	if n := len(crm.Outbox()); n != 1 {
		t.Errorf("%d messages were sent, want 1", n)
	}
	sibling := p.sibling()
	sibling.open("/approvals/" + deletion.Question)
	p.press(gone + " button[value=deny]")
	if got := sibling.press(gone + " button[value=approve]"); got.status != http.StatusConflict || !strings.Contains(sibling.text("body"), "denied") {
		t.Errorf("a second decision in another tab: %+v, %s", got, sibling.text("body"))
	}
	if n := len(crm.Objects("leads")); n != 2 {
		t.Errorf("%d leads are left, want 2", n)
	}
	p.open("/approvals/")
	if !p.has("#none") {
		t.Errorf("the list is not empty: %s", p.text("body"))
	}
}
