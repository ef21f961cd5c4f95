// Package httpx holds the rules about HTTP that the client and the manager of
// connected accounts share.
package httpx

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// NeverSent reports whether an error of a round trip proves that no byte of the
// request left.
func NeverSent(err error) bool {
	return has(err, func(err error) bool {
		switch e := err.(type) { //nolint:errorlint // has unwraps
		case *net.OpError:
			return e.Op == "dial" || e.Op == "proxyconnect"
		case *net.DNSError, *tls.CertificateVerificationError:
			return true
		case tls.RecordHeaderError:
			return e.Conn != nil // only then it was the first record
		}
		return err == http.ErrSchemeMismatch //nolint:errorlint // has unwraps; plain HTTP in answer to the TLS handshake
	})
}

// Untrusted reports whether an error of a round trip says that the certificate of
// the server is not trusted. Trying again does not help.
func Untrusted(err error) bool {
	return has(err, func(err error) bool {
		switch err.(type) { //nolint:errorlint // has unwraps
		case *tls.CertificateVerificationError, x509.UnknownAuthorityError, x509.HostnameError, x509.CertificateInvalidError:
			return true
		}
		return false
	})
}

// Find returns the first error of type E in the tree of err. Unlike errors.As, it
// ignores methods named As, and needs no reflection, which a small program would link
// for it alone.
func Find[E error](err error) (found E, ok bool) {
	ok = has(err, func(err error) (is bool) {
		found, is = err.(E) //nolint:errorlint // has unwraps
		return is
	})
	return found, ok
}

// has reports whether an error in the tree of err matches, in the order of errors.Is.
func has(err error, matches func(error) bool) bool {
	for err != nil {
		if matches(err) {
			return true
		}
		switch e := err.(type) { //nolint:errorlint // it unwraps
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				if has(err, matches) {
					return true
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}

// Quota is what the rate limit headers of a response say.
type Quota struct {
	Limit     int           // requests per window; zero if unknown
	Remaining int           // requests left in the window
	Reset     time.Duration // time left of the window
}

// ReadQuota reads the rate limit headers in the form in which Close sends them:
// RateLimit with commas or semicolons, or separate headers of the newer or the
// older name. It returns false unless both the remaining requests and the reset
// are known.
func ReadQuota(h http.Header) (q Quota, ok bool) {
	q.Limit, _ = strconv.Atoi(field(h, "limit"))
	q.Limit = max(0, q.Limit)
	n, err := strconv.Atoi(field(h, "remaining"))
	q.Remaining = max(0, n)
	q.Reset, ok = seconds(field(h, "reset"), maxReset)
	return q, ok && err == nil && n >= 0
}

// field returns one value of the rate limit headers.
func field(h http.Header, name string) string {
	return cmp.Or(part(h, name), strings.TrimSpace(cmp.Or(h.Get("RateLimit-"+name), h.Get("X-Rate-Limit-"+name))))
}

// part returns the first number with a name, in lower case, of the header RateLimit.
func part(h http.Header, name string) string {
	rest := strings.ReplaceAll(h.Get("RateLimit"), ";", ",")
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		n, v, _ := strings.Cut(part, "=")
		if _, ok := seconds(v, maxRetryAfter); ok && strings.ToLower(strings.TrimSpace(n)) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// RetryAfter returns how long a response asks to wait, from all the headers that
// Close has used over the years, in the order in which they can be trusted. The
// rate limit's own headers come with most responses and ask for nothing unless
// it is used up. A date in Retry-After counts from the Date of the response or
// else from now; it is ignored if both are missing.
func RetryAfter(status int, h http.Header, now time.Time) time.Duration {
	limited := status == http.StatusTooManyRequests
	if limited {
		if d, ok := seconds(part(h, "reset"), maxReset); ok {
			return d
		}
	}
	if v := h.Get("Retry-After"); v != "" {
		if d, ok := seconds(v, maxRetryAfter); ok {
			return d
		}
		if at, err := http.ParseTime(v); err == nil {
			if date, err := http.ParseTime(h.Get("Date")); err == nil {
				now = date
			}
			if !now.IsZero() {
				return max(0, at.Sub(now))
			}
		}
	}
	if !limited {
		return 0
	}
	for _, name := range []string{"RateLimit-Reset", "X-Rate-Limit-Reset"} {
		if d, ok := seconds(h.Get(name), maxReset); ok {
			return d
		}
	}
	return 0
}

// The largest numbers of seconds that are believed. A reset of more than a day can
// only be a clock time; so can a Retry-After of more than three years.
const (
	maxReset      = 86400
	maxRetryAfter = 1e8
)

// seconds reads a number of seconds, with or without a fraction. Numbers above
// most, or that make no sense, are refused.
func seconds(s string, most float64) (time.Duration, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > most {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// IsLocal reports whether a host, without its port, is this machine.
func IsLocal(host string) bool {
	ip := net.ParseIP(host)
	return strings.ToLower(host) == "localhost" || ip != nil && ip.IsLoopback()
}
