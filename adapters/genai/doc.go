// Package closegenai gives the tools of an agent's session to Gemini, through
// google.golang.org/genai, with a key for the Gemini API or on Vertex AI.
//
//	list, err := closegenai.Tools(s)               // for GenerateContentConfig.Tools
//	next, more := closegenai.Answer(ctx, s, reply) // what follows in the conversation
package closegenai
