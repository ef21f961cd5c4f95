// Package query reads search texts and query trees, and decides which objects they select:
//
//	acme "acme corp"                words and phrases, all of which must occur
//	a OR b AND not (c d)            not binds more tightly than and, and more than or
//	status:qualified  name = "Acme" a field contains a value, or is equal to it
//	"value" >= 5000  created<2026   comparisons of numbers and times
//	status in ("Won", "Lost")       one of several values, also status:(Won or Lost)
//	has:email  email:*              a field has a value
//	slice:1/10  sort:-created,name  a tenth of the results, and their order
//
// [ParseTree] reads the other form of a query, a tree of objects, into the same nodes.
//
// What it does not understand is an error that names the part, so that no
// mistake looks like an empty result.
package query
