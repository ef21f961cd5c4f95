package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit/internal/bom"
)

// importFile is a file of leads as it was read: rows of CSV, or JSON objects.
type importFile struct {
	hash    string // of the content and of what the columns are
	columns []column
	rows    []importRow
}

// importRow is a row of CSV, or a JSON object.
type importRow struct {
	line    int
	cells   []string
	object  map[string]any
	refusal string
}

// column is a column of CSV.
type column struct {
	name, field string // the field is empty if the column is ignored
	guessed     bool
}

// mostImport is the largest file that is read.
const mostImport = 256 << 20

// readImport reads the file and decides what its columns are.
func (p *program) readImport(name string, f *importFlags) (*importFile, error) {
	if f.decimal != "" && f.decimal != "." && f.decimal != "," {
		return nil, usage("--decimal is a point or a comma", "for example --decimal ,")
	}
	format := f.format
	if format == "" {
		format = map[string]string{".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}[strings.ToLower(filepath.Ext(name))]
	}
	if format != "csv" && format != "jsonl" {
		return nil, usage("whether "+name+" is CSV or JSON lines cannot be seen from its name", "say it with --format csv or --format jsonl")
	}
	if format == "jsonl" && len(f.mapping) > 0 {
		return nil, usage("--map is for CSV", "JSON lines name the fields themselves")
	}
	data, err := readBounded(name)
	if err != nil {
		return nil, &hinted{err, []string{"give a file of CSV or JSON lines"}, exitFailure}
	}
	text, err := bom.Text(data)
	if err != nil {
		return nil, wrongInput(name+": "+err.Error(), "in a spreadsheet, save as \"CSV UTF-8\"")
	}
	if i := invalidUTF8(text); i >= 0 {
		return nil, wrongInput(fmt.Sprintf("%s: line %d is not UTF-8", name, 1+bytes.Count(text[:i], []byte("\n"))),
			"the file is probably in Windows-1252 or Latin-1; in a spreadsheet, save as \"CSV UTF-8\", or convert it: iconv -f WINDOWS-1252 -t UTF-8")
	}
	in := &importFile{}
	if format == "csv" {
		err = in.readCSV(name, text, f.mapping)
	} else {
		in.readLines(text)
	}
	if err != nil {
		return nil, err
	}
	if len(in.rows) == 0 {
		return nil, wrongInput(name+" has no leads", "the first line of CSV names the columns, the leads follow")
	}
	sum := sha256.New()
	_, _ = sum.Write(data) // it never fails
	fmt.Fprint(sum, in.columns, f.decimal)
	in.hash = hex.EncodeToString(sum.Sum(nil))
	return in, nil
}

func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(file, mostImport+1))
	if err == nil && len(data) > mostImport {
		err = fmt.Errorf("%s is larger than 256 MB; split it", name)
	}
	return data, err
}

// invalidUTF8 returns where a text is not UTF-8, or -1.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func (in *importFile) readCSV(name string, text []byte, mapping []string) error {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return wrongInput(name+" is empty", "the first line of CSV names the columns")
	}
	if err != nil {
		return wrongInput(fmt.Sprintf("%s: %v", name, err), "the first line of CSV names the columns")
	}
	if in.columns, err = columnsOf(header, mapping); err != nil {
		return err
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil { // what follows may be read wrongly
			return wrongInput(fmt.Sprintf("%s: %v", name, err), "a quote inside of a quoted cell is written twice")
		}
		line, _ := r.FieldPos(0)
		row := importRow{line: line, cells: cells}
		if len(cells) != len(header) {
			row.refusal = fmt.Sprintf("it has %d cells, the first line has %d", len(cells), len(header))
		}
		in.rows = append(in.rows, row)
	}
}

// separator returns what separates the cells: spreadsheets of some languages write
// semicolons.
func separator(text []byte) rune {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	best, most := ',', bytes.Count(first, []byte(","))
	for _, sep := range ";\t" {
		if n := bytes.Count(first, []byte(string(sep))); n > most {
			best, most = sep, n
		}
	}
	return best
}

func (in *importFile) readLines(text []byte) {
	line := 0
	for raw := range bytes.Lines(text) {
		line++
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			continue
		}
		row := importRow{line: line}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		err := d.Decode(&row.object)
		switch {
		case err != nil:
			row.refusal = "it is not a JSON object: " + err.Error()
		case row.object == nil:
			row.refusal = "it is null"
		case d.More():
			row.refusal = "something follows the JSON object"
		}
		in.rows = append(in.rows, row)
	}
}

// fieldNames are the fields that a column can be, besides custom fields.
var fieldNames = []string{
	"name", "description", "url", "status", "address.label", "address.address_1", "address.address_2", "address.city", "address.state", "address.zipcode", "address.country",
	"contact.name", "contact.first_name", "contact.last_name", "contact.title", "contact.email", "contact.phone", "contact.url",
}

// guesses are what columns of these names usually are, without what is neither a letter
// nor a digit.
var guesses = map[string]string{
	"company": "name", "companyname": "name", "account": "name", "accountname": "name", "organization": "name", "lead": "name", "leadname": "name", "firm": "name", "business": "name",
	"description": "description", "website": "url", "web": "url", "url": "url", "domain": "url", "companywebsite": "url", "status": "status", "leadstatus": "status", "statuslabel": "status",
	"street": "address.address_1", "address": "address.address_1", "address1": "address.address_1", "address2": "address.address_2", "city": "address.city", "town": "address.city",
	"state": "address.state", "region": "address.state", "zip": "address.zipcode", "zipcode": "address.zipcode", "postalcode": "address.zipcode", "postcode": "address.zipcode",
	"country": "address.country", "countrycode": "address.country",
	"contact": "contact.name", "contactname": "contact.name", "fullname": "contact.name", "person": "contact.name", "firstname": "contact.first_name", "givenname": "contact.first_name",
	"lastname": "contact.last_name", "surname": "contact.last_name", "familyname": "contact.last_name", "title": "contact.title", "jobtitle": "contact.title", "position": "contact.title", "role": "contact.title",
	"email": "contact.email", "emailaddress": "contact.email", "mail": "contact.email", "workemail": "contact.email", "contactemail": "contact.email",
	"phone": "contact.phone", "phonenumber": "contact.phone", "telephone": "contact.phone", "tel": "contact.phone", "mobile": "contact.phone", "contactphone": "contact.phone",
}

// columnsOf decides what columns are: what the user says, else what their names say.
func columnsOf(header, mapping []string) ([]column, error) {
	said := map[string]string{}
	for _, m := range mapping {
		name, field, ok := strings.Cut(m, "=")
		if !ok || !slices.Contains(header, name) {
			return nil, usage(fmt.Sprintf("--map %q names no column", shorten(m)), "it is COLUMN=FIELD; the columns are "+strings.Join(header, ", "))
		}
		said[name] = field
	}
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f {
				return r
			}
			return -1
		}, strings.ToLower(s))
	}
	hasCompany := slices.ContainsFunc(header, func(name string) bool {
		field, ok := said[name]
		return ok && field == "name" || !ok && guesses[plain(name)] == "name"
	})
	taken := map[string]string{}
	columns := make([]column, len(header))
	for i, name := range header {
		c := column{name: name}
		field, ok := said[name]
		lower := strings.ToLower(strings.TrimSpace(name))
		switch {
		case ok:
			c.field = field
		case slices.Contains(fieldNames, lower) && lower != "name", isCustom(name):
			c.field = strings.TrimSpace(name)
			if !isCustom(name) {
				c.field = lower
			}
		case plain(name) == "name" && hasCompany:
			c.field, c.guessed = "contact.name", true
		case plain(name) == "name":
			c.field, c.guessed = "name", true
		default:
			c.field, c.guessed = guesses[plain(name)], true
		}
		if c.field != "" && !isCustom(c.field) && !slices.Contains(fieldNames, c.field) {
			return nil, usage(fmt.Sprintf("--map: %q is no field", c.field), "the fields are "+strings.Join(fieldNames, ", ")+", and custom.NAME")
		}
		if other, twice := taken[c.field]; twice && c.field != "" {
			return nil, usage(fmt.Sprintf("the columns %q and %q would both be %s", other, name, c.field), "say what one of them is with --map, or ignore it: --map \""+name+"=\"")
		}
		taken[c.field] = name
		columns[i] = c
	}
	if _, ok := taken["name"]; !ok {
		return nil, usage("no column is the name of the lead", "say which is with --map \"COLUMN=name\"; the columns are "+strings.Join(header, ", "))
	}
	return columns, nil
}

func isCustom(field string) bool {
	return strings.HasPrefix(field, "custom.") || strings.HasPrefix(field, "contact.custom.")
}
