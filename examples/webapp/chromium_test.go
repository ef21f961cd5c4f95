package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// browserTime bounds all tests in the browser together. It is generous: they
// take seconds, but the machine may be slow.
const browserTime = 4 * time.Minute

// chromium starts a headless browser for the length of a test, or skips the
// test if there is none.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	switch {
	case path != "":
	case os.Getenv("CLOSEKIT_REQUIRE_CHROMIUM") == "1":
		t.Fatal("neither chromium, chromium-browser nor google-chrome is in PATH, and CLOSEKIT_REQUIRE_CHROMIUM is 1")
	default:
		t.Skip("neither chromium, chromium-browser nor google-chrome is in PATH; install one to run the tests in a browser")
	}
	// The context of the test ends before its cleanups run, and would kill the
	// browser before it is asked to end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), browserTime)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(
		ctx,
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-features", "BackForwardCache"), // so that going back always loads
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	t.Cleanup(func() {
		// Its profile is in a folder that is about to be removed.
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("end %s: %v", path, err)
		}
	})
	return ctx
}

// tab is a page in a browser, with cookies of its own unless it was opened
// from another tab.
type tab struct {
	*world
	ctx context.Context
}

func (w *world) newTab(parent context.Context, opts ...chromedp.ContextOption) *tab {
	w.t.Helper()
	ctx, cancel := chromedp.NewContext(parent, opts...)
	w.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		w.t.Fatalf("open a tab: %v", err)
	}
	return &tab{w, ctx}
}

// person is a user with a browser of their own.
func (w *world) person(browser context.Context) *tab {
	return w.newTab(browser, chromedp.WithNewBrowserContext())
}

// sibling is another tab of the same browser.
func (p *tab) sibling() *tab { return p.newTab(p.ctx) }

// shown is a page that has loaded: the last one of a chain of redirects.
type shown struct {
	status int
	url    string
}

// follow waits for the page that the actions lead to.
func (p *tab) follow(what string, actions ...chromedp.Action[chromedp.Void]) shown {
	p.t.Helper()
	resp, err := chromedp.RunResponse(p.ctx, actions...)
	if err != nil {
		p.t.Fatalf("%s: %v; the page says %s", what, err, p.text("body"))
	}
	return shown{int(resp.Status), resp.URL}
}

func (p *tab) open(address string) shown {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.url + address
	}
	return p.follow("open a page", chromedp.Navigate(address))
}

func (p *tab) press(selector string) shown {
	p.t.Helper()
	if !p.has(selector) {
		p.t.Fatalf("there is no %s to press on a page that says %s", selector, p.text("body"))
	}
	return p.follow("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// text is what an element says, or nothing if it is not there.
func (p *tab) text(selector string) string {
	p.t.Helper()
	s, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.querySelector(`"+selector+"`)?.innerText ?? ''"))
	if err != nil {
		p.t.Fatalf("read %s: %v", selector, err)
	}
	return s
}

func (p *tab) has(selector string) bool {
	p.t.Helper()
	ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("document.querySelector(`"+selector+"`) != null"))
	if err != nil {
		p.t.Fatalf("look for %s: %v", selector, err)
	}
	return ok
}

// fill logs in on whatever page has the login form.
func (p *tab) fill(name string) shown {
	p.t.Helper()
	if !p.has("#login") {
		p.t.Fatalf("this is not the login page; it says %s", p.text("body"))
	}
	if err := chromedp.Do(
		p.ctx,
		chromedp.SetValue(chromedp.CSS("input[name=name]"), name),
		chromedp.SetValue(chromedp.CSS("input[name=password]"), p.user(name).password),
	); err != nil {
		p.t.Fatal(err)
	}
	return p.press("#login button")
}

func (p *tab) login(name string) *tab {
	p.t.Helper()
	p.open("/login")
	p.fill(name)
	if got := p.text("#user"); got != name {
		p.t.Fatalf("%s is logged in as %q", name, got)
	}
	return p
}

// allow presses Allow on the consent page, as the user of a place.
func (p *tab) allow(at place) shown {
	p.t.Helper()
	if !p.has("#choice") {
		p.t.Fatalf("this is not the consent page; it says %s", p.text("body"))
	}
	choice := at.user.ID + " " + at.organization.ID
	if err := chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#choice"), choice)); err != nil {
		p.t.Fatal(err)
	}
	return p.press("button[value=allow]")
}

// connect goes through the consent of a place.
func (p *tab) connect(at place) {
	p.t.Helper()
	p.press("#connect")
	p.allow(at)
	p.wantHome("ACTIVE", "That worked.")
}

// wantHome checks that the page is home, and what it says.
func (p *tab) wantHome(state, notice string) {
	p.t.Helper()
	if s, n := p.text("#state"), p.text("#notice"); s != state || n != notice {
		p.t.Fatalf("home says %q, %q, want %q, %q", s, n, state, notice)
	}
}

// wantLeads checks that the leads of one place are there, and no others.
func (p *tab) wantLeads(at place) {
	p.t.Helper()
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string]("[...document.querySelectorAll('.lead')].map(e => e.innerText)"))
	if err != nil {
		p.t.Fatal(err)
	}
	if !sameSet(got, at.leads) {
		p.t.Errorf("the leads are %q, want %q", got, at.leads)
	}
}

// noteCallback notes the address with which the browser comes back from the
// consent page. It is written before the page that follows has loaded.
func (p *tab) noteCallback(into *string) func(any) {
	return func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok && strings.HasPrefix(e.Request.URL, redirectURL(p.url)+"?") {
			*into = e.Request.URL
		}
	}
}
