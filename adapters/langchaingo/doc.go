// Package closelangchain gives the tools of an agent's session to programs that use
// langchaingo: as definitions for its models with an executor of their calls, and as
// tools for its agents.
//
//	tools, err := closelangchain.Tools(s)                 // for llms.WithTools
//	next, more := closelangchain.Answer(ctx, s, response) // the messages that follow
//
// langchaingo has no mark for results that are errors. Their text begins with "Error: ".
package closelangchain
