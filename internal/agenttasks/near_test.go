package agenttasks_test

import (
	"testing"

	"github.com/closekit/closekit/internal/agenttasks"
)

// TestNear has every task done with the tools of a real model, of which OpenAI takes at
// most 128, and a task not done in an arm that has another tool only.
func TestNear(t *testing.T) {
	t.Parallel()
	near, tasks := agenttasks.Near(), agenttasks.All()
	if len(near) > 128 {
		t.Errorf("%d tools, of which OpenAI takes at most 128", len(near))
	}
	for _, arm := range []agenttasks.Arm{agenttasks.Layer, agenttasks.Meta} {
		if a := all(t, &agenttasks.Lab{Only: near}, tasks, arm, agenttasks.Oracle, 1); a.done != a.runs {
			t.Errorf("%s: %d of %d tasks are done: %q", arm.Name, a.done, a.runs, a.failed)
		}
	}
	task := agenttasks.Find(tasks, "person for a known firm")
	for _, arm := range agenttasks.Arms() {
		if out := play(t, &agenttasks.Lab{Only: []string{"close_me_get"}}, agenttasks.Trial{Task: task, Arm: arm, Model: agenttasks.Scripted{Character: agenttasks.Oracle}}); out.Done() {
			t.Errorf("%s has more tools than it should", arm.Name)
		}
	}
}
