// Package closemcp serves the tools of an [agent.Agent] over the Model Context
// Protocol: to one user over standard input and output, or to many over HTTP.
//
//	s, err := closemcp.New(a, closemcp.Config{Users: closemcp.One(user)})
//	err = s.Run(ctx, &mcp.StdioTransport{})
//
//	s, err := closemcp.New(a, closemcp.Config{Users: closemcp.Accounts(manager, "close", principal)})
//	h, err := s.Handler(closemcp.HTTP{Verify: verify, Resource: "https://mcp.example.com/mcp"})
//
// Who a request acts for follows from its verified token alone. Nothing that a model
// or a client writes into a request names an account, a run, or an approval.
//
// # Approvals
//
// A call that needs a person is put to the person by the client, if it can show forms
// (elicitation); otherwise by the host, if [Config.HostAsks] says that it does;
// otherwise the answer is no. There is no argument by which a model could agree. The
// form shows the preview of the approval, and the answer counts for that preview only.
package closemcp
