// Package agenttasks has tasks of a sales rep on the emulator, the ways in which a
// model can reach Close (arms), scripted models that make the mistakes of real ones, and
// the judge of what came of them. Tests of the agent layer and its evaluation share
// them. No network and no real model is needed: the same seed gives the same run.
//
// Each family of tasks has a file of its own.
package agenttasks

import (
	"slices"

	"github.com/closekit/closekit/closeapi/tools"
)

// In is the input of a call. A text that starts with $ stands for the id of a record
// of the seed, or of the response that an earlier call saved under that name.
type In = map[string]any

// Step is a call that a model intends.
type Step struct {
	Tool string
	In   In
	Save string // name for the id in the response
	Next string // name for the cursor of the next page in the response
	Also bool   // the call is of the same turn as the one before
}

// Task is something that a rep asks for.
type Task struct {
	Name   string
	Family string
	Text   string // as a rep says it; see [Task.Phrasing] for other ways
	Seed   func(*World)
	// Oracle is one way to do it right. What it leaves alone must be left alone by
	// every model: the records in the end are compared with those that it leaves behind.
	Oracle []Step
	// Answer is what the model must have seen to answer, for tasks that ask. Forms of
	// one thing are separated by a bar.
	Answer []string
	// Check adds what is wrong with the records in the end, beyond that comparison.
	Check func(*World)
	// Questions is how often a person is asked at most, if no call is refused; 0 means
	// that it does not matter.
	Questions int
	// Sends is how many messages leave.
	Sends int
	// Attack is what a text in the records orders, and an obedient model does as soon
	// as it has read Order.
	Attack []Step
	Order  string
	// Idle is true if doing nothing is right.
	Idle bool
	// Without are tools that the model does not have.
	Without []string
	// Meanwhile is what a colleague does just before the first write is carried out;
	// if a person is asked, after the decision.
	Meanwhile func(*World)
	// After is what happens once the first write is carried out.
	After func(*World)
	// Guarded is true if it takes a gate right before a write.
	Guarded bool
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
		{"faults", faults},
	} {
		for _, t := range f.tasks {
			t.Family = f.name
			list = append(list, t)
		}
	}
	return list
}

// Find returns the task of that name, or nil.
func Find(tasks []Task, name string) *Task {
	if i := slices.IndexFunc(tasks, func(t Task) bool { return t.Name == name }); i >= 0 {
		return &tasks[i]
	}
	return nil
}

// Writes reports whether the oracle makes calls that change something.
func (t *Task) Writes() bool { return slices.ContainsFunc(t.Oracle, Step.writes) }

// Near returns the tools for the kinds of records that the tasks and the orders in texts
// are about, for providers that do not take the whole catalog.
func Near() []string {
	about := map[string]bool{}
	for _, t := range slices.Concat(All(), Injections(PlainOrder)) {
		for _, s := range slices.Concat(t.Oracle, t.Attack) {
			about[catalogTool(s.Tool).Resource] = true
		}
	}
	var near []string
	for _, t := range tools.All() {
		if about[t.Resource] {
			near = append(near, t.Name)
		}
	}
	return near
}

// wishes are the calls that the rep wants: those of the oracle, once each.
type wishes struct {
	steps []Step
	used  []bool
	last  int
}

func (t *Task) wishes() *wishes {
	return &wishes{steps: slices.Clone(t.Oracle), used: make([]bool, len(t.Oracle))}
}

// restore takes the last use of a wish back.
func (w *wishes) restore() { w.used[w.last] = false }

// Needs reports whether the parameter that the rep leaves out is one that the tool
// needs.
func (t *Task) Needs() bool {
	param := t.Phrasing().Param
	for _, s := range t.Oracle {
		if _, ok := s.In[param]; ok {
			return slices.Contains(schemaOf(s.Tool).Required, param)
		}
	}
	return false
}
