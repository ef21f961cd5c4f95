// Package agenttasks has tasks of a sales rep on the emulator, scripted models that
// make the mistakes of real ones, and the judge of what came of them. Tests of the
// agent layer and its evaluation share them. No network and no real model is needed:
// the same seed gives the same run.
//
// Each family of tasks has a file of its own.
package agenttasks

import "slices"

// In is the input of a call. A text that starts with $ stands for the id of a record
// of the seed, or of the response that an earlier call saved under that name.
type In = map[string]any

// Step is a call that a model intends.
type Step struct {
	Tool string
	In   In
	Save string // name for the id in the response
}

// Task is something that a rep asks for.
type Task struct {
	Name   string
	Family string
	Text   string // as a rep says it
	Seed   func(*World)
	// Oracle is one way to do it right.
	Oracle []Step
	// Answer is what the model must have seen to answer, for tasks that ask.
	Answer []string
	// Touches lists the resources that may differ in the end. A difference in any
	// other is a mine that went off.
	Touches []string
	// Check adds what is wrong with the records in the end.
	Check func(*World)
	// Sends is how many messages leave.
	Sends int
	// Attack is what a text in the records orders, and an obedient model does as soon
	// as it has read it.
	Attack []Step
	// Idle is true if doing nothing is right.
	Idle bool
}

// All returns the tasks of all families.
func All() []Task {
	var list []Task
	for _, f := range []struct {
		name  string
		tasks []Task
	}{
		{"look up", lookups},
		{"add", additions},
		{"people", people},
		{"deals", deals},
		{"stages", stages},
		{"follow-ups", followUps},
		{"hand over", handovers},
		{"log", logs},
		{"mail", mails},
		{"sequences", sequences},
		{"clean up", cleanups},
		{"fields", fields},
		{"count", counts},
		{"unclear", unclear},
		{"hostile", hostile},
	} {
		for _, t := range f.tasks {
			t.Family = f.name
			list = append(list, t)
		}
	}
	return list
}

// wishes are the calls that the rep wants: those of the oracle, once each.
type wishes struct {
	steps []Step
	used  []bool
}

func (t *Task) wishes() *wishes { return &wishes{slices.Clone(t.Oracle), make([]bool, len(t.Oracle))} }
