// Package apiroot reads the base URL of the API as people write it in settings.
package apiroot

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/httpx"
)

// Error is what is wrong with a base URL, and what helps.
type Error struct{ What, Hint string }

func (e *Error) Error() string { return e.What + "; " + e.Hint }

// Parse returns a base URL without spaces around it and without a trailing slash. The
// empty text is [closekit.DefaultBaseURL]. Every error is an [*Error]; from is the name
// of the setting in it.
func Parse(from, root string) (string, *url.URL, error) {
	root = strings.TrimRight(strings.TrimSpace(root), "/")
	if root == "" {
		root = closekit.DefaultBaseURL
	}
	u, err := url.Parse(root)
	bare := err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https"
	switch {
	case strings.Contains(root, "@"):
		return root, nil, &Error{from + " must not contain a user or a password", "set CLOSE_API_KEY to the API key"}
	case bare && !strings.Contains(root, "://"):
		scheme := "https://"
		host, _, _ := strings.Cut(root, "/")
		if name, _, err := net.SplitHostPort(host); err == nil && httpx.IsLocal(name) || httpx.IsLocal(host) {
			scheme = "http://"
		}
		return root, nil, &Error{fmt.Sprintf("%s %q lacks http:// or https://", from, root), "did you mean " + scheme + root + "?"}
	case bare:
		return root, nil, &Error{fmt.Sprintf("%s %q is not a web address", from, root), "give the root of the API, such as " + closekit.DefaultBaseURL}
	case u.RawQuery != "" || u.Fragment != "":
		return root, nil, &Error{fmt.Sprintf("%s %q must have neither ? nor #", from, root), "give the root of the API, such as " + closekit.DefaultBaseURL}
	}
	if at := strings.Index(u.Path, "/api/v1"); at >= 0 {
		short := *u
		short.Path = u.Path[:at]
		return root, nil, &Error{fmt.Sprintf("%s %q must be the root, without /api/v1", from, root), "did you mean " + short.String() + "?"}
	}
	return root, u, nil
}

// PlainHosts reads a list of hosts that may be called without encryption.
func PlainHosts(list string) []string {
	hosts := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for i, host := range hosts {
		hosts[i] = strings.Trim(host, "[]")
	}
	return hosts
}

// Exposed reports whether requests to u can be read on the network, which the hosts in
// plain are allowed for.
func Exposed(u *url.URL, plain []string) (exposed, allowed bool) {
	exposed = u.Scheme == "http" && !httpx.IsLocal(u.Hostname())
	return exposed, slices.ContainsFunc(plain, func(host string) bool { return strings.EqualFold(host, u.Hostname()) })
}
