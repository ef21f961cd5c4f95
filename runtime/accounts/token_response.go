package accounts

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/httpx"
)

// tokenResponse is what came of one request to an OAuth endpoint.
type tokenResponse struct {
	kind       FailureKind // empty: a success
	code       string      // the error member, if it is one we know
	status     int         // 0 without a response
	retryAfter time.Duration
	oddities   []string // what was strange about a success
	unusable   bool     // a token of a success cannot be used

	pair      pair
	expiresIn time.Duration
	org, user string
}

// members are the top-level members of a token response, as texts.
type members map[string]string

// readMembers reads what can be read of a token response: JSON, with a byte order
// mark, trailing bytes or a missing end; or a form. It reports whether the text
// was OAuth at all, and whether it was complete.
func readMembers(body []byte) (m members, oauth, complete bool) {
	body = bytes.TrimSpace(bom.Trim(body))
	if len(body) == 0 {
		return nil, false, false
	}
	if body[0] == '{' {
		return readJSON(body)
	}
	key, _, found := bytes.Cut(body, []byte("="))
	if !found || !isWord(key) {
		return nil, false, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, false, false
	}
	m = members{}
	for k := range form {
		m[k] = form.Get(k)
	}
	return m, true, true
}

func isWord(b []byte) bool {
	for _, c := range b {
		if c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(b) > 0
}

func readJSON(body []byte) (m members, oauth, complete bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil { // the brace
		return nil, false, false
	}
	m = members{}
	for dec.More() {
		name, err := dec.Token()
		key, ok := name.(string)
		if err != nil || !ok {
			return m, true, false
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return m, true, false
		}
		var text string
		if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
			m[key] = text
		} else if raw[0] != '{' && raw[0] != '[' && raw[0] != 'n' {
			m[key] = "\x00" + string(raw) // a number or a bool, never a token or a code
		}
	}
	_, err := dec.Token()
	return m, true, err == nil
}

// text returns a member that must be a string.
func (m members) text(name string) string {
	if s := m[name]; !strings.HasPrefix(s, "\x00") {
		return s
	}
	return ""
}

// life reads expires_in in whatever form it came, and says what was strange.
func (m members) life(assumed time.Duration) (time.Duration, string) {
	s, given := m["expires_in"]
	if !given {
		return assumed, "expires_in_missing"
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimPrefix(s, "\x00")), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 1 || seconds > 366*24*3600 {
		return assumed, "expires_in_invalid"
	}
	return time.Duration(seconds) * time.Second, ""
}

// configCodes are the errors that the connection itself causes.
var configCodes = []string{"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request"}

// classify says what a response means, or what came of one.
func classify(status int, h http.Header, body []byte, readErr error, assumed time.Duration, now time.Time) tokenResponse {
	r := tokenResponse{status: status, retryAfter: retryAfter(status, h, now)}
	m, oauth, complete := readMembers(body)
	if readErr != nil && oauth && !bytes.HasPrefix(bytes.TrimSpace(bom.Trim(body)), []byte("{")) {
		m = nil // a form does not show where it was cut
	}
	code := m.text("error")
	config := slices.Contains(configCodes, code)
	if config || code == "invalid_grant" || code == "invalid_token" {
		r.code = code
	}
	success := status >= 200 && status < 300
	switch {
	case success && oauth && m.text("refresh_token")+m.text("access_token") != "" && code == "" &&
		(complete || m.text("refresh_token") != ""):
		// A response that was cut counts if it holds the refresh token as a whole.
		return r.success(m, assumed)
	case readErr != nil:
		r.kind = InDoubt
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		r.kind = ProviderTrouble
	case code == "invalid_grant":
		r.kind = GrantRefused
	case config:
		r.kind = ConfigTrouble
	case success && code == "":
		r.kind = BadSuccess
	default: // redirects, pages of a firewall, unknown codes
		r.kind = ProviderTrouble
	}
	return r
}

// isToken reports whether a text may be sent as a token: RFC 6749 allows the
// printable characters of ASCII. A control character would make every request
// with it fail, or worse.
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

func (r tokenResponse) success(m members, assumed time.Duration) tokenResponse {
	var odd string
	r.expiresIn, odd = m.life(assumed)
	if odd != "" {
		r.oddities = append(r.oddities, odd)
	}
	for name, at := range map[string]*Secret{"access_token": &r.pair.access, "refresh_token": &r.pair.refresh} {
		if isToken(m.text(name)) {
			*at = NewSecret(m.text(name))
			continue
		}
		r.unusable = true
		r.oddities = append(r.oddities, name+"_odd")
	}
	if r.pair.access.IsZero() && r.pair.refresh.IsZero() {
		r.kind = BadSuccess
		return r
	}
	if r.pair.refresh.IsZero() {
		r.oddities = append(r.oddities, "refresh_token_missing")
	}
	if r.pair.access.IsZero() {
		r.expiresIn = 0 // only the refresh token was saved; renew at once
		r.oddities = append(r.oddities, "access_token_missing")
	}
	for name, id := range map[string]*string{"organization_id": &r.org, "user_id": &r.user} {
		*id = m.text(name)
		if len(*id) > MaxNameBytes || strings.ContainsFunc(*id, func(c rune) bool { return !unicode.IsPrint(c) }) || !utf8.ValidString(*id) {
			*id = "" // no database would have to keep it
			r.oddities = append(r.oddities, name+"_odd")
		}
	}
	return r
}

// maxRetryAfter bounds how long a provider can make us wait.
const maxRetryAfter = 15 * time.Minute

// retryAfter returns how long a refusal asks to wait, bounded by maxRetryAfter.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	if status < 400 {
		return 0
	}
	return min(httpx.RetryAfter(status, h, now), maxRetryAfter)
}
