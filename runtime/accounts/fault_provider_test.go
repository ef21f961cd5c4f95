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
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/internal/oauthtest"
)

// warm is a world in which ada is connected and the background works.
func warm(t *testing.T, f func(w *world, a *Account), change ...func(*Config)) {
	t.Helper()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.ok(a)
		w.run()
		f(w, a)
	}, change...)
}

// hour lets an hour pass, in which there is always a token.
func (w *world) hour(a *Account) { every(time.Hour, 10*time.Second, func() { w.ok(a) }) }

// idleOut lets the access token end without anybody renewing it.
func idleOut() { time.Sleep(61 * time.Minute) }

func TestFaultProvider(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T){
		"P1": func(t *testing.T) {
			t.Helper()
			warm(t, func(w *world, a *Account) {
				for range 4 {
					w.p.Script(oauthtest.Respond(500, nil, "oops"))
				}
				w.hour(a)
				w.state("ada", Active, "")
				if r := w.rec("ada"); r.Generation != 2 || r.Failures != 0 || r.Troubled {
					w.Errorf("after the trouble: %+v", r)
				}
				w.wantEvents("ada", EventCreated, EventConnected)
			})
		},
		"P2": func(t *testing.T) {
			t.Helper()
			t.Run("strict", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					w.p.Script(oauthtest.ProcessThenRespond(500))
					time.Sleep(50 * time.Minute)
					w.state("ada", Revoked, RotationLost)
					w.wantEvents("ada", EventCreated, EventConnected, EventReauthorization)
					var need *AuthorizationRequiredError
					if err := w.get(a); !errors.As(err, &need) || need.Reason != RotationLost {
						w.Errorf("the caller gets %v", err)
					}
				})
			})
			t.Run("grace", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Minute })
					w.p.Script(oauthtest.ProcessThenRespond(500))
					w.hour(a)
					w.state("ada", Active, "")
				})
			})
		},
		"P3": func(t *testing.T) {
			t.Helper()
			for name, h := range map[string]string{"seconds": "120", "date": "date", "garbage": "soon"} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						var at, again time.Time
						w.p.Script(func(*http.Request, func() *http.Response) (*http.Response, error) {
							at = time.Now()
							value := h
							if h == "date" {
								value = at.Add(2 * time.Minute).UTC().Format(http.TimeFormat)
							}
							return oauthtest.Response(503, http.Header{"Retry-After": {value}}, ""), nil
						}, func(_ *http.Request, process func() *http.Response) (*http.Response, error) {
							again = time.Now()
							return process(), nil
						})
						w.hour(a)
						w.state("ada", Active, "")
						wait := again.Sub(at)
						if h == "soon" && wait > 5*time.Second || h != "soon" && (wait < 119*time.Second || wait > 5*time.Minute) {
							w.Errorf("the next attempt came after %v", wait)
						}
					})
				})
			}
		},
		"P5": func(t *testing.T) {
			t.Helper()
			for name, err := range map[string]error{
				"refused": &net.OpError{Op: "dial", Err: errors.New("connection refused")},
				"dns":     &net.DNSError{Err: "no such host", IsNotFound: true},
				"tls":     &tls.CertificateVerificationError{Err: errors.New("unknown authority")},
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						fail := func(*http.Request, func() *http.Response) (*http.Response, error) { return nil, err }
						w.p.Script(fail, fail, fail)
						w.hour(a)
						w.state("ada", Active, "")
						if w.times(OutcomeNotSent) != 3 || w.times(OutcomeInDoubt) != 0 {
							w.Error("the attempts went otherwise")
						}
					})
				})
			}
		},
		"P6": func(t *testing.T) {
			t.Helper()
			warm(t, func(w *world, a *Account) {
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
		},
		"P7": func(t *testing.T) {
			t.Helper()
			t.Run("29s", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					w.p.Script(oauthtest.Slow(29 * time.Second))
					w.hour(a)
					w.state("ada", Active, "")
					if w.times(OutcomeInDoubt) != 0 {
						w.Error("the attempts went otherwise")
					}
				})
			})
			t.Run("31s", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Minute })
					w.p.Script(oauthtest.Slow(31 * time.Second))
					w.hour(a)
					w.state("ada", Active, "")
					if w.times(OutcomeReplayedOK) != 1 {
						w.Error("the attempts went otherwise")
					}
				})
			})
			t.Run("31s strict", func(t *testing.T) {
				warm(t, func(w *world, _ *Account) {
					w.p.Script(oauthtest.Slow(31 * time.Second))
					time.Sleep(50 * time.Minute)
					w.state("ada", Revoked, RotationLost)
					if requests, _ := w.counts(); requests != 3 {
						w.Errorf("%d requests, want the consent, the attempt and one replay", requests)
					}
				})
			})
		},
		"P8": func(t *testing.T) {
			t.Helper()
			cut := func(mark string, behind bool) oauthtest.Behavior {
				return oauthtest.Mangle(nil, func(body string) (string, error) {
					at := strings.Index(body, mark)
					if behind {
						at += len(mark)
					}
					return body[:at], io.ErrUnexpectedEOF
				})
			}
			for name, b := range map[string]oauthtest.Behavior{
				"salvaged": cut(`,"scope"`, false),
				"salvaged without access": oauthtest.Mangle(nil, func(s string) (string, error) {
					return `{"refresh_token":` + strings.SplitN(s, `"refresh_token":`, 2)[1], io.ErrUnexpectedEOF
				}),
				"clean cut": oauthtest.Mangle(nil, func(s string) (string, error) { return strings.TrimSuffix(s, "}"), nil }),
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Script(b)
						w.hour(a)
						w.state("ada", Active, "")
						if w.times(OutcomeInDoubt) != 0 {
							w.Error("the attempts went otherwise")
						}
					})
				})
			}
			for name, b := range map[string]oauthtest.Behavior{
				"before the refresh token": cut(`"refresh_token"`, false),
				"inside the refresh token": cut(`"refresh_token":"CAN`, true),
				"headers only":             oauthtest.Mangle(nil, func(string) (string, error) { return "", io.ErrUnexpectedEOF }),
				"no answer":                oauthtest.LoseResponse,
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Minute })
						w.p.Script(b)
						w.hour(a)
						w.state("ada", Active, "")
						if w.times(OutcomeReplayedOK) != 1 {
							w.Error("the attempts went otherwise")
						}
					})
				})
			}
			t.Run("request lost", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					w.p.Script(oauthtest.LoseRequest)
					w.hour(a)
					w.state("ada", Active, "")
				})
			})
		},
		"P9": func(t *testing.T) {
			t.Helper()
			for name, b := range map[string]oauthtest.Behavior{
				"html":          oauthtest.Respond(200, http.Header{"Content-Type": {"text/html"}}, "<html>maintenance, invalid_grant</html>"),
				"empty":         oauthtest.Respond(200, nil, ""),
				"no content":    oauthtest.Respond(204, nil, ""),
				"other error":   oauthtest.Refuse(200, "temporarily_unavailable"),
				"null tokens":   oauthtest.Respond(200, nil, `{"access_token":null,"refresh_token":null}`),
				"array":         oauthtest.Respond(200, nil, `[]`),
				"number tokens": oauthtest.Respond(200, nil, `{"access_token":5,"refresh_token":6}`),
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Script(b)
						w.hour(a)
						w.state("ada", Active, "")
						w.wantEvents("ada", EventCreated, EventConnected)
					})
				})
			}
			t.Run("for two hours", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
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
			})
		},
		"P10": func(t *testing.T) {
			t.Helper()
			for _, life := range []string{oauthtest.Absent, "0", "-5", `"3600"`, "3600.0", "1e3", "null", "1e12", `""`, `"soon"`, "[]", "true", "1e400"} {
				t.Run(life, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Set(func(k *oauthtest.Knobs) { k.ExpiresIn = life })
						w.hour(a)
						r := w.rec("ada")
						if r.Generation < 2 || r.Generation > 8 || r.Expires.Sub(r.Refreshed) > time.Hour {
							w.Errorf("generation %d lives for %v", r.Generation, r.Expires.Sub(r.Refreshed))
						}
						w.state("ada", Active, "")
					})
				})
			}
		},
		"P11": func(t *testing.T) {
			t.Helper()
			warm(t, func(w *world, a *Account) {
				w.p.Set(func(k *oauthtest.Knobs) { k.NoRefreshToken = true })
				w.hour(a)
				w.hour(a)
				w.state("ada", Active, "")
				if w.oddities("refresh_token_missing") < 2 {
					w.Error("nobody noticed")
				}
			})
		},
		"P12": func(t *testing.T) {
			t.Helper()
			warm(t, func(w *world, a *Account) {
				w.p.Set(func(k *oauthtest.Knobs) { k.KeepRefreshToken = true })
				w.hour(a)
				w.hour(a)
				w.state("ada", Active, "")
			})
		},
		"P13": func(t *testing.T) {
			t.Helper()
			plain := http.Header{"Content-Type": {"text/plain"}}
			form := func(s string) (string, error) {
				m, _, _ := readMembers([]byte(s))
				return "access_token=" + m.text("access_token") + "&expires_in=3600&refresh_token=" + m.text("refresh_token"), nil
			}
			same := func(s string) (string, error) { return s, nil }
			for name, b := range map[string]oauthtest.Behavior{
				"json as text":     oauthtest.Mangle(plain, same),
				"json without any": oauthtest.Mangle(http.Header{}, same),
				"form":             oauthtest.Mangle(http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form),
				"form as json":     oauthtest.Mangle(nil, form),
				"bom":              oauthtest.Mangle(nil, func(s string) (string, error) { return "\xef\xbb\xbf " + s, nil }),
				"trailing":         oauthtest.Mangle(nil, func(s string) (string, error) { return s + "\n<!-- served by -->", nil }),
				"duplicate":        oauthtest.Mangle(nil, func(s string) (string, error) { return `{"refresh_token":"old","access_token":"old",` + s[1:], nil }),
				"two mebibytes": oauthtest.Mangle(nil, func(s string) (string, error) {
					return s[:len(s)-1] + `,"pad":"` + strings.Repeat("x", 2<<20) + `"}`, nil
				}),
				"nested": oauthtest.Mangle(nil, func(s string) (string, error) {
					return `{"meta":{"refresh_token":"no","error":"invalid_grant"},` + s[1:], nil
				}),
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Script(b)
						w.hour(a)
						w.hour(a)
						w.state("ada", Active, "")
						if w.times(OutcomeInDoubt)+w.times(OutcomeReplayedOK) != 0 {
							w.Error("the attempts went otherwise")
						}
					})
				})
			}
		},
		"P14": func(t *testing.T) {
			t.Helper()
			for _, status := range []int{301, 302, 303, 307, 308} {
				t.Run(fmt.Sprint(status), func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
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
		},
		"P15": func(t *testing.T) {
			t.Helper()
			for name, b := range map[string]oauthtest.Behavior{
				"400": oauthtest.Refuse(400, "invalid_grant"), "401": oauthtest.Refuse(401, "invalid_grant"), "403": oauthtest.Refuse(403, "invalid_grant"), "200": oauthtest.Refuse(200, "invalid_grant"),
				"form": oauthtest.Respond(400, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "error=invalid_grant&error_description=gone"),
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
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
		},
		"P16": func(t *testing.T) {
			t.Helper()
			for name, b := range map[string]oauthtest.Behavior{
				"description": oauthtest.Respond(400, nil, `{"error":"server_error","error_description":"invalid_grant"}`),
				"html":        oauthtest.Respond(400, http.Header{"Content-Type": {"text/html"}}, "<p>error=invalid_grant</p>"),
				"nested":      oauthtest.Respond(400, nil, `{"detail":{"error":"invalid_grant"}}`),
				"other case":  oauthtest.Respond(400, nil, `{"error":"INVALID_GRANT"}`),
				"object":      oauthtest.Respond(400, nil, `{"error":{"code":"invalid_grant"}}`),
				"longer":      oauthtest.Respond(401, nil, `{"error":"invalid_grant_type"}`),
				"in a 500":    oauthtest.Respond(500, nil, `{"error":"invalid_grant"}`),
			} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Script(b, b)
						w.hour(a)
						w.state("ada", Active, "")
					})
				})
			}
		},
		"P19": func(t *testing.T) {
			t.Helper()
			inWorld(t, func(w *world) {
				const n = 300
				for i := range n {
					w.connect(fmt.Sprint("u", i))
				}
				w.run()
				w.p.RevokeUser("user_u17")
				time.Sleep(50 * time.Minute)
				for i := range n {
					want, reason := Active, Reason("")
					if i == 17 {
						want, reason = Revoked, InvalidGrant
					}
					w.state(fmt.Sprint("u", i), want, reason)
				}
			})
		},
		"P20": func(t *testing.T) {
			t.Helper()
			t.Run("refresh ok", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					old, _ := a.Credential(w.Context())
					fresh, err := a.Renew(w.Context(), old)
					if err != nil || fresh.Equal(old) {
						w.Fatalf("renewing gives %v", err)
					}
					w.check(a, fresh)
					again, err := a.Renew(w.Context(), old) // a straggler with the old one
					if err != nil || !again.Equal(fresh) {
						w.Errorf("a straggler gets %v", err)
					}
					if _, refreshes := w.counts(); refreshes != 1 {
						w.Errorf("%d refreshes, want 1", refreshes)
					}
				})
			})
			t.Run("invalid grant", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					w.p.RevokeUser("user_ada")
					old, _ := a.Credential(w.Context())
					_, err := a.Renew(w.Context(), old)
					if w.keep(err); !errors.Is(err, ErrAuthorizationRequired) {
						w.Errorf("renewing gives %v", err)
					}
					w.state("ada", Revoked, InvalidGrant)
				})
			})
			t.Run("refused again", func(t *testing.T) {
				warm(t, func(w *world, a *Account) {
					old, _ := a.Credential(w.Context())
					fresh, err := a.Renew(w.Context(), old)
					if err != nil {
						w.Fatal(err)
					}
					for range 50 {
						_, err = a.Renew(w.Context(), fresh)
						var rejected *ProviderRejectedError
						if w.keep(err); !errors.As(err, &rejected) || rejected.Status != 401 {
							w.Fatalf("the second refusal gives %v", err)
						}
					}
					if _, refreshes := w.counts(); refreshes != 1 {
						w.Errorf("%d refreshes, want 1", refreshes)
					}
					w.state("ada", Active, "")
					time.Sleep(61 * time.Second)
					if _, err = a.Renew(w.Context(), fresh); err != nil {
						w.Errorf("after a minute: %v", err)
					}
				})
			})
		},
		"P21": func(t *testing.T) {
			t.Helper()
			warm(t, func(w *world, a *Account) {
				w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 200 * time.Millisecond })
				old, _ := a.Credential(w.Context())
				var wg sync.WaitGroup
				for range 500 {
					wg.Go(func() {
						fresh, err := a.Renew(w.Context(), old)
						if err != nil || fresh.Equal(old) {
							w.Errorf("renewing gives %v", err)
						}
					})
				}
				wg.Wait()
				if _, refreshes := w.counts(); refreshes != 1 {
					w.Errorf("%d refreshes, want 1", refreshes)
				}
			})
		},
		"P23": func(t *testing.T) {
			t.Helper()
			for name, as := range map[string]oauthtest.Identity{"user": {User: "user_bob", Organization: "orga_1"}, "organization": {User: "user_ada", Organization: "orga_2"}} {
				t.Run(name, func(t *testing.T) {
					warm(t, func(w *world, a *Account) {
						w.p.Set(func(k *oauthtest.Knobs) { k.As = &as })
						time.Sleep(50 * time.Minute)
						w.state("ada", Active, IdentityMismatch)
						w.wantEvents("ada", EventCreated, EventConnected, EventIdentityMismatch)
						if err := w.get(a); !errors.Is(err, ErrIdentityMismatch) {
							w.Errorf("the caller gets %v", err)
						}
						if n := len(w.store.committed[a.key]); n != 1 {
							w.Errorf("%d commits, want only the consent", n)
						}
						w.p.Set(func(k *oauthtest.Knobs) { k.As = nil })
						time.Sleep(3 * time.Hour)
						w.state("ada", Active, IdentityMismatch)
						info, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName)
						if err != nil || info.UserID != as.User || info.OrganizationID != as.Organization || info.Reason != "" {
							w.Errorf("accepting gives %+v, %v", info, err)
						}
						if _, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName); !errors.Is(err, ErrNothingToAccept) {
							w.Errorf("accepting again gives %v", err)
						}
					})
				})
			}
		},
		"P24": func(t *testing.T) {
			t.Helper()
			echoes := []oauthtest.Behavior{
				oauthtest.Respond(400, http.Header{"Content-Type": {"text/html"}}, oauthtest.ClientSecret+" "+canary+".refresh.2"),
				oauthtest.Respond(400, nil, `{"error":"`+oauthtest.ClientSecret+`","error_description":"`+oauthtest.ClientSecret+`"}`),
				oauthtest.Respond(400, nil, `{"error":"invalid_client","error_description":"`+oauthtest.ClientSecret+`","error_uri":"https://x/?`+oauthtest.ClientSecret+`"}`),
				func(*http.Request, func() *http.Response) (*http.Response, error) {
					return nil, errors.New(oauthtest.ClientSecret)
				},
				func(*http.Request, func() *http.Response) (*http.Response, error) { panic(oauthtest.ClientSecret) },
				oauthtest.Respond(200, nil, `{"error":"`+oauthtest.ClientSecret+`"}`),
			}
			for i, b := range echoes {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
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
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

// TestFaultP4 is a storm of refusals over many accounts.
func TestFaultP4(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 1500
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		time.Sleep(10 * time.Minute)
		w.p.Always(oauthtest.Respond(429, http.Header{"Retry-After": {"2"}}, ""))
		w.run()
		time.Sleep(41 * time.Minute)
		c := w.m.conns[conName]
		if rate, _ := c.limiter.state(time.Duration(w.m.now().mono)); rate > 2 {
			w.Errorf("the limiter allows %v/s in the storm", rate)
		}
		w.p.Always(nil)
		for i := range n {
			w.state(fmt.Sprint("u", i), Active, "")
		}
		time.Sleep(5 * time.Minute)
		for i := range n {
			if r := w.rec(fmt.Sprint("u", i)); r.Generation < 2 {
				w.Fatalf("five minutes after the storm u%d is not renewed", i)
			}
		}
	})
}

// TestFaultP17 is an hour of a wrong client secret.
func TestFaultP17(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 1000
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		before := map[string]Record{}
		for i := range n {
			before[fmt.Sprint("u", i)] = w.rec(fmt.Sprint("u", i))
		}
		w.p.Set(func(k *oauthtest.Knobs) { k.ClientSecret = "rotated" })
		w.run()
		time.Sleep(41 * time.Minute)
		start, _ := w.counts()
		time.Sleep(time.Hour)
		probes, _ := w.counts()
		if probes -= start; probes < 40 || probes > 120 {
			w.Errorf("%d requests in an hour, want about 60", probes)
		}
		for name, old := range before {
			r := w.rec(name)
			if r.State != old.State || r.Reason != old.Reason || r.Generation != old.Generation || r.Doubts != 0 {
				w.Fatalf("I8: %s became %s (%s), doubts %d", name, r.State, r.Reason, r.Doubts)
			}
		}
		var config *ConnectionConfigError
		if err := w.get(w.account("u5")); !errors.As(err, &config) || config.Code != "invalid_client" || config.UserAction() != CallOperator {
			w.Errorf("a caller gets %v", err)
		}
		h, err := w.m.Health(w.Context())
		if err != nil || h.Connections[0].State != HealthConfigError {
			w.Errorf("health is %+v, %v", h.Connections, err)
		}
		// The operator mends it: a new process with the new secret.
		w.halt()
		w.cfg.Connections[0].ClientSecret = NewSecret("rotated")
		w.m = w.manager()
		w.run()
		time.Sleep(time.Minute)
		left := 0
		for i := range n {
			if w.rec(fmt.Sprint("u", i)).Generation < 2 {
				left++
			}
		}
		if left > 0 {
			w.Errorf("a minute later %d accounts are not renewed", left)
		}
	})
}

// TestFaultP18 is a mass revocation.
func TestFaultP18(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 400
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		for i := range n {
			if i%10 < 3 {
				w.p.RevokeUser(fmt.Sprint("user_u", i))
			}
		}
		w.run()
		time.Sleep(3 * time.Hour)
		revoked := func() (refused, good int) {
			for i := range n {
				switch r := w.rec(fmt.Sprint("u", i)); {
				case r.State == Revoked:
					refused++
				case i%10 >= 3 && r.State == Active && r.Expires.After(r.Now):
					good++
				}
			}
			return refused, good
		}
		refused, good := revoked()
		if refused >= refusalsToTrip || good != n*7/10 {
			w.Errorf("%d accounts are revoked, %d of %d others are fine", refused, good, n*7/10)
		}
		h, err := w.m.Health(w.Context())
		if err != nil || h.Connections[0].State != HealthSuspect {
			w.Errorf("health is %+v, %v", h.Connections, err)
		}
		if err := w.m.AcceptRefusals(w.Context(), conName); err != nil {
			w.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if refused, good = revoked(); refused != n*3/10 || good != n*7/10 {
			w.Errorf("after accepting %d are revoked and %d fine", refused, good)
		}
	})
}

// TestAcceptRefusalsEverywhere accepts a mass revocation at one of two
// replicas.
func TestAcceptRefusalsEverywhere(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 120
		for i := range n {
			w.connect(fmt.Sprint("u", i))
			w.p.RevokeUser(fmt.Sprint("user_u", i))
		}
		other := w.manager()
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		go func() { done <- other.Run(ctx) }()
		w.run()
		revoked := func() (sum int) {
			for i := range n {
				if w.rec(fmt.Sprint("u", i)).State == Revoked {
					sum++
				}
			}
			return sum
		}
		time.Sleep(55 * time.Minute)
		if got := revoked(); got >= 2*refusalsToTrip {
			w.Errorf("%d accounts are revoked before anybody accepted it", got)
		}
		if err := w.m.AcceptRefusals(w.Context(), conName); err != nil {
			w.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if got := revoked(); got != n {
			w.Errorf("%d of %d accounts are revoked after it was accepted", got, n)
		}
		for _, m := range []*Manager{w.m, other} {
			if h, err := m.Health(w.Context()); err != nil || h.Connections[0].State != HealthOK || h.Connections[0].Code != "" {
				w.Errorf("health is %+v, %v", h.Connections, err)
			}
		}
		cancel()
		<-done
	})
}

// TestFaultP22 is a 403 of the API, which the client does not answer with a
// renewal.
func TestFaultP22(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.connect("ada")
		calls := 0
		c := closekit.NewClient(a, closekit.BaseURL("https://api.example"), closekit.HTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			calls++
			return oauthtest.Response(403, nil, `{"error":"no"}`), nil
		})}))
		if _, err := closeapi.MeGet(w.Context(), c, closeapi.MeGetParams{}); !errors.Is(err, closekit.ErrForbidden) {
			w.Errorf("the call gives %v", err)
		}
		if _, refreshes := w.counts(); refreshes != 0 || calls != 1 {
			w.Errorf("%d refreshes, %d calls", refreshes, calls)
		}
		w.end()
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
