// Package closegenkit gives the tools of an agent's session to programs that use genkit.
//
//	response, err := genkit.Generate(ctx, g, ai.WithPrompt(ask), ai.WithUse(closegenkit.Use(s)))
//
// A call that a person must decide interrupts the generation. After
// [agent.Agent.Decide] the host restarts the call, which carries out the stored one, or
// tells the model that it was denied.
//
// A result has the member output, or error for one that is an error.
package closegenkit
