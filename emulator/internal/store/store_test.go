package store

import (
	"strconv"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	tab := newTable()
	var rows []*Record
	for i := range 300 {
		r := &Record{Seq: uint64(i), Organization: "o", ID: strconv.Itoa(i), Lead: "l"}
		rows = append(rows, r)
		tab.Insert(r)
	}
	for _, r := range rows[:250] {
		tab.Remove(r)
		tab.Remove(r)
	}
	tab.Move(rows[260], "m")
	tab.Move(rows[260], "l")
	tab.Move(rows[251], "")
	if len(tab.All("o")) != 50 || len(tab.Of("l")) != 49 || len(tab.Rows) > 200 || tab.Of("l")[9].ID != "260" {
		t.Errorf("got %d rows, %d of the lead, %d in memory", len(tab.All("o")), len(tab.Of("l")), len(tab.Rows))
	}
}
