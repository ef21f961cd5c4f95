// Package demo plays a sales assistant at work: it searches leads, creates a
// lead with a contact, an opportunity, a call, a task and an email draft,
// enrolls the contact in a sequence, and follows up on all big opportunities.
//
// The story is told twice, with typed calls and with tools called by name, and
// every effect is read back. A second act connects the Close accounts of two
// users through OAuth. In a third one an agent works, and a person decides.
//
// The files are meant to be read: calls.go holds the typed calls, byname.go the
// same calls by name, accounts.go the second act, agent.go the third. What is
// printed as code is cut out of these files.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
)

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
)

// big is the amount above which the agent follows up, deal that of the
// opportunity in the story.
const (
	big  = closeapi.Cents(10_000_00)
	deal = closeapi.Cents(12_000_00)
)

// demo is one run.
type demo struct {
	printer
	client   *closekit.Client
	srv      *emulator.Server // nil in a real account
	enroll   bool
	tomorrow closekit.Date
	currency string
	company  string // name of the lead that the running part creates
	left     leftovers
}

func newDemo(out io.Writer) *demo {
	return &demo{printer: printer{out: out}, tomorrow: closekit.DateOf(time.Now().AddDate(0, 0, 1)), currency: "USD"}
}

// Emulated plays the demo on an emulated Close in memory, each part on a fresh
// one. It fails when an effect of a call cannot be read back. The options are
// added to every client.
func Emulated(ctx context.Context, out io.Writer, opts ...closekit.Option) error {
	d := newDemo(out)
	d.say("A sales assistant at work, in an emulated Close in memory. Nothing leaves this computer.")
	d.say("\"closekit demo --live\" plays the first act in your own account, and cleans up after itself.")

	var ago atomic.Int64 // how far the emulator's clock is behind, so that seeds can be old
	d.srv = emulator.New(emulator.Options{Clock: func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }, Seed: 1})
	defer func() { _ = d.srv.Close() }()
	if err := d.srv.Listen("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}
	opts = slices.Concat([]closekit.Option{closekit.BaseURL(d.srv.URL()), closekit.Location(time.Local)}, opts)
	d.client, d.enroll = closekit.NewClient(closekit.APIKey(d.srv.APIKey()), opts...), true

	if err := d.firstAct(ctx, &ago); err != nil {
		return err
	}
	d.srv.Reset()
	err := d.play(ctx, part{
		"second act", "Second act: two users of one program, each with a Close account of their own",
		func(ctx context.Context) error { return d.secondAct(ctx, opts) },
	})
	if err != nil {
		return err
	}
	d.srv.Reset()
	if err := d.play(ctx, part{"third act", "Third act: an agent works, and a person decides", d.thirdAct}); err != nil {
		return err
	}
	d.say("\nNext: \"closekit tools\" lists all tools, \"closekit emulator\" runs a Close to call them on,")
	d.say("\"closekit accounts\" connects accounts as in the second act, \"closekit agent call\" calls tools as in the third.")
	return d.failed
}

// firstAct plays both parts on the emulator and compares what they wrote.
func (d *demo) firstAct(ctx context.Context, ago *atomic.Int64) error {
	var writes [2][]string
	for i, p := range d.parts() {
		d.srv.Reset()
		if err := seed(d.srv, ago); err != nil {
			return err
		}
		d.company = "Roadrunner Supplies"
		if err := d.play(ctx, p); err != nil {
			return err
		}
		writes[i] = written(d.srv)
	}
	d.say("\nBoth parts are done.")
	if !slices.Equal(writes[0], writes[1]) {
		return fmt.Errorf("the two parts did not write the same: %v, then %v", writes[0], writes[1])
	}
	d.ok("both sent the same %d writes to Close, in the same order", len(writes[0]))
	return nil
}

// Live plays the first act in a real account and removes what it created, also
// after a failure or when ctx ends. It works on leads of its own only. Nothing
// is sent to anyone: the email stays a draft, and the enrollment, which starts
// real outreach, is left out unless enroll is set.
//
// What cannot be removed is reported as a [*CleanupError].
func Live(ctx context.Context, out io.Writer, c *closekit.Client, enroll bool) (err error) {
	d := newDemo(out)
	d.client, d.enroll = c, enroll
	d.say("A sales assistant at work, with %s. What it creates, it removes again.", strings.TrimPrefix(c.String(), "close "))
	defer func() {
		// Deferred and with a context of its own, so that it also runs after a
		// panic or Ctrl-C.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
		defer cancel()
		err = errors.Join(err, d.cleanUp(clean))
	}()
	run := strings.ToLower(rand.Text()[:8])
	for i, p := range d.parts() {
		d.company = fmt.Sprintf("closekit demo %s-%d", run, i+1)
		if err := d.play(ctx, p); err != nil {
			return err
		}
	}
	d.say("\nThe second act, in which users connect their accounts through OAuth, is left out: it needs two Close users and an OAuth application. So is the third, in which an agent sends an email. \"closekit demo\" alone plays both.")
	return d.failed
}

// part is one way to tell the story, or another story.
type part struct {
	name, title string
	play        func(context.Context) error
}

func (d *demo) parts() []part {
	tell := func(by caller) func(context.Context) error {
		return func(ctx context.Context) error { return (&story{demo: d, by: by}).tell(ctx) }
	}
	return []part{
		{"part 1", "Part 1 of 2: typed calls from Go", tell(typed{d.client})},
		{"part 2", "Part 2 of 2: the same with tools by name, JSON in and JSON out, as an agent does it", tell(byName{d.client, &d.printer})},
	}
}

func (d *demo) play(ctx context.Context, p part) error {
	d.say("\n== %s", p.title)
	d.step, d.title, d.shown = 0, "", map[string]bool{}
	if err := p.play(ctx); err != nil {
		if ctx.Err() == nil {
			d.say("   FAILED")
		}
		return fmt.Errorf("demo, %s, step %d (%s): %w", p.name, d.step, d.title, err)
	}
	return d.failed
}
