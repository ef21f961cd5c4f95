package accounts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// trouble is what happens to a renewal. The codes in the comments are those of
// the fault matrix.
type trouble struct {
	name    string
	knobs   func(*oauthtest.Knobs)
	script  []oauthtest.Behavior // of the next requests
	counted map[Outcome]int      // how often some outcomes are counted
}

func graceOfAMinute(k *oauthtest.Knobs) { k.Grace = time.Minute }

// cut ends a body before a mark, or behind it, as a connection that breaks.
func cut(mark string, behind bool) oauthtest.Behavior {
	return oauthtest.Mangle(nil, func(body string) (string, error) {
		at := strings.Index(body, mark)
		if behind {
			at += len(mark)
		}
		return body[:at], io.ErrUnexpectedEOF
	})
}

// rewrite changes a body.
func rewrite(header http.Header, change func(string) string) oauthtest.Behavior {
	return oauthtest.Mangle(header, func(s string) (string, error) { return change(s), nil })
}

func unchanged(s string) string { return s }

// asForm writes a token response as a form.
func asForm(s string) string {
	m, _, _ := readMembers([]byte(s))
	return "access_token=" + m.text("access_token") + "&expires_in=3600&refresh_token=" + m.text("refresh_token")
}

func contentType(mime string) http.Header { return http.Header{"Content-Type": {mime}} }

var (
	notReplayed = map[Outcome]int{OutcomeInDoubt: 0, OutcomeReplayedOK: 0}
	replayed    = map[Outcome]int{OutcomeInDoubt: 0, OutcomeReplayedOK: 1}
)

// survivable is trouble that no caller notices.
var survivable = []trouble{
	// P1: errors before the refresh token was rotated
	{name: "500 four times", script: []oauthtest.Behavior{oops, oops, oops, oops}},
	// P2: errors after it was rotated
	{name: "500 after the refresh token was rotated, which still works for a minute", knobs: graceOfAMinute, script: []oauthtest.Behavior{oauthtest.ProcessThenRespond(500)}},
	// P5: nothing was sent
	{name: "connection refused", script: three(oauthtest.Fail(&net.OpError{Op: "dial", Err: errors.New("connection refused")})), counted: notSentThrice},
	{name: "host not found", script: three(oauthtest.Fail(&net.DNSError{Err: "no such host", IsNotFound: true})), counted: notSentThrice},
	{name: "certificate of an unknown authority", script: three(oauthtest.Fail(&tls.CertificateVerificationError{Err: errors.New("unknown authority")})), counted: notSentThrice},
	// P7: slow responses
	{name: "response after 29 seconds", script: []oauthtest.Behavior{oauthtest.Slow(29 * time.Second)}, counted: notReplayed},
	{name: "response after 31 seconds, and the spent token still works", knobs: graceOfAMinute, script: []oauthtest.Behavior{oauthtest.Slow(31 * time.Second)}, counted: replayed},
	// P8: cut responses
	{name: "cut behind both tokens", script: []oauthtest.Behavior{cut(`,"scope"`, false)}, counted: notReplayed},
	{name: "cut behind the refresh token, without an access token", script: []oauthtest.Behavior{oauthtest.Mangle(nil, func(s string) (string, error) {
		return `{"refresh_token":` + strings.SplitN(s, `"refresh_token":`, 2)[1], io.ErrUnexpectedEOF
	})}, counted: notReplayed},
	{name: "last brace missing", script: []oauthtest.Behavior{rewrite(nil, func(s string) string { return strings.TrimSuffix(s, "}") })}, counted: notReplayed},
	{name: "cut before the refresh token", knobs: graceOfAMinute, script: []oauthtest.Behavior{cut(`"refresh_token"`, false)}, counted: replayed},
	{name: "cut inside the refresh token", knobs: graceOfAMinute, script: []oauthtest.Behavior{cut(`"refresh_token":"CaN`, true)}, counted: replayed},
	{name: "headers without a body", knobs: graceOfAMinute, script: []oauthtest.Behavior{cut("{", false)}, counted: replayed},
	{name: "response lost", knobs: graceOfAMinute, script: []oauthtest.Behavior{oauthtest.LoseResponse}, counted: replayed},
	{name: "request lost", script: []oauthtest.Behavior{oauthtest.LoseRequest}, counted: replayed},
	// P9: successes that are none
	{name: "200 with a page", script: []oauthtest.Behavior{oauthtest.Respond(200, contentType("text/html"), "<html>maintenance, invalid_grant</html>")}},
	{name: "200 without a body", script: []oauthtest.Behavior{oauthtest.Respond(200, nil, "")}},
	{name: "204", script: []oauthtest.Behavior{oauthtest.Respond(204, nil, "")}},
	{name: "200 with an error", script: []oauthtest.Behavior{oauthtest.Refuse(200, "temporarily_unavailable")}},
	{name: "200 with null tokens", script: []oauthtest.Behavior{oauthtest.Respond(200, nil, `{"access_token":null,"refresh_token":null}`)}},
	{name: "200 with an array", script: []oauthtest.Behavior{oauthtest.Respond(200, nil, `[]`)}},
	{name: "200 with tokens that are numbers", script: []oauthtest.Behavior{oauthtest.Respond(200, nil, `{"access_token":5,"refresh_token":6}`)}},
	// P13: odd encodings
	{name: "JSON as plain text", script: []oauthtest.Behavior{rewrite(contentType("text/plain"), unchanged)}, counted: notReplayed},
	{name: "JSON without a content type", script: []oauthtest.Behavior{rewrite(http.Header{}, unchanged)}, counted: notReplayed},
	{name: "form", script: []oauthtest.Behavior{rewrite(contentType("application/x-www-form-urlencoded"), asForm)}, counted: notReplayed},
	{name: "form that calls itself JSON", script: []oauthtest.Behavior{rewrite(nil, asForm)}, counted: notReplayed},
	{name: "byte order mark", script: []oauthtest.Behavior{rewrite(nil, func(s string) string { return "\xef\xbb\xbf " + s })}, counted: notReplayed},
	{name: "text behind the JSON", script: []oauthtest.Behavior{rewrite(nil, func(s string) string { return s + "\n<!-- served by -->" })}, counted: notReplayed},
	{name: "members twice", script: []oauthtest.Behavior{rewrite(nil, func(s string) string { return `{"refresh_token":"old","access_token":"old",` + s[1:] })}, counted: notReplayed},
	{name: "two mebibytes", script: []oauthtest.Behavior{rewrite(nil, func(s string) string { return s[:len(s)-1] + `,"pad":"` + strings.Repeat("x", 2<<20) + `"}` })}, counted: notReplayed},
	{name: "error in a nested member", script: []oauthtest.Behavior{rewrite(nil, func(s string) string {
		return `{"meta":{"refresh_token":"no","error":"invalid_grant"},` + s[1:]
	})}, counted: notReplayed},
	// P16: errors that only look like invalid_grant
	{name: "invalid_grant in the description", script: two(oauthtest.Respond(400, nil, `{"error":"server_error","error_description":"invalid_grant"}`))},
	{name: "invalid_grant in a page", script: two(oauthtest.Respond(400, contentType("text/html"), "<p>error=invalid_grant</p>"))},
	{name: "invalid_grant in a nested member", script: two(oauthtest.Respond(400, nil, `{"detail":{"error":"invalid_grant"}}`))},
	{name: "INVALID_GRANT in capitals", script: two(oauthtest.Respond(400, nil, `{"error":"INVALID_GRANT"}`))},
	{name: "error that is an object", script: two(oauthtest.Respond(400, nil, `{"error":{"code":"invalid_grant"}}`))},
	{name: "invalid_grant_type", script: two(oauthtest.Respond(401, nil, `{"error":"invalid_grant_type"}`))},
	{name: "invalid_grant in a 500", script: two(oauthtest.Respond(500, nil, `{"error":"invalid_grant"}`))},
}

var (
	oops          = oauthtest.Respond(500, nil, "oops")
	notSentThrice = map[Outcome]int{OutcomeNotSent: 3, OutcomeInDoubt: 0}
)

func two(b oauthtest.Behavior) []oauthtest.Behavior   { return []oauthtest.Behavior{b, b} }
func three(b oauthtest.Behavior) []oauthtest.Behavior { return []oauthtest.Behavior{b, b, b} }

// TestRenewalSurvivesTrouble has a token at every moment of an hour in which
// something goes wrong once, and finds the account as good as new.
func TestRenewalSurvivesTrouble(t *testing.T) {
	t.Parallel()
	cases := survivable
	for _, life := range []string{oauthtest.Absent, "0", "-5", `"3600"`, "3600.0", "1e3", "null", "1e12", `""`, `"soon"`, "[]", "true", "1e400"} { // P10
		cases = append(cases, trouble{name: "expires_in " + life, knobs: func(k *oauthtest.Knobs) { k.ExpiresIn = life }})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, a *Account) {
				w.make(c)
				w.hour(a)
				w.state("ada", Active, "")
				r := w.rec("ada")
				if r.Generation < 2 || r.Generation > 8 || r.Failures != 0 || r.Troubled || r.Expires.Sub(r.Refreshed) > time.Hour {
					w.Errorf("after the trouble: %+v", r)
				}
				w.wantEvents("ada", EventCreated, EventConnected)
				for outcome, want := range c.counted {
					if got := w.times(outcome); got != want {
						w.Errorf("%s was counted %d times, want %d", outcome, got, want)
					}
				}
			})
		})
	}
}

// make lets trouble happen.
func (w *world) make(c trouble) {
	if c.knobs != nil {
		w.p.Set(c.knobs)
	}
	w.p.Script(c.script...)
}

// TestRenewalThatLosesTheRotation has trouble that costs the grant at a strict
// provider: the new refresh token got lost.
func TestRenewalThatLosesTheRotation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trouble
		requests int // the consent, the attempt, and one replay if it is in doubt
	}{
		{trouble{name: "500 after the refresh token was rotated", script: []oauthtest.Behavior{oauthtest.ProcessThenRespond(500)}}, 3}, // P2
		{trouble{name: "response after 31 seconds", script: []oauthtest.Behavior{oauthtest.Slow(31 * time.Second)}}, 3},                // P7
		{trouble{name: "response lost", script: []oauthtest.Behavior{oauthtest.LoseResponse}}, 3},                                      // P8
		{trouble{name: "response cut inside the refresh token", script: []oauthtest.Behavior{cut(`"refresh_token":"CaN`, true)}}, 3},   // P8
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, a *Account) {
				w.make(c.trouble)
				time.Sleep(50 * time.Minute)
				w.state("ada", Revoked, RotationLost)
				w.wantEvents("ada", EventCreated, EventConnected, EventReauthorization)
				var need *AuthorizationRequiredError
				if err := w.get(a); !errors.As(err, &need) || need.Reason != RotationLost {
					w.Errorf("the caller gets %v", err)
				}
				if requests, _ := w.counts(); requests != c.requests {
					w.Errorf("%d requests, want %d", requests, c.requests)
				}
			})
		})
	}
}

// TestGrantRefused (P15) has the user end the access at Close: it is noticed
// with the next renewal, and nothing is sent after that.
func TestGrantRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]oauthtest.Behavior{
		"400 invalid_grant": oauthtest.Refuse(400, "invalid_grant"), "401 invalid_grant": oauthtest.Refuse(401, "invalid_grant"),
		"403 invalid_grant": oauthtest.Refuse(403, "invalid_grant"), "200 invalid_grant": oauthtest.Refuse(200, "invalid_grant"),
		"invalid_grant in a form": oauthtest.Respond(400, contentType("application/x-www-form-urlencoded"), "error=invalid_grant&error_description=gone"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, a *Account) {
				w.p.Always(b)
				time.Sleep(50 * time.Minute)
				w.state("ada", Revoked, InvalidGrant)
				w.wantEvents("ada", EventCreated, EventConnected, EventReauthorization)
				before, _ := w.counts()
				for range 100 {
					if err := w.get(a); !errors.Is(err, ErrAuthorizationRequired) {
						w.Errorf("the caller gets %v", err)
					}
				}
				time.Sleep(3 * time.Hour)
				if after, _ := w.counts(); after != before {
					w.Errorf("%d attempts after the revocation", after-before)
				}
			})
		})
	}
}

// TestRetryAfter (P3) waits as long as the provider asks.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header   func() string
		from, to time.Duration
	}{
		"seconds": {func() string { return "120" }, 119 * time.Second, 5 * time.Minute},
		"date":    {func() string { return time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat) }, 119 * time.Second, 5 * time.Minute},
		"garbage": {func() string { return "soon" }, 0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, a *Account) {
				w.p.Script(func(*http.Request, func() *http.Response) (*http.Response, error) {
					return oauthtest.Response(503, http.Header{"Retry-After": {c.header()}}, ""), nil
				})
				w.hour(a)
				w.state("ada", Active, "")
				list := w.p.Requests()
				if wait := list[2].At.Sub(list[1].At); wait < c.from || wait > c.to {
					w.Errorf("the next attempt came after %v", wait)
				}
			})
		})
	}
}

// TestRedirectsAreNotFollowed (P14) sends a refresh token to no other address.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, a *Account) {
				before, _ := w.counts()
				w.p.Script(oauthtest.Respond(status, http.Header{"Location": {"https://evil.example/oauth2/token/"}}, ""))
				w.hour(a)
				w.state("ada", Active, "")
				if requests, _ := w.counts(); requests != before+2 {
					w.Errorf("%d requests, want the refused redirect and one more", requests-before)
				}
			})
		})
	}
}

// TestProviderHangs (P6) has no response until long after the token has ended.
func TestProviderHangs(t *testing.T) {
	t.Parallel()
	withAda(t, func(w *world, a *Account) {
		w.p.Always(oauthtest.Hang)
		every(55*time.Minute, 10*time.Second, func() { w.ok(a) })
		time.Sleep(10 * time.Minute)
		ctx, cancel := context.WithTimeout(w.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := a.Credential(ctx)
		if err == nil || time.Since(start) > 3*time.Second {
			w.Errorf("a caller without a token got %v after %v", err, time.Since(start))
		}
		w.state("ada", Expired, TransientExhausted)
		w.p.Always(nil)
		time.Sleep(40 * time.Minute)
		w.ok(a)
		w.state("ada", Active, "")
		w.wantEvents("ada", EventCreated, EventConnected, EventExpired, EventConnected)
	})
}

// TestBadSuccessesForTwoHours (P9) ends the token, and not the account.
func TestBadSuccessesForTwoHours(t *testing.T) {
	t.Parallel()
	withAda(t, func(w *world, a *Account) {
		w.p.Always(oauthtest.Respond(200, nil, "<html>"))
		time.Sleep(2 * time.Hour)
		if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
			w.Errorf("the caller gets %v", err)
		}
		w.state("ada", Expired, TransientExhausted)
		w.p.Always(nil)
		time.Sleep(20 * time.Minute)
		w.ok(a)
	})
}

// TestRefreshTokenIsKept (P11, P12) renews where refresh tokens do not rotate.
func TestRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	t.Run("none in the response", func(t *testing.T) {
		t.Parallel()
		withAda(t, func(w *world, a *Account) {
			w.p.Set(func(k *oauthtest.Knobs) { k.NoRefreshToken = true })
			w.hour(a)
			w.hour(a)
			w.state("ada", Active, "")
			if w.oddities("refresh_token_missing") < 2 {
				w.Error("the oddity was not counted")
			}
		})
	})
	t.Run("the same in the response", func(t *testing.T) {
		t.Parallel()
		withAda(t, func(w *world, a *Account) {
			w.p.Set(func(k *oauthtest.Knobs) { k.KeepRefreshToken = true })
			w.hour(a)
			w.hour(a)
			w.state("ada", Active, "")
		})
	})
}

// TestProviderEchoesSecrets (P24) has the provider and the transport return
// what was sent to them.
func TestProviderEchoesSecrets(t *testing.T) {
	t.Parallel()
	const secret = oauthtest.ClientSecret
	for name, b := range map[string]oauthtest.Behavior{
		"in a page":                 oauthtest.Respond(400, contentType("text/html"), secret+" "+canary+".refresh.2"),
		"as error":                  oauthtest.Respond(400, nil, `{"error":"`+secret+`","error_description":"`+secret+`"}`),
		"beside invalid_client":     oauthtest.Respond(400, nil, `{"error":"invalid_client","error_description":"`+secret+`","error_uri":"https://x/?`+secret+`"}`),
		"in an error of the client": oauthtest.Fail(errors.New(secret)),
		"in a panic":                oauthtest.Panic(secret),
		"as error in a success":     oauthtest.Respond(200, nil, `{"error":"`+secret+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				idleOut()
				w.p.Always(b)
				if err := w.get(a); err == nil {
					w.Error("a token came out of nothing")
				}
				w.operator = true
				if _, err := w.m.Refresh(w.Context(), user("ada"), conName); w.keep(err) == nil {
					w.Error("a refresh worked out of nothing")
				}
			})
		})
	}
}
