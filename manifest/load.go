package manifest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/closekit/closekit/internal/bom"
)

// maxFile is how large one manifest file may be; the largest of ours has a
// fortieth of it. maxEntries is how long one mapping or list may be. Both keep
// what compares every name with every other quick.
const (
	maxFile    = 1 << 20
	maxEntries = 2000
)

// Document is a manifest as written: one or more layers of files. The first
// layer stands on its own; later ones add to it.
type Document struct {
	layers [][]file
}

type file struct {
	name string
	root *yaml.Node // a mapping
}

// Load reads the *.yaml files of each file system and of its folders, in the
// order of their names whatever the folder. The first is the manifest; the
// others are additions. The error is a [Problems] when the files are at fault.
func Load(layers ...fs.FS) (*Document, error) {
	doc := &Document{}
	var ps Problems
	seen := map[string]string{} // name to path
	for _, fsys := range layers {
		paths, err := yamlFiles(fsys)
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		var files []file
		for _, p := range paths {
			if first, ok := seen[path.Base(p)]; ok {
				ps.add(Pos{File: p}, "rename it; a new file adds to the manifest", "a file of this name is already in the manifest: %s", first)
				continue
			}
			seen[path.Base(p)] = p
			root, err := parse(fsys, p, &ps)
			if err != nil {
				return nil, err
			}
			if root != nil {
				files = append(files, spread(file{p, root}, &ps)...)
			}
		}
		if len(files) == 0 && len(ps) == 0 {
			ps.add(Pos{File: "."}, "a manifest is one YAML file per resource and a close.yaml", "no *.yaml file in the manifest folder")
		}
		doc.layers = append(doc.layers, files)
	}
	if len(ps) > 0 {
		return nil, ps.Sorted()
	}
	return doc, nil
}

// yamlFiles lists the paths of the YAML files in the order of their names.
// Folders whose names start with a dot or an underscore are left out, as Go
// leaves them out.
func yamlFiles(fsys fs.FS) ([]string, error) {
	var paths []string
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			if ext := path.Ext(p); ext == ".yaml" || ext == ".yml" {
				paths = append(paths, p)
			}
		case p != "." && strings.ContainsAny(d.Name()[:1], "._"):
			return fs.SkipDir
		}
		return nil
	})
	slices.SortFunc(paths, func(a, b string) int {
		return cmp.Or(cmp.Compare(path.Base(a), path.Base(b)), cmp.Compare(a, b))
	})
	return paths, err
}

const emptyHint = "delete it, or start with resource: NAME"

// parse reads one file into nodes and checks what YAML itself can get wrong.
func parse(fsys fs.FS, name string, ps *Problems) (*yaml.Node, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %s: %w", name, err)
	}
	if len(data) > maxFile {
		ps.add(Pos{File: name}, "split it by resource", "the file is larger than %d MB", maxFile>>20)
		return nil, nil
	}
	if bom.IsUTF16(data) { // the YAML library reads it, but editors, reviewers and Git do not
		ps.add(Pos{File: name}, "save it as UTF-8", "the file is UTF-16")
		return nil, nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var node, second yaml.Node
	if err := safely(func() error { return dec.Decode(&node) }); err != nil {
		if errors.Is(err, io.EOF) {
			ps.add(Pos{File: name}, emptyHint, "the file is empty")
			return nil, nil
		}
		*ps = append(*ps, yamlProblem(name, data, err))
		return nil, nil
	}
	before := len(*ps)
	switch err := safely(func() error { return dec.Decode(&second) }); {
	case err == nil:
		ps.add(Pos{name, second.Line, second.Column}, "use one file per resource", "a second document starts here")
	case !errors.Is(err, io.EOF):
		*ps = append(*ps, yamlProblem(name, data, err))
	}
	root := &node
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		ps.add(Pos{File: name}, emptyHint, "the file is empty")
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		ps.add(Pos{name, root.Line, root.Column}, "a resource file starts with resource: NAME", "a manifest file must be a mapping, not %s", kindName(root))
		return nil, nil
	}
	plain(name, root, ps)
	if len(*ps) > before {
		return nil, nil
	}
	return root, nil
}

// safely turns a panic of the YAML library into an error: the input is a
// user's.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return f()
}

// yamlProblem takes the line out of the library's message, which counts some
// from zero and leaves others out.
func yamlProblem(name string, data []byte, err error) Problem {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if n, _ := fmt.Sscanf(msg, "line %d:", &line); n == 1 {
		_, msg, _ = strings.Cut(msg, ": ")
	}
	hint := ""
	switch {
	case strings.Contains(msg, "mapping values are not allowed"):
		hint = "text with a colon and a space in it must be quoted"
		line = max(line, 1)
	case strings.Contains(msg, "cannot start any token"):
		hint = "indent with spaces, not tabs; quote text that starts with @, ` or %"
		line = max(line, 1)
	case strings.Contains(msg, "did not find expected"):
		hint = "look at the indentation, brackets and quotes of this line and of those before it"
		line++
	case strings.Contains(msg, "unknown anchor"):
		hint = "anchors and aliases are not allowed; quote text that starts with *"
		if _, rest, ok := strings.Cut(msg, "'"); ok {
			alias, _, _ := strings.Cut(rest, "'")
			line = lineOf(data, bytes.Index(data, []byte("*"+alias)))
		}
	case strings.Contains(msg, "control characters"):
		hint = "write it as an escape in double quotes"
		line = lineOf(data, bytes.IndexFunc(data, func(c rune) bool { return unicode.IsControl(c) && c != '\t' && c != '\n' && c != '\r' }))
	}
	pos := Pos{File: name}
	if line > 0 {
		pos.Line, pos.Col = line, 1
	}
	return Problem{pos, "not valid YAML: " + msg, hint}
}

// lineOf counts the lines up to an offset, zero for none.
func lineOf(data []byte, offset int) int {
	if offset < 0 {
		return 0
	}
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// plain reports what YAML allows and a manifest does not: aliases, anchors,
// tags, keys that are not names, repeated keys, and very long mappings.
func plain(name string, n *yaml.Node, ps *Problems) {
	pos := Pos{name, n.Line, n.Column}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		ps.add(pos, "write it out", "anchors and aliases are not allowed")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		ps.add(pos, "leave it out; a number in quotes is a text", "the tag %s is not allowed", n.Tag)
		return
	}
	if len(n.Content) > 2*maxEntries || n.Kind == yaml.SequenceNode && len(n.Content) > maxEntries {
		ps.add(pos, "split it by resource", "%s has more than %d entries", kindName(n), maxEntries)
		return
	}
	if n.Kind == yaml.MappingNode {
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			kpos := Pos{name, k.Line, k.Column}
			if k.Kind != yaml.ScalarNode || k.Tag == "!!null" {
				if k.Kind != yaml.AliasNode { // which is reported below
					ps.add(kpos, "", "a key must be a name, not %s", kindName(k))
				}
				continue
			}
			if k.Tag == "!!merge" {
				ps.add(kpos, "write it out", "merge keys are not allowed")
				continue
			}
			if f := first[k.Value]; f != nil {
				ps.add(kpos, fmt.Sprintf("first at line %d; keep one", f.Line), "key %q is repeated", k.Value)
				continue
			}
			first[k.Value] = k
		}
	}
	for _, c := range n.Content {
		plain(name, c, ps)
	}
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode, yaml.DocumentNode:
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}

// pairs lists the keys and values of a mapping.
func pairs(n *yaml.Node) [][2]*yaml.Node {
	list := make([][2]*yaml.Node, 0, len(n.Content)/2)
	for kv := range slices.Chunk(n.Content, 2) {
		list = append(list, [2]*yaml.Node{kv[0], kv[1]})
	}
	return list
}
