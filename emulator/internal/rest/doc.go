// Package rest is the engine of the emulated REST API: it validates, stores, lists,
// changes and deletes objects by the description of their resource, and logs
// events. It knows no resource of Close; package crm describes them.
package rest
