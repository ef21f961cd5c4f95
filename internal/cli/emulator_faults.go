package cli

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/words"
)

var rateStyles = map[string]emulator.RateLimitStyle{
	"none": emulator.RateLimitNone, "comma": emulator.RateLimitComma, "semicolon": emulator.RateLimitSemicolon,
	"legacy": emulator.RateLimitLegacy, "retry-after": emulator.RateLimitRetryAfter,
}

func rateStyleNames() []string { return slices.Sorted(maps.Keys(rateStyles)) }

// rateLimitOf reads --rate-limit and --rate-limit-headers.
func rateLimitOf(limit, headers string) (rl emulator.RateLimit, err error) {
	if limit != "" {
		rl.Style = emulator.RateLimitComma
		count, window, given := strings.Cut(limit, "/")
		n, err := strconv.Atoi(count)
		if given && strings.Trim(window, "abcdefghijklmnopqrstuvwxyz") == "" {
			window = "1" + window // 10/s
		}
		d, badTime := time.ParseDuration(window)
		if err != nil || n < 1 || given && (badTime != nil || d <= 0) {
			return rl, usage(fmt.Sprintf("--rate-limit must be a number of requests and a time, got %q", shorten(limit)), "for example --rate-limit 10/5s; without a time it is one second")
		}
		rl.Requests, rl.Window = n, d
	}
	if headers != "" {
		style, ok := rateStyles[headers]
		if !ok {
			return rl, usage(fmt.Sprintf("--rate-limit-headers: unknown style %q", shorten(headers)), "styles are "+strings.Join(rateStyleNames(), ", "))
		}
		rl.Style = style
	}
	return rl, nil
}

var faultKinds = map[string]emulator.FaultKind{
	"cut": emulator.FaultCut, "malformed": emulator.FaultMalformed, "html": emulator.FaultHTML,
	"empty": emulator.FaultEmpty, "endless": emulator.FaultEndless, "short": emulator.FaultShort,
}

// faultsOf reads the values of --fault. The faults of tools are limited to served,
// the tools of the emulator.
func (p *program) faultsOf(texts, served []string) ([]emulator.Fault, error) {
	var list []emulator.Fault
	for _, text := range texts {
		f := emulator.Fault{Header: http.Header{}}
		for setting := range strings.SplitSeq(text, ",") {
			name, value, given := strings.Cut(strings.TrimSpace(setting), "=")
			set := faultSettings[name]
			switch {
			case !given:
				set, value = setBare, name
			case set == nil:
				names := slices.Sorted(maps.Keys(faultSettings))
				hint := "settings are " + strings.Join(names, ", ")
				if near := words.Nearest(name, names); near != "" {
					hint = "did you mean " + near + "?"
				}
				return nil, usage(fmt.Sprintf("--fault has no setting %q", shorten(name)), hint)
			}
			if expected := set(&f, value); expected != "" {
				return nil, usage(fmt.Sprintf("--fault %s: %q is not %s", shorten(text), shorten(value), expected), "for example --fault 503,tool=close_lead_create,times=2")
			}
		}
		if f.Tool != "" && !slices.Contains(served, f.Tool) {
			return nil, p.unserved(text, f.Tool, served)
		}
		if f.Kind == emulator.FaultResponse && f.Status == 0 && f.OAuthError == "" && f.Delay == 0 && len(f.Header) == 0 {
			return nil, usage("--fault "+shorten(text)+" says nothing that fails", "begin with a status or a kind, such as 503 or cut")
		}
		list = append(list, f)
	}
	return list, nil
}

// unserved returns the error of a fault for a tool that the emulator does not serve.
func (p *program) unserved(fault, name string, served []string) error {
	what := fmt.Sprintf("--fault %s: the emulator serves no tool %q", shorten(fault), shorten(name))
	if _, err := p.catalog.Lookup(name); err == nil { // a program gave the command the tool without a route
		return usage(what, "this program has the tool but gives its emulator no route for it (Routes of cli.Program)")
	}
	for _, meant := range meantTools(p.catalog.Lookup, name) {
		if slices.Contains(served, meant) {
			return usage(what, "did you mean "+meant+"?")
		}
	}
	return usage(what, "\"closekit tools\" lists the tools")
}

// faultSettings read the settings of a fault. They return what was expected if the
// value is wrong.
var faultSettings = map[string]func(f *emulator.Fault, value string) string{
	"kind": func(f *emulator.Fault, value string) string {
		kind, ok := faultKinds[value]
		f.Kind = kind
		return unless(ok, "one of "+strings.Join(slices.Sorted(maps.Keys(faultKinds)), ", "))
	},
	"status": func(f *emulator.Fault, value string) (expected string) {
		status, err := strconv.Atoi(value)
		f.Status = status
		return unless(err == nil && status >= 200 && status <= 599, "a status from 200 to 599")
	},
	"method": func(f *emulator.Fault, value string) string {
		f.Method = strings.ToUpper(value)
		return unless(slices.Contains(apiMethods, f.Method), "a method")
	},
	"path": func(f *emulator.Fault, value string) string {
		f.Path = value
		return unless(strings.HasPrefix(value, "/") || strings.HasPrefix(value, "*"), "a path from the root, such as /api/v1/lead/")
	},
	"tool": func(f *emulator.Fault, value string) string {
		f.Tool = value
		return unless(value != "", "a tool")
	},
	"skip": func(f *emulator.Fault, value string) string { return setCount(&f.Skip, value) },
	"times": func(f *emulator.Fault, value string) string {
		if value == "all" {
			f.Times = -1
			return ""
		}
		return setCount(&f.Times, value)
	},
	"delay": func(f *emulator.Fault, value string) string {
		d, err := time.ParseDuration(value)
		f.Delay = d
		return unless(err == nil && d >= 0, "a time, such as 2s")
	},
	"header": func(f *emulator.Fault, value string) string {
		name, text, ok := strings.Cut(value, ":")
		f.Header.Add(name, strings.TrimSpace(text))
		return unless(ok && name != "", "a header, such as Retry-After:5")
	},
	"oauth_error": func(f *emulator.Fault, value string) string {
		f.OAuthError = value
		return unless(value != "", "an error, such as invalid_grant")
	},
}

// setBare takes a setting without a name: a status, a kind, or after.
func setBare(f *emulator.Fault, value string) string {
	if value == "after" {
		f.AfterAction = true
		return ""
	}
	if faultSettings["status"](f, value) == "" {
		return ""
	}
	f.Status = 0
	return unless(faultSettings["kind"](f, value) == "", "a status or a kind: "+strings.Join(slices.Sorted(maps.Keys(faultKinds)), ", ")+", or after")
}

func setCount(to *int, value string) string {
	n, err := strconv.Atoi(value)
	*to = n
	return unless(err == nil && n >= 0, "a number")
}

func unless(ok bool, expected string) string {
	if ok {
		return ""
	}
	return expected
}
