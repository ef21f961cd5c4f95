// Package crm describes the resources of Close to the engine of package rest: their
// fields and what is special about their behavior, one file per resource.
package crm
