package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/logging"
)

func (p *program) demoCommand() *cobra.Command {
	var live, enroll bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a sales assistant at work",
		Long: `Play a sales assistant: search leads, create a lead with a contact, an
opportunity, a call, a task and an e-mail draft, enrol the contact in a
sequence, and follow up on all big opportunities. Everything is done twice, with
typed calls from Go and with tools by name, and every effect is read back; the
demo fails when one of them is not there.

In a second act, two users in two organizations connect their Close accounts
through OAuth: each works in their own, tokens are renewed when they end, and an
account whose access was taken away is noticed and connected again.

Without flags it runs on an emulated Close in memory and needs no account. With
--live it plays the first act in the account of CLOSE_API_KEY: it works on leads
of its own only, and removes them at the end, also after a failure or Ctrl-C.
Nothing is sent to anybody: the e-mail stays a draft, and the enrolment, which
starts real outreach, is left out unless you add --enroll.`,
		Example: `  closekit demo
  closekit demo --live`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case live:
				return p.demoLive(cmd.Context(), enroll)
			case enroll:
				return usage("--enroll means nothing without --live", "the emulated demo enrols anyway")
			}
			return p.demoEmulated(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "use the real account of "+envAPIKey+", and clean up afterwards")
	cmd.Flags().BoolVar(&enroll, "enroll", false, "with --live: also enrol a contact in the first sequence, and pause it at once")
	return cmd
}

// demo is one run of the demo. The parts tell the same story in two ways; what
// they do is checked in one way, see demo_check.go.
type demo struct {
	out    io.Writer
	client *closekit.Client
	srv    *emulator.Server // nil when live
	enroll bool

	tomorrow closekit.Date
	company  string // name of the lead that the running part creates
	step     int
	title    string
	failed   error // of writing

	// What there is to remove, when live.
	leads    []closeapi.LeadID
	unclear  []string // names of leads that may have been created
	currency string
}

// The people and amounts of the story.
const (
	searched     = "Acme Corp"
	contactName  = "Dana Demo"
	contactTitle = "Head of Purchasing"
	contactEmail = "dana@closekit-demo.example" // .example can never receive mail
	dealPercent  = 40
	callSeconds  = 840
	callNote     = "Likes the product and wants a quote by Friday."
	taskText     = "Send the quote"
	mailSubject  = "Your quote"
	mailBody     = "Hi Dana,\n\nas promised, here is what we talked about.\n"
	noEnrolment  = "skipped: an enrolment starts real outreach; add --enroll to include it"
)

// big is the amount above which the agent follows up, deal that of the
// opportunity in the story.
const (
	big  = closeapi.Cents(10_000_00)
	deal = closeapi.Cents(12_000_00)
)

func (p *program) newDemo() *demo {
	return &demo{out: p.stdout, tomorrow: closekit.DateOf(time.Now().AddDate(0, 0, 1)), currency: "USD"}
}

// demoEmulated plays both parts, each on a fresh emulator.
func (p *program) demoEmulated(ctx context.Context) error {
	var ago atomic.Int64 // how far the emulator's clock is behind, so that seeds can be old
	srv := emulator.New(emulator.Options{Clock: func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }, Seed: 1})
	defer srv.Close() //nolint:errcheck // it always gives nil
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}
	_, offset := time.Now().Zone()
	opts := []closekit.Option{closekit.BaseURL(srv.URL()), closekit.TimezoneOffset(time.Duration(offset) * time.Second)}
	if p.verbose {
		opts = append(opts, logging.Logger(p.logger()))
	}
	d := p.newDemo()
	d.client, d.srv, d.enroll = closekit.NewClient(closekit.APIKey(srv.APIKey()), opts...), srv, true
	d.say("A sales assistant at work, in an emulated Close in memory. Nothing leaves this computer.")
	d.say("\"closekit demo --live\" plays the first act in your own account, and cleans up after itself.")
	var writes [2][]string
	for i, part := range d.parts() {
		srv.Reset()
		if err := seedDemo(srv, &ago); err != nil {
			return err
		}
		d.company = "Roadrunner Supplies"
		if err := d.play(ctx, part); err != nil {
			return err
		}
		writes[i] = written(srv)
	}
	d.say("\nBoth parts are done.")
	if !slices.Equal(writes[0], writes[1]) {
		return fmt.Errorf("the two parts did not write the same: %v, then %v", writes[0], writes[1])
	}
	d.ok("both sent the same %d writes to Close, in the same order", len(writes[0]))
	if err := d.play(ctx, part{
		"second act", "Second act: two users of one program, each with a Close account of their own",
		func(ctx context.Context) error { return d.secondAct(ctx, opts) },
	}); err != nil {
		return err
	}
	d.say("\nNext: \"closekit tools\" lists all tools, \"closekit emulator\" gives you a Close to call them on,")
	d.say("\"closekit accounts\" connects accounts as in the second act.")
	return d.failed
}

// seedDemo puts leads into the emulator that were changed on different days.
func seedDemo(srv *emulator.Server, ago *atomic.Int64) error {
	for _, s := range []struct {
		days int
		json string
	}{
		{3, `{"leads": [{"name": "Acme Corp Europe", "contacts": [{"name": "Max Muster"}],
			"opportunities": [{"status": "Contract Sent", "value": 4500000, "value_period": "one_time", "confidence": 80}]}]}`},
		{2, `{"leads": [{"name": "Globex", "opportunities": [
			{"status": "Proposal Sent", "value": 250000, "value_period": "monthly", "confidence": 50},
			{"status": "Demo Completed", "value": 1000000, "value_period": "annual", "confidence": 20},
			{"status": "Won", "value": 9900000, "value_period": "annual", "confidence": 100}]}]}`},
		{1, `{"leads": [{"name": "Acme Corp", "contacts": [{"name": "Wile E. Coyote"}],
			"opportunities": [{"status": "Proposal Sent", "value": 2050050, "value_period": "annual", "confidence": 60}]}]}`},
	} {
		ago.Store(int64(s.days) * int64(24*time.Hour))
		if err := srv.Seed(strings.NewReader(s.json)); err != nil {
			return fmt.Errorf("seed the emulator: %w", err)
		}
	}
	ago.Store(0)
	return nil
}

// written lists the tools behind the writes that the emulator received.
func written(srv *emulator.Server) []string {
	var list []string
	for _, r := range srv.Requests() {
		if r.Method != http.MethodGet {
			list = append(list, r.Tool)
		}
	}
	return list
}

// demoLive plays both parts in a real account and removes what they created.
func (p *program) demoLive(ctx context.Context, enroll bool) (err error) {
	d := p.newDemo()
	d.enroll = enroll
	if d.client, err = p.client(); err != nil {
		return err
	}
	d.say("A sales assistant at work, with %s. What it creates, it removes again.", strings.TrimPrefix(d.client.String(), "close "))
	run := strings.ToLower(rand.Text()[:8])
	defer func() {
		// Whatever happened, also a panic or Ctrl-C: the clean-up has a context
		// of its own. A second Ctrl-C ends the process.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
		defer cancel()
		if problem := d.cleanUp(clean); problem != nil {
			err = errors.Join(err, problem)
		}
	}()
	for i, part := range d.parts() {
		d.company = fmt.Sprintf("closekit demo %s-%d", run, i+1)
		if err := d.play(ctx, part); err != nil {
			return err
		}
	}
	d.say("\nThe second act, in which users connect their accounts through OAuth, is left out: it needs two Close users and an OAuth application. \"closekit demo\" alone plays it.")
	return d.failed
}

// part is one way to tell the story, or another story.
type part struct {
	name, title string
	play        func(context.Context) error
}

func (d *demo) parts() []part {
	return []part{
		{"part 1", "Part 1 of 2: typed calls from Go", d.typed},
		{"part 2", "Part 2 of 2: the same with tools by name, JSON in and JSON out, as an agent does it", d.byName},
	}
}

func (d *demo) play(ctx context.Context, p part) error {
	d.say("\n== %s", p.title)
	d.step, d.title = 0, ""
	if err := p.play(ctx); err != nil {
		if ctx.Err() == nil {
			d.say("   FAILED")
		}
		return fmt.Errorf("demo, %s, step %d (%s): %w", p.name, d.step, d.title, err)
	}
	return d.failed
}

// say prints a line.
func (d *demo) say(format string, args ...any) {
	if _, err := fmt.Fprintf(d.out, format+"\n", args...); err != nil && d.failed == nil {
		d.failed = fmt.Errorf("write to standard output: %w", err)
	}
}

// begin starts a step.
func (d *demo) begin(title string, args ...any) {
	d.step++
	d.title = fmt.Sprintf(title, args...)
	d.say("\n%d. %s", d.step, d.title)
}

// code shows the call that is made.
func (d *demo) code(format string, args ...any) { d.say("   > "+format, args...) }

// result shows what came of it.
func (d *demo) result(format string, args ...any) { d.say("   "+format, args...) }

// ok says what was verified.
func (d *demo) ok(format string, args ...any) { d.say("   checked: "+format, args...) }

// created remembers the lead that was created, for the clean-up. When it is
// unclear whether it was, the clean-up looks for it by its name.
func (d *demo) created(id closeapi.LeadID, err error) error {
	var (
		invalid *closekit.ValidationError
		noAuth  *closekit.AuthorizationError
		lost    *closekit.TransportError
		refused *closekit.Error
	)
	switch {
	case id != "":
		d.leads = append(d.leads, id)
	case errors.As(err, &invalid), errors.As(err, &noAuth),
		errors.As(err, &lost) && !lost.MaybeDone, errors.As(err, &refused) && refused.Status < 500:
		// It certainly was not.
	default:
		d.unclear = append(d.unclear, d.company)
	}
	return err
}

// tries is how often to look for something. In a real account lists lag behind
// by up to a minute, and a deleted lead may be there for a moment.
func (d *demo) tries() int {
	if d.srv != nil {
		return 1
	}
	return 20 // a little more than a minute, see pauses
}

// pauses looks until it is done, with waits in between.
func pauses(ctx context.Context, times int, done func() (bool, error)) error {
	for i := range times {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if i == times-1 {
			break
		}
		select {
		case <-time.After(time.Second << min(i, 2)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errStill
}

var errStill = errors.New("no change")

// cleanUp removes the leads of the demo, and with them everything on them.
func (d *demo) cleanUp(ctx context.Context) error {
	if len(d.leads) == 0 && len(d.unclear) == 0 {
		return nil
	}
	d.say("\n== Removing what the demo created")
	var problems []error
	for _, name := range d.unclear {
		if err := d.findUnclear(ctx, name); err != nil {
			problems = append(problems, fmt.Errorf("find out whether the lead %q was created: %w", name, err))
		}
	}
	for _, id := range d.leads {
		d.code("closeapi.LeadDelete(%s)", id)
		err := closeapi.LeadDelete(ctx, d.client, closeapi.LeadDeleteParams{LeadID: id})
		if err != nil && !closekit.IsNotFound(err) {
			problems = append(problems, fmt.Errorf("remove the lead %s: %w", id, err))
			continue
		}
		err = pauses(ctx, d.tries(), func() (bool, error) {
			_, err := closeapi.LeadGet(ctx, d.client, closeapi.LeadGetParams{LeadID: id})
			if closekit.IsNotFound(err) {
				return true, nil
			}
			return false, err
		})
		if errors.Is(err, errStill) {
			err = errors.New("it can still be read")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("remove the lead %s: %w", id, err))
			continue
		}
		d.ok("the lead %s is gone, and with it everything on it", id)
	}
	if len(problems) > 0 {
		return &hinted{errors.Join(problems...), []string{"look in Close for leads named \"closekit demo …\" and delete them"}, exitCode(problems[0])}
	}
	return nil
}

// exitCode gives the exit code that an error alone would lead to.
func exitCode(err error) int { return diagnose(context.Background(), err).code }

// findUnclear looks for a lead whose creation got no answer.
func (d *demo) findUnclear(ctx context.Context, name string) error {
	d.result("looking for the lead %q, whose creation was not confirmed; this may take a minute", name)
	err := pauses(ctx, d.tries(), func() (bool, error) {
		found := false
		for lead, err := range closeapi.LeadsAll(ctx, d.client, closeapi.LeadsListParams{Query: closekit.Some(`"` + name + `"`)}, closekit.MaxPages(2)) {
			if err != nil {
				return false, err
			}
			if lead.Name.Or("") == name {
				d.leads = append(d.leads, lead.ID)
				found = true
			}
		}
		return found, nil
	})
	if errors.Is(err, errStill) {
		d.result("there is none")
		return nil
	}
	return err
}
