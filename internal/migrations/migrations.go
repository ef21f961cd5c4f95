// Package migrations reads the steps from one version of a database to the
// next, which the stores embed.
package migrations

import "io/fs"

// Steps returns the texts of the files migrations/*.sql, in the order of their
// names: the first makes version 1 of an empty database.
func Steps(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var steps []string
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, string(text))
	}
	return steps, nil
}
