// Package closeopenai gives the tools of an agent's session to models of OpenAI, and to
// others that speak its protocols, through openai-go: Chat Completions and Responses.
//
// OpenAI has no mark for results that are errors. Their text begins with "Error: ".
package closeopenai
