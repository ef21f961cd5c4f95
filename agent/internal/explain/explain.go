// Package explain writes the texts that models read when a call fails: what is
// wrong, what to do next, whether repeating helps, and whether a write may have
// happened. A text has no link, no secret and no control characters.
package explain

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/repair"
	"github.com/closekit/closekit/internal/words"
)

// Options are what the text needs to know of the call.
type Options struct {
	Repairs []repair.Repair // that were made before the call failed
}

// ModelError is implemented by errors that have their own text for models.
type ModelError interface {
	error
	// ModelText is the text for a model. It is cleaned and cut like any other.
	ModelText() string
}

const (
	mostProblems = 10
	mostForeign  = 200  // bytes of a text of Close
	mostText     = 4000 // bytes of all
)

// Error returns the text for a model about an error of a call.
func Error(err error, f repair.Facts, o Options) string {
	if err == nil {
		return ""
	}
	text := explain(err, f)
	if closekit.MaybeDone(err) {
		text += " The write may have happened: look for its result before you repeat it."
	}
	if read := Repairs(o.Repairs); read != "" {
		text += "\n" + read
	}
	return cut(text)
}

// cut cleans a text line by line and cuts it.
func cut(text string) string {
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "") + "…"
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = words.Clean(l, len(l))
	}
	return strings.Join(lines, "\n")
}

// Repairs tells a model how its input was read, on one line; "" if it was read as it
// is.
func Repairs(list []repair.Repair) string {
	if len(list) == 0 {
		return ""
	}
	const most = 5
	var parts []string
	for i, r := range list {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		switch {
		case r.Path == "":
			parts = append(parts, r.Why)
		case r.To == "":
			parts = append(parts, words.Name(r.Path)+" left out")
		default:
			parts = append(parts, words.Name(r.Path)+" = "+words.Name(r.To))
		}
	}
	return "Input read as: " + strings.Join(parts, "; ") + "."
}

func explain(err error, f repair.Facts) string {
	var (
		own       ModelError
		invalid   *closekit.ValidationError
		unknown   *closekit.UnknownToolError
		denied    *closekit.AuthorizationError
		response  *closekit.Error
		lost      *closekit.TransportError
		unread    *closekit.DecodeError
		skip      *closekit.SkipLimitError
		differs   *closekit.CountError
		unsorted  *closekit.UnsortedError
		page      *closekit.PageError
		retryable interface{ Retryable() bool }
	)
	switch {
	case errors.As(err, &own):
		return foreign(own.ModelText(), mostText)
	case errors.As(err, &invalid):
		return validation(invalid, f)
	case errors.As(err, &differs):
		return fmt.Sprintf("Nothing was sent: confirm_count is %d, and the query finds %d now. Count with close_search first, tell the user the number, and give it as confirm_count if they agree.", differs.Confirmed, differs.Found)
	case errors.As(err, &unsorted):
		return fmt.Sprintf("Nothing was sent: results_limit takes %d of the %d records that the query finds, and no sort says which. Give sort, or narrow the query, so that the user knows which records it is about.", unsorted.Limit, unsorted.Found)
	case errors.Is(err, closekit.ErrEverything):
		return "Nothing was sent: the query finds all records of its kind. Correct it if that is not meant. If it is, tell the user, and give confirm_everything if they agree."
	case errors.Is(err, closekit.ErrNoUndo):
		return "Nothing was sent: the records as they are could not be kept. Tell the user; repeating does not help."
	case errors.As(err, &unknown):
		return unknownTool(unknown)
	case errors.As(err, &denied):
		return authorization(denied)
	case errors.As(err, &skip):
		return "Close returns no results beyond this position. Narrow the list" + narrow(skip) + " instead of paging on; repeating does not help."
	case errors.As(err, &response):
		return status(response)
	case errors.As(err, &page):
		return "The list ended early: Close sent a page that cannot be right. Call once more from the start; if it fails again, tell the user."
	case errors.Is(err, context.Canceled):
		return "The run was canceled. Do not repeat the call."
	case errors.Is(err, context.DeadlineExceeded):
		return "The call took too long and was ended." + unless(closekit.MaybeDone(err), " Try once more; if it fails again, tell the user.")
	case errors.As(err, &unread):
		return "Close responded, but the response cannot be read. Repeating does not help; tell the user."
	case errors.As(err, &lost):
		return "There was no complete response from Close." + unless(lost.MaybeDone, " Try once more; if it fails again, tell the user.")
	case errors.As(err, &retryable) && retryable.Retryable():
		return "The user's Close account is not available right now. Try again later."
	case errors.As(err, &retryable):
		return "The user's Close account needs the user or an operator before any call works. Tell the user; repeating does not help."
	}
	return "The call failed: " + foreign(err.Error(), mostForeign) + " Repeating it as it is does not help; tell the user."
}

func narrow(e *closekit.SkipLimitError) string {
	if len(e.Narrow) == 0 {
		return ""
	}
	return " with " + strings.Join(e.Narrow, ", ")
}

func unknownTool(e *closekit.UnknownToolError) string {
	text := "There is no tool " + words.Quote(e.Name) + "."
	if e.Nearest == "" {
		return text + " Use a name from the list of tools."
	}
	return text + " Use " + strings.Join(append([]string{e.Nearest}, e.Others...), " or ") + " if that is what you mean."
}

func authorization(e *closekit.AuthorizationError) string {
	if errors.Is(e, closekit.ErrNeedsOAuth) {
		return "Not sent. Close allows this only to accounts that are connected by OAuth, and this one uses an API key. Repeating does not help; " +
			"tell the user to connect an account by OAuth. Other tools work."
	}
	var retryable interface{ Retryable() bool }
	if errors.As(e.Err, &retryable) && retryable.Retryable() {
		return "The user's Close account is not available right now. Try again later; until then tell the user that it waits."
	}
	return "The user must connect their Close account again: " + foreign(e.Reason, mostForeign) + " Tell the user; no call works until then."
}

// status explains a response of Close.
func status(e *closekit.Error) string {
	said := ""
	if e.Message != "" {
		said = " Close says: " + foreign(e.Message, mostForeign)
	}
	switch s := e.Status; {
	case s == http.StatusUnauthorized:
		return "Close rejected the credential of this account, or the user may not do this" + needed(e, ", which needs ") + "." + said + " Repeating does not help; the user may have to connect the account again, or to correct the API key."
	case s == http.StatusPaymentRequired:
		return "The organization's plan does not include this, or a limit of it is reached." + said + " Repeating does not help; tell the user."
	case s == http.StatusForbidden:
		return "The user may not do this in Close" + needed(e, ": it needs ") + "." + said + " Repeating does not help; tell the user."
	case s == http.StatusNotFound:
		return "There is no such record, or the user cannot see it. Check the id with a list or get tool; do not repeat this call with the same id." + said
	case s == http.StatusConflict:
		return "The record is in a state that does not allow this, or changed meanwhile. Read it again, then decide." + said
	case s == http.StatusTooManyRequests:
		return "Too many calls. " + wait(e.RetryAfter) + ", then repeat the call."
	case s >= http.StatusInternalServerError:
		return "Close has a problem (" + fmt.Sprint(s) + ")." + unless(e.MaybeDone, " "+wait(e.RetryAfter)+", then try once more; if it fails again, tell the user.")
	case s == http.StatusBadRequest, s == http.StatusUnprocessableEntity:
		return refused(e, said)
	}
	return fmt.Sprintf("Close refused the call (%d).%s Repeating it as it is does not help.", e.Status, said)
}

// needed returns how and the right that the call needs, or "" if none is known.
func needed(e *closekit.Error, how string) string {
	if e.Right == "" {
		return ""
	}
	return how + e.Right
}

func refused(e *closekit.Error, said string) string {
	lines := []string{"Close refused the input; correct it and call again." + said}
	for i, f := range e.FieldErrors {
		if i == mostProblems {
			lines = append(lines, fmt.Sprintf("- and %d more", len(e.FieldErrors)-i))
			break
		}
		lines = append(lines, "- "+words.Name(f.Field)+": "+foreign(f.Message, mostForeign))
	}
	if e.Hint != "" {
		lines = append(lines, foreign(e.Hint, mostForeign))
	}
	return strings.Join(lines, "\n")
}

// unless returns the advice to repeat a call that certainly did nothing.
func unless(maybeDone bool, advice string) string {
	if maybeDone {
		return ""
	}
	return advice
}

func wait(d time.Duration) string {
	if d <= 0 {
		return "Wait a little"
	}
	n := int64((d + time.Second - 1) / time.Second)
	return "Wait " + words.Count(int(n), "second")
}

var (
	link   = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://\S+`)
	secret = regexp.MustCompile(`(?i)\b(bearer|basic)\s+\S+|\b(api|secret|token|refresh|access)[_=:][A-Za-z0-9_.~+/-]{8,}=*|\beyJ[A-Za-z0-9_-]{10,}\.\S+`)
)

// foreign cleans text that others wrote: it ends with a full stop.
func foreign(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	s = secret.ReplaceAllString(link.ReplaceAllString(s, "(link)"), "(secret)")
	s = words.Clean(s, most)
	if s != "" && !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "…") {
		s += "."
	}
	return s
}

// validation has a line for each problem.
func validation(e *closekit.ValidationError, f repair.Facts) string {
	problems := e.Problems[:min(len(e.Problems), mostProblems)]
	more := e.More + len(e.Problems) - len(problems)
	if len(problems) == 1 && more == 0 {
		return "Not sent. " + problem(problems[0], f) + "."
	}
	lines := []string{fmt.Sprintf("Not sent, %d problems; correct them and call again:", len(problems)+more)}
	for _, p := range problems {
		lines = append(lines, "- "+problem(p, f))
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", more))
	}
	return strings.Join(lines, "\n")
}

func problem(p closekit.Problem, f repair.Facts) string {
	const mostExpected, mostReceived, mostHint = 400, 80, 300
	if p.Path == "" {
		p.Path = ruleParameter(p.Expected)
	}
	var b strings.Builder
	if p.Path != "" {
		b.WriteString(words.Clean(p.Path, mostReceived) + " ")
	}
	b.WriteString(words.Clean(p.Expected, mostExpected))
	if p.Received != "" {
		b.WriteString(", got " + words.Clean(p.Received, mostReceived))
	}
	if hint := words.Clean(advice(p, f), mostHint); hint != "" {
		b.WriteString("; " + hint)
	}
	return b.String()
}

// ruleParameter returns the first parameter that a rule names, so that every line
// starts with one.
func ruleParameter(expected string) string {
	_, rest, ok := strings.Cut(expected, " of ")
	if !ok || !strings.HasPrefix(expected, "give ") {
		return ""
	}
	first, _, _ := strings.Cut(rest, " ")
	return first + ":"
}

// meanings tell values apart that models mix up.
var meanings = map[string]string{
	"outbox": "outbox sends it now, scheduled sends it later, draft only saves it, sent only logs one that was sent elsewhere",
	"annual": "annual is yearly, monthly is each month, one_time is once",
	"active": "active is still open",
}

// advice is the next step.
func advice(p closekit.Problem, f repair.Facts) string {
	values, isEnum := strings.CutPrefix(p.Expected, "must be one of ")
	switch {
	case isEnum:
		list := strings.Split(values, ", ")
		for _, v := range []string{"outbox", "annual"} {
			if slices.Contains(list, v) {
				return meanings[v]
			}
		}
		if slices.Contains(list, "active") && slices.Contains(list, "won") {
			return meanings["active"]
		}
	case strings.HasPrefix(p.Expected, "must be a date"), strings.HasPrefix(p.Expected, "must be a time"):
		if f.Now != nil && p.Hint == "" {
			return "now it is " + today(f) + " for this user"
		}
	case p.Expected == "must be an integer amount in cents" && p.Hint == "":
		return "write $12,000 as 1200000"
	case p.Expected == "must be an integer" && strings.HasPrefix(p.Received, "0."):
		return "write 40 percent as 40"
	}
	return p.Hint
}

func today(f repair.Facts) string {
	now := f.Now()
	if f.Zone != nil {
		if zone, err := f.Zone(); err == nil && zone != nil {
			now = now.In(zone)
		}
	}
	return now.Format("2006-01-02 15:04 -07:00 (Monday)")
}
