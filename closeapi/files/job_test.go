package files

import (
	"reflect"
	"testing"

	"github.com/closekit/closekit/closeapi/tools"
)

// TestExportJob compares what is waited for with the operation of the manifest.
func TestExportJob(t *testing.T) {
	t.Parallel()
	tool, err := tools.Lookup(exportJob.Tool)
	if err != nil {
		t.Fatal(err)
	}
	if want := tool.Operation(); !reflect.DeepEqual(&exportJob, want) {
		t.Errorf("got %+v with %+v\nwant %+v with %+v", exportJob, exportJob.Waits, *want, want.Waits)
	}
}
