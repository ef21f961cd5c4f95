package oauthtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// refresh redeems a refresh token and returns the members of the response.
func refresh(t *testing.T, p *Provider, token string) (status int, members map[string]any) {
	t.Helper()
	form := url.Values{"client_id": {ClientID}, "client_secret": {ClientSecret}, "grant_type": {"refresh_token"}, "refresh_token": {token}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://provider.example/oauth2/token/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&members); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, members
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := New()
		first := p.Grant(Identity{"user_ada", "orga_1"})
		status, m := refresh(t, p, first)
		if status != 200 || m["user_id"] != "user_ada" || m["organization_id"] != "orga_1" || m["refresh_token"] == first || m["expires_in"] != 3600.0 {
			t.Fatalf("%d %v", status, m)
		}
		if status, m := refresh(t, p, first); status != 400 || m["error"] != "invalid_grant" {
			t.Errorf("the spent token gives %d %v", status, m)
		}
		p.Set(func(k *Knobs) { k.Grace = time.Minute })
		if status, _ := refresh(t, p, first); status != 200 {
			t.Errorf("in its time of grace it gives %d", status)
		}
		p.RevokeUser("user_ada")
		if status, _ := refresh(t, p, first); status != 400 {
			t.Errorf("after the revocation it gives %d", status)
		}
		if got := p.Counts(); got != (Counts{Requests: 4, Refreshes: 2, Refusals: 2}) {
			t.Errorf("counts are %+v", got)
		}
		if renewed, refused := p.Renewals("user_ada"); renewed != 2 || refused != 2 || len(p.Redemptions()[first]) != 4 || p.GrantsAlive() != 0 {
			t.Errorf("renewed %d, refused %d", renewed, refused)
		}
	})
}

func TestTwoRedemptionsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := New()
		p.Set(func(k *Knobs) { k.Latency = time.Second })
		token := p.Grant(Identity{"user_ada", "orga_1"})
		go refresh(t, p, token)
		synctest.Wait()
		if n := p.InFlight("user_ada"); n != 1 {
			t.Errorf("%d in flight", n)
		}
		refresh(t, p, token)
		synctest.Wait()
		if v := p.Violations(); len(v) != 1 {
			t.Errorf("violations are %v", v)
		}
	})
}

func TestScriptComesBeforeTheBehavior(t *testing.T) {
	t.Parallel()
	p := New()
	p.Always(Refuse(503, ""))
	p.Script(LoseResponse, ProcessThenRespond(500))
	token := p.Grant(Identity{"user_ada", "orga_1"})
	p.Set(func(k *Knobs) { k.KeepRefreshToken = true })
	if status, _ := refresh(t, p, token); status != 0 {
		t.Errorf("a lost response has status %d", status)
	}
	p.ClearScript()
	if status, _ := refresh(t, p, token); status != 503 {
		t.Errorf("status %d", status)
	}
	if c := p.Counts(); c.Refreshes != 1 {
		t.Errorf("counts are %+v", c)
	}
}
