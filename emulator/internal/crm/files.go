package crm

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Paths of files: those of the app, which need a credential, and those of the
// storage service, which refuses one.
const (
	FilePath    = "/go/file/"
	StoragePath = "/storage/"
)

func fileResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "files", Model: "File", Authors: rest.AuthorNone,
		Actions: map[string]func(*rest.Call) (any, error){"upload": prepareUpload},
	}}
}

// prepareUpload returns a signed form for one file.
func prepareUpload(c *rest.Call) (any, error) {
	var p rest.Problems
	name, kind := value.String(c.Body["filename"]), value.String(c.Body["content_type"])
	if name == "" {
		p.Add("filename", rest.MsgRequired)
	}
	if kind == "" {
		p.Add("content_type", rest.MsgRequired)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	ids := c.State.IDs
	path := c.User + "/" + ids.Base62(22) + "/"
	f := &store.File{
		Organization: c.Organization, User: c.User, Key: "temporary/user/" + path + name, Name: name, ContentType: kind,
		Secret: ids.Base62(28), Issued: c.Now,
	}
	c.State.AddFile(f)
	app, storage := c.Engine.FileRoots()
	return object{
		"upload": object{"url": storage, "fields": object{
			"AWSAccessKeyId": "AKIAEMULATOREXAMPLE", "Content-Disposition": fmt.Sprintf("inline; filename=%q", name), "Content-Type": kind,
			"key": f.Key, "policy": policyOf(f), "signature": f.Secret, "success_action_status": "201",
		}},
		"download": object{"url": app + FilePath + "temporary/" + path + url.PathEscape(name) + "/"},
	}, nil
}

func policyOf(f *store.File) string {
	return base64.StdEncoding.EncodeToString(value.Encode(object{
		"expiration": value.Stamp(f.Issued.Add(store.UploadTime)), "conditions": []any{object{"key": f.Key}},
	}))
}

// fileOf returns the file that a download URL of the app names, or nil. own reports
// whether the URL is one of a file that was uploaded by the API at all.
func fileOf(st *store.State, text string) (f *store.File, own bool) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, false
	}
	path, ok := strings.CutPrefix(u.Path, FilePath+"temporary/")
	if !ok {
		return nil, false
	}
	return st.Files["temporary/user/"+strings.TrimSuffix(path, "/")], true
}

// UseFile attaches a file and keeps it, or returns what is wrong with its URL. URLs
// from elsewhere pass, because it is unknown what the service does with them.
func UseFile(c *rest.Call, text string) string {
	app, _ := c.Engine.FileRoots()
	if !strings.HasPrefix(text, app+FilePath) {
		return ""
	}
	f, own := fileOf(c.State, text)
	if !own {
		return ""
	}
	if f == nil || f.Organization != c.Organization || !f.Usable(c.Now) {
		return "The file does not exist. Upload it first, within 24 hours."
	}
	f.Attached = true
	return ""
}

// ServeFile redirects a user to a file in the storage. The caller was authenticated.
func ServeFile(c *rest.Call) *rest.Response {
	f, _ := fileOf(c.State, c.Path)
	if f == nil || f.Organization != c.Organization || !f.Usable(c.Now) {
		return rest.Failed(rest.Refuse(http.StatusNotFound, "The file does not exist."))
	}
	res := &rest.Response{Status: http.StatusFound, Header: http.Header{}}
	res.Header.Set("Location", signedLink(c, f, store.UploadTime))
	return res
}

// signedLink returns a link to a file in the storage that is valid for some time and needs
// no credential.
func signedLink(c *rest.Call, f *store.File, valid time.Duration) string {
	_, storage := c.Engine.FileRoots()
	q := url.Values{"Expires": {fmt.Sprint(c.Now.Add(valid).Unix())}, "Signature": {f.Secret}}
	return storage + (&url.URL{Path: f.Key}).EscapedPath() + "?" + q.Encode()
}

// ServeStorage is the storage service: it takes forms and serves signed links. With a
// host of its own it refuses the credentials of Close.
func ServeStorage(st *store.State, now time.Time, in *rest.Request, ownHost bool) *rest.Response {
	if ownHost && in.Header.Get("Authorization") != "" {
		return storageError(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed")
	}
	switch in.Method {
	case http.MethodPost:
		return storeFile(st, now, in)
	case http.MethodGet, http.MethodHead:
		return readFile(st, now, in)
	}
	return storageError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

func storageError(status int, code, text string) *rest.Response {
	res := &rest.Response{Status: status, Header: http.Header{}, Body: []byte("<Error><Code>" + code + "</Code><Message>" + text + "</Message></Error>")}
	res.Header.Set("Content-Type", "application/xml")
	return res
}

// storeFile reads the form up to the file, which is its last field.
func storeFile(st *store.State, now time.Time, in *rest.Request) *rest.Response {
	kind, params, err := mime.ParseMediaType(in.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return storageError(http.StatusPreconditionFailed, "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")
	}
	form, fields := multipart.NewReader(bytes.NewReader(in.Body), params["boundary"]), map[string]string{}
	for {
		part, err := form.NextPart()
		if err != nil {
			return storageError(http.StatusBadRequest, "InvalidArgument", "POST requires exactly one file upload per request.")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return storageError(http.StatusBadRequest, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
		}
		if part.FormName() != "file" {
			fields[part.FormName()] = string(data)
			continue
		}
		f := st.Files[fields["key"]]
		switch {
		case f == nil || fields["policy"] != policyOf(f) || subtle.ConstantTimeCompare([]byte(fields["signature"]), []byte(f.Secret)) != 1:
			return storageError(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
		case !now.Before(f.Issued.Add(store.UploadTime)):
			return storageError(http.StatusForbidden, "AccessDenied", "Invalid according to Policy: Policy expired.")
		case fields["Content-Type"] != f.ContentType || fields["success_action_status"] != "201":
			return storageError(http.StatusForbidden, "AccessDenied", "Invalid according to Policy: Policy Condition failed")
		}
		f.Data, f.Uploaded = data, now
		res := &rest.Response{Status: http.StatusCreated, Header: http.Header{}, Body: []byte("<PostResponse><Key>" + html.EscapeString(f.Key) + "</Key></PostResponse>")}
		res.Header.Set("Content-Type", "application/xml")
		return res
	}
}

func expired(text string, now time.Time) bool {
	at, err := strconv.ParseInt(text, 10, 64)
	return err != nil || now.Unix() > at
}

func readFile(st *store.State, now time.Time, in *rest.Request) *rest.Response {
	path, err := url.PathUnescape(strings.TrimPrefix(in.Path, StoragePath))
	f := st.Files[path]
	switch {
	case err != nil || f == nil || !f.Usable(now):
		return storageError(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	case subtle.ConstantTimeCompare([]byte(in.Query.Get("Signature")), []byte(f.Secret)) != 1:
		return storageError(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case expired(in.Query.Get("Expires"), now):
		return storageError(http.StatusForbidden, "AccessDenied", "Request has expired")
	}
	res := &rest.Response{Status: http.StatusOK, Header: http.Header{}, Body: f.Data}
	res.Header.Set("Content-Type", f.ContentType)
	if f.Encoding != "" {
		res.Header.Set("Content-Encoding", f.Encoding)
	}
	res.Header.Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", f.Name))
	return res
}
