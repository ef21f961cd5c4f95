package cli

import "github.com/spf13/cobra"

// agentCommand groups what an agent host and its operators use.
func (p *program) agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Call tools as an agent does, and decide on calls of agents",
		Long: `Call tools as the agent layer does: the input is read as models write it, a policy
decides, a person is asked where it says so, and the result is a text for the
model. Decide on calls of agents that wait for a person, see what agents did,
undo it, and delete what is kept of it.`,
		Example: `  closekit agent call close_leads_list '{"Query": "acme", "limit": "5"}' --check --json`,
		Args:    commandsOnly,
		RunE:    p.overview,
	}
	cmd.AddCommand(p.agentCallCommand(), p.approvalsCommand(), p.agentAuditCommand(), p.agentUndoCommand(), p.pruneCommand(), p.eraseCommand())
	return cmd
}
