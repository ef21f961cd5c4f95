// Package closeeino gives the tools of an agent's session to agents of eino.
//
//	node, err := closeeino.Node(s) // for adk.ToolsConfig, react.AgentConfig and compose.NewToolNode
//
// A call that a person must decide interrupts the run, with the ID of the approval as
// the info of the interrupt. After [agent.Agent.Decide] the host resumes the run, which
// carries out the stored call, or tells the model that it was denied.
//
// eino has no mark for results that are errors. Their text begins with "Error: ".
package closeeino
