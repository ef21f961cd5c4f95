// Package closeopenai gives the tools of an agent's session to models of OpenAI, and to
// others that speak its protocols, through openai-go: Chat Completions and Responses.
//
//	definitions, err := closeopenai.ChatTools(s)          // for ChatCompletionNewParams.Tools
//	next, more := closeopenai.AnswerChat(ctx, s, message) // the messages with the results
//
// OpenAI has no mark for results that are errors. Their text begins with "Error: ".
package closeopenai
