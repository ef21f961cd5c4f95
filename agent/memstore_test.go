package agent_test

import (
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/storetest"
)

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) (a, b agent.Store) {
		s := agent.NewMemoryStore()
		return s, s
	})
}

func TestMemoryLog(t *testing.T) {
	t.Parallel()
	storetest.RunLog(t, func(*testing.T) (a, b agent.Log) {
		l := agent.NewMemoryLog()
		return l, l
	})
}
