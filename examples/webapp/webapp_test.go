package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// world is the program with its emulator, on a server.
type world struct {
	t    *testing.T
	app  *app
	crm  *emulator.Server
	url  string
	log  *safeBuffer
	late *atomic.Int64 // how much later the sessions believe it is
}

// safeBuffer takes logs from many goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	crm, err := openCRM("", "", base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(crm.close)
	file := filepath.Join(t.TempDir(), "accounts.db")
	store, err := sqlitestore.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	w := &world{t: t, crm: crm.emulator, url: base, log: &safeBuffer{}, late: &atomic.Int64{}}
	w.app, err = newApp(t.Context(), config{baseURL: base, crm: crm, store: store, vault: newVault(t), stateDir: file + ".state", log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	w.app.sessions.now = func() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }
	work, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var background sync.WaitGroup
	background.Go(func() { _ = w.app.manager.Run(work) })
	t.Cleanup(func() {
		stop()
		background.Wait()
		if err := w.app.manager.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close the manager: %v", err)
		}
	})
	server.Config.Handler = w.app.handler()
	server.Start()
	t.Cleanup(server.Close)
	return w
}

func (w *world) user(name string) user {
	w.t.Helper()
	i := slices.IndexFunc(w.app.users, func(u user) bool { return u.name == name })
	if i < 0 {
		w.t.Fatalf("there is no user %s", name)
	}
	return w.app.users[i]
}

// info is what the manager knows of a user's account, PENDING if nothing.
func (w *world) info(name string) accounts.Info {
	w.t.Helper()
	p, err := w.user(name).principal()
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := w.app.manager.GetOrCreate(w.t.Context(), p, connectionName)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// events are the types of what happened to a user's account.
func (w *world) events(name string) []accounts.EventType {
	w.t.Helper()
	u := w.user(name)
	list, err := w.app.manager.Events(w.t.Context(), accounts.EventFilter{Tenant: u.company, Identifier: u.name, Connection: connectionName})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []accounts.EventType
	for _, e := range list {
		out = append(out, e.Type)
	}
	return out
}

// tokenRequests counts what the token endpoint received, answered or not.
func (w *world) tokenRequests() int {
	n := 0
	for _, r := range w.crm.Requests() {
		if r.Path == "/oauth2/token/" {
			n++
		}
	}
	return n
}

// agent is a browser without a screen: it keeps cookies. It follows redirects
// within the program only, so that a test can play the consent page.
type agent struct {
	*world
	http *http.Client
}

func (w *world) agent() *agent {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &agent{w, &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), w.url) {
			return nil
		}
		return http.ErrUseLastResponse
	}}}
}

// answer is a page.
type answer struct {
	*http.Response
	body string
}

func (a *agent) do(r *http.Request) answer {
	a.t.Helper()
	resp, err := a.http.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer{resp, string(b)}
}

func (a *agent) request(method, address string, form url.Values) *http.Request {
	a.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = a.url + address
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (a *agent) get(address string) answer { return a.do(a.request(http.MethodGet, address, nil)) }

func (a *agent) post(path string, form url.Values) answer {
	return a.do(a.request(http.MethodPost, path, form))
}

func (a *agent) login(name string) *agent {
	a.t.Helper()
	got := a.post("/login", url.Values{"name": {name}, "password": {a.user(name).password}})
	if got.StatusCode != http.StatusOK || got.Request.URL.Path != "/" {
		a.t.Fatalf("%s logs in: %d at %s", name, got.StatusCode, got.Request.URL.Path)
	}
	return a
}

// consent presses Connect, and Allow as the user of a place. It returns the
// address that Close sends the browser to.
func (a *agent) consent(p place) string {
	a.t.Helper()
	back, err := a.crm.Allow(a.post("/account/connect", nil).Header.Get("Location"), p.user.ID, p.organization.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	return back
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent()
	if got := a.get("/"); got.Request.URL.Path != "/login" {
		t.Errorf("without a session / shows %s", got.Request.URL.Path)
	}
	for _, form := range []url.Values{
		{"name": {"ada"}, "password": {"wrong"}},
		{"name": {"ada"}, "password": {w.user("bob").password}},
		{"name": {"unknown"}, "password": {""}},
		{},
	} {
		if got := a.post("/login", form); got.StatusCode != http.StatusUnauthorized || len(got.Cookies()) > 0 {
			t.Errorf("login with %v: %d, cookies %v", form, got.StatusCode, got.Cookies())
		}
	}
	a.login("ada")
	home, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	old := a.http.Jar.Cookies(home)
	if got := a.get("/"); got.StatusCode != http.StatusOK || !strings.Contains(got.body, `<b id="user">ada</b>`) {
		t.Errorf("home is %d: %s", got.StatusCode, got.body)
	}
	a.post("/logout", nil)
	if got := a.get("/"); got.Request.URL.Path != "/login" {
		t.Errorf("after the logout / shows %s", got.Request.URL.Path)
	}
	a.http.Jar.SetCookies(home, old)
	if got := a.get("/"); len(old) != 1 || got.Request.URL.Path != "/login" {
		t.Errorf("an old cookie %v shows %s", old, got.Request.URL.Path)
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		rec := httptest.NewRecorder()
		s := &sessions{secure: secure, now: time.Now, live: map[string]*session{}}
		s.begin(rec, &session{})
		s.begin(rec, &session{})
		got := rec.Result().Cookies()
		if len(got) != 2 || got[0].Value == got[1].Value || len(got[0].Value) < 26 {
			t.Fatalf("cookies are %v", got)
		}
		c := got[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure || c.Path != "/" || c.Domain != "" {
			t.Errorf("with https %v the cookie is %v", secure, c)
		}
	}
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent().login("ada")
	w.late.Store(int64(sessionTime - time.Minute))
	if got := a.get("/"); got.Request.URL.Path != "/" {
		t.Errorf("before the end / shows %s", got.Request.URL.Path)
	}
	back := a.consent(places[0])
	w.late.Store(int64(sessionTime))
	if got := a.get("/"); got.Request.URL.Path != "/login" {
		t.Errorf("after the end / shows %s", got.Request.URL.Path)
	}
	if got := a.get(back); got.StatusCode != http.StatusUnauthorized || w.tokenRequests() != 0 {
		t.Errorf("a callback after the end is %d, with %d token requests", got.StatusCode, w.tokenRequests())
	}
	w.agent().login("bob")
	w.app.sessions.mu.Lock()
	defer w.app.sessions.mu.Unlock()
	if n := len(w.app.sessions.live); n != 1 {
		t.Errorf("%d sessions are kept, want bob's only", n)
	}
}

// TestCrossSite posts every form as another site would.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent().login("ada")
	if got := a.get(a.consent(places[0])); got.StatusCode != http.StatusOK {
		t.Fatalf("connecting: %d", got.StatusCode)
	}
	before := w.info("ada")
	for _, path := range []string{"/login", "/logout", "/account/connect", "/account/disconnect", "/account/link", "/verify"} {
		for _, h := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}}} {
			r := a.request(http.MethodPost, path, nil)
			maps.Copy(r.Header, h)
			if got := a.do(r); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %v: %d, want 403", path, h, got.StatusCode)
			}
		}
		if got := a.get(path); path != "/login" && path != "/verify" && got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d, want 405", path, got.StatusCode)
		}
	}
	if got := w.info("ada"); got != before {
		t.Errorf("the account was\n%+v and is\n%+v", before, got)
	}
	if got := a.get("/"); got.Request.URL.Path != "/" {
		t.Error("the session has ended")
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reps := []*agent{w.agent().login("ada"), w.agent().login("bob")}
	for i, a := range reps {
		if got := a.get("/"); !strings.Contains(got.body, "PENDING") {
			t.Fatalf("before, home says %s", got.body)
		}
		if got := a.get(a.consent(places[i])); got.StatusCode != http.StatusOK || !strings.Contains(got.body, "That worked.") {
			t.Fatalf("connecting: %d, %s", got.StatusCode, got.body)
		}
	}
	for i, a := range reps {
		for _, path := range []string{"/", "/?user=ada&name=ada", "/?user=bob&name=bob", "/?connection_status=connected"} {
			got := a.get(path)
			for j, p := range places {
				for _, lead := range p.leads {
					lead = strings.ReplaceAll(lead, "&", "&amp;")
					if strings.Contains(got.body, lead) != (i == j) {
						t.Errorf("%s of %s: the lead %q is there: %v", path, w.app.users[i].name, lead, i != j)
					}
				}
			}
		}
	}
	// What one does leaves the other alone.
	reps[0].post("/account/disconnect", nil)
	if a, b := w.info("ada").State, w.info("bob").State; a != accounts.Disconnected || b != accounts.Active {
		t.Errorf("after ada has disconnected: %s, %s", a, b)
	}
	if got := reps[0].get("/"); strings.Contains(got.body, places[0].leads[0]) || !strings.Contains(got.body, "You disconnected") {
		t.Errorf("after the disconnect: %s", got.body)
	}
}

// TestCallbackAtOnce is a callback that arrives many times at once, from a double
// click or a reload: the code is exchanged once, and every arrival of the browser
// is told that the account is connected. Those that came while the exchange was in
// progress go where the link says; those that came later, with or without the
// cookie that the first response removed, get a page.
func TestCallbackAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent().login("ada")
	back := a.consent(places[0])
	home, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	before := a.http.Jar.Cookies(home)
	if len(before) != 2 {
		t.Fatalf("the browser holds %v, want a session and a flow", before)
	}
	var wg sync.WaitGroup
	answers := make(chan answer, 20)
	for i := range cap(answers) {
		wg.Go(func() {
			b := a // shares the cookies, also when they are removed
			if i%2 == 0 {
				b = w.agent() // sent with the cookies of before
				b.http.Jar.SetCookies(home, before)
			}
			resp, err := b.http.Do(b.request(http.MethodGet, back, nil))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			answers <- answer{resp, string(body)}
		})
	}
	wg.Wait()
	close(answers)
	completed, got := 0, 0
	for r := range answers {
		got++
		switch path := r.Request.URL.Path; {
		case r.StatusCode == http.StatusOK && path == "/" && r.Request.URL.RawQuery == "connection_status=connected" && strings.Contains(r.body, "That worked."):
			completed++
		case r.StatusCode == http.StatusOK && path == connectPath+"/close/callback" && strings.Contains(r.body, "This account is already connected."):
		default:
			t.Errorf("an arrival got %d at %s: %s", r.StatusCode, r.Request.URL.Path, r.body)
		}
	}
	if info := w.info("ada"); got != cap(answers) || completed == 0 || w.tokenRequests() != 1 || info.State != accounts.Active {
		t.Errorf("%d answers, %d completed, %d token requests, %+v", got, completed, w.tokenRequests(), info)
	}
	// Without the session there is no user to tell.
	a.post("/logout", nil)
	if r := a.get(back); r.StatusCode != http.StatusBadRequest || !strings.Contains(r.body, "does not belong to this browser") {
		t.Errorf("after the logout: %d %s", r.StatusCode, r.body)
	}
	if n := w.tokenRequests(); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

// TestLogs connects, and looks for what must not be in a log.
func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent().login("ada")
	back := a.consent(places[0])
	a.get(back)
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	home, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{u.Query().Get("code"), u.Query().Get("state"), w.user("ada").password, w.crm.ClientSecret(), "access.", "refresh."}
	for _, c := range a.http.Jar.Cookies(home) {
		secrets = append(secrets, c.Value)
	}
	log := w.log.String()
	for i, s := range secrets {
		if s == "" || strings.Contains(log, s) {
			t.Errorf("secret %d is empty or in the log:\n%s", i, log)
		}
	}
	if !strings.Contains(log, "path=/connect/close/callback status=303") {
		t.Errorf("the callback is not in the log:\n%s", log)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{describe(accounts.Info{}): true, explain(io.EOF): true}
	add := func(what, text string) {
		if text == "" || seen[text] {
			t.Errorf("%s has no words of its own: %q", what, text)
		}
		seen[text] = true
	}
	for _, s := range accounts.States() {
		add(string(s), describe(accounts.Info{State: s}))
	}
	add("no refresh token", describe(accounts.Info{State: accounts.Expired, Reason: accounts.NoRefreshToken}))
	for _, err := range []error{
		&accounts.AuthorizationRequiredError{}, &accounts.VerificationRequiredError{}, &accounts.TemporarilyUnavailableError{},
		&accounts.TemporarilyUnavailableError{RetryAfter: time.Minute}, &accounts.ConnectionConfigError{}, &accounts.IdentityMismatchError{},
		&accounts.ProviderRejectedError{}, &accounts.SealError{},
	} {
		add(err.Error(), explain(err))
	}
	for _, status := range []string{"connected", "denied", "mismatch", "failed"} {
		add(status, returned(status, accounts.Active))
	}
	if got := returned("connected", accounts.Pending) + returned("<b>", accounts.Active); got != "" {
		t.Errorf("a made-up status says %q", got)
	}
}

// TestTrouble is what the page says when Close is in trouble.
func TestTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent().login("ada")
	a.get(a.consent(places[0]))
	w.crm.ExpireTokens()
	w.crm.Fail(emulator.Fault{Path: "/oauth2/token/", OAuthError: "invalid_client", Times: -1})
	if got := a.get("/"); !strings.Contains(got.body, "its operator must act") || !strings.Contains(got.body, ">ACTIVE<") {
		t.Errorf("with a wrong client secret: %s", got.body)
	}
}

// TestUsersOfOneOrganizationShareABudget connects both reps to one organization:
// after a refusal for one of them, calls of the other wait too.
func TestUsersOfOneOrganizationShareABudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var clients []*closekit.Client
	for _, name := range []string{"ada", "bob"} {
		a := w.agent().login(name)
		if got := a.get(a.consent(places[0])); !strings.Contains(got.body, "That worked.") {
			t.Fatalf("connecting %s: %d, %s", name, got.StatusCode, got.body)
		}
		w.app.sessions.mu.Lock()
		for _, in := range w.app.sessions.live {
			if in.user.name == name {
				c, err := w.app.client(t.Context(), in)
				if err != nil {
					t.Error(err)
				}
				clients = append(clients, c)
			}
		}
		w.app.sessions.mu.Unlock()
	}
	if len(clients) != 2 {
		t.Fatalf("%d sessions, want 2", len(clients))
	}
	w.crm.Fail(emulator.Fault{Path: "/api/v1/lead/", Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}})
	if _, err := closeapi.LeadsList(t.Context(), clients[0], closeapi.LeadsListParams{}, closekit.NoRetry()); !errors.Is(err, closekit.ErrRateLimited) {
		t.Fatalf("the call of ada gives %v", err)
	}
	if _, err := closeapi.LeadsList(t.Context(), clients[1], closeapi.LeadsListParams{}); err != nil {
		t.Fatal(err)
	}
	list := w.crm.Requests()
	refused, next := list[len(list)-2], list[len(list)-1]
	if d := next.Time.Sub(refused.Time); d < time.Second || next.Path != refused.Path {
		t.Errorf("bob's request came %v after the refusal: %s, %s", d, refused.Path, next.Path)
	}
}

// TestRealClose goes as far as the consent page without a network: over https,
// with Close's own addresses.
func TestRealClose(t *testing.T) {
	t.Parallel()
	const base = "https://leads.example.com"
	crm, err := openCRM("oa2client_1", "secret", base)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), config{
		baseURL: base, crm: crm, store: memstore.New(), vault: newVault(t), stateDir: t.TempDir(), log: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.manager.Close(context.WithoutCancel(t.Context())) })
	var cookies []*http.Cookie
	do := func(method, target string, form url.Values) *http.Response {
		t.Helper()
		r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		a.handler().ServeHTTP(rec, r)
		resp := rec.Result()
		cookies = append(cookies, resp.Cookies()...)
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s %s: %d, %s", method, target, resp.StatusCode, rec.Body)
		}
		return resp
	}
	do(http.MethodPost, base+"/login", url.Values{"name": {"ada"}, "password": {a.users[0].password}})
	start := do(http.MethodPost, base+"/account/connect", nil).Header.Get("Location")
	consent, err := url.Parse(do(http.MethodGet, start, nil).Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if got := consent.Query(); !strings.HasPrefix(consent.String(), accounts.DefaultAuthorizeURL+"?") ||
		got.Get("redirect_uri") != base+"/connect/close/callback" || got.Get("client_id") != "oa2client_1" {
		t.Errorf("connect leads to %s", consent)
	}
	if len(cookies) != 2 {
		t.Fatalf("cookies are %v", cookies)
	}
	for _, c := range cookies {
		if !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("a cookie is %v", c)
		}
	}
}

// TestRun starts the program as main does, and ends it as Ctrl-C does.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0"}, func(string) string { return "" }, in)
		_ = in.Close()
		done <- err
	}()
	var file, address string
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		if s, ok := strings.CutPrefix(lines.Text(), "Connected accounts are kept in "); ok {
			file = s
		}
		if s, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			address, _, _ = strings.Cut(s, " ")
		}
	}
	resp, err := http.Get(address + "/login")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if _, err := os.Stat(file); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("login is %d, the file: %v", resp.StatusCode, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run ends with %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "accounts.db")
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{[]string{"-db", db}, nil, "-db needs CLOSEKIT_KEY"},
		{nil, map[string]string{"CLOSEKIT_KEY": "nonsense"}, "CLOSEKIT_KEY: "},
		{nil, map[string]string{"CLOSE_CLIENT_ID": "oa2client_1"}, "only one of"},
		{[]string{"-base-url", "http://app.example.com"}, map[string]string{"CLOSE_CLIENT_ID": "oa2client_1", "CLOSE_CLIENT_SECRET": "x"}, "must be https"},
		{[]string{"-addr", "nowhere"}, nil, "nowhere"},
	} {
		err := run(t.Context(), append([]string{"-addr", "127.0.0.1:0"}, c.args...), func(k string) string { return c.env[k] }, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: %v, want %q", c.args, c.env, err, c.want)
		}
	}
	var key bytes.Buffer
	if err := run(t.Context(), []string{"-keygen"}, func(string) string { return "" }, &key); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Open(accounts.NewSecret(strings.TrimSpace(key.String()))); err != nil {
		t.Errorf("-keygen prints no key: %v", err)
	}
}
