// Package closeadk gives the tools of an agent's session to agents of Google's Agent
// Development Kit.
//
//	list, err := closeadk.Tools(g, s)                      // for llmagent.Config.Tools
//	events := runner.Run(closeadk.InOrder(ctx), …)         // writes of a message in order
//
// A call that a person must decide asks for ADK's tool confirmation. The user's answer
// is the decision, in the name of the ADK session's user.
//
// A result has the member output, or error for one that is an error.
package closeadk
