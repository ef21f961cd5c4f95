package cli

import (
	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/examples/assistant/demo"
	"github.com/closekit/closekit/runtime/logging"
)

func (p *program) demoCommand() *cobra.Command {
	var live, enroll bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a sales assistant at work",
		Long: `Play a sales assistant: search leads, create a lead with a contact, an
opportunity, a call, a task and an email draft, enroll the contact in a
sequence, and follow up on all big opportunities. Everything is done twice, with
typed calls from Go and with tools by name, and every effect is read back; the
demo fails if one of them is missing.

In a second act, two users in two organizations connect their Close accounts
through OAuth: each works in their own, expired tokens are renewed, and an
account whose access was revoked is detected and connected again.

In a third act an agent works with a scripted model in place of a real one: it finds
all open opportunities over $10k and creates tasks for them, and its email waits
until a person has seen it and agreed.

Without flags it runs on an emulated Close in memory and needs no account. With
--live it plays the first act in the account of CLOSE_API_KEY: it works on leads
of its own only, and removes them at the end, also after a failure or Ctrl-C.
Nothing is sent to anyone: the email stays a draft, and the enrollment, which
starts real outreach, is left out unless you add --enroll.`,
		Example: `  closekit demo
  closekit demo --live`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case live:
				// The flag is the user's consent; the host may think otherwise.
				a := &action{name: p.name + " demo --live", effects: effectsOf(closekit.Destructive), input: "leads of its own", line: []string{"demo", "--live"}}
				if enroll {
					a.effects = append(a.effects, sending)
				}
				if err := p.permit(cmd.Context(), a, confirmFlags{yes: true}); err != nil {
					return err
				}
				client, err := p.client()
				if err != nil {
					return err
				}
				return demo.Live(cmd.Context(), namedWriter{p}, client, enroll)
			case p.apiKey != "" || p.baseURL != "":
				return usage("--api-key and --base-url require --live", "the emulated demo has a Close of its own")
			case enroll:
				return usage("--enroll requires --live", "the emulated demo always enrolls")
			}
			var opts []closekit.Option
			if p.verbose {
				opts = append(opts, logging.Logger(p.logger()))
			}
			return demo.Emulated(cmd.Context(), namedWriter{p}, opts...)
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "use the real account of "+envAPIKey+", and clean up afterwards")
	cmd.Flags().BoolVar(&enroll, "enroll", false, "with --live: also enroll a contact in the first sequence, and pause it at once")
	return cmd
}
