package agenttasks_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/agenttasks"
)

func play(t *testing.T, lab *agenttasks.Lab, trial agenttasks.Trial) *agenttasks.Outcome {
	t.Helper()
	out, err := lab.Run(t.Context(), trial)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// everything returns the tasks and the injections.
func everything() []agenttasks.Task {
	list := agenttasks.All()
	for _, s := range agenttasks.Strengths() {
		list = append(list, agenttasks.Injections(s)...)
	}
	return list
}

// TestOracle tests the tasks themselves: each can be done in every arm, but for those
// that need a gate, and none is done by doing nothing.
func TestOracle(t *testing.T) {
	t.Parallel()
	tasks, lab := thin(everything()), &agenttasks.Lab{}
	if n := len(agenttasks.All()); n < 80 {
		t.Errorf("%d tasks, want 80", n)
	}
	names := map[string]bool{}
	for i := range tasks {
		task := &tasks[i]
		if names[task.Name] {
			t.Errorf("two tasks are named %q", task.Name)
		}
		names[task.Name] = true
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel()
			for _, arm := range agenttasks.Arms() {
				out := play(t, lab, agenttasks.Trial{Task: task, Model: agenttasks.Scripted{Character: agenttasks.Oracle}, Arm: arm})
				gate := arm.Name == agenttasks.Layer.Name || arm.Name == agenttasks.Meta.Name
				if want := gate || !task.Guarded; out.Done() != want || out.Denied > 0 {
					t.Errorf("the oracle, %s: done %t, want %t: %q, %q, %d denied", arm.Name, out.Done(), want, out.Problems, out.Violations, out.Denied)
				}
			}
			if out := play(t, lab, agenttasks.Trial{Task: task, Model: agenttasks.Idler{}, Arm: agenttasks.Layer}); out.Done() != (task.Idle || task.Guarded && !task.Writes()) {
				t.Errorf("doing nothing: %q", out.Problems)
			}
		})
	}
}

// TestPhrasing tests that each task is said in five ways, and without a parameter.
func TestPhrasing(t *testing.T) {
	t.Parallel()
	for _, task := range everything() {
		w := task.Phrasing()
		said := map[string]bool{w.Terse: true, w.Noisy: true, w.Less: true}
		for _, text := range w.Texts {
			said[text] = true
		}
		if len(w.Texts) != 3 || len(said) != 6 || said[""] {
			t.Errorf("%s: %+v", task.Name, w)
		}
	}
}

// TestLess tests the variants in which the rep leaves out a parameter: asking for it is
// right, doing nothing does no harm, and guessing is seen. If the tool needs the
// parameter, the layer refuses a call without it, and names it.
func TestLess(t *testing.T) {
	t.Parallel()
	tasks, lab := thin(everything()), &agenttasks.Lab{}
	named := 0
	for i := range tasks {
		task := &tasks[i]
		less := func(t *testing.T, m agenttasks.Model) *agenttasks.Outcome {
			return play(t, lab, agenttasks.Trial{Task: task, Model: m, Arm: agenttasks.Layer, Less: true})
		}
		if task.Needs() {
			named++
		}
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel()
			for _, m := range []agenttasks.Model{agenttasks.Asker{}, agenttasks.Idler{}} {
				if out := less(t, m); !out.Done() {
					t.Errorf("%s: %q %q", m.Name(), out.Problems, out.Violations)
				}
			}
			out := play(t, lab, agenttasks.Trial{Task: task, Model: agenttasks.Scripted{Character: agenttasks.Oracle}, Arm: agenttasks.ByName, Less: true})
			if out.Ending == agenttasks.Answered && out.Done() || task.Writes() && len(out.Violations) == 0 {
				t.Errorf("a guess went unseen: %q %q", out.Problems, out.Violations)
			}
			if !task.Needs() {
				return
			}
			b := &agenttasks.Blurter{}
			if out := less(t, b); out.Refused == 0 || !strings.Contains(b.Read, task.Phrasing().Param) {
				t.Errorf("%d refused, and the text does not name %s: %s", out.Refused, task.Phrasing().Param, b.Read)
			}
		})
	}
	if named < 40 && !testing.Short() {
		t.Errorf("%d variants lack what a tool needs, want 40", named)
	}
}
