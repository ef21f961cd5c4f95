// Package drift compares a manifest with what else describes the API: a
// specification in OpenAPI, or recorded traffic. It reports what is new, what is
// gone and what is different, and reads nothing but its input.
//
// A manifest says more than most specifications, and traffic shows only what
// happened. So absence counts only where the other side claims to be complete: a
// parameter or a member of a request that a typed schema lacks, or a member of a
// response that the manifest says is always there.
package drift
