package closekit

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Cents is an amount of money in minor units: 1200000 is $12,000.00. Close stores
// opportunity values this way; the currency is that of the organization.
//
// Cents cannot be converted from a float64, because a float cannot hold most
// amounts exactly. [ParseCents] converts a string.
type Cents int64

// Dollars returns an amount of n whole major units of the organization's currency,
// such as dollars.
func Dollars(n int64) Cents { return Cents(n * 100) }

// ParseCents parses an amount in major units, written as a decimal such as
// "12000", "12,000.50" or "-3.5". A fraction of a cent is an error.
func ParseCents(s string) (Cents, error) {
	fail := func(why string) (Cents, error) {
		return 0, fmt.Errorf("amount %q: %s", s, why)
	}
	t := strings.TrimSpace(s)
	neg := strings.HasPrefix(t, "-")
	t = strings.TrimPrefix(strings.TrimPrefix(t, "-"), "$")
	whole, frac, dot := strings.Cut(t, ".")
	if groups := strings.Split(whole, ","); len(groups) > 1 {
		for i, g := range groups {
			if i == 0 && (g == "" || len(g) > 3) || i > 0 && len(g) != 3 {
				return fail("commas must separate thousands")
			}
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" || dot && frac == "" {
		return fail("not a decimal number")
	}
	frac = strings.TrimRight(frac, "0")
	if len(frac) > 2 {
		for _, c := range frac {
			if c < '0' || c > '9' {
				return fail("not a decimal number")
			}
		}
		return fail("has a fraction of a cent")
	}
	for len(frac) < 2 {
		frac += "0"
	}
	digits := whole + frac
	for _, c := range digits {
		if c < '0' || c > '9' {
			return fail("not a decimal number")
		}
	}
	if neg {
		digits = "-" + digits
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return fail("too large")
	}
	return Cents(n), nil
}

// String formats the amount in major units without a currency: "12,000.00".
func (c Cents) String() string {
	neg, n := c < 0, uint64(c) //nolint:gosec // negated below when negative
	if neg {
		n = -n
	}
	whole := strconv.FormatUint(n/100, 10)
	var b strings.Builder
	if neg {
		b.WriteByte('-')
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	fmt.Fprintf(&b, ".%02d", n%100)
	return b.String()
}

// Format formats the amount with its currency: "$12,000.00" for USD, otherwise with
// the currency code in front, "EUR 12,000.00".
func (c Cents) Format(currency string) string {
	sign, abs := "", c
	if c < 0 && c != math.MinInt64 {
		sign, abs = "-", -c
	}
	if currency == "USD" {
		return sign + "$" + abs.String()
	}
	return sign + currency + " " + abs.String()
}
