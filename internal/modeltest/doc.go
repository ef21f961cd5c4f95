// Package modeltest has servers that stand in for model providers in tests. They speak
// the protocols of Anthropic Messages, OpenAI Chat Completions, OpenAI Responses, Gemini
// (which speaks Chat Completions too, with signatures) and Bedrock Converse over HTTP,
// whole and streamed, play a script, and refuse with the provider's form of error what
// the provider refuses: definitions that break its rules, members that it does not know,
// and results that do not answer the calls.
//
// Definitions are held to the portable subset of package rules, which is narrower than
// what some of the providers take.
package modeltest
