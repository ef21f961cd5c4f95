// Package httpx holds the rules about HTTP that the client and the manager of
// connected accounts share.
package httpx

import (
	"crypto/tls"
	"errors"
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
	var (
		op   *net.OpError
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &op) && op.Op == "dial", errors.As(err, &dns), errors.As(err, &cert):
		return true
	case errors.As(err, &rec):
		return rec.Conn != nil // only then it was the first record
	}
	return false
}

// RetryAfter returns how long a response asks to wait, from all the headers that
// Close has used over the years, in the order in which they can be trusted. The
// rate limit's own headers come with most responses and ask for nothing unless
// it is used up. A date in Retry-After counts from the Date of the response or
// else from now; it is ignored if both are missing.
func RetryAfter(status int, h http.Header, now time.Time) time.Duration {
	limited := status == http.StatusTooManyRequests
	if limited {
		if d, ok := reset(h.Get("RateLimit")); ok {
			return d
		}
	}
	if v := h.Get("Retry-After"); v != "" {
		if d, ok := seconds(v); ok {
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
		if d, ok := seconds(h.Get(name)); ok {
			return d
		}
	}
	return 0
}

// reset reads the reset out of a RateLimit header.
func reset(header string) (time.Duration, bool) {
	for part := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
		name, val, ok := strings.Cut(part, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "reset") {
			if d, ok := seconds(val); ok {
				return d, true
			}
		}
	}
	return 0, false
}

// seconds reads a number of seconds, with or without a fraction. Numbers that
// can only be clock times, or make no sense, are refused.
func seconds(s string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 86400 {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// IsLocal reports whether a host, without its port, is this machine.
func IsLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
