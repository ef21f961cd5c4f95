// Package closeanthropic gives the tools of an agent's session to models of Anthropic,
// through anthropic-sdk-go.
//
//	definitions, err := closeanthropic.Tools(s)          // for MessageNewParams.Tools
//	next, more := closeanthropic.Answer(ctx, s, message) // the message with the results
package closeanthropic
