package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/closekit/closekit/runtime/accounts"
)

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// ada and bob are the Close users that consent.
func ada() place { return places[0] }
func bob() place { return places[1] }

// TestBrowser goes through the program with Chromium. Each case has a program
// and people of its own.
func TestBrowser(t *testing.T) {
	browser := chromium(t)
	for _, c := range []struct {
		name string
		run  func(context.Context, *testing.T)
	}{
		{"each rep connects and sees only the own leads", eachRepConnectsAndSeesOnly},
		{"a link is of no use to another user", aLinkIsOfNoUse},
		{"a link for a phone is of no use to another user", aLinkForAPhoneIs},
		{"a link for a phone works for its user", aLinkForAPhoneWorks},
		{"a mail scanner that opens a link for a phone does no harm", aMailScannerThatOpens},
		{"a denied consent changes nothing", aDeniedConsentChangesNothing},
		{"a grant that Close has ended is noticed and can be given again", aGrantThatCloseHasEnded},
		{"another Close user needs a disconnect first", anotherCloseUserNeedsADisconnect},
		{"going back, reloading and a second tab do no harm", goingBackReloadingAndASecond},
		{"the response of another user is refused", theResponseOfAnotherUserIs},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(browser, t) })
	}
}

func eachRepConnectsAndSeesOnly(browser context.Context, t *testing.T) {
	w := newWorld(t)
	a, b := w.person(browser).login("ada"), w.person(browser).login("bob")
	a.wantHome("PENDING", "")
	a.connect(ada())
	a.wantLeads(ada())
	b.wantHome("PENDING", "")
	if b.has(".lead") {
		t.Error("bob sees leads before he has connected")
	}
	b.connect(bob())
	b.wantLeads(bob())
	a.open("/")
	a.wantHome("ACTIVE", "")
	a.wantLeads(ada())
	if got := w.info("bob"); got.UserID != bob().user.ID || got.OrganizationID != bob().organization.ID {
		t.Errorf("bob is connected as %+v", got)
	}
	a.press("#disconnect")
	a.wantHome("DISCONNECTED", "")
	b.open("/")
	b.wantLeads(bob())
}

// The attacks of a user, mallory, who wants the Close account of another user:
// she begins a connection and has bob finish it.
func aLinkIsOfNoUse(browser context.Context, t *testing.T) {
	w := newWorld(t)
	mallory, b := w.person(browser).login("ada"), w.person(browser).login("bob")
	before := w.info("ada")
	p, err := w.user("ada").principal()
	if err != nil {
		t.Fatal(err)
	}
	link, err := w.app.manager.AuthorizationLink(t.Context(), p, connectionName)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.open(link.URL); got.status != http.StatusForbidden || !strings.Contains(b.text("body"), "made for another user") {
		t.Errorf("bob opens the link: %+v, %s", got, b.text("body"))
	}
	w.wantAttackFailed("ada", before, accounts.EventLinkMisused)

	// She opens it herself and passes on the address of the consent page,
	// which really is Close's.
	consent := mallory.press("#connect").url
	if !strings.HasPrefix(consent, w.crm.AuthorizeURL()) {
		t.Fatalf("connect leads to %s", consent)
	}
	b.open(consent)
	if got := b.allow(bob()); got.status != http.StatusBadRequest {
		t.Errorf("bob has consented: %+v, %s", got, b.text("body"))
	}
	w.wantAttackFailed("ada", before, accounts.EventLinkMisused)
	mallory.open("/")
	mallory.wantHome("PENDING", "")
}

func aLinkForAPhoneIs(browser context.Context, t *testing.T) {
	w := newWorld(t)
	mallory, b := w.person(browser).login("ada"), w.person(browser).login("bob")
	before := w.info("ada")
	mallory.press("#link")
	b.open(mallory.text("#url"))
	b.allow(bob())
	if got := b.text("#user"); got != "bob" {
		t.Fatalf("the page to confirm is for %q: %s", got, b.text("body"))
	}
	if got := b.press("#confirm"); got.status != http.StatusForbidden || !strings.Contains(b.text("#message"), "another user") {
		t.Errorf("bob confirms: %+v, %s", got, b.text("body"))
	}
	w.wantAttackFailed("ada", before, accounts.EventVerificationFailed)
	w.wantAttackFailed("ada", before, accounts.EventLinkMisused)
	for _, p := range []*tab{mallory, b} {
		p.open("/")
		p.wantHome("PENDING", "")
	}
}

func aLinkForAPhoneWorks(browser context.Context, t *testing.T) {
	w := newWorld(t)
	desk, phone := w.person(browser).login("ada"), w.person(browser)
	desk.press("#link")
	phone.open(desk.text("#url"))
	phone.allow(ada())
	if n := w.tokenRequests(); n != 0 || !phone.has("#login") {
		t.Fatalf("before the user has logged in: %d token requests, %s", n, phone.text("body"))
	}
	desk.open("/")
	desk.wantHome("VERIFYING", "")
	if phone.fill("ada"); w.tokenRequests() != 0 {
		t.Error("the code was exchanged before the user has confirmed")
	}
	phone.press("#confirm")
	phone.wantHome("ACTIVE", "That worked.")
	phone.wantLeads(ada())
	desk.open("/")
	desk.wantLeads(ada())
}

// A scanner opens the link without a cookie and without saying what it is, before
// the user does and while the user is on the consent page.
func aMailScannerThatOpens(browser context.Context, t *testing.T) {
	w := newWorld(t)
	desk, phone, tablet := w.person(browser).login("ada"), w.person(browser), w.person(browser)
	desk.press("#link")
	link := desk.text("#url")
	scan := func(method string, status int) {
		t.Helper()
		scanner := w.agent()
		if got := scanner.do(scanner.request(method, link, nil)); got.StatusCode != status {
			t.Errorf("the scanner's %s gets %d, want %d", method, got.StatusCode, status)
		}
	}
	scan(http.MethodHead, http.StatusMethodNotAllowed)
	scan(http.MethodGet, http.StatusSeeOther)
	phone.open(link)
	tablet.open(link)
	scan(http.MethodGet, http.StatusSeeOther)
	phone.allow(ada())
	phone.fill("ada")
	phone.press("#confirm")
	phone.wantHome("ACTIVE", "That worked.")
	if got := tablet.allow(ada()); got.status != http.StatusGone || !strings.Contains(tablet.text("body"), "This link has been used") {
		t.Errorf("the second browser: %+v, %s", got, tablet.text("body"))
	}
	if n, events := w.tokenRequests(), w.events("ada"); n != 1 || slices.Contains(events, accounts.EventLinkMisused) {
		t.Errorf("%d token requests, events %v", n, events)
	}
}

func aDeniedConsentChangesNothing(browser context.Context, t *testing.T) {
	w := newWorld(t)
	a := w.person(browser).login("ada")
	denied := returned("denied", "")
	a.press("#connect")
	a.press("button[value=deny]")
	a.wantHome("PENDING", denied)
	a.connect(ada())
	before := w.info("ada")
	a.press("#connect")
	a.press("button[value=deny]")
	a.wantHome("ACTIVE", denied)
	a.wantLeads(ada())
	if got := w.info("ada"); got.Generation != before.Generation || got.Changed != before.Changed || w.tokenRequests() != 1 {
		t.Errorf("the account was\n%+v and is\n%+v", before, got)
	}
	if got := w.events("ada"); !slices.Contains(got, accounts.EventDenied) {
		t.Errorf("events are %v", got)
	}
}

func aGrantThatCloseHasEnded(browser context.Context, t *testing.T) {
	w := newWorld(t)
	a := w.person(browser).login("ada")
	a.connect(ada())
	if n := w.crm.RevokeGrant(ada().user.ID, ada().organization.ID); n != 1 {
		t.Fatalf("%d grants were ended", n)
	}
	a.open("/")
	a.wantHome("REVOKED", "")
	if got := a.text("#words"); !strings.Contains(got, "Connect again") || a.has(".lead") {
		t.Errorf("the page says %s", a.text("body"))
	}
	if got := w.events("ada"); !slices.Contains(got, accounts.EventReauthorization) {
		t.Errorf("events are %v", got)
	}
	a.connect(ada())
	a.wantLeads(ada())
}

func anotherCloseUserNeedsADisconnect(browser context.Context, t *testing.T) {
	w := newWorld(t)
	a := w.person(browser).login("ada")
	a.connect(ada())
	a.press("#connect")
	a.allow(bob())
	a.wantHome("ACTIVE", returned("mismatch", ""))
	a.wantLeads(ada())
	a.press("#disconnect")
	a.connect(bob())
	a.wantLeads(bob())
}

func goingBackReloadingAndASecond(browser context.Context, t *testing.T) {
	w := newWorld(t)
	a := w.person(browser).login("ada")
	var callback string
	if err := chromedp.Listen(a.ctx, a.noteCallback(&callback)); err != nil {
		t.Fatal(err)
	}
	second := a.sibling()
	second.open("/")
	second.press("#connect") // waits on its consent page
	a.connect(ada())
	before := w.info("ada")

	if got := a.open(callback); got.status != http.StatusOK || !strings.Contains(a.text("body"), "already connected") {
		t.Errorf("the callback again: %+v, %s", got, a.text("body"))
	}
	a.follow("reload", chromedp.Reload())
	// Back to the consent page, and Allow once more.
	for !a.has("#choice") {
		if err := chromedp.Do(a.ctx, chromedp.NavigateBack()); err != nil {
			t.Fatal(err)
		}
	}
	a.allow(ada())
	if got := w.info("ada"); got.Generation != before.Generation || got.State != accounts.Active || w.tokenRequests() != 1 {
		t.Errorf("after all that, with %d token requests, the account was\n%+v and is\n%+v", w.tokenRequests(), before, got)
	}
	second.allow(ada())
	second.wantHome("ACTIVE", "That worked.")
	a.open("/")
	a.wantHome("ACTIVE", "")
	a.wantLeads(ada())
}

// The other way round: an attacker wants his own Close account to become
// the victim's.
func theResponseOfAnotherUserIs(browser context.Context, t *testing.T) {
	w := newWorld(t)
	a, attacker := w.person(browser).login("ada"), w.agent().login("bob")
	before := w.info("ada")
	if got := a.open(attacker.consent(bob())); got.status != http.StatusBadRequest {
		t.Errorf("ada opens bob's callback: %+v, %s", got, a.text("body"))
	}
	w.wantAttackFailed("ada", before, accounts.EventCreated)
	w.wantAttackFailed("bob", w.info("bob"), accounts.EventLinkMisused)
	a.open("/")
	a.wantHome("PENDING", "")
	// Nothing is left over that would disturb her.
	a.connect(ada())
	a.wantLeads(ada())
}

// wantAttackFailed checks that nothing was exchanged, that an account is what
// it was, and that an event tells of it.
func (w *world) wantAttackFailed(name string, before accounts.Info, event accounts.EventType) {
	w.t.Helper()
	if n := w.tokenRequests(); n != 0 {
		w.t.Errorf("%d token requests were made", n)
	}
	got := w.info(name)
	got.Changed, got.Used = before.Changed, before.Used // a verification that failed counts as a change
	if got != before {
		w.t.Errorf("%s's account was\n%+v and is\n%+v", name, before, got)
	}
	if events := w.events(name); !slices.Contains(events, event) {
		w.t.Errorf("events are %v, want %s", events, event)
	}
}
