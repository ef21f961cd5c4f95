package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/runtime/webhooks"
)

// eventFlags are the flags of events.
type eventFlags struct {
	acc        accountFlags
	follow     bool
	since      string
	checkpoint string
	interval   time.Duration
}

// Bounds of the time between two reads of the event log.
const (
	minInterval = time.Second
	maxInterval = time.Hour
)

func (p *program) eventsCommand() *cobra.Command {
	var f eventFlags
	cmd := &cobra.Command{
		Use:   "events KIND...",
		Short: "Print events of Close as JSON lines",
		Long: `Print the events of Close's event log as JSON lines, oldest first: what a webhook
would deliver, for computers without a public address.

KIND is a type of record and an action, such as lead.created, contact.updated or
activity.note.deleted. Close lists the kinds in its documentation of webhooks. A kind
that is not among them is an error if it is like one that is, else a warning.

With --follow, the command goes on and prints new events as they come. With
--checkpoint it keeps in a file how far it has read: the next run goes on from there
and prints nothing twice, but what it printed in the moment in which it was killed.
Close keeps events for 30 days, and shows the data of those older than an hour to
administrators only.`,
		Example: `  closekit events lead.created lead.updated --since 24h
  closekit events lead.created --follow --checkpoint leads.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd.CommandPath()+" needs at least one kind of event", "for example "+cmd.CommandPath()+" lead.created lead.updated", seeHelp(cmd))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.events(cmd.Context(), args, &f) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on and print new events until the command is interrupted")
	flags.StringVar(&f.since, "since", "", "where to begin without a checkpoint: a `time` such as 2026-01-31T12:00:00Z, or how\nlong ago, such as 24h (default now with --follow, else 1h)")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "`file` that keeps how far events were read; it is made if it is missing")
	flags.DurationVar(&f.interval, "interval", 10*time.Second, "time between two reads with --follow")
	f.acc.define(flags, nameFlags, storeFlags, appFlags)
	return cmd
}

func (p *program) events(ctx context.Context, args []string, f *eventFlags) error {
	if f.interval < minInterval || f.interval > maxInterval {
		return usage(fmt.Sprintf("--interval must be from %v to %v", minInterval, maxInterval))
	}
	l := webhooks.Log{Tenant: "events"}
	for _, arg := range args {
		k, err := p.eventKind(arg)
		if err != nil {
			return err
		}
		l.Kinds = append(l.Kinds, k)
	}
	var err error
	if l.Since, err = f.begin(time.Now()); err != nil {
		return err
	}
	seen, err := openCheckpoint(f.checkpoint)
	if err != nil {
		return err
	}
	once := func(_ context.Context, d *webhooks.Delivery) (bool, error) {
		if seen.printed(d) {
			return false, nil
		}
		var line bytes.Buffer
		if err := json.Compact(&line, d.Raw); err != nil {
			return false, err
		}
		line.WriteByte('\n')
		if err := p.print(line.String()); err != nil {
			return false, err
		}
		return true, seen.add(d)
	}
	return p.withClient(ctx, &f.acc, func(client *closekit.Client) error {
		for wait := f.interval; ; {
			_, err := webhooks.CatchUp(ctx, client, seen, l, once)
			var old *webhooks.TooOldError
			switch {
			case errors.As(err, &old) && f.checkpoint != "":
				return &hinted{err, []string{"delete " + f.checkpoint + " to begin anew, with --since 720h for the oldest events"}, exitFailure}
			case errors.As(err, &old):
				return usage("--since is too long ago: Close keeps events for 30 days", "the oldest possible is --since "+old.Oldest.UTC().Format(time.RFC3339))
			case err != nil && (!f.follow || ctx.Err() != nil || !passing(err)):
				return err
			case err != nil:
				wait = min(2*wait, max(f.interval, time.Minute))
				p.say("warning: %v; trying again in %v", err, wait)
			case !f.follow:
				return nil
			default:
				wait = f.interval
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			}
		}
	})
}

// kindForm is the form of a kind of event.
var kindForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)

// eventKind reads a kind of event. Close adds kinds without notice, so one that looks like no
// other is taken, with a warning: with another type, or with an action that no type has.
func (p *program) eventKind(arg string) (webhooks.Kind, error) {
	k, err := webhooks.ParseKind(arg)
	var unknown *webhooks.UnknownKindError
	if !errors.As(err, &unknown) {
		return k, err
	}
	hint := "a kind is like lead.created or activity.note.updated"
	if len(unknown.Near) == 1 {
		hint = "did you mean " + unknown.Near[0] + "?"
	} else if len(unknown.Near) > 1 {
		hint = "there are " + words.List(unknown.Near)
	}
	i := strings.LastIndexByte(arg, '.')
	newAction := func() bool { // of the type whose kinds are near
		return strings.HasPrefix(unknown.Near[0], arg[:i+1]) && !strings.Contains(unknown.Near[0][i+1:], ".") &&
			!slices.Contains(closeapi.WebhookAction("").Values(), arg[i+1:])
	}
	if !kindForm.MatchString(arg) || len(unknown.Near) == 1 || len(unknown.Near) > 1 && !newAction() {
		return k, usage(fmt.Sprintf("%q is not a kind of event", shorten(arg)), hint)
	}
	p.say("warning: %q is not a kind of event that Close documents; %s", shorten(arg), hint)
	return webhooks.Kind{ObjectType: arg[:i], Action: arg[i+1:]}, nil
}

// begin returns where to begin without a checkpoint.
func (f *eventFlags) begin(now time.Time) (time.Time, error) {
	switch {
	case f.since == "" && f.follow:
		return now, nil
	case f.since == "":
		return now.Add(-time.Hour), nil
	}
	if ago, err := time.ParseDuration(f.since); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, f.since)
	if err != nil || at.After(now) {
		return at, usage(fmt.Sprintf("--since %q is neither a time of the past nor a duration", shorten(f.since)), "for example --since 24h or --since 2026-01-31T12:00:00Z")
	}
	return at, nil
}

// passing reports whether an error may be gone the next time.
func passing(err error) bool {
	var unreached *closekit.TransportError
	var refused *closekit.Error
	return errors.As(err, &unreached) || errors.As(err, &refused) && (refused.Status >= http.StatusInternalServerError || closekit.IsRateLimited(err))
}
