package shape

import (
	"bytes"
	"slices"
	"strings"

	"github.com/closekit/closekit"
)

// What a list says once instead of in every record costs its tokens once: values that
// all records share, the id that records next to each other share, and the names of
// fields that nearly all records have.

// lines writes as many records as fit, each on a line. Texts become shorter before
// records are left out.
func (d *body) lines(p *Response) {
	records := p.records
	totals := d.totals(p.envelope)
	d.budget -= cost(totals)
	top := d.hoist(records)
	all := d.show
	group := d.group(records)
	columns := d.columns(records)
	if columns != nil {
		top = appendLine(top, header(columns))
	}
	d.budget -= cost(top)
	for _, limit := range []int{wide, 100} {
		room := d.budget
		var last []byte // the id that is said
		d.text, d.shown, d.cut, d.gone = nil, 0, nil, 0
		for _, r := range records {
			w := d.record(r, columns, limit)
			id := find(r.members, group)
			if group != "" && !bytes.Equal(id, last) {
				w.b = slices.Concat([]byte(group+" "), bytes.Trim(id, `"`), []byte(":\n"), w.b)
			}
			if room -= cost(w.b) + perMark; room < 0 {
				break
			}
			last = id
			d.add(w)
		}
		if d.shown == len(records) {
			break
		}
	}
	if d.shown == 0 && len(records) > 0 {
		d.show = all
		d.one(records[0])
	}
	if len(top) > 0 {
		d.text = appendLine(top, d.text)
	}
	if len(totals) > 0 {
		d.text = appendLine(d.text, totals)
	}
}

func appendLine(b, line []byte) []byte {
	if len(b) > 0 {
		b = append(b, '\n')
	}
	return append(b, line...)
}

// fewest is the number of records from which on something is said once for all.
const fewest = 3

// hoist returns a line with the fields that are the same in all records, and takes
// them out of what is shown of each.
func (d *body) hoist(records []record) []byte {
	if len(records) < fewest || d.spec.Show == nil || records[0].members == nil {
		return nil
	}
	w := &writer{limit: wide, most: d.budget / 100}
	var rest []closekit.ShowField
	var same []closekit.ShowField
	for _, f := range d.spec.Show {
		v := find(records[0].members, f.Name)
		if f.Name == "id" || empty(v) || v[0] == '[' || v[0] == '{' || len(v) > 100 ||
			slices.ContainsFunc(records[1:], func(r record) bool { return !bytes.Equal(find(r.members, f.Name), v) }) {
			rest = append(rest, f)
		} else {
			same = append(same, f)
		}
	}
	if len(same) == 0 || !w.object(records[0].members, same, "") {
		return nil
	}
	d.show = rest
	return append([]byte("All of them: "), w.b...)
}

// group returns the name of an id that many records share with the one before, such as
// that of their lead, and takes it out of what is shown of each; "" if there is none.
func (d *body) group(records []record) string {
	if len(records) < fewest || d.show == nil {
		return ""
	}
	best, least := -1, len(records)*2/3+1
	for i, f := range d.show {
		if !strings.HasSuffix(f.Name, "_id") {
			continue
		}
		runs := 0
		var last []byte
		for _, r := range records {
			v := find(r.members, f.Name)
			if !isID(v) {
				runs = len(records)
				break
			}
			if !bytes.Equal(v, last) {
				runs++
			}
			last = v
		}
		if runs < least {
			best, least = i, runs
		}
	}
	if best < 0 {
		return ""
	}
	name := d.show[best].Name
	d.show = slices.Delete(slices.Clone(d.show), best, best+1)
	return name
}

// isID reports whether raw is a text of letters, digits and underscores.
func isID(raw []byte) bool {
	if len(raw) < 3 || len(raw) > 100 || raw[0] != '"' {
		return false
	}
	return !slices.ContainsFunc(raw[1:len(raw)-1], func(c byte) bool { return c != '_' && !alnum(c) })
}

// columns returns the fields of a table: those that any record has, if that is so few
// and so nearly all of them have that a table is shorter. Otherwise it returns nil, and
// every record names its fields.
func (d *body) columns(records []record) []closekit.ShowField {
	const most = 8
	if len(records) < fewest || d.show == nil {
		return nil
	}
	var columns []closekit.ShowField
	filled := 0
	for _, f := range d.show {
		n := 0
		for _, r := range records {
			if name, raw, _ := pick(r.members, f); !empty(raw) && !secret(name) {
				n++
			}
		}
		if n > 0 {
			columns = append(columns, f)
			filled += n
		}
	}
	if len(columns) < 2 || len(columns) > most || filled*4 < len(columns)*len(records)*3 {
		return nil
	}
	return columns
}

// header names the columns of a table.
func header(columns []closekit.ShowField) []byte {
	b := []byte("Columns: [")
	for i, f := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		name, _, _ := strings.Cut(f.Name, ".")
		b, _ = appendText(b, name, 100)
	}
	return append(b, ']')
}

// row writes a record as a line of a table: a list of the values in the order of the
// columns, null for what it does not have, without those at the end.
func (w *writer) row(list []member, columns []closekit.ShowField) {
	w.b = append(w.b, '[')
	end := len(w.b)
	for i, f := range columns {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		name, raw, path := pick(list, f)
		switch {
		case len(w.b)-w.start > w.most:
			w.gone++
		case !empty(raw) && w.value(raw, f, path, name, ""):
			end = len(w.b)
			continue
		}
		w.b = append(w.b, "null"...)
	}
	w.b = append(w.b[:end], ']')
}
