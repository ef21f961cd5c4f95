package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// confirmFlags are the flags about confirmation.
type confirmFlags struct{ yes, readOnly bool }

func (f *confirmFlags) define(flags *pflag.FlagSet) {
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before a call whose effect is more than write")
	flags.BoolVar(&f.readOnly, "read-only", false, "send nothing that changes data or reaches a customer")
}

// action is something to send that the user may have to confirm.
type action struct {
	name    string   // close_lead_delete, or DELETE /lead/lead_x/
	effects []string // of effectNames
	input   string   // what is sent, for the question
	line    []string // the arguments of the command line, without --yes
	account string   // the connected account, or empty for the API key
}

// question is what the user is asked.
func (a *action) question(program string) string {
	as := ""
	if a.account != "" {
		as = " as account " + visible(a.account)
	}
	return fmt.Sprintf("%s: %s %s. It is called%s with\n\n  %s\n\nGo ahead? [y/N] ", program, printable(a.name, 200), a.does(), as, printable(a.input, 2000))
}

// ifWanted begins the advice to repeat a command.
const ifWanted = "if that is wanted, run"

// again returns the advice to repeat the command with --yes.
func (a *action) again() string {
	advice := ifWanted + ": " + commandLine(a.line)
	if slices.Contains(a.line, "-") { // its input was too long to repeat
		advice = ifWanted + ", with the same standard input: " + commandLine(a.line)
	}
	return advice
}

// does describes the effects to the user.
func (a *action) does() string {
	if len(a.effects) == len(effectNames)-1 { // the effect is not known
		return "may delete data, or send something to a customer"
	}
	is := "reads data"
	var also []string
	for _, e := range a.effects {
		switch e {
		case writing:
			is = "changes data"
		case overwriting:
			is = "replaces what is stored"
		case destroying:
			is = "deletes or overwrites data for good"
		case sending:
			also = append(also, "may send something to a customer")
		case "egress":
			also = append(also, "lets data out of Close")
		case "admin":
			also = append(also, "changes the set-up of the organization")
		}
	}
	if is == "changes data" && len(also) > 0 {
		is, also = also[0], also[1:]
	}
	return strings.Join(append([]string{is}, also...), " and ")
}

// permit decides whether an action may be carried out, and asks the user if it
// must. Without an error it may.
func (p *program) permit(ctx context.Context, a *action, f confirmFlags) error {
	rules, err := p.policy()
	if err != nil {
		return err
	}
	v := rules.judge(a.effects, f)
	switch {
	case v.decision == allow:
		return nil
	case v.decision == deny && v.byPolicy:
		return unconfirmed(fmt.Sprintf("%s %s, which the policy of this host forbids; nothing was sent", a.name, a.does()),
			fmt.Sprintf("%s decides on %s; --yes does not change it", envPolicy, v.effect))
	case v.decision == deny:
		return unconfirmed(fmt.Sprintf("%s %s, which --read-only forbids; nothing was sent", a.name, a.does()), "leave out --read-only")
	}
	switch yes, err := ownTerminal().ask(ctx, p.redact(a.question(p.name))); {
	case errors.Is(err, errNoTerminal) && v.byPolicy:
		return unconfirmed(fmt.Sprintf("%s %s, which the policy of this host wants to be confirmed on a terminal, and there is none; nothing was sent", a.name, a.does()),
			fmt.Sprintf("%s decides on %s; --yes does not change it", envPolicy, v.effect))
	case errors.Is(err, errNoTerminal):
		return unconfirmed(fmt.Sprintf("%s %s, and there is no terminal to ask for confirmation; nothing was sent", a.name, a.does()),
			a.again())
	case err != nil:
		return err
	case !yes:
		return unconfirmed("not confirmed; nothing was sent")
	}
	return nil
}

// unconfirmed returns an error about a call that was not confirmed.
func unconfirmed(what string, hints ...string) error {
	return &hinted{errors.New(what), hints, exitUnconfirmed}
}

// printable makes a text safe to show: what cannot be printed could change what the
// user believes to confirm.
func printable(s string, most int) string {
	var b strings.Builder
	for n := 0; s != ""; n++ {
		if n == most {
			fmt.Fprintf(&b, "… and %d more bytes", len(s))
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// commandLine returns the command line that carries out what is asked for.
func commandLine(args []string) string {
	line := []string{ownName}
	for _, arg := range args {
		line = append(line, quoteArg(arg))
	}
	at := len(line)
	if slices.Contains(args, "--") { // no flags come after it
		at = 2 // after the command
	}
	return strings.Join(slices.Insert(line, at, "--yes"), " ")
}

// quoteArg quotes an argument for a shell.
func quoteArg(s string) string {
	if name, value, ok := strings.Cut(s, "="); ok && strings.HasPrefix(s, "--") && shellWord(name) == name && value != "" {
		return name + "=" + quoteArg(value)
	}
	plain := shellWord(s)
	if plain == s || s == "" || strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) >= 0 {
		return plain
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
