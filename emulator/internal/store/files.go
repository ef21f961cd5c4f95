package store

import "time"

// How long a file can be uploaded after the permission was given, and how long it can
// be attached to something afterward.
const (
	UploadTime = time.Minute
	AttachTime = 24 * time.Hour
)

// File is an uploaded or exported file, or the permission to upload one.
type File struct {
	Organization, User string
	Key                string // in the storage
	Name, ContentType  string
	Encoding           string // of Data; empty for none
	Secret             string // signs the form and the links
	Issued             time.Time
	Uploaded           time.Time // zero until then
	Data               []byte
	Attached           bool // stays
}

// Usable reports whether the file was uploaded and is still there.
func (f *File) Usable(now time.Time) bool {
	return !f.Uploaded.IsZero() && (f.Attached || now.Before(f.Uploaded.Add(AttachTime)))
}

// AddFile adds the permission to upload a file, and forgets files that nothing is
// attached to.
func (st *State) AddFile(f *File) {
	for key, old := range st.Files {
		if !old.Usable(f.Issued) && f.Issued.After(old.Issued.Add(UploadTime)) {
			delete(st.Files, key)
		}
	}
	st.Files[f.Key] = f
}
