// Package agent is what stands between a model and Close: definitions of tools that
// fit, input as models write it, people who decide, answers that models can afford,
// and a record of everything.
//
// An [Agent] is what all sessions share: tools, policy, approvals, audit. A [Session]
// is one account in one run; nothing that a model writes names an account.
//
//	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"))
//	s := a.Session(account)                     // *accounts.Account, or any closekit.Source
//	defs, err := s.Definitions(agent.Anthropic) // for the request to the model
//	r := s.Call(ctx, name, input)               // for each call that the model asks for
//	if r.Pending != nil { … }                   // a person must decide; r.Text tells the model
//
// Decisions are made on the Agent, out of the reach of a model:
//
//	err = a.Decide(ctx, r.Pending.ID, "ben@example.com", agent.Approve, r.Pending.Shown)
//	r = s.Resume(ctx, r.Pending.ID)        // carries out what was approved
//
// # The order inside a call
//
// Repair of the input, what the tool fills in, the check, the policy, the approval,
// the record of the intent, the call, the record of the outcome, the shaping of the
// answer. The client of a session has a guard, so that typed functions and requests
// of the host's own code on that client meet the same policy.
package agent
