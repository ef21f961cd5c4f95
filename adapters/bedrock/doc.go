// Package closebedrock gives the tools of an agent's session to models on Amazon Bedrock,
// through the Converse API of aws-sdk-go-v2.
//
//	list, err := closebedrock.Tools(s)                    // for ConverseInput.ToolConfig
//	next, more := closebedrock.Answer(ctx, s, out) // what follows in the conversation
package closebedrock
