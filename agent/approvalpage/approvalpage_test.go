package approvalpage_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/approvalpage"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// desk is the page of an agent at an emulated Close, and the browser of a person.
type desk struct {
	*testing.T
	agent   *agent.Agent
	session *agent.Session
	srv     *httptest.Server
	browser *http.Client
}

func open(t *testing.T, c approvalpage.Config) *desk {
	t.Helper()
	crm := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(crm.URL()))))
	if err != nil {
		t.Fatal(err)
	}
	h, err := approvalpage.New(a, c)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, agent: a, session: a.Session(closekit.APIKey(crm.APIKey()), agent.As("ada")), srv: httptest.NewServer(h)}
	t.Cleanup(d.srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.browser = &http.Client{Jar: jar}
	return d
}

// asked makes calls of one turn that wait for a person.
func (d *desk) asked(names ...string) []*agent.Approval {
	d.Helper()
	var calls []agent.Invocation
	for _, n := range names {
		r := d.session.Call(d.Context(), "close_lead_create", fmt.Appendf(nil, `{"name":%q}`, n))
		if r.IsError {
			d.Fatal(r.Text)
		}
		id := regexp.MustCompile(`"id":"(lead_[^"]+)"`).FindSubmatch(r.JSON)[1]
		calls = append(calls, agent.Invocation{Name: "close_lead_delete", Input: fmt.Appendf(nil, `{"lead_id":%q}`, id)})
	}
	var list []*agent.Approval
	for _, r := range d.session.CallAll(d.Context(), calls) {
		if r.Pending == nil {
			d.Fatal(r.Text)
		}
		list = append(list, r.Pending)
	}
	return list
}

func (d *desk) do(req *http.Request) (int, string) {
	d.Helper()
	resp, err := d.browser.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (d *desk) request(method, path string, form url.Values) *http.Request {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), method, d.srv.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

func (d *desk) get(path string) (int, string) {
	d.Helper()
	return d.do(d.request("GET", path, nil))
}

// form returns the form of an approval on the page.
func (d *desk) form(page string, p *agent.Approval, verdict string) url.Values {
	d.Helper()
	token := regexp.MustCompile(`name="token" value="([0-9a-f]+)"`).FindStringSubmatch(page)
	if token == nil {
		d.Fatalf("no form on\n%s", page)
	}
	return url.Values{"token": {token[1]}, "id": {p.ID}, "shown": {p.Shown.String()}, "verdict": {verdict}}
}

func (d *desk) wantState(p *agent.Approval, want agent.State) {
	d.Helper()
	got, err := d.agent.Approval(d.Context(), p.ID)
	if err != nil {
		d.Fatal(err)
	}
	if got.State != want {
		d.Errorf("the state is %s, want %s", got.State, want)
	}
}

func local() approvalpage.Config { return approvalpage.Config{Local: "ben@example.com"} }

func TestEachCallIsDecidedForItself(t *testing.T) {
	t.Parallel()
	c := local()
	c.Prefix = "/approvals"
	var told []string
	c.Decided = func(_ *http.Request, p *agent.Approval) { told = append(told, p.ID+" "+string(p.State)) }
	d := open(t, c)
	list := d.asked("One", "Two")
	status, page := d.get("/approvals/")
	if status != 200 || !strings.Contains(page, "/approvals/"+list[0].Question) || !strings.Contains(page, "2 calls of ada (Ada Example, Example Inc)</a>") {
		t.Fatalf("%d %s", status, page)
	}
	path := "/approvals/" + list[0].Question
	_, page = d.get(path)
	for _, want := range []string{"One", "Two", list[0].Shown.String(), list[1].Shown.String(), "cannot be undone", "<blockquote>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "autofocus") || strings.Contains(page, "checked") {
		t.Error("the page has a script or a default")
	}
	if status, page := d.do(d.request("POST", path, d.form(page, list[0], "approve"))); status != 200 || !strings.Contains(page, "decided by ben@example.com") {
		t.Errorf("%d %s", status, page)
	}
	d.wantState(list[0], agent.Approved)
	d.wantState(list[1], agent.Pending)
	d.do(d.request("POST", path, d.form(page, list[1], "deny")))
	d.wantState(list[1], agent.Denied)
	if want := []string{list[0].ID + " approved", list[1].ID + " denied"}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("the host was told of %v, want %v", told, want)
	}
	if status, page := d.do(d.request("POST", path, d.form(page, list[1], "approve"))); status != 409 || !strings.Contains(page, "denied") {
		t.Errorf("a second decision: %d %s", status, page)
	}
	d.wantState(list[1], agent.Denied)
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	d := open(t, local())
	list := d.asked("Acme", "Globex")
	_, page := d.get("/" + list[0].Question)
	d.do(d.request("POST", "/"+list[0].Question, d.form(page, list[0], "withdraw"))) // it is not approved
	d.wantState(list[0], agent.Pending)
	if strings.Contains(page, `value="withdraw"`) {
		t.Error("a call that waits can be withdrawn")
	}
	d.do(d.request("POST", "/"+list[0].Question, d.form(page, list[0], "approve")))
	d.do(d.request("POST", "/"+list[0].Question, d.form(page, list[0], "deny"))) // of an old page
	d.wantState(list[0], agent.Approved)
	if _, all := d.get("/"); !strings.Contains(all, "(approved, not carried out yet)") {
		t.Errorf("what can be withdrawn is not listed:\n%s", all)
	}
	_, page = d.get("/" + list[0].Question)
	if strings.Count(page, `value="withdraw"`) != 1 {
		t.Errorf("the page has no form for it:\n%s", page)
	}
	if code, page := d.do(d.request("POST", "/"+list[0].Question, d.form(page, list[0], "withdraw"))); code != http.StatusOK || !strings.Contains(page, "<b>denied</b>, decided by ben@example.com") {
		t.Errorf("%d\n%s", code, page)
	}
	d.wantState(list[0], agent.Denied)
	d.wantState(list[1], agent.Pending)
	if r := d.session.Resume(t.Context(), list[0].ID); r.Err == nil {
		t.Error("carried out")
	}
}

func TestFormsOfOthersDecideNothing(t *testing.T) {
	t.Parallel()
	d := open(t, local())
	p := d.asked("One")[0]
	path := "/" + p.Question
	_, page := d.get(path)
	good := d.form(page, p, "approve")
	with := func(key, value string) url.Values {
		f := url.Values{}
		maps.Copy(f, good)
		f.Set(key, value)
		return f
	}
	for name, c := range map[string]struct {
		form   url.Values
		path   string
		status int
	}{
		"no token":       {with("token", ""), path, 403},
		"wrong token":    {with("token", strings.Repeat("0", 64)), path, 403},
		"other question": {good, "/ask_other", 403},
		"no verdict":     {with("verdict", ""), path, 400},
		"no digest":      {with("shown", ""), path, 400},
		"other digest":   {with("shown", strings.Repeat("0", 64)), path, 409},
		"unknown id":     {with("id", "apr_unknown"), path, 404},
	} {
		if status, page := d.do(d.request("POST", c.path, c.form)); status != c.status {
			t.Errorf("%s: %d %s", name, status, page)
		}
	}
	stranger := *d
	stranger.browser = &http.Client{}
	if status, _ := stranger.do(stranger.request("POST", path, good)); status != 403 {
		t.Errorf("another browser: %d", status)
	}
	if status, _ := d.do(d.request("GET", path+"?verdict=approve&"+good.Encode(), nil)); status != 200 {
		t.Errorf("GET: %d", status)
	}
	d.wantState(p, agent.Pending)
	if status, page := d.get("/ask_unknown"); status != 404 || !strings.Contains(page, "list of questions") {
		t.Errorf("unknown question: %d %s", status, page)
	}
	d.do(d.request("POST", path, good))
	d.wantState(p, agent.Approved)
}

func TestOnlyLoopbackWithoutHost(t *testing.T) {
	t.Parallel()
	d := open(t, local())
	d.asked("One")
	for name, change := range map[string]func(*http.Request){
		"remote address": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" },
		"other name":     func(r *http.Request) { r.Host = "attacker.example" },
		"another proxy":  func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "crm.example") },
		"a third":        func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") },
		"a fourth":       func(r *http.Request) { r.Header.Set("X-Real-IP", "192.0.2.1") },
		"proxy":          func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/", nil)
		r.RemoteAddr = "127.0.0.1:1234"
		change(r)
		w := httptest.NewRecorder()
		d.srv.Config.Handler.ServeHTTP(w, r)
		if w.Code != 403 || strings.Contains(w.Body.String(), "calls that wait for a person") {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestApproverOfHost(t *testing.T) {
	t.Parallel()
	d := open(t, approvalpage.Config{
		Approver: func(r *http.Request) (string, bool) { n := r.Header.Get("X-Test-User"); return n, n != "" },
		May:      func(name string, p *agent.Approval) bool { return name == "ben" },
	})
	p := d.asked("One")[0]
	as := func(name, path string) (int, string) {
		r := d.request("GET", path, nil)
		r.Header.Set("X-Test-User", name)
		return d.do(r)
	}
	if status, _ := as("", "/"); status != 403 {
		t.Errorf("without a name: %d", status)
	}
	if status, page := as("eve", "/"); status != 200 || strings.Contains(page, p.Question) {
		t.Errorf("eve sees the list: %d %s", status, page)
	}
	if status, _ := as("eve", "/"+p.Question); status != 404 {
		t.Errorf("eve sees the question: %d", status)
	}
	_, page := as("ben", "/"+p.Question)
	for name, status := range map[string]int{"eve": 403, "ben": 200} {
		r := d.request("POST", "/"+p.Question, d.form(page, p, "approve"))
		r.Header.Set("X-Test-User", name)
		// The redirect that follows has no header, so look at the answer itself.
		b := &http.Client{Jar: d.browser.Jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := b.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if want := map[int]int{403: 403, 200: 303}[status]; resp.StatusCode != want {
			t.Errorf("%s decides: %d, want %d", name, resp.StatusCode, want)
		}
	}
	d.wantState(p, agent.Approved)
}

func TestTextIsEscaped(t *testing.T) {
	t.Parallel()
	d := open(t, local())
	p := d.asked(`<script>alert(1)</script><img src=x onerror=alert(1)>`)[0]
	resp, err := d.browser.Do(d.request("GET", "/"+p.Question, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if page := string(b); strings.Contains(page, "<script") || strings.Contains(page, "<img") || !strings.Contains(page, "&lt;script&gt;") {
		t.Errorf("not escaped:\n%s", page)
	}
	csp := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe-inline") {
			t.Errorf("the policy is %q", csp)
		}
	}
	c := resp.Cookies()
	if len(c) != 1 || c[0].SameSite != http.SameSiteStrictMode || !c[0].HttpOnly {
		t.Errorf("cookies %v", c)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	d := open(t, local())
	who := func(*http.Request) (string, bool) { return "", false }
	for _, c := range []approvalpage.Config{{}, {Local: "ben", Approver: who}} {
		if _, err := approvalpage.New(d.agent, c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if _, err := approvalpage.New(nil, local()); err == nil {
		t.Error("no agent was accepted")
	}
}
